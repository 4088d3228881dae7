//! Recipes for handwritten digits.

use logit::loss::CrossEntropyLoss;
use serde::{Deserialize, Serialize};

use super::ranges::Range;
use super::{Ranges, Setup};
use crate::models::{ConvNetConfig, MlpConfig, SoftmaxClassifierConfig};

/// Network, data and loss of a recipe for digits.
pub type DigitsSetup = Setup<ModelConfig, DataConfig, CrossEntropyLoss>;

/// The network of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// The convolutional network of Q3.
    #[serde(rename = "convnet")]
    ConvNet(ConvNetConfig),
    /// One dense layer.
    Linear(SoftmaxClassifierConfig),
    /// Dense layers with `ReLU`.
    Mlp(MlpConfig),
}

/// What is done to the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Share of the training images held out for validation, in (0, 1).
    pub validation: f64,
    /// Subtracted from pixels in [0, 1].
    pub mean: f64,
    /// What they are then divided by, above 0.
    pub deviation: f64,
    /// Pixels by which training images are moved at random, each way, at each step; 0 for none.
    #[serde(default)]
    pub shift: usize,
}

impl Ranges for DigitsSetup {
    fn ranges(&self) -> Vec<Range> {
        let data = &self.data;
        let mut ranges = self.model.ranges();
        ranges.extend([
            Range::validation(data.validation),
            Range::new("data.mean", data.mean, "finite", f64::is_finite),
            Range::new("data.deviation", data.deviation, "finite and above 0", |value| {
                value.is_finite() && value > 0.0
            }),
            Range::new("data.shift", data.shift as f64, "at most 1000", |value| value <= 1000.0),
        ]);
        ranges
    }
}

impl ModelConfig {
    fn ranges(&self) -> Vec<Range> {
        match self {
            Self::ConvNet(config) => vec![
                Range::dropout("model.channel_dropout", config.channel_dropout),
                Range::dropout("model.dropout", config.dropout),
            ],
            Self::Linear(_) => vec![],
            Self::Mlp(config) => mlp_ranges(config),
        }
    }
}

/// The ranges of a multilayer perceptron's values.
pub(super) fn mlp_ranges(config: &MlpConfig) -> Vec<Range> {
    let hidden = config.hidden.iter().map(|units| Range::at_least_one("model.hidden", *units));
    hidden.chain([Range::dropout("model.dropout", config.dropout)]).collect()
}
