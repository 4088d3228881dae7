//! The loops of the gradient by the weight: a block of outputs by a few weights each, held in registers while the places
//! go by.

use pulp::{Simd, WithSimd};

use super::geometry::Conv2d;
use super::pack::{Block, blocks};
use super::runs::{Vectors, load_runs};
use crate::simd::load;

/// Some input channels of a group, over a chunk of the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) chunk: usize,
    pub(super) first_image: usize,
    pub(super) images: usize,
    pub(super) group: usize,
    pub(super) first_channel: usize,
    pub(super) channels: usize,
}

pub(super) struct Loops<'a, G> {
    pub(super) conv: &'a Conv2d,
    pub(super) task: Task,
    /// The frames, `[image][channel]`, and room for a vector after them.
    pub(super) frames: &'a [f32],
    pub(super) vectors: &'a Vectors,
    /// The offset of each tap of each channel in the frames of an image.
    pub(super) taps: &'a [usize],
    /// The gradients by the outputs, `[output][vector]`.
    pub(super) upstream: &'a [f32],
    /// Whether gradients are written for the first time, or added to.
    pub(super) first: bool,
    /// The gradient by the biases, if it is the task's.
    pub(super) bias: Option<&'a mut [f32]>,
    /// The gradient by a range of the weights that are the task's.
    pub(super) weight: &'a G,
}

impl<'a, G: Fn(usize, usize) -> &'a mut [f32]> WithSimd for Loops<'a, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let of_output = self.vectors.list.len() * S::F32_LANES;
        if let Some(bias) = self.bias.take() {
            for (bias, upstream) in bias.iter_mut().zip(self.upstream.chunks_exact(of_output)) {
                put(self.first, bias, sum(simd, upstream));
            }
        }
        for block in blocks(self.conv.group_outputs()) {
            // As many sums as there are registers for, beside what is multiplied.
            match (block.size, S::REGISTER_COUNT) {
                (8, _) => self.block::<S, 8, 3>(simd, block),
                (4, 32..) => self.block::<S, 4, 6>(simd, block),
                (4, _) => self.block::<S, 4, 3>(simd, block),
                (2, 32..) => self.block::<S, 2, 8>(simd, block),
                (2, _) => self.block::<S, 2, 4>(simd, block),
                _ => self.block::<S, 1, 6>(simd, block),
            }
        }
    }
}

impl<'a, G: Fn(usize, usize) -> &'a mut [f32]> Loops<'a, G> {
    #[inline(always)]
    fn block<S: Simd, const OUTPUTS: usize, const TAPS: usize>(&self, simd: S, block: Block) {
        let of_output = self.vectors.list.len() * S::F32_LANES;
        let upstream = &self.upstream[block.first * of_output..][..OUTPUTS * of_output];
        for (tile, taps) in self.taps.chunks(TAPS).enumerate() {
            // The last tile computes its last tap again and again, and drops what it is too many.
            let offsets: [usize; TAPS] = std::array::from_fn(|tap| taps[tap.min(taps.len() - 1)]);
            let sums: [[S::f32s; TAPS]; OUTPUTS] = if self.vectors.halves {
                self.tile::<S, OUTPUTS, TAPS, true>(simd, upstream, offsets)
            } else {
                self.tile::<S, OUTPUTS, TAPS, false>(simd, upstream, offsets)
            };
            for (output, sums) in sums.into_iter().enumerate() {
                self.add(simd, block.first + output, tile * TAPS, &sums[..taps.len()]);
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const OUTPUTS: usize, const TAPS: usize, const HALVES: bool>(
        &self,
        simd: S,
        upstream: &[f32],
        offsets: [usize; TAPS],
    ) -> [[S::f32s; TAPS]; OUTPUTS] {
        let of_output = upstream.len() / OUTPUTS;
        let mut sums = [[simd.splat_f32s(0.0); TAPS]; OUTPUTS];
        // Loops, not `map` of an array: what is not inlined here is compiled without the vectors.
        let mut places = [self.frames.as_ptr(); TAPS];
        for (place, offset) in places.iter_mut().zip(offsets) {
            *place = self.frames[offset..].as_ptr();
        }
        let mut gradients = upstream.as_ptr();
        for [low, high] in &self.vectors.list {
            // SAFETY: a run's taps lie in the frame of its channel, or, where a vector is not full, at most a vector past
            // it; the frames end with room for that. There is a gradient of each output for each vector.
            unsafe {
                let mut inputs = [simd.splat_f32s(0.0); TAPS];
                for (input, place) in inputs.iter_mut().zip(&places) {
                    *input = load_runs::<S, HALVES>(simd, *place, [low.input, high.input]);
                }
                for (output, sums) in sums.iter_mut().enumerate() {
                    let gradient = load(simd, gradients.add(output * of_output));
                    for (sum, input) in sums.iter_mut().zip(inputs) {
                        *sum = simd.mul_add_e_f32s(input, gradient, *sum);
                    }
                }
                gradients = gradients.add(S::F32_LANES);
            }
        }
        sums
    }

    /// Adds the sums of an output's weights from `first` of the task's on.
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, output: usize, first: usize, sums: &[S::f32s]) {
        let (conv, task) = (self.conv, self.task);
        let output = task.group * conv.group_outputs() + output;
        let place = (output * conv.group_inputs() + task.first_channel) * conv.taps() + first;
        for (weight, sum) in (self.weight)(place, sums.len()).iter_mut().zip(sums) {
            put(self.first, weight, simd.reduce_sum_f32s(*sum));
        }
    }
}

#[inline(always)]
fn put(first: bool, to: &mut f32, number: f32) {
    *to = if first { number } else { *to + number };
}

/// The sum of whole vectors.
#[inline(always)]
fn sum<S: Simd>(simd: S, numbers: &[f32]) -> f32 {
    let (vectors, _) = S::as_simd_f32s(numbers);
    simd.reduce_sum_f32s(vectors.iter().fold(simd.splat_f32s(0.0), |sum, vector| simd.add_f32s(sum, *vector)))
}
