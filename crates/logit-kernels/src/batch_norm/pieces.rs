//! How a channel is cut into pieces, and what is done to each.

use std::ops::Range;

use super::Shape;
use super::sums::{BLOCK, Line, Moments, Slope};
use crate::parallel::map_items;
use crate::place::SharedPlace;

/// Numbers of a plane that are one piece of work at most.
pub(super) const LONGEST_PIECE: usize = 32 * 1024;

impl Shape {
    pub(super) fn check(&self, len: usize) {
        assert_eq!(len, self.batch * self.channels * self.inner, "numbers, and {self:?}");
    }

    pub(super) fn map_channels<R: Send>(self, work: impl Fn(Planes) -> R + Sync) -> Vec<R> {
        map_items(self.channels, self.batch * self.inner, |channel| work(Planes { shape: self, channel }))
    }
}

/// The planes of one channel, cut into pieces.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    shape: Shape,
    pub(super) channel: usize,
}

impl Planes {
    /// The results of `work` for the pieces, in order.
    pub(super) fn map<R: Send>(self, work: impl Fn(Piece) -> R + Sync) -> Vec<R> {
        let Shape { batch, channels, inner } = self.shape;
        if inner == 0 {
            return Vec::new();
        }
        let stride = channels * inner;
        let first = self.channel * inner;
        if inner >= BLOCK {
            let cuts = inner.div_ceil(LONGEST_PIECE);
            return map_items(batch * cuts, inner.min(LONGEST_PIECE), |piece| {
                let within = piece % cuts * LONGEST_PIECE;
                let start = first + piece / cuts * stride + within;
                work(Piece { start, runs: 1, len: LONGEST_PIECE.min(inner - within), stride })
            });
        }
        let planes = BLOCK / inner;
        map_items(batch.div_ceil(planes), planes * inner, |piece| {
            let plane = piece * planes;
            work(Piece { start: first + plane * stride, runs: planes.min(batch - plane), len: inner, stride })
        })
    }
}

/// A part of a channel: a piece of a plane, or some whole planes that are a block at most together.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    start: usize,
    /// How many runs of numbers there are,
    runs: usize,
    /// how long each is,
    len: usize,
    /// and how far from one's start to the next's.
    stride: usize,
}

impl Piece {
    #[inline(always)]
    fn runs(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.runs).map(move |run| {
            let start = self.start + run * self.stride;
            start..start + self.len
        })
    }

    /// The piece's numbers side by side: where they are, or else copied to `block`.
    #[inline(always)]
    fn gathered<'a>(self, numbers: &'a [f32], block: &'a mut [f32; BLOCK]) -> &'a [f32] {
        if self.runs == 1 {
            return &numbers[self.start..self.start + self.len];
        }
        for (run, to) in self.runs().zip(block.chunks_exact_mut(self.len)) {
            to.copy_from_slice(&numbers[run]);
        }
        &block[..self.runs * self.len]
    }

    #[inline(always)]
    pub(super) fn moments(self, x: &[f32]) -> Moments {
        Moments::of(self.gathered(x, &mut [0.0; BLOCK]))
    }

    /// # Safety
    /// The piece lies in the place, and nobody else touches what it covers.
    #[inline(always)]
    pub(super) unsafe fn write(self, line: Line, place: SharedPlace<'_>, relu: bool) {
        for run in self.runs() {
            // SAFETY: the caller vouches for it.
            line.write(unsafe { place.piece(run.start, run.len()) }, relu);
        }
    }

    /// # Safety
    /// As for `write`.
    #[inline(always)]
    pub(super) unsafe fn gradient_sums(
        self,
        line: Line,
        x: &[f32],
        gradient: SharedPlace<'_>,
        relu: bool,
    ) -> [f64; 2] {
        let (mut block, mut gradient_block) = ([0.0; BLOCK], [0.0; BLOCK]);
        if self.runs == 1 {
            // SAFETY: the caller vouches for it.
            let gradient = unsafe { gradient.piece(self.start, self.len) };
            return line.gradient_sums(self.gathered(x, &mut block), gradient.from(), relu);
        }
        for (run, to) in self.runs().zip(gradient_block.chunks_exact_mut(self.len)) {
            // SAFETY: as above.
            to.copy_from_slice(unsafe { gradient.piece(run.start, run.len()) }.from());
        }
        line.gradient_sums(self.gathered(x, &mut block), &gradient_block[..self.runs * self.len], relu)
    }

    /// # Safety
    /// As for `write`.
    #[inline(always)]
    pub(super) unsafe fn write_gradient(
        self,
        line: Line,
        x: &[f32],
        gradient: SharedPlace<'_>,
        slope: Slope,
        relu: bool,
    ) {
        for run in self.runs() {
            // SAFETY: the caller vouches for it.
            let piece = unsafe { gradient.piece(run.start, run.len()) };
            line.write_gradient(&x[run], piece, slope, relu);
        }
    }
}
