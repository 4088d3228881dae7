//! How far predicted numbers are from the targets.

use serde::{Deserialize, Serialize};

use super::average::mean;
use super::error::MetricError;
use super::exact_sum::{ExactSum, exact};
use super::input::{Columns, Real, check_length, check_numbers, check_rows};

/// Absolute and squared errors and R² of `T` outputs, each on its own and their plain mean.
///
/// Sums are exact, and R² loses nothing to cancellation however far the targets are from 0. Numbers below
/// 2^-484 in magnitude count as 0.
///
/// ```
/// use logit::metrics::Regression;
///
/// let mut errors = Regression::new(1)?;
/// errors.update(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0])?;
/// assert_eq!(errors.mae(), Some(0.5));
/// assert_eq!(errors.mse(), Some(0.375));
/// assert!((errors.r2().unwrap() - 0.9486).abs() < 1e-4);
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Regression {
    columns: Columns,
    rows: u64,
    outputs: Vec<Sums>,
}

/// The errors of one output.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputErrors {
    /// Mean absolute error, (1/N)·Σ|p − t|, 0 or above, in the target's unit.
    pub mae: f64,
    /// Mean squared error, (1/N)·Σ(p − t)², 0 or above.
    pub mse: f64,
    /// Root mean squared error, √MSE, 0 or above, in the target's unit.
    pub rmse: f64,
    /// Coefficient of determination, 1 − Σ(p − t)² / Σ(t − t̄)², at most 1; 0 is what always predicting the
    /// mean target gives. `None` if the targets are constant.
    pub r2: Option<f64>,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    absolute: ExactSum,
    squared: ExactSum,
    targets: ExactSum,
    squared_targets: ExactSum,
}

impl Regression {
    /// Empty sums for `outputs` outputs.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoColumns`] if there is no output.
    pub fn new(outputs: usize) -> Result<Self, MetricError> {
        Ok(Self { columns: Columns::new(outputs)?, rows: 0, outputs: vec![Sums::default(); outputs] })
    }

    /// Counts `N·T` predictions against `N·T` targets.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows, or a number is not finite.
    pub fn update<P: Real, T: Real>(&mut self, predictions: &[P], targets: &[T]) -> Result<(), MetricError> {
        let outputs = self.columns.count();
        check_rows("targets", targets.len(), outputs)?;
        check_length("predictions", predictions.len(), targets.len())?;
        let rows = || predictions.chunks_exact(outputs).zip(targets.chunks_exact(outputs));
        for (row, (predictions, targets)) in rows().enumerate() {
            check_numbers(row, predictions)?;
            check_numbers(row, targets)?;
        }
        for (predictions, targets) in rows() {
            self.rows += 1;
            for (sums, (&prediction, &target)) in self.outputs.iter_mut().zip(predictions.iter().zip(targets))
            {
                sums.count(exact(prediction.into()), exact(target.into()));
            }
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    ///
    /// # Errors
    ///
    /// If it is over another number of outputs.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        self.columns.merge(other.columns)?;
        self.rows += other.rows;
        for (sums, more) in self.outputs.iter_mut().zip(&other.outputs) {
            sums.absolute.merge(&more.absolute);
            sums.squared.merge(&more.squared);
            sums.targets.merge(&more.targets);
            sums.squared_targets.merge(&more.squared_targets);
        }
        Ok(())
    }

    /// The number of rows counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The errors of each output, or `None` if no row was counted.
    pub fn per_output(&self) -> Option<Vec<OutputErrors>> {
        (self.rows > 0).then(|| self.outputs.iter().map(|sums| sums.errors(self.rows)).collect())
    }

    /// The mean over outputs of the mean absolute error.
    pub fn mae(&self) -> Option<f64> {
        self.mean(|errors| Some(errors.mae))
    }

    /// The mean over outputs of the mean squared error.
    pub fn mse(&self) -> Option<f64> {
        self.mean(|errors| Some(errors.mse))
    }

    /// The mean over outputs of the root mean squared error (not the root of the mean).
    pub fn rmse(&self) -> Option<f64> {
        self.mean(|errors| Some(errors.rmse))
    }

    /// The mean R² of the outputs whose targets are not constant; `None` if all are.
    pub fn r2(&self) -> Option<f64> {
        self.mean(|errors| errors.r2)
    }

    fn mean(&self, value: impl Fn(OutputErrors) -> Option<f64>) -> Option<f64> {
        mean(self.per_output()?.into_iter().map(value))
    }
}

impl Sums {
    fn count(&mut self, prediction: f64, target: f64) {
        let error = prediction - target;
        self.absolute.add(error.abs());
        self.squared.add_product(error, error);
        self.targets.add(target);
        self.squared_targets.add_product(target, target);
    }

    fn errors(&self, rows: u64) -> OutputErrors {
        let count = rows as f64;
        let mse = self.squared.value() / count;
        let spread = ExactSum::centred(rows, &self.squared_targets, &self.targets, &self.targets);
        // The spread is N² times the variance, and N² times an error may not be finite where N times is.
        let r2 = (spread > 0.0).then(|| 1.0 - self.squared.value() / (spread / count));
        OutputErrors { mae: self.absolute.value() / count, mse, rmse: mse.sqrt(), r2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_does_not_cancel_far_from_zero() {
        let mut errors = Regression::new(1).unwrap();
        let targets = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0];
        errors.update(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 4.0], &targets).unwrap();
        assert_eq!(errors.r2(), Some(0.5));
    }

    #[test]
    fn r2_of_constant_targets_is_undefined() {
        let mut errors = Regression::new(2).unwrap();
        assert_eq!((errors.mae(), errors.r2(), errors.per_output()), (None, None, None));
        errors.update(&[1.0, 0.1, 2.0, 0.1], &[1.0, 0.1, 2.0, 0.1_f32]).unwrap();
        let outputs = errors.per_output().unwrap();
        assert_eq!((outputs[0].r2, outputs[1].r2), (Some(1.0), None));
        assert_eq!(errors.r2(), Some(1.0));
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let mut errors = Regression::new(2).unwrap();
        let error = errors.update(&[0.0; 4], &[0.0, 1.0, 2.0, f64::INFINITY]).unwrap_err();
        assert_eq!(error, MetricError::Number { row: 1, column: 1, value: f64::INFINITY });
        assert!(errors.update(&[1e200, 0.0], &[0.0, 0.0]).is_err());
        assert_eq!(errors.rows(), 0);
    }
}
