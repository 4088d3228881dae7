//! What a model's outputs are worth: metrics over slices of numbers, exact however the data comes in.
//!
//! Each metric is a small struct with `new`, `update` (once a batch), `merge` (of parts counted elsewhere)
//! and getters named after the metric. These rules hold for all of them:
//!
//! - **The cut does not matter.** A value depends on the rows alone, to the last bit: not on how they were
//!   cut into batches, nor on the order of batches or of merges. Counts are integers, sums of reals are kept
//!   without rounding and rounded once when read, ranking metrics keep their scores.
//! - **Shapes.** `N` rows of `K` columns (classes, labels or outputs) come row after row in one slice of
//!   `N·K` numbers, the column last. Of images and sequences a pixel or token is a row: [`rows`] and [`flat`]
//!   read tensors so.
//! - **Numbers** are `f32` or `f64` and are read in place; arithmetic is in `f64`. They must be finite and at
//!   most 2^448 (about 7·10^134) in magnitude; the error names row and column.
//! - **Classes** have one target index a row, and `ignore_index` is a target that marks rows to leave out.
//!   **Labels** have `N·K` targets, each true or false, and `ignore` marks (with `true`) elements to leave
//!   out. What is left out is not looked at, so that it may be anything, NaN too. A metric takes one or the
//!   other.
//! - **Nothing counted is [`None`]**, never NaN: no rows, or all of them left out. The same for what is
//!   undefined, as an AUROC without negatives. A mean over columns leaves out the undefined columns, and is
//!   `None` if none is left.
//! - **An error changes nothing**: the batch that it names is not counted, not even partly.
//!
//! ```
//! use logit::metrics::{Average, ConfusionMatrix};
//!
//! let mut matrix = ConfusionMatrix::new(3)?;
//! matrix.update(&[0, 2, 1], &[0, 2, 2], None)?;
//! matrix.update(&[1, 0], &[1, -100], Some(-100))?;
//! assert_eq!(matrix.accuracy(), Some(0.75));
//! assert_eq!(matrix.recall(Average::Macro), Some((1.0 + 1.0 + 0.5) / 3.0));
//! # Ok::<(), logit::metrics::MetricError>(())
//! ```

mod average;
mod brier;
mod confusion;
mod correlation;
mod counts;
mod error;
mod exact_sum;
pub(crate) mod input;
mod labels;
mod log_loss;
mod operating_points;
mod ranking;
mod regression;
mod reliability;
mod tensors;
mod top_k;

pub use average::Average;
pub use brier::Brier;
pub use confusion::ConfusionMatrix;
pub use correlation::{Pearson, Spearman};
pub use counts::Counts;
pub use error::MetricError;
pub use input::{ClassIndex, Real};
pub use labels::LabelConfusion;
pub use log_loss::LogLoss;
pub use operating_points::OperatingPoint;
pub use ranking::Ranking;
pub use regression::{OutputErrors, Regression};
pub use reliability::{Reliability, ReliabilityBin};
pub use tensors::{flat, rows};
pub use top_k::TopK;
