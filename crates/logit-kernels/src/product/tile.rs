//! The loops of a product: a few rows by a panel, whose sums are held in registers while the terms go by.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::pack::{Panels, VECTORS};
use super::{Matrix, Product, TERMS};
use crate::parallel::Shared;
use crate::simd::{load, prefetch_write, store};

/// Rows of a tile, at most.
pub(super) const MOST_ROWS: usize = 8;

/// What a block contributes to a group of rows.
pub(super) struct Group<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) panels: Panels,
    pub(super) packed: &'a [f32],
    /// `[row][column]`, with rows up to whole tiles and columns up to whole vectors.
    pub(super) sums: &'a mut [f32],
    /// Where the sums are to go.
    pub(super) to: Shared,
}

impl WithSimd for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let sums = std::mem::take(&mut self.sums);
        // As many sums as there are registers for, beside what is multiplied.
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, MOST_ROWS>(simd, sums);
        } else {
            self.run::<S, 4>(simd, sums);
        }
    }
}

impl Group<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize>(&self, simd: S, sums: &mut [f32]) {
        let terms = self.panels.block.terms;
        let mut left = [[0.0; TERMS]; ROWS];
        sums.fill(0.0);
        for part in (0..terms).step_by(TERMS) {
            let part = part..terms.min(part + TERMS);
            let rows = (0..self.rows).step_by(ROWS);
            for (first, sums) in rows.zip(sums.chunks_exact_mut(ROWS * self.panels.width)) {
                self.copy_left(first, part.clone(), &mut left);
                self.tiles::<S, ROWS>(simd, first, part.clone(), &left, sums);
            }
        }
    }

    /// Copies a part of the terms of a tile's rows of the left factor. Where rows are too few, what is there already
    /// computes sums that nobody reads.
    #[inline(always)]
    fn copy_left<const ROWS: usize>(
        &self,
        first: usize,
        part: Range<usize>,
        left: &mut [[f32; TERMS]; ROWS],
    ) {
        let Product { rows: all, terms: of_row, left: Matrix { numbers, transposed }, .. } = *self.product;
        let (row, rows) = (self.row + first, ROWS.min(self.rows - first));
        let (term, terms) = (self.panels.block.term + part.start, part.len());
        if transposed {
            for at in 0..terms {
                let numbers = &numbers[(term + at) * all + row..][..rows];
                left.iter_mut().zip(numbers).for_each(|(left, number)| left[at] = *number);
            }
        } else {
            for (at, left) in left.iter_mut().take(rows).enumerate() {
                left[..terms].copy_from_slice(&numbers[(row + at) * of_row + term..][..terms]);
            }
        }
    }

    /// Adds the products of a tile's rows with a part of every panel.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        first: usize,
        part: Range<usize>,
        left: &[[f32; TERMS]; ROWS],
        sums: &mut [f32],
    ) {
        let (width, terms) = (self.panels.width, part.len());
        let packed = &self.packed[part.start * width..part.end * width];
        assert!(terms <= TERMS && sums.len() == ROWS * width, "{part:?} of {width} columns");
        for column in (0..width).step_by(VECTORS * S::F32_LANES) {
            if part.start == 0 {
                self.expect_writes::<S, ROWS>(first, column);
            }
            // SAFETY: the panel, which begins after those before it, has as many vectors a term as there are from
            // `column` on, at most `VECTORS`, and so has each row of the sums.
            unsafe {
                let panel = packed.as_ptr().add(column * terms);
                let sums = sums.as_mut_ptr().add(column);
                match (width - column) / S::F32_LANES {
                    1 => tile::<S, ROWS, 1>(simd, left, terms, panel, sums, width),
                    2 => tile::<S, ROWS, 2>(simd, left, terms, panel, sums, width),
                    _ => tile::<S, ROWS, VECTORS>(simd, left, terms, panel, sums, width),
                }
            }
        }
    }

    /// Fetches what a tile's sums are going to be written to, as far as there is any, while they are computed.
    #[inline(always)]
    fn expect_writes<S: Simd, const ROWS: usize>(&self, first: usize, column: usize) {
        let columns = self.product.columns;
        let start = (self.row + first) * columns + self.panels.block.column + column;
        for row in 0..ROWS {
            for vector in 0..VECTORS {
                prefetch_write(self.to.place(start + row * columns + vector * S::F32_LANES));
            }
        }
    }
}

/// Adds the products of some rows with a panel of `N` vectors to sums whose rows are `stride` apart.
///
/// # Safety
/// There are at most `TERMS` terms; the vectors of each can be read from `panel` on, and those of the sums of each row
/// be read and written.
#[inline(always)]
unsafe fn tile<S: Simd, const ROWS: usize, const N: usize>(
    simd: S,
    left: &[[f32; TERMS]; ROWS],
    terms: usize,
    mut panel: *const f32,
    to: *mut f32,
    stride: usize,
) {
    // Loops, not `map` of an array: what is not inlined here is compiled without the vectors.
    let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
    for term in 0..terms {
        let mut numbers = [simd.splat_f32s(0.0); N];
        // SAFETY: as the caller vouches.
        unsafe {
            for (at, numbers) in numbers.iter_mut().enumerate() {
                *numbers = load(simd, panel.add(at * S::F32_LANES));
            }
            panel = panel.add(N * S::F32_LANES);
        }
        for (sums, left) in sums.iter_mut().zip(left) {
            // SAFETY: terms are `TERMS` at most.
            let factor = simd.splat_f32s(unsafe { *left.get_unchecked(term) });
            for (sum, numbers) in sums.iter_mut().zip(numbers) {
                *sum = simd.mul_add_e_f32s(numbers, factor, *sum);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (at, sum) in sums.iter().enumerate() {
            // SAFETY: as the caller vouches.
            unsafe {
                let to = to.add(row * stride + at * S::F32_LANES);
                store(simd, to, simd.add_f32s(load(simd, to), *sum));
            }
        }
    }
}
