//! Focal loss: cross entropy that turns away from what is already sure.

use burn::tensor::{Int, Tensor, activation::log_softmax};
use serde::{Deserialize, Serialize};

use super::cross_entropy::weight_of_target;
use super::logits_of::LogitsOf;
use super::options::{not_negative, one_a_unit, share};
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, IGNORE_INDEX, TargetForm, TargetsFor};
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
/// On `Labels` and `YesNo`, with `p_t = p t + (1 − p) (1 − t)` the probability given to the truth:
/// `α_t (1 − p_t)^γ · BCE(x, t)`, with `α_t = α` for positives and `1 − α` for negatives when `alpha` is set:
/// torchvision's `sigmoid_focal_loss`.
///
/// Classes are given as indices, for `p_y` is not defined on a distribution. `1 − p` is computed as the logarithm of
/// what the other classes hold, so that the gradient is finite for every γ and every finite logit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct FocalLoss {
    gamma: f64,
    alpha: Option<f64>,
    weight: Option<Vec<f64>>,
    ignore_index: Option<i64>,
    reduction: Reduction,
}

impl Default for FocalLoss {
    fn default() -> Self {
        Self {
            gamma: 2.0,
            alpha: None,
            weight: None,
            ignore_index: Some(IGNORE_INDEX),
            reduction: Reduction::Mean,
        }
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
    /// - targets of `Classes`: indices `[N, d…]`; of `Labels` and `YesNo`: in [0, 1], `[N, K, d…]`
    ///
    /// # Errors
    /// A target out of range, a distribution over classes, shapes that do not agree, an option out of its range.
    pub fn forward<K: RegionKind, const D: usize>(
        &self,
        logits: impl LogitsOf<K, D>,
        targets: impl TargetsFor<K, D>,
    ) -> Result<Loss, LossError> {
        let (terms, counted) = self.terms(logits.into_logits(), targets.form())?;
        Ok(reduce(terms, self.reduction, counted))
    }

    /// The loss of each position (`Classes`: `[N, 1, d…]`) or entry (`Labels`, `YesNo`: `[N, K, d…]`).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<K: RegionKind, const D: usize>(
        &self,
        logits: impl LogitsOf<K, D>,
        targets: impl TargetsFor<K, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(self.terms(logits.into_logits(), targets.form())?.0.values)
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
                what: "the focal loss takes class indices, not distributions: `p_y` is not defined on a soft target",
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
        let log_all = log_softmax(logits.clone(), 1);
        let log_p = log_all.clone().gather(1, targets.index.clone());
        let log_rest = log_sum_exp(log_all.mask_fill(targets.own_class(logits.dims()), NEVER), 1);
        let mut values = log_rest.mul_scalar(self.gamma).exp() * log_p.neg();
        if let Some(weight) = &self.weight {
            values = values * weight_of_target(weight, &targets, &logits);
        }
        let denominator = targets.checked.denominator(self.weight.as_deref());
        Ok((Terms { values: targets.mask(values), denominator }, targets.checked.counted))
    }

    fn over_labels<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Result<(Terms<D>, usize), LossError> {
        let targets = targets::binary(targets, &logits, self.ignore_index)?;
        let yes = targets.values.clone();
        let no = yes.clone().neg().add_scalar(1.0);
        let (surprise_yes, surprise_no) = (softplus(logits.clone().neg()), softplus(logits.clone()));
        // 1 − p_t = p (1 − t) + (1 − p) t, in logarithms.
        let log_rest =
            log_of_sum(log(no.clone()) - surprise_yes.clone(), log(yes.clone()) - surprise_no.clone());
        let surprise = yes.clone() * surprise_yes + no * surprise_no;
        let mut values = log_rest.mul_scalar(self.gamma).exp() * surprise;
        if let Some(alpha) = self.alpha {
            values = values * yes.mul_scalar(2.0 * alpha - 1.0).add_scalar(1.0 - alpha);
        }
        if let Some(weight) = &self.weight {
            values = values * along_units(weight, &logits);
        }
        let counted = targets.counted;
        Ok((Terms { values: targets.mask(values), denominator: counted as f64 }, counted))
    }
}

/// `ln x` of a share, with [`NEVER`] for the logarithm of 0.
fn log<const D: usize>(share: Tensor<D>) -> Tensor<D> {
    let none = share.clone().equal_elem(0.0);
    share.mask_fill(none.clone(), 1.0).log().mask_fill(none, NEVER)
}

/// `ln(e^a + e^b)`.
fn log_of_sum<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let largest = a.clone().max_pair(b.clone()).detach();
    ((a - largest.clone()).exp() + (b - largest.clone()).exp()).log() + largest
}
