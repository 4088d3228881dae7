//! What turns a network's logits into better probabilities and decisions.

use logit::calibration::Offsets;
use serde::{Deserialize, Serialize};

/// Fitted on the validation part once training is over; what is absent changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What logits are divided by before they become probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// What is added to each class's logit before the largest decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Offsets>,
    /// The probability from which on each label is decided for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f64>>,
    /// Intercept and slope that a value is mapped by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<[f64; 2]>,
}

impl Calibration {
    /// What logits are divided by.
    pub fn temperature(&self) -> f64 {
        self.temperature.unwrap_or(1.0)
    }
}
