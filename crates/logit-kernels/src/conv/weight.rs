//! The gradient by the weight, cut into tasks: some input channels, over some images.

use std::ops::Range;

use rayon::prelude::*;

use super::frame::{Frame, Source};
use super::geometry::Conv2d;
use super::planes::Planes;
use super::runs::{Vectors, Workspace, computed_width};
use super::upstream::{self, Rows};
use super::weight_tile::{Loops, Task};
use crate::buffer;
use crate::parallel::Shared;
use crate::simd::{dispatch, shape};

/// Outputs of a channel that are taken at a time: a block's gradients of so many stay in the first-level cache.
const MOST_OUTPUTS: usize = 1024;

/// Numbers that the gradients of all chunks may have together.
const MOST_PARTIAL: usize = 2 * 1024 * 1024;

/// Tasks that the work is cut into at least, when it is large.
const LEAST_TASKS: usize = 8;

/// Multiplications below which the work stays on its thread.
const LEAST_PARALLEL: usize = 512 * 1024;

/// The gradient by the weight, and by the bias if wanted.
pub(super) fn gradient(
    conv: &Conv2d,
    input: &Planes<'_>,
    upstream: Source<'_>,
    grad_weight: &mut [f32],
    grad_bias: Option<&mut [f32]>,
) {
    let tasks = tasks(conv);
    if tasks.is_empty() {
        grad_weight.fill(0.0);
    }
    // The first chunk's gradient is written in place.
    let others = tasks.iter().map(|task| task.chunk).max().unwrap_or(0);
    let weights = grad_weight.len();
    let mut weight = buffer::take(others * weights);
    let mut bias = vec![0.0; (others + 1) * conv.out_channels];
    let work = Work {
        conv,
        taps: &conv.tap_places(),
        input,
        upstream,
        weight: std::iter::once(&mut *grad_weight)
            .chain(weight.chunks_exact_mut(weights))
            .map(Shared::new)
            .collect(),
        bias: Shared::new(&mut bias),
    };
    work.run_all(&tasks);
    add(grad_weight, &weight);
    buffer::give(weight);
    if let Some(grad_bias) = grad_bias {
        let (first, others) = bias.split_at(conv.out_channels);
        grad_bias.copy_from_slice(first);
        add(grad_bias, others);
    }
}

/// Adds vectors that lie side by side, in order.
fn add(sum: &mut [f32], vectors: &[f32]) {
    for vector in vectors.chunks_exact(sum.len()) {
        sum.iter_mut().zip(vector).for_each(|(sum, number)| *sum += number);
    }
}

/// Cuts the batch into chunks, which have a gradient of their own, as far as these gradients are small and a chunk has
/// enough outputs to be worth the sums at its end; and where that leaves few tasks, the input channels of each, which read
/// the same gradients by the outputs again.
fn tasks(conv: &Conv2d) -> Vec<Task> {
    let [height, width] = conv.output();
    let (inputs, plane) = (conv.group_inputs(), height * computed_width(width, shape().0));
    let weights = conv.out_channels * inputs * conv.taps();
    let most_chunks = (MOST_PARTIAL / weights).clamp(1, LEAST_TASKS);
    let images = conv.batch.div_ceil(most_chunks).max(MOST_OUTPUTS.div_ceil(plane)).min(conv.batch).max(1);
    let pieces = conv.batch.div_ceil(images).max(1) * conv.groups;
    let channels = inputs.div_ceil(LEAST_TASKS.div_ceil(pieces));
    let mut tasks = vec![];
    for (chunk, first_image) in (0..conv.batch).step_by(images).enumerate() {
        for group in 0..conv.groups {
            for first_channel in (0..inputs).step_by(channels) {
                let images = images.min(conv.batch - first_image);
                let channels = channels.min(inputs - first_channel);
                tasks.push(Task { chunk, first_image, images, group, first_channel, channels });
            }
        }
    }
    tasks
}

/// What all tasks share.
struct Work<'a> {
    conv: &'a Conv2d,
    taps: &'a [[isize; 2]],
    input: &'a Planes<'a>,
    upstream: Source<'a>,
    /// The gradient by the weight of each chunk.
    weight: Vec<Shared>,
    /// The gradients by the bias, one chunk's after the other.
    bias: Shared,
}

impl Work<'_> {
    fn run_all(&self, tasks: &[Task]) {
        if self.conv.multiplications() < LEAST_PARALLEL {
            let mut workspace = Workspace::default();
            for task in tasks {
                self.run(*task, &mut workspace);
            }
            return;
        }
        tasks.par_iter().for_each_init(Workspace::default, |workspace, task| self.run(*task, workspace));
    }

    /// Computes the gradient of a task, by bands: some rows of an image, or some small images.
    fn run(&self, task: Task, workspace: &mut Workspace) {
        let [height, width] = self.conv.output();
        let most_rows = (MOST_OUTPUTS / computed_width(width, shape().0)).max(1);
        let rows = height.div_ceil(height.div_ceil(most_rows));
        let most_images = if rows < height { 1 } else { most_rows / height };
        for first_image in (0..task.images).step_by(most_images) {
            let images = most_images.min(task.images - first_image);
            let image = task.first_image + first_image;
            for first_row in (0..height).step_by(rows) {
                let rows = first_row..height.min(first_row + rows);
                let first = first_image == 0 && first_row == 0;
                self.band(task, image..image + images, rows, first, workspace);
            }
        }
    }

    fn band(
        &self,
        task: Task,
        images: Range<usize>,
        rows: Range<usize>,
        first: bool,
        workspace: &mut Workspace,
    ) {
        let conv = self.conv;
        let (lanes, width) = (shape().0, conv.output()[1]);
        let computed = computed_width(width, lanes);
        let frame = Frame::new(self.taps, conv.stride, rows.len(), computed);
        let image_frame = task.channels * frame.channel();
        let (scratch, vectors) = workspace.prepare([images.len(), rows.len(), task.channels], || {
            Vectors::new(&frame, images.len(), image_frame, rows.len(), width, lanes)
        });
        let of_output = vectors.list.len() * lanes;
        let numbers = conv.group_outputs() * of_output;
        let room = scratch.aligned(numbers + images.len() * image_frame + lanes);
        let (upstream, frames) = room.split_at_mut(numbers);
        let channels = task.group * conv.group_inputs() + task.first_channel;
        let source = Source { planes: self.input, mask: None };
        frame.fill_all(source, images.clone(), channels..channels + task.channels, rows.start, frames);
        let outputs = task.group * conv.group_outputs()..(task.group + 1) * conv.group_outputs();
        let of_image = of_output / images.len();
        let shape = Rows { count: rows.len(), width, computed, of_image };
        upstream::copy(self.upstream, images, outputs.clone(), rows.start, shape, upstream);
        let tap = |channel: usize, tap: &[isize; 2]| channel * frame.channel() + frame.tap(*tap);
        let taps: Vec<usize> =
            (0..task.channels).flat_map(|channel| self.taps.iter().map(move |at| tap(channel, at))).collect();
        // SAFETY: of a chunk's gradient, a task writes what its own channels have.
        let weight = |start, len| unsafe { self.weight[task.chunk].slice(start, len) };
        let bias = (task.first_channel == 0).then(|| {
            // SAFETY: a group's first channel is one task's.
            unsafe { self.bias.slice(task.chunk * conv.out_channels + outputs.start, outputs.len()) }
        });
        dispatch(Loops { conv, task, frames, vectors, taps: &taps, upstream, first, bias, weight: &weight });
    }
}
