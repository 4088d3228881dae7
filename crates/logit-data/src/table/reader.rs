//! Rows of a table's file, one after the other, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::{ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;

use super::columnar::{Look, ParquetRows};
use super::error::TableError;
use crate::text::shortened;

/// Bytes of one row at most: a file without line ends is no table.
const MOST_ROW_BYTES: usize = 16 << 20;

/// Columns at most.
const MOST_COLUMNS: usize = 20_000;

/// Bytes of a header of an ARFF file at most.
const MOST_HEADER_BYTES: u64 = 4 << 20;

/// Bytes of the name of a column at most.
const MOST_NAME_BYTES: usize = 2_000;

/// Reads a table row by row.
pub struct Reader {
    path: PathBuf,
    header: Vec<String>,
    rows: RowSource,
    /// Rows read so far.
    row: u64,
}

/// Where rows come from.
enum RowSource {
    Csv { reader: Box<csv::Reader<Bounded>>, since_row: Arc<AtomicUsize> },
    Parquet(Box<ParquetRows>),
}

impl Reader {
    /// Opens a file by the ending of its name.
    ///
    /// # Errors
    /// The file cannot be read, is of another format, or the names of its columns cannot be told apart.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let io_error = |source| TableError::Read { path: path.to_owned(), source };
        let (file, length) = logit_files::open(path).map_err(io_error)?;
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let (plain, zipped) = match name.strip_suffix(".gz") {
            Some(plain) => (plain, true),
            None => (name.as_str(), false),
        };
        let bytes = || -> Result<Box<dyn Read + Send>, TableError> {
            let file = file.try_clone().map_err(io_error)?;
            Ok(if zipped { Box::new(MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(file) })
        };
        let (header, rows) = match plain.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv") => csv_rows(path, bytes()?, b',', None)?,
            Some("tsv") => csv_rows(path, bytes()?, b'\t', None)?,
            Some("arff") => {
                let mut bytes = BufReader::new(bytes()?);
                let names = arff_header(path, &mut bytes)?;
                csv_rows(path, Box::new(bytes), b',', Some(names))?
            }
            Some("parquet") if !zipped => {
                let rows = ParquetRows::open(file, length, MOST_ROW_BYTES).map_err(io_error)?;
                let rows = rows.map_err(|reason| TableError::Header { path: path.to_owned(), reason })?;
                (rows.names(), RowSource::Parquet(Box::new(rows)))
            }
            _ => return Err(TableError::Format { path: path.to_owned() }),
        };
        check_header(path, &header)?;
        Ok(Self { path: path.to_owned(), header, rows, row: 0 })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a column.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn column(&self, name: &str) -> Result<usize, TableError> {
        self.header.iter().position(|column| column == name).ok_or_else(|| TableError::NoColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            columns: self.header.clone(),
        })
    }

    /// Says which columns are looked into, where a file lets others be left out: their cells are blank.
    pub(super) fn look(&mut self, look: impl Fn(usize) -> Look) {
        if let RowSource::Parquet(rows) = &mut self.rows {
            (0..self.header.len()).for_each(|column| rows.look(column, look(column)));
        }
    }

    /// Has a column looked into, whatever else is.
    pub(crate) fn look_into(&mut self, column: usize) {
        if let RowSource::Parquet(rows) = &mut self.rows {
            rows.look(column, Look::Into);
        }
    }

    /// Reads the next row, and gives its number, from 1; `None` at the end.
    ///
    /// # Errors
    /// The row cannot be read.
    pub fn next(&mut self, record: &mut StringRecord) -> Result<Option<u64>, TableError> {
        self.row += 1;
        let row = self.row;
        let row_error = |reason: String| TableError::Row { path: self.path.clone(), row, reason };
        match &mut self.rows {
            RowSource::Csv { reader, since_row } => {
                since_row.store(0, Ordering::Relaxed);
                if !reader.read_record(record).map_err(|error| row_error(reason_of(&error)))? {
                    return Ok(None);
                }
                record.trim();
            }
            RowSource::Parquet(rows) => {
                if !rows.next(record).map_err(row_error)? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(row))
    }

    /// An error about the row that was read last.
    pub fn at_row(&self, reason: String) -> TableError {
        TableError::Row { path: self.path.clone(), row: self.row, reason }
    }
}

fn reason_of(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

fn csv_rows(
    path: &Path,
    bytes: Box<dyn Read + Send>,
    delimiter: u8,
    names: Option<Vec<String>>,
) -> Result<(Vec<String>, RowSource), TableError> {
    let since_row = Arc::new(AtomicUsize::new(0));
    let bounded = Bounded { inner: bytes, since_row: Arc::clone(&since_row) };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(names.is_none())
        .buffer_capacity(1 << 18)
        .flexible(names.is_some())
        .comment(names.is_some().then_some(b'%'))
        .quote(if names.is_some() { b'\'' } else { b'"' })
        .from_reader(bounded);
    let header = if let Some(names) = names {
        names
    } else {
        let header = reader.headers().map_err(|error| TableError::Header {
            path: path.to_owned(),
            reason: format!("the header cannot be read: {}", reason_of(&error)),
        })?;
        refuse_many(path, header.len())?;
        // Some programs mark UTF-8 with three bytes in front.
        header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect()
    };
    Ok((header, RowSource::Csv { reader: Box::new(reader), since_row }))
}

/// The names of the attributes, up to the line `@data`.
fn arff_header(path: &Path, bytes: &mut impl BufRead) -> Result<Vec<String>, TableError> {
    let header_error = |reason: &str| TableError::Header { path: path.to_owned(), reason: reason.to_owned() };
    let mut names = Vec::new();
    let mut bytes = bytes.take(MOST_HEADER_BYTES);
    loop {
        let mut line = String::new();
        let read = bytes
            .read_line(&mut line)
            .map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        if read == 0 {
            return Err(header_error("it has no line `@data`"));
        }
        let line = line.trim();
        let lower = line.to_ascii_lowercase();
        if lower.starts_with("@data") {
            return Ok(names);
        }
        if lower.starts_with("@attribute") {
            let rest = line["@attribute".len()..].trim_start();
            let name = match rest.chars().next() {
                Some(quote @ ('\'' | '"')) => rest[1..].split(quote).next(),
                _ => rest.split_whitespace().next(),
            };
            names.push(name.ok_or_else(|| header_error("an `@attribute` has no name"))?.to_owned());
        }
    }
}

fn check_header(path: &Path, header: &[String]) -> Result<(), TableError> {
    let refused = |reason: String| Err(TableError::Header { path: path.to_owned(), reason });
    if header.is_empty() {
        return refused("it has no columns".to_owned());
    }
    refuse_many(path, header.len())?;
    if let Some(name) = header.iter().find(|name| name.len() > MOST_NAME_BYTES) {
        let (bytes, name) = (name.len(), shortened(name));
        return refused(format!(
            "the name of a column has {bytes} bytes, and at most {MOST_NAME_BYTES} are read: `{name}`"
        ));
    }
    let mut sorted: Vec<&String> = header.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            refused(format!("two columns are named `{}`; give them names of their own", shortened(pair[0])))
        }
        None => Ok(()),
    }
}

fn refuse_many(path: &Path, columns: usize) -> Result<(), TableError> {
    if columns <= MOST_COLUMNS {
        return Ok(());
    }
    let reason = format!("it has {columns} columns; at most {MOST_COLUMNS} are read");
    Err(TableError::Header { path: path.to_owned(), reason })
}

/// Refuses to read on when a row never ends.
struct Bounded {
    inner: Box<dyn Read + Send>,
    since_row: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let before = self.since_row.fetch_add(read, Ordering::Relaxed);
        if before > MOST_ROW_BYTES {
            return Err(io::Error::other(format!(
                "it has more than {MOST_ROW_BYTES} bytes; is a quote never closed?"
            )));
        }
        Ok(read)
    }
}

/// Whether a field says that there is no value.
pub(crate) fn is_blank(field: &str) -> bool {
    matches!(field, "" | "?" | "NA" | "N/A" | "NaN" | "nan" | "null" | "NULL" | "None")
}
