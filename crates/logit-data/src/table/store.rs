//! Rows of numbers, in memory or, where they are too many, in a file.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Numbers that a store keeps in memory: 64 MiB.
const MOST_IN_MEMORY: usize = 16 << 20;

/// Rows of so many numbers each.
#[derive(Debug)]
pub struct Store {
    width: usize,
    rows: u32,
    backing: Backing,
}

/// Where the numbers lie.
#[derive(Debug)]
enum Backing {
    Memory(Vec<f32>),
    /// A file without a name, which is gone with the process.
    File(Mutex<File>),
}

impl Store {
    /// How many rows there are.
    pub fn len(&self) -> u32 {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether they lie in a file.
    pub fn in_file(&self) -> bool {
        matches!(self.backing, Backing::File(_))
    }

    /// The numbers of some rows, one row after the other.
    ///
    /// # Errors
    /// The file cannot be read.
    ///
    /// # Panics
    /// There is no such row.
    pub fn read(&self, rows: &[u32]) -> io::Result<Vec<f32>> {
        let mut numbers = Vec::with_capacity(rows.len() * self.width);
        match &self.backing {
            Backing::Memory(all) => {
                for row in rows {
                    let start = *row as usize * self.width;
                    numbers.extend_from_slice(&all[start..start + self.width]);
                }
            }
            Backing::File(file) => {
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

/// Takes rows, and moves to a file when they become many.
pub(crate) struct Filler {
    width: usize,
    rows: u32,
    memory: Vec<f32>,
    file: Option<BufWriter<File>>,
    /// The folder that has room for the file.
    folder: PathBuf,
}

impl Filler {
    /// A store of rows of `width` numbers; if it must be a file, then in `folder`.
    pub(crate) fn new(width: usize, folder: &Path) -> Self {
        Self { width, rows: 0, memory: Vec::new(), file: None, folder: folder.to_owned() }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[f32]) -> io::Result<()> {
        debug_assert_eq!(row.len(), self.width);
        self.rows = self.rows.checked_add(1).ok_or_else(|| io::Error::other("more than 4294967295 rows"))?;
        if self.file.is_none() && self.memory.len() + row.len() > MOST_IN_MEMORY {
            let mut file = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(&self.folder)?);
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
        let backing = match self.file {
            Some(file) => {
                Backing::File(Mutex::new(file.into_inner().map_err(io::IntoInnerError::into_error)?))
            }
            None => Backing::Memory(self.memory),
        };
        Ok(Store { width: self.width, rows: self.rows, backing })
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
        let width = 1 << 20;
        let mut filler = Filler::new(width, folder.path());
        let row = |number: u32| vec![number as f32; width];
        let rows = (MOST_IN_MEMORY / width) as u32 + 3;
        for number in 0..rows {
            filler.push(&row(number)).unwrap();
        }
        let store = filler.finish().unwrap();
        assert!(store.in_file() && store.len() == rows);
        assert_eq!(store.read(&[rows - 1, 0]).unwrap(), [row(rows - 1), row(0)].concat());
        drop(store);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
