//! Sums over the training passes of an epoch.

use serde::{Deserialize, Serialize};

/// Sums over the training passes of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EpochSums {
    images: u64,
    correct: u64,
    loss: f64,
}

impl EpochSums {
    /// Counts a batch.
    pub(crate) fn add(&mut self, images: u64, correct: u64, mean_loss: f64) {
        self.images += images;
        self.correct += correct;
        self.loss += mean_loss * images as f64;
    }

    /// Mean loss an image.
    pub(crate) fn mean_loss(&self) -> f64 {
        self.loss / self.images.max(1) as f64
    }

    /// Share of right decisions.
    pub(crate) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images.max(1) as f64
    }
}
