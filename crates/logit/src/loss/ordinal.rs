//! Ordinal losses on cumulative logits: CORAL and CORN.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, LogitsOf, Loss, LossOn, Reduction, TargetForm, TargetsFor, Terms, forward_methods, one_per_unit,
    option_methods, places_of, read,
};
use crate::error::LossError;
use crate::kind::{Coral, Corn, Grades, Kind};
use crate::math::{along_units, softplus};

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
/// `importance_weight` gives `λ`, one per question. A mean divides by the number of positions.
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

    option_methods! {
        /// A factor per question, K−1 of them, not negative.
        with_importance_weight(importance_weight: impl Into<Vec<f64>>) => Some(importance_weight.into());
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Grades<Coral>;
        /// # Shapes
        /// - logits: `[N, K−1]` or `[N, K−1, d…]`
        /// - targets: `[N]` or `[N, d…]`, in units of the scale
        ///
        /// # Errors
        /// A target outside the scale, shapes that do not agree, an option out of its range.
        forward;
        /// The loss of each position, `[N, 1, d…]`.
        forward_no_reduction -> Tensor<D>;
    }
}

impl LossOn<Grades<Coral>> for CoralLoss {
    type Targets<const D: usize> = Questions<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self, grades: &Grades<Coral>) -> Result<(), LossError> {
        let weight = self.importance_weight.as_deref();
        one_per_unit("importance_weight", weight, grades.units(), "questions (steps less one)")
    }

    fn check_targets<const D: usize>(
        &self,
        grades: &Grades<Coral>,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Questions<D>>, LossError> {
        Questions::new(grades, logits, targets)
    }

    fn composed<const D: usize>(
        &self,
        _: &Grades<Coral>,
        logits: Tensor<D>,
        Questions { above, .. }: Questions<D>,
    ) -> Terms<D> {
        let below = above.clone().neg().add_scalar(1.0);
        let mut terms = above * softplus(logits.clone().neg()) + below * softplus(logits.clone());
        if let Some(weight) = &self.importance_weight {
            terms = terms * along_units(weight, &logits);
        }
        terms.sum_dim(1).into()
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

    option_methods! {
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Grades<Corn>;
        /// # Shapes
        /// - logits: `[N, K−1]` or `[N, K−1, d…]`
        /// - targets: `[N]` or `[N, d…]`, in units of the scale
        ///
        /// # Errors
        /// A target outside the scale, shapes that do not agree.
        forward;
        /// The loss of each position, `[N, 1, d…]`.
        forward_no_reduction -> Tensor<D>;
    }
}

impl LossOn<Grades<Corn>> for CornLoss {
    type Targets<const D: usize> = Questions<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_targets<const D: usize>(
        &self,
        grades: &Grades<Corn>,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Questions<D>>, LossError> {
        let checked = Questions::new(grades, logits, targets)?;
        let weights: Vec<f64> = read(&checked.targets.asked)?;
        Ok(Checked { denominator: weights.iter().sum(), ..checked })
    }

    fn composed<const D: usize>(
        &self,
        _: &Grades<Corn>,
        logits: Tensor<D>,
        Questions { above, asked }: Questions<D>,
    ) -> Terms<D> {
        let below = asked - above.clone();
        let terms = above * softplus(logits.clone().neg()) + below * softplus(logits);
        terms.sum_dim(1).into()
    }
}

/// The questions "above step k?" of a batch, `[N, K−1, d…]`.
pub(super) struct Questions<const D: usize> {
    /// `c_k`: the share of yes.
    above: Tensor<D>,
    /// `c_k−1`: the share of yes to the question before.
    asked: Tensor<D>,
}

impl<const D: usize> Questions<D> {
    fn new<C>(
        grades: &Grades<C>,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Self>, LossError> {
        let places = places_of(targets.dense(), grades, logits)?;
        let share_above = |first: f64| {
            let steps: Vec<f64> = (0..grades.steps - 1).map(|step| step as f64 + first).collect();
            (places.clone() - along_units(&steps, logits)).clamp(0.0, 1.0)
        };
        let (above, asked) = (share_above(0.0), share_above(-1.0));
        Ok(Checked::alike(Self { above, asked }, places.dims().iter().product()))
    }
}
