//! What the losses share. A loss of its own is an implementation of [`LossOn`] or [`RegionLoss`].

mod kernel;
mod logits_of;
mod loss_on;
mod methods;
mod options;
mod reduction;
mod regions;
mod targets;

pub(super) use kernel::{Kernel, as_f32};
pub use logits_of::LogitsOf;
pub(super) use loss_on::{LossOn, Terms};
pub(super) use methods::{forward_methods, option_methods};
pub(super) use options::{not_negative, one_per_unit, positive, share};
pub(super) use reduction::nothing_counted;
pub use reduction::{Loss, Reduction};
pub use regions::RegionKind;
pub(super) use regions::{ClassLosses, RegionLoss, Regions};
pub(super) use targets::{
    Checked, ClassIndices, MaskedIndices, Shares, TargetForm, class_indices, distribution, one_per_position,
    places_of, read, real, shares,
};
pub use targets::{DISTRIBUTION_TOLERANCE, IGNORE_INDEX, TargetsFor};
