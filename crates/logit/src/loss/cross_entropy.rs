//! Cross entropy over classes that exclude each other.

use burn::tensor::{Int, Tensor, activation::log_softmax};
use logit_kernels::loss::{CrossEntropy, Shape, Targets};
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, ClassIndices, IGNORE_INDEX, Kernel, LogitsOf, Loss, LossOn, MaskedIndices, Reduction,
    TargetForm, TargetsFor, Terms, as_f32, class_indices, distribution, forward_methods, not_negative,
    one_per_position, one_per_unit, option_methods, positive, share,
};
use crate::error::LossError;
use crate::kind::Classes;
use crate::math::{along_units, log_sum_exp};
use crate::ops::operation::array_of;

/// Cross entropy of the softmax of the logits against class indices or a distribution over the classes.
///
/// For a class index `y`, weights `w`, smoothing `ε` and `K` classes, with `p = softmax(logits)`:
///
/// ```text
/// loss = (1 − ε) · w_y · (−ln p_y)  +  ε/K · Σ_c w_c · (−ln p_c)
/// ```
///
/// and for a distribution `q`, smoothed to `q' = (1 − ε) q + ε/K`: `loss = Σ_c w_c · q'_c · (−ln p_c)`.
///
/// The options mean what they mean in PyTorch's `CrossEntropyLoss`:
/// - `weight`: a weight per class. A mean over indices divides by `Σ w_y` of the targets that count; over distributions
///   by the number of positions.
/// - `ignore_index` (−100): indices equal to it do not count; distributions know no such mark.
/// - `label_smoothing` (0): `ε` in [0, 1].
///
/// and two that PyTorch does not have:
/// - `z_loss` (0): adds `z · lse²`, `lse = ln Σ exp(logits)`, averaged over the positions that count, without class
///   weights. It keeps the logits from drifting (Chowdhery et al. 2022, <https://arxiv.org/abs/2204.02311>, section 5).
/// - `soft_cap` (none): `cap · tanh(logits / cap)` before everything (Gemma 2, <https://arxiv.org/abs/2408.00118>).
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use logit::{Classes, Logits, loss::CrossEntropyLoss};
///
/// let device = Device::flex();
/// let logits = Logits::new(Tensor::<2>::from_floats([[2.0, 0.0], [0.0, 0.0]], &device), Classes::new(2))?;
/// let targets = Tensor::<1, Int>::from_ints([0, 1], &device);
/// let loss = CrossEntropyLoss::new().forward(logits, targets)?;
/// assert!((loss.value.into_scalar::<f32>() - (0.126_928 + 0.693_147) / 2.0).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct CrossEntropyLoss {
    weight: Option<Vec<f64>>,
    ignore_index: Option<i64>,
    label_smoothing: f64,
    z_loss: f64,
    soft_cap: Option<f64>,
    reduction: Reduction,
}

impl Default for CrossEntropyLoss {
    fn default() -> Self {
        Self {
            weight: None,
            ignore_index: Some(IGNORE_INDEX),
            label_smoothing: 0.0,
            z_loss: 0.0,
            soft_cap: None,
            reduction: Reduction::Mean,
        }
    }
}

impl CrossEntropyLoss {
    /// The mean cross entropy, without weights or smoothing.
    pub fn new() -> Self {
        Self::default()
    }

    option_methods! {
        /// A weight per class, not negative.
        with_weight(weight: impl Into<Vec<f64>>) => Some(weight.into());
        /// The class index that marks targets that do not count.
        with_ignore_index(ignore_index: i64) => Some(ignore_index);
        /// The share of the target that is spread evenly over all classes, in [0, 1].
        with_label_smoothing(label_smoothing: f64);
        /// The factor of the squared log-sum-exp, not negative; 1e-4 is what its authors use.
        with_z_loss(z_loss: f64);
        /// The bound that `cap · tanh(logits / cap)` keeps the logits within, above 0.
        with_soft_cap(soft_cap: f64) => Some(soft_cap);
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Classes;
        /// # Shapes
        /// - logits: `[N, K]` or `[N, K, d…]`
        /// - targets: indices `[N, d…]`, or a distribution `[N, K, d…]`
        ///
        /// # Errors
        /// A target out of range, a distribution that is none, shapes that do not agree, an option out of its range.
        forward;
        /// The loss of each position, `[N, 1, d…]`: 0 where the target does not count.
        forward_no_reduction -> Tensor<D>;
    }

    /// Whether the options fit a head of `classes` classes; `forward` asks it too.
    ///
    /// # Errors
    /// A list of the wrong length, or an option out of its range.
    pub fn check(&self, classes: usize) -> Result<(), LossError> {
        one_per_unit("weight", self.weight.as_deref(), classes, "classes")?;
        share("label_smoothing", self.label_smoothing)?;
        not_negative("z_loss", self.z_loss)?;
        self.soft_cap.map_or(Ok(()), |cap| positive("soft_cap", cap))
    }

    /// Checks class indices `[N, 1, d…]` against logits of shape `logits`.
    pub(super) fn check_index<const D: usize>(
        &self,
        index: Tensor<D, Int>,
        logits: [usize; D],
    ) -> Result<Checked<ClassIndices<D>>, LossError> {
        Ok(class_indices(index, logits, self.ignore_index)?.weighted(self.weight.as_deref()))
    }

    /// The weights as our kernels take them.
    pub(super) fn kernel_weight(&self) -> Option<Vec<f32>> {
        self.weight.as_deref().map(as_f32)
    }

    /// The other options as our kernels take them.
    pub(super) fn kernel_options(&self, shape: Shape) -> CrossEntropy<'static> {
        CrossEntropy {
            label_smoothing: self.label_smoothing as f32,
            z_loss: self.z_loss as f32,
            soft_cap: self.soft_cap.map(|cap| cap as f32),
            ..CrossEntropy::new(shape)
        }
    }
}

/// What the logits are held against.
pub(super) enum ClassTargets<const D: usize> {
    Index(ClassIndices<D>),
    Distribution(Tensor<D>),
}

impl LossOn<Classes> for CrossEntropyLoss {
    type Targets<const D: usize> = ClassTargets<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self, kind: &Classes) -> Result<(), LossError> {
        self.check(kind.count)
    }

    fn check_targets<const D: usize>(
        &self,
        _: &Classes,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<ClassTargets<D>>, LossError> {
        match targets {
            TargetForm::Index(index) => Ok(self.check_index(index, logits.dims())?.map(ClassTargets::Index)),
            TargetForm::Dense(targets) => {
                let shares = distribution(targets, logits, self.ignore_index)?;
                let positions = one_per_position(logits.dims()).iter().product();
                Ok(Checked::alike(ClassTargets::Distribution(shares), positions))
            }
        }
    }

    fn kernel<const D: usize>(
        &self,
        shape: Shape,
        targets: ClassTargets<D>,
    ) -> Result<Kernel, ClassTargets<D>> {
        let (weight, options) = (self.kernel_weight(), self.kernel_options(shape));
        Ok(match targets {
            ClassTargets::Index(ClassIndices { host, ignore_index, .. }) => {
                Kernel::per_position(move |pass, scales, losses| {
                    let targets = Targets::Index { index: host.numbers(), ignore_index };
                    let kernel = CrossEntropy { weight: weight.as_deref(), ..options };
                    kernel.run(pass, targets, scales, losses)
                })
            }
            ClassTargets::Distribution(shares) => {
                let shares = array_of(shares);
                Kernel::per_position(move |pass, scales, losses| {
                    let kernel = CrossEntropy { weight: weight.as_deref(), ..options };
                    kernel.run(pass, Targets::Distribution(shares.numbers()), scales, losses)
                })
            }
        })
    }

    fn composed<const D: usize>(&self, _: &Classes, logits: Tensor<D>, targets: ClassTargets<D>) -> Terms<D> {
        let logits = match self.soft_cap {
            Some(cap) => logits.mul_scalar(1.0 / cap).tanh().mul_scalar(cap),
            None => logits,
        };
        let z = (self.z_loss > 0.0).then(|| log_sum_exp(logits.clone(), 1).square().mul_scalar(self.z_loss));
        let surprise = log_softmax(logits, 1).neg();
        match targets {
            ClassTargets::Index(index) => {
                let index = index.masked();
                let values = index.mask(self.against_index(surprise, &index));
                Terms { values, unweighted: z.map(|z| index.mask(z)) }
            }
            ClassTargets::Distribution(shares) => {
                let spread = self.label_smoothing / shares.dims()[1] as f64;
                let shares = shares.mul_scalar(1.0 - self.label_smoothing).add_scalar(spread);
                Terms { values: (shares * self.weighted(surprise)).sum_dim(1), unweighted: z }
            }
        }
    }
}

impl CrossEntropyLoss {
    fn against_index<const D: usize>(&self, surprise: Tensor<D>, index: &MaskedIndices<D>) -> Tensor<D> {
        let mut own = surprise.clone().gather(1, index.index.clone());
        if let Some(weight) = &self.weight {
            own = own * index.weights(weight, &surprise);
        }
        if self.label_smoothing > 0.0 {
            let share = self.label_smoothing / surprise.dims()[1] as f64;
            let spread = self.weighted(surprise).sum_dim(1).mul_scalar(share);
            own = own.mul_scalar(1.0 - self.label_smoothing) + spread;
        }
        own
    }

    fn weighted<const D: usize>(&self, surprise: Tensor<D>) -> Tensor<D> {
        match &self.weight {
            Some(weight) => surprise.clone() * along_units(weight, &surprise),
            None => surprise,
        }
    }
}
