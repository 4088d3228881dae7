//! Weights in the order in which the loops read them.

use super::geometry::Conv2d;
use crate::buffer;
use crate::parallel::{Shared, map_items};
use crate::simd::shape;

/// Output channels that are computed together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The first, within its group.
    pub(super) first: usize,
    /// How many: 8, 4, 2 or 1.
    pub(super) size: usize,
}

/// The output channels of a full block: as many as keep the registers busy.
pub(super) fn most_outputs() -> usize {
    if shape().1 >= 32 { 8 } else { 4 }
}

/// Blocks that make up `channels`.
pub(super) fn blocks(channels: usize) -> Vec<Block> {
    let most = most_outputs();
    let mut blocks = vec![];
    let mut first = 0;
    while first < channels {
        let rest = channels - first;
        let size = if rest >= most { most } else { 1 << rest.ilog2() };
        blocks.push(Block { first, size });
        first += size;
    }
    blocks
}

/// `[group][block][input][tap][channel of the block]`, from the place in the weights of (group, output, input, tap).
pub(super) fn pack(
    weight: &[f32],
    [groups, outputs, inputs, taps]: [usize; 4],
    place: impl Fn(usize, usize, usize, usize) -> usize + Sync,
) -> Vec<f32> {
    let blocks = blocks(outputs);
    let of_output = inputs * taps;
    let mut packed = buffer::take(groups * outputs * of_output);
    let to = Shared::new(&mut packed);
    map_items(groups * blocks.len(), most_outputs() * of_output, |item| {
        let (group, block) = (item / blocks.len(), blocks[item % blocks.len()]);
        let start = (group * outputs + block.first) * of_output;
        // SAFETY: blocks lie side by side.
        let to = unsafe { to.slice(start, block.size * of_output) };
        for output in 0..block.size {
            let places = (0..inputs).flat_map(|input| (0..taps).map(move |tap| (input, tap)));
            let to = to.iter_mut().skip(output).step_by(block.size);
            for (to, (input, tap)) in to.zip(places) {
                *to = weight[place(group, block.first + output, input, tap)];
            }
        }
    });
    packed
}

/// The place of a weight of a convolution: channels within their group.
pub(super) fn place(conv: &Conv2d, group: usize, output: usize, input: usize, tap: usize) -> usize {
    ((group * conv.group_outputs() + output) * conv.group_inputs() + input) * conv.taps() + tap
}
