//! Interpolated KL divergence: a real grade against a softmax over steps.

use burn::tensor::{Tensor, activation::log_softmax};
use serde::{Deserialize, Serialize};

use super::logits_of::LogitsOf;
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, TargetForm, TargetsFor};
use crate::error::LossError;
use crate::kind::Grades;
use crate::logits::Logits;
use crate::math::{accumulate, along_units};

/// KL divergence from the softmax to the target spread over its two neighbouring steps.
///
/// A target at place `s` on the scale (0 at the first step, K−1 at the last) becomes the distribution
/// `t_k = max(0, 1 − |k − s|)`: a grade of 2.33 on steps 0…5 is 0.67 of step 2 and 0.33 of step 3, and its expected
/// value is 2.33 again. Then `loss = Σ_k t_k (ln t_k − ln p_k)`, averaged over the positions
/// (Tai, Socher, Manning 2015, <https://arxiv.org/abs/1503.00075>, section 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct InterpolatedKlLoss {
    reduction: Reduction,
}

impl InterpolatedKlLoss {
    /// The mean divergence.
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
    /// - logits: `[N, K]` or `[N, K, d…]`
    /// - targets: `[N]` or `[N, d…]`, in units of the scale
    ///
    /// # Errors
    /// A target outside the scale, shapes that do not agree.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades, D>,
        targets: impl TargetsFor<Grades, D>,
    ) -> Result<Loss, LossError> {
        let terms = terms(logits.into_logits(), targets.form())?;
        let counted = terms.denominator as usize;
        Ok(reduce(terms, self.reduction, counted))
    }

    /// The loss of each position, `[N, 1, d…]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades, D>,
        targets: impl TargetsFor<Grades, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(terms(logits.into_logits(), targets.form())?.values)
    }
}

fn terms<const D: usize>(logits: Logits<Grades, D>, targets: TargetForm<D>) -> Result<Terms<D>, LossError> {
    let grades = logits.kind().clone();
    let logits = accumulate(logits.into_tensor());
    let places = targets::steps_of(targets.dense(), &grades, &logits)?;
    let positions = places.dims().iter().product::<usize>();
    let steps: Vec<f64> = (0..grades.steps).map(|step| step as f64).collect();
    let spread = (along_units(&steps, &logits) - places).abs().neg().add_scalar(1.0).clamp_min(0.0);
    // 0 · ln 0 counts as 0: the bound only keeps the logarithm finite where it is multiplied by 0.
    let log_spread = spread.clone().clamp_min(1e-30).log();
    let terms = (spread * (log_spread - log_softmax(logits, 1))).sum_dim(1);
    Ok(Terms { values: terms, denominator: positions as f64 })
}
