//! Products of matrices.
//!
//! `to = left · right` is cut into blocks: some columns, and some of the terms that their sums have. The pipeline of a
//! block:
//! 1. `pack`: its numbers of `right` are copied into panels, a few vectors of columns wide, in the order in which they
//!    are read;
//! 2. `tile`: a group of rows after the other is multiplied by all panels, a few rows by a panel at a time, whose sums
//!    are held in registers;
//! 3. the group's sums are written to `to`, or added.
//!
//! Pieces of work are blocks of columns where those are many, and parts of a block where they are few; never terms, so
//! that the order of a sum depends on the sizes alone.

mod pack;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use pack::transpose;

use crate::buffer::Scratch;
use crate::parallel::{Shared, for_items};
use crate::simd::{dispatch, vectorized};
use pack::Panels;
use tile::Group;

/// Columns of a block, at most.
const COLUMNS: usize = 512;

/// Numbers of a block of the right factor, about: with what else is read they are to stay in the second-level cache.
const PACKED: usize = 256 * 1024;

/// Terms that go by before the next rows' turn: a few rows of that many numbers stay in the first-level cache.
const TERMS: usize = 256;

/// Rows of a group.
const ROWS: usize = 32;

/// Blocks of columns from which on they alone are the pieces of work.
const LEAST_BLOCKS: usize = 8;

/// Multiplications below which a product stays on its thread.
const LEAST_PARALLEL: usize = 512 * 1024;

/// A matrix, stored row by row, or column by column when transposed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) numbers: &'a [f32],
    pub(crate) transposed: bool,
}

impl<'a> Matrix<'a> {
    pub(crate) fn plain(numbers: &'a [f32]) -> Self {
        Self { numbers, transposed: false }
    }

    pub(crate) fn transposed(numbers: &'a [f32]) -> Self {
        Self { numbers, transposed: true }
    }
}

/// What a product comes upon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Onto<'a> {
    /// It is written.
    Nothing,
    /// It is written, with a bias a column.
    Bias(&'a [f32]),
    /// It is added to the numbers that are there.
    Numbers,
}

/// The product of a `[rows, terms]` and a `[terms, columns]` matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    pub(crate) rows: usize,
    pub(crate) terms: usize,
    pub(crate) columns: usize,
    /// Read block of columns by block of columns: where those are many, it had better not be transposed.
    pub(crate) left: Matrix<'a>,
    pub(crate) right: Matrix<'a>,
    pub(crate) onto: Onto<'a>,
}

/// A part of the columns, and of the terms of their sums.
#[derive(Clone, Copy, Debug)]
struct Block {
    column: usize,
    columns: usize,
    term: usize,
    terms: usize,
}

impl Product<'_> {
    /// Writes the product, or adds it, to a matrix that is stored row by row.
    ///
    /// # Panics
    /// When a length does not fit.
    pub(crate) fn write(&self, to: &mut [f32]) {
        let Self { rows, terms, columns, .. } = *self;
        let lengths = [self.left.numbers.len(), self.right.numbers.len(), to.len()];
        let sizes = [rows * terms, terms * columns, rows * columns];
        assert_eq!(lengths, sizes, "[{rows}, {terms}] · [{terms}, {columns}]");
        if let Onto::Bias(bias) = self.onto {
            assert_eq!(bias.len(), columns, "a bias a column");
        }
        if to.is_empty() {
            return;
        }
        let to = Shared::new(to);
        if rows * columns * terms < LEAST_PARALLEL {
            self.write_all(to, false);
        } else {
            // A thread of the pool need not be woken for every block.
            rayon::scope(|_| self.write_all(to, true));
        }
    }

    fn write_all(&self, to: Shared, in_parallel: bool) {
        let blocks = self.columns.div_ceil(COLUMNS);
        for_items(blocks, in_parallel, |block| {
            let column = block * COLUMNS;
            let columns = COLUMNS.min(self.columns - column);
            self.write_columns(column, columns, to, in_parallel && blocks < LEAST_BLOCKS);
        });
    }

    /// Writes some columns, block by block of their terms.
    fn write_columns(&self, column: usize, columns: usize, to: Shared, in_parallel: bool) {
        let most = (PACKED / columns / TERMS).max(1) * TERMS;
        let mut scratch = Scratch::default();
        // Without terms there is still something to write.
        for term in (0..self.terms.max(1)).step_by(most) {
            let block = Block { column, columns, term, terms: most.min(self.terms - term) };
            let panels = Panels::new(block);
            let packed = scratch.aligned(panels.len());
            panels.pack(self, packed, in_parallel);
            for_items(self.rows.div_ceil(ROWS), in_parallel, |group| {
                let row = group * ROWS;
                self.write_group(row, ROWS.min(self.rows - row), panels, packed, to);
            });
        }
    }

    /// Writes, or adds, what a block contributes to a group of rows.
    fn write_group(&self, row: usize, rows: usize, panels: Panels, packed: &[f32], to: Shared) {
        let block = panels.block;
        let mut scratch = Scratch::default();
        let sums = scratch.aligned(rows.next_multiple_of(tile::MOST_ROWS) * panels.width);
        dispatch(Group { product: self, row, rows, panels, packed, sums, to });
        let onto = match self.onto {
            _ if block.term > 0 => Onto::Numbers,
            Onto::Bias(bias) => Onto::Bias(&bias[block.column..]),
            onto => onto,
        };
        vectorized(
            #[inline(always)]
            || {
                for (at, sums) in sums.chunks_exact(panels.width).take(rows).enumerate() {
                    let place = (row + at) * self.columns + block.column;
                    // SAFETY: no other piece has these rows and columns.
                    put(&sums[..block.columns], unsafe { to.slice(place, block.columns) }, onto);
                }
            },
        );
    }
}

#[inline(always)]
fn put(sums: &[f32], to: &mut [f32], onto: Onto<'_>) {
    let sums = to.iter_mut().zip(sums);
    match onto {
        Onto::Nothing => sums.for_each(|(to, sum)| *to = *sum),
        Onto::Bias(bias) => sums.zip(bias).for_each(|((to, sum), bias)| *to = sum + bias),
        Onto::Numbers => sums.for_each(|(to, sum)| *to += sum),
    }
}
