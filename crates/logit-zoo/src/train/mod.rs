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
use crate::recipe::Recipe;
use crate::run::{About, DataSource, RunDir};

/// The version of Burn that the workspace is built with.
const BURN: &str = "0.22.1";

/// Makes the folder of a new run.
///
/// # Errors
/// The folder holds a run already, or cannot be written.
pub fn start(recipe: &Recipe, source: &DataSource, folder: &Path) -> Result<RunDir, ZooError> {
    // Absolute, so that the run can be gone on with from another folder.
    let source = match source {
        DataSource::Embedded => DataSource::Embedded,
        DataSource::Folder(path) => {
            DataSource::Folder(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        }
    };
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
    let split = data::load(&run.about()?.data)?;
    let holdout = mix(recipe.train.seed, Stream::Holdout, 0);
    let (train, validation) = split.train.split_stratified(recipe.data.validation, holdout)?;
    if train.is_empty() || validation.is_empty() {
        let what = format!(
            "{} training and {} validation images: neither may be none; change `data.validation`",
            train.len(),
            validation.len()
        );
        return Err(ZooError::TooSmall { what });
    }
    let sets = Sets { train, validation, test: split.test };
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
