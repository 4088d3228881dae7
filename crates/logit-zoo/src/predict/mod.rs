//! Predictions from a run's best weights.

pub mod digits;
pub mod pairs;

use std::path::{Path, PathBuf};

use crate::error::ZooError;
use crate::recipe::TaskConfig;
use crate::run::RunDir;

/// What a run says of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Digits on pictures.
    Digits(Vec<digits::Prediction>),
    /// Whether pairs of pictures hold a digit of 0 to 3.
    Pairs(Vec<pairs::Prediction>),
}

/// Predicts.
///
/// # Errors
/// An input cannot be read, or the run has no checkpoint yet; or a logit is not finite; or there are not as many inputs
/// as the task takes.
pub fn run(run: &RunDir, inputs: &[PathBuf], _out: Option<&Path>) -> Result<Predictions, ZooError> {
    let recipe = run.recipe()?;
    match &recipe.task {
        TaskConfig::Digits(setup) => digits::run(run, setup, inputs).map(Predictions::Digits),
        TaskConfig::Pairs(setup) => pairs::run(run, setup, inputs).map(Predictions::Pairs),
    }
}

/// A path as text; what is no UTF-8 in it is replaced.
pub(crate) fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
