//! Losses on logits, each with its gradient in one go: logits are read once, and the gradient is written once.
//!
//! Every loss returns its sum over the positions or entries that count; what a mean divides by is the caller's, who
//! gives its inverse as the scale that the gradient is multiplied by.

mod binary_cross_entropy;
mod cross_entropy;
mod entries;
mod focal;
mod grades;
mod indices;
mod linear_cross_entropy;
mod pass;
mod scale;
mod softmax_loss;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use cross_entropy::{CrossEntropy, Targets};
pub use focal::{FocalOverClasses, FocalOverLabels};
pub use grades::interpolated_kl;
pub use indices::{Indices, Survey, survey};
pub use linear_cross_entropy::{LinearCrossEntropy, LinearGradient};
pub use pass::Pass;
pub use scale::{scale_all, scale_positions};
pub use softmax_loss::{Scales, Sums};

pub use crate::softmax::Shape;

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is exact is compared as such")]
mod other_tests;
#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is exact is compared as such")]
pub(crate) mod tests;
