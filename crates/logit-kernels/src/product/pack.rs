//! The right factor in the order in which the tiles read it, and transposes.

use pulp::{Simd, WithSimd};

use super::{Block, Product, TERMS};
use crate::parallel::{Shared, for_items, map_items};
use crate::simd::{dispatch, shape, vectorized};

/// Vectors of a panel, but the last.
pub(super) const VECTORS: usize = 3;

/// Terms that are packed at a time.
const SLICE: usize = 64;

/// Rows that are turned into columns at a time: often they are a power of two apart, and a set of the first-level cache
/// keeps that many lines.
const STRIP: usize = 8;

/// A block of the right factor as `[part][panel][term][column]`: parts are `TERMS` terms, panels `VECTORS` vectors of
/// columns; the last are what remains, with zeros up to a whole vector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panels {
    pub(super) block: Block,
    /// Columns of all panels.
    pub(super) width: usize,
    /// Columns of a panel, but the last.
    most: usize,
}

impl Panels {
    pub(super) fn new(block: Block) -> Self {
        let lanes = shape().0;
        Self { block, width: block.columns.next_multiple_of(lanes), most: VECTORS * lanes }
    }

    pub(super) fn len(self) -> usize {
        self.block.terms * self.width
    }

    /// Where a term of a panel begins, and the panel's columns.
    #[inline(always)]
    fn place(self, term: usize, panel: usize) -> (usize, usize) {
        let (part, first) = (term / TERMS * TERMS, panel * self.most);
        let terms = TERMS.min(self.block.terms - part);
        let columns = self.most.min(self.width - first);
        (part * self.width + first * terms + (term - part) * columns, columns)
    }

    /// Packs the block.
    pub(super) fn pack(self, product: &Product<'_>, packed: &mut [f32], in_parallel: bool) {
        let (Block { column, term, terms, .. }, numbers) = (self.block, product.right.numbers);
        let packed = Shared::new(packed);
        if product.right.transposed {
            let panels = self.width.div_ceil(self.most);
            for_items(panels * terms.div_ceil(TERMS), in_parallel, |piece| {
                let (part, panel) = (piece / panels * TERMS, piece % panels);
                let from = &numbers[(column + panel * self.most) * product.terms + term + part..];
                self.pack_columns(from, product.terms, part, panel, packed);
            });
        } else {
            for_items(terms.div_ceil(SLICE), in_parallel, |slice| {
                let first = slice * SLICE;
                let numbers = &numbers[(term + first) * product.columns + column..];
                dispatch(Rows { panels: self, first, numbers, stride: product.columns, packed });
            });
        }
    }

    /// Packs a part of a panel from columns that are stored one after the other, `stride` apart.
    fn pack_columns(self, numbers: &[f32], stride: usize, part: usize, panel: usize, packed: Shared) {
        let terms = TERMS.min(self.block.terms - part);
        let (place, width) = self.place(part, panel);
        let columns = width.min(self.block.columns - panel * self.most);
        // SAFETY: parts of panels lie side by side, and each is packed once.
        let to = unsafe { packed.slice(place, terms * width) };
        vectorized(
            #[inline(always)]
            || {
                for first in (0..columns).step_by(STRIP) {
                    turn(
                        &numbers[first * stride..],
                        stride,
                        STRIP.min(columns - first),
                        &mut to[first..],
                        width,
                    );
                }
                if columns < width {
                    to.chunks_exact_mut(width).for_each(|to| to[columns..].fill(0.0));
                }
            },
        );
    }
}

/// Writes a few columns, `stride` apart, as columns of rows of `width` numbers.
#[inline(always)]
fn turn(numbers: &[f32], stride: usize, columns: usize, to: &mut [f32], width: usize) {
    let terms = to.len().div_ceil(width);
    if columns < STRIP {
        for column in 0..columns {
            let numbers = &numbers[column * stride..];
            to.iter_mut().skip(column).step_by(width).zip(numbers).for_each(|(to, number)| *to = *number);
        }
        return;
    }
    let mut from: [&[f32]; STRIP] = [&[]; STRIP];
    for (column, from) in from.iter_mut().enumerate() {
        *from = &numbers[column * stride..][..terms];
    }
    for (term, to) in to.chunks_mut(width).enumerate() {
        for (to, from) in to[..STRIP].iter_mut().zip(&from) {
            // SAFETY: the columns have that many terms.
            *to = unsafe { *from.get_unchecked(term) };
        }
    }
}

/// Some terms of a block, whose columns are stored side by side.
struct Rows<'a> {
    panels: Panels,
    first: usize,
    /// From the first term and column on.
    numbers: &'a [f32],
    /// From a term to the next.
    stride: usize,
    packed: Shared,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Block { columns, terms, .. } = self.panels.block;
        for (term, numbers) in (self.first..terms).take(SLICE).zip(self.numbers.chunks(self.stride)) {
            for (panel, numbers) in numbers[..columns].chunks(VECTORS * S::F32_LANES).enumerate() {
                let (place, width) = self.panels.place(term, panel);
                // SAFETY: a term of a panel is packed once.
                copy::<S>(numbers, unsafe { self.packed.slice(place, width) });
            }
        }
    }
}

/// Copies numbers, and writes zeros after them.
#[inline(always)]
fn copy<S: Simd>(from: &[f32], to: &mut [f32]) {
    if from.len() == VECTORS * S::F32_LANES
        && let Some(from) = S::as_simd_f32s(from).0.first_chunk::<VECTORS>()
        && let Some(to) = S::as_mut_simd_f32s(to).0.first_chunk_mut::<VECTORS>()
    {
        *to = *from;
        return;
    }
    let (to, rest) = to.split_at_mut(from.len());
    to.copy_from_slice(from);
    rest.fill(0.0);
}

/// Rows and columns of the squares that a matrix is transposed by: a cache line of numbers.
const SQUARE: usize = 16;

/// Writes the transpose of a `[rows, columns]` matrix.
pub(crate) fn transpose(numbers: &[f32], [rows, columns]: [usize; 2], to: &mut [f32]) {
    let to = Shared::new(to);
    map_items(columns.div_ceil(SQUARE), SQUARE * rows, |strip| {
        let first = strip * SQUARE;
        let width = SQUARE.min(columns - first);
        // SAFETY: strips of columns are rows of the transpose, side by side.
        let to = unsafe { to.slice(first * rows, width * rows) };
        vectorized(
            #[inline(always)]
            || transpose_strip(numbers, columns, first, to, rows),
        );
    });
}

/// Writes the columns from `first` on as rows, square by square.
#[inline(always)]
fn transpose_strip(numbers: &[f32], columns: usize, first: usize, to: &mut [f32], rows: usize) {
    for start in (0..rows).step_by(SQUARE) {
        let height = SQUARE.min(rows - start);
        for (column, to) in to.chunks_exact_mut(rows).enumerate() {
            let from = numbers[start * columns + first + column..].iter().step_by(columns);
            to[start..start + height].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}
