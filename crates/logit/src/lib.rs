//! The output layer of a neural network, on [Burn](https://burn.dev): typed logits, heads, losses, metrics,
//! calibration.
//!
//! Floors, from the ground up: `error`, `rank`, `math`, `link`, `kind`, `logits`, `probabilities`, `ops`, `graph`, `head`,
//! `steps`, `explain`, `tape`, `loss`, `metrics`, `calibration`, `optim`.
//!
//! A [`Head`] is the last layer of a network, and is chosen by the *kind of answer* that is wanted. The kind decides
//! the rest: how many units there are, which losses fit their raw output, how probabilities and decisions are read
//! from it. What a head returns are [`Logits`] of its kind, and losses take nothing else: a softmax or sigmoid before a
//! loss that applies its own does not compile.
//!
//! ```
//! use burn::tensor::{Device, Distribution, Int, Tensor};
//! use logit::{Classes, HeadConfig, loss::CrossEntropyLoss};
//!
//! let device = Device::flex().autodiff();
//! let features = Tensor::<2>::random([4, 64], Distribution::Default, &device); // what your network computes
//! let targets = Tensor::<1, Int>::from_ints([0, 2, 1, 2], &device); // class indices
//!
//! let head = HeadConfig::new(64, Classes::new(3)).init(&device)?;
//! let logits = head.forward(features); // [4, 3], raw
//! let loss = CrossEntropyLoss::new().forward(logits.clone(), targets)?; // applies its own softmax
//! let gradients = loss.backward();
//!
//! let probabilities = logits.probabilities(); // [4, 3], each row sums to 1
//! let decisions = probabilities.argmax(); // [4], class indices
//! # assert!(head.weight.grad(&gradients).is_some());
//! # assert_eq!(decisions.dims(), [4]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Kinds of answer
//!
//! | answer | kind | units | target | loss ([others](loss)) | read by |
//! |---|---|---|---|---|---|
//! | one of K classes | [`Classes`] | K | index, or a distribution | cross entropy | softmax; `argmax`, `top_k` |
//! | yes or no | [`YesNo`] | 1 | 0/1, or in between | binary cross entropy | sigmoid; `at_least` |
//! | any of K labels | [`Labels`] | K | 0/1 per label, or in between | binary cross entropy | sigmoid per label; `at_least`, `at_least_each` |
//! | T numbers | [`Values`] | T | real | squared error | `values` |
//! | T numbers with their variances | [`Values<Gaussian>`](Gaussian) | 2·T | real | Gaussian likelihood | `mean`, `variance` |
//! | Q quantiles of T numbers | [`Values<Quantiles>`](Quantiles) | T·Q | real | quantile | `quantiles_of`, sorted so that they never cross |
//! | a grade on K steps | [`Grades`] | K | real in [low, high] | interpolated KL | softmax; `expected_value` |
//! | the same, cumulative | [`Grades<Coral>`](Coral), [`Grades<Corn>`](Corn) | K−1 | real in [low, high] | CORAL, CORN | `expected_value` |
//!
//! Each of them per position too: features `[N, F, H, W]` give logits `[N, K, H, W]`, and a head is then a 1×1
//! convolution. The class axis always comes right after the batch axis.
//!
//! # What can go wrong
//!
//! What the types cannot see is an error value, whose message says what was found, where, and what to do:
//! [`KindError`] and [`HeadError`] when a head or its logits cannot be, [`LossError`] for targets and options,
//! [`MetricError`](metrics::MetricError) and [`CalibrationError`](calibration::CalibrationError) for what is measured
//! afterwards. What can be computed but teaches nothing, as a batch whose targets are all ignored, is a
//! [`Finding`](loss::Finding) beside the loss. Panics are left to tensors that do not fit the layer itself, as Burn's own
//! layers have it, and each such place says so.

pub mod calibration;
pub mod error;
pub mod explain;
pub mod graph;
mod head;
mod kind;
mod link;
mod logits;
pub mod loss;
mod math;
pub mod metrics;
pub mod ops;
pub mod optim;
mod probabilities;
mod rank;
pub mod steps;
pub mod tape;

pub use error::{HeadError, KindError, LossError};
pub use head::{Head, HeadConfig};
pub use kind::{
    Classes, Coral, Corn, Gaussian, Grades, Kind, Labels, Point, Probabilistic, Quantiles, Steps, Values,
    YesNo,
};
pub use link::Link;
pub use logits::Logits;
pub use probabilities::Probabilities;
pub use rank::{OneMoreThan, Rank};

/// The example of the README, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The examples of the page for Rust programs, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust-library.md")]
struct RustLibrary;
