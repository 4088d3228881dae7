//! What the losses on regions see: the predicted and the true share of each class or label at each position.

use burn::tensor::{Bool, Tensor};

use super::reduction::{Loss, Reduction, nothing_counted};
use super::targets::{TargetForm, class_indices, distribution, shares};
use crate::error::LossError;
use crate::kind::{Classes, Labels, Probabilistic, YesNo};
use crate::logits::Logits;
use crate::math::{accumulate, floats};

/// Predicted and true shares, both 0 where the target does not count.
pub(in crate::loss) struct Regions<const D: usize> {
    /// The logits, `[N, K, d…]`, in the type that sums are kept in.
    pub(in crate::loss) logits: Tensor<D>,
    /// Softmax or sigmoid of the logits, `[N, K, d…]`.
    pub(in crate::loss) predicted: Tensor<D>,
    /// The targets, `[N, K, d…]`.
    pub(in crate::loss) truth: Tensor<D>,
    /// 1 where the target counts, 0 elsewhere, `[N, K, d…]`; `None` when all count.
    pub(in crate::loss) counts: Option<Tensor<D>>,
    /// How many targets count.
    pub(in crate::loss) counted: usize,
}

/// Kinds whose decisions are regions on a map: classes, labels, yes or no.
#[diagnostic::on_unimplemented(
    message = "a loss on regions is not a loss of `{Self}`",
    label = "`{Self}` are neither classes nor labels",
    note = "focal, Dice, Tversky, Jaccard and Lovász losses fit `Classes`, `YesNo` and `Labels`; for the others see the table of `logit::loss`"
)]
pub trait RegionKind: Probabilistic {
    /// Whether the units exclude each other.
    #[doc(hidden)]
    const EXCLUSIVE: bool;
}

impl RegionKind for Classes {
    const EXCLUSIVE: bool = true;
}

impl RegionKind for YesNo {
    const EXCLUSIVE: bool = false;
}

impl RegionKind for Labels {
    const EXCLUSIVE: bool = false;
}

impl<const D: usize> Regions<D> {
    /// Checks the targets and reads both as shares.
    fn new<K: RegionKind>(
        logits: Logits<K, D>,
        targets: TargetForm<D>,
        ignore_index: Option<i64>,
    ) -> Result<Self, LossError> {
        let (logits, kind) = logits.into_parts();
        let (dims, logits) = (logits.dims(), accumulate(logits));
        let predicted = kind.probabilities_of(logits.clone());
        match targets {
            TargetForm::Index(index) => {
                let index = class_indices(index, dims, ignore_index)?;
                let (counted, index) = (index.counted, index.masked());
                let truth = index.own_class(dims).float().cast(logits.dtype());
                let ignored = index.ignored.map(|ignored| ignored.expand(dims));
                Ok(masked(logits, predicted, truth, ignored, counted))
            }
            TargetForm::Dense(targets) if K::EXCLUSIVE => {
                let truth = distribution(targets, &logits, ignore_index)?;
                let counted = dims.iter().product::<usize>() / dims[1].max(1);
                Ok(Self { logits, predicted, truth, counts: None, counted })
            }
            TargetForm::Dense(targets) => {
                let targets = shares(targets, &logits, ignore_index)?;
                let (counted, targets) = (targets.counted, targets.masked());
                Ok(masked(logits, predicted, targets.values, targets.ignored, counted))
            }
        }
    }
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

/// A loss on regions: one of each class or label, rather than of each position.
pub(in crate::loss) trait RegionLoss {
    /// How the losses become one number.
    fn reduction(&self) -> Reduction;

    /// The target that marks positions that do not count.
    fn ignore_index(&self) -> Option<i64>;

    /// Whether the options are in range.
    fn check_options(&self) -> Result<(), LossError> {
        Ok(())
    }

    /// The loss of each class.
    fn class_losses<K: RegionKind, const D: usize>(
        &self,
        regions: Regions<D>,
    ) -> Result<ClassLosses, LossError>;

    /// The loss as one number.
    fn reduced<K: RegionKind, const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: TargetForm<D>,
    ) -> Result<Loss, LossError> {
        let (classes, counted) = checked(self, logits, targets)?;
        if counted == 0 {
            return Ok(Loss::nothing(classes.losses, nothing_counted()));
        }
        Ok(Loss { value: classes.reduce(self.reduction()), counted, finding: None })
    }

    /// The loss of each class, `[1, K]`, or `[N, K]` per sample; absent classes too.
    fn unreduced<K: RegionKind, const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: TargetForm<D>,
    ) -> Result<Tensor<2>, LossError> {
        Ok(checked(self, logits, targets)?.0.losses)
    }
}

/// The losses of the classes, and how many targets count.
fn checked<K: RegionKind, const D: usize>(
    loss: &(impl RegionLoss + ?Sized),
    logits: Logits<K, D>,
    targets: TargetForm<D>,
) -> Result<(ClassLosses, usize), LossError> {
    loss.check_options()?;
    let regions = Regions::new(logits, targets, loss.ignore_index())?;
    let counted = regions.counted;
    Ok((loss.class_losses::<K, D>(regions)?, counted))
}

/// A loss for each class (or label), `[1, K]` over the whole batch or `[N, K]` per sample, and which of them count.
pub(in crate::loss) struct ClassLosses {
    /// `[R, K]`.
    pub(in crate::loss) losses: Tensor<2>,
    /// Row-major `[R, K]`: whether the class counts in the mean.
    pub(in crate::loss) present: Vec<bool>,
}

impl ClassLosses {
    /// The mean over the rows of the mean over the classes that count in the row, or the sum of all that count. A row
    /// in which none counts is a row without loss.
    pub(in crate::loss) fn reduce(self, reduction: Reduction) -> Tensor<1> {
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
                Reduction::Sum => 1.0,
                Reduction::Mean => 1.0 / (per_row[at / classes] * per_row.len()) as f64,
            })
            .collect();
        let weights = floats(&weights, self.losses.dims(), &self.losses.device(), self.losses.dtype());
        (self.losses * weights).sum()
    }
}
