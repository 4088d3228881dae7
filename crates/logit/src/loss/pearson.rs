//! Minus Pearson's correlation of the expected grade.

use burn::tensor::Tensor;
use logit_spec::{Finding, Level, Rule};
use serde::{Deserialize, Serialize};

use super::plumbing::{LogitsOf, Loss, TargetsFor, nothing_counted, places_of, read};
use crate::error::LossError;
use crate::kind::Grades;
use crate::logits::Logits;
use crate::math::accumulate;

/// The share of the scale below which a spread counts as none: rounding alone makes this much.
const LEAST_SPREAD: f64 = 1e-6;

/// `−r`, with `r` Pearson's correlation over the batch between the target and the expected grade `Σ value_k · p_k`.
///
/// Pearson's correlation does not see scale or shift: a head trained by it ranks well and is **not calibrated**. Judge
/// it by its mean absolute error too. Its gradient is noisy in small batches: hundreds of rows are better than tens.
/// When the expected grades or the targets of a batch are all the same, `r` is undefined: the loss is then 0 with a
/// gradient of 0, and says so. It is one number per batch, so it has no reduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct PearsonLoss {}

impl PearsonLoss {
    /// Minus the correlation.
    pub fn new() -> Self {
        Self {}
    }

    /// The loss, in [−1, 1].
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
        let (logits, grades) = logits.into_logits().into_parts();
        let logits = Logits::of_checked(accumulate(logits), grades.clone());
        let places = places_of(targets.form().dense(), &grades, logits.tensor())?;
        let expected = logits.probabilities().expected_place();
        let counted = places.dims().iter().product::<usize>();
        if counted == 0 {
            return Ok(Loss::nothing(expected, nothing_counted()));
        }
        let (p, y) = (centred(expected.clone()), centred(places));
        let (spread_p, spread_y) = (p.clone().square().sum(), y.clone().square().sum());
        let least = counted as f64 * (LEAST_SPREAD * (grades.steps - 1) as f64).powi(2);
        for (what, spread) in [("expected grades", &spread_p), ("targets", &spread_y)] {
            if read::<1, _, f64>(spread)?.iter().any(|spread| *spread <= least) {
                return Ok(Loss { counted, ..Loss::nothing(expected, no_spread(what)) });
            }
        }
        let value = ((p * y).sum() / (spread_p * spread_y).sqrt()).neg();
        Ok(Loss { value, counted, finding: None })
    }
}

fn centred<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    let count = values.dims().iter().product::<usize>();
    let mean = values.clone().sum().mul_scalar(1.0 / count as f64).reshape([1; D]);
    values - mean
}

fn no_spread(what: &str) -> Finding {
    Finding {
        fault: Rule::FlatOrSaturatedLogits.into(),
        level: Level::Warning,
        message: format!("the {what} of the batch are all the same"),
        reason: "Pearson's correlation divides by their spread, which is 0; the loss and its gradient are 0 instead."
            .to_owned(),
        fix: "Use larger batches; if the expected grades stay the same, train with the interpolated KL loss first."
            .to_owned(),
    }
}
