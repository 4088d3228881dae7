//! Parquet, row by row, in bounded memory.
//!
//! Only what has to be read is: a column that is left out is never looked into. Values are written as text here, so that any
//! value of any type is a cell; a column of columns is none.
//!
//! Nothing is made room for because a file claims it. Checked before anything is unpacked:
//!
//! | what | at most |
//! |---|---|
//! | the footer | 32 MiB; 100,000 columns, 32 deep; 500,000 chunks |
//! | a page, packed or unpacked | 64 MiB, and no more values in a dictionary than it has bytes for |
//! | all pages, dictionaries and unpackers that are open at a time | 2 GiB |
//! | a row | as many bytes as a row of CSV |
//!
//! Floors, from the ground up: `thrift`, `footer`, `header`, `pages`, `cell`, `column`, and the rows here.

mod cell;
mod column;
mod footer;
mod header;
mod pages;
mod thrift;

use std::fs::File;
use std::io;
use std::sync::Arc;

use csv::StringRecord;
use parquet::basic::Repetition;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use self::column::{Cells, cells};
use self::pages::{Open, reason_of};
use crate::guard::caught;
use crate::text::shortened;

/// Values of a column that are read at a time at most, and of all columns together.
const MOST_AT_A_TIME: usize = 1_024;
const MOST_OF_ALL: usize = 2 << 20;

/// Whether a column is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has to be.
    Into,
    /// Where it can be read: it is blank otherwise.
    IfReadable,
    /// It is not: all of its cells are blank.
    Past,
}

/// The rows of a file.
pub(super) struct ParquetRows {
    file: Arc<File>,
    bytes: u64,
    metadata: ParquetMetaData,
    columns: Vec<Column>,
    /// Bytes of a row at most.
    most_row_bytes: usize,
    /// The group that is read, the rows that are left of it, and its columns.
    group: usize,
    left: u64,
    cells: Vec<Option<Box<dyn Cells>>>,
    open: Open,
    text: String,
}

/// A column of the table.
struct Column {
    name: String,
    /// Its place among the columns that hold values; none of a column of columns.
    leaf: Option<usize>,
    look: Look,
}

impl ParquetRows {
    /// Of an open file of so many bytes.
    ///
    /// # Errors
    /// It cannot be read. Within: it is no Parquet file, or claims too much.
    pub(super) fn open(
        mut file: File,
        bytes: u64,
        most_row_bytes: usize,
    ) -> io::Result<Result<Self, String>> {
        if let Err(reason) = footer::check(&mut file, bytes)? {
            return Ok(Err(reason));
        }
        let parsed = caught(|| ParquetMetaDataReader::new().parse_and_finish(&file));
        Ok(parsed.and_then(|parsed| parsed.map_err(|error| reason_of(&error))).and_then(|metadata| {
            let columns = caught(|| columns(&metadata))?;
            Ok(Self {
                file: Arc::new(file),
                bytes,
                columns,
                metadata,
                most_row_bytes,
                group: 0,
                left: 0,
                cells: Vec::new(),
                open: Open::default(),
                text: String::new(),
            })
        }))
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Whether a column is looked into, from the next group of rows on.
    pub(super) fn look(&mut self, column: usize, look: Look) {
        if let Some(column) = self.columns.get_mut(column) {
            column.look = look;
        }
    }

    /// Reads the next row; false at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Result<bool, String> {
        caught(|| self.read(record))?
    }

    fn read(&mut self, record: &mut StringRecord) -> Result<bool, String> {
        record.clear();
        while self.left == 0 {
            if self.group == self.metadata.num_row_groups() {
                return Ok(false);
            }
            self.next_group()?;
        }
        self.left -= 1;
        let mut bytes = 0;
        for (column, cells) in self.columns.iter().zip(&mut self.cells) {
            self.text.clear();
            if let Some(open) = cells {
                match open.next(&mut self.text, self.most_row_bytes - bytes) {
                    Ok(()) => {}
                    Err(_) if column.look == Look::IfReadable => {
                        self.text.clear();
                        *cells = None;
                    }
                    Err(reason) => return Err(of_column(&column.name, &reason)),
                }
            }
            let text = self.text.trim();
            bytes += text.len();
            record.push_field(text);
        }
        Ok(true)
    }

    fn next_group(&mut self) -> Result<(), String> {
        // The pages of the last group are closed before those of the next are opened.
        self.cells.clear();
        let group = self.metadata.row_group(self.group);
        self.group += 1;
        self.left =
            u64::try_from(group.num_rows()).map_err(|_| "a group of rows has fewer than none".to_owned())?;
        let looked_into = self.columns.iter().filter(|column| column.look != Look::Past).count();
        let at_a_time = (MOST_OF_ALL / looked_into.max(1)).clamp(16, MOST_AT_A_TIME);
        for column in &self.columns {
            let cells = || cells(&self.file, self.bytes, group, column.leaf, &self.open, at_a_time);
            let cells = match column.look {
                Look::Past => None,
                Look::IfReadable => cells().ok(),
                Look::Into => Some(cells().map_err(|reason| of_column(&column.name, &reason))?),
            };
            self.cells.push(cells);
        }
        Ok(())
    }
}

/// An error of a column, with the way out.
fn of_column(name: &str, reason: &str) -> String {
    let name = shortened(name);
    format!("column `{name}` has {reason}; if the column is not to be read, `--drop {name}`")
}

fn columns(metadata: &ParquetMetaData) -> Vec<Column> {
    let schema = metadata.file_metadata().schema_descr();
    let mut leaves = vec![None; schema.root_schema().get_fields().len()];
    for leaf in 0..schema.num_columns() {
        leaves[schema.get_column_root_idx(leaf)] = Some(leaf);
    }
    let fields = schema.root_schema().get_fields().iter().zip(leaves);
    fields
        .map(|(field, leaf)| {
            let is_plain =
                field.is_primitive() && field.get_basic_info().repetition() != Repetition::REPEATED;
            Column { name: field.name().to_owned(), leaf: leaf.filter(|_| is_plain), look: Look::Into }
        })
        .collect()
}

#[cfg(test)]
mod tests;
