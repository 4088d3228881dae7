//! Replacing a file so that it is whole at any moment.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::link::leads_out;

/// How the names of unfinished files end.
const PART: &str = ".part";

/// A file that is written beside its place, under a name that no other process takes, and put there whole.
///
/// Until [`finish`](Self::finish) the old file is there; from then on the new one is, with the rights of the old one. One
/// that is not finished leaves the old one, and nothing beside it.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    /// Where it is written until it is whole; none where it is written straight to its place.
    part: Option<PathBuf>,
    path: PathBuf,
    finished: bool,
}

impl Replacement {
    /// Begins a file in the place that a user named. Where a link leads to a file, that file is replaced and not the link;
    /// what is no file, as a device or a pipe, is written straight to.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn at(path: &Path) -> io::Result<Self> {
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file() && !old.is_dir()) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, part: None, path: path.to_owned(), finished: false });
        }
        // One that leads nowhere yet is replaced itself.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Self::beside(path, old.as_ref())
    }

    /// Begins a file of a folder of our own, which what is written does not leave: a link in its place that leads out of
    /// the folder is refused, and so is what is no file.
    ///
    /// # Errors
    /// The folder cannot be written; something else than a file is in the file's place.
    pub fn within(path: &Path) -> io::Result<Self> {
        if let Some(target) = leads_out(path)? {
            let reason = format!("it is a link that leads out of its folder, to {}", target.display());
            return Err(io::Error::other(reason));
        }
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Err(io::Error::other("not a regular file"));
        }
        Self::beside(path.to_owned(), old.as_ref())
    }

    fn beside(path: PathBuf, old: Option<&Metadata>) -> io::Result<Self> {
        let (file, part) = part_of(&path)?;
        let replacement = Self { file, part: Some(part), path, finished: false };
        if let Some(old) = old.filter(|old| old.is_file()) {
            replacement.file.set_permissions(old.permissions())?;
        }
        Ok(replacement)
    }

    /// Syncs the file, puts it in its place, and syncs the folder.
    ///
    /// # Errors
    /// The folder cannot be written, or is full.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(part) = &self.part else { return self.file.flush() };
        self.file.sync_all()?;
        fs::rename(part, &self.path)?;
        self.finished = true;
        sync_folder(&self.path)
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(part) = &self.part
            && !self.finished
        {
            // The failure that is told is another.
            drop(fs::remove_file(part));
        }
    }
}

/// Replaces a file of a folder of our own by these bytes, as [`Replacement::within`] does.
///
/// # Errors
/// As [`Replacement::within`] and [`Replacement::finish`].
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("file");
/// logit_files::replace_within(&path, b"old")?;
/// logit_files::replace_within(&path, b"new")?;
/// assert_eq!(std::fs::read(&path)?, b"new");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn replace_within(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Replacement::within(path)?;
    file.write_all(bytes)?;
    file.finish()
}

/// Removes what processes that were killed left unfinished beside the files of these names in a folder, and nothing else.
/// Nobody else may write those files meanwhile.
///
/// # Errors
/// The folder cannot be read or written.
pub fn remove_parts(folder: &Path, names: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_ours =
            whole_name(&entry.file_name().to_string_lossy()).is_some_and(|name| names.contains(&name));
        if is_ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The name of the file that a part is of, as [`part_of`] names it.
fn whole_name(part: &str) -> Option<&str> {
    let (name, numbers) = part.strip_prefix('.')?.strip_suffix(PART)?.rsplit_once('.')?;
    let (process, count) = numbers.split_once('-')?;
    [process, count].iter().all(|number| number.parse::<u32>().is_ok()).then_some(name)
}

/// A new file beside `path`, and its name.
fn part_of(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::other("its path names no file"))?.to_string_lossy();
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = path.with_file_name(format!(".{name}.{}-{count}{PART}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Ok(file) => return Ok((file, part)),
            // Left by a process of the same number that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Windows cannot open a folder as a file; its rename is durable enough without.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn the_old_file_stays_until_the_new_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace_within(&path, b"old").unwrap();
        let mut first = Replacement::within(&path).unwrap();
        let mut second = Replacement::within(&path).unwrap();
        first.write_all(b"first").unwrap();
        second.write_all(b"second").unwrap();
        drop(first);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        second.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_was_left_unfinished_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::mem::forget(Replacement::within(&path).unwrap());
        let theirs = [".film.1-2.part", ".file.part", ".file.1-x.part", "notes.part", "file.1-2.part"];
        theirs.iter().try_for_each(|name| fs::write(folder.path().join(name), "theirs")).unwrap();
        assert_eq!(names(folder.path()).len(), theirs.len() + 1);
        remove_parts(folder.path(), &["file"]).unwrap();
        let left = names(folder.path());
        assert!(
            left.len() == theirs.len() && theirs.iter().all(|name| left.contains(&(*name).into())),
            "{left:?}"
        );
    }

    #[test]
    #[cfg(unix)]
    fn what_a_link_leads_to_is_replaced_where_a_user_named_it() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        let mut replacement = Replacement::at(&link).unwrap();
        replacement.write_all(b"new").unwrap();
        replacement.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    #[cfg(unix)]
    fn nothing_leaves_a_folder_of_our_own() {
        use std::os::unix::fs::symlink;

        let around = tempfile::tempdir().unwrap();
        let (precious, folder) = (around.path().join("precious"), around.path().join("folder"));
        fs::create_dir(&folder).unwrap();
        fs::write(&precious, "precious").unwrap();
        symlink("../precious", folder.join("report")).unwrap();
        let error = replace_within(&folder.join("report"), b"ours").unwrap_err().to_string();
        assert!(error.contains("leads out of its folder") && error.contains("precious"), "{error}");
        fs::create_dir(folder.join("lock")).unwrap();
        assert!(replace_within(&folder.join("lock"), b"ours").is_err());
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        assert_eq!(names(&folder).len(), 2);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_that_a_user_named_is_written_straight_to() {
        use std::os::unix::fs::FileTypeExt;

        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let path = pipe.clone();
        let reader = std::thread::spawn(move || fs::read(path).unwrap());
        let mut replacement = Replacement::at(&pipe).unwrap();
        replacement.write_all(b"text").unwrap();
        replacement.finish().unwrap();
        assert_eq!(reader.join().unwrap(), b"text");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(names(folder.path()), ["pipe"]);
    }
}
