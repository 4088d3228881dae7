//! What a direct convolution is, and a piece of its work.

use super::frame::Source;
use super::pack::{Block, Packed};
use super::planes::{Channel, PlanesMut};

/// Outputs on a grid of places: `start + i · step` on each axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) size: [usize; 2],
    pub(super) start: [usize; 2],
    pub(super) step: [usize; 2],
    /// Whether every channel has an output for each place between the grid's: output `channel · steps + place`.
    pub(super) dense: bool,
}

impl Grid {
    /// Outputs of a channel.
    pub(super) fn outputs(&self) -> usize {
        if self.dense { self.step[0] * self.step[1] } else { 1 }
    }
}

/// A sum over taps and input channels at each output of a grid: `Σ weight · source[stride · i + tap]`.
pub(super) struct Direct<'a> {
    pub(super) batch: usize,
    pub(super) groups: usize,
    /// Channels of the source that a group has.
    pub(super) inputs: usize,
    /// Outputs that a group has at a place of the grid.
    pub(super) outputs: usize,
    pub(super) source: Source<'a>,
    pub(super) stride: [usize; 2],
    pub(super) taps: &'a [[isize; 2]],
    pub(super) grid: Grid,
    pub(super) weight: &'a Packed,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) relu: bool,
}

/// Some rows of some images, for some blocks of channels of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) group: usize,
    pub(super) first_image: usize,
    pub(super) images: usize,
    pub(super) first_row: usize,
    pub(super) rows: usize,
    pub(super) first_block: usize,
    pub(super) blocks: usize,
}

impl Direct<'_> {
    /// The blocks of a piece.
    pub(super) fn blocks(&self, piece: Piece) -> &[Block] {
        &self.weight.blocks[piece.first_block..piece.first_block + piece.blocks]
    }

    /// Where the piece's first image and row of an output of its group lie, and the bias.
    pub(super) fn target(&self, piece: Piece, of_group: usize, output: &PlanesMut<'_>) -> (Channel, f32) {
        let Grid { start, step, .. } = self.grid;
        let of_channel = self.grid.outputs();
        let number = piece.group * self.outputs / of_channel + of_group / of_channel;
        let place = of_group % of_channel;
        let row = start[0] + place / step[1] + piece.first_row * step[0];
        let column = start[1] + place % step[1];
        let channel = output.channel(number);
        let offset = piece.first_image * channel.next_image + row * output.size[1] + column;
        let first = channel.first.wrapping_add(offset);
        (Channel { first, ..channel }, self.bias.map_or(0.0, |bias| bias[number]))
    }
}
