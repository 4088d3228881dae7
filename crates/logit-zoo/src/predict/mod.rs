//! Predictions from a run's best weights.

pub mod digits;
pub mod table;

use std::path::{Path, PathBuf};

use crate::error::ZooError;
use crate::recipe::TaskConfig;
use crate::run::RunDir;

/// What a run says of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Digits on pictures.
    Digits(Vec<digits::Prediction>),
    /// The rows of a table.
    Table(table::TablePrediction),
}

/// Predicts.
///
/// # Errors
/// An input cannot be read, or the run has no checkpoint yet; or a logit is not finite.
pub fn run(run: &RunDir, inputs: &[PathBuf], out: Option<&Path>) -> Result<Predictions, ZooError> {
    let recipe = run.recipe()?;
    match &recipe.task {
        TaskConfig::Digits(setup) => digits::run(run, setup, inputs).map(Predictions::Digits),
        TaskConfig::Table(setup) => {
            let [input] = inputs else {
                return Err(ZooError::Unfit { what: "one table at a time can be predicted".to_owned() });
            };
            table::run(run, setup, input, out).map(Predictions::Table)
        }
    }
}

/// A path as text; what is no UTF-8 in it is replaced.
pub(crate) fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
