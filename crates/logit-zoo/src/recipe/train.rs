//! How a network is trained.

use logit_data::range::Range;
use serde::{Deserialize, Serialize};

use crate::recipe::MAX_STEPS;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Decides everything that is random.
    pub seed: u64,
    /// Passes over the training images, at least 1.
    pub epochs: u64,
    /// Least number of steps: on a small set there are as many more epochs as that takes.
    #[serde(default)]
    pub min_steps: u64,
    /// Images a step, at least 1.
    pub batch_size: usize,
    /// How a gradient becomes a step.
    pub optimizer: Optimizer,
    /// The first and largest learning rate, in (0, 1].
    pub learning_rate: f64,
    /// SGD's momentum, in [0, 1).
    #[serde(default)]
    pub momentum: f64,
    /// Factor of the weights added to their gradient, not negative.
    #[serde(default)]
    pub weight_decay: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs without a better validation loss before training stops; 0 never stops early.
    #[serde(default)]
    pub patience: u64,
    /// Steps between two checkpoints within an epoch, at least 1.
    pub checkpoint_every: u64,
}

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2014), with its defaults.
    Adam,
    /// Stochastic gradient descent, with momentum if given.
    Sgd,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls to 0 along half a cosine.
    Cosine,
}

impl TrainConfig {
    /// The values that must lie in a range.
    pub(super) fn ranges(&self) -> Vec<Range> {
        let whole = |value: f64| (1.0..=1e6).contains(&value);
        vec![
            Range::new("train.epochs", self.epochs as f64, "from 1 to 1000000", whole),
            Range::new("train.min_steps", self.min_steps as f64, "at most 100000000", |value| {
                value <= MAX_STEPS as f64
            }),
            Range::new("train.batch_size", self.batch_size as f64, "from 1 to 1000000", whole),
            Range::new("train.learning_rate", self.learning_rate, "above 0 and at most 1", |value| {
                value > 0.0 && value <= 1.0
            }),
            Range::share("train.momentum", self.momentum),
            Range::not_negative("train.weight_decay", self.weight_decay),
            Range::new("train.checkpoint_every", self.checkpoint_every as f64, "at least 1", |value| {
                value >= 1.0
            }),
        ]
    }
}
