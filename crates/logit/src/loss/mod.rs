//! Losses on logits, for each kind of answer.
//!
//! A loss takes [`Logits`](crate::Logits) of the kinds it fits and nothing else: probabilities, or a plain tensor
//! that went through an activation, do not compile. Each applies its own softmax or sigmoid, in a form that neither
//! overflows nor loses the gradient.
//!
//! | kind | losses |
//! |---|---|
//! | `Classes` | [`CrossEntropyLoss`], [`FocalLoss`], [`DiceLoss`], [`TverskyLoss`], [`JaccardLoss`], [`LovaszLoss`] |
//! | `YesNo`, `Labels` | [`BinaryCrossEntropyLoss`], [`FocalLoss`], [`DiceLoss`], [`TverskyLoss`], [`JaccardLoss`], [`LovaszLoss`] |
//! | `Values` | [`SquaredLoss`], [`AbsoluteLoss`], [`HuberLoss`], [`GaussianLoss`], [`QuantileLoss`] |
//! | `Grades` | [`InterpolatedKlLoss`], [`PearsonLoss`], [`CoralLoss`], [`CornLoss`] |
//!
//! Each has `forward`, which reduces to one number, and most have `forward_no_reduction`, which keeps a loss per
//! position (`[N, 1, d…]`) or unit (`[N, K, d…]`).
//!
//! Where a loss is computed: cross entropy, binary cross entropy, focal and interpolated KL have a kernel, which makes
//! the gradient together with the loss in one pass over the logits, on the CPU in f32. Elsewhere (another backend,
//! another type, gradient checkpointing) they are composed of Burn's operations, as the other losses are everywhere. Both
//! give the same numbers, to rounding.
//!
//! What every loss here promises:
//! - targets are checked: one out of range is an error that names the first position and the value, on every device;
//! - shapes must agree exactly: nothing is broadcast;
//! - a mean over no targets is a loss of zero with a gradient of zero **and** a [`Finding`], never NaN;
//! - f16 and bf16 logits are summed in f32.

mod binary_cross_entropy;
mod cross_entropy;
mod errors;
mod focal;
mod gaussian;
mod interpolated_kl;
mod linear_cross_entropy;
mod lovasz;
mod ordinal;
mod overlap;
mod pearson;
mod plumbing;
mod quantile;

pub use binary_cross_entropy::BinaryCrossEntropyLoss;
pub use cross_entropy::CrossEntropyLoss;
pub use errors::{Absolute, AbsoluteLoss, ErrorLoss, Huber, HuberLoss, Penalty, Squared, SquaredLoss};
pub use focal::FocalLoss;
pub use gaussian::GaussianLoss;
pub use interpolated_kl::InterpolatedKlLoss;
pub use logit_spec::Finding;
pub use lovasz::LovaszLoss;
pub use ordinal::{CoralLoss, CornLoss};
pub use overlap::{Dice, DiceLoss, Jaccard, JaccardLoss, Overlap, OverlapLoss, Tversky, TverskyLoss};
pub use pearson::PearsonLoss;
pub use plumbing::{DISTRIBUTION_TOLERANCE, IGNORE_INDEX, LogitsOf, Loss, Reduction, RegionKind, TargetsFor};
pub use quantile::QuantileLoss;

pub use crate::kind::YesNoUnits;
