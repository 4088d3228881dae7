//! Ordinal losses on cumulative logits: CORAL and CORN.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::logits_of::LogitsOf;
use super::options::one_a_unit;
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, TargetForm, TargetsFor, one_a_position, read};
use crate::error::LossError;
use crate::kind::{Coral, Corn, Grades, Kind};
use crate::logits::Logits;
use crate::math::{accumulate, along_units, softplus};

/// CORAL: one binary cross entropy for each "is the grade above step k?", summed over the K−1 questions
/// (Cao, Mirjalili, Raschka 2020, <https://arxiv.org/abs/1901.07884>).
///
/// For a target at place `s` on the scale the answer to question k is `c_k = min(1, max(0, s − k))`: yes or no for a
/// grade on a step, as in the paper, and in between for one between two steps.
///
/// ```text
/// loss = Σ_k λ_k ( c_k ln(1 + e^−x_k) + (1 − c_k) ln(1 + e^x_k) )
/// ```
///
/// `importance_weight` gives `λ`, one a question. A mean divides by the number of positions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct CoralLoss {
    importance_weight: Option<Vec<f64>>,
    reduction: Reduction,
}

impl CoralLoss {
    /// The mean loss, all questions alike.
    pub fn new() -> Self {
        Self::default()
    }

    /// A factor a question, K−1 of them, not negative.
    pub fn with_importance_weight(mut self, importance_weight: impl Into<Vec<f64>>) -> Self {
        self.importance_weight = Some(importance_weight.into());
        self
    }

    /// Mean or sum.
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss as one number.
    ///
    /// # Shapes
    /// - logits: `[N, K−1]` or `[N, K−1, d…]`
    /// - targets: `[N]` or `[N, d…]`, in units of the scale
    ///
    /// # Errors
    /// A target outside the scale, shapes that do not agree, an option out of its range.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades<Coral>, D>,
        targets: impl TargetsFor<Grades<Coral>, D>,
    ) -> Result<Loss, LossError> {
        let terms = self.terms(logits.into_logits(), targets.form())?;
        let counted = terms.denominator as usize;
        Ok(reduce(terms, self.reduction, counted))
    }

    /// The loss of each position, `[N, 1, d…]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades<Coral>, D>,
        targets: impl TargetsFor<Grades<Coral>, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(self.terms(logits.into_logits(), targets.form())?.values)
    }

    fn terms<const D: usize>(
        &self,
        logits: Logits<Grades<Coral>, D>,
        targets: TargetForm<D>,
    ) -> Result<Terms<D>, LossError> {
        let questions = logits.kind().units();
        one_a_unit(
            "importance_weight",
            self.importance_weight.as_deref(),
            questions,
            "questions (steps less one)",
        )?;
        let Questions { logits, above, .. } = questions_of(logits, targets)?;
        let below = above.clone().neg().add_scalar(1.0);
        let mut terms = above * softplus(logits.clone().neg()) + below * softplus(logits.clone());
        if let Some(weight) = &self.importance_weight {
            terms = terms * along_units(weight, &logits);
        }
        let positions = one_a_position(logits.dims()).iter().product::<usize>();
        Ok(Terms { values: terms.sum_dim(1), denominator: positions as f64 })
    }
}

/// CORN: question k, "above step k?", is asked only of the examples above step k−1, so that the product of the
/// answers is a probability without shared weights (Shi, Cao, Raschka 2023, <https://arxiv.org/abs/2111.08851>).
///
/// With `c_k` as in [`CoralLoss`] and `c_−1 = 1`, an example enters question k with weight `c_k−1`:
///
/// ```text
/// loss = Σ_k ( c_k ln(1 + e^−x_k) + (c_k−1 − c_k) ln(1 + e^x_k) )
/// ```
///
/// A mean divides by the sum of the weights over all questions and positions: as in the paper's own code, the number
/// of examples that were asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct CornLoss {
    reduction: Reduction,
}

impl CornLoss {
    /// The mean loss.
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
    /// - logits: `[N, K−1]` or `[N, K−1, d…]`
    /// - targets: `[N]` or `[N, d…]`, in units of the scale
    ///
    /// # Errors
    /// A target outside the scale, shapes that do not agree.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades<Corn>, D>,
        targets: impl TargetsFor<Grades<Corn>, D>,
    ) -> Result<Loss, LossError> {
        let logits = logits.into_logits();
        let counted = one_a_position(logits.dims()).iter().product();
        Ok(reduce(corn_terms(logits, targets.form())?, self.reduction, counted))
    }

    /// The loss of each position, `[N, 1, d…]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades<Corn>, D>,
        targets: impl TargetsFor<Grades<Corn>, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(corn_terms(logits.into_logits(), targets.form())?.values)
    }
}

fn corn_terms<const D: usize>(
    logits: Logits<Grades<Corn>, D>,
    targets: TargetForm<D>,
) -> Result<Terms<D>, LossError> {
    let Questions { logits, above, asked } = questions_of(logits, targets)?;
    let below = asked.clone() - above.clone();
    let terms = above * softplus(logits.clone().neg()) + below * softplus(logits);
    let weights: Vec<f64> = read(&asked)?;
    Ok(Terms { values: terms.sum_dim(1), denominator: weights.iter().sum() })
}

/// The questions "above step k?" of a batch.
struct Questions<const D: usize> {
    logits: Tensor<D>,
    /// `c_k`: the share of yes.
    above: Tensor<D>,
    /// `c_k−1`: the share of yes to the question before.
    asked: Tensor<D>,
}

fn questions_of<C, const D: usize>(
    logits: Logits<Grades<C>, D>,
    targets: TargetForm<D>,
) -> Result<Questions<D>, LossError>
where
    Grades<C>: Kind,
{
    let grades = logits.kind().clone();
    let logits = accumulate(logits.into_tensor());
    let places = targets::steps_of(targets.dense(), &grades, &logits)?;
    let share_above = |first: f64| {
        let steps: Vec<f64> = (0..grades.steps - 1).map(|step| step as f64 + first).collect();
        (places.clone() - along_units(&steps, &logits)).clamp(0.0, 1.0)
    };
    let (above, asked) = (share_above(0.0), share_above(-1.0));
    Ok(Questions { logits, above, asked })
}
