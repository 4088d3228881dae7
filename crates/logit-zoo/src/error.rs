//! What can go wrong while training, evaluating or predicting.

use std::path::PathBuf;

use logit::calibration::CalibrationError;
use logit::metrics::MetricError;
use logit::{HeadError, LossError};
use logit_run::RunError;

use crate::data::DataError;
use crate::data::labelled::LabelledError;
use crate::data::segmentation::SegmentationError;
use crate::data::sentences::SentenceError;
use crate::data::table::TableError;
use crate::recipe::RecipeError;

/// A failure, told so that it can be mended.
#[derive(Debug, thiserror::Error)]
pub enum ZooError {
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Images and masks cannot be used.
    #[error(transparent)]
    Segmentation(#[from] SegmentationError),
    /// Pairs of sentences, or word vectors, cannot be used.
    #[error(transparent)]
    Sentences(#[from] SentenceError),
    /// Labelled images cannot be used.
    #[error(transparent)]
    Labelled(#[from] LabelledError),
    /// A table cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Nothing can be fitted on the validation part.
    #[error("the validation part: {source}")]
    Calibration {
        /// What is wrong.
        source: CalibrationError,
    },
    /// The recipe cannot be used.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The recipe of a run cannot be used.
    #[error(transparent)]
    RunRecipe(RecipeError),
    /// The run's folder cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The head cannot be built.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// A step cannot be computed.
    #[error("step {step}: {source}")]
    Step {
        /// The step.
        step: u64,
        /// What is wrong.
        source: Box<ZooError>,
    },
    /// A metric cannot be computed.
    #[error("{what}: {source}")]
    Metric {
        /// What was measured.
        what: &'static str,
        /// What is wrong.
        source: MetricError,
    },
    /// A number that is not finite.
    #[error(
        "step {step}: {what} is {value}; {} in {}. Lower `train.learning_rate`, or look for odd inputs",
        kept_told(*kept),
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
        kept: Option<u64>,
        /// The run's folder.
        path: PathBuf,
    },
    /// A logit that is not finite.
    #[error("{}: the logit of class {class} is {value}; the weights of this run cannot be used", input.display())]
    Logit {
        /// The file that was to be predicted.
        input: PathBuf,
        /// The class.
        class: usize,
        /// The value.
        value: f32,
    },
    /// A value that is not finite.
    #[error("{}, {}: the value is {value}; the weights of this run cannot be used", left.display(), right.display())]
    PairValue {
        /// The left picture.
        left: PathBuf,
        /// The right picture.
        right: PathBuf,
        /// The value.
        value: f32,
    },
    /// Pictures that are no pairs.
    #[error(
        "this run judges pairs: give two pictures for each, the left and then the right digit, not {found} in all"
    )]
    NoPairs {
        /// How many pictures were given.
        found: usize,
    },
    /// Data and network that do not fit each other, or what is asked of them.
    #[error("{what}")]
    Unfit {
        /// What does not fit, and what to do.
        what: String,
    },
    /// What was asked for cannot be asked of this task.
    #[error("{what}")]
    Usage {
        /// What was asked, and how to ask rightly.
        what: String,
    },
    /// A value of the device cannot be read.
    #[error("the device: {reason}")]
    Device {
        /// What it said.
        reason: String,
    },
    /// A device of another process that answers no more.
    #[error(
        "{devices}: the server answers no more, or failed; what was saved last is in {0}: go on with \
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
}

impl ZooError {
    /// Whether a device could not be read.
    pub(crate) fn is_of_device(&self) -> bool {
        match self {
            Self::Device { .. } => true,
            Self::Step { source, .. } => source.is_of_device(),
            _ => false,
        }
    }
}

fn kept_told(kept: Option<u64>) -> String {
    match kept {
        Some(step) => format!("the last good checkpoint, of step {step}, is kept"),
        None => "no checkpoint was written yet".to_owned(),
    }
}

impl From<burn::tensor::TensorReadError> for ZooError {
    fn from(error: burn::tensor::TensorReadError) -> Self {
        Self::Device { reason: format!("{error:?}") }
    }
}
