//! What can go wrong while training, evaluating or predicting.

use std::error::Error;

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
    /// Nothing can be fitted on the validation part.
    #[error("the validation part: {0}")]
    Calibration(#[from] CalibrationError),
    /// A metric cannot be computed.
    #[error("the evaluation: {0}")]
    Metric(#[from] MetricError),
    /// A step cannot be computed.
    #[error("step {step}: {source}")]
    Step {
        /// The step.
        step: u64,
        /// What is wrong.
        source: Box<ZooError>,
    },
    /// What was asked for cannot be asked: what it was, and how to ask rightly.
    #[error("{0}")]
    Usage(String),
    /// A value of the device cannot be read.
    #[error("the device: {reason}")]
    Device {
        /// What it said.
        reason: String,
    },
    /// A failure of a system or of training, in its own words.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}

impl ZooError {
    /// Whether it is the one who asked that must do otherwise, as by another option: exit code 2 of the command.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_) | Self::Recipe(_))
    }

    /// Whether a device could not be read.
    pub(crate) fn is_of_device(&self) -> bool {
        match self {
            Self::Device { .. } => true,
            Self::Step { source, .. } => source.is_of_device(),
            _ => false,
        }
    }

    /// A failure of another kind, in its own words.
    pub(crate) fn other(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Other(Box::new(error))
    }

    /// The failure of a step.
    pub(crate) fn in_step(step: u64) -> impl FnOnce(Self) -> Self {
        move |source| Self::Step { step, source: Box::new(source) }
    }
}

impl From<burn::tensor::TensorReadError> for ZooError {
    fn from(error: burn::tensor::TensorReadError) -> Self {
        Self::Device { reason: format!("{error:?}") }
    }
}
