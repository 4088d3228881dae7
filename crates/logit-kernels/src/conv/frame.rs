//! Frames: the rows that a piece of work reads, with zeros around, each tap of the kernel a run at a fixed offset.

use std::ops::Range;

use super::planes::Planes;
use crate::simd::vectorized;

/// Where a frame's numbers come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) planes: &'a Planes<'a>,
    /// Numbers whose fellow here is not above 0 are read as 0; for a stride of 1.
    pub(super) mask: Option<&'a Planes<'a>>,
}

/// The shape of a frame of some output rows of an image.
///
/// A row of the source is stored by the stride's phases: its number `x` at `x % stride`, `x / stride`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The row and column of the source at which the frame begins, when the first output row is row 0.
    begin: [isize; 2],
    /// Rows of the source from one output row to the next, and columns.
    stride: [usize; 2],
    /// Rows of the frame.
    rows: usize,
    /// Columns of a phase.
    phase: usize,
}

impl Frame {
    /// The frame of `rows` output rows, of which each computes `width` outputs.
    pub(super) fn new(taps: &[[isize; 2]], stride: [usize; 2], rows: usize, width: usize) -> Self {
        let least = |axis: usize| taps.iter().map(|tap| tap[axis]).min().unwrap_or(0);
        let most = |axis: usize| taps.iter().map(|tap| tap[axis]).max().unwrap_or(0);
        let begin = [least(0), least(1)];
        let reach = [0, 1].map(|axis| (most(axis) - begin[axis]) as usize);
        Self {
            begin,
            stride,
            rows: (rows - 1) * stride[0] + reach[0] + 1,
            phase: width + reach[1] / stride[1],
        }
    }

    /// From a row to the next.
    fn row(&self) -> usize {
        self.phase * self.stride[1]
    }

    /// Numbers of a channel.
    pub(super) fn channel(&self) -> usize {
        self.rows * self.row()
    }

    /// The offset of an output's first tap.
    pub(super) fn place(&self, row: usize, column: usize) -> usize {
        row * self.stride[0] * self.row() + column
    }

    /// The offset of a tap from the first.
    pub(super) fn tap(&self, tap: [isize; 2]) -> usize {
        let [y, x] = [0, 1].map(|axis| (tap[axis] - self.begin[axis]) as usize);
        y * self.row() + x % self.stride[1] * self.phase + x / self.stride[1]
    }

    /// Copies what the output rows from `first_row` on read of channels of images, to `[image][channel]`, and zeros after
    /// them.
    pub(super) fn fill_all(
        &self,
        source: Source<'_>,
        images: Range<usize>,
        channels: Range<usize>,
        first_row: usize,
        frames: &mut [f32],
    ) {
        let (whole, rest) = frames.split_at_mut(images.len() * channels.len() * self.channel());
        rest.fill(0.0);
        let of_image = channels.len() * self.channel();
        for (image, frames) in images.zip(whole.chunks_exact_mut(of_image)) {
            for (channel, frame) in channels.clone().zip(frames.chunks_exact_mut(self.channel())) {
                vectorized(
                    #[inline(always)]
                    || self.fill(source, image, channel, first_row, frame),
                );
            }
        }
    }

    /// Copies the rows that the output rows from `first_row` on read, of a channel of an image.
    #[inline(always)]
    fn fill(&self, source: Source<'_>, image: usize, channel: usize, first_row: usize, frame: &mut [f32]) {
        let [height, width] = source.planes.size;
        let plane = source.planes.plane(image, channel);
        let mask = source.mask.map(|mask| mask.plane(image, channel));
        for (row, frame) in frame.chunks_exact_mut(self.row()).enumerate() {
            let y = (first_row * self.stride[0] + row) as isize + self.begin[0];
            match usize::try_from(y) {
                Ok(y) if y < height => {
                    let range = y * width..(y + 1) * width;
                    self.fill_row(&plane[range.clone()], mask.map(|mask| &mask[range]), frame);
                }
                _ => frame.fill(0.0),
            }
        }
    }

    #[inline(always)]
    fn fill_row(&self, row: &[f32], mask: Option<&[f32]>, frame: &mut [f32]) {
        for (phase, frame) in frame.chunks_exact_mut(self.phase).enumerate() {
            // The frame's column `i` of this phase is the source's `first + i · stride`.
            let first = self.begin[1] + phase as isize;
            let stride = self.stride[1];
            let before = usize::try_from(-first).unwrap_or(0).div_ceil(stride).min(frame.len());
            let start = (first + (before * stride) as isize) as usize;
            let count = row.len().saturating_sub(start).div_ceil(stride).min(frame.len() - before);
            let (left, rest) = frame.split_at_mut(before);
            let (middle, right) = rest.split_at_mut(count);
            left.fill(0.0);
            right.fill(0.0);
            if count == 0 {
                continue;
            }
            take_each(&row[start..], stride, middle);
            if let Some(mask) = mask {
                hide(middle, &mask[start..start + count]);
            }
        }
    }
}

/// Writes 0 over the numbers whose fellow in the mask is 0 or below; NaN lets its fellow through, as the rectifier does.
#[inline(always)]
pub(super) fn hide(numbers: &mut [f32], mask: &[f32]) {
    numbers
        .iter_mut()
        .zip(mask)
        .for_each(|(number, mask)| *number = if *mask <= 0.0 { 0.0 } else { *number });
}

/// Copies every `stride`-th number.
#[inline(always)]
fn take_each(from: &[f32], stride: usize, to: &mut [f32]) {
    match stride {
        1 => to.copy_from_slice(&from[..to.len()]),
        2 => {
            let (pairs, rest) = from.as_chunks::<2>();
            to.iter_mut().zip(pairs).for_each(|(to, [from, _])| *to = *from);
            if let (Some(to), [from]) = (to.get_mut(pairs.len()), rest) {
                *to = *from;
            }
        }
        _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
    }
}
