//! What classes and labels weigh in a loss, by how often they occur.

use serde::{Deserialize, Serialize};

/// Whether rare classes or labels weigh more.
///
/// Of `N` samples in `K` classes, one of a class with `n` of them weighs `N / (K · n)` when balanced: then every class
/// weighs `N / K` in all, and the mean weight of a sample is 1. A label's positives, `n` of `N`, weigh `(N − n) / n`, as
/// much as its negatives in all. The square root of either lies between that and no weights.
///
/// ```
/// use logit_data::Weights;
///
/// assert_eq!(Weights::Balanced.of_classes(&[6, 2]), Some(vec![8.0 / (2.0 * 6.0), 2.0]));
/// assert_eq!(Weights::Balanced.of_labels(&[2], 10), Some(vec![4.0]));
/// assert_eq!(Weights::Sqrt.of_labels(&[2], 10), Some(vec![2.0]));
/// assert_eq!(Weights::None.of_classes(&[6, 2]), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Every sample weighs the same.
    #[default]
    None,
    /// Every class weighs the same in all; the positives of a label as much as its negatives.
    Balanced,
    /// The square root of the balanced weights.
    #[serde(alias = "root")]
    Sqrt,
}

impl Weights {
    /// The weight of each class, from the number of its samples; none where all weigh the same.
    ///
    /// A class without samples weighs as if it had one.
    pub fn of_classes(self, counts: &[u64]) -> Option<Vec<f64>> {
        let (total, classes) = (counts.iter().sum::<u64>() as f64, counts.len() as f64);
        self.of(counts, |count| total / (classes * count.max(1) as f64))
    }

    /// The weight of each label's positives, from their number among `total` samples; none where all weigh the same.
    ///
    /// A label without positives, or without negatives, weighs as if it had one.
    pub fn of_labels(self, positives: &[u64], total: u64) -> Option<Vec<f64>> {
        self.of(positives, |count| total.saturating_sub(count).max(1) as f64 / count.max(1) as f64)
    }

    fn of(self, counts: &[u64], balanced: impl Fn(u64) -> f64) -> Option<Vec<f64>> {
        let balanced = counts.iter().map(|count| balanced(*count));
        match self {
            Self::None => None,
            Self::Balanced => Some(balanced.collect()),
            Self::Sqrt => Some(balanced.map(f64::sqrt).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_even_out_what_is_rare() {
        let counts = [900, 75, 25];
        let balanced = Weights::Balanced.of_classes(&counts).unwrap();
        for (weight, count) in balanced.iter().zip(counts) {
            assert!((weight * count as f64 - 1000.0 / 3.0).abs() < 1e-9, "{balanced:?}");
        }
        let root = Weights::Sqrt.of_classes(&counts).unwrap();
        assert!(root.iter().zip(&balanced).all(|(root, whole)| (root * root - whole).abs() < 1e-9));
        assert!((Weights::Balanced.of_labels(&counts, 1000).unwrap()[2] - 39.0).abs() < 1e-12);
        assert_eq!(Weights::None.of_labels(&counts, 1000), None);
    }

    #[test]
    fn what_never_or_always_occurs_weighs_as_if_once() {
        assert_eq!(Weights::Balanced.of_classes(&[4, 0]), Some(vec![0.5, 2.0]));
        assert_eq!(Weights::Balanced.of_labels(&[0, 4], 4), Some(vec![4.0, 0.25]));
    }
}
