//! Predictions from a run's best weights.

pub mod digits;
pub mod images;
pub mod pairs;
pub mod segmentation;
pub mod sts;
pub mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::ZooError;
use crate::recipe::TaskConfig;
use crate::run::{RunDir, TrainedRun as _};

/// What a run says of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Digits on pictures.
    Digits(Vec<digits::Prediction>),
    /// The class or the labels of images.
    Images(Vec<images::ImagePrediction>),
    /// The rows of a table.
    Table(table::TablePrediction),
    /// Answers on the pixels of images.
    Segmentation(Vec<segmentation::Prediction>),
    /// Whether pairs of pictures hold a digit of 0 to 3.
    Pairs(Vec<pairs::Prediction>),
    /// How much sentences say the same.
    Similarities(Vec<sts::Similarity>),
}

/// Predicts, from files or sentences as the task takes them; what a task writes goes to `out`, or else to a place of the task's choice.
///
/// # Errors
/// An input cannot be read, or the run has no checkpoint yet; a logit is not finite; `out` is given to a task that writes
/// nothing, or cannot be written.
pub fn run(run: &RunDir, inputs: &[OsString], out: Option<&Path>) -> Result<Predictions, ZooError> {
    let recipe = run.recipe()?;
    match (&recipe.task, out) {
        (TaskConfig::Digits(setup), None) => digits::run(run, setup, &paths(inputs)).map(Predictions::Digits),
        (TaskConfig::Images(setup), None) => images::run(run, setup, &paths(inputs)).map(Predictions::Images),
        (TaskConfig::Pairs(setup), None) => pairs::run(run, setup, &paths(inputs)).map(Predictions::Pairs),
        (TaskConfig::Segmentation(setup), out) => {
            segmentation::run(run, setup, &paths(inputs), out).map(Predictions::Segmentation)
        }
        (TaskConfig::Sts(setup), None) => sts::run(run, setup, inputs).map(Predictions::Similarities),
        (TaskConfig::Table(setup), out) => {
            let [input] = inputs else {
                return Err(ZooError::Usage { what: "one table at a time can be predicted".to_owned() });
            };
            table::run(run, setup, Path::new(input), out).map(Predictions::Table)
        }
        (task, Some(out)) => Err(ZooError::Usage {
            what: format!(
                "a run of the task `{}` prints what it predicts and writes no file: leave out `--out {}`",
                task.name(),
                out.display()
            ),
        }),
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
