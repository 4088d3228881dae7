//! The folder of a run: everything needed to resume a training, to judge it, or to look at it.
//!
//! | file | what it holds |
//! |---|---|
//! | `run.json` | what the run was started with ([`About`]): a folder with this file is a run |
//! | `recipe.toml` | the recipe, with every value as it was used; absent where another program trains |
//! | `metrics.jsonl` | a line per step and per epoch ([`Record`](crate::Record)); no times, so that equal runs have equal files |
//! | `findings.json` | what checks found in the data and in the steps ([`Found`]) |
//! | `watched.json` | what is watched: the head, its units, chosen samples ([`Watched`]) |
//! | `telemetry.bin` | what the recorded training passes showed ([`Telemetry`](crate::telemetry::Telemetry)) |
//! | `tensorboard/` | the same for TensorBoard, where it was asked for |
//! | `lock` | held by the process that trains |
//! | `last.safetensors` | weights, optimiser and place of the last checkpoint, from which training resumes |
//! | `best.safetensors` | the weights that were best on the validation part: what is evaluated and predicts |
//! | `calibration.json` | temperature and thresholds, fitted on the validation part |
//! | `table.json` | of a table: how its rows are read |
//! | `test_rows.txt` | of a table: the rows that it is tested on |
//! | `predictions/` | of masks: the predictions, where no other folder was named |
//! | `report.html` | curves, confusion, reliability |
//!
//! A file that is replaced is written beside its place, synced and renamed, so that it is whole at any moment.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::about::About;
use crate::atomic::replace;
use crate::bounded::{at_most, read_at_most};
use crate::error::RunError;
use crate::finding::Found;
use crate::watched::Watched;

const ABOUT: &str = "run.json";
const RECIPE: &str = "recipe.toml";
const METRICS: &str = "metrics.jsonl";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const FOUND: &str = "findings.json";
const TELEMETRY: &str = "telemetry.bin";
const WATCHED: &str = "watched.json";
const EVENTS: &str = "tensorboard";
const REPORT: &str = "report.html";
const LOCK: &str = "lock";

/// The largest JSON file that is read.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// The most findings that are read.
const MOST_FINDINGS: usize = 1 << 14;

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes a folder for a new run, with its recipe as TOML where it has one.
    ///
    /// # Errors
    /// The folder holds a run already, or cannot be written.
    pub fn create(path: &Path, about: &About, recipe: Option<&str>) -> Result<Self, RunError> {
        if path.join(ABOUT).exists() {
            return Err(RunError::Exists { path: path.to_owned() });
        }
        std::fs::create_dir_all(path).map_err(|source| RunError::io("make the folder", path, source))?;
        let run = Self { path: path.to_owned() };
        if let Some(recipe) = recipe {
            replace(&run.recipe_path(), recipe.as_bytes())?;
        }
        replace(&run.metrics_path(), &[])?;
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

    /// What the checks found; nothing before.
    ///
    /// # Errors
    /// `findings.json` cannot be read or is none.
    pub fn findings(&self) -> Result<Vec<Found>, RunError> {
        #[derive(serde::Deserialize)]
        #[serde(transparent)]
        struct All(#[serde(deserialize_with = "at_most::<MOST_FINDINGS, _, _>")] Vec<Found>);

        Ok(self.read_optional::<All>(FOUND)?.map_or_else(Vec::new, |All(findings)| findings))
    }

    /// Adds what the checks found to what is there already.
    ///
    /// # Errors
    /// `findings.json` cannot be read or written.
    pub fn add_findings(&self, findings: impl IntoIterator<Item = Found>) -> Result<(), RunError> {
        let mut all = self.findings()?;
        let known = all.len();
        for found in findings {
            if !all.contains(&found) {
                all.push(found);
            }
        }
        if all.len() == known { Ok(()) } else { self.write_json(FOUND, &all) }
    }

    /// Reads one of the run's JSON files.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is none.
    pub fn read_json<T: DeserializeOwned>(&self, file: &str) -> Result<T, RunError> {
        let content = read_at_most(&self.path.join(file), MAX_JSON_BYTES)?;
        serde_json::from_slice(&content).map_err(|error| self.malformed(file, error))
    }

    /// Reads one of the run's JSON files, if it is there.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read_optional<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, RunError> {
        if self.path.join(file).exists() { self.read_json(file).map(Some) } else { Ok(None) }
    }

    /// Writes one of the run's JSON files.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_json<T: Serialize>(&self, file: &str, value: &T) -> Result<(), RunError> {
        let text = serde_json::to_string_pretty(value).map_err(|error| self.malformed(file, error))?;
        replace(&self.path.join(file), text.as_bytes())
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

    /// The recipe.
    pub fn recipe_path(&self) -> PathBuf {
        self.path.join(RECIPE)
    }

    /// The checkpoint that training resumes from.
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
        self.read_optional(WATCHED)
    }

    /// Writes what is watched.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_watched(&self, watched: &Watched) -> Result<(), RunError> {
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
