//! Beginning a run: a folder that is ours alone, and is a run once all is there that resuming needs.
//!
//! A start takes the folder's lock first, marks it before it writes anything else, and takes the mark away once the folder is
//! a run. So a folder whose lock is marked, but that holds no `run.json`, is one whose start was broken off: the next start
//! may clear it. In a folder whose lock is not marked nothing is ours to clear, whatever its name.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use logit_files::read_at_most;

use crate::about::About;
use crate::error::RunError;
use crate::folder::{ABOUT, LOCK, RunDir};

/// What the lock of a folder holds in which Logit is beginning a run.
const MARK: &[u8] = b"Logit is beginning a run in this folder: what else is here of a run's is its own.\n";

/// The folder of runs whose place nobody named.
const RUNS: &str = "runs";

/// So often a folder is made anew that another start removes at the same moment.
const TRIES: u32 = 5;

/// Where a new run goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAt {
    /// Into a folder that was named. It may hold other files, but none of a name that a run uses.
    Folder(PathBuf),
    /// Into a folder of its own: `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`… that is not there.
    Unused(String),
}

impl<P: AsRef<Path>> From<P> for RunAt {
    fn from(path: P) -> Self {
        Self::Folder(path.as_ref().to_owned())
    }
}

/// A folder in which a run begins. Unless it is [finished](Self::finish), all that was written there is removed again.
#[derive(Debug)]
pub struct NewRun {
    dir: RunDir,
    lock: Option<File>,
    /// The folders that were not there before, the innermost first.
    made: Vec<PathBuf>,
}

impl NewRun {
    /// Takes a folder, which from then on nobody else can take.
    ///
    /// # Errors
    /// The folder holds a run, or a file of the user's of a name that a run uses; another process begins a run there; it
    /// cannot be written.
    pub fn claim(at: &RunAt) -> Result<Self, RunError> {
        match at {
            RunAt::Folder(path) => Self::claim_named(path),
            RunAt::Unused(name) => Self::claim_unused(name),
        }
    }

    fn claim_named(path: &Path) -> Result<Self, RunError> {
        for left in (0..TRIES).rev() {
            let missing = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
            let made = missing.take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
            fs::create_dir_all(path).map_err(|source| RunError::io("make the folder", path, source))?;
            match Self::in_folder(path, made) {
                // Another start removed the folder that it had made.
                Err(RunError::Io { source, .. }) if left > 0 && source.kind() == io::ErrorKind::NotFound => {}
                claimed => return claimed,
            }
        }
        Err(RunError::Busy { path: path.to_owned() })
    }

    fn claim_unused(name: &str) -> Result<Self, RunError> {
        loop {
            let path = unused_folder(name)?;
            match Self::in_folder(&path, vec![path.clone(), RUNS.into()]) {
                // Another start was told to take this very folder.
                Err(RunError::Busy { .. } | RunError::Exists { .. }) => {}
                claimed => return claimed,
            }
        }
    }

    fn in_folder(path: &Path, made: Vec<PathBuf>) -> Result<Self, RunError> {
        let dir = RunDir::at(path);
        // Before the lock, so that a refused start leaves no trace, and under it, for another may have begun in between.
        refuse_taken(&dir).map_err(|taken| of_another_start(&dir, taken))?;
        let lock = dir.lock()?;
        refuse_taken(&dir)?;
        let new = Self { dir, lock: Some(lock), made };
        new.mark(MARK)?;
        new.clear()?;
        new.dir.replace_metrics(&[])?;
        Ok(new)
    }

    /// The folder.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Writes what the run is, which makes the folder a run; its lock stays held as long as the file is.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn finish(mut self, about: &About) -> Result<(RunDir, File), RunError> {
        self.dir.write_json(ABOUT, about)?;
        self.mark(&[])?;
        let lock = self.lock.take().ok_or_else(|| RunError::Busy { path: self.dir.path().to_owned() })?;
        Ok((self.dir.clone(), lock))
    }

    fn mark(&self, mark: &[u8]) -> Result<(), RunError> {
        let Some(lock) = &self.lock else { return Ok(()) };
        put(lock, mark).map_err(|source| RunError::io("write", &self.dir.path().join(LOCK), source))
    }

    /// Removes what a start that was broken off has left.
    fn clear(&self) -> Result<(), RunError> {
        for path in self.dir.entries().filter(|path| !path.ends_with(LOCK)) {
            let removed = match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&path),
                Ok(_) => fs::remove_file(&path),
                Err(error) => Err(error),
            };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(RunError::io("remove", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for NewRun {
    fn drop(&mut self) {
        if self.lock.is_none() {
            return;
        }
        // The failure that is told is another; what stays behind is marked as ours.
        drop(self.clear());
        drop(fs::remove_file(self.dir.path().join(LOCK)));
        // Each goes only if it is empty.
        self.made.iter().for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

fn put(mut file: &File, content: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(content)?;
    file.sync_data()
}

/// Makes a folder that was not there: `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`…
///
/// # Errors
/// It cannot be made.
pub fn unused_folder(name: &str) -> Result<PathBuf, RunError> {
    let plain: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
    let runs = Path::new(RUNS);
    let mut number = 1;
    loop {
        // Each time: a start that fails removes it, if it is empty.
        fs::create_dir_all(runs).map_err(|source| RunError::io("make the folder", runs, source))?;
        let path = runs.join(if number == 1 { plain.clone() } else { format!("{plain}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(RunError::io("make the folder", &path, source)),
        }
    }
}

/// What is there of a run's names may have come from a start that began a moment ago: it holds the lock, or has made a run.
fn of_another_start(dir: &RunDir, taken: RunError) -> RunError {
    let path = || dir.path().to_owned();
    match taken {
        RunError::Taken { .. } if dir.is_busy() => RunError::Busy { path: path() },
        RunError::Taken { .. } if dir.path().join(ABOUT).exists() => RunError::Exists { path: path() },
        // The lock alone is made before it is taken.
        RunError::Taken { path: lock } if lock.ends_with(LOCK) && is_unmarked(&lock) => {
            RunError::Busy { path: path() }
        }
        other => other,
    }
}

/// Whether a lock is a file that nothing has been written to.
fn is_unmarked(lock: &Path) -> bool {
    read_at_most(lock, MARK.len() as u64).is_ok_and(|content| content.is_empty())
}

/// Refuses a folder that holds a run, or something of a name that a run uses and that no start of ours has written.
fn refuse_taken(dir: &RunDir) -> Result<(), RunError> {
    if dir.path().join(ABOUT).exists() {
        return Err(RunError::Exists { path: dir.path().to_owned() });
    }
    let lock = dir.path().join(LOCK);
    let content = read_at_most(&lock, MARK.len() as u64);
    if content.as_ref().is_ok_and(|content| content == MARK) {
        return Ok(());
    }
    // A lock without its whole mark is that of a start that was broken off before it wrote anything else.
    let begun = content.is_ok_and(|content| MARK.starts_with(&content));
    let taken = |path: &PathBuf| path.symlink_metadata().is_ok() && !(begun && *path == lock);
    match dir.entries().find(taken) {
        Some(path) => Err(RunError::Taken { path }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn named(path: &Path) -> Result<NewRun, RunError> {
        NewRun::claim(&RunAt::from(path))
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_start_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/run");
        let new = named(&path).unwrap();
        new.dir().write_json("table.json", &1).unwrap();
        drop(new);
        assert!(!path.exists());
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        drop(named(&path).unwrap());
        assert_eq!(names(&path), ["notes.txt"]);
    }

    #[test]
    fn a_start_that_was_killed_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let new = named(&path).unwrap();
        new.dir().write_json("table.json", &1).unwrap();
        // Killed: nothing is tidied up, and the lock is let go.
        let mut new = std::mem::ManuallyDrop::new(new);
        drop(new.lock.take());
        assert!(RunDir::open(&path).is_err());
        let (run, lock) = named(&path).unwrap().finish(&About::default()).unwrap();
        assert_eq!(names(run.path()), ["lock", "metrics.jsonl", "run.json"]);
        drop(lock);
        assert!(matches!(named(&path), Err(RunError::Exists { .. })));
        // Without it, what is left of the run is not cleared away.
        fs::remove_file(path.join("run.json")).unwrap();
        assert!(matches!(named(&path), Err(RunError::Taken { .. })));
    }

    #[test]
    fn files_of_the_user_are_never_taken_for_ours() {
        for name in ["recipe.toml", "best.safetensors", "report.html", "lock", "predictions", "table.json"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), "mine").unwrap();
            let error = named(folder.path()).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("--out"), "{error}");
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"mine");
            assert_eq!(names(folder.path()), [name]);
        }
    }

    #[test]
    fn of_many_starts_one_gets_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let barrier = Barrier::new(8);
        let begun = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                named(&path).and_then(|new| new.finish(&About::default()))
            };
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(begun.iter().filter(|start| start.is_ok()).count(), 1, "{begun:?}");
        let refused = |start: &Result<_, RunError>| {
            matches!(start, Ok(_) | Err(RunError::Busy { .. } | RunError::Exists { .. }))
        };
        assert!(begun.iter().all(refused), "{begun:?}");
    }
}
