//! `telemetry.bin`: the recorded steps of a run, appended one by one.
//!
//! `docs/recording-format.md` describes the file for writers in other languages. In short: after twelve bytes that name the
//! format and its version, a frame is its length (4 bytes), the CRC-32C of its content (4 bytes) and its step (8 bytes), all
//! little-endian, and its content, a `MessagePack` map of a [`Frame`]'s fields by their names. A frame that was not written
//! to its end is not there: the file can be read while it is written, and after a kill. Steps and places of all frames are
//! found without reading a content.
//!
//! **Versions.** A minor version may add fields: a reader passes over those that it does not know, and takes the default of
//! those that are absent. Another major version is an error. Files of version 1 begin with eight bytes alone and hold the
//! fields as arrays, by their order; they are read, and a run that has one goes on writing it so.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::Frame;
use crate::bounded::open;
use crate::error::RunError;

/// The first bytes of a file: these, its major and its minor version, 2 bytes each.
const MAGIC: &[u8; 8] = b"LOGITREC";

/// The version that is written.
const VERSION: [u16; 2] = [2, 0];

/// The first bytes of a file of version 1.
const MAGIC_1: &[u8; 8] = b"LOGITTM1";

/// Bytes before a frame's content.
const FRAME_HEADER: usize = 16;

/// The longest content that is written or read.
const MAX_FRAME_BYTES: u32 = 16 << 20;

/// The most frames that are found.
const MAX_FRAMES: usize = 1 << 23;

/// What is wrong with a file of something else.
const NO_TELEMETRY: &str = "it does not begin as telemetry does";

/// How a file holds the fields of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Version 1: by their order.
    Ordered,
    /// By their names.
    Named,
}

impl Format {
    /// Bytes before the first frame.
    fn header_bytes(self) -> u64 {
        match self {
            Self::Ordered => MAGIC_1.len() as u64,
            Self::Named => Self::header().len() as u64,
        }
    }

    /// The first bytes of a new file.
    fn header() -> [u8; 12] {
        let mut header = [0; 12];
        header[..8].copy_from_slice(MAGIC);
        header[8..10].copy_from_slice(&VERSION[0].to_le_bytes());
        header[10..].copy_from_slice(&VERSION[1].to_le_bytes());
        header
    }

    /// Reads the first bytes of a file: none where there are too few to tell.
    fn read(file: &mut File, path: &Path) -> Result<Option<Self>, RunError> {
        let mut header = Vec::new();
        file.take(Self::Named.header_bytes())
            .read_to_end(&mut header)
            .map_err(|source| RunError::io("read", path, source))?;
        if header.starts_with(MAGIC_1) {
            return Ok(Some(Self::Ordered));
        }
        let known = header.len().min(MAGIC.len());
        if header[..known] != MAGIC[..known] {
            return Err(RunError::Malformed { path: path.to_owned(), reason: NO_TELEMETRY.to_owned() });
        }
        let [_, _, _, _, _, _, _, _, a, b, c, d] = header[..] else { return Ok(None) };
        let [major, minor] = [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])];
        if major == VERSION[0] {
            return Ok(Some(Self::Named));
        }
        let (found, newest) = (format!("{major}.{minor}"), format!("{}.x", VERSION[0]));
        Err(RunError::Version { path: path.to_owned(), found, newest })
    }

    fn encode(self, frame: &Frame) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        match self {
            Self::Ordered => rmp_serde::to_vec(frame),
            Self::Named => rmp_serde::to_vec_named(frame),
        }
    }
}

/// `telemetry.bin`, open for appending.
#[derive(Debug)]
pub struct TelemetryLog {
    path: PathBuf,
    file: File,
    format: Format,
    bytes: u64,
}

impl TelemetryLog {
    /// Opens the file, or makes it, and cuts it back to its first `bytes` bytes: what came after the checkpoint will come
    /// again. A file that is kept stays in the format that it has.
    ///
    /// # Errors
    /// The file cannot be written, or is none.
    pub fn open_at(path: &Path, bytes: u64) -> Result<Self, RunError> {
        let io_error = |source| RunError::io("write", path, source);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(io_error)?;
        let kept = bytes.min(file.metadata().map_err(io_error)?.len());
        file.set_len(kept).map_err(io_error)?;
        let format = Format::read(&mut file, path)?;
        let (format, bytes) = match format {
            Some(format) => (format, kept),
            None => (Format::Named, begin(&mut file).map_err(io_error)?),
        };
        file.seek(SeekFrom::End(0)).map_err(io_error)?;
        Ok(Self { path: path.to_owned(), file, format, bytes })
    }

    /// Appends a frame; one that is too long is left out.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, frame: &Frame) -> Result<(), RunError> {
        let malformed = |error: rmp_serde::encode::Error| RunError::Malformed {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let content = self.format.encode(frame).map_err(malformed)?;
        let Some(length) = u32::try_from(content.len()).ok().filter(|length| *length <= MAX_FRAME_BYTES)
        else {
            return Ok(());
        };
        let mut whole = Vec::with_capacity(FRAME_HEADER + content.len());
        whole.extend(length.to_le_bytes());
        whole.extend(crc32c::crc32c(&content).to_le_bytes());
        whole.extend(frame.step.to_le_bytes());
        whole.extend(content);
        self.file.write_all(&whole).map_err(|source| RunError::io("write", &self.path, source))?;
        self.bytes += whole.len() as u64;
        Ok(())
    }

    /// Bytes so far. They are the system's to put on the disk: what a loss of power takes is recorded frames, on which no
    /// number of the training depends.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Begins a file anew, and gives the bytes that it has then.
fn begin(file: &mut File) -> io::Result<u64> {
    let header = Format::header();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&header)?;
    Ok(header.len() as u64)
}

/// `telemetry.bin`, open for reading, also while it is written.
#[derive(Debug)]
pub struct Telemetry {
    path: PathBuf,
    file: File,
    header: u64,
    index: Vec<FramePlace>,
    /// Bytes whose frames are in the index.
    scanned: u64,
}

/// Where a frame is.
#[derive(Clone, Copy, Debug)]
struct FramePlace {
    step: u64,
    content: u64,
    length: u32,
    crc: u32,
}

impl Telemetry {
    /// Opens a file and finds its frames.
    ///
    /// # Errors
    /// It cannot be read, is none, or is of another major version.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        std::fs::metadata(path).map_err(|source| RunError::io("read", path, source))?;
        let none = || RunError::Malformed { path: path.to_owned(), reason: NO_TELEMETRY.to_owned() };
        Self::begun(path)?.ok_or_else(none)
    }

    /// Opens a file once there is one: one that was just made may be without its first bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for a file that is not there.
    pub fn begun(path: &Path) -> Result<Option<Self>, RunError> {
        let mut file = match open(path) {
            Ok((file, _)) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RunError::io("read", path, error)),
        };
        let Some(format) = Format::read(&mut file, path)? else { return Ok(None) };
        let header = format.header_bytes();
        let mut telemetry = Self { path: path.to_owned(), file, header, index: Vec::new(), scanned: header };
        telemetry.refresh()?;
        Ok(Some(telemetry))
    }

    /// Finds the frames that were written since; whether there are new ones, or some are no longer there.
    ///
    /// # Errors
    /// The file cannot be read, or has more frames than any training.
    pub fn refresh(&mut self) -> Result<bool, RunError> {
        let size = self.file.metadata().map_err(|source| RunError::io("read", &self.path, source))?.len();
        let before = (self.index.len(), self.scanned);
        if size < self.scanned {
            // Training resumed from a checkpoint: what came after it was cut off.
            self.index.clear();
            self.scanned = self.header;
        }
        self.scan(size).map_err(|source| RunError::io("read", &self.path, source))?;
        Ok(before != (self.index.len(), self.scanned))
    }

    fn scan(&mut self, size: u64) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        reader.seek(SeekFrom::Start(self.scanned))?;
        while self.scanned + FRAME_HEADER as u64 <= size {
            let mut header = [0; FRAME_HEADER];
            reader.read_exact(&mut header)?;
            let number =
                |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (length, crc) = (number(0), number(4));
            let step = u64::from(number(8)) | u64::from(number(12)) << 32;
            let content = self.scanned + FRAME_HEADER as u64;
            // A file of zeros, which may be longer than the disk, has no frames.
            if length == 0 || length > MAX_FRAME_BYTES || content + u64::from(length) > size {
                break;
            }
            if self.index.len() == MAX_FRAMES {
                return Err(io::Error::other(format!("it has more than {MAX_FRAMES} frames")));
            }
            reader.seek_relative(i64::from(length))?;
            self.index.push(FramePlace { step, content, length, crc });
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
        for cut in Format::header().len()..=whole.len() {
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
        bytes[Format::header().len() + FRAME_HEADER + 2] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let telemetry = Telemetry::open(&path).unwrap();
        assert!(telemetry.frame(0).unwrap_err().to_string().contains("step 1 is damaged"));
        assert_eq!(telemetry.frame(1).unwrap(), frame(2));
    }

    /// A file of these first bytes, with one frame of this content.
    fn file_of(path: &Path, header: &[u8], content: &[u8]) {
        let frame = [
            &(content.len() as u32).to_le_bytes()[..],
            &crc32c::crc32c(content).to_le_bytes(),
            &7_u64.to_le_bytes(),
            content,
        ];
        std::fs::write(path, [header, &frame.concat()].concat()).unwrap();
    }

    fn version(major: u16, minor: u16) -> Vec<u8> {
        [&MAGIC[..], &major.to_le_bytes(), &minor.to_le_bytes()].concat()
    }

    #[test]
    fn another_minor_version_is_read_and_another_major_one_is_not() {
        #[derive(serde::Serialize)]
        struct Later {
            step: u64,
            loss: f64,
            temperature: [f32; 2],
        }

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        let later = Later { step: 7, loss: 0.25, temperature: [1.0, 2.0] };
        let content = rmp_serde::to_vec_named(&later).unwrap();
        file_of(&path, &version(2, 9), &content);
        let frame = Telemetry::open(&path).unwrap().frame(0).unwrap();
        assert_eq!(frame, Frame { step: 7, loss: 0.25, ..Frame::default() });
        file_of(&path, &version(3, 1), &content);
        for error in [Telemetry::open(&path).unwrap_err(), TelemetryLog::open_at(&path, 99).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("format 3.1") && error.contains("install a newer Logit"), "{error}");
        }
    }

    #[test]
    fn a_file_of_version_1_is_read_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        file_of(&path, MAGIC_1, &rmp_serde::to_vec(&frame(7)).unwrap());
        let kept = std::fs::metadata(&path).unwrap().len();
        let mut log = TelemetryLog::open_at(&path, kept).unwrap();
        log.append(&frame(8)).unwrap();
        assert_eq!(log.bytes(), std::fs::metadata(&path).unwrap().len());
        let telemetry = Telemetry::open(&path).unwrap();
        assert_eq!(telemetry.steps().collect::<Vec<_>>(), [7, 8]);
        assert_eq!([0, 1].map(|number| telemetry.frame(number).unwrap()), [frame(7), frame(8)]);
        assert!(std::fs::read(&path).unwrap().starts_with(MAGIC_1));
        // Begun anew, it is of the version that is written.
        written(&path, 1..2);
        assert!(std::fs::read(&path).unwrap().starts_with(&version(2, 0)));
    }

    #[test]
    fn what_no_training_writes_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        std::fs::write(&path, version(2, 0)).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(1 << 36).unwrap();
        assert!(Telemetry::open(&path).unwrap().is_empty());
        // Layers without a field cost a byte each in the file, and a hundred in memory.
        let layer = [&[0x82, 0xa4][..], b"name", &[0xa0, 0xaa], b"statistics", &[0x80]].concat();
        let layers = [&[0x81, 0xa6][..], b"layers", &[0xdd], &100_000_u32.to_be_bytes()].concat();
        file_of(&path, &version(2, 0), &[layers, layer.repeat(100_000)].concat());
        let error = Telemetry::open(&path).unwrap().frame(0).unwrap_err().to_string();
        assert!(error.contains("more than 65536 entries"), "{error}");
    }
}
