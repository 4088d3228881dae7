//! What the losses on regions see: the predicted and the true share of each class or label at each position.

use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Bool, Tensor};

use super::targets::{self, TargetForm};
use crate::error::LossError;
use crate::kind::{Classes, Kind, Labels, YesNo};
use crate::logits::Logits;
use crate::math::accumulate;

/// Predicted and true shares, both 0 where the target does not count.
pub struct Regions<const D: usize> {
    /// The logits, `[N, K, d…]`, in the type that sums are kept in.
    pub(super) logits: Tensor<D>,
    /// Softmax or sigmoid of the logits, `[N, K, d…]`.
    pub(super) predicted: Tensor<D>,
    /// The targets, `[N, K, d…]`.
    pub(super) truth: Tensor<D>,
    /// 1 where the target counts, 0 elsewhere, `[N, K, d…]`; `None` when all count.
    pub(super) counts: Option<Tensor<D>>,
    /// How many targets count.
    pub(super) counted: usize,
}

/// Kinds whose decisions are regions on a map: classes, labels, yes or no.
#[diagnostic::on_unimplemented(
    message = "a loss on regions is not a loss of `{Self}`",
    label = "`{Self}` are neither classes nor labels",
    note = "focal, Dice, Tversky, Jaccard and Lovász losses fit `Classes`, `YesNo` and `Labels`; for the others see the table of `logit::loss`"
)]
pub trait RegionKind: Kind {
    /// Whether the units exclude each other.
    #[doc(hidden)]
    const EXCLUSIVE: bool;

    /// Checks the targets and reads both as shares.
    #[doc(hidden)]
    fn regions<const D: usize>(
        logits: Logits<Self, D>,
        targets: TargetForm<D>,
        ignore_index: Option<i64>,
    ) -> Result<Regions<D>, LossError>;
}

impl RegionKind for Classes {
    const EXCLUSIVE: bool = true;

    fn regions<const D: usize>(
        logits: Logits<Self, D>,
        targets: TargetForm<D>,
        ignore_index: Option<i64>,
    ) -> Result<Regions<D>, LossError> {
        let dims = logits.dims();
        let logits = accumulate(logits.into_tensor());
        let predicted = softmax(logits.clone(), 1);
        match targets {
            TargetForm::Dense(distribution) => {
                let truth = targets::distribution(distribution, &logits, ignore_index)?;
                let counted = dims.iter().product::<usize>() / dims[1].max(1);
                Ok(Regions { logits, predicted, truth, counts: None, counted })
            }
            TargetForm::Index(index) => {
                let targets = targets::class_indices(index, dims, ignore_index)?;
                let truth = targets.own_class(dims).float().cast(logits.dtype());
                let ignored = targets.ignored.as_ref().map(|ignored| ignored.clone().expand(dims));
                Ok(masked(logits, predicted, truth, ignored, targets.checked.counted))
            }
        }
    }
}

macro_rules! regions_of_labels {
    ($($kind:ty),*) => {$(
        impl RegionKind for $kind {
            const EXCLUSIVE: bool = false;

            fn regions<const D: usize>(
                logits: Logits<Self, D>,
                targets: TargetForm<D>,
                ignore_index: Option<i64>,
            ) -> Result<Regions<D>, LossError> {
                label_regions(accumulate(logits.into_tensor()), targets, ignore_index)
            }
        }
    )*};
}

regions_of_labels!(YesNo, Labels);

fn label_regions<const D: usize>(
    logits: Tensor<D>,
    targets: TargetForm<D>,
    ignore_index: Option<i64>,
) -> Result<Regions<D>, LossError> {
    let targets = targets::binary(targets.dense(), &logits, ignore_index)?;
    let predicted = sigmoid(logits.clone());
    Ok(masked(logits, predicted, targets.values, targets.ignored, targets.counted))
}

fn masked<const D: usize>(
    logits: Tensor<D>,
    predicted: Tensor<D>,
    truth: Tensor<D>,
    ignored: Option<Tensor<D, Bool>>,
    counted: usize,
) -> Regions<D> {
    let Some(ignored) = ignored else { return Regions { logits, predicted, truth, counts: None, counted } };
    Regions {
        predicted: predicted.mask_fill(ignored.clone(), 0.0),
        truth: truth.mask_fill(ignored.clone(), 0.0),
        counts: Some(ignored.bool_not().float().cast(logits.dtype())),
        logits,
        counted,
    }
}

/// A loss for each class (or label), `[1, K]` over the whole batch or `[N, K]` a sample, and which of them count.
pub(super) struct ClassLosses {
    /// `[R, K]`.
    pub(super) losses: Tensor<2>,
    /// Row-major `[R, K]`: whether the class counts in the mean.
    pub(super) present: Vec<bool>,
}

impl ClassLosses {
    /// The mean over the rows of the mean over the classes that count in the row, or the sum of all that count. A row
    /// in which none counts is a row without loss.
    pub(super) fn reduce(self, reduction: super::Reduction) -> Tensor<1> {
        let [_, classes] = self.losses.dims();
        let per_row: Vec<usize> = self
            .present
            .chunks(classes.max(1))
            .map(|row| row.iter().filter(|present| **present).count())
            .collect();
        let weights: Vec<f64> = self
            .present
            .iter()
            .enumerate()
            .map(|(at, present)| match reduction {
                _ if !present => 0.0,
                super::Reduction::Sum => 1.0,
                super::Reduction::Mean => 1.0 / (per_row[at / classes] * per_row.len()) as f64,
            })
            .collect();
        let weights =
            crate::math::floats(&weights, self.losses.dims(), &self.losses.device(), self.losses.dtype());
        (self.losses * weights).sum()
    }
}
