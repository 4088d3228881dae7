//! What can be wrong with a run's folder.

use std::io;
use std::path::{Path, PathBuf};

/// A run's folder, or a file in it, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder holds a run already.
    #[error(
        "{} holds a run already: choose another folder (with `--out`), or resume it with `logit train --resume {}` if that \
         made it",
        path.display(), path.display()
    )]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds no run.
    #[error("{} holds no run: there is no run.json in it; `logit train` makes one", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// A new run's folder holds something of a name that the run will use.
    #[error(
        "{} is there already, and a run would replace it; choose another folder with `--out`, or move it away",
        path.display()
    )]
    Taken {
        /// What is there.
        path: PathBuf,
    },
    /// A link in place of one of the run's files.
    #[error(
        "{} is a link to {}, outside of the run's folder: nothing is written through it; put a file in its place",
        path.display(), target.display()
    )]
    LeadsOut {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// The run has no such checkpoint yet.
    #[error(
        "{} does not exist: training has not come that far; resume it with `logit train --resume {}`",
        path.display(), path.parent().unwrap_or(path).display()
    )]
    NoCheckpoint {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint is gone, though there was one.
    #[error("{} is gone, though an epoch was finished: put it back, or start a new run in another folder", path.display())]
    Lost {
        /// The file.
        path: PathBuf,
    },
    /// Another process trains in the folder.
    #[error("another process is training in {}; wait for it, or choose another folder", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder that cannot be read or written.
    #[error("cannot {action} {}: {source}{}", path.display(), hint(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is not what its name says.
    #[error("{} is damaged: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A checkpoint of another network.
    #[error("{} does not fit the recipe's network: {reason}", path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A place in training where the recipe never comes.
    #[error(
        "{} was not written under this recipe.toml: {reason}; put back what the run was started with, or start a new run",
        path.display()
    )]
    OtherRecipe {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A file of a run that its weights do not belong to.
    #[error(
        "{} is not the file that {} was trained with: it was edited, is damaged, or is of another run; put it back, or train \
         a new run",
        path.display(), checkpoint.display()
    )]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// The weights.
        checkpoint: PathBuf,
    },
    /// A file of a run that its weights do not belong to, and that is made again.
    #[error(
        "{} is not the file that belongs to {}: it was edited, is damaged, or is of another run; `logit train --resume \
         {}` makes it again",
        path.display(), checkpoint.display(), path.parent().unwrap_or(path).display()
    )]
    Remade {
        /// The file.
        path: PathBuf,
        /// The weights.
        checkpoint: PathBuf,
    },
    /// Something of a run that is no longer there, and that is made again.
    #[error(
        "{} is gone, and without it other figures would come out; `logit train --resume {}` makes it again",
        path.display(), path.parent().unwrap_or(path).display()
    )]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A file of another major version of its format.
    #[error(
        "{} is written in format {found}; this program reads formats up to {newest}: install a newer Logit to read it",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The newest version that is known here.
        newest: String,
    },
    /// A run of a program that writes no recipe or names no data.
    #[error(
        "{} was recorded by {program}, without {lacks}: it can be watched and checked; only a run of `logit train` can be \
         resumed, evaluated, inspected or predicted with",
        path.display()
    )]
    Foreign {
        /// The run's folder.
        path: PathBuf,
        /// The program that made it.
        program: String,
        /// What is not there.
        lacks: &'static str,
    },
    /// A path that cannot be written down.
    #[error("{} is not UTF-8, and could not be written down in run.json; rename it", path.display())]
    DataPath {
        /// The path.
        path: PathBuf,
    },
    /// Numbers of a step that do not fit each other.
    #[error("step {step}: {reason}")]
    Step {
        /// The step.
        step: u64,
        /// What does not fit, and what to do.
        reason: String,
    },
}

impl RunError {
    /// A file that cannot be read or written: `action` is "read", "write" or the like.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "; free some space: what was saved before is whole"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable or, for a new run, choose a folder that can be written, with `--out`"
        }
        _ => "",
    }
}
