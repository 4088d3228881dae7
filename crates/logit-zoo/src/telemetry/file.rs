//! `telemetry.bin`: the recorded steps of a run, appended one by one.
//!
//! After eight bytes of magic, a frame is its length (4 bytes), the CRC-32C of its content (4 bytes) and its step (8 bytes),
//! all little-endian, and its content as `MessagePack`. A frame that was not written to its end is not there: the file can
//! be read while it is written, and after a kill. Steps and places of all frames are found without reading a content.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::Frame;
use crate::run::RunError;

const MAGIC: &[u8; 8] = b"LOGITTM1";

/// Bytes before a frame's content.
const HEADER: usize = 16;

/// The longest content that is written or read.
const MAX_FRAME_BYTES: u32 = 16 << 20;

/// `telemetry.bin`, open for appending.
#[derive(Debug)]
pub struct TelemetryLog {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl TelemetryLog {
    /// Opens the file, or makes it, and cuts it back to its first `bytes` bytes: what came after the checkpoint will come
    /// again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn open_at(path: &Path, bytes: u64) -> Result<Self, RunError> {
        let told = |source| RunError::io("write", path, source);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(told)?;
        let found = file.metadata().map_err(told)?.len();
        let kept = bytes.min(found);
        file.set_len(kept).map_err(told)?;
        file.seek(SeekFrom::End(0)).map_err(told)?;
        let mut log = Self { path: path.to_owned(), file, bytes: kept };
        if kept < MAGIC.len() as u64 {
            log.file.set_len(0).and_then(|()| log.file.rewind()).map_err(told)?;
            log.file.write_all(MAGIC).map_err(told)?;
            log.bytes = MAGIC.len() as u64;
        }
        Ok(log)
    }

    /// Appends a frame; one that is too long is left out.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, frame: &Frame) -> Result<(), RunError> {
        let told = |error: rmp_serde::encode::Error| RunError::Malformed {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let content = rmp_serde::to_vec(frame).map_err(told)?;
        let Some(length) = u32::try_from(content.len()).ok().filter(|length| *length <= MAX_FRAME_BYTES)
        else {
            return Ok(());
        };
        let mut whole = Vec::with_capacity(HEADER + content.len());
        whole.extend(length.to_le_bytes());
        whole.extend(crc32c::crc32c(&content).to_le_bytes());
        whole.extend(frame.step.to_le_bytes());
        whole.extend(content);
        self.file.write_all(&whole).map_err(|source| RunError::io("write", &self.path, source))?;
        self.bytes += whole.len() as u64;
        Ok(())
    }

    /// Bytes so far. They are the system's to put on the disk: what a loss of power takes is recorded frames, which no number
    /// of the training hangs on.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// `telemetry.bin`, open for reading, also while it is written.
#[derive(Debug)]
pub struct Telemetry {
    path: PathBuf,
    file: File,
    index: Vec<Place>,
    /// Bytes whose frames are in the index.
    scanned: u64,
}

/// Where a frame is.
#[derive(Clone, Copy, Debug)]
struct Place {
    step: u64,
    content: u64,
    length: u32,
    crc: u32,
}

impl Telemetry {
    /// Opens a file and finds its frames.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let told = |source| RunError::io("read", path, source);
        let mut file = File::open(path).map_err(told)?;
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || magic != *MAGIC {
            let reason = "it does not begin as telemetry does".to_owned();
            return Err(RunError::Malformed { path: path.to_owned(), reason });
        }
        let scanned = MAGIC.len() as u64;
        let mut telemetry = Self { path: path.to_owned(), file, index: Vec::new(), scanned };
        telemetry.refresh()?;
        Ok(telemetry)
    }

    /// Opens a file once there is one: one that was just made may be without its first bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn begun(path: &Path) -> Result<Option<Self>, RunError> {
        let begun = std::fs::metadata(path).is_ok_and(|file| file.len() >= MAGIC.len() as u64);
        if begun { Self::open(path).map(Some) } else { Ok(None) }
    }

    /// Finds the frames that were written since; whether any were, or some are there no more.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn refresh(&mut self) -> Result<bool, RunError> {
        let size = self.file.metadata().map_err(|source| RunError::io("read", &self.path, source))?.len();
        let before = (self.index.len(), self.scanned);
        if size < self.scanned {
            // Training went on from a checkpoint: what came after it was cut off.
            self.index.clear();
            self.scanned = MAGIC.len() as u64;
        }
        self.scan(size).map_err(|source| RunError::io("read", &self.path, source))?;
        Ok(before != (self.index.len(), self.scanned))
    }

    fn scan(&mut self, size: u64) -> std::io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        reader.seek(SeekFrom::Start(self.scanned))?;
        while self.scanned + HEADER as u64 <= size {
            let mut header = [0; HEADER];
            reader.read_exact(&mut header)?;
            let number =
                |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (length, crc) = (number(0), number(4));
            let step = u64::from(number(8)) | u64::from(number(12)) << 32;
            let content = self.scanned + HEADER as u64;
            if length > MAX_FRAME_BYTES || content + u64::from(length) > size {
                break;
            }
            reader.seek_relative(i64::from(length))?;
            self.index.push(Place { step, content, length, crc });
            self.scanned = content + u64::from(length);
        }
        Ok(())
    }

    /// The steps of all frames, in the order in which they were written.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> {
        self.index.iter().map(|place| place.step)
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no frame yet.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The number of the last frame at or before a step.
    pub fn at(&self, step: u64) -> Option<usize> {
        self.index.partition_point(|place| place.step <= step).checked_sub(1)
    }

    /// A frame by its number.
    ///
    /// # Errors
    /// There is none, it cannot be read, or is damaged.
    pub fn frame(&self, number: usize) -> Result<Frame, RunError> {
        let malformed = |reason: String| RunError::Malformed { path: self.path.clone(), reason };
        let place = self.index.get(number).ok_or_else(|| malformed(format!("it has no frame {number}")))?;
        let mut content = vec![0; place.length as usize];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place.content))
            .and_then(|_| file.read_exact(&mut content))
            .map_err(|source| RunError::io("read", &self.path, source))?;
        if crc32c::crc32c(&content) != place.crc {
            return Err(malformed(format!("the frame of step {} is damaged", place.step)));
        }
        rmp_serde::from_slice(&content).map_err(|error| malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(step: u64) -> Frame {
        Frame { step, epoch: 1, loss: 0.5 / step as f64, ..Frame::default() }
    }

    fn written(path: &Path, steps: std::ops::Range<u64>) -> u64 {
        let mut log = TelemetryLog::open_at(path, 0).unwrap();
        for step in steps {
            log.append(&frame(step)).unwrap();
        }
        log.bytes()
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        written(&path, 1..6);
        let telemetry = Telemetry::open(&path).unwrap();
        assert_eq!(telemetry.steps().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(telemetry.frame(3).unwrap(), frame(4));
        assert_eq!((telemetry.at(0), telemetry.at(1), telemetry.at(9)), (None, Some(0), Some(4)));
        assert!(telemetry.frame(5).unwrap_err().to_string().contains("no frame 5"));
    }

    #[test]
    fn it_grows_and_is_cut_back_while_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        let kept = written(&path, 1..3);
        let mut telemetry = Telemetry::open(&path).unwrap();
        let mut log = TelemetryLog::open_at(&path, kept).unwrap();
        log.append(&frame(3)).unwrap();
        log.append(&frame(4)).unwrap();
        assert!(telemetry.refresh().unwrap());
        assert!(!telemetry.refresh().unwrap());
        assert_eq!(telemetry.len(), 4);
        let mut log = TelemetryLog::open_at(&path, kept).unwrap();
        assert!(telemetry.refresh().unwrap());
        log.append(&frame(7)).unwrap();
        telemetry.refresh().unwrap();
        assert_eq!(telemetry.steps().collect::<Vec<_>>(), [1, 2, 7]);
    }

    #[test]
    fn a_file_cut_anywhere_has_the_frames_that_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        written(&path, 1..4);
        let whole = std::fs::read(&path).unwrap();
        let mut lengths = Vec::new();
        for cut in MAGIC.len()..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let telemetry = Telemetry::open(&path).unwrap();
            for number in 0..telemetry.len() {
                assert_eq!(telemetry.frame(number).unwrap().step, number as u64 + 1);
            }
            lengths.push(telemetry.len());
        }
        assert!(lengths.is_sorted());
        assert_eq!((lengths[0], lengths.last()), (0, Some(&3)));
        std::fs::write(&path, &whole[..3]).unwrap();
        assert!(Telemetry::open(&path).is_err());
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        written(&path, 1..3);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[MAGIC.len() + HEADER + 2] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let telemetry = Telemetry::open(&path).unwrap();
        assert!(telemetry.frame(0).unwrap_err().to_string().contains("step 1 is damaged"));
        assert_eq!(telemetry.frame(1).unwrap(), frame(2));
    }
}
