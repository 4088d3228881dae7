//! Run directories: everything needed to go on with a training run, or to judge it.
//!
//! | file | what it holds |
//! |---|---|
//! | `run.json` | recipe's name, data, seed, versions |
//! | `recipe.toml` | the recipe, with every value as it was used |
//! | `metrics.jsonl` | a line a step and an epoch ([`Record`]); no times, so that equal runs have equal files |
//! | `last.safetensors` | weights, optimiser and place of the last checkpoint: where training goes on |
//! | `best.safetensors` | the weights that were best on the validation part: what is evaluated and predicts |
//! | `calibration.json` | temperature and thresholds, fitted on the validation part ([`Calibration`]) |
//! | `findings.json` | what the checks of data and targets found ([`Found`]) |
//! | `table.json` | of a table: how its rows are read |
//! | `telemetry.bin` | what the recorded training passes showed ([`Telemetry`](crate::telemetry::Telemetry)) |
//! | `watched.json` | what is watched: units, chosen samples ([`Watched`]) |
//! | `tensorboard/` | the same for TensorBoard, where it was asked for |
//! | `report.html` | curves, confusion, reliability |
//!
//! A file that is replaced is written beside its place, synced and renamed, so that it is whole at any moment.

mod atomic;
mod calibration;
mod checkpoint;
mod error;
mod found;
mod log;
mod record;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use atomic::{Replacement, replace};
pub use calibration::Calibration;
pub use checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};
pub use error::RunError;
pub use found::Found;
pub(crate) use log::read as read_records;
pub use log::{MetricsLog, MetricsTail};
pub use record::Record;

use crate::error::ZooError;
use crate::recipe::Recipe;
use crate::telemetry::Watched;

const ABOUT: &str = "run.json";
const RECIPE: &str = "recipe.toml";
const METRICS: &str = "metrics.jsonl";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const CALIBRATION: &str = "calibration.json";
const FOUND: &str = "findings.json";
const TELEMETRY: &str = "telemetry.bin";
const WATCHED: &str = "watched.json";
const EVENTS: &str = "tensorboard";
const REPORT: &str = "report.html";
const LOCK: &str = "lock";

/// The largest JSON file that is read.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// What a run was started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The recipe's name.
    pub recipe: String,
    /// Where the data came from.
    pub data: DataSource,
    /// The seed that everything random follows from.
    pub seed: u64,
    /// Logit's version.
    pub logit: String,
    /// Burn's version.
    pub burn: String,
}

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// The digits carried in the binary.
    Embedded,
    /// A folder.
    Folder(PathBuf),
    /// A file.
    File(PathBuf),
}

impl DataSource {
    /// A file or a folder.
    pub fn at(path: &Path) -> Self {
        if path.is_file() { Self::File(path.to_owned()) } else { Self::Folder(path.to_owned()) }
    }

    /// The same, whatever folder the program runs in.
    ///
    /// # Errors
    /// The path cannot be written down.
    pub(crate) fn absolute(&self) -> Result<Self, ZooError> {
        Ok(match self {
            Self::Embedded => Self::Embedded,
            Self::Folder(path) => Self::Folder(whole_path(path)?),
            Self::File(path) => Self::File(whole_path(path)?),
        })
    }
}

/// A path that holds whatever folder the program runs in.
///
/// # Errors
/// It cannot be written down.
pub(crate) fn whole_path(path: &Path) -> Result<PathBuf, ZooError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if path.to_str().is_none() { Err(ZooError::DataPath { path }) } else { Ok(path) }
}

impl std::fmt::Display for DataSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded => f.write_str("the embedded digits"),
            Self::Folder(path) | Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes a folder for a new run.
    ///
    /// # Errors
    /// The folder holds a run already, or cannot be written.
    pub fn create(path: &Path, about: &About, recipe: &Recipe) -> Result<Self, RunError> {
        if path.join(ABOUT).exists() {
            return Err(RunError::Exists { path: path.to_owned() });
        }
        std::fs::create_dir_all(path).map_err(|source| RunError::io("make the folder", path, source))?;
        let run = Self { path: path.to_owned() };
        replace(&run.path.join(RECIPE), recipe.to_toml()?.as_bytes())?;
        replace(&run.path.join(METRICS), &[])?;
        // Last, for a folder with this file is a run.
        run.write_json(ABOUT, about)?;
        Ok(run)
    }

    /// Opens the folder of a run.
    ///
    /// # Errors
    /// The folder holds no run.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        if !path.join(ABOUT).is_file() {
            return Err(RunError::NoRun { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run was started with.
    ///
    /// # Errors
    /// `run.json` cannot be read or is not one.
    pub fn about(&self) -> Result<About, RunError> {
        self.read_json(ABOUT)
    }

    /// What was fitted on the validation part when training ended; nothing before.
    ///
    /// # Errors
    /// `calibration.json` cannot be read or is none.
    pub fn calibration(&self) -> Result<Calibration, RunError> {
        if self.path.join(CALIBRATION).exists() {
            self.read_json(CALIBRATION)
        } else {
            Ok(Calibration::None)
        }
    }

    /// Writes what was fitted on the validation part, if anything was.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn calibrate(&self, calibration: &Calibration) -> Result<(), RunError> {
        if *calibration == Calibration::None {
            Ok(())
        } else {
            self.write_json(CALIBRATION, calibration)
        }
    }

    /// What the checks found; nothing before.
    ///
    /// # Errors
    /// `findings.json` cannot be read or is none.
    pub fn findings(&self) -> Result<Vec<Found>, RunError> {
        if self.path.join(FOUND).exists() { self.read_json(FOUND) } else { Ok(Vec::new()) }
    }

    /// Adds what the checks found to what is there already.
    pub(crate) fn find(&self, findings: impl IntoIterator<Item = Found>) -> Result<(), RunError> {
        let mut all = self.findings()?;
        all.extend(findings);
        let mut known = Vec::new();
        all.retain(|found| {
            !known.contains(found) && {
                known.push(found.clone());
                true
            }
        });
        if all.is_empty() { Ok(()) } else { self.write_json(FOUND, &all) }
    }

    /// Reads one of the run's JSON files.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, file: &str) -> Result<T, RunError> {
        let path = self.path.join(file);
        let size = std::fs::metadata(&path).map_err(|source| RunError::io("read", &path, source))?.len();
        if size > MAX_JSON_BYTES {
            return Err(RunError::TooLarge { path, bytes: size, most: MAX_JSON_BYTES });
        }
        let text = std::fs::read_to_string(&path).map_err(|source| RunError::io("read", &path, source))?;
        serde_json::from_str(&text).map_err(|error| self.malformed(file, error))
    }

    /// Writes one of the run's JSON files.
    pub(crate) fn write_json<T: Serialize>(&self, file: &str, value: &T) -> Result<(), RunError> {
        let text = serde_json::to_string_pretty(value).map_err(|error| self.malformed(file, error))?;
        replace(&self.path.join(file), text.as_bytes())
    }

    /// The recipe as it was used.
    ///
    /// # Errors
    /// `recipe.toml` cannot be read or is none.
    pub fn recipe(&self) -> Result<Recipe, RunError> {
        Ok(Recipe::read(&self.path.join(RECIPE))?)
    }

    /// Keeps others from training in this folder, as long as the file is held.
    ///
    /// # Errors
    /// Another process trains in it.
    pub fn lock(&self) -> Result<File, RunError> {
        let path = self.path.join(LOCK);
        let file = File::create(&path).map_err(|source| RunError::io("write", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(RunError::io("lock", &path, source)),
        }
    }

    /// Whether a process trains in this folder now.
    pub fn is_busy(&self) -> bool {
        let Ok(file) = File::open(self.path.join(LOCK)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// The file of metrics.
    pub fn metrics_path(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// The checkpoint that training goes on from.
    pub fn last_path(&self) -> PathBuf {
        self.path.join(LAST)
    }

    /// The weights that were best on the validation part.
    pub fn best_path(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// The recorded steps.
    pub fn telemetry_path(&self) -> PathBuf {
        self.path.join(TELEMETRY)
    }

    /// The folder of TensorBoard's files.
    pub fn events_path(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// What is watched; nothing where nothing was recorded.
    ///
    /// # Errors
    /// `watched.json` cannot be read or is none.
    pub fn watched(&self) -> Result<Option<Watched>, RunError> {
        if self.path.join(WATCHED).exists() { self.read_json(WATCHED).map(Some) } else { Ok(None) }
    }

    /// Writes what is watched.
    pub(crate) fn watch(&self, watched: &Watched) -> Result<(), RunError> {
        self.write_json(WATCHED, watched)
    }

    /// The report.
    pub fn report_path(&self) -> PathBuf {
        self.path.join(REPORT)
    }

    fn malformed(&self, file: &str, error: serde_json::Error) -> RunError {
        RunError::Malformed { path: self.path.join(file), reason: error.to_string() }
    }
}
