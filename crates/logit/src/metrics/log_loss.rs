//! The mean surprise at the targets: the cross entropy as a metric.

use logit_kernels::row::{binary_cross_entropy, cross_entropy};

use super::error::MetricError;
use super::exact_sum::ExactSum;
use super::input::{
    ClassIndex, Columns, Real, check_distribution, check_number, check_numbers, check_probability,
};

/// The mean negative log-likelihood of the targets, in nats, 0 or above.
///
/// Of classes it is the mean over rows of −ln p(target); of labels the mean over all elements of
/// −ln p where the target is true and −ln (1 − p) where it is not: a row of `K` labels weighs as `K`.
///
/// From probabilities, `p` is first clipped to [ε, 1 − ε] as scikit-learn does, ε being [`Real::EPSILON`] of
/// the type they come in: a target that was given 0 costs 36 in `f64`, 16 in `f32`. From logits nothing is
/// clipped or lost, and that is the better way.
///
/// ```
/// use logit::metrics::LogLoss;
///
/// let mut loss = LogLoss::new(2)?;
/// loss.update_classes(&[0.25, 0.75], &[1], None)?;
/// loss.update_classes_from_logits(&[1000.0, 0.0], &[1], None)?;
/// assert_eq!(loss.log_loss(), Some((-0.75_f64.ln() + 1000.0) / 2.0));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogLoss {
    columns: Columns,
    sum: ExactSum,
    count: u64,
}

impl LogLoss {
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
            self.count(-clipped::<R>(probabilities[target].into()).ln());
        }
        Ok(())
    }

    /// Counts `N` rows of `K` class logits against `N` targets, but those whose target is `ignore_index`:
    /// ln Σₖ exp(zₖ) − z(target).
    ///
    /// # Errors
    ///
    /// If the lengths differ, a row that counts has a target that is no class or a logit that is not finite,
    /// or the metric counts labels.
    pub fn update_classes_from_logits<R: Real, C: ClassIndex>(
        &mut self,
        logits: &[R],
        targets: &[C],
        ignore_index: Option<i64>,
    ) -> Result<(), MetricError> {
        for (logits, target) in self.columns.class_rows(logits, targets, ignore_index, check_numbers)? {
            self.count(cross_entropy(logits, target));
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
            let probability = clipped::<R>(probability);
            self.count(if target { -probability.ln() } else { -(-probability).ln_1p() });
        }
        Ok(())
    }

    /// Counts `N·K` label logits against their targets, but those marked in `ignore`: ln (1 + exp(−z)) where
    /// the target is true, ln (1 + exp(z)) where it is not.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows, a logit that counts is not finite, or the metric counts
    /// classes.
    pub fn update_labels_from_logits<R: Real>(
        &mut self,
        logits: &[R],
        targets: &[bool],
        ignore: Option<&[bool]>,
    ) -> Result<(), MetricError> {
        for (_, logit, target) in self.columns.label_elements(logits, targets, ignore, check_number)? {
            self.count(binary_cross_entropy(logit, f64::from(u8::from(target))));
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

    /// The mean negative log-likelihood, in nats.
    pub fn log_loss(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.value() / self.count as f64)
    }

    fn count(&mut self, loss: f64) {
        self.sum.add(loss);
        self.count += 1;
    }
}

fn clipped<R: Real>(probability: f64) -> f64 {
    probability.clamp(R::EPSILON, 1.0 - R::EPSILON)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "one logarithm, rounded once")]
mod tests {
    use super::*;

    fn loss(
        update: impl FnOnce(&mut LogLoss) -> Result<(), MetricError>,
    ) -> Result<Option<f64>, MetricError> {
        let mut loss = LogLoss::new(2)?;
        update(&mut loss).map(|()| loss.log_loss())
    }

    #[test]
    fn small_and_large_losses_keep_their_digits() {
        let sure = loss(|m| m.update_classes_from_logits(&[50.0, 0.0], &[0], None)).unwrap().unwrap();
        assert!((sure / (-50.0_f64).exp() - 1.0).abs() < 1e-15, "{sure}");
        let wrong = loss(|m| m.update_labels_from_logits(&[1e4, -1e4], &[false, true], None));
        assert_eq!(wrong, Ok(Some(1e4)));
    }

    #[test]
    fn a_zero_costs_as_the_type_is_fine() {
        let single = loss(|m| m.update_classes(&[1.0_f32, 0.0], &[1], None)).unwrap().unwrap();
        assert_eq!(single, -f64::from(f32::EPSILON).ln());
        let double = loss(|m| m.update_classes(&[1.0, 0.0], &[1], None)).unwrap().unwrap();
        assert_eq!(double, -f64::EPSILON.ln());
    }

    #[test]
    fn what_is_not_a_distribution_is_named() {
        let sigmoid = loss(|m| m.update_classes(&[0.5, 0.5, 0.9, 0.8], &[0, 1], None)).unwrap_err();
        assert!(sigmoid.to_string().starts_with("the class probabilities of row 1 sum to 1.7"), "{sigmoid}");
        let logits = loss(|m| m.update_classes(&[3.0, -2.0], &[0], None)).unwrap_err();
        assert_eq!(logits, MetricError::Probability { row: 0, column: 0, value: 3.0 });
        let nan = loss(|m| m.update_labels(&[0.1, f64::NAN], &[true, true], None)).unwrap_err();
        assert!(matches!(nan, MetricError::Probability { row: 0, column: 1, .. }));
    }
}
