//! Recipes for handwritten digits.

use logit::loss::CrossEntropyLoss;
use logit_data::digits::DataConfig;
use logit_data::range::Range;
use serde::{Deserialize, Serialize};

use super::{Setup, TaskSetup};
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

impl TaskSetup for DigitsSetup {
    fn ranges(&self) -> Vec<Range> {
        let mut ranges = self.model.ranges();
        ranges.extend(self.data.ranges());
        ranges
    }
}

impl ModelConfig {
    fn ranges(&self) -> Vec<Range> {
        match self {
            Self::ConvNet(config) => vec![
                Range::share("model.channel_dropout", config.channel_dropout),
                Range::share("model.dropout", config.dropout),
            ],
            Self::Linear(_) => vec![],
            Self::Mlp(config) => mlp_ranges(config),
        }
    }
}

/// The ranges of a multilayer perceptron's values.
pub(super) fn mlp_ranges(config: &MlpConfig) -> Vec<Range> {
    let hidden = config.hidden.iter().map(|units| Range::at_least_one("model.hidden", *units));
    hidden.chain([Range::share("model.dropout", config.dropout)]).collect()
}
