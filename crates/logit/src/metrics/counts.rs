//! True and false, positive and negative: the four counts that precision, recall and their kin are made of.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::average::{Average, mean, weighted_mean};
use super::error::MetricError;

/// The decisions on one class or label against its targets.
///
/// Where a ratio has nothing below the line, precision, recall and F are 0, as scikit-learn's with its
/// default `zero_division`; [`iou`](Self::iou) and [`dice`](Self::dice) are `None`.
///
/// ```
/// use logit::metrics::Counts;
///
/// let counts = Counts { true_positives: 6, false_positives: 2, false_negatives: 4, true_negatives: 8 };
/// assert_eq!(counts.precision(), 0.75);
/// assert_eq!(counts.recall(), 0.6);
/// assert_eq!(counts.iou(), Some(0.5));
/// assert_eq!(Counts::default().precision(), 0.0);
/// assert_eq!(Counts::default().iou(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Decided positive, and rightly.
    pub true_positives: u64,
    /// Decided positive, and wrongly.
    pub false_positives: u64,
    /// Decided negative, and wrongly.
    pub false_negatives: u64,
    /// Decided negative, and rightly.
    pub true_negatives: u64,
}

impl Counts {
    /// The number of positive targets.
    pub fn support(&self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// The number of positive decisions.
    pub fn decided(&self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// The number of all decisions.
    pub fn total(&self) -> u64 {
        self.decided() + self.false_negatives + self.true_negatives
    }

    /// How many of the positive decisions are right: TP / (TP + FP), in [0, 1]; 0 if there are none.
    pub fn precision(&self) -> f64 {
        ratio(self.true_positives, self.decided()).unwrap_or(0.0)
    }

    /// How many of the positive targets are found: TP / (TP + FN), in [0, 1]; 0 if there are none.
    pub fn recall(&self) -> f64 {
        ratio(self.true_positives, self.support()).unwrap_or(0.0)
    }

    /// The harmonic mean of precision and recall: 2·TP / (2·TP + FP + FN), in [0, 1]; 0 if no positive was
    /// decided or wanted.
    pub fn f1(&self) -> f64 {
        self.dice().unwrap_or(0.0)
    }

    /// The weighted harmonic mean of precision and recall, recall weighing β times as much (van Rijsbergen
    /// 1979): (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP), in [0, 1]; 0 if no positive was decided or wanted.
    /// With β = 0 it is the precision, and nears the recall as β grows.
    ///
    /// # Errors
    ///
    /// [`MetricError::Beta`] if β is negative or not finite.
    pub fn f_beta(&self, beta: f64) -> Result<f64, MetricError> {
        recall_weight(beta).map(|weight| self.f_weighted(weight))
    }

    /// Intersection over union, the Jaccard index: TP / (TP + FP + FN), in [0, 1]; `None` if the class occurs
    /// neither in decisions nor in targets.
    pub fn iou(&self) -> Option<f64> {
        ratio(self.true_positives, self.decided() + self.false_negatives)
    }

    /// The Dice coefficient: 2·TP / (2·TP + FP + FN), in [0, 1]; `None` if the class occurs neither in
    /// decisions nor in targets. Where defined it is [`f1`](Self::f1).
    pub fn dice(&self) -> Option<f64> {
        ratio(2 * self.true_positives, self.decided() + self.support())
    }

    /// Whether the class occurs in a decision or in a target.
    pub(crate) fn occurs(&self) -> bool {
        self.decided() + self.false_negatives > 0
    }

    /// Counts one decision.
    pub(crate) fn count(&mut self, decision: bool, target: bool) {
        *match (decision, target) {
            (true, true) => &mut self.true_positives,
            (true, false) => &mut self.false_positives,
            (false, true) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        } += 1;
    }

    /// F-beta from the weight that [`recall_weight`] gives.
    pub(crate) fn f_weighted(&self, weight: f64) -> f64 {
        let hits = self.true_positives as f64;
        let misses = weight * self.false_negatives as f64 + (1.0 - weight) * self.false_positives as f64;
        if hits > 0.0 { hits / (hits + misses) } else { 0.0 }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
        self.true_negatives += other.true_negatives;
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}

/// The share β² / (1 + β²) of false negatives in F-beta's denominator: F = TP / (TP + w·FN + (1 − w)·FP),
/// which overflows for no β.
pub(crate) fn recall_weight(beta: f64) -> Result<f64, MetricError> {
    if !beta.is_finite() || beta < 0.0 {
        return Err(MetricError::Beta { beta });
    }
    Ok(1.0 / (1.0 + (beta * beta).recip()))
}

/// A ratio averaged over columns that all count; `None` if there are no columns or nothing was counted in
/// them.
pub(crate) fn average(columns: &[Counts], average: Average, measure: impl Fn(&Counts) -> f64) -> Option<f64> {
    let values = || columns.iter().map(|counts| Some(measure(counts)));
    match average {
        Average::Micro => {
            let pooled: Counts = columns.iter().copied().sum();
            (pooled.total() > 0).then(|| measure(&pooled))
        }
        Average::Macro => mean(values()),
        Average::Weighted => {
            let weighted = weighted_mean(values().zip(columns.iter().map(Counts::support)));
            // No positives at all: 0, as each column's recall is.
            weighted.or((!columns.is_empty()).then_some(0.0))
        }
    }
}

/// `numerator / denominator`, or `None` for no denominator.
pub(crate) fn ratio(numerator: u64, denominator: u64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts =
        Counts { true_positives: 6, false_positives: 2, false_negatives: 4, true_negatives: 8 };

    #[test]
    fn f_beta_runs_from_precision_to_recall() {
        for (beta, expected) in [
            (0.0, COUNTS.precision()),
            (1.0, COUNTS.f1()),
            (2.0, 30.0 / (30.0 + 16.0 + 2.0)),
            (1e200, COUNTS.recall()),
        ] {
            assert_eq!(COUNTS.f_beta(beta), Ok(expected), "beta {beta}");
        }
        assert_eq!(COUNTS.f_beta(-1.0), Err(MetricError::Beta { beta: -1.0 }));
        assert!(COUNTS.f_beta(f64::NAN).is_err() && COUNTS.f_beta(f64::INFINITY).is_err());
    }

    #[test]
    fn averages_of_nothing_are_none_and_without_positives_zero() {
        let negatives = Counts { true_negatives: 3, ..Counts::default() };
        for kind in [Average::Micro, Average::Macro, Average::Weighted] {
            assert_eq!(average(&[], kind, Counts::recall), None);
            assert_eq!(average(&[negatives], kind, Counts::recall), Some(0.0));
        }
    }
}
