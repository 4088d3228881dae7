//! How well predicted numbers go up and down with the targets.

use super::error::MetricError;
use super::exact_sum::{ExactSum, exact};
use super::input::{Real, check_length, check_number};

/// Pearson's correlation, r = cov(p, t) / (σ(p)·σ(t)), in [−1, 1].
///
/// Covariance and variances come of exact sums and are rounded once. Numbers below 2^-484 in magnitude count
/// as 0.
///
/// ```
/// use logit::metrics::Pearson;
///
/// let mut correlation = Pearson::new();
/// correlation.update(&[1.0, 2.0], &[10.0, 20.0])?;
/// assert_eq!(correlation.pearson(), Some(1.0));
/// correlation.update(&[3.0], &[0.0])?;
/// assert!((correlation.pearson().unwrap() + 0.5).abs() < 1e-15);
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pearson {
    count: u64,
    predictions: ExactSum,
    targets: ExactSum,
    squared_predictions: ExactSum,
    squared_targets: ExactSum,
    products: ExactSum,
}

impl Pearson {
    /// Empty sums.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `N` predictions against `N` targets.
    ///
    /// # Errors
    ///
    /// If the lengths differ or a number is not finite.
    pub fn update<P: Real, T: Real>(&mut self, predictions: &[P], targets: &[T]) -> Result<(), MetricError> {
        for (prediction, target) in pairs(predictions, targets)? {
            self.count(exact(prediction), exact(target));
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.predictions.merge(&other.predictions);
        self.targets.merge(&other.targets);
        self.squared_predictions.merge(&other.squared_predictions);
        self.squared_targets.merge(&other.squared_targets);
        self.products.merge(&other.products);
    }

    /// The correlation; `None` if predictions or targets are constant, as fewer than two are.
    pub fn pearson(&self) -> Option<f64> {
        let spread = |squares, sum| ExactSum::centred(self.count, squares, sum, sum);
        let predictions = spread(&self.squared_predictions, &self.predictions);
        let targets = spread(&self.squared_targets, &self.targets);
        let together = ExactSum::centred(self.count, &self.products, &self.predictions, &self.targets);
        let defined = predictions > 0.0 && targets > 0.0;
        // The product of the two slopes is r²: the product of the spreads could overflow or underflow.
        defined.then(|| (together / predictions * (together / targets)).sqrt().min(1.0).copysign(together))
    }

    fn count(&mut self, prediction: f64, target: f64) {
        self.count += 1;
        self.predictions.add(prediction);
        self.targets.add(target);
        self.squared_predictions.add_product(prediction, prediction);
        self.squared_targets.add_product(target, target);
        self.products.add_product(prediction, target);
    }
}

/// Spearman's correlation: Pearson's of the ranks, in [−1, 1]; equal numbers share the mean of their ranks.
///
/// All numbers are kept, 16 bytes a pair, and ranked when the value is read.
///
/// ```
/// use logit::metrics::Spearman;
///
/// let mut correlation = Spearman::new();
/// correlation.update(&[0.1, 0.2, 0.9], &[1.0, 10.0, 1000.0])?;
/// assert_eq!(correlation.spearman(), Some(1.0));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Spearman {
    predictions: Vec<f64>,
    targets: Vec<f64>,
}

impl Spearman {
    /// No numbers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `N` predictions and `N` targets.
    ///
    /// # Errors
    ///
    /// If the lengths differ or a number is not finite.
    pub fn update<P: Real, T: Real>(&mut self, predictions: &[P], targets: &[T]) -> Result<(), MetricError> {
        for (prediction, target) in pairs(predictions, targets)? {
            self.predictions.push(prediction);
            self.targets.push(target);
        }
        Ok(())
    }

    /// Adds the numbers taken elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.predictions.extend_from_slice(&other.predictions);
        self.targets.extend_from_slice(&other.targets);
    }

    /// The correlation; `None` if predictions or targets are constant, as fewer than two are.
    pub fn spearman(&self) -> Option<f64> {
        let mut ranked = Pearson::new();
        for (prediction, target) in ranks(&self.predictions).into_iter().zip(ranks(&self.targets)) {
            ranked.count(prediction, target);
        }
        ranked.pearson()
    }
}

/// The pairs, after a look at all of them.
fn pairs<'a, P: Real, T: Real>(
    predictions: &'a [P],
    targets: &'a [T],
) -> Result<impl Iterator<Item = (f64, f64)> + use<'a, P, T>, MetricError> {
    check_length("predictions", predictions.len(), targets.len())?;
    let pairs = predictions.iter().zip(targets).map(|(&p, &t)| (p.into(), t.into()));
    for (row, (prediction, target)) in pairs.clone().enumerate() {
        check_number(row, 0, prediction)?;
        check_number(row, 0, target)?;
    }
    Ok(pairs)
}

/// The rank of each number from 0, the mean rank among equal ones: whole or half numbers.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_unstable_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut first = 0;
    // In ascending order what is not lower than the one before is equal to it; -0 equals 0.
    for equal in order.chunk_by(|&a, &b| numbers[a] >= numbers[b]) {
        for &i in equal {
            ranks[i] = first as f64 + (equal.len() - 1) as f64 / 2.0;
        }
        first += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_correlates_with_nothing() {
        let (mut pearson, mut spearman) = (Pearson::new(), Spearman::new());
        assert_eq!((pearson.pearson(), spearman.spearman()), (None, None));
        pearson.update(&[0.1; 3], &[1.0, 2.0, 3.0]).unwrap();
        spearman.update(&[1.0, 2.0, 3.0], &[0.1; 3]).unwrap();
        assert_eq!((pearson.pearson(), spearman.spearman()), (None, None));
    }

    #[test]
    fn equal_numbers_share_their_rank() {
        assert_eq!(ranks(&[3.0, -0.0, 0.0, 9.0, 3.0, 3.0]), [3.0, 0.5, 0.5, 5.0, 3.0, 3.0]);
    }

    #[test]
    fn scale_does_not_matter() {
        for scale in [1e-145, 1e-60, 1.0, 1e130] {
            let mut pearson = Pearson::new();
            pearson.update(&[scale, 2.0 * scale, 3.0 * scale], &[scale, 2.0 * scale, 0.0]).unwrap();
            assert!((pearson.pearson().unwrap() + 0.5).abs() < 1e-15, "{scale}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut pearson = Pearson::new();
        let error = pearson.update(&[1.0, f32::NAN], &[1.0, 2.0]).unwrap_err();
        assert!(matches!(error, MetricError::Number { row: 1, .. }));
        assert!(pearson.update(&[1.0], &[1.0, 2.0]).is_err());
        assert_eq!(pearson.count, 0);
    }
}
