//! Focal loss: cross entropy that turns away from what is already sure.

use burn::tensor::{Int, Tensor, activation::log_softmax};
use serde::{Deserialize, Serialize};

use super::cross_entropy::weight_of_target;
use super::options::{not_negative, one_a_unit, share};
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, IGNORE_INDEX, Softness, TargetForm, TargetsFor};
use crate::error::LossError;
use crate::logits::Logits;
use crate::loss::regions::RegionKind;
use crate::math::{accumulate, along_units, log_sum_exp, softplus};

/// Stands for −∞ in a maximum without making NaN.
const NEVER: f64 = -1e30;

/// Focal loss (Lin et al. 2017, <https://arxiv.org/abs/1708.02002>).
///
/// On `Classes`, with `p = softmax(logits)` and the class `y` of the target: `w_y (1 − p_y)^γ (−ln p_y)`; a mean divides
/// by the sum of the weights of the targets that count, so that γ = 0 is [`CrossEntropyLoss`](super::CrossEntropyLoss).
/// On `Labels` and `YesNo`, with `p_t` the probability given to the truth: `α_t (1 − p_t)^γ (−ln p_t)`, with
/// `α_t = α` for positives and `1 − α` for negatives when `alpha` is set: torchvision's `sigmoid_focal_loss`.
///
/// Targets are hard: class indices, or 0 and 1, for `p_t` is not defined on a soft one. `1 − p` is computed as the
/// logarithm of what the other classes hold, so that the gradient is finite for every γ and every finite logit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FocalLoss {
    gamma: f64,
    alpha: Option<f64>,
    weight: Option<Vec<f64>>,
    ignore_index: Option<i64>,
    reduction: Reduction,
}

impl Default for FocalLoss {
    fn default() -> Self {
        Self { gamma: 2.0, alpha: None, weight: None, ignore_index: Some(IGNORE_INDEX), reduction: Reduction::Mean }
    }
}

impl FocalLoss {
    /// The mean focal loss with γ = 2, the value its authors found best.
    pub fn new() -> Self {
        Self::default()
    }

    /// `γ`, how strongly the loss turns away from what is sure, not negative; 0 is plain cross entropy.
    pub fn with_gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// `α`, the weight of positives against `1 − α` of negatives, in [0, 1]; for `Labels` and `YesNo`.
    pub fn with_alpha(mut self, alpha: f64) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// A weight a class or label, not negative.
    pub fn with_weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// The target that marks positions or entries that do not count.
    pub fn with_ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = Some(ignore_index);
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
    /// - logits: `[N, K]` or `[N, K, d…]`
    /// - targets of `Classes`: indices `[N, d…]`; of `Labels` and `YesNo`: 0 or 1, `[N, K, d…]`
    ///
    /// # Errors
    /// A target out of range or soft, shapes that do not agree, an option out of its range.
    pub fn forward<K: RegionKind, const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: impl TargetsFor<K, D>,
    ) -> Result<Loss, LossError> {
        let (terms, counted) = self.terms(logits, targets.form())?;
        Ok(reduce(terms, self.reduction, counted))
    }

    /// The loss of each position (`Classes`: `[N, 1, d…]`) or entry (`Labels`, `YesNo`: `[N, K, d…]`).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<K: RegionKind, const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: impl TargetsFor<K, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(self.terms(logits, targets.form())?.0.values)
    }

    fn terms<K: RegionKind, const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: TargetForm<D>,
    ) -> Result<(Terms<D>, usize), LossError> {
        not_negative("gamma", self.gamma)?;
        self.alpha.map_or(Ok(()), |alpha| share("alpha", alpha))?;
        one_a_unit("weight", self.weight.as_deref(), logits.dims()[1], "units")?;
        let logits = accumulate(logits.into_tensor());
        match (K::EXCLUSIVE, targets) {
            (true, TargetForm::Index(index)) => self.over_classes(logits, index),
            (true, TargetForm::Dense(_)) => Err(LossError::OptionConflict {
                what: "the focal loss takes class indices, not distributions: `p_t` is not defined on a soft target",
            }),
            (false, targets) => self.over_labels(logits, targets.dense()),
        }
    }

    fn over_classes<const D: usize>(
        &self,
        logits: Tensor<D>,
        index: Tensor<D, Int>,
    ) -> Result<(Terms<D>, usize), LossError> {
        let targets = targets::class_indices(index, logits.dims(), self.ignore_index)?;
        let log_p = log_softmax(logits.clone(), 1).gather(1, targets.index.clone());
        let others = logits.clone().mask_fill(targets.own_class(logits.dims()), NEVER);
        let log_rest = log_sum_exp(others, 1) - log_sum_exp(logits.clone(), 1);
        let mut values = log_rest.mul_scalar(self.gamma).exp() * log_p.neg();
        let counted = targets.counted();
        let mut denominator = counted as f64;
        if let Some(weight) = &self.weight {
            values = values * weight_of_target(weight, &targets, &logits);
            denominator = weight.iter().zip(&targets.per_class).map(|(w, &n)| w * n as f64).sum();
        }
        Ok((Terms { values: targets.mask(values), denominator }, counted))
    }

    fn over_labels<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Result<(Terms<D>, usize), LossError> {
        let targets = targets::binary(targets, &logits, self.ignore_index, Softness::Hard)?;
        let truth = targets.values.clone();
        let signs = truth.clone().mul_scalar(2.0).sub_scalar(1.0);
        let towards_truth = logits.clone() * signs;
        // ln(1 − p_t) = −ln(1 + e^x) and −ln p_t = ln(1 + e^−x), x towards the truth.
        let log_rest = softplus(towards_truth.clone()).neg();
        let mut values = log_rest.mul_scalar(self.gamma).exp() * softplus(towards_truth.neg());
        if let Some(alpha) = self.alpha {
            values = values * truth.mul_scalar(2.0 * alpha - 1.0).add_scalar(1.0 - alpha);
        }
        if let Some(weight) = &self.weight {
            values = values * along_units(weight, &logits);
        }
        let counted = targets.counted;
        Ok((Terms { values: targets.mask(values), denominator: counted as f64 }, counted))
    }
}
