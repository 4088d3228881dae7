//! Cross entropy over classes that exclude each other.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, activation::log_softmax};
use logit_kernels::loss::{CrossEntropy, Place, Scales, Sums, Targets};
use logit_kernels::softmax::Shape;
use serde::{Deserialize, Serialize};

use super::fused::{self, Kernel, as_f32};
use super::logits_of::LogitsOf;
use super::options::{not_negative, one_a_unit, positive, share};
use super::reduction::{Loss, Reduction, Terms, add, reduce};
use super::targets::{self, ClassIndices, IGNORE_INDEX, TargetForm, TargetsFor, one_a_position};
use crate::error::LossError;
use crate::kind::Classes;
use crate::logits::Logits;
use crate::math::{accumulate, along_units, log_sum_exp};
use crate::ops::array::{Array, IndexArray};
use crate::ops::operation::{array_of, fits};

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
/// - `weight`: a weight a class. A mean over indices divides by `Σ w_y` of the targets that count; over distributions
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

    /// A weight a class, not negative.
    pub fn with_weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// The class index that marks targets that do not count.
    pub fn with_ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = Some(ignore_index);
        self
    }

    /// The share of the target that is spread evenly over all classes, in [0, 1].
    pub fn with_label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The factor of the squared log-sum-exp, not negative; 1e-4 is what its authors use.
    pub fn with_z_loss(mut self, z_loss: f64) -> Self {
        self.z_loss = z_loss;
        self
    }

    /// The bound that `cap · tanh(logits / cap)` keeps the logits within, above 0.
    pub fn with_soft_cap(mut self, soft_cap: f64) -> Self {
        self.soft_cap = Some(soft_cap);
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
    /// - targets: indices `[N, d…]`, or a distribution `[N, K, d…]`
    ///
    /// # Errors
    /// A target out of range, a distribution that is none, shapes that do not agree, an option out of its range.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Classes, D>,
        targets: impl TargetsFor<Classes, D>,
    ) -> Result<Loss, LossError> {
        let logits = self.prepared(logits.into_logits())?;
        if fits(&logits) {
            let (kernel, denominator, counted) = self.kernel(&logits, targets.form())?;
            let factor = |denominator: f64| self.reduction.factor(denominator) as f32;
            let scales = Scales { surprise: factor(denominator), z: factor(counted as f64) };
            let value = fused::reduced(CrossEntropyKernel { scales, ..kernel }, logits);
            return Ok(Loss { value, counted, finding: self.reduction.finding(counted, denominator) });
        }
        let parts = self.parts(logits, targets.form())?;
        let loss = reduce(parts.surprise, self.reduction, parts.counted);
        Ok(match parts.z {
            Some(z) => add(loss, z, self.reduction),
            None => loss,
        })
    }

    /// The loss of each position, `[N, 1, d…]`: 0 where the target does not count.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Classes, D>,
        targets: impl TargetsFor<Classes, D>,
    ) -> Result<Tensor<D>, LossError> {
        let logits = self.prepared(logits.into_logits())?;
        if fits(&logits) {
            let (kernel, ..) = self.kernel(&logits, targets.form())?;
            let dims = one_a_position(logits.dims());
            return Ok(fused::each(kernel, logits, dims));
        }
        let parts = self.parts(logits, targets.form())?;
        Ok(match parts.z {
            Some(z) => parts.surprise.values + z.values,
            None => parts.surprise.values,
        })
    }

    /// The logits in the type that the loss is computed in, if the options fit them.
    fn prepared<const D: usize>(&self, logits: Logits<Classes, D>) -> Result<Tensor<D>, LossError> {
        self.check(logits.kind().count)?;
        Ok(accumulate(logits.into_tensor()))
    }

    /// The loss for our kernels, what its mean divides by, and how many targets count.
    fn kernel<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<(CrossEntropyKernel, f64, usize), LossError> {
        let shape = fused::shape_of(logits);
        let (goal, denominator, counted) = match targets {
            TargetForm::Index(index) => {
                let checked = targets::check_indices(&index, logits.dims(), self.ignore_index)?;
                let denominator = checked.denominator(self.weight.as_deref());
                let counted = checked.counted;
                (Goal::Index { index: checked.host, ignore_index: self.ignore_index }, denominator, counted)
            }
            TargetForm::Dense(targets) => {
                let shares = targets::distribution(targets, logits, self.ignore_index)?;
                let positions = shape.positions();
                (Goal::Distribution(array_of(shares)), positions as f64, positions)
            }
        };
        let kernel = CrossEntropyKernel {
            shape,
            loss: self.clone(),
            weight: self.weight.as_deref().map(as_f32),
            goal: Arc::new(goal),
            scales: Scales::ONE,
        };
        Ok((kernel, denominator, counted))
    }

    /// The options as our kernels take them, but for the weights.
    pub(super) fn options(&self, shape: Shape) -> CrossEntropy<'static> {
        CrossEntropy {
            label_smoothing: self.label_smoothing as f32,
            z_loss: self.z_loss as f32,
            soft_cap: self.soft_cap.map(|cap| cap as f32),
            ..CrossEntropy::new(shape)
        }
    }

    pub(super) fn weight(&self) -> Option<&[f64]> {
        self.weight.as_deref()
    }

    pub(super) fn ignore_index(&self) -> Option<i64> {
        self.ignore_index
    }

    pub(super) fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn parts<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Parts<D>, LossError> {
        let logits = self.capped(logits);
        match targets {
            TargetForm::Index(index) => self.against_indices(logits, index),
            TargetForm::Dense(targets) => {
                let distribution = targets::distribution(targets, &logits, self.ignore_index)?;
                Ok(self.against_distribution(logits, distribution))
            }
        }
    }

    /// Whether the options fit a head of `classes` classes; `forward` asks it too.
    ///
    /// # Errors
    /// A list of the wrong length, or an option out of its range.
    pub fn check(&self, classes: usize) -> Result<(), LossError> {
        one_a_unit("weight", self.weight.as_deref(), classes, "classes")?;
        share("label_smoothing", self.label_smoothing)?;
        not_negative("z_loss", self.z_loss)?;
        self.soft_cap.map_or(Ok(()), |cap| positive("soft_cap", cap))
    }

    fn capped<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D> {
        match self.soft_cap {
            Some(cap) => logits.mul_scalar(1.0 / cap).tanh().mul_scalar(cap),
            None => logits,
        }
    }

    fn against_indices<const D: usize>(
        &self,
        logits: Tensor<D>,
        index: Tensor<D, Int>,
    ) -> Result<Parts<D>, LossError> {
        let targets = targets::class_indices(index, logits.dims(), self.ignore_index)?;
        let surprise = log_softmax(logits.clone(), 1).neg();
        let mut own = surprise.clone().gather(1, targets.index.clone());
        if let Some(weight) = &self.weight {
            own = own * weight_of_target(weight, &targets, &surprise);
        }
        if self.label_smoothing > 0.0 {
            let share = self.label_smoothing / logits.dims()[1] as f64;
            let spread = self.weighted(surprise).sum_dim(1).mul_scalar(share);
            own = own.mul_scalar(1.0 - self.label_smoothing) + spread;
        }
        let counted = targets.checked.counted;
        let denominator = targets.checked.denominator(self.weight.as_deref());
        let z = self.z_terms(logits, counted).map(|z| Terms { values: targets.mask(z.values), ..z });
        Ok(Parts { surprise: Terms { values: targets.mask(own), denominator }, z, counted })
    }

    fn against_distribution<const D: usize>(&self, logits: Tensor<D>, distribution: Tensor<D>) -> Parts<D> {
        let dims = logits.dims();
        let positions = dims.iter().product::<usize>() / dims[1].max(1);
        let smoothing = self.label_smoothing;
        let smoothed = distribution.mul_scalar(1.0 - smoothing).add_scalar(smoothing / dims[1] as f64);
        let of_class = self.weighted(log_softmax(logits.clone(), 1).neg());
        let values = (smoothed * of_class).sum_dim(1);
        let surprise = Terms { values, denominator: positions as f64 };
        Parts { surprise, z: self.z_terms(logits, positions), counted: positions }
    }

    fn weighted<const D: usize>(&self, surprise: Tensor<D>) -> Tensor<D> {
        match &self.weight {
            Some(weight) => surprise.clone() * along_units(weight, &surprise),
            None => surprise,
        }
    }

    fn z_terms<const D: usize>(&self, logits: Tensor<D>, counted: usize) -> Option<Terms<D>> {
        (self.z_loss > 0.0).then(|| Terms {
            values: log_sum_exp(logits, 1).square().mul_scalar(self.z_loss),
            denominator: counted as f64,
        })
    }
}

/// What the logits are held against, on the host.
#[derive(Debug)]
enum Goal {
    Index { index: IndexArray, ignore_index: Option<i64> },
    Distribution(Array),
}

/// The loss with its targets, for our kernels.
#[derive(Clone, Debug)]
struct CrossEntropyKernel {
    shape: Shape,
    loss: CrossEntropyLoss,
    weight: Option<Vec<f32>>,
    goal: Arc<Goal>,
    scales: Scales,
}

impl CrossEntropyKernel {
    fn run(&self, place: Place<'_, f32>, of_position: Option<&mut [f32]>) -> Sums {
        let kernel = CrossEntropy { weight: self.weight.as_deref(), ..self.loss.options(self.shape) };
        let targets = match &*self.goal {
            Goal::Index { index, ignore_index } => {
                Targets::Index { index: index.numbers(), ignore_index: *ignore_index }
            }
            Goal::Distribution(shares) => Targets::Distribution(shares.numbers()),
        };
        kernel.run(place, targets, self.scales, of_position)
    }
}

impl Kernel for CrossEntropyKernel {
    fn reduced(&self, place: Place<'_, f32>) -> f64 {
        let sums = self.run(place, None);
        sums.surprise * f64::from(self.scales.surprise) + sums.z * f64::from(self.scales.z)
    }

    fn each(&self, place: Place<'_, f32>, losses: &mut [f32]) {
        self.run(place, Some(losses));
    }
}

/// What the loss is made of, position by position.
struct Parts<const D: usize> {
    surprise: Terms<D>,
    z: Option<Terms<D>>,
    counted: usize,
}

/// The weight of each position's own class, `[N, 1, d…]`.
pub(super) fn weight_of_target<const D: usize>(
    weight: &[f64],
    targets: &ClassIndices<D>,
    like: &Tensor<D>,
) -> Tensor<D> {
    let weight: Tensor<1> = crate::math::floats(weight, [weight.len()], &like.device(), like.dtype());
    let dims = targets.index.dims();
    weight.select(0, targets.index.clone().flatten(0, D - 1)).reshape(dims)
}
