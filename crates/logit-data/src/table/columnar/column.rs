//! The cells of a column in a group of rows, one after the other.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parquet::basic::Type;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
    Int96Type,
};
use parquet::file::metadata::RowGroupMetaData;

use super::cell::{Cell, Form};
use super::pages::{Given, Open, Pages, reason_of};

/// Bytes that values read at a time may be unpacked to.
const MOST_UNPACKED: u64 = 4 << 20;

/// The cells of a column in a group of rows.
pub(super) fn cells(
    file: &Arc<File>,
    bytes: u64,
    group: &RowGroupMetaData,
    leaf: Option<usize>,
    open: &Open,
    at_a_time: usize,
) -> Result<Box<dyn Cells>, String> {
    let leaf = leaf.ok_or("lists, maps or columns of its own in its cells, no plain values")?;
    let chunk = group.column(leaf);
    let form = Form::of(chunk.column_descr())?;
    let (pages, given) = Pages::new(file, bytes, chunk, open)?;
    let column = chunk.column_descr_ptr();
    let reading = Reading { given, form, at_a_time, blanks: column.max_def_level() > 0 };
    macro_rules! typed {
        ($type:ty, $bytes:expr) => {
            Box::new(Typed::<$type> {
                reader: ColumnReaderImpl::new(column, Box::new(pages)),
                reading,
                in_page: 0,
                values: Vec::new().into_iter(),
                filled: Vec::new(),
                next: 0,
                write: $bytes,
            })
        };
    }
    Ok(match column.physical_type() {
        Type::BOOLEAN => typed!(BoolType, |value, form, to| value.write(form, to)),
        Type::INT32 => typed!(Int32Type, |value, form, to| value.write(form, to)),
        Type::INT64 => typed!(Int64Type, |value, form, to| value.write(form, to)),
        Type::INT96 => typed!(Int96Type, |value, form, to| value.write(form, to)),
        Type::FLOAT => typed!(FloatType, |value, form, to| value.write(form, to)),
        Type::DOUBLE => typed!(DoubleType, |value, form, to| value.write(form, to)),
        Type::BYTE_ARRAY => typed!(ByteArrayType, |value, form, to| value.data().write(form, to)),
        Type::FIXED_LEN_BYTE_ARRAY => {
            typed!(FixedLenByteArrayType, |value, form, to| value.data().write(form, to))
        }
    })
}

/// The cells of a column, one after the other.
pub(super) trait Cells: Send {
    /// Writes the next cell, nothing if it is blank; refuses one of more than `most` bytes.
    fn next(&mut self, to: &mut String, most: usize) -> Result<(), String>;
}

/// How a column is read.
struct Reading {
    given: Arc<Given>,
    form: Form,
    at_a_time: usize,
    /// Whether cells may be blank.
    blanks: bool,
}

struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    reading: Reading,
    /// Values that are left of the page.
    in_page: u64,
    /// The values that were read, and of each cell whether it has one.
    values: std::vec::IntoIter<T::T>,
    filled: Vec<i16>,
    next: usize,
    write: fn(&T::T, Form, &mut String) -> bool,
}

impl<T: DataType> Typed<T> {
    /// Reads some cells: never of more than one page, so that no page is kept for the sake of a value.
    fn fill(&mut self) -> Result<(), String> {
        let Reading { given, at_a_time, blanks, .. } = &self.reading;
        let largest = given.largest.load(Ordering::Relaxed);
        let small = MOST_UNPACKED.checked_div(largest).unwrap_or(u64::MAX).max(1);
        let count = self.in_page.clamp(1, *at_a_time as u64).min(small) as usize;
        let is_new = self.in_page == 0;
        self.filled.clear();
        self.next = 0;
        let mut values = std::mem::take(&mut self.values).collect::<Vec<_>>();
        values.clear();
        let levels = blanks.then_some(&mut self.filled);
        let read = self.reader.read_records(count, levels, None, &mut values);
        let (records, ..) = read.map_err(|error| reason_of(&error))?;
        if records == 0 {
            return Err("fewer cells than there are rows".to_owned());
        }
        if is_new {
            self.in_page = given.values.load(Ordering::Relaxed);
        }
        self.in_page = self.in_page.saturating_sub(records as u64);
        if !blanks {
            self.filled.resize(records, 1);
        }
        self.values = values.into_iter();
        Ok(())
    }
}

impl<T: DataType> Cells for Typed<T> {
    fn next(&mut self, to: &mut String, most: usize) -> Result<(), String> {
        if self.next == self.filled.len() {
            self.fill()?;
        }
        let level = self.filled[self.next];
        self.next += 1;
        if level == 0 {
            return Ok(());
        }
        let value = self.values.next().ok_or("fewer values than cells")?;
        if !(self.write)(&value, self.reading.form, to) {
            return Err("bytes that are no text".to_owned());
        }
        if to.len() > most {
            return Err(format!("a cell of {} bytes in a row of more than can be read", to.len()));
        }
        Ok(())
    }
}
