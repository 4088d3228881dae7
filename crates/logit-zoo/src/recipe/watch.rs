//! What of the training passes is recorded.

use logit_data::range::Range;
use serde::{Deserialize, Serialize};

/// What of the training passes is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Steps between two whose layers are recorded, beside the first few; 0 records nothing.
    pub every: u64,
    /// Training samples, evenly spread, whose logits and probabilities are recorded whenever they come by.
    pub samples: u32,
    /// Whether the gradients that arrive at the layers' outputs are recorded too.
    pub gradients: bool,
    /// Whether TensorBoard's files are written beside, in the run's folder `tensorboard`.
    pub tensorboard: bool,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self { every: 20, samples: 8, gradients: false, tensorboard: false }
    }
}

impl WatchConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![
            Range::new("watch.every", self.every as f64, "at most 1000000", |value| value <= 1e6),
            Range::new("watch.samples", f64::from(self.samples), "at most 1000", |value| value <= 1e3),
        ]
    }
}
