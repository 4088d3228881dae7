//! What is fitted after training, on data that training did not see: how sure a model may be, and where it
//! says yes.
//!
//! - [`Temperature`] makes confidences honest and changes no decision of an argmax.
//! - [`Thresholds`] turn the scores of labels into decisions, for a stated [`Aim`].
//! - [`Offsets`] move the decision among classes towards the highest mean IoU.
//!
//! All are small, are saved and read with serde, and are checked when read. Shapes and what may be left out
//! are as in [`metrics`](crate::metrics).
//!
//! ```
//! use logit::calibration::{Aim, Temperature, Thresholds};
//! use logit::metrics::Ranking;
//!
//! // Two classes, a wrong row in four, but always as sure.
//! let mut logits = [2.0, 0.0, 0.0, 2.0, 2.0, 0.0, 2.0, 0.0];
//! let temperature = Temperature::fit_classes(&logits, &[0, 1, 0, 1], 2, None)?;
//! temperature.apply(&mut logits)?;
//! let confidence = 1.0 / (1.0 + f64::exp(-logits[0]));
//! assert!((confidence - 0.75).abs() < 1e-12);
//!
//! let mut ranking = Ranking::new(1)?;
//! ranking.update_labels(&[0.9, 0.6, 0.4, 0.2], &[true, false, true, false], None)?;
//! let thresholds = Thresholds::fit(&ranking, Aim::MaxF { beta: 1.0 })?;
//! assert_eq!(thresholds.decide(&[0.5, 0.2])?, [true, false]);
//! # Ok::<(), logit::calibration::CalibrationError>(())
//! ```

mod aim;
mod error;
mod offsets;
mod temperature;
mod thresholds;

pub use aim::Aim;
pub use error::CalibrationError;
pub use offsets::Offsets;
pub use temperature::Temperature;
pub use thresholds::Thresholds;
