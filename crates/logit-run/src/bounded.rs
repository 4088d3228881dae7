//! Reading no more than a file can rightly hold: a run's folder may come from a stranger.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::error::RunError;

/// Entries of a list for which memory is set aside before they are read.
const SET_ASIDE: usize = 1024;

/// Opens a regular file and gives its size; a pipe, which may never end, is none.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// The bytes of a regular file.
///
/// # Errors
/// It cannot be read, or has more than `most` bytes.
pub fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, RunError> {
    let io_error = |source| RunError::io("read", path, source);
    let (file, bytes) = open(path).map_err(io_error)?;
    if bytes > most {
        return Err(RunError::TooLarge { path: path.to_owned(), bytes, most });
    }
    let mut content = Vec::with_capacity(bytes as usize);
    // It may grow while it is read.
    file.take(most).read_to_end(&mut content).map_err(io_error)?;
    Ok(content)
}

/// Reads a list of at most `MOST` entries: a short text may otherwise stand for very many that are large in memory.
pub(crate) fn at_most<'de, const MOST: usize, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Entries<const MOST: usize, T>(PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for Entries<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(SET_ASIDE));
            while let Some(entry) = entries.next_element()? {
                if all.len() == MOST {
                    return Err(A::Error::custom(format_args!("a list has more than {MOST} entries")));
                }
                all.push(entry);
            }
            Ok(all)
        }
    }

    from.deserialize_seq(Entries::<MOST, T>(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_it_must() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Names(#[serde(deserialize_with = "at_most::<2, _, _>")] Vec<String>);

        let read = serde_json::from_str::<Names>;
        assert_eq!(read(r#"["a","b"]"#).unwrap(), Names(vec!["a".to_owned(), "b".to_owned()]));
        let error = read(r#"["a","b","c"]"#).unwrap_err().to_string();
        assert!(error.contains("more than 2 entries"), "{error}");
    }

    #[test]
    fn a_file_that_is_too_long_or_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"text").unwrap();
        assert_eq!(read_at_most(&path, 4).unwrap(), b"text");
        assert!(read_at_most(&path, 3).unwrap_err().to_string().contains("at most 3"));
        assert!(read_at_most(folder.path(), 3).unwrap_err().to_string().contains("not a regular file"));
    }
}
