//! Quantile loss: several quantiles of each value.

use burn::tensor::{Int, Tensor, TensorData, activation::relu};
use serde::{Deserialize, Serialize};

use super::logits_of::LogitsOf;
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, TargetForm, TargetsFor};
use crate::error::LossError;
use crate::kind::{Quantiles, Values};
use crate::logits::Logits;
use crate::math::{accumulate, along_units};

/// The quantile or pinball loss, `max(q e, (q − 1) e)` with `e = y − ŷ`, for each level `q` of the head
/// (Koenker and Bassett 1978). The levels are the head's: the same that name the predictions.
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

    /// Mean or sum.
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss as one number.
    ///
    /// # Shapes
    /// - logits: `[N, T·Q]` or `[N, T·Q, d…]`, the levels of a value side by side
    /// - targets: `[N, T]` or `[N, T, d…]`
    ///
    /// # Errors
    /// A target that is not finite, shapes that do not agree.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Values<Quantiles>, D>,
        targets: impl TargetsFor<Values<Quantiles>, D>,
    ) -> Result<Loss, LossError> {
        let logits = logits.into_logits();
        let counted = logits.dims().iter().product();
        Ok(reduce(terms(logits, targets.form())?, self.reduction, counted))
    }

    /// The loss of each unit, of the logits' shape.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Values<Quantiles>, D>,
        targets: impl TargetsFor<Values<Quantiles>, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(terms(logits.into_logits(), targets.form())?.values)
    }
}

fn terms<const D: usize>(
    logits: Logits<Values<Quantiles>, D>,
    targets: TargetForm<D>,
) -> Result<Terms<D>, LossError> {
    let (values, levels) = (logits.kind().count, logits.kind().form.levels.clone());
    let dims = logits.dims();
    let mut expected = dims;
    expected[1] = values;
    let logits = accumulate(logits.into_tensor());
    let targets = targets::real(targets.dense(), expected, &logits)?;
    let value_of_unit: Vec<i64> =
        (0..values * levels.len()).map(|unit| (unit / levels.len()) as i64).collect();
    let level_of_unit: Vec<f64> = levels.iter().copied().cycle().take(values * levels.len()).collect();
    let repeat = Tensor::<1, Int>::from_data(TensorData::from(value_of_unit.as_slice()), &logits.device());
    let errors = targets.select(1, repeat) - logits.clone();
    // max(q e, (q − 1) e) = q e + max(0, −e)
    let terms = errors.clone() * along_units(&level_of_unit, &logits) + relu(errors.neg());
    Ok(Terms { values: terms, denominator: dims.iter().product::<usize>() as f64 })
}
