//! Quantile loss: several quantiles of each value.

use burn::tensor::{Int, Tensor, TensorData, activation::relu};
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, LogitsOf, Loss, LossOn, Reduction, TargetForm, TargetsFor, Terms, forward_methods,
    option_methods, real,
};
use crate::error::LossError;
use crate::kind::{Quantiles, Values};
use crate::math::along_units;

/// The quantile or pinball loss, `max(q e, (q − 1) e)` with `e = y − ŷ`, for each level `q` of the head
/// (Koenker and Bassett 1978). The levels are the head's: the same that name the predictions. It is of each unit as it is,
/// also where those of a row cross.
///
/// A mean divides by the number of values times the number of levels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct QuantileLoss {
    reduction: Reduction,
}

impl QuantileLoss {
    /// The mean quantile loss.
    pub fn new() -> Self {
        Self::default()
    }

    option_methods! {
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Values<Quantiles>;
        /// # Shapes
        /// - logits: `[N, T·Q]` or `[N, T·Q, d…]`, the levels of a value side by side
        /// - targets: `[N, T]` or `[N, T, d…]`
        ///
        /// # Errors
        /// A target that is not finite, shapes that do not agree.
        forward;
        /// The loss of each unit, of the logits' shape.
        forward_no_reduction -> Tensor<D>;
    }
}

impl LossOn<Values<Quantiles>> for QuantileLoss {
    /// `[N, T, d…]`.
    type Targets<const D: usize> = Tensor<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_targets<const D: usize>(
        &self,
        kind: &Values<Quantiles>,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Tensor<D>>, LossError> {
        let targets = real(targets.dense(), kind.count, logits)?;
        Ok(Checked::alike(targets, logits.dims().iter().product()))
    }

    fn composed<const D: usize>(
        &self,
        kind: &Values<Quantiles>,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Terms<D> {
        let (levels, units) = (&kind.form.levels, logits.dims()[1]);
        let value_of_unit: Vec<i64> = (0..units).map(|unit| (unit / levels.len()) as i64).collect();
        let level_of_unit: Vec<f64> = levels.iter().copied().cycle().take(units).collect();
        let repeat =
            Tensor::<1, Int>::from_data(TensorData::from(value_of_unit.as_slice()), &logits.device());
        let errors = targets.select(1, repeat) - logits.clone();
        // max(q e, (q − 1) e) = q e + max(0, −e)
        (errors.clone() * along_units(&level_of_unit, &logits) + relu(errors.neg())).into()
    }
}
