//! The loops of a direct convolution: a block of output channels by a few vectors of outputs, held in registers while
//! the input channels and the taps go by.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::frame::{Frame, Source};
use super::pack::{Block, blocks};
use super::planes::{Channel, PlanesMut};
use super::runs::{Run, Vectors, computed_width};
use crate::buffer::Scratch;
use crate::simd::{dispatch, load, load_halves, shape, store, store_halves};

/// Numbers of the frames of a piece of work: it is to stay in the second-level cache.
const MOST_FRAME: usize = 96 * 1024;

/// Weights, in numbers, from which on a piece takes more images, so that they are read less often.
const MANY_WEIGHTS: usize = 128 * 1024;

/// Multiplications below which a convolution stays on its thread.
const LEAST_PARALLEL: usize = 256 * 1024;

/// Outputs on a grid of places: `start + i · step` on each axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) size: [usize; 2],
    pub(super) start: [usize; 2],
    pub(super) step: [usize; 2],
}

/// A sum over taps and input channels at each output of a grid: `Σ weight · source[stride · i + tap]`.
pub(super) struct Direct<'a> {
    pub(super) batch: usize,
    pub(super) groups: usize,
    /// Channels of the input that a group has.
    pub(super) inputs: usize,
    /// Channels of the output that a group has.
    pub(super) outputs: usize,
    pub(super) source: Source<'a>,
    pub(super) stride: [usize; 2],
    pub(super) taps: &'a [[isize; 2]],
    pub(super) grid: Grid,
    /// Packed by [`pack`](super::pack::pack).
    pub(super) weight: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) relu: bool,
}

/// Some rows of some images, for one group of channels.
#[derive(Clone, Copy, Debug)]
struct Piece {
    group: usize,
    first_image: usize,
    images: usize,
    first_row: usize,
    rows: usize,
}

impl Direct<'_> {
    /// Computes every output of the grid.
    pub(super) fn run(&self, output: &PlanesMut<'_>) {
        let [height, width] = self.grid.size;
        if self.batch == 0 || height == 0 || width == 0 {
            return;
        }
        let pieces = self.pieces();
        let numbers = self.batch * self.groups * self.outputs * height * width;
        if pieces.len() == 1 || numbers * self.inputs * self.taps.len().max(1) < LEAST_PARALLEL {
            let mut scratch = Scratch::default();
            pieces.iter().for_each(|piece| self.compute(*piece, output, &mut scratch));
        } else {
            pieces.par_iter().for_each_init(Scratch::default, |scratch, piece| self.compute(*piece, output, scratch));
        }
    }

    /// Cuts the work: rows of an image whose frame is large, several images whose frames are small.
    fn pieces(&self) -> Vec<Piece> {
        let [height, width] = self.grid.size;
        let width = computed_width(width, shape().0);
        let numbers = |rows: usize| self.inputs * Frame::new(self.taps, self.stride, rows, width).channel();
        let most_rows = (1..=height).rev().find(|rows| numbers(*rows) <= MOST_FRAME).unwrap_or(1);
        let bands = height.div_ceil(most_rows);
        let rows = height.div_ceil(bands);
        let images = if bands > 1 {
            1
        } else {
            let least_pieces = if self.weight.len() >= MANY_WEIGHTS { 2 } else { 8 };
            (MOST_FRAME / numbers(height).max(1)).clamp(1, self.batch.div_ceil(least_pieces))
        };
        let mut pieces = vec![];
        for group in 0..self.groups {
            for first_image in (0..self.batch).step_by(images) {
                for first_row in (0..height).step_by(rows) {
                    let (images, rows) = (images.min(self.batch - first_image), rows.min(height - first_row));
                    pieces.push(Piece { group, first_image, images, first_row, rows });
                }
            }
        }
        pieces
    }

    fn compute(&self, piece: Piece, output: &PlanesMut<'_>, scratch: &mut Scratch) {
        let lanes = shape().0;
        let width = self.grid.size[1];
        let frame = Frame::new(self.taps, self.stride, piece.rows, computed_width(width, lanes));
        let image_frame = self.inputs * frame.channel();
        // Vectors of outputs that are dropped read past the last frame.
        let numbers = piece.images * image_frame + lanes;
        let scratch = scratch.of(numbers);
        for image in 0..piece.images {
            for input in 0..self.inputs {
                let place = image * image_frame + input * frame.channel();
                let channel = piece.group * self.inputs + input;
                let frame_of_channel = &mut scratch[place..place + frame.channel()];
                frame.fill(self.source, piece.first_image + image, channel, piece.first_row, frame_of_channel);
            }
        }
        scratch[piece.images * image_frame..numbers].fill(0.0);
        let taps: Vec<usize> = self.taps.iter().map(|tap| frame.tap(*tap)).collect();
        let vectors = Vectors::new(&frame, piece.images, image_frame, piece.rows, width, lanes);
        dispatch(Loops { direct: self, piece, frames: &scratch[..numbers], channel: frame.channel(), taps: &taps, vectors: &vectors, output });
    }
}

struct Loops<'a> {
    direct: &'a Direct<'a>,
    piece: Piece,
    frames: &'a [f32],
    /// From a channel's frame to the next.
    channel: usize,
    taps: &'a [usize],
    vectors: &'a Vectors,
    output: &'a PlanesMut<'a>,
}

impl WithSimd for Loops<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let direct = self.direct;
        let group_weights = direct.outputs * direct.inputs * self.taps.len();
        let mut weight = &direct.weight[self.piece.group * group_weights..][..group_weights];
        for block in blocks(direct.outputs) {
            let (of_block, rest) = weight.split_at(block.size * direct.inputs * self.taps.len());
            weight = rest;
            match (block.size, self.vectors.halves) {
                (8, false) => self.block::<S, 8, false>(simd, block, of_block),
                (4, false) => self.block::<S, 4, false>(simd, block, of_block),
                (2, false) => self.block::<S, 2, false>(simd, block, of_block),
                (_, false) => self.block::<S, 1, false>(simd, block, of_block),
                (8, true) => self.block::<S, 8, true>(simd, block, of_block),
                (4, true) => self.block::<S, 4, true>(simd, block, of_block),
                (2, true) => self.block::<S, 2, true>(simd, block, of_block),
                (_, true) => self.block::<S, 1, true>(simd, block, of_block),
            }
        }
    }
}

impl Loops<'_> {
    /// All outputs of a block of channels.
    #[inline(always)]
    fn block<S: Simd, const OUTPUTS: usize, const HALVES: bool>(&self, simd: S, block: Block, weight: &[f32]) {
        let first = self.piece.group * self.direct.outputs + block.first;
        let bias: [f32; OUTPUTS] =
            std::array::from_fn(|output| self.direct.bias.map_or(0.0, |bias| bias[first + output]));
        let channels: [Channel; OUTPUTS] = std::array::from_fn(|output| self.output.channel(first + output));
        let mut vectors = &self.vectors.list[..];
        while !vectors.is_empty() {
            // Four are two and two, not three and a lonely one.
            let count = match vectors.len() {
                4 => 2,
                many if OUTPUTS <= 2 && many >= 6 => 6,
                many => many.min(3),
            };
            let (tile, rest) = vectors.split_at(count);
            vectors = rest;
            match count {
                6 => self.tile::<S, OUTPUTS, 6, HALVES>(simd, tile, weight, bias, channels),
                3 => self.tile::<S, OUTPUTS, 3, HALVES>(simd, tile, weight, bias, channels),
                2 => self.tile::<S, OUTPUTS, 2, HALVES>(simd, tile, weight, bias, channels),
                _ => self.tile::<S, OUTPUTS, 1, HALVES>(simd, tile, weight, bias, channels),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const OUTPUTS: usize, const VECTORS: usize, const HALVES: bool>(
        &self,
        simd: S,
        tile: &[[Run; 2]],
        weight: &[f32],
        bias: [f32; OUTPUTS],
        channels: [Channel; OUTPUTS],
    ) {
        assert_eq!(weight.len(), self.direct.inputs * self.taps.len() * OUTPUTS);
        let mut sums: [[S::f32s; VECTORS]; OUTPUTS] =
            std::array::from_fn(|output| [simd.splat_f32s(bias[output]); VECTORS]);
        let starts: [[usize; 2]; VECTORS] = std::array::from_fn(|vector| tile[vector].map(|run| run.input));
        let mut weight = weight.as_ptr();
        let mut frame = self.frames.as_ptr();
        for _ in 0..self.direct.inputs {
            for tap in self.taps {
                // SAFETY: a run's taps lie in the frame of its channel, or, where its outputs are dropped, at most a
                // vector past it; the frames end with room for that. The weights were counted above.
                unsafe {
                    let place = frame.add(*tap);
                    let inputs: [S::f32s; VECTORS] = std::array::from_fn(|vector| {
                        let [low, high] = starts[vector];
                        if HALVES {
                            load_halves(simd, place.add(low), place.add(high))
                        } else {
                            load(simd, place.add(low))
                        }
                    });
                    for (output, sums) in sums.iter_mut().enumerate() {
                        let factor = simd.splat_f32s(*weight.add(output));
                        for (sum, input) in sums.iter_mut().zip(inputs) {
                            *sum = simd.mul_add_e_f32s(input, factor, *sum);
                        }
                    }
                    weight = weight.add(OUTPUTS);
                }
            }
            // SAFETY: one channel further, or at the end of the frames.
            frame = unsafe { frame.add(self.channel) };
        }
        let zero = simd.splat_f32s(0.0);
        for (sums, channel) in sums.into_iter().zip(channels) {
            for (sum, runs) in sums.into_iter().zip(tile) {
                let sum = if self.direct.relu { simd.max_f32s(zero, sum) } else { sum };
                self.write::<S, HALVES>(simd, sum, runs, channel);
            }
        }
    }

    #[inline(always)]
    fn write<S: Simd, const HALVES: bool>(&self, simd: S, sum: S::f32s, runs: &[Run; 2], channel: Channel) {
        let grid = &self.direct.grid;
        let size = if HALVES { S::F32_LANES / 2 } else { S::F32_LANES };
        let width = self.output.size[1];
        let places = runs.map(|run| {
            let image = (self.piece.first_image + run.image) * channel.next_image;
            let row = grid.start[0] + (self.piece.first_row + run.row) * grid.step[0];
            image + row * width + grid.start[1] + run.column * grid.step[1]
        });
        let whole = grid.step[1] == 1 && runs[0].len == size && (!HALVES || runs[1].len == size);
        // SAFETY: the runs' outputs lie in the planes of their channel, and in no other piece.
        unsafe {
            let [low, high] = places.map(|place| channel.first.wrapping_add(place));
            match (whole, HALVES) {
                (true, false) => store(simd, low, sum),
                (true, true) => store_halves(simd, low, high, sum),
                _ => {
                    let numbers: &[f32] = bytemuck::cast_slice(std::slice::from_ref(&sum));
                    for (run, (numbers, place)) in runs.iter().zip(numbers.chunks_exact(size).zip([low, high])) {
                        for (at, number) in numbers[..run.len].iter().enumerate() {
                            *place.add(at * grid.step[1]) = *number;
                        }
                    }
                }
            }
        }
    }
}
