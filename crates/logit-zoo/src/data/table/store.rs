//! Rows of numbers, in memory or, where they are too many, in a file.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Numbers that a store keeps in memory: 64 MiB.
const MOST_IN_MEMORY: usize = 16 << 20;

/// Rows of so many numbers each.
#[derive(Debug)]
pub(crate) struct Store {
    width: usize,
    rows: u32,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<f32>),
    /// Closed and removed when it is dropped.
    File {
        file: Mutex<File>,
        path: PathBuf,
    },
}

impl Store {
    /// How many rows there are.
    pub(crate) fn len(&self) -> u32 {
        self.rows
    }

    /// Whether they lie in a file.
    pub(crate) fn in_file(&self) -> bool {
        matches!(self.place, Place::File { .. })
    }

    /// The numbers of some rows, one row after the other.
    pub(crate) fn read(&self, rows: &[u32]) -> io::Result<Vec<f32>> {
        let mut numbers = Vec::with_capacity(rows.len() * self.width);
        match &self.place {
            Place::Memory(all) => {
                for row in rows {
                    let start = *row as usize * self.width;
                    numbers.extend_from_slice(&all[start..start + self.width]);
                }
            }
            Place::File { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = vec![0; self.width * size_of::<f32>()];
                for row in rows {
                    file.seek(SeekFrom::Start(u64::from(*row) * bytes.len() as u64))?;
                    file.read_exact(&mut bytes)?;
                    numbers.extend(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)));
                }
            }
        }
        Ok(numbers)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Place::File { path, .. } = &self.place {
            // What remains is overwritten by the next one.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Takes rows, and moves to a file when they become many.
pub(crate) struct Filler {
    width: usize,
    rows: u32,
    memory: Vec<f32>,
    file: Option<BufWriter<File>>,
    /// Where the file is made.
    path: PathBuf,
}

impl Filler {
    /// A store of rows of `width` numbers, in `path` if it must be a file.
    pub(crate) fn new(width: usize, path: &Path) -> Self {
        Self { width, rows: 0, memory: Vec::new(), file: None, path: path.to_owned() }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[f32]) -> io::Result<()> {
        debug_assert_eq!(row.len(), self.width);
        self.rows = self.rows.checked_add(1).ok_or_else(|| io::Error::other("more than 4294967295 rows"))?;
        if self.file.is_none() && self.memory.len() + row.len() > MOST_IN_MEMORY {
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&self.path)?;
            let mut file = BufWriter::with_capacity(1 << 20, file);
            write(&mut file, &self.memory)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            return write(file, row);
        }
        self.memory.extend_from_slice(row);
        Ok(())
    }

    /// The store.
    pub(crate) fn finish(self) -> io::Result<Store> {
        let place = match self.file {
            Some(file) => Place::File {
                file: Mutex::new(file.into_inner().map_err(io::IntoInnerError::into_error)?),
                path: self.path,
            },
            None => Place::Memory(self.memory),
        };
        Ok(Store { width: self.width, rows: self.rows, place })
    }
}

fn write(file: &mut BufWriter<File>, numbers: &[f32]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_move_to_a_file_and_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let width = 1 << 20;
        let mut filler = Filler::new(width, &path);
        let row = |number: u32| vec![number as f32; width];
        let rows = (MOST_IN_MEMORY / width) as u32 + 3;
        for number in 0..rows {
            filler.push(&row(number)).unwrap();
        }
        let store = filler.finish().unwrap();
        assert!(store.in_file() && path.exists() && store.len() == rows);
        assert_eq!(store.read(&[rows - 1, 0]).unwrap(), [row(rows - 1), row(0)].concat());
        drop(store);
        assert!(!path.exists());
    }
}
