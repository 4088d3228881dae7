//! Whether a file is still the one that a run was trained on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::TableError;

/// Bytes that are looked at, at the beginning and at the end.
const LOOKED_AT: u64 = 64 << 10;

/// A file's size, and checksums of its ends: quick also where the file is larger than memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Its size.
    pub bytes: u64,
    /// CRC-32C of its first 64 KiB.
    pub first: u32,
    /// CRC-32C of its last 64 KiB.
    pub last: u32,
}

impl Fingerprint {
    /// Looks at a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        Self::read(path).map_err(|source| TableError::Read { path: path.to_owned(), source })
    }

    fn read(path: &Path) -> io::Result<Self> {
        let (mut file, bytes) = logit_files::open(path)?;
        let first = checksum(&mut file)?;
        file.seek(SeekFrom::Start(bytes.saturating_sub(LOOKED_AT)))?;
        Ok(Self { bytes, first, last: checksum(&mut file)? })
    }

    /// Refuses a file that is another than the one whose fingerprint this is.
    ///
    /// # Errors
    /// It is another, or cannot be read.
    pub fn check(&self, path: &Path) -> Result<(), TableError> {
        let found = Self::of(path)?;
        if found == *self {
            return Ok(());
        }
        let reason = if found.bytes == self.bytes {
            "what it holds has changed".to_owned()
        } else {
            format!("it had {} bytes then, and has {} now", self.bytes, found.bytes)
        };
        Err(TableError::Changed { path: path.to_owned(), reason })
    }
}

fn checksum(file: &mut File) -> io::Result<u32> {
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(crc32c::crc32c(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_at_either_end_or_in_size_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let rows = "1,2\n".repeat(100_000).into_bytes();
        std::fs::write(&path, &rows).unwrap();
        let fingerprint = Fingerprint::of(&path).unwrap();
        fingerprint.check(&path).unwrap();
        let changed = |at: usize| {
            let mut rows = rows.clone();
            rows[at] = b'7';
            std::fs::write(&path, &rows).unwrap();
            fingerprint.check(&path).unwrap_err().to_string()
        };
        assert!(changed(0).contains("what it holds has changed"));
        assert!(changed(rows.len() - 2).contains("what it holds has changed"));
        std::fs::write(&path, &rows[..8]).unwrap();
        let message = fingerprint.check(&path).unwrap_err().to_string();
        assert!(message.contains("it had 400000 bytes then, and has 8 now"), "{message}");
    }

    #[test]
    fn what_is_no_file_is_named() {
        let message = Fingerprint::of(Path::new("/nowhere/t.csv")).unwrap_err().to_string();
        assert!(message.contains("/nowhere/t.csv"), "{message}");
    }
}
