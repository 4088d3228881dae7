//! Losses on logits, each with its gradient in one go: logits are read once, and the gradient is written once.
//!
//! Every loss returns its sum over the positions or entries that count; what a mean divides by is the caller's, who
//! gives its inverse as the scale that the gradient is multiplied by.

mod cross_entropy;
mod grades;
mod place;
mod softmax_loss;

pub use cross_entropy::{CrossEntropy, Targets};
pub use grades::interpolated_kl;
pub use place::Place;
pub use softmax_loss::{Scales, Sums};

pub use crate::softmax::Shape;

#[cfg(test)]
mod tests;
