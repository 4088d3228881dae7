//! Replacing a file so that it is whole at any moment.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::RunError;

/// A file that is written beside its place, and put there whole.
///
/// Until [`finish`](Self::finish) the old file is there; from then on the new one is, with the rights of the old one. One
/// that is not finished leaves the old one, and nothing beside it. Where a link leads to a file, that file is replaced and
/// not the link; what is no file, as a device or a pipe, is written straight to.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    /// Where it is written until it is whole; none where it is written straight to its place.
    part: Option<PathBuf>,
    path: PathBuf,
    finished: bool,
}

impl Replacement {
    /// Begins a file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        Self::begin(path).map_err(|source| RunError::io("write", path, source))
    }

    fn begin(path: &Path) -> io::Result<Self> {
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file() && !old.is_dir()) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, part: None, path: path.to_owned(), finished: false });
        }
        // One that leads nowhere yet is replaced itself.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let file = File::create(&part)?;
        if let Some(old) = old.filter(Metadata::is_file) {
            file.set_permissions(old.permissions())?;
        }
        Ok(Self { file, part: Some(part), path, finished: false })
    }

    /// Syncs the file, puts it in its place, and syncs the folder.
    ///
    /// # Errors
    /// The folder cannot be written, or is full.
    pub fn finish(mut self) -> Result<(), RunError> {
        self.put().map_err(|source| RunError::io("write", &self.path, source))?;
        self.finished = true;
        Ok(())
    }

    fn put(&mut self) -> io::Result<()> {
        let Some(part) = &self.part else { return self.file.flush() };
        self.file.sync_all()?;
        fs::rename(part, &self.path)?;
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
            // The failure that is told is another; a part that stays behind is overwritten next time.
            drop(fs::remove_file(part));
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

    #[test]
    #[cfg(unix)]
    fn what_a_link_leads_to_is_replaced_and_keeps_its_rights() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_written_straight_to() {
        use std::os::unix::fs::FileTypeExt;

        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let path = pipe.clone();
        let reader = std::thread::spawn(move || fs::read(path).unwrap());
        replace(&pipe, b"text").unwrap();
        assert_eq!(reader.join().unwrap(), b"text");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
