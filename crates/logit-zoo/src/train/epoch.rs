//! Sums over the training passes of an epoch.

use serde::{Deserialize, Serialize};

/// Sums over the training passes of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EpochSums {
    samples: u64,
    decided: u64,
    right: u64,
    loss: f64,
}

impl EpochSums {
    /// Counts a batch, with its decisions and how many of them were right.
    pub(crate) fn add(&mut self, samples: u64, decisions: Option<[u64; 2]>, mean_loss: f64) {
        let [decided, right] = decisions.unwrap_or_default();
        self.samples += samples;
        self.decided += decided;
        self.right += right;
        self.loss += mean_loss * samples as f64;
    }

    /// Mean loss a sample.
    pub(crate) fn mean_loss(&self) -> f64 {
        self.loss / self.samples.max(1) as f64
    }

    /// Share of right decisions, where decisions were made.
    pub(crate) fn accuracy(&self) -> Option<f64> {
        (self.decided > 0).then(|| self.right as f64 / self.decided as f64)
    }
}
