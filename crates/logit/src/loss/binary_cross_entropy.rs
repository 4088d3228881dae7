//! Binary cross entropy: each unit yes or no for itself.

use burn::tensor::Tensor;
use logit_kernels::loss::{BinaryCrossEntropy, Shape};
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, IGNORE_INDEX, Kernel, LogitsOf, Loss, LossOn, Reduction, Shares, TargetForm, TargetsFor, Terms,
    as_f32, forward_methods, one_per_unit, option_methods, share, shares,
};
use crate::error::LossError;
use crate::kind::YesNoUnits;
use crate::math::{along_units, softplus};

/// Binary cross entropy of the sigmoid of the logits against hard (0/1) or soft targets.
///
/// For a logit `x`, a target `t` and the weights of its unit:
///
/// ```text
/// loss = weight · ( pos_weight · t · ln(1 + e^−x)  +  (1 − t) · ln(1 + e^x) )
/// ```
///
/// The options mean what they mean in PyTorch's `BCEWithLogitsLoss`:
/// - `pos_weight`: a factor per unit for its positives: n⁻/n⁺ evens out a rare label.
/// - `weight`: a factor per unit for positives and negatives alike. A mean still divides by the number of entries.
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
            ignore_index: Some(IGNORE_INDEX),
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

    option_methods! {
        /// A factor per unit for positives and negatives alike, not negative.
        with_weight(weight: impl Into<Vec<f64>>) => Some(weight.into());
        /// A factor per unit for its positives, not negative.
        with_pos_weight(pos_weight: impl Into<Vec<f64>>) => Some(pos_weight.into());
        /// The target value that marks entries that do not count.
        with_ignore_index(ignore_index: i64) => Some(ignore_index);
        /// How far the targets are drawn towards ½, in [0, 1].
        with_label_smoothing(label_smoothing: f64);
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on K: YesNoUnits;
        /// # Shapes
        /// - logits and targets: `[N, K]` or `[N, K, d…]` (K = 1 for `YesNo`)
        ///
        /// # Errors
        /// A target outside [0, 1] that is not the ignored value, shapes that differ, an option out of its range.
        forward;
        /// The loss of each entry, of the logits' shape: 0 where the target does not count.
        forward_no_reduction -> Tensor<D>;
    }
}

impl<K: YesNoUnits> LossOn<K> for BinaryCrossEntropyLoss {
    type Targets<const D: usize> = Shares<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self, kind: &K) -> Result<(), LossError> {
        one_per_unit("weight", self.weight.as_deref(), kind.units(), "units")?;
        one_per_unit("pos_weight", self.pos_weight.as_deref(), kind.units(), "units")?;
        share("label_smoothing", self.label_smoothing)
    }

    fn check_targets<const D: usize>(
        &self,
        _: &K,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Shares<D>>, LossError> {
        Ok(shares(targets.dense(), logits, self.ignore_index)?.checked())
    }

    fn kernel<const D: usize>(&self, shape: Shape, targets: Shares<D>) -> Result<Kernel, Shares<D>> {
        let [weight, pos_weight] = [&self.weight, &self.pos_weight].map(|list| list.as_deref().map(as_f32));
        let label_smoothing = self.label_smoothing as f32;
        let (targets, ignore) = targets.into_host();
        Ok(Kernel::per_entry(move |pass, scales, losses| {
            let (weight, pos_weight) = (weight.as_deref(), pos_weight.as_deref());
            let kernel = BinaryCrossEntropy { shape, weight, pos_weight, ignore, label_smoothing };
            kernel.run(pass, targets.numbers(), scales.surprise, losses).into()
        }))
    }

    fn composed<const D: usize>(&self, _: &K, logits: Tensor<D>, targets: Shares<D>) -> Terms<D> {
        let targets = targets.masked();
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
        targets.mask(values).into()
    }
}
