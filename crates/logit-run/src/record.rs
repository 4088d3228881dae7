//! The lines of `metrics.jsonl`.

use serde::{Deserialize, Serialize};

use crate::scores::Scores;

/// A line of `metrics.jsonl`: what happened, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Record {
    /// An optimiser step. Loss and gradient are of the training pass: training mode, before the update.
    Step {
        /// Number of the step, from 1.
        step: u64,
        /// Number of the epoch, from 1.
        epoch: u64,
        /// Mean loss of the batch.
        loss: f64,
        /// The step's learning rate.
        learning_rate: f64,
        /// Euclidean norm of the gradient of the head's weights.
        head_gradient_norm: f64,
    },
    /// The end of an epoch.
    Epoch {
        /// Number of the epoch, from 1.
        epoch: u64,
        /// The last step of it.
        step: u64,
        /// Mean loss over the epoch's training passes.
        train_loss: f64,
        /// Share of right decisions over the epoch's training passes, in training mode and while the weights moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        train_accuracy: Option<f64>,
        /// On the validation part, in inference mode, after the epoch's last update.
        validation: Scores,
        /// Whether it is the best so far.
        best: bool,
    },
    /// Training was interrupted, and resumed after this step.
    Resume {
        /// The last step before the interruption that counts.
        step: u64,
    },
    /// The end of training.
    End {
        /// The last step.
        step: u64,
        /// Why it ended: `epochs` or `early_stop`.
        reason: String,
        /// The epoch whose weights are kept as the best.
        best_epoch: u64,
        /// Those weights on the test set, in inference mode.
        test: Scores,
    },
}
