//! How the values of several columns become one.

use serde::{Deserialize, Serialize};

/// How a metric of classes or labels becomes one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// Of the pooled counts or scores of all columns: each decision weighs the same.
    Micro,
    /// The plain mean of the columns' values: each class or label weighs the same.
    Macro,
    /// The mean of the columns' values weighted by their support, the number of positive targets.
    Weighted,
}

/// The mean of the values that are defined, or `None` if none is.
pub(crate) fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    weighted_mean(values.into_iter().map(|value| (value, 1)))
}

/// The mean of the values that are defined by integer weights, or `None` if none is or the weights are all 0.
pub(crate) fn weighted_mean(values: impl IntoIterator<Item = (Option<f64>, u64)>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0);
    for (value, weight) in values {
        if let Some(value) = value {
            sum += value * weight as f64;
            weights += weight;
        }
    }
    (weights > 0).then(|| sum / weights as f64)
}
