//! Weights in the order in which the loops read them.

use rayon::prelude::*;

use crate::buffer;
use crate::simd::shape;

/// Weights, in numbers, below which one thread packs them.
const LEAST_PARALLEL: usize = 32 * 1024;

/// Output channels that are computed together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The first, within its group.
    pub(super) first: usize,
    /// How many: 8, 4, 2 or 1.
    pub(super) size: usize,
}

/// Blocks that make up `channels`: as many channels each as keep the registers busy, and what remains.
pub(super) fn blocks(channels: usize) -> Vec<Block> {
    let most = if shape().1 >= 32 { 8 } else { 4 };
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

/// Where the weights of a sum over inputs and taps lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'a> {
    pub(super) groups: usize,
    /// Outputs of a group, and how far apart their weights are.
    pub(super) outputs: (usize, usize),
    /// Inputs of a group, and how far apart their weights are.
    pub(super) inputs: (usize, usize),
    /// Where the weight of each tap is.
    pub(super) taps: &'a [usize],
}

/// Weights, as `[group][block][input][tap][output of the block]`.
pub(super) struct Packed {
    numbers: Vec<f32>,
    pub(super) blocks: Vec<Block>,
    /// Weights of an output.
    of_output: usize,
}

impl Packed {
    pub(super) fn new(weight: &[f32], layout: Layout<'_>) -> Self {
        let (outputs, inputs) = (layout.outputs.0, layout.inputs.0);
        let of_output = inputs * layout.taps.len();
        let (blocks, from_group) = (blocks(outputs), weight.len() / layout.groups);
        let mut numbers = buffer::take(layout.groups * outputs * of_output);
        let mut parts = vec![];
        let mut rest = &mut numbers[..];
        for group in 0..layout.groups {
            for block in &blocks {
                let (part, others) = rest.split_at_mut(block.size * of_output);
                parts.push((group * from_group + block.first * layout.outputs.1, block.size, part));
                rest = others;
            }
        }
        let pack = |(first, size, part): (usize, usize, &mut [f32])| {
            let pack_part = match size {
                8 => pack_block::<8>,
                4 => pack_block::<4>,
                2 => pack_block::<2>,
                _ => pack_block::<1>,
            };
            pack_part(&weight[first..], layout, part);
        };
        if weight.len() < LEAST_PARALLEL {
            parts.into_iter().for_each(pack);
        } else {
            parts.into_par_iter().for_each(pack);
        }
        Self { numbers, blocks, of_output }
    }

    /// The weights of a block of a group.
    pub(super) fn block(&self, group: usize, block: Block) -> &[f32] {
        let outputs = self.blocks.last().map_or(0, |last| last.first + last.size);
        &self.numbers[(group * outputs + block.first) * self.of_output..][..block.size * self.of_output]
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        buffer::give(std::mem::take(&mut self.numbers));
    }
}

fn pack_block<const SIZE: usize>(weight: &[f32], layout: Layout<'_>, packed: &mut [f32]) {
    let most_tap = layout.taps.iter().max().map_or(0, |tap| tap + 1);
    let mut columns = packed.as_chunks_mut::<SIZE>().0.iter_mut();
    for input in 0..layout.inputs.0 {
        let first = input * layout.inputs.1;
        let rows: [&[f32]; SIZE] =
            std::array::from_fn(|output| &weight[first + output * layout.outputs.1..][..most_tap]);
        for (tap, column) in layout.taps.iter().zip(&mut columns) {
            // SAFETY: the rows reach to the last tap.
            *column = rows.map(|row| unsafe { *row.get_unchecked(*tap) });
        }
    }
}
