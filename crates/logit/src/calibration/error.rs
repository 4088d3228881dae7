//! What can keep a model from being calibrated.

use super::aim::Aim;
use crate::metrics::MetricError;

/// Why a temperature, a threshold or an offset could not be fitted, read or applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The data do not fit together.
    #[error(transparent)]
    Data(#[from] MetricError),
    /// No row counts.
    #[error("there is nothing to calibrate on: no row, or every target is ignored")]
    NoTargets,
    /// A label has no target that counts.
    #[error("label {label} has nothing to calibrate on: no row, or all its targets are ignored")]
    NoTargetsOfLabel {
        /// The label.
        label: usize,
    },
    /// A label is never true, so that no threshold finds it.
    #[error("label {label} is true in no row: its threshold cannot be chosen on these data")]
    NoPositives {
        /// The label.
        label: usize,
    },
    /// No threshold of a label serves the aim, which only a precision can be too high for.
    #[error("label {label}: no threshold serves {aim:?}; the most precise one has a precision of {best}")]
    Unreachable {
        /// The label.
        label: usize,
        /// What was asked for.
        aim: Aim,
        /// The highest precision that a threshold has.
        best: f64,
    },
    /// A precision or recall that makes no sense.
    #[error("the {aim} to reach is {value}: it must be in [0, 1]")]
    Aim {
        /// `precision` or `recall`.
        aim: &'static str,
        /// The value found.
        value: f64,
    },
    /// A temperature out of bounds.
    #[error("temperature {index} is {value}: temperatures must be in [0.01, 100]")]
    TemperatureOutOfRange {
        /// Which of them.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// An offset out of bounds.
    #[error("offset {index} is {value}: offsets must be in [-100, 100]")]
    OffsetOutOfRange {
        /// Which of them.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A threshold that is not finite.
    #[error("threshold {index} is {value}: thresholds must be finite")]
    ThresholdNotFinite {
        /// Which of them.
        index: usize,
        /// The value found.
        value: f64,
    },
}
