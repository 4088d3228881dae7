//! What a network is worth on a part of the data, in named numbers.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Metrics by name, in the order in which they are given, and how many samples they were measured on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    #[serde(flatten)]
    values: IndexMap<String, f64>,
    /// Samples they were measured on.
    pub samples: u64,
}

impl Scores {
    /// Scores on so many samples; metrics that are no finite numbers, as R² of targets that are all the same, are left out.
    pub fn new<N: Into<String>>(samples: u64, values: impl IntoIterator<Item = (N, f64)>) -> Self {
        let finite = values.into_iter().filter(|(_, value)| value.is_finite());
        Self { values: finite.map(|(name, value)| (name.into(), value)).collect(), samples }
    }

    /// These, and more of the same samples.
    #[must_use]
    pub fn and<N: Into<String>>(mut self, more: impl IntoIterator<Item = (N, f64)>) -> Self {
        self.values.extend(Self::new(self.samples, more).values);
        self
    }

    /// The value of a metric.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    /// All metrics, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// The metric that decides which weights are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Its name.
    pub metric: &'static str,
    /// Whether more is better.
    pub more: bool,
}

impl Goal {
    /// The less, the better.
    pub const fn least(metric: &'static str) -> Self {
        Self { metric, more: false }
    }

    /// The more, the better.
    pub const fn most(metric: &'static str) -> Self {
        Self { metric, more: true }
    }

    /// Whether a value is better than the best so far, which may be no number where there was none.
    pub fn improves(self, value: f64, best: Option<f64>) -> bool {
        best.is_none_or(|best| best.is_nan() || if self.more { value > best } else { value < best })
    }
}

/// The names of metrics as people write them.
const NAMES: [(&str, &str); 23] = [
    ("log_loss", "log loss"),
    ("ece", "calibration error"),
    ("brier", "Brier score"),
    ("macro_f1", "macro F1"),
    ("micro_f1", "micro F1"),
    ("macro_recall", "macro recall"),
    ("mean_iou", "mean IoU"),
    ("mean_iou_by_image", "mean IoU by image"),
    ("mean_dice", "mean Dice"),
    ("mse", "mean squared error"),
    ("mae", "mean absolute error"),
    ("mae_before_recalibration", "mean absolute error before recalibration"),
    ("mse_before_recalibration", "mean squared error before recalibration"),
    ("rmse", "root mean squared error"),
    ("r2", "R²"),
    ("auroc", "AUROC"),
    ("pearson", "Pearson"),
    ("spearman", "Spearman"),
    ("exact_match", "all labels right"),
    ("hamming_loss", "share of labels wrong"),
    ("loss", "loss"),
    ("accuracy", "accuracy"),
    ("pixel_accuracy", "pixel accuracy"),
];

/// A metric's name for people.
pub fn metric_name(metric: &str) -> String {
    let known = NAMES.iter().find(|(name, _)| *name == metric);
    known.map_or_else(|| metric.replace('_', " "), |(_, text)| (*text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_an_object_in_their_order() {
        let scores = Scores::new(12, [("b", 0.5), ("a", 2.0)]);
        let text = serde_json::to_string(&scores).unwrap();
        assert_eq!(text, r#"{"b":0.5,"a":2.0,"samples":12}"#);
        let read: Scores = serde_json::from_str(&text).unwrap();
        assert_eq!(read, scores);
        assert_eq!(read.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn a_goal_knows_its_direction() {
        assert!(
            Goal::least("loss").improves(1.0, Some(2.0)) && !Goal::least("loss").improves(2.0, Some(2.0))
        );
        assert!(Goal::most("r2").improves(2.0, Some(1.0)) && Goal::most("r2").improves(-9.0, None));
        assert!(!Goal::most("r2").improves(f64::NAN, Some(1.0)));
        assert!(Goal::most("r2").improves(-9.0, Some(f64::NAN)));
    }

    #[test]
    fn metrics_that_are_no_numbers_are_left_out_and_the_rest_is_read_back() {
        let scores = Scores::new(3, [("r2", f64::NAN), ("mse", 0.5), ("ratio", f64::INFINITY)]);
        assert_eq!((scores.get("r2"), scores.get("mse"), scores.get("ratio")), (None, Some(0.5), None));
        let text = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<Scores>(&text).unwrap(), scores);
    }
}
