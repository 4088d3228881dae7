//! The file of metrics: appended to, and cut back to a checkpoint when training resumes from it.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use logit_files::{Replacement, open, open_to_append};

use crate::error::RunError;
use crate::finding::{Found, metrics_lost};
use crate::record::Record;

/// The longest line that is read: a hundred times what a record needs.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// `metrics.jsonl`, open for appending.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The CRC-32C of all of them.
    sum: u32,
}

/// How much of a file of metrics there was at a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsMark {
    /// Bytes.
    pub bytes: u64,
    /// Their CRC-32C; absent in checkpoints of before it was kept.
    pub sum: Option<u32>,
}

impl MetricsLog {
    /// Opens the file as it was at a checkpoint, and says what of it is lost. What came after will come again. Where it is not
    /// what was written up to there, the lines that are records are kept, and the others are left out: no number of the
    /// training depends on it.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn resume(path: &Path, mark: MetricsMark) -> Result<(Self, Option<Found>), RunError> {
        drop(open_to_append(path).map_err(|source| RunError::io("write", path, source))?);
        let seen = Seen::of(path, mark.bytes)?;
        let lost = seen.fault(mark).map(|reason| metrics_lost(path, &reason));
        let kept = if seen.not_a_record.is_none() {
            seen
        } else {
            keep_records(path, mark.bytes)?;
            Seen::of(path, mark.bytes)?
        };
        Ok((Self { sum: kept.sum, ..Self::open_at(path, kept.bytes)? }, lost))
    }

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
        Ok(Self { path: path.to_owned(), file, bytes, sum: 0 })
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
        self.sum = crc32c::crc32c_append(self.sum, &line);
        Ok(())
    }

    /// How much there is so far, all of it on the disk.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn sync(&mut self) -> Result<MetricsMark, RunError> {
        self.file.sync_data().map_err(|source| RunError::io("write", &self.path, source))?;
        Ok(MetricsMark { bytes: self.bytes, sum: Some(self.sum) })
    }
}

/// What stands in the first bytes of a file of metrics.
struct Seen {
    bytes: u64,
    sum: u32,
    /// The first line that is no record, from 1.
    not_a_record: Option<u64>,
}

impl Seen {
    fn of(path: &Path, most: u64) -> Result<Self, RunError> {
        let mut seen = Self { bytes: 0, sum: 0, not_a_record: None };
        each_line(path, most, |number, line| {
            seen.bytes += line.len() as u64;
            seen.sum = crc32c::crc32c_append(seen.sum, line);
            if !is_record(line) {
                seen.not_a_record.get_or_insert(number);
            }
            Ok(())
        })?;
        Ok(seen)
    }

    /// What is not as it was at a checkpoint.
    fn fault(&self, MetricsMark { bytes, sum }: MetricsMark) -> Option<String> {
        if self.bytes < bytes {
            Some(format!("it has {} bytes, but the checkpoint was taken at {bytes}", self.bytes))
        } else if let Some(line) = self.not_a_record {
            Some(format!("line {line} is no record"))
        } else {
            let is_other = sum.is_some_and(|sum| sum != self.sum);
            is_other.then(|| "a line of it is not what was written, or it is of another run".to_owned())
        }
    }
}

/// Replaces a file of metrics by those of its first bytes that are lines of records.
fn keep_records(path: &Path, most: u64) -> Result<(), RunError> {
    let io_error = |source| RunError::io("write", path, source);
    let mut kept = BufWriter::new(Replacement::within(path).map_err(io_error)?);
    each_line(
        path,
        most,
        |_, line| {
            if is_record(line) { kept.write_all(line).map_err(io_error) } else { Ok(()) }
        },
    )?;
    let kept = kept.into_inner().map_err(|error| io_error(error.into_error()))?;
    kept.finish().map_err(io_error)
}

/// Whether a line is a record, written to its end.
fn is_record(line: &[u8]) -> bool {
    line.last() == Some(&b'\n') && serde_json::from_slice::<Record>(line).is_ok()
}

/// Goes through the lines of the first bytes of a file, which it numbers from 1. One that is too long comes in parts.
fn each_line(
    path: &Path,
    most: u64,
    mut then: impl FnMut(u64, &[u8]) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let io_error = |source| RunError::io("read", path, source);
    let mut reader = BufReader::new(open(path).map_err(io_error)?.0.take(most));
    let (mut number, mut line) = (1, Vec::new());
    loop {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(io_error)?;
        if length == 0 {
            return Ok(());
        }
        then(number, &line)?;
        number += u64::from(line.last() == Some(&b'\n'));
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
        let (mut log, lost) = MetricsLog::resume(&path, kept).unwrap();
        assert_eq!(lost, None);
        log.append(&Record::Resume { step: 3 }).unwrap();
        assert_eq!(read_records(&path).unwrap(), [Record::Resume { step: 1 }, Record::Resume { step: 3 }]);
        assert!(MetricsLog::open_at(&path, 10_000).unwrap_err().to_string().contains("10000"));
        let mark = log.sync().unwrap();
        assert_eq!(MetricsLog::resume(&path, mark).unwrap().1, None);
    }

    #[test]
    fn what_is_not_what_was_written_is_told_and_what_can_be_read_is_kept() {
        let line = |step: u64| format!("{{\"event\":\"resume\",\"step\":{step}}}\n");
        let whole = [1, 2, 3].map(line).concat();
        let mark = MetricsMark { bytes: whole.len() as u64, sum: Some(crc32c::crc32c(whole.as_bytes())) };
        let zeros = [line(1), "\0".repeat(line(2).len()), line(3)].concat();
        let cases = [
            (Some(zeros), "line 2 is no record", vec![1]),
            (
                Some([line(1), "{}\n".to_owned(), line(3), line(4)].concat()),
                "line 2 is no record",
                vec![1, 3],
            ),
            (Some([1, 5, 3].map(line).concat()), "not what was written", vec![1, 5, 3]),
            (Some(whole[..whole.len() - 4].to_owned()), "bytes", vec![1, 2]),
            (None, "it has 0 bytes", vec![]),
        ];
        for (content, told, steps) in cases {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("metrics.jsonl");
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let (mut log, lost) = MetricsLog::resume(&path, mark).unwrap();
            let lost = lost.unwrap().finding.message;
            assert!(lost.contains(told), "{lost}");
            let steps: Vec<Record> = steps.into_iter().map(|step| Record::Resume { step }).collect();
            assert_eq!(read_records(&path).unwrap(), steps, "{told}");
            let mark = log.sync().unwrap();
            assert_eq!(MetricsLog::resume(&path, mark).unwrap().1, None);
        }
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
