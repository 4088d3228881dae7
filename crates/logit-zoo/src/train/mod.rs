//! Training a recipe in a run directory: started, stopped, killed, and gone on with.
//!
//! Everything random is a function of the seed and of where training stands: the order of an epoch, the dropout of a
//! step. So a run that was killed and resumed writes the same metrics, number for number, as one that was not.

mod devices;
mod epoch;
pub(crate) mod optimizer;
mod place;
mod progress;
mod recorder;
mod trainer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

pub use devices::{DeviceName, Devices, TOKEN, can_serve_device, serve_device};
pub use progress::{Progress, Silent};
pub use trainer::End;
pub(crate) use trainer::batch_size;

use self::trainer::Trainer;
use crate::data::{Stream, mix};
use crate::error::ZooError;
use crate::recipe::Recipe;
use crate::run::{About, DataSource, RunDir, TrainedRun as _};
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
        recipe: Some(recipe.name.clone()),
        data: Some(source),
        seed: Some(recipe.train.seed),
        logit: Some(env!("CARGO_PKG_VERSION").to_owned()),
        burn: Some(BURN.to_owned()),
        ..About::default()
    };
    let run = RunDir::create(folder, &about, Some(&recipe.to_toml()?))?;
    prepared.keep(&run)?;
    Ok(run)
}

/// Trains a run to its end, from its last checkpoint if it has one; stops early, with a checkpoint, once `stop` is set.
///
/// # Errors
/// The data cannot be read, the folder not written, a number is not finite, a device went away; the last good checkpoint
/// stays.
pub fn run(
    run: &RunDir,
    devices: &Devices,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<End, ZooError> {
    let _lock = run.lock()?;
    let recipe = run.recipe()?;
    let source = run.source()?;
    let training = Training { run, recipe: &recipe, devices: &devices.training(), stop, progress };
    let trained = || with_task(&recipe, &source, run, Need::All, training);
    if devices.far().is_empty() {
        return trained();
    }
    // Burn panics or fails to read where a device of another process answers no more.
    let gone = || ZooError::Gone { devices: devices.far().join(", "), path: run.path().to_owned() };
    match catch_unwind(AssertUnwindSafe(trained)) {
        Err(_) => Err(gone()),
        Ok(Err(error)) if error.is_of_device() => Err(gone()),
        Ok(result) => result,
    }
}

struct Training<'a> {
    run: &'a RunDir,
    recipe: &'a Recipe,
    devices: &'a [Device],
    stop: &'a AtomicBool,
    progress: &'a mut dyn Progress,
}

impl WithTask for Training<'_> {
    type Output = End;

    fn call<T: Task>(self, task: T) -> Result<End, ZooError> {
        self.devices[0].seed(mix(self.recipe.train.seed, Stream::Initialisation, 0));
        Trainer::open(self.run, self.recipe, &task, self.devices)?.train(self.stop, self.progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Setting;
    use crate::run::Record;

    #[test]
    fn the_version_written_down_is_the_one_built_with() {
        let manifest = include_str!("../../../../Cargo.toml");
        assert!(manifest.contains(&format!("burn = {{ version = \"={BURN}\"")));
    }

    #[derive(Default)]
    struct Losses(Vec<f64>);

    impl Progress for Losses {
        fn begin(&mut self, _: u64, _: u64) {}

        fn record(&mut self, record: &Record) {
            if let Record::Step { loss, .. } = record {
                self.0.push(*loss);
            }
        }
    }

    fn losses(devices: &Devices) -> Vec<f64> {
        let settings = Setting::all(["train.epochs=2", "train.min_steps=0", "train.batch_size=100"]).unwrap();
        let recipe = Recipe::load("digits-linear", &settings).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = start(&recipe, &DataSource::Embedded, &folder.path().join("run")).unwrap();
        let mut losses = Losses::default();
        super::run(&run, devices, &AtomicBool::new(false), &mut losses).unwrap();
        losses.0
    }

    #[test]
    fn devices_that_share_batches_learn_what_one_learns() {
        let one = losses(&Devices::default());
        assert_eq!(one, losses(&Devices::default()));
        let three = losses(&Devices::of(vec![Device::flex(), Device::flex(), Device::flex()]));
        assert_eq!(one.len(), three.len());
        assert!(one.iter().zip(&three).all(|(one, three)| (one - three).abs() < 1e-5), "{one:?}\n{three:?}");
    }
}
