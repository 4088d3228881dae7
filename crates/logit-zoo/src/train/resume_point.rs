//! Where training stands: what a checkpoint must know beside the weights.

use serde::{Deserialize, Serialize};

use super::epoch::EpochSums;

/// Where training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumePoint {
    /// Steps done.
    pub(crate) step: u64,
    /// Whole epochs done.
    pub(crate) epoch: u64,
    /// Batches done of the epoch under way.
    pub(crate) batch: u64,
    /// Sums over the batches of the epoch under way.
    pub(crate) sums: EpochSums,
    /// The epoch that was best on the validation part, from 1; 0 before the first.
    pub(crate) best_epoch: u64,
    /// Its value of the metric that decides.
    pub(crate) best: Option<f64>,
    /// Bytes of metrics that were written.
    pub(crate) metrics_bytes: u64,
    /// Their CRC-32C; absent in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metrics_sum: Option<u32>,
    /// The sum of `watched.json`, which is written when training begins or is resumed; absent in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) watched_sum: Option<String>,
    /// Bytes of telemetry that were written.
    #[serde(default)]
    pub(crate) telemetry_bytes: u64,
    /// What the checks had found, in the data and in the steps.
    #[serde(default)]
    pub(crate) findings: u64,
    /// In older files, the recipe as TOML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recipe: Option<String>,
    /// Whether training has come to its end.
    pub(crate) finished: bool,
}

impl ResumePoint {
    /// Whether training in epochs of `per_epoch` steps comes by this place.
    pub(crate) fn is_reached(&self, per_epoch: u64) -> bool {
        let steps = self.epoch.checked_mul(per_epoch).and_then(|steps| steps.checked_add(self.batch));
        steps == Some(self.step) && self.batch <= per_epoch && self.best_epoch <= self.epoch
    }

    /// Whole epochs since the best.
    pub(crate) fn stale_epochs(&self) -> u64 {
        self.epoch - self.best_epoch
    }
}
