//! Class indices, and a look over them before a loss takes them.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::parallel::{LEAST_PIECE, map_items};
use crate::simd::dispatch;

/// A class per position, as wide as the caller has it.
#[derive(Clone, Copy, Debug)]
pub enum Indices<'a> {
    /// 32 bits each.
    I32(&'a [i32]),
    /// 64 bits each.
    I64(&'a [i64]),
}

impl<'a> From<&'a [i64]> for Indices<'a> {
    fn from(index: &'a [i64]) -> Self {
        Self::I64(index)
    }
}

impl Indices<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::I32(index) => index.len(),
            Self::I64(index) => index.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class of a position.
    ///
    /// # Panics
    /// There is no such position.
    #[inline(always)]
    pub fn at(&self, position: usize) -> i64 {
        match self {
            Self::I32(index) => index[position].into(),
            Self::I64(index) => index[position],
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        (0..self.len()).map(|position| self.at(position))
    }

    /// Those of some positions.
    ///
    /// # Panics
    /// The range is not inside.
    #[must_use]
    pub fn range(&self, positions: Range<usize>) -> Self {
        match self {
            Self::I32(index) => Self::I32(&index[positions]),
            Self::I64(index) => Self::I64(&index[positions]),
        }
    }
}

/// What class indices are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many are neither a class nor the ignored index.
    pub outside: usize,
    /// How many are the ignored index.
    pub ignored: usize,
}

/// Counts the indices that are no class, and those that are ignored.
pub fn survey(index: Indices<'_>, classes: usize, ignore_index: Option<i64>) -> Survey {
    let pieces = map_items(index.len().div_ceil(LEAST_PIECE), LEAST_PIECE, |piece| {
        let positions = piece * LEAST_PIECE..index.len().min((piece + 1) * LEAST_PIECE);
        let classes = classes as i64;
        match index.range(positions) {
            Indices::I32(index) => dispatch(Count { index, classes, ignore_index }),
            Indices::I64(index) => dispatch(Count { index, classes, ignore_index }),
        }
    });
    pieces.into_iter().fold(Survey::default(), |sum, piece| Survey {
        outside: sum.outside + piece.outside,
        ignored: sum.ignored + piece.ignored,
    })
}

struct Count<'a, I> {
    index: &'a [I],
    classes: i64,
    ignore_index: Option<i64>,
}

impl<I: Copy + Into<i64>> WithSimd for Count<'_, I> {
    type Output = Survey;

    /// Without branches or an early end: a loop that runs in vectors.
    #[inline(always)]
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator would be a branch")]
    fn with_simd<S: Simd>(self, _simd: S) -> Survey {
        let (ignores, ignored) = (self.ignore_index.is_some(), self.ignore_index.unwrap_or(0));
        let mut survey = Survey::default();
        for &class in self.index {
            let class: i64 = class.into();
            let marked = ignores & (class == ignored);
            let inside = (class >= 0) & (class < self.classes);
            survey.outside += usize::from(!(inside | marked));
            survey.ignored += usize::from(marked);
        }
        survey
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_counted() {
        let index: Vec<i64> =
            (0..40_000).map(|at| [0, 3, -100, 5, -1, 4, i64::MAX, i64::MIN][at % 8]).collect();
        let of = |classes, ignore_index| survey(Indices::I64(&index), classes, ignore_index);
        assert_eq!(of(5, Some(-100)), Survey { outside: 20_000, ignored: 5_000 });
        assert_eq!(of(6, None), Survey { outside: 20_000, ignored: 0 });
        assert_eq!(of(5, Some(3)), Survey { outside: 25_000, ignored: 5_000 });
        assert_eq!(survey(Indices::I64(&[]), 5, None), Survey::default());
    }

    #[test]
    fn narrow_indices_are_those_of_wide_ones() {
        let index: Vec<i32> =
            (0..40_000).map(|at| [0, 3, -100, 5, -1, 4, i32::MAX, i32::MIN][at % 8]).collect();
        let narrow = Indices::I32(&index);
        let wide: Vec<i64> = narrow.iter().collect();
        assert_eq!(survey(narrow, 5, Some(-100)), survey(Indices::I64(&wide), 5, Some(-100)));
        assert_eq!((narrow.len(), narrow.range(2..4).at(0)), (40_000, -100));
    }
}
