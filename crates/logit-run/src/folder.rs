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
//! | `calibration.json` | temperature and thresholds, fitted on the validation part for these best weights; made when training ends |
//! | `table.json` | of a table: how its rows are read |
//! | `test_rows.txt` | of a table: the rows that it is tested on |
//! | `predictions/` | of masks: the predictions, where no other folder was named |
//! | `report.html` | curves, confusion, reliability |
//!
//! A file that is replaced is written beside its place, synced and renamed, so that it is whole at any moment. What makes a
//! folder a run, `run.json`, is written last. Nothing is written through a link that leads out of the folder.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logit_files::{is_same, leads_out, open_to_append, read_at_most, remove_parts, replace_within};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::about::About;
use crate::bounded::at_most;
use crate::error::RunError;
use crate::finding::{Found, not_recorded};
use crate::watched::Watched;

pub(crate) const ABOUT: &str = "run.json";
const RECIPE: &str = "recipe.toml";
const METRICS: &str = "metrics.jsonl";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const FOUND: &str = "findings.json";
const TELEMETRY: &str = "telemetry.bin";
const WATCHED: &str = "watched.json";
const EVENTS: &str = "tensorboard";
const REPORT: &str = "report.html";
const PREDICTIONS: &str = "predictions";
pub(crate) const LOCK: &str = "lock";

/// Everything of a run's folder, by its name.
const ENTRIES: [&str; 15] = [
    ABOUT,
    RECIPE,
    METRICS,
    LAST,
    BEST,
    FOUND,
    TELEMETRY,
    WATCHED,
    EVENTS,
    REPORT,
    LOCK,
    "calibration.json",
    "table.json",
    "test_rows.txt",
    PREDICTIONS,
];

/// So often a lock is tried for: who only looks whether it is held holds it for a moment, too.
const LOCK_TRIES: u32 = 20;

/// Between two tries.
const LOCK_WAIT: Duration = Duration::from_millis(10);

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
    /// A folder that need not be a run yet.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
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

    /// Adds what the checks found to what is there already, and gives all of it. A file that cannot be read is begun anew,
    /// which is one finding more.
    ///
    /// # Errors
    /// `findings.json` cannot be written.
    pub fn add_findings(&self, findings: impl IntoIterator<Item = Found>) -> Result<Vec<Found>, RunError> {
        let (mut all, known) = match self.findings() {
            Ok(all) => (all.clone(), all.len()),
            Err(error) => (vec![not_recorded(format!("{error}; it is begun anew"))], 0),
        };
        for found in findings {
            if !all.contains(&found) {
                all.push(found);
            }
        }
        if all.len() > known {
            self.write_json(FOUND, &all)?;
        }
        Ok(all)
    }

    /// Reads one of the run's JSON files.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is none.
    pub fn read_json<T: DeserializeOwned>(&self, file: &str) -> Result<T, RunError> {
        let path = self.path.join(file);
        let content =
            read_at_most(&path, MAX_JSON_BYTES).map_err(|source| RunError::io("read", &path, source))?;
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
        self.replace(file, text.as_bytes())
    }

    /// Replaces one of the run's files.
    ///
    /// # Errors
    /// The file cannot be written, or its place is taken by something else, such as a link that leads out of the folder.
    pub fn replace(&self, file: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.path.join(file);
        replace_within(&path, bytes).map_err(|source| RunError::io("write", &path, source))
    }

    pub(crate) fn replace_metrics(&self, bytes: &[u8]) -> Result<(), RunError> {
        self.replace(METRICS, bytes)
    }

    /// Writes the recipe, as TOML.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_recipe(&self, recipe: &str) -> Result<(), RunError> {
        self.replace(RECIPE, recipe.as_bytes())
    }

    /// Writes the report, as HTML.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_report(&self, report: &str) -> Result<(), RunError> {
        self.replace(REPORT, report.as_bytes())
    }

    /// A folder within the run's, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or a link that leads out of the run's folder is in its place.
    pub fn folder(&self, name: &str) -> Result<PathBuf, RunError> {
        let path = self.path.join(name);
        refuse_link_out(&path)?;
        std::fs::create_dir_all(&path).map_err(|source| RunError::io("make the folder", &path, source))?;
        Ok(path)
    }

    /// The place of this or another run's folder that writing to `path` would replace or take, by whatever name or link it
    /// leads there.
    pub fn would_replace(&self, path: &Path) -> Option<PathBuf> {
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = whole
            .parent()
            .map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() });
        let of_another = folder.filter(|folder| folder.join(ABOUT).exists()).and_then(|folder| {
            let name = whole.file_name()?.to_str()?;
            (ENTRIES.contains(&name) && name != PREDICTIONS).then(|| folder.join(name))
        });
        of_another.or_else(|| self.entries().find(|entry| is_same(entry, path)))
    }

    /// Every place of the folder that a run uses, whether it is there or not.
    pub(crate) fn entries(&self) -> impl Iterator<Item = PathBuf> {
        ENTRIES.iter().map(|name| self.path.join(name))
    }

    /// Keeps others from training in this folder, as long as the file is held, and removes what a killed process left
    /// unfinished.
    ///
    /// # Errors
    /// Another process trains in it; a link stands in place of one of the run's files and leads out of the folder.
    pub fn lock(&self) -> Result<File, RunError> {
        self.entries().try_for_each(|path| refuse_link_out(&path))?;
        let path = self.path.join(LOCK);
        for _ in 0..LOCK_TRIES {
            let (file, _) = open_to_append(&path).map_err(|source| RunError::io("write", &path, source))?;
            match file.try_lock() {
                // A start that failed may have removed the file since.
                Ok(()) if is_at(&file, &path) => {
                    remove_parts(&self.path, &ENTRIES)
                        .map_err(|source| RunError::io("write", &self.path, source))?;
                    return Ok(file);
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
                Err(TryLockError::Error(source)) => return Err(RunError::io("lock", &path, source)),
            }
        }
        Err(RunError::Busy { path: self.path.clone() })
    }

    /// Whether a process trains in this folder now.
    pub fn is_busy(&self) -> bool {
        let Ok((file, _)) = logit_files::open(&self.path.join(LOCK)) else { return false };
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

    /// What is watched.
    pub fn watched_path(&self) -> PathBuf {
        self.path.join(WATCHED)
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

fn refuse_link_out(path: &Path) -> Result<(), RunError> {
    match leads_out(path).map_err(|source| RunError::io("read", path, source))? {
        Some(target) => Err(RunError::LeadsOut { path: path.to_owned(), target }),
        None => Ok(()),
    }
}

/// Whether an open file is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let number = |metadata: io::Result<std::fs::Metadata>| metadata.ok().map(|it| (it.dev(), it.ino()));
    let number_of_file = number(file.metadata());
    number_of_file.is_some() && number_of_file == number(path.metadata())
}

/// Whether an open file is still the one of this name: here an open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
