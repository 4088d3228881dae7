//! Predictions from a run's best weights.

pub mod digits;
pub mod sts;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::ZooError;
use crate::recipe::TaskConfig;
use crate::run::RunDir;

/// What a run says of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Digits on pictures.
    Digits(Vec<digits::Prediction>),
    /// How much sentences say the same.
    Similarities(Vec<sts::Similarity>),
}

/// Predicts: files or sentences, as the run's task takes them.
///
/// # Errors
/// An input cannot be read, or the run has no checkpoint yet; or a logit is not finite.
pub fn run(run: &RunDir, inputs: &[OsString], _out: Option<&Path>) -> Result<Predictions, ZooError> {
    let recipe = run.recipe()?;
    match &recipe.task {
        TaskConfig::Digits(setup) => digits::run(run, setup, &paths(inputs)).map(Predictions::Digits),
        TaskConfig::Sts(setup) => sts::run(run, setup, inputs).map(Predictions::Similarities),
    }
}

/// The inputs as paths.
fn paths(inputs: &[OsString]) -> Vec<PathBuf> {
    inputs.iter().map(PathBuf::from).collect()
}

/// A path as text; what is no UTF-8 in it is replaced.
pub(crate) fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
