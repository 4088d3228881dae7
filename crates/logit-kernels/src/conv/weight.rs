//! The gradient by the weight: a few output channels by a few taps, held in registers while the outputs go by.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::frame::{Frame, Source};
use super::geometry::Conv2d;
use super::pack::{Block, blocks};
use super::planes::Planes;
use super::runs::{Vectors, computed_width};
use crate::buffer::{self, Scratch};
use crate::simd::{dispatch, load, load_halves, shape};

/// Vectors of outputs that are taken at a time: a block's gradients of so many stay in the first-level cache.
const MOST_VECTORS: usize = 64;

/// Numbers that all partial gradients together may have.
const MOST_PARTIAL: usize = 2 * 1024 * 1024;

/// Pieces that the batch is cut into at most.
const MOST_PIECES: usize = 8;

/// The gradient by the weight, and by the bias if wanted.
pub(super) fn gradient(
    conv: &Conv2d,
    input: &Planes<'_>,
    upstream: Source<'_>,
    grad_weight: &mut [f32],
    grad_bias: Option<&mut [f32]>,
) {
    let tasks = tasks(conv);
    let taps = conv.tap_places();
    let compute = |scratch: &mut Scratch, task: &Task| Partial::compute(conv, &taps, input, upstream, *task, scratch);
    let partials: Vec<Partial> = tasks.par_iter().map_init(Scratch::default, compute).collect();
    grad_weight.fill(0.0);
    let mut bias = vec![0.0; conv.out_channels];
    for (task, partial) in tasks.iter().zip(partials) {
        partial.add_to(conv, *task, grad_weight, &mut bias);
    }
    if let Some(grad_bias) = grad_bias {
        grad_bias.copy_from_slice(&bias);
    }
}

/// Cuts the batch into pieces with a gradient of their own, as far as these are small and a piece has enough outputs to
/// be worth its sums at the end; and then the input channels of each.
fn tasks(conv: &Conv2d) -> Vec<Task> {
    let [height, width] = conv.output();
    let lanes = shape().0;
    let vectors = (height * computed_width(width, lanes)).div_ceil(lanes).max(1);
    let weights = conv.out_channels * conv.group_inputs() * conv.taps();
    let most_pieces = (MOST_PARTIAL / weights).clamp(1, MOST_PIECES);
    let images = conv.batch.div_ceil(most_pieces).max(MOST_VECTORS.div_ceil(vectors)).min(conv.batch).max(1);
    let pieces = conv.batch.div_ceil(images).max(1) * conv.groups;
    let channels = conv.group_inputs().div_ceil(MOST_PIECES.div_ceil(pieces));
    let mut tasks = vec![];
    for first_image in (0..conv.batch).step_by(images) {
        for group in 0..conv.groups {
            for first_channel in (0..conv.group_inputs()).step_by(channels) {
                let images = images.min(conv.batch - first_image);
                let channels = channels.min(conv.group_inputs() - first_channel);
                tasks.push(Task { first_image, images, group, first_channel, channels });
            }
        }
    }
    tasks
}

/// Some input channels of a group, over some images.
#[derive(Clone, Copy, Debug)]
struct Task {
    first_image: usize,
    images: usize,
    group: usize,
    first_channel: usize,
    channels: usize,
}

/// The gradient of a task.
struct Partial {
    /// `[output of the group][input of the task][tap]`.
    weight: Vec<f32>,
    /// An output of the group each.
    bias: Vec<f32>,
}

/// Some rows of some images, with what they read.
struct Band<'a> {
    /// Frames of the input.
    frames: &'a [f32],
    frame: Frame,
    vectors: Vectors,
    /// Where each vector's runs begin in the frames.
    inputs: Vec<[u32; 2]>,
    /// The upstream gradients, `[output][vector]`, with zeros where a vector is not full.
    upstream: &'a [f32],
}

impl Partial {
    fn compute(
        conv: &Conv2d,
        taps: &[[isize; 2]],
        input: &Planes<'_>,
        upstream: Source<'_>,
        task: Task,
        scratch: &mut Scratch,
    ) -> Self {
        let outputs = conv.group_outputs();
        let mut partial = Self {
            weight: buffer::take_zeroed(outputs * task.channels * taps.len()),
            bias: vec![0.0; outputs],
        };
        let [height, width] = conv.output();
        let lanes = shape().0;
        let most_rows = (MOST_VECTORS * lanes / computed_width(width, lanes)).max(1);
        let bands = height.div_ceil(most_rows);
        let rows = height.div_ceil(bands);
        let images = if bands > 1 { 1 } else { most_rows / height };
        for first_image in (0..task.images).step_by(images) {
            let images = images.min(task.images - first_image);
            for first_row in (0..height).step_by(rows) {
                let rows = rows.min(height - first_row);
                let place = [task.first_image + first_image, images, first_row, rows];
                let band = Band::fill(conv, taps, input, upstream, task, place, scratch);
                dispatch(Loops { conv, taps, task, band: &band, partial: &mut partial });
            }
        }
        partial
    }

    fn add_to(self, conv: &Conv2d, task: Task, weight: &mut [f32], bias: &mut [f32]) {
        let taps = conv.taps();
        let first_output = task.group * conv.group_outputs();
        for (output, from) in self.weight.chunks_exact(task.channels * taps).enumerate() {
            let place = ((first_output + output) * conv.group_inputs() + task.first_channel) * taps;
            weight[place..place + from.len()].iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
        if task.first_channel == 0 {
            bias[first_output..].iter_mut().zip(&self.bias).for_each(|(to, from)| *to += from);
        }
        buffer::give(self.weight);
    }
}

impl<'a> Band<'a> {
    fn fill(
        conv: &Conv2d,
        taps: &[[isize; 2]],
        input: &Planes<'_>,
        upstream: Source<'_>,
        task: Task,
        [first_image, images, first_row, rows]: [usize; 4],
        scratch: &'a mut Scratch,
    ) -> Self {
        let width = conv.output()[1];
        let lanes = shape().0;
        let frame = Frame::new(taps, conv.stride, rows, computed_width(width, lanes));
        let image_frame = task.channels * frame.channel();
        let vectors = Vectors::new(&frame, images, image_frame, rows, width, lanes);
        let of_output = vectors.list.len() * lanes;
        let outputs = conv.group_outputs();
        let (of_upstream, frames) =
            scratch.aligned(outputs * of_output + images * image_frame + lanes).split_at_mut(outputs * of_output);
        for image in 0..images {
            for channel in 0..task.channels {
                let from = task.group * conv.group_inputs() + task.first_channel + channel;
                let place = image * image_frame + channel * frame.channel();
                let source = Source { planes: input, mask: None };
                let to = &mut frames[place..place + frame.channel()];
                frame.fill(source, first_image + image, from, first_row, to);
            }
        }
        frames[images * image_frame..].fill(0.0);
        for (output, to) in of_upstream.chunks_exact_mut(of_output.max(1)).enumerate() {
            let channel = task.group * outputs + output;
            copy_runs(upstream, &vectors, [first_image, first_row, channel], lanes, to);
        }
        let inputs = vectors.list.iter().map(|pair| pair.map(|run| run.input as u32)).collect();
        Self { frames, frame, vectors, inputs, upstream: of_upstream }
    }
}

/// Copies a channel's upstream gradients, in the order of the vectors.
fn copy_runs(
    upstream: Source<'_>,
    vectors: &Vectors,
    [first_image, first_row, channel]: [usize; 3],
    lanes: usize,
    to: &mut [f32],
) {
    let width = upstream.planes.size[1];
    let size = if vectors.halves { lanes / 2 } else { lanes };
    let runs = vectors.list.iter().flat_map(|pair| &pair[..lanes / size]);
    for (run, to) in runs.zip(to.chunks_exact_mut(size)) {
        let start = (first_row + run.row) * width + run.column;
        let range = start..start + run.len;
        let (wanted, dropped) = to.split_at_mut(run.len);
        wanted.copy_from_slice(&upstream.planes.plane(first_image + run.image, channel)[range.clone()]);
        dropped.fill(0.0);
        if let Some(mask) = upstream.mask {
            let mask = &mask.plane(first_image + run.image, channel)[range];
            wanted.iter_mut().zip(mask).for_each(|(to, mask)| *to = if *mask > 0.0 { *to } else { 0.0 });
        }
    }
}

struct Loops<'a> {
    conv: &'a Conv2d,
    taps: &'a [[isize; 2]],
    task: Task,
    band: &'a Band<'a>,
    partial: &'a mut Partial,
}

impl WithSimd for Loops<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let of_output = self.band.vectors.list.len() * S::F32_LANES;
        if self.task.first_channel == 0 {
            for (bias, gradients) in self.partial.bias.iter_mut().zip(self.band.upstream.chunks_exact(of_output)) {
                let (vectors, _) = S::as_simd_f32s(gradients);
                let sum = vectors.iter().fold(simd.splat_f32s(0.0), |sum, vector| simd.add_f32s(sum, *vector));
                *bias += simd.reduce_sum_f32s(sum);
            }
        }
        let taps: Vec<usize> = self.taps.iter().map(|tap| self.band.frame.tap(*tap)).collect();
        for block in blocks(self.conv.group_outputs()) {
            match (block.size, self.band.vectors.halves) {
                (8, false) => self.block::<S, 8, false>(simd, block, &taps),
                (4, false) => self.block::<S, 4, false>(simd, block, &taps),
                (2, false) => self.block::<S, 2, false>(simd, block, &taps),
                (_, false) => self.block::<S, 1, false>(simd, block, &taps),
                (8, true) => self.block::<S, 8, true>(simd, block, &taps),
                (4, true) => self.block::<S, 4, true>(simd, block, &taps),
                (2, true) => self.block::<S, 2, true>(simd, block, &taps),
                (_, true) => self.block::<S, 1, true>(simd, block, &taps),
            }
        }
    }
}

impl Loops<'_> {
    #[inline(always)]
    fn block<S: Simd, const OUTPUTS: usize, const HALVES: bool>(&mut self, simd: S, block: Block, taps: &[usize]) {
        let of_output = self.band.vectors.list.len() * S::F32_LANES;
        let upstream = &self.band.upstream[block.first * of_output..][..OUTPUTS * of_output];
        for channel in 0..self.task.channels {
            let frame = &self.band.frames[channel * self.band.frame.channel()..];
            let mut tap = 0;
            while tap < taps.len() {
                match taps.len() - tap {
                    1 => self.tile::<S, OUTPUTS, 1, HALVES>(simd, block, channel, frame, upstream, taps, tap),
                    2 => self.tile::<S, OUTPUTS, 2, HALVES>(simd, block, channel, frame, upstream, taps, tap),
                    _ => self.tile::<S, OUTPUTS, 3, HALVES>(simd, block, channel, frame, upstream, taps, tap),
                }
                tap += 3;
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the loop's indices")]
    fn tile<S: Simd, const OUTPUTS: usize, const TAPS: usize, const HALVES: bool>(
        &mut self,
        simd: S,
        block: Block,
        channel: usize,
        frame: &[f32],
        upstream: &[f32],
        taps: &[usize],
        first_tap: usize,
    ) {
        let of_output = self.band.inputs.len() * S::F32_LANES;
        assert_eq!(upstream.len(), OUTPUTS * of_output);
        let offsets: [usize; TAPS] = std::array::from_fn(|tap| taps[first_tap + tap]);
        let mut sums = [[simd.splat_f32s(0.0); TAPS]; OUTPUTS];
        let mut gradients = upstream.as_ptr();
        for [low, high] in &self.band.inputs {
            // SAFETY: a run's taps lie in the frame of its channel, or, where a vector is not full, at most a vector past
            // it; the frames end with room for that. The gradients were counted above.
            unsafe {
                let inputs: [S::f32s; TAPS] =
                    std::array::from_fn(|tap| input::<S, HALVES>(simd, frame.as_ptr().add(offsets[tap]), *low as usize, *high as usize));
                for (output, sums) in sums.iter_mut().enumerate() {
                    let gradient = load(simd, gradients.add(output * of_output));
                    for (sum, input) in sums.iter_mut().zip(inputs) {
                        *sum = simd.mul_add_e_f32s(input, gradient, *sum);
                    }
                }
                gradients = gradients.add(S::F32_LANES);
            }
        }
        for (output, sums) in sums.into_iter().enumerate() {
            let place = ((block.first + output) * self.task.channels + channel) * taps.len() + first_tap;
            for (weight, sum) in self.partial.weight[place..place + TAPS].iter_mut().zip(sums) {
                *weight += simd.reduce_sum_f32s(sum);
            }
        }
    }
}

/// # Safety
/// The runs can be read from `frame` on.
#[inline(always)]
unsafe fn input<S: Simd, const HALVES: bool>(simd: S, frame: *const f32, low: usize, high: usize) -> S::f32s {
    // SAFETY: the caller vouches for the runs.
    unsafe {
        if HALVES {
            load_halves(simd, frame.add(low), frame.add(high))
        } else {
            load(simd, frame.add(low))
        }
    }
}
