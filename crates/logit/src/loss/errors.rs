//! Losses on real values, a penalty of the error each: squared, absolute and Huber.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, LogitsOf, Loss, LossOn, Reduction, TargetForm, TargetsFor, Terms, forward_methods, one_per_unit,
    option_methods, positive, real,
};
use crate::error::LossError;
use crate::kind::Values;
use crate::math::along_units;

/// Squared error, `(y − ŷ)²`: PyTorch's `MSELoss`; its minimiser is the conditional mean.
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Tensor};
/// use logit::{Logits, Values, loss::SquaredLoss};
///
/// let device = Device::flex();
/// let values = Logits::new(Tensor::<2>::from_floats([[1.0], [2.0]], &device), Values::new(1))?;
/// let targets = Tensor::<2>::from_floats([[1.5], [4.0]], &device);
/// assert_eq!(SquaredLoss::new().forward(values, targets)?.value.into_scalar::<f32>(), (0.25 + 4.0) / 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type SquaredLoss = ErrorLoss<Squared>;

/// Absolute error, `|y − ŷ|`: PyTorch's `L1Loss`; its minimiser is the conditional median.
pub type AbsoluteLoss = ErrorLoss<Absolute>;

/// Huber's loss: PyTorch's `HuberLoss`, `½ e²` for `|e| ≤ δ`, else `δ (|e| − ½ δ)`, with `e = y − ŷ` and δ = 1.
pub type HuberLoss = ErrorLoss<Huber>;

/// A penalty of an error.
pub trait Penalty: Clone + Default {
    /// Whether its options are in range.
    ///
    /// # Errors
    /// The option that is not.
    fn check(&self) -> Result<(), LossError> {
        Ok(())
    }

    /// The penalty of each error `y − ŷ`.
    fn of<const D: usize>(&self, errors: Tensor<D>) -> Tensor<D>;
}

/// The square of the error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Squared;

impl Penalty for Squared {
    fn of<const D: usize>(&self, errors: Tensor<D>) -> Tensor<D> {
        errors.square()
    }
}

/// The size of the error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absolute;

impl Penalty for Absolute {
    fn of<const D: usize>(&self, errors: Tensor<D>) -> Tensor<D> {
        errors.abs()
    }
}

/// The square of small errors, the size of large ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Huber {
    /// The error from which on the penalty grows linearly, in units of the target.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Penalty for Huber {
    fn check(&self) -> Result<(), LossError> {
        positive("delta", self.delta)
    }

    fn of<const D: usize>(&self, errors: Tensor<D>) -> Tensor<D> {
        let size = errors.abs();
        let near = size.clone().clamp_max(self.delta);
        near.clone().square().mul_scalar(0.5) + (size - near).mul_scalar(self.delta)
    }
}

/// The mean or sum of a penalty of the errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct ErrorLoss<P> {
    #[serde(flatten)]
    penalty: P,
    weight: Option<Vec<f64>>,
    reduction: Reduction,
}

impl HuberLoss {
    /// The error from which on the loss grows linearly, above 0, in units of the target.
    pub fn with_delta(mut self, delta: f64) -> Self {
        self.penalty.delta = delta;
        self
    }
}

impl<P: Penalty> ErrorLoss<P> {
    /// The mean penalty.
    pub fn new() -> Self {
        Self { penalty: P::default(), weight: None, reduction: Reduction::Mean }
    }

    option_methods! {
        /// A factor per value, not negative; the mean still divides by the number of values.
        with_weight(weight: impl Into<Vec<f64>>) => Some(weight.into());
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Values;
        /// # Shapes
        /// - values and targets: `[N, T]` or `[N, T, d…]`
        ///
        /// # Errors
        /// A target that is not finite, shapes that differ, an option out of its range.
        forward;
        /// The loss of each value, of the values' shape.
        forward_no_reduction -> Tensor<D>;
    }
}

impl<P: Penalty> LossOn<Values> for ErrorLoss<P> {
    type Targets<const D: usize> = Tensor<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self, kind: &Values) -> Result<(), LossError> {
        self.penalty.check()?;
        one_per_unit("weight", self.weight.as_deref(), kind.count, "values")
    }

    fn check_targets<const D: usize>(
        &self,
        kind: &Values,
        values: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Tensor<D>>, LossError> {
        Ok(Checked::all(real(targets.dense(), kind.count, values)?))
    }

    fn composed<const D: usize>(&self, _: &Values, values: Tensor<D>, targets: Tensor<D>) -> Terms<D> {
        let penalties = self.penalty.of(targets - values);
        match &self.weight {
            Some(weight) => (penalties.clone() * along_units(weight, &penalties)).into(),
            None => penalties.into(),
        }
    }
}
