//! Training a recipe in a run directory: started, stopped, killed, and gone on with.
//!
//! Everything random is a function of the seed and of where training stands: the order of an epoch, the dropout of a
//! step. So a run that was killed and resumed writes the same metrics, number for number, as one that was not.

mod epoch;
pub(crate) mod network;
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

use self::network::{WithNetwork, with_network};
use self::trainer::Trainer;
use crate::data::{self, ImageSet, Stream, mix};
use crate::error::ZooError;
use crate::models::Classifier;
use crate::recipe::{Recipe, RecipeError};
use crate::run::{About, DataSource, RunDir};

/// The version of Burn that the workspace is built with.
const BURN: &str = "0.22.1";

/// Makes the folder of a new run, once the data and the loss's options were seen to fit.
///
/// # Errors
/// The data cannot be read, or the recipe does not fit it; the folder holds a run already, or cannot be written.
pub fn start(recipe: &Recipe, source: &DataSource, folder: &Path) -> Result<RunDir, ZooError> {
    // Absolute, so that the run can be gone on with from another folder.
    let source = match source {
        DataSource::Embedded => DataSource::Embedded,
        DataSource::Folder(path) => {
            DataSource::Folder(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        }
    };
    if let DataSource::Folder(path) = &source
        && path.to_str().is_none()
    {
        return Err(ZooError::DataPath { path: path.clone() });
    }
    let sets = Sets::load(recipe, &source)?;
    recipe.loss.check(sets.train.classes()).map_err(|source| RecipeError::Loss { source })?;
    let about = About {
        recipe: recipe.name.clone(),
        data: source,
        seed: recipe.train.seed,
        logit: env!("CARGO_PKG_VERSION").to_owned(),
        burn: BURN.to_owned(),
    };
    Ok(RunDir::create(folder, &about, recipe)?)
}

/// Trains a run to its end, from its last checkpoint if it has one; stops early, with a checkpoint, once `stop` is set.
///
/// # Errors
/// The data cannot be read, the folder not written, a number is not finite; the last good checkpoint stays.
pub fn run(run: &RunDir, stop: &AtomicBool, progress: &mut dyn Progress) -> Result<End, ZooError> {
    let _lock = run.lock()?;
    let recipe = run.recipe()?;
    let sets = Sets::load(&recipe, &run.about()?.data)?;
    let (size, classes) = ([sets.train.height(), sets.train.width()], sets.train.classes());
    let device = Device::flex().autodiff();
    device.seed(mix(recipe.train.seed, Stream::Initialisation, 0));
    let training = Training { run, recipe: &recipe, sets: &sets, device: &device, stop, progress };
    with_network(&recipe, size, classes, &device, training)
}

/// The three parts of the data.
pub(crate) struct Sets {
    pub(crate) train: ImageSet,
    pub(crate) validation: ImageSet,
    pub(crate) test: ImageSet,
}

impl Sets {
    /// Reads the data and holds the validation part out.
    fn load(recipe: &Recipe, source: &DataSource) -> Result<Self, ZooError> {
        let split = data::load(source)?;
        let holdout = mix(recipe.train.seed, Stream::Holdout, 0);
        let (train, validation) = split.train.split_stratified(recipe.data.validation, holdout)?;
        let sets = Self { train, validation, test: split.test };
        let parts = [("training", &sets.train), ("validation", &sets.validation), ("test", &sets.test)];
        match parts.iter().find(|(_, set)| set.is_empty()) {
            None => Ok(sets),
            Some((part, _)) => Err(ZooError::Unfit {
                what: format!(
                    "the {part} part of {source} has no image; `data.validation` decides the share held out"
                ),
            }),
        }
    }
}

struct Training<'a> {
    run: &'a RunDir,
    recipe: &'a Recipe,
    sets: &'a Sets,
    device: &'a Device,
    stop: &'a AtomicBool,
    progress: &'a mut dyn Progress,
}

impl WithNetwork for Training<'_> {
    type Output = End;

    fn call<C: Classifier>(self, net: C) -> Result<End, ZooError> {
        // Parameters are drawn when they are first used: here, so that their order does not hang on the forward pass.
        let net = net.materialize();
        Trainer::open(self.run, self.recipe, self.sets, self.device, net)?.train(self.stop, self.progress)
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
