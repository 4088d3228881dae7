//! Losses on the overlap of regions: Dice, Tversky and Jaccard.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::plumbing::{
    ClassLosses, IGNORE_INDEX, LogitsOf, Loss, Reduction, RegionKind, RegionLoss, Regions, TargetsFor,
    forward_methods, not_negative, option_methods, read,
};
use crate::error::LossError;

/// The Dice loss, `1 − (2 TP + s) / (2 TP + FP + FN + s)` (Milletari, Navab, Ahmadi 2016,
/// <https://arxiv.org/abs/1606.04797>). See [`OverlapLoss`] for what all three share.
pub type DiceLoss = OverlapLoss<Dice>;

/// The Jaccard or intersection-over-union loss, `1 − (TP + s) / (TP + FP + FN + s)`. See [`OverlapLoss`].
pub type JaccardLoss = OverlapLoss<Jaccard>;

/// The Tversky loss, `1 − (TP + s) / (TP + α FP + β FN + s)`: `α` above `β` punishes false positives, the reverse
/// misses (Salehi, Erdogmus, Gholipour 2017, <https://arxiv.org/abs/1706.05721>). See [`OverlapLoss`].
pub type TverskyLoss = OverlapLoss<Tversky>;

/// The least denominator, so that an empty class without smoothing divides by something.
const LEAST_DENOMINATOR: f64 = 1e-7;

/// How the counts of a class become its overlap.
pub trait Overlap: Clone + Default {
    /// Factors of (TP, FP, FN): the overlap is `(tp · TP + s) / (tp · TP + fp · FP + fn · FN + s)`.
    fn factors(&self) -> [f64; 3];
}

/// TP counts twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dice;

impl Overlap for Dice {
    fn factors(&self) -> [f64; 3] {
        [2.0, 1.0, 1.0]
    }
}

/// All count once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jaccard;

impl Overlap for Jaccard {
    fn factors(&self) -> [f64; 3] {
        [1.0, 1.0, 1.0]
    }
}

/// Errors count as chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tversky {
    /// The factor of false positives.
    pub alpha: f64,
    /// The factor of false negatives.
    pub beta: f64,
}

impl Default for Tversky {
    fn default() -> Self {
        Self { alpha: 0.5, beta: 0.5 }
    }
}

impl Overlap for Tversky {
    fn factors(&self) -> [f64; 3] {
        [1.0, self.alpha, self.beta]
    }
}

/// A loss on the overlap of the predicted and the true region of each class (softmax) or label (sigmoid).
///
/// With `p` the probabilities and `t` the targets, `TP = Σ p t`, `FP = Σ p (1 − t)`, `FN = Σ (1 − p) t`, summed over
/// all positions of the batch, or of each sample with `per_sample`. Positions that do not count are in no sum.
/// The loss is 1 minus the overlap, averaged over the classes that occur in the targets, and 0 where none does;
/// `include_absent` averages over all (give it a `smooth` above 0: without, an absent class costs 1 whatever is
/// predicted).
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use logit::{Classes, Logits, loss::DiceLoss};
///
/// let device = Device::flex();
/// // Two classes on a map of 1×2 pixels, each pixel sure and right.
/// let logits = Tensor::<4>::from_floats([[[[9.0, -9.0]], [[-9.0, 9.0]]]], &device);
/// let mask = Tensor::<3, Int>::from_ints([[[0, 1]]], &device);
/// let loss = DiceLoss::new().forward(Logits::new(logits, Classes::new(2))?, mask)?;
/// assert!(loss.value.into_scalar::<f32>() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct OverlapLoss<O> {
    #[serde(flatten)]
    overlap: O,
    smooth: f64,
    per_sample: bool,
    include_absent: bool,
    ignore_index: Option<i64>,
    reduction: Reduction,
}

impl<O: Overlap> Default for OverlapLoss<O> {
    fn default() -> Self {
        Self {
            overlap: O::default(),
            smooth: 0.0,
            per_sample: false,
            include_absent: false,
            ignore_index: Some(IGNORE_INDEX),
            reduction: Reduction::Mean,
        }
    }
}

impl TverskyLoss {
    /// The factors of false positives (`alpha`) and false negatives (`beta`), not negative; ½ and ½ is Dice.
    pub fn with_alpha_beta(mut self, alpha: f64, beta: f64) -> Self {
        self.overlap = Tversky { alpha, beta };
        self
    }
}

impl<O: Overlap> OverlapLoss<O> {
    /// The mean loss over the classes that occur, over the whole batch, without smoothing.
    pub fn new() -> Self {
        Self::default()
    }

    option_methods! {
        /// `s`, added above and below the fraction bar, not negative.
        with_smooth(smooth: f64);
        /// Whether the overlap is of each sample, and the loss the mean over the samples.
        with_per_sample(per_sample: bool);
        /// Whether classes that do not occur in the targets count.
        with_include_absent(include_absent: bool);
        /// The target that marks positions that do not count.
        with_ignore_index(ignore_index: i64) => Some(ignore_index);
        /// Mean or sum over the classes (and samples).
        with_reduction(reduction: Reduction);
    }

    forward_methods! { on regions; }

    /// Sums over the positions: `[N, K]` per sample, `[1, K]` over the batch.
    fn total<const D: usize>(&self, shares: Tensor<D>) -> Tensor<2> {
        let dims = shares.dims();
        let positions = dims[2..].iter().product::<usize>();
        let per_sample = shares.reshape([dims[0], dims[1], positions]).sum_dim(2).reshape([dims[0], dims[1]]);
        if self.per_sample { per_sample } else { per_sample.sum_dim(0) }
    }
}

impl<O: Overlap> RegionLoss for OverlapLoss<O> {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn ignore_index(&self) -> Option<i64> {
        self.ignore_index
    }

    fn check_options(&self) -> Result<(), LossError> {
        let [_, fp, fn_] = self.overlap.factors();
        not_negative("smooth", self.smooth)?;
        not_negative("alpha", fp)?;
        not_negative("beta", fn_)
    }

    fn class_losses<K: RegionKind, const D: usize>(
        &self,
        Regions { predicted, truth, .. }: Regions<D>,
    ) -> Result<ClassLosses, LossError> {
        let [tp, fp, fn_] = self.overlap.factors();
        let total = |shares: Tensor<D>| self.total(shares);
        let both = total(predicted.clone() * truth.clone());
        let (predicted, truth) = (total(predicted), total(truth));
        let hits = both.clone().mul_scalar(tp).add_scalar(self.smooth);
        let false_positives = (predicted - both.clone()).mul_scalar(fp);
        let misses = (truth.clone() - both).mul_scalar(fn_);
        let overlap = hits.clone() / (hits + false_positives + misses).clamp_min(LEAST_DENOMINATOR);
        let amounts: Vec<f64> = read(&truth)?;
        let present = amounts.iter().map(|amount| self.include_absent || *amount > 0.0).collect();
        Ok(ClassLosses { losses: overlap.neg().add_scalar(1.0), present })
    }
}
