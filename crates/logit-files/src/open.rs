//! Opening regular files, and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file to read it, and gives its size in bytes.
///
/// Links are followed. It never waits: a pipe or a device is refused at once.
///
/// # Errors
/// It is not there, cannot be read, or is not a regular file.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("file");
/// std::fs::write(&path, "text")?;
/// assert_eq!(logit_files::open(&path)?.1, 4);
/// assert!(logit_files::open(folder.path()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    regular(without_waiting(OpenOptions::new().read(true)).open(path)?)
}

/// Opens a regular file to read it and write to it, without changing it; it is made where it is not there.
///
/// # Errors
/// It cannot be written, or is not a regular file.
pub fn open_to_append(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    regular(without_waiting(&mut options).open(path)?)
}

/// The bytes of a regular file that has at most `most` of them.
///
/// # Errors
/// It cannot be read, is not a regular file, or is larger.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, bytes) = open(path)?;
    if bytes > most {
        let reason = format!("it has {bytes} bytes; at most {most} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    let mut content = Vec::new();
    content.try_reserve_exact(bytes as usize)?;
    // It may grow while it is read.
    file.take(most).read_to_end(&mut content)?;
    Ok(content)
}

/// The text of a regular file that has at most `most` bytes.
///
/// # Errors
/// It cannot be read, is not a regular file, is larger, or is not UTF-8.
pub fn read_text_at_most(path: &Path, most: u64) -> io::Result<String> {
    let not_utf8 = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read_at_most(path, most)?).map_err(not_utf8)
}

/// Asked of the open file, not of its name: what the name leads to may change in between.
fn regular(file: File) -> io::Result<(File, u64)> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// A pipe without a writer is opened at once; and no terminal becomes the process's own.
#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions) -> &OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
}

#[cfg(not(unix))]
fn without_waiting(options: &mut OpenOptions) -> &OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_or_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"text").unwrap();
        assert_eq!(read_at_most(&path, 4).unwrap(), b"text");
        assert!(read_at_most(&path, 3).unwrap_err().to_string().contains("at most 3"));
        assert!(read_at_most(folder.path(), 3).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn what_is_appended_to_is_not_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(open_to_append(&path).unwrap().1, 0);
        std::fs::write(&path, b"text").unwrap();
        assert_eq!(open_to_append(&path).unwrap().1, 4);
        assert!(open_to_append(folder.path()).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn pipes_and_devices_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero"), Path::new("/dev/tty")] {
            assert!(read_at_most(path, 100).is_err(), "{}", path.display());
            assert!(open_to_append(path).is_err(), "{}", path.display());
        }
        assert!(read_at_most(&pipe, 100).unwrap_err().to_string().contains("not a regular file"));
    }
}
