//! Training a recipe in a run directory: started, stopped, killed, and gone on with.
//!
//! Everything random is a function of the seed and of where training stands: the order of an epoch, the dropout of a
//! step. So a run that was killed and resumed writes the same metrics, number for number, as one that was not.

mod epoch;
pub(crate) mod optimizer;
mod place;
mod progress;
mod trainer;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

pub use progress::{Progress, Silent};
pub use trainer::End;
pub(crate) use trainer::batch_size;

use self::trainer::Trainer;
use crate::data::{Stream, mix};
use crate::error::ZooError;
use crate::recipe::Recipe;
use crate::run::{About, DataSource, RunDir};
use crate::task::{Need, Task, WithTask, prepare, with_task};

/// The version of Burn that the workspace is built with.
const BURN: &str = "0.22.1";

/// Makes the folder of a new run, once the data and the loss's options were seen to fit.
///
/// # Errors
/// The data cannot be read, or the recipe does not fit it; the folder holds a run already, or cannot be written.
pub fn start(recipe: &Recipe, source: &DataSource, folder: &Path) -> Result<RunDir, ZooError> {
    // So that the run can be gone on with from another folder.
    let source = source.absolute()?;
    let recipe = &recipe.clone().with_whole_paths()?;
    let prepared = prepare(recipe, &source)?;
    let about = About {
        recipe: recipe.name.clone(),
        data: source,
        seed: recipe.train.seed,
        logit: env!("CARGO_PKG_VERSION").to_owned(),
        burn: BURN.to_owned(),
    };
    let run = RunDir::create(folder, &about, recipe)?;
    prepared.keep(&run)?;
    Ok(run)
}

/// Trains a run to its end, from its last checkpoint if it has one; stops early, with a checkpoint, once `stop` is set.
///
/// # Errors
/// The data cannot be read, the folder not written, a number is not finite; the last good checkpoint stays.
pub fn run(run: &RunDir, stop: &AtomicBool, progress: &mut dyn Progress) -> Result<End, ZooError> {
    let _lock = run.lock()?;
    let recipe = run.recipe()?;
    let training = Training { run, recipe: &recipe, stop, progress };
    with_task(&recipe, &run.about()?.data, run, Need::All, training)
}

struct Training<'a> {
    run: &'a RunDir,
    recipe: &'a Recipe,
    stop: &'a AtomicBool,
    progress: &'a mut dyn Progress,
}

impl WithTask for Training<'_> {
    type Output = End;

    fn call<T: Task>(self, task: T) -> Result<End, ZooError> {
        let device = Device::flex().autodiff();
        device.seed(mix(self.recipe.train.seed, Stream::Initialisation, 0));
        Trainer::open(self.run, self.recipe, &task, &device)?.train(self.stop, self.progress)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_written_down_is_the_one_built_with() {
        let manifest = include_str!("../../../../Cargo.toml");
        assert!(manifest.contains(&format!("burn = {{ version = \"={}\"", super::BURN)));
    }
}
