//! The squared distance of probabilities from what happened.

use super::error::MetricError;
use super::exact_sum::ExactSum;
use super::input::{ClassIndex, Columns, Real, check_distribution, check_probability};

/// The Brier score (Brier 1950): lower is better.
///
/// - Of classes it is the *sum over classes*, averaged over rows: (1/N)·Σₙ Σₖ (pₙₖ − yₙₖ)², in [0, 2].
/// - Of labels, and so of one yes-or-no column, it is the mean over elements: (1/NK)·Σₙₖ (pₙₖ − yₙₖ)², in [0,
///   1].
///
/// So two classes with `p` and `1 − p` score twice what the one label with `p` scores. (scikit-learn's
/// `brier_score_loss` scales as this, but halves the score of two classes to that of a label.)
///
/// ```
/// use logit::metrics::Brier;
///
/// let (mut classes, mut label) = (Brier::new(2)?, Brier::new(1)?);
/// classes.update_classes(&[0.25, 0.75], &[1], None)?;
/// label.update_labels(&[0.75], &[true], None)?;
/// assert_eq!(classes.brier(), Some(0.125));
/// assert_eq!(label.brier(), Some(0.0625));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Brier {
    columns: Columns,
    sum: ExactSum,
    count: u64,
}

impl Brier {
    /// An empty mean, for `columns` classes or labels; one label is yes or no.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoColumns`] if there is no column.
    pub fn new(columns: usize) -> Result<Self, MetricError> {
        Ok(Self { columns: Columns::new(columns)?, sum: ExactSum::default(), count: 0 })
    }

    /// Counts `N` rows of `K` class probabilities against `N` targets, but those whose target is
    /// `ignore_index`.
    ///
    /// # Errors
    ///
    /// If the lengths differ, a row that counts has a target that is no class or is no distribution (a sum
    /// within 0.01 of 1 is), or the metric counts labels.
    pub fn update_classes<R: Real, C: ClassIndex>(
        &mut self,
        probabilities: &[R],
        targets: &[C],
        ignore_index: Option<i64>,
    ) -> Result<(), MetricError> {
        let rows = self.columns.class_rows(probabilities, targets, ignore_index, check_distribution)?;
        for (probabilities, target) in rows {
            for (class, &probability) in probabilities.iter().enumerate() {
                self.add(probability.into(), class == target);
            }
            self.count += 1;
        }
        Ok(())
    }

    /// Counts `N·K` label probabilities against their targets, but those marked in `ignore`.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows, a number that counts is no probability, or the metric
    /// counts classes.
    pub fn update_labels<R: Real>(
        &mut self,
        probabilities: &[R],
        targets: &[bool],
        ignore: Option<&[bool]>,
    ) -> Result<(), MetricError> {
        let elements = self.columns.label_elements(probabilities, targets, ignore, check_probability)?;
        for (_, probability, target) in elements {
            self.add(probability, target);
            self.count += 1;
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    ///
    /// # Errors
    ///
    /// If it is over another number of columns, or of labels where this is of classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        self.columns.merge(other.columns)?;
        self.sum.merge(&other.sum);
        self.count += other.count;
        Ok(())
    }

    /// The Brier score: in [0, 2] of classes, in [0, 1] of labels.
    pub fn brier(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.value() / self.count as f64)
    }

    fn add(&mut self, probability: f64, target: bool) {
        let error = probability - f64::from(u8::from(target));
        self.sum.add_product(error, error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_two_of_classes_and_one_of_labels() {
        let (mut classes, mut labels) = (Brier::new(2).unwrap(), Brier::new(2).unwrap());
        assert_eq!(classes.brier(), None);
        classes.update_classes(&[1.0_f32, 0.0], &[1], None).unwrap();
        labels.update_labels(&[1.0_f32, 0.0], &[false, true], None).unwrap();
        assert_eq!((classes.brier(), labels.brier()), (Some(2.0), Some(1.0)));
    }
}
