//! The loops of a direct convolution: a block of outputs by a few vectors of places, held in registers while the input
//! channels and the taps go by.

use pulp::{Simd, WithSimd};

use super::direct::{Direct, Piece};
use super::pack::Block;
use super::planes::{Channel, PlanesMut};
use super::runs::{Run, Vectors, load_runs};
use crate::simd::{store, store_halves};

pub(super) struct Loops<'a> {
    pub(super) direct: &'a Direct<'a>,
    pub(super) piece: Piece,
    /// The frames, `[image][channel]`, and room for a vector after them.
    pub(super) frames: &'a [f32],
    /// From a channel's frame to the next.
    pub(super) channel: usize,
    /// The offset of each tap in a frame.
    pub(super) taps: &'a [usize],
    pub(super) vectors: &'a Vectors,
    pub(super) output: &'a PlanesMut<'a>,
}

impl WithSimd for Loops<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for block in self.direct.blocks(self.piece) {
            match (block.size, self.vectors.halves) {
                (8, false) => self.block::<S, 8, false>(simd, *block),
                (4, false) => self.block::<S, 4, false>(simd, *block),
                (2, false) => self.block::<S, 2, false>(simd, *block),
                (_, false) => self.block::<S, 1, false>(simd, *block),
                (8, true) => self.block::<S, 8, true>(simd, *block),
                (4, true) => self.block::<S, 4, true>(simd, *block),
                (2, true) => self.block::<S, 2, true>(simd, *block),
                (_, true) => self.block::<S, 1, true>(simd, *block),
            }
        }
    }
}

/// What a block computes.
struct Targets<'a, const OUTPUTS: usize> {
    channels: [Channel; OUTPUTS],
    bias: [f32; OUTPUTS],
    /// `[input][tap][output]`.
    weight: &'a [[f32; OUTPUTS]],
}

impl Loops<'_> {
    /// All outputs of a block.
    #[inline(always)]
    fn block<S: Simd, const OUTPUTS: usize, const HALVES: bool>(&self, simd: S, block: Block) {
        let targets: [(Channel, f32); OUTPUTS] =
            std::array::from_fn(|output| self.direct.target(self.piece, block.first + output, self.output));
        let weight = self.direct.weight.block(self.piece.group, block).as_chunks().0;
        let targets = Targets {
            channels: targets.map(|target| target.0),
            bias: targets.map(|target| target.1),
            weight,
        };
        assert_eq!(weight.len(), self.direct.inputs * self.taps.len(), "weights of a block");
        let mut vectors = &self.vectors.list[..];
        while !vectors.is_empty() {
            // Four are two and two, not three and a lonely one; few outputs take many, to hide a product's latency.
            let count = match vectors.len() {
                4 if OUTPUTS > 2 => 2,
                many if OUTPUTS <= 2 && many >= 6 => 6,
                many => many.min(3),
            };
            let (tile, rest) = vectors.split_at(count);
            vectors = rest;
            match count {
                6 => self.tile::<S, OUTPUTS, 6, HALVES>(simd, tile, &targets),
                3 => self.tile::<S, OUTPUTS, 3, HALVES>(simd, tile, &targets),
                2 => self.tile::<S, OUTPUTS, 2, HALVES>(simd, tile, &targets),
                _ => self.tile::<S, OUTPUTS, 1, HALVES>(simd, tile, &targets),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const OUTPUTS: usize, const VECTORS: usize, const HALVES: bool>(
        &self,
        simd: S,
        tile: &[[Run; 2]],
        targets: &Targets<'_, OUTPUTS>,
    ) {
        // Loops, not `map` of an array: what is not inlined here is compiled without the vectors.
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; OUTPUTS];
        for (sums, bias) in sums.iter_mut().zip(&targets.bias) {
            *sums = [simd.splat_f32s(*bias); VECTORS];
        }
        let mut starts = [[0; 2]; VECTORS];
        for (starts, [low, high]) in starts.iter_mut().zip(tile) {
            *starts = [low.input, high.input];
        }
        let mut weights = targets.weight.as_ptr();
        let mut frame = self.frames.as_ptr();
        for _ in 0..self.direct.inputs {
            for tap in self.taps {
                // SAFETY: a run's taps lie in the frame of its channel, or, where its outputs are dropped, at most a
                // vector past it; the frames end with room for that. The weights were counted for the block.
                unsafe {
                    let place = frame.add(*tap);
                    let mut inputs = [simd.splat_f32s(0.0); VECTORS];
                    for (input, runs) in inputs.iter_mut().zip(&starts) {
                        *input = load_runs::<S, HALVES>(simd, place, *runs);
                    }
                    for (sums, weight) in sums.iter_mut().zip(&*weights) {
                        let weight = simd.splat_f32s(*weight);
                        for (sum, input) in sums.iter_mut().zip(inputs) {
                            *sum = simd.mul_add_e_f32s(input, weight, *sum);
                        }
                    }
                    weights = weights.add(1);
                }
            }
            // SAFETY: one channel further, or at the end of the frames.
            frame = unsafe { frame.add(self.channel) };
        }
        if self.direct.relu {
            let zero = simd.splat_f32s(0.0);
            // Not the maximum: what that makes of NaN depends on the machine.
            for sums in &mut sums {
                for sum in sums {
                    *sum = simd.select_f32s(simd.less_than_f32s(*sum, zero), zero, *sum);
                }
            }
        }
        self.write_all::<S, OUTPUTS, VECTORS, HALVES>(simd, sums, tile, &targets.channels);
    }

    #[inline(always)]
    fn write_all<S: Simd, const OUTPUTS: usize, const VECTORS: usize, const HALVES: bool>(
        &self,
        simd: S,
        sums: [[S::f32s; VECTORS]; OUTPUTS],
        tile: &[[Run; 2]],
        channels: &[Channel; OUTPUTS],
    ) {
        let grid = &self.direct.grid;
        let row = grid.step[0] * self.output.size[1];
        let in_pairs = grid.dense && grid.step[1] == 2;
        for (vector, runs) in tile.iter().enumerate() {
            let offset = |run: &Run| run.row * row + run.column * grid.step[1];
            let offsets = [offset(&runs[0]), offset(&runs[1])];
            // Where nothing is wanted of a run, its place is not used.
            let place = |channel: Channel, run: usize| {
                channel.first.wrapping_add(runs[run].image * channel.next_image + offsets[run])
            };
            let places = |channel: Channel| [place(channel, 0), place(channel, 1)];
            // SAFETY: the runs' outputs lie in the planes of their channel, and in no other piece; a dense grid's pairs of
            // outputs are neighbours.
            unsafe {
                if in_pairs {
                    for output in (0..OUTPUTS - 1).step_by(2) {
                        let pair = [sums[output][vector], sums[output + 1][vector]];
                        write_pair::<S, HALVES>(simd, pair, runs, places(channels[output]));
                    }
                } else {
                    for (sums, channel) in sums.iter().zip(channels) {
                        write::<S, HALVES>(simd, sums[vector], runs, places(*channel), grid.step[1]);
                    }
                }
            }
        }
    }
}

/// Writes the wanted outputs of a vector's runs, each from its place on, `step` apart.
///
/// # Safety
/// They can be written.
#[inline(always)]
unsafe fn write<S: Simd, const HALVES: bool>(
    simd: S,
    sum: S::f32s,
    runs: &[Run; 2],
    [low, high]: [*mut f32; 2],
    step: usize,
) {
    let size = if HALVES { S::F32_LANES / 2 } else { S::F32_LANES };
    let whole = step == 1 && runs[0].len == size && (!HALVES || runs[1].len == size);
    // SAFETY: the caller vouches for the places.
    unsafe {
        match (whole, HALVES) {
            (true, false) => store(simd, low, sum),
            (true, true) => store_halves(simd, low, high, sum),
            _ => {
                let numbers: &[f32] = bytemuck::cast_slice(std::slice::from_ref(&sum));
                for (run, (numbers, place)) in runs.iter().zip(numbers.chunks_exact(size).zip([low, high])) {
                    for (at, number) in numbers[..run.len].iter().enumerate() {
                        *place.add(at * step) = *number;
                    }
                }
            }
        }
    }
}

/// Writes the wanted outputs of the runs of two vectors, by turns.
///
/// # Safety
/// They can be written.
#[inline(always)]
unsafe fn write_pair<S: Simd, const HALVES: bool>(
    simd: S,
    pair: [S::f32s; 2],
    runs: &[Run; 2],
    [low, high]: [*mut f32; 2],
) {
    let size = if HALVES { S::F32_LANES / 2 } else { S::F32_LANES };
    let mut both = [simd.splat_f32s(0.0); 2];
    let numbers: &mut [f32] = bytemuck::cast_slice_mut(&mut both);
    let even: &[f32] = bytemuck::cast_slice(std::slice::from_ref(&pair[0]));
    let odd: &[f32] = bytemuck::cast_slice(std::slice::from_ref(&pair[1]));
    for at in 0..S::F32_LANES {
        numbers[2 * at] = even[at];
        numbers[2 * at + 1] = odd[at];
    }
    // SAFETY: the caller vouches for the places.
    unsafe {
        if runs[0].len == size && (!HALVES || runs[1].len == size) {
            store(simd, low, both[0]);
            store(simd, if HALVES { high } else { low.add(S::F32_LANES) }, both[1]);
            return;
        }
        let numbers: &[f32] = bytemuck::cast_slice(&both);
        for (run, (numbers, place)) in runs.iter().zip(numbers.chunks_exact(2 * size).zip([low, high])) {
            place.copy_from_nonoverlapping(numbers.as_ptr(), 2 * run.len);
        }
    }
}
