//! The file of metrics: appended to, and cut back to a checkpoint when training resumes from it.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use logit_files::{open, open_to_append};

use crate::error::RunError;
use crate::record::Record;

/// The longest line that is read: a hundred times what a record needs.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// `metrics.jsonl`, open for appending.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl MetricsLog {
    /// Opens the file and cuts it back to its first `bytes` bytes: what came after the checkpoint will come again.
    ///
    /// # Errors
    /// The file is shorter than that, or cannot be written.
    pub fn open_at(path: &Path, bytes: u64) -> Result<Self, RunError> {
        let io_error = |source| RunError::io("write", path, source);
        let (mut file, found) = open_to_append(path).map_err(io_error)?;
        if found < bytes {
            let reason = format!("it has {found} bytes, but the checkpoint was taken at {bytes}");
            return Err(RunError::Malformed { path: path.to_owned(), reason });
        }
        file.set_len(bytes).map_err(io_error)?;
        file.seek(SeekFrom::End(0)).map_err(io_error)?;
        Ok(Self { path: path.to_owned(), file, bytes })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, record: &Record) -> Result<(), RunError> {
        let malformed = |error: serde_json::Error| RunError::Malformed {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let mut line = serde_json::to_vec(record).map_err(malformed)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|source| RunError::io("write", &self.path, source))?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Bytes so far, all of them on the disk.
    ///
    /// # Errors
    /// The disk does not take them.
    pub fn sync(&mut self) -> Result<u64, RunError> {
        self.file.sync_data().map_err(|source| RunError::io("write", &self.path, source))?;
        Ok(self.bytes)
    }
}

/// Reads the records of a file. A last line that was not written to its end is left out.
///
/// # Errors
/// The file cannot be read, or a line before the last is no record.
pub fn read_records(path: &Path) -> Result<Vec<Record>, RunError> {
    let io_error = |source| RunError::io("read", path, source);
    let mut reader = BufReader::new(open(path).map_err(io_error)?.0);
    let mut records = Vec::new();
    loop {
        let mut line = Vec::new();
        let length = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(io_error)?;
        if length == 0 || line.last() != Some(&b'\n') && length < MAX_LINE_BYTES as usize {
            return Ok(records);
        }
        let record = serde_json::from_slice(&line).map_err(|error| RunError::Malformed {
            path: path.to_owned(),
            reason: format!("line {}: {error}", records.len() + 1),
        })?;
        records.push(record);
    }
}

/// Whether the last line of a file of metrics says that training came to its end. A file that is not there does not.
///
/// # Errors
/// The file cannot be read.
pub fn is_finished(path: &Path) -> Result<bool, RunError> {
    let io_error = |source| RunError::io("read", path, source);
    let (mut file, size) = match open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io_error(error)),
    };
    file.seek(SeekFrom::Start(size.saturating_sub(MAX_LINE_BYTES))).map_err(io_error)?;
    let mut end = Vec::new();
    file.take(MAX_LINE_BYTES).read_to_end(&mut end).map_err(io_error)?;
    let last = end.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(matches!(serde_json::from_slice(last), Ok(Record::End { .. })))
}

/// `metrics.jsonl`, read on as it grows.
#[derive(Debug)]
pub struct MetricsTail {
    path: PathBuf,
    read: u64,
}

impl MetricsTail {
    /// Begins at the first record.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0 }
    }

    /// The records that came since the last look; true where the file was cut back before, so that they are all from its
    /// beginning. A line that is no record is passed over; a file that is not there has none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn news(&mut self) -> Result<(bool, Vec<Record>), RunError> {
        let io_error = |source| RunError::io("read", &self.path, source);
        let (mut file, size) = match open(&self.path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((false, Vec::new())),
            Err(error) => return Err(io_error(error)),
        };
        let cut = size < self.read;
        if cut {
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read)).map_err(io_error)?;
        let (mut reader, mut records, mut line) = (BufReader::new(file), Vec::new(), Vec::new());
        loop {
            line.clear();
            let length =
                reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(io_error)?;
            if length == 0 || line.last() != Some(&b'\n') && length < MAX_LINE_BYTES as usize {
                return Ok((cut, records));
            }
            self.read += length as u64;
            records.extend(serde_json::from_slice::<Record>(&line).ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_reads_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        File::create(&path).unwrap();
        let mut tail = MetricsTail::new(&path);
        let mut log = MetricsLog::open_at(&path, 0).unwrap();
        log.append(&Record::Resume { step: 1 }).unwrap();
        assert_eq!(tail.news().unwrap(), (false, vec![Record::Resume { step: 1 }]));
        assert_eq!(tail.news().unwrap(), (false, vec![]));
        log.append(&Record::Resume { step: 2 }).unwrap();
        assert_eq!(tail.news().unwrap(), (false, vec![Record::Resume { step: 2 }]));
        MetricsLog::open_at(&path, 0).unwrap().append(&Record::Resume { step: 9 }).unwrap();
        assert_eq!(tail.news().unwrap(), (true, vec![Record::Resume { step: 9 }]));
    }

    #[test]
    fn it_is_cut_back_to_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        File::create(&path).unwrap();
        let mut log = MetricsLog::open_at(&path, 0).unwrap();
        log.append(&Record::Resume { step: 1 }).unwrap();
        let kept = log.sync().unwrap();
        log.append(&Record::Resume { step: 2 }).unwrap();
        let mut log = MetricsLog::open_at(&path, kept).unwrap();
        log.append(&Record::Resume { step: 3 }).unwrap();
        assert_eq!(read_records(&path).unwrap(), [Record::Resume { step: 1 }, Record::Resume { step: 3 }]);
        assert!(MetricsLog::open_at(&path, 10_000).unwrap_err().to_string().contains("10000"));
    }

    #[test]
    fn the_end_is_found_in_the_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        assert!(!is_finished(&path).unwrap());
        File::create(&path).unwrap();
        assert!(!is_finished(&path).unwrap());
        let mut log = MetricsLog::open_at(&path, 0).unwrap();
        for step in 0..4000 {
            log.append(&Record::Resume { step }).unwrap();
        }
        assert!(!is_finished(&path).unwrap());
        let (reason, test) = ("epochs".to_owned(), crate::Scores::default());
        log.append(&Record::End { step: 1, reason, best_epoch: 1, test }).unwrap();
        assert!(is_finished(&path).unwrap());
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_bad_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, "{\"event\":\"resume\",\"step\":1}\n{\"event\":\"re").unwrap();
        assert_eq!(read_records(&path).unwrap().len(), 1);
        std::fs::write(&path, "{\"event\":\"resume\",\"step\":1}\nnonsense\n").unwrap();
        assert!(read_records(&path).unwrap_err().to_string().contains("line 2"));
    }
}
