//! The Lovász losses: a convex surrogate of intersection over union.

use burn::tensor::{Tensor, activation::relu};
use serde::{Deserialize, Serialize};

use super::plumbing::{
    ClassLosses, IGNORE_INDEX, LogitsOf, Loss, Reduction, RegionKind, RegionLoss, Regions, TargetsFor,
    forward_methods, option_methods, read,
};
use crate::error::LossError;

/// Below every error of a position that counts, so that those that do not are sorted last.
const NEVER: f64 = -1e30;

/// The Lovász extension of the Jaccard loss (Berman, Triki, Blaschko 2018, <https://arxiv.org/abs/1705.08790>).
///
/// On `Classes`, Lovász-softmax: the errors of class c are `|t_c − p_c|`; the loss is averaged over the classes that
/// occur in the targets. On `Labels` and `YesNo`, the Lovász hinge: the errors are `1 − x · (2t − 1)`, and their
/// positive part counts; averaged over the labels, whether they occur or not. The loss is taken over the whole batch, or
/// over each sample with `per_sample`. Positions that do not count are left out. It sorts the positions of each class:
/// n log n.
///
/// Soft targets count as present from ½ on, for the order of the errors is defined on regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct LovaszLoss {
    per_sample: bool,
    ignore_index: Option<i64>,
    reduction: Reduction,
}

impl Default for LovaszLoss {
    fn default() -> Self {
        Self { per_sample: false, ignore_index: Some(IGNORE_INDEX), reduction: Reduction::Mean }
    }
}

impl LovaszLoss {
    /// The mean over the classes, over the whole batch.
    pub fn new() -> Self {
        Self::default()
    }

    option_methods! {
        /// Whether the loss is of each sample, and then averaged over them.
        with_per_sample(per_sample: bool);
        /// The target that marks positions that do not count.
        with_ignore_index(ignore_index: i64) => Some(ignore_index);
        /// Mean or sum over the classes (and samples).
        with_reduction(reduction: Reduction);
    }

    forward_methods! { on regions; }

    /// `[N, K, d…]` to a row of positions per class, or per sample and class.
    fn rows<const D: usize>(&self, values: Tensor<D>) -> Tensor<2> {
        let dims = values.dims();
        let positions = dims[2..].iter().product::<usize>();
        let values = values.reshape([dims[0], dims[1], positions]);
        if self.per_sample {
            values.reshape([dims[0] * dims[1], positions])
        } else {
            values.swap_dims(0, 1).reshape([dims[1], dims[0] * positions])
        }
    }
}

impl RegionLoss for LovaszLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn ignore_index(&self) -> Option<i64> {
        self.ignore_index
    }

    fn class_losses<K: RegionKind, const D: usize>(
        &self,
        regions: Regions<D>,
    ) -> Result<ClassLosses, LossError> {
        let [batch, units] = [regions.truth.dims()[0], regions.truth.dims()[1]];
        let truth = regions.truth.clone().greater_equal_elem(0.5).float().cast(regions.truth.dtype());
        let errors = self.rows(errors::<K, D>(regions, truth.clone()));
        let (truth, rows) = (self.rows(truth), if self.per_sample { batch } else { 1 });
        let order = errors.clone().detach().argsort_descending(1);
        let gradient = jaccard_gradient(truth.clone().gather(1, order.clone()));
        let losses = (relu(errors.gather(1, order)) * gradient).sum_dim(1).reshape([rows, units]);
        let amounts: Vec<f64> = read(&truth.sum_dim(1))?;
        let present = amounts.iter().map(|amount| !K::EXCLUSIVE || *amount > 0.0).collect();
        Ok(ClassLosses { losses, present })
    }
}

/// The error of each position: its distance from the truth (softmax), or its hinge (sigmoid).
fn errors<K: RegionKind, const D: usize>(regions: Regions<D>, truth: Tensor<D>) -> Tensor<D> {
    let errors = if K::EXCLUSIVE {
        (truth - regions.predicted).abs()
    } else {
        let signs = truth.mul_scalar(2.0).sub_scalar(1.0);
        (regions.logits * signs).neg().add_scalar(1.0)
    };
    match regions.counts {
        Some(counts) => errors.mask_fill(counts.equal_elem(0.0), NEVER),
        None => errors,
    }
}

/// How much the Jaccard loss grows with each further error, for truths `[R, P]` sorted by falling error.
fn jaccard_gradient(truth: Tensor<2>) -> Tensor<2> {
    let [_, positions] = truth.dims();
    let all = truth.clone().sum_dim(1);
    let intersection = all.clone() - truth.clone().cumsum(1);
    let union = all + truth.neg().add_scalar(1.0).cumsum(1);
    let jaccard = (intersection / union).neg().add_scalar(1.0);
    if positions < 2 {
        return jaccard;
    }
    let first = jaccard.clone().narrow(1, 0, 1);
    let steps = jaccard.clone().narrow(1, 1, positions - 1) - jaccard.narrow(1, 0, positions - 1);
    Tensor::cat(vec![first, steps], 1)
}
