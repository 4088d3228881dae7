//! Training a recipe in a run directory: started, stopped, killed, and resumed.
//!
//! Everything random is a function of the seed and of where training stands: the order of an epoch, the dropout of a
//! step. So a run that was killed and resumed writes the same metrics, number for number, as one that was not.

mod copies;
mod devices;
mod epoch;
mod error;
pub(crate) mod optimizer;
mod progress;
pub(crate) mod recorder;
mod resume_point;
mod trainer;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

pub use devices::{DeviceName, Devices, TOKEN, can_serve_device, serve_device};
pub use error::TrainError;
pub use progress::{Progress, Silent};
pub use recorder::is_recorded;
pub use trainer::End;
pub(crate) use trainer::batch_size;

use self::trainer::Trainer;
use crate::data::{Stream, mix};
use crate::error::ZooError;
use crate::evaluate::judge;
use crate::recipe::Recipe;
use crate::run::{About, DataSource, NewRun, RunAt, RunDir, TrainedRun as _, sums_outside};
use crate::system::{JudgedPart, Origin, Reading, Scores, System, Task, WithSystem, network, with_system};

/// The version of Burn that the workspace is built with.
const BURN: &str = "0.22.1";

/// A run, and all that is read for its training: data, vocabulary, word vectors. Nobody else can train in the run's
/// folder while it is there.
pub struct Training {
    dir: RunDir,
    recipe: Recipe,
    lesson: Box<dyn Lesson>,
    _lock: File,
}

impl std::fmt::Debug for Training {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("dir", &self.dir)
            .field("recipe", &self.recipe)
            .finish_non_exhaustive()
    }
}

impl Training {
    /// The run's folder.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// The run's best weights on the validation and on the test part.
    pub(crate) fn scores(&self) -> Result<[Scores; 2], ZooError> {
        Ok([
            self.lesson.judge(&self.dir, JudgedPart::Validation)?,
            self.lesson.judge(&self.dir, JudgedPart::Test)?,
        ])
    }
}

/// A task whose type nobody needs to know.
trait Lesson {
    fn train(
        &self,
        training: &Training,
        devices: &[Device],
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<End, ZooError>;

    fn judge(&self, run: &RunDir, part: JudgedPart) -> Result<Scores, ZooError>;
}

impl<T: Task> Lesson for T {
    fn train(
        &self,
        Training { dir, recipe, .. }: &Training,
        devices: &[Device],
        stop: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<End, ZooError> {
        devices[0].seed(mix(recipe.train.seed, Stream::Initialisation, 0));
        Trainer::open(dir, recipe, self, devices)?.train(stop, progress)
    }

    fn judge(&self, run: &RunDir, part: JudgedPart) -> Result<Scores, ZooError> {
        Ok(judge(run, self, part)?.scores)
    }
}

/// Reads the data, and makes the run's folder once data, network and loss were seen to fit each other.
///
/// Nothing stays in the folder where that fails.
///
/// # Errors
/// The data cannot be read, or the recipe does not fit it; the folder holds a run already, or cannot be written.
pub fn start(recipe: &Recipe, source: &DataSource, at: impl Into<RunAt>) -> Result<Training, ZooError> {
    struct Start<'a> {
        recipe: Recipe,
        source: &'a DataSource,
        at: RunAt,
    }

    impl WithSystem for Start<'_> {
        type Output = Training;

        fn call<T: Task>(self, system: T::System) -> Result<Training, ZooError> {
            let Self { recipe, source, at } = self;
            let new = NewRun::claim(&at)?;
            let task = T::read(system, &Reading::to_train(&recipe, source, new.dir()))?;
            // Seen before anything is made of it.
            drop(network(task.system(), &Device::flex())?);
            new.dir().write_recipe(&recipe.to_toml()?)?;
            task.system().keep(new.dir())?;
            task.keep(new.dir())?;
            let about = About {
                recipe: Some(recipe.name.clone()),
                data: Some(source.clone()),
                sums: sums_outside(&task.system().outside())?,
                seed: Some(recipe.train.seed),
                logit: Some(env!("CARGO_PKG_VERSION").to_owned()),
                burn: Some(BURN.to_owned()),
                ..About::default()
            };
            let (dir, lock) = new.finish(&about)?;
            Ok(Training { dir, recipe, lesson: Box::new(task), _lock: lock })
        }
    }

    // So that the run can be resumed from another folder.
    let (recipe, source) = (recipe.clone().with_whole_paths()?, source.absolute()?);
    with_system(&recipe.clone(), Origin::Data(&source), Start { recipe, source: &source, at: at.into() })
}

/// Reads the data of a run, to resume its training.
///
/// # Errors
/// Another process trains in the folder, or the data cannot be read.
pub fn resume(run: RunDir) -> Result<Training, ZooError> {
    struct Resume {
        dir: RunDir,
        recipe: Recipe,
        source: DataSource,
        lock: File,
    }

    impl WithSystem for Resume {
        type Output = Training;

        fn call<T: Task>(self, system: T::System) -> Result<Training, ZooError> {
            let Self { dir, recipe, source, lock } = self;
            let task = T::read(system, &Reading::to_train(&recipe, &source, &dir))?;
            // Otherwise it is written once the checkpoint is seen to belong to recipe and data.
            if !dir.last_path().exists() {
                task.keep(&dir)?;
            }
            Ok(Training { dir, recipe, lesson: Box::new(task), _lock: lock })
        }
    }

    // Nothing is written into the folder of a run that cannot be resumed.
    let (recipe, source, lock) = (run.recipe()?, run.source()?, run.lock()?);
    let resume = Resume { dir: run.clone(), recipe: recipe.clone(), source, lock };
    with_system(&recipe, Origin::Run(&run), resume)
}

/// Trains a run to its end, from its last checkpoint if it has one; stops early, with a checkpoint, once `stop` is set.
///
/// # Errors
/// The folder cannot be written, a number is not finite, a device went away; the last good checkpoint stays.
pub fn run(
    training: &Training,
    devices: &Devices,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<End, ZooError> {
    let mut trained = || training.lesson.train(training, &devices.training(), stop, progress);
    if devices.far().is_empty() {
        return trained();
    }
    // Burn panics or fails to read where a device of another process no longer answers.
    let gone =
        || TrainError::Gone { devices: devices.far().join(", "), path: training.dir.path().to_owned() };
    match catch_unwind(AssertUnwindSafe(trained)) {
        Err(_) => Err(gone().into()),
        Ok(Err(error)) if error.is_of_device() => Err(gone().into()),
        Ok(result) => result,
    }
}

#[cfg(test)]
mod judged;

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
        let training = start(&recipe, &DataSource::Embedded, folder.path().join("run")).unwrap();
        let mut losses = Losses::default();
        run(&training, devices, &AtomicBool::new(false), &mut losses).unwrap();
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
