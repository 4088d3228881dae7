//! Replacing a file so that it is whole at any moment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::RunError;

/// A file that is written beside its place, and put there whole.
///
/// Until [`finish`](Self::finish) the old file is there; from then on the new one is. One that is not finished leaves the
/// old one, and nothing beside it.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    part: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Replacement {
    /// Begins a file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let file = File::create(&part).map_err(|source| RunError::io("write", path, source))?;
        Ok(Self { file, part, path: path.to_owned(), finished: false })
    }

    /// Syncs the file, puts it in its place, and syncs the folder.
    ///
    /// # Errors
    /// The folder cannot be written, or is full.
    pub fn finish(mut self) -> Result<(), RunError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.part, &self.path))
            .and_then(|()| sync_folder(&self.path))
            .map_err(|source| RunError::io("write", &self.path, source))?;
        self.finished = true;
        Ok(())
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
        if !self.finished {
            // The failure that is told is another; a part that stays behind is overwritten next time.
            drop(fs::remove_file(&self.part));
        }
    }
}

/// Replaces a file by these bytes, as [`Replacement`] does.
///
/// # Errors
/// The folder cannot be written, or is full.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let mut file = Replacement::create(path)?;
    file.write_all(bytes).map_err(|source| RunError::io("write", path, source))?;
    file.finish()
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

    #[test]
    fn the_old_file_stays_when_the_new_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"old").unwrap();
        // A folder in the place of the part cannot be written to.
        fs::create_dir(folder.path().join("file.part")).unwrap();
        let error = replace(&path, b"new").unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("file"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        replace(&folder.path().join("file"), b"text").unwrap();
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"]);
    }
}
