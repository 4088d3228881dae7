//! The output layer of a neural network, on [Burn](https://burn.dev): typed logits, heads, losses, metrics, calibration.

pub mod calibration;
pub mod error;
mod head;
mod kind;
mod logits;
pub mod loss;
mod math;
pub mod metrics;
mod probabilities;
mod rank;

pub use error::{HeadError, KindError, LossError};
pub use head::{Head, HeadConfig};
pub use kind::{
    Classes, Coral, Corn, Gaussian, Grades, Kind, Labels, Point, Quantiles, Steps, Values, YesNo,
};
pub use logits::Logits;
pub use probabilities::Probabilities;
pub use rank::{OneMoreThan, Rank};
