//! What can end a training.

use std::path::PathBuf;

use crate::error::ZooError;

/// A training that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A number that is not finite.
    #[error(
        "step {step}: {what} is {value}; {} in {}. Lower `train.learning_rate`, or look for odd inputs",
        kept(*saved),
        path.display()
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// What it is.
        what: String,
        /// The value.
        value: f64,
        /// The step of the last checkpoint, if there is one.
        saved: Option<u64>,
        /// The run's folder.
        path: PathBuf,
    },
    /// A device of another process that no longer answers.
    #[error(
        "{devices}: the server no longer answers, or failed; what was saved last is in {0}: resume with \
         `logit train --resume {0}` and the same `--device`",
        path.display()
    )]
    Gone {
        /// The devices that may have gone.
        devices: String,
        /// The run's folder.
        path: PathBuf,
    },
    /// An optimiser's state that does not fit.
    #[error("{} holds an optimiser's state that cannot be used: {reason}", path.display())]
    Optimizer {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A learning rate schedule that cannot be.
    #[error("`train.schedule`: {reason}")]
    Schedule {
        /// What is wrong.
        reason: String,
    },
    /// A step without samples.
    #[error("a batch has no sample")]
    EmptyBatch,
}

fn kept(saved: Option<u64>) -> String {
    match saved {
        Some(step) => format!("the last good checkpoint, of step {step}, is kept"),
        None => "no checkpoint was written yet".to_owned(),
    }
}

impl From<TrainError> for ZooError {
    fn from(error: TrainError) -> Self {
        Self::Other(Box::new(error))
    }
}
