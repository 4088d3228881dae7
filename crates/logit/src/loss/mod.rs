//! Losses on logits, for each kind of answer.
//!
//! A loss takes [`Logits`](crate::Logits) of the kinds it fits and nothing else: probabilities, or a plain tensor
//! that went through an activation, do not compile. Each applies its own softmax or sigmoid, in a form that neither
//! overflows nor loses the gradient.
//!
//! | kind | losses |
//! |---|---|
//! | `Classes` | [`CrossEntropyLoss`], [`FocalLoss`], [`DiceLoss`], [`TverskyLoss`], [`JaccardLoss`], [`LovaszLoss`] |
//! | `YesNo`, `Labels` | [`BinaryCrossEntropyLoss`], and the five after cross entropy above |
//! | `Values` | [`SquaredLoss`], [`AbsoluteLoss`], [`HuberLoss`], [`GaussianLoss`], [`QuantileLoss`] |
//! | `Grades` | [`InterpolatedKlLoss`], [`PearsonLoss`], [`CoralLoss`], [`CornLoss`] |
//!
//! Each has `forward`, which reduces to one number, and most have `forward_no_reduction`, which keeps a loss a
//! position (`[N, 1, d…]`) or a unit (`[N, K, d…]`).
//!
//! What every loss here promises:
//! - targets are checked: one out of range is an error that names the first position and the value, on every device;
//! - shapes must agree exactly: nothing is broadcast;
//! - a mean over no targets is a loss of zero with a gradient of zero **and** a [`Finding`], never NaN;
//! - f16 and bf16 logits are summed in f32.

mod binary_cross_entropy;
mod cross_entropy;
mod focal;
mod fused;
mod gaussian;
mod grades;
mod linear_cross_entropy;
mod logits_of;
mod lovasz;
mod options;
mod ordinal;
mod overlap;
mod pearson;
mod quantile;
mod reduction;
mod regions;
pub(crate) mod targets;
mod values;

pub use binary_cross_entropy::{BinaryCrossEntropyLoss, YesNoUnits};
pub use cross_entropy::CrossEntropyLoss;
pub use focal::FocalLoss;
pub use gaussian::GaussianLoss;
pub use grades::InterpolatedKlLoss;
pub use logit_spec::Finding;
pub use logits_of::LogitsOf;
pub use lovasz::LovaszLoss;
pub use ordinal::{CoralLoss, CornLoss};
pub use overlap::{Dice, DiceLoss, Jaccard, JaccardLoss, Overlap, OverlapLoss, Tversky, TverskyLoss};
pub use pearson::PearsonLoss;
pub use quantile::QuantileLoss;
pub use reduction::{Loss, Reduction};
pub use regions::RegionKind;
pub use targets::{DISTRIBUTION_TOLERANCE, IGNORE_INDEX, TargetsFor};
pub use values::{Absolute, AbsoluteLoss, ErrorLoss, Huber, HuberLoss, Penalty, Squared, SquaredLoss};
