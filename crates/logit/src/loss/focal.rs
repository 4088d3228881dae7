//! Focal loss: cross entropy that turns away from what is already sure.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, activation::log_softmax};
use logit_kernels::loss::{FocalOverClasses, FocalOverLabels, Place};
use logit_kernels::softmax::Shape;
use serde::{Deserialize, Serialize};

use super::cross_entropy::weight_of_target;
use super::fused::{self, Kernel, as_f32};
use super::logits_of::LogitsOf;
use super::options::{not_negative, one_a_unit, share};
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, CheckedBinary, IGNORE_INDEX, TargetForm, TargetsFor, one_a_position};
use crate::error::LossError;
use crate::logits::Logits;
use crate::loss::regions::RegionKind;
use crate::math::{accumulate, along_units, log_sum_exp, softplus};
use crate::ops::array::IndexArray;
use crate::ops::operation::fits;

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
        let logits = self.prepared(logits.into_logits())?;
        if fits(&logits) {
            let (kernel, denominator, counted) = self.kernel(K::EXCLUSIVE, &logits, targets.form())?;
            let scale = self.reduction.factor(denominator) as f32;
            let value = fused::reduced(FocalKernel { scale, ..kernel }, logits);
            return Ok(Loss { value, counted, finding: self.reduction.finding(counted, denominator) });
        }
        let (terms, counted) = self.terms(K::EXCLUSIVE, logits, targets.form())?;
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
        let logits = self.prepared(logits.into_logits())?;
        if fits(&logits) {
            let (kernel, ..) = self.kernel(K::EXCLUSIVE, &logits, targets.form())?;
            let dims = if K::EXCLUSIVE { one_a_position(logits.dims()) } else { logits.dims() };
            return Ok(fused::each(kernel, logits, dims));
        }
        Ok(self.terms(K::EXCLUSIVE, logits, targets.form())?.0.values)
    }

    /// The logits in the type that the loss is computed in, if the options fit them.
    fn prepared<K: RegionKind, const D: usize>(&self, logits: Logits<K, D>) -> Result<Tensor<D>, LossError> {
        not_negative("gamma", self.gamma)?;
        self.alpha.map_or(Ok(()), |alpha| share("alpha", alpha))?;
        one_a_unit("weight", self.weight.as_deref(), logits.dims()[1], "units")?;
        Ok(accumulate(logits.into_tensor()))
    }

    /// The loss for our kernels, what its mean divides by, and how many targets count.
    fn kernel<const D: usize>(
        &self,
        exclusive: bool,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<(FocalKernel, f64, usize), LossError> {
        let (goal, denominator, counted) = match (exclusive, targets) {
            (true, TargetForm::Index(index)) => {
                let checked = targets::check_indices(&index, logits.dims(), self.ignore_index)?;
                let (denominator, counted) = (checked.denominator(self.weight.as_deref()), checked.counted);
                (Goal::Classes { index: checked.host, ignore_index: self.ignore_index }, denominator, counted)
            }
            (true, TargetForm::Dense(_)) => return Err(NO_DISTRIBUTION),
            (false, targets) => {
                let checked = targets::check_binary(targets.dense(), logits, self.ignore_index)?;
                let counted = checked.counted;
                (
                    Goal::Labels { targets: checked, alpha: self.alpha.map(|alpha| alpha as f32) },
                    counted as f64,
                    counted,
                )
            }
        };
        let kernel = FocalKernel {
            shape: fused::shape_of(logits),
            gamma: self.gamma as f32,
            weight: self.weight.as_deref().map(as_f32),
            goal: Arc::new(goal),
            scale: 1.0,
        };
        Ok((kernel, denominator, counted))
    }

    fn terms<const D: usize>(
        &self,
        exclusive: bool,
        logits: Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<(Terms<D>, usize), LossError> {
        match (exclusive, targets) {
            (true, TargetForm::Index(index)) => self.over_classes(logits, index),
            (true, TargetForm::Dense(_)) => Err(NO_DISTRIBUTION),
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

const NO_DISTRIBUTION: LossError = LossError::OptionConflict {
    what: "the focal loss takes class indices, not distributions: `p_y` is not defined on a soft target",
};

/// What the logits are held against, on the host.
#[derive(Debug)]
enum Goal {
    Classes { index: IndexArray, ignore_index: Option<i64> },
    Labels { targets: CheckedBinary, alpha: Option<f32> },
}

/// The loss with its targets, for our kernels.
#[derive(Clone, Debug)]
struct FocalKernel {
    shape: Shape,
    gamma: f32,
    weight: Option<Vec<f32>>,
    goal: Arc<Goal>,
    scale: f32,
}

impl FocalKernel {
    fn run(&self, place: Place<'_, f32>, losses: Option<&mut [f32]>) -> f64 {
        let (shape, gamma, weight, scale) = (self.shape, self.gamma, self.weight.as_deref(), self.scale);
        match &*self.goal {
            Goal::Classes { index, ignore_index } => {
                let kernel = FocalOverClasses { shape, gamma, weight, ignore_index: *ignore_index };
                kernel.run(place, index.numbers(), scale, losses)
            }
            Goal::Labels { targets, alpha } => {
                let kernel = FocalOverLabels { shape, gamma, alpha: *alpha, weight, ignore: targets.ignore };
                kernel.run(place, targets.numbers.numbers(), scale, losses)
            }
        }
    }
}

impl Kernel for FocalKernel {
    fn reduced(&self, place: Place<'_, f32>) -> f64 {
        self.run(place, None) * f64::from(self.scale)
    }

    fn each(&self, place: Place<'_, f32>, losses: &mut [f32]) {
        self.run(place, Some(losses));
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
