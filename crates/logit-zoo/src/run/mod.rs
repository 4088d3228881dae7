//! What the folder of a run that was trained here holds beside its recording ([`logit_run`]): the recipe, checkpoints, and
//! what was fitted on the validation part.

mod calibration;
mod checkpoint;

pub use logit_run::{
    About, DataSource, Found, MetricsLog, MetricsTail, Record, Replacement, RunDir, RunError, RunPlace,
    read_records, replace,
};

pub use calibration::Calibration;
pub use checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};

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

    /// What was fitted on the validation part when training ended; nothing before.
    ///
    /// # Errors
    /// `calibration.json` cannot be read or is none.
    fn calibration(&self) -> Result<Calibration, RunError>;

    /// Writes what was fitted on the validation part, if anything was.
    ///
    /// # Errors
    /// The file cannot be written.
    fn calibrate(&self, calibration: &Calibration) -> Result<(), RunError>;
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

    fn calibration(&self) -> Result<Calibration, RunError> {
        Ok(self.read_optional(CALIBRATION)?.unwrap_or_default())
    }

    fn calibrate(&self, calibration: &Calibration) -> Result<(), RunError> {
        if *calibration == Calibration::None { Ok(()) } else { self.write_json(CALIBRATION, calibration) }
    }
}

fn foreign(run: &RunDir, about: &About, lacks: &'static str) -> RunError {
    RunError::Foreign { path: run.path().to_owned(), program: about.maker(), lacks }
}
