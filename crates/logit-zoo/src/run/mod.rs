//! What the folder of a run that was trained here holds beside its recording ([`logit_run`]): the recipe, checkpoints, and
//! what was fitted on the validation part.

mod best;
mod bound;
mod calibration;
mod checkpoint;

pub use logit_run::{
    About, DataSource, Found, MetricsLog, MetricsMark, MetricsTail, NewRun, Record, RunAt, RunDir, RunError,
    RunPlace, read_records,
};

pub(crate) use best::{best_of, check_best, mend_best};
pub use bound::sum_of;
pub(crate) use bound::{Bound, Outside, Use, check_outside, sums_outside};
pub use calibration::Calibration;
pub use checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};

pub(crate) use logit_run::is_finished;

use self::calibration::KeptCalibration;
use crate::error::ZooError;
use crate::recipe::Recipe;

const CALIBRATION: &str = "calibration.json";

/// The folder of a run that was trained from a recipe.
pub trait TrainedRun {
    /// The recipe as it was used.
    ///
    /// # Errors
    /// `recipe.toml` cannot be read or is none, or the run is of another program.
    fn recipe(&self) -> Result<Recipe, ZooError>;

    /// Where the data came from.
    ///
    /// # Errors
    /// `run.json` cannot be read or is none, or the run is of another program.
    fn source(&self) -> Result<DataSource, RunError>;

    /// What was fitted on the validation part when training ended, for these weights; nothing before.
    ///
    /// # Errors
    /// `calibration.json` cannot be read, was edited, is of other weights, or is gone.
    fn calibration(&self, weights: &Checkpoint) -> Result<Calibration, RunError>;

    /// Writes what was fitted on the validation part for these weights.
    ///
    /// # Errors
    /// The file cannot be written.
    fn calibrate(&self, calibration: &Calibration, weights: &Checkpoint) -> Result<(), RunError>;

    /// Whether something was fitted on the validation part, or found to be none.
    fn is_calibrated(&self) -> bool;

    /// Whether the checkpoint of an epoch's end was written.
    ///
    /// # Errors
    /// `metrics.jsonl` cannot be read.
    fn was_saved(&self) -> Result<bool, RunError>;
}

impl TrainedRun for RunDir {
    fn recipe(&self) -> Result<Recipe, ZooError> {
        let about = self.about()?;
        if about.program.is_some() && !self.recipe_path().exists() {
            return Err(foreign(self, &about, "a recipe").into());
        }
        Recipe::read(&self.recipe_path()).map_err(ZooError::RunRecipe)
    }

    fn source(&self) -> Result<DataSource, RunError> {
        let about = self.about()?;
        about.data.clone().ok_or_else(|| foreign(self, &about, "the name of its data"))
    }

    fn calibration(&self, weights: &Checkpoint) -> Result<Calibration, RunError> {
        let path = self.path().join(CALIBRATION);
        match self.read_optional::<KeptCalibration>(CALIBRATION)? {
            Some(kept) => kept.of(weights, &path, &self.best_path()),
            // A finished run always has one, if only to say that nothing was fitted; before, it did not.
            None if weights.bound.is_some() && is_finished(&self.metrics_path())? => {
                Err(RunError::Gone { path })
            }
            None => Ok(Calibration::None),
        }
    }

    fn calibrate(&self, calibration: &Calibration, weights: &Checkpoint) -> Result<(), RunError> {
        self.write_json(CALIBRATION, &KeptCalibration::new(calibration, weights))
    }

    fn is_calibrated(&self) -> bool {
        self.path().join(CALIBRATION).exists()
    }

    fn was_saved(&self) -> Result<bool, RunError> {
        let later = |record: &Record| match record {
            // The first epoch's own line is written before its checkpoint.
            Record::Step { epoch, .. } | Record::Epoch { epoch, .. } => *epoch > 1,
            Record::End { .. } => true,
            Record::Resume { .. } => false,
        };
        if self.best_path().exists() {
            return Ok(true);
        }
        Ok(self.metrics_path().exists() && read_records(&self.metrics_path())?.iter().any(later))
    }
}

fn foreign(run: &RunDir, about: &About, lacks: &'static str) -> RunError {
    RunError::Foreign { path: run.path().to_owned(), program: about.maker(), lacks }
}
