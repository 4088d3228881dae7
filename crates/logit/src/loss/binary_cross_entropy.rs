//! Binary cross entropy: each unit yes or no for itself.

use burn::tensor::Tensor;
use logit_kernels::loss::{BinaryCrossEntropy, Place};
use logit_kernels::softmax::Shape;
use serde::{Deserialize, Serialize};

use super::fused::{self, Kernel, as_f32};
use super::logits_of::LogitsOf;
use super::options::{one_a_unit, share};
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, CheckedBinary, TargetForm, TargetsFor};
use crate::error::LossError;
use crate::kind::{Kind, Labels, YesNo};
use crate::logits::Logits;
use crate::math::{accumulate, along_units, softplus};
use crate::ops::operation::fits;

/// Kinds whose units are yes or no each for itself.
#[diagnostic::on_unimplemented(
    message = "binary cross entropy is not a loss of `{Self}`",
    label = "the units of `{Self}` are not yes or no each for itself",
    note = "binary cross entropy puts a sigmoid on each unit, and fits `YesNo` and `Labels`; `Classes` exclude each other, which is `CrossEntropyLoss`; for the others see the table of `logit::loss`"
)]
pub trait YesNoUnits: Kind {}

impl YesNoUnits for YesNo {}
impl YesNoUnits for Labels {}

/// Binary cross entropy of the sigmoid of the logits against hard (0/1) or soft targets.
///
/// For a logit `x`, a target `t` and the weights of its unit:
///
/// ```text
/// loss = weight · ( pos_weight · t · ln(1 + e^−x)  +  (1 − t) · ln(1 + e^x) )
/// ```
///
/// The options mean what they mean in PyTorch's `BCEWithLogitsLoss`:
/// - `pos_weight`: a factor a unit for its positives: n⁻/n⁺ evens out a rare label.
/// - `weight`: a factor a unit for positives and negatives alike. A mean still divides by the number of entries.
///
/// and beyond it:
/// - `ignore_index` (−100): entries equal to it do not count, nor in the mean's denominator.
/// - `label_smoothing` (0): targets become `t (1 − ε) + ε/2`.
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Tensor};
/// use logit::{Labels, Logits, loss::BinaryCrossEntropyLoss};
///
/// let device = Device::flex();
/// let logits = Logits::new(Tensor::<2>::from_floats([[0.0, 3.0]], &device), Labels::new(2))?;
/// let targets = Tensor::<2>::from_floats([[1.0, 1.0]], &device);
/// let loss = BinaryCrossEntropyLoss::new().with_pos_weight([2.0, 1.0]).forward(logits, targets)?;
/// assert!((loss.value.into_scalar::<f32>() - (2.0 * 0.693_147 + 0.048_587) / 2.0).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct BinaryCrossEntropyLoss {
    weight: Option<Vec<f64>>,
    pos_weight: Option<Vec<f64>>,
    ignore_index: Option<i64>,
    label_smoothing: f64,
    reduction: Reduction,
}

impl Default for BinaryCrossEntropyLoss {
    fn default() -> Self {
        Self {
            weight: None,
            pos_weight: None,
            ignore_index: Some(targets::IGNORE_INDEX),
            label_smoothing: 0.0,
            reduction: Reduction::Mean,
        }
    }
}

impl BinaryCrossEntropyLoss {
    /// The mean binary cross entropy, without weights or smoothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A factor a unit for positives and negatives alike, not negative.
    pub fn with_weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// A factor a unit for its positives, not negative.
    pub fn with_pos_weight(mut self, pos_weight: impl Into<Vec<f64>>) -> Self {
        self.pos_weight = Some(pos_weight.into());
        self
    }

    /// The target value that marks entries that do not count.
    pub fn with_ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = Some(ignore_index);
        self
    }

    /// How far the targets are drawn towards ½, in [0, 1].
    pub fn with_label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
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
    /// - logits and targets: `[N, K]` or `[N, K, d…]` (K = 1 for `YesNo`)
    ///
    /// # Errors
    /// A target outside [0, 1] that is not the ignored value, shapes that differ, an option out of its range.
    pub fn forward<K: YesNoUnits, const D: usize>(
        &self,
        logits: impl LogitsOf<K, D>,
        targets: impl TargetsFor<K, D>,
    ) -> Result<Loss, LossError> {
        let logits = self.prepared(logits.into_logits())?;
        if fits(&logits) {
            let kernel = self.kernel(&logits, targets.form())?;
            let counted = kernel.targets.counted;
            let scale = self.reduction.factor(counted as f64) as f32;
            let value = fused::reduced(BinaryKernel { scale, ..kernel }, logits);
            return Ok(Loss { value, counted, finding: self.reduction.finding(counted, counted as f64) });
        }
        let (terms, counted) = self.terms(logits, targets.form())?;
        Ok(reduce(terms, self.reduction, counted))
    }

    /// The loss of each entry, of the logits' shape: 0 where the target does not count.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<K: YesNoUnits, const D: usize>(
        &self,
        logits: impl LogitsOf<K, D>,
        targets: impl TargetsFor<K, D>,
    ) -> Result<Tensor<D>, LossError> {
        let logits = self.prepared(logits.into_logits())?;
        if fits(&logits) {
            let (kernel, dims) = (self.kernel(&logits, targets.form())?, logits.dims());
            return Ok(fused::each(kernel, logits, dims));
        }
        Ok(self.terms(logits, targets.form())?.0.values)
    }

    /// The logits in the type that the loss is computed in, if the options fit them.
    fn prepared<K: YesNoUnits, const D: usize>(&self, logits: Logits<K, D>) -> Result<Tensor<D>, LossError> {
        let units = logits.kind().units();
        one_a_unit("weight", self.weight.as_deref(), units, "units")?;
        one_a_unit("pos_weight", self.pos_weight.as_deref(), units, "units")?;
        share("label_smoothing", self.label_smoothing)?;
        Ok(accumulate(logits.into_tensor()))
    }

    fn kernel<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<BinaryKernel, LossError> {
        Ok(BinaryKernel {
            shape: fused::shape_of(logits),
            weight: self.weight.as_deref().map(as_f32),
            pos_weight: self.pos_weight.as_deref().map(as_f32),
            label_smoothing: self.label_smoothing as f32,
            targets: targets::check_binary(targets.dense(), logits, self.ignore_index)?,
            scale: 1.0,
        })
    }

    fn terms<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<(Terms<D>, usize), LossError> {
        let targets = targets::binary(targets.dense(), &logits, self.ignore_index)?;
        let smoothing = self.label_smoothing;
        let yes = targets.values.clone().mul_scalar(1.0 - smoothing).add_scalar(smoothing / 2.0);
        let no = yes.clone().neg().add_scalar(1.0);
        let mut if_yes = yes * softplus(logits.clone().neg());
        if let Some(pos_weight) = &self.pos_weight {
            if_yes = if_yes * along_units(pos_weight, &logits);
        }
        let mut values = if_yes + no * softplus(logits.clone());
        if let Some(weight) = &self.weight {
            values = values * along_units(weight, &logits);
        }
        let counted = targets.counted;
        Ok((Terms { values: targets.mask(values), denominator: counted as f64 }, counted))
    }
}

/// The loss with its targets, for our kernels.
#[derive(Clone, Debug)]
struct BinaryKernel {
    shape: Shape,
    weight: Option<Vec<f32>>,
    pos_weight: Option<Vec<f32>>,
    label_smoothing: f32,
    targets: CheckedBinary,
    scale: f32,
}

impl BinaryKernel {
    fn run(&self, place: Place<'_, f32>, of_entry: Option<&mut [f32]>) -> f64 {
        let kernel = BinaryCrossEntropy {
            shape: self.shape,
            weight: self.weight.as_deref(),
            pos_weight: self.pos_weight.as_deref(),
            ignore: self.targets.ignore,
            label_smoothing: self.label_smoothing,
        };
        kernel.run(place, self.targets.numbers.numbers(), self.scale, of_entry)
    }
}

impl Kernel for BinaryKernel {
    fn reduced(&self, place: Place<'_, f32>) -> f64 {
        self.run(place, None) * f64::from(self.scale)
    }

    fn each(&self, place: Place<'_, f32>, losses: &mut [f32]) {
        self.run(place, Some(losses));
    }
}
