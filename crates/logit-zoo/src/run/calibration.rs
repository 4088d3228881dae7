//! What turns a network's logits into better probabilities and decisions.

use std::path::Path;

use logit::calibration::Offsets;
use logit_run::RunError;
use serde::{Deserialize, Serialize};

use super::bound::sum;
use super::checkpoint::Checkpoint;

/// Fitted on the validation part once training is over, as far as the kind of answer has anything to fit.
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct KeptCalibration {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offsets: Option<Offsets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linear: Option<[f64; 2]>,
    /// The sum of the weights that it was fitted for; absent in older files.
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<String>,
    /// The sum of all the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<String>,
}

impl KeptCalibration {
    /// What was fitted for these weights.
    pub(super) fn new(calibration: &Calibration, weights: &Checkpoint) -> Self {
        let mut kept = Self::from(calibration.clone());
        kept.weights = Some(weights.seal());
        kept.sum = Some(kept.sum_of_rest());
        kept
    }

    /// What was fitted, if it is whole and for the weights of `best`.
    pub(super) fn of(self, weights: &Checkpoint, path: &Path, best: &Path) -> Result<Calibration, RunError> {
        let damaged = |reason: &str| RunError::Malformed { path: path.to_owned(), reason: reason.to_owned() };
        let is_right = match &self.sum {
            Some(sum) => *sum == self.sum_of_rest(),
            // Weights that do not say what they belong to are of before there were sums.
            None => weights.bound.is_none(),
        };
        if !is_right {
            return Err(damaged(
                "its values are not those that were fitted; `logit train --resume` fits them again",
            ));
        }
        let is_of_these = match &self.weights {
            Some(of) => *of == weights.seal(),
            None => weights.bound.is_none(),
        };
        if !is_of_these {
            return Err(RunError::Remade { path: path.to_owned(), checkpoint: best.to_owned() });
        }
        Calibration::try_from(self).map_err(damaged)
    }

    fn sum_of_rest(&self) -> String {
        let rest = Self { sum: None, ..self.clone() };
        // Numbers and texts, which JSON always takes.
        sum(&serde_json::to_vec(&rest).unwrap_or_default())
    }
}

impl From<Calibration> for KeptCalibration {
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

impl TryFrom<KeptCalibration> for Calibration {
    type Error = &'static str;

    fn try_from(kept: KeptCalibration) -> Result<Self, &'static str> {
        let KeptCalibration { temperature, offsets, thresholds, linear, .. } = kept;
        if temperature.is_some_and(|temperature| !temperature.is_finite() || temperature <= 0.0) {
            return Err("its temperature is not above 0");
        }
        match (temperature, offsets, thresholds, linear) {
            (temperature, None, Some(thresholds), None) => Ok(Self::Thresholds { temperature, thresholds }),
            (Some(temperature), None, None, None) => Ok(Self::Temperature(temperature)),
            (None, Some(offsets), None, None) => Ok(Self::Offsets(offsets)),
            (None, None, None, Some(line)) => Ok(Self::Line(line)),
            (None, None, None, None) => Ok(Self::None),
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
            let kept: KeptCalibration = serde_json::from_str(text).unwrap();
            let calibration = Calibration::try_from(kept.clone()).unwrap();
            assert_eq!(KeptCalibration::from(calibration), kept);
            assert_eq!(serde_json::to_string(&kept).unwrap(), text);
        }
    }

    #[test]
    fn what_is_never_fitted_together_is_refused() {
        for text in [
            r#"{"offsets":[0.0,1.0],"linear":[0.0,1.0]}"#,
            r#"{"linear":[0,1],"temperature":2}"#,
            r#"{"shift":1}"#,
            r#"{"temperature":0.0}"#,
            r#"{"temperature":-1,"thresholds":[0.5]}"#,
        ] {
            let kept = serde_json::from_str::<KeptCalibration>(text);
            assert!(kept.map_or(true, |kept| Calibration::try_from(kept).is_err()), "{text}");
        }
    }

    #[test]
    fn an_edited_one_and_one_of_other_weights_are_refused() {
        let (weights, path, best) =
            (Checkpoint::default(), Path::new("run/calibration.json"), Path::new("run/best"));
        let fitted = Calibration::Temperature(1.5);
        let kept = KeptCalibration::new(&fitted, &weights);
        assert_eq!(kept.clone().of(&weights, path, best).unwrap(), fitted);
        let edited = KeptCalibration { temperature: Some(1.25), ..kept.clone() };
        assert!(
            edited.of(&weights, path, best).unwrap_err().to_string().contains("calibration.json is damaged")
        );
        let mut other = Checkpoint::default();
        other.optimizer.push(1);
        let error = kept.clone().of(&other, path, best).unwrap_err().to_string();
        assert!(error.contains("calibration.json is not the file that belongs to run/best"), "{error}");
        assert!(error.contains("`logit train --resume run` makes it again"), "{error}");
    }

    #[test]
    fn one_without_its_sums_is_that_of_an_older_run_alone() {
        let (path, best) = (Path::new("run/calibration.json"), Path::new("run/best"));
        let bound = serde_json::from_str(r#"{"recipe":"","files":{}}"#).unwrap();
        let mut today = Checkpoint::default();
        today.bound = Some(bound);
        let sealed = KeptCalibration::new(&Calibration::Temperature(3.0), &today);
        let bare = KeptCalibration { sum: None, ..sealed.clone() };
        let mut of_none = KeptCalibration { weights: None, ..sealed };
        of_none.sum = Some(of_none.sum_of_rest());
        for kept in [KeptCalibration::default(), bare, of_none] {
            assert!(kept.clone().of(&today, path, best).is_err(), "{kept:?}");
        }
        let older = KeptCalibration { temperature: Some(3.0), ..KeptCalibration::default() };
        assert!(older.clone().of(&today, path, best).is_err());
        assert_eq!(older.of(&Checkpoint::default(), path, best).unwrap(), Calibration::Temperature(3.0));
    }
}
