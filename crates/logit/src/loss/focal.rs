//! Focal loss: cross entropy that turns away from what is already sure.

use burn::tensor::{Tensor, activation::log_softmax};
use logit_kernels::loss::{FocalOverClasses, FocalOverLabels, Shape};
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, ClassIndices, IGNORE_INDEX, Kernel, LogitsOf, Loss, LossOn, Reduction, RegionKind, Shares,
    TargetForm, TargetsFor, Terms, as_f32, class_indices, forward_methods, not_negative, one_per_unit,
    option_methods, share, shares,
};
use crate::error::LossError;
use crate::math::{along_units, log_sum_exp, softplus};

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

    option_methods! {
        /// `γ`, how strongly the loss turns away from what is sure, not negative; 0 is plain cross entropy.
        with_gamma(gamma: f64);
        /// `α`, the weight of positives against `1 − α` of negatives, in [0, 1]; for `Labels` and `YesNo`.
        with_alpha(alpha: f64) => Some(alpha);
        /// A weight per class or label, not negative.
        with_weight(weight: impl Into<Vec<f64>>) => Some(weight.into());
        /// The target that marks positions or entries that do not count.
        with_ignore_index(ignore_index: i64) => Some(ignore_index);
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on K: RegionKind;
        /// # Shapes
        /// - logits: `[N, K]` or `[N, K, d…]`
        /// - targets of `Classes`: indices `[N, d…]`; of `Labels` and `YesNo`: in [0, 1], `[N, K, d…]`
        ///
        /// # Errors
        /// A target out of range, a distribution over classes, shapes that do not agree, an option out of its range.
        forward;
        /// The loss of each position (`Classes`: `[N, 1, d…]`) or entry (`Labels`, `YesNo`: `[N, K, d…]`).
        forward_no_reduction -> Tensor<D>;
    }
}

/// What the logits are held against.
pub(super) enum FocalTargets<const D: usize> {
    Classes(ClassIndices<D>),
    Labels(Shares<D>),
}

impl<K: RegionKind> LossOn<K> for FocalLoss {
    type Targets<const D: usize> = FocalTargets<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self, kind: &K) -> Result<(), LossError> {
        not_negative("gamma", self.gamma)?;
        self.alpha.map_or(Ok(()), |alpha| share("alpha", alpha))?;
        one_per_unit("weight", self.weight.as_deref(), kind.units(), "units")
    }

    fn check_targets<const D: usize>(
        &self,
        _: &K,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<FocalTargets<D>>, LossError> {
        match targets {
            TargetForm::Index(index) => {
                let index = class_indices(index, logits.dims(), self.ignore_index)?;
                Ok(index.weighted(self.weight.as_deref()).map(FocalTargets::Classes))
            }
            TargetForm::Dense(_) if K::EXCLUSIVE => Err(NO_DISTRIBUTION),
            TargetForm::Dense(targets) => {
                Ok(shares(targets, logits, self.ignore_index)?.checked().map(FocalTargets::Labels))
            }
        }
    }

    fn kernel<const D: usize>(
        &self,
        shape: Shape,
        targets: FocalTargets<D>,
    ) -> Result<Kernel, FocalTargets<D>> {
        let (gamma, weight) = (self.gamma as f32, self.weight.as_deref().map(as_f32));
        let alpha = self.alpha.map(|alpha| alpha as f32);
        Ok(match targets {
            FocalTargets::Classes(ClassIndices { host, ignore_index, .. }) => {
                Kernel::per_position(move |pass, scales, losses| {
                    let kernel = FocalOverClasses { shape, gamma, weight: weight.as_deref(), ignore_index };
                    kernel.run(pass, host.numbers(), scales.surprise, losses).into()
                })
            }
            FocalTargets::Labels(targets) => {
                let (targets, ignore) = targets.into_host();
                Kernel::per_entry(move |pass, scales, losses| {
                    let kernel = FocalOverLabels { shape, gamma, alpha, weight: weight.as_deref(), ignore };
                    kernel.run(pass, targets.numbers(), scales.surprise, losses).into()
                })
            }
        })
    }

    fn composed<const D: usize>(&self, _: &K, logits: Tensor<D>, targets: FocalTargets<D>) -> Terms<D> {
        match targets {
            FocalTargets::Classes(index) => self.over_classes(logits, index),
            FocalTargets::Labels(targets) => self.over_labels(logits, targets),
        }
    }
}

impl FocalLoss {
    fn over_classes<const D: usize>(&self, logits: Tensor<D>, index: ClassIndices<D>) -> Terms<D> {
        let index = index.masked();
        let log_all = log_softmax(logits.clone(), 1);
        let log_p = log_all.clone().gather(1, index.index.clone());
        let log_rest = log_sum_exp(log_all.mask_fill(index.own_class(logits.dims()), NEVER), 1);
        let mut values = log_rest.mul_scalar(self.gamma).exp() * log_p.neg();
        if let Some(weight) = &self.weight {
            values = values * index.weights(weight, &logits);
        }
        index.mask(values).into()
    }

    fn over_labels<const D: usize>(&self, logits: Tensor<D>, targets: Shares<D>) -> Terms<D> {
        let targets = targets.masked();
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
        targets.mask(values).into()
    }
}

const NO_DISTRIBUTION: LossError = LossError::OptionConflict {
    what: "the focal loss takes class indices, not distributions: `p_y` is not defined on a soft target",
};

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
