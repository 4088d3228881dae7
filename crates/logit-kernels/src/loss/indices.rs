//! A look over class indices before a loss takes them.

use pulp::{Simd, WithSimd};

use crate::parallel::{LEAST_PIECE, map_items};
use crate::simd::dispatch;

/// What class indices are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many are neither a class nor the ignored index.
    pub outside: usize,
    /// How many are the ignored index.
    pub ignored: usize,
}

/// Counts the indices that are no class, and those that are ignored.
pub fn survey(index: &[i64], classes: usize, ignore_index: Option<i64>) -> Survey {
    let pieces = map_items(index.len().div_ceil(LEAST_PIECE), LEAST_PIECE, |piece| {
        let index = &index[piece * LEAST_PIECE..index.len().min((piece + 1) * LEAST_PIECE)];
        dispatch(Count { index, classes: classes as i64, ignore_index })
    });
    pieces.into_iter().fold(Survey::default(), |sum, piece| Survey {
        outside: sum.outside + piece.outside,
        ignored: sum.ignored + piece.ignored,
    })
}

struct Count<'a> {
    index: &'a [i64],
    classes: i64,
    ignore_index: Option<i64>,
}

impl WithSimd for Count<'_> {
    type Output = Survey;

    /// Without branches or an early end: a loop that runs in vectors.
    #[inline(always)]
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator would be a branch")]
    fn with_simd<S: Simd>(self, _simd: S) -> Survey {
        let (ignores, ignored) = (self.ignore_index.is_some(), self.ignore_index.unwrap_or(0));
        let mut survey = Survey::default();
        for &class in self.index {
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
        assert_eq!(survey(&index, 5, Some(-100)), Survey { outside: 20_000, ignored: 5_000 });
        assert_eq!(survey(&index, 6, None), Survey { outside: 20_000, ignored: 0 });
        assert_eq!(survey(&index, 5, Some(3)), Survey { outside: 25_000, ignored: 5_000 });
        assert_eq!(survey(&[], 5, None), Survey::default());
    }
}
