//! Files of a bounded size.

use std::io::Read;
use std::path::Path;

use super::error::SentenceError;

/// What a file should hold, and how much of it is read.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// What it holds, as errors name it.
    pub(super) what: &'static str,
    /// The most bytes that are read.
    pub(super) most: u64,
    /// What to do when it is not there; begins with a semicolon, or is empty.
    pub(super) hint: &'static str,
}

/// Reads a file, if it is one and not too large.
pub(super) fn read(path: &Path, wanted: Wanted) -> Result<Vec<u8>, SentenceError> {
    let Wanted { what, most, hint } = wanted;
    let io_error = |source| SentenceError::Read { what, path: path.to_owned(), source, hint };
    let (file, length) = logit_files::open(path).map_err(io_error)?;
    let too_large = |bytes| SentenceError::TooLarge { what, path: path.to_owned(), bytes, most };
    if length > most {
        return Err(too_large(length));
    }
    let mut bytes = Vec::new();
    // A file that grows while it is read is no reason to read without end.
    file.take(most + 1).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() as u64 > most { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}
