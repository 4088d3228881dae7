//! What turns a network's logits into better probabilities and decisions.

use logit::calibration::Offsets;
use serde::{Deserialize, Serialize};

/// Fitted on the validation part once training is over, as far as the kind of answer has anything to fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub enum Calibration {
    /// Nothing.
    #[default]
    None,
    /// Of classes or labels: what logits are divided by before they become probabilities.
    Temperature(f64),
    /// Of labels: the probability from which on each is decided for.
    Thresholds {
        /// What logits are divided by before.
        temperature: Option<f64>,
        /// A threshold per label.
        thresholds: Vec<f64>,
    },
    /// Of classes per pixel: what is added to each class's logit before the largest decides.
    Offsets(Offsets),
    /// Of a score: intercept and slope that it is mapped by.
    Line([f64; 2]),
}

impl Calibration {
    /// What logits are divided by.
    pub fn temperature(&self) -> f64 {
        match self {
            Self::Temperature(temperature) => *temperature,
            Self::Thresholds { temperature, .. } => temperature.unwrap_or(1.0),
            _ => 1.0,
        }
    }

    /// The probability from which on each label is decided for, where it was fitted.
    pub fn thresholds(&self) -> Option<&[f64]> {
        match self {
            Self::Thresholds { thresholds, .. } => Some(thresholds),
            _ => None,
        }
    }

    /// Intercept and slope that a score is mapped by, where they were fitted.
    pub fn line(&self) -> Option<[f64; 2]> {
        match self {
            Self::Line(line) => Some(*line),
            _ => None,
        }
    }
}

/// `calibration.json`: what is absent was not fitted.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offsets: Option<Offsets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linear: Option<[f64; 2]>,
}

impl From<Calibration> for File {
    fn from(calibration: Calibration) -> Self {
        match calibration {
            Calibration::None => Self::default(),
            Calibration::Temperature(temperature) => {
                Self { temperature: Some(temperature), ..Self::default() }
            }
            Calibration::Thresholds { temperature, thresholds } => {
                Self { temperature, thresholds: Some(thresholds), ..Self::default() }
            }
            Calibration::Offsets(offsets) => Self { offsets: Some(offsets), ..Self::default() },
            Calibration::Line(line) => Self { linear: Some(line), ..Self::default() },
        }
    }
}

impl TryFrom<File> for Calibration {
    type Error = &'static str;

    fn try_from(file: File) -> Result<Self, &'static str> {
        match file {
            File { temperature, thresholds: Some(thresholds), offsets: None, linear: None } => {
                Ok(Self::Thresholds { temperature, thresholds })
            }
            File { temperature: Some(temperature), offsets: None, thresholds: None, linear: None } => {
                Ok(Self::Temperature(temperature))
            }
            File { temperature: None, offsets: Some(offsets), thresholds: None, linear: None } => {
                Ok(Self::Offsets(offsets))
            }
            File { temperature: None, offsets: None, thresholds: None, linear: Some(line) } => {
                Ok(Self::Line(line))
            }
            File { temperature: None, offsets: None, thresholds: None, linear: None } => Ok(Self::None),
            _ => Err("it holds values that are never fitted together"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_written_alike() {
        for text in [
            "{}",
            r#"{"temperature":1.5}"#,
            r#"{"thresholds":[0.25,0.5]}"#,
            r#"{"temperature":1.5,"thresholds":[0.25,0.5]}"#,
            r#"{"offsets":[0.0,-0.5]}"#,
            r#"{"linear":[-2.0,3.0]}"#,
        ] {
            let calibration: Calibration = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&calibration).unwrap(), text);
        }
    }

    #[test]
    fn what_is_never_fitted_together_is_refused() {
        for text in [
            r#"{"offsets":[0.0,1.0],"linear":[0.0,1.0]}"#,
            r#"{"linear":[0,1],"temperature":2}"#,
            r#"{"shift":1}"#,
        ] {
            assert!(serde_json::from_str::<Calibration>(text).is_err(), "{text}");
        }
    }
}
