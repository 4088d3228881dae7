//! Replacing a file so that it is whole at any moment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::error::RunError;

/// Replaces a file: writes beside it, syncs, renames, and syncs the folder. Until the rename the old file is there;
/// from then on the new one is. A failure leaves the old one, and nothing beside it.
///
/// # Errors
/// The folder cannot be written, or is full.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside = path.with_file_name(name);
    write_synced(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_folder(path))
        .map_err(|source| {
            // The failure that is told is the one above; a part that stays behind is overwritten next time.
            drop(fs::remove_file(&beside));
            RunError::io("write", path, source)
        })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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
