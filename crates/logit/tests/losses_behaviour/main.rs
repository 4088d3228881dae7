//! What every loss promises, tried on every loss.

mod every_loss;
mod gradients;
mod identities;
mod numbers;
mod options;
mod targets;
