//! A direct convolution, cut into pieces of work.

use rayon::prelude::*;

use super::direct::{Direct, Piece};
use super::frame::Frame;
use super::planes::PlanesMut;
use super::runs::{Vectors, Workspace, computed_width};
use super::tile::Loops;
use crate::simd::{dispatch, shape};

/// Numbers of the frames of a piece of work: they are to stay in the second-level cache.
const MOST_FRAME: usize = 96 * 1024;

/// Multiplications below which a convolution stays on its thread.
const LEAST_PARALLEL: usize = 512 * 1024;

/// Pieces that a convolution is cut into at least, when it is large.
const LEAST_PIECES: usize = 8;

impl Direct<'_> {
    /// Computes every output of the grid.
    pub(super) fn run(&self, output: &PlanesMut<'_>) {
        let [height, width] = self.grid.size;
        if self.batch == 0 || height == 0 || width == 0 {
            return;
        }
        let pieces = self.pieces();
        let mut workspace = Workspace::default();
        if pieces.len() == 1 || self.multiplications() < LEAST_PARALLEL {
            for piece in pieces {
                self.compute(piece, output, &mut workspace);
            }
            return;
        }
        pieces.par_iter().for_each_init(Workspace::default, |workspace, piece| {
            self.compute(*piece, output, workspace);
        });
    }

    fn multiplications(&self) -> usize {
        let [height, width] = self.grid.size;
        self.batch * self.groups * self.outputs * height * width * self.inputs * self.taps.len().max(1)
    }

    /// Cuts the work: rows of an image whose frame is large, several images whose frames are small, and channels where
    /// that leaves few pieces.
    fn pieces(&self) -> Vec<Piece> {
        let [height, width] = self.grid.size;
        let width = computed_width(width, shape().0);
        let numbers = |rows: usize| self.inputs * Frame::new(self.taps, self.stride, rows, width).channel();
        let most_rows = (1..=height).rev().find(|rows| numbers(*rows) <= MOST_FRAME).unwrap_or(1);
        let bands = height.div_ceil(most_rows);
        let rows = height.div_ceil(bands);
        let images = match bands {
            1 => (MOST_FRAME / numbers(height).max(1)).clamp(1, self.batch.div_ceil(LEAST_PIECES)),
            _ => 1,
        };
        let pieces = self.groups * self.batch.div_ceil(images) * bands;
        let all = self.weight.blocks.len();
        let shares = LEAST_PIECES.div_ceil(pieces).min(self.multiplications() / LEAST_PARALLEL).clamp(1, all);
        let blocks = all.div_ceil(shares);
        let mut pieces = vec![];
        for (group, first_image) in (0..self.groups)
            .flat_map(|group| (0..self.batch).step_by(images).map(move |image| (group, image)))
        {
            for (first_row, first_block) in (0..height)
                .step_by(rows)
                .flat_map(|row| (0..all).step_by(blocks).map(move |block| (row, block)))
            {
                let (images, rows) = (images.min(self.batch - first_image), rows.min(height - first_row));
                let blocks = blocks.min(all - first_block);
                pieces.push(Piece { group, first_image, images, first_row, rows, first_block, blocks });
            }
        }
        pieces
    }

    fn compute(&self, piece: Piece, output: &PlanesMut<'_>, workspace: &mut Workspace) {
        let lanes = shape().0;
        let width = self.grid.size[1];
        let frame = Frame::new(self.taps, self.stride, piece.rows, computed_width(width, lanes));
        let image_frame = self.inputs * frame.channel();
        let (scratch, vectors) = workspace.prepare([piece.images, piece.rows, self.inputs], || {
            Vectors::new(&frame, piece.images, image_frame, piece.rows, width, lanes)
        });
        // Vectors of outputs that are dropped read past the last frame.
        let frames = scratch.aligned(piece.images * image_frame + lanes);
        let channels = piece.group * self.inputs..(piece.group + 1) * self.inputs;
        let images = piece.first_image..piece.first_image + piece.images;
        frame.fill_all(self.source, images, channels, piece.first_row, frames);
        let taps: Vec<usize> = self.taps.iter().map(|tap| frame.tap(*tap)).collect();
        dispatch(Loops {
            direct: self,
            piece,
            frames,
            channel: frame.channel(),
            taps: &taps,
            vectors,
            output,
        });
    }
}
