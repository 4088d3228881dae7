//! `telemetry.bin`: the recorded steps of a run, appended one by one.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use logit_files::open_to_append;

use super::format::{Begun, Format, FrameHeader};
use super::frame::Frame;
use super::frames::Frames;
use crate::error::RunError;

/// `telemetry.bin`, open for appending.
#[derive(Debug)]
pub struct TelemetryLog {
    path: PathBuf,
    file: File,
    format: Format,
    bytes: u64,
    damage: Option<String>,
}

impl TelemetryLog {
    /// Opens the file, or makes it, and cuts it back to its first `bytes` bytes: what came after the checkpoint will come
    /// again. A file that is kept stays in the format that it has. One that is [damaged](Self::damage) keeps the frames that
    /// are whole.
    ///
    /// # Errors
    /// The file cannot be written, or is of another major version.
    pub fn open_at(path: &Path, bytes: u64) -> Result<Self, RunError> {
        let io_error = |source| RunError::io("write", path, source);
        let (mut file, size) = open_to_append(path).map_err(io_error)?;
        let kept = bytes.min(size);
        file.set_len(kept).map_err(io_error)?;
        let begun = Format::read(&mut file, path)?;
        let (format, whole) = begin(&mut file, begun, kept).map_err(io_error)?;
        let frames = Frames::of(&file, format, whole).map_err(io_error)?;
        let end = frames.end();
        let damage = damage(begun, &frames, [whole, bytes.max(kept)]);
        file.set_len(end).map_err(io_error)?;
        file.seek(SeekFrom::End(0)).map_err(io_error)?;
        Ok(Self { path: path.to_owned(), file, format, bytes: end, damage })
    }

    /// What was damaged when the file was opened, and is lost.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
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
        let Some(header) = FrameHeader::to(&content, frame.step) else { return Ok(()) };
        let whole = [&header[..], &content].concat();
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

/// Writes the first bytes where they are not there or damaged; gives the format, and the bytes of the file.
fn begin(file: &mut File, begun: Begun, size: u64) -> io::Result<(Format, u64)> {
    let (format, bytes) = match begun {
        Begun::Whole(format) => return Ok((format, size)),
        Begun::Damaged(format) => (format, size),
        Begun::NotYet | Begun::Other => {
            file.set_len(0)?;
            (Format::Named, Format::Named.header_bytes())
        }
    };
    file.rewind()?;
    file.write_all(format.header())?;
    Ok((format, bytes))
}

/// What of a file was damaged: it had `whole` bytes, and `meant` when the checkpoint was taken.
fn damage(begun: Begun, frames: &Frames, [whole, meant]: [u64; 2]) -> Option<String> {
    let lost = match frames.gaps().first().copied().or((frames.end() < meant).then(|| frames.last_step())) {
        _ if begun == Begun::Other => "all recorded steps are lost".to_owned(),
        Some(Some(step)) => format!("recorded steps after step {step} are lost"),
        Some(None) => "the first recorded steps are lost".to_owned(),
        None if matches!(begun, Begun::Damaged(_)) => {
            "its first bytes were wrong, and are written anew".to_owned()
        }
        None => return None,
    };
    let why =
        if whole < meant && begun != Begun::Other { "it is shorter than it was" } else { "it is damaged" };
    Some(format!("{why}: {lost}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;
    use crate::telemetry::format::{FRAME_HEADER, MAGIC, MAGIC_1};

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
        for cut in Format::Named.header().len()..=whole.len() {
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

    /// Five frames, with one byte or several changed.
    fn damaged(path: &Path, change: impl FnOnce(&mut Vec<u8>, usize)) -> u64 {
        let bytes = written(path, 1..6);
        let mut content = std::fs::read(path).unwrap();
        let each = (content.len() - Format::Named.header().len()) / 5;
        change(&mut content, each);
        std::fs::write(path, content).unwrap();
        bytes
    }

    #[test]
    fn whatever_byte_is_damaged_the_other_frames_stay_and_recording_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        let size = written(&path, 1..6) as usize;
        for at in 0..size {
            let bytes = damaged(&path, |content, _| content[at] ^= 0x55);
            let mut log = match TelemetryLog::open_at(&path, bytes) {
                Ok(log) => log,
                // Another major version, which may be right.
                Err(error) => {
                    assert!((8..10).contains(&at), "byte {at}: {error}");
                    continue;
                }
            };
            log.append(&frame(6)).unwrap();
            let telemetry = Telemetry::open(&path).unwrap();
            let steps: Vec<u64> =
                telemetry.whole_frames(0..telemetry.len()).map(|frame| frame.step).collect();
            assert!(
                steps.len() >= 5 && steps.is_sorted() && steps.last() == Some(&6),
                "byte {at}: {steps:?}"
            );
        }
    }

    #[test]
    fn what_is_lost_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        let header = Format::Named.header().len();
        let zeros = |content: &mut Vec<u8>, from: usize| content[from..].fill(0);
        for (change, said) in [
            (Box::new(|_: &mut Vec<u8>, _| ()) as Box<dyn FnOnce(&mut Vec<u8>, usize)>, None),
            (Box::new(|content, _| content[0] ^= 1), Some("its first bytes were wrong")),
            (Box::new(|content, _| content.fill(1)), Some("all recorded steps are lost")),
            (Box::new(move |content, each| zeros(content, header + 3 * each)), Some("after step 3 are lost")),
            (Box::new(move |content, _| zeros(content, header)), Some("the first recorded steps are lost")),
            (
                Box::new(move |content, each| content.truncate(header + 2 * each + 5)),
                Some("shorter than it was"),
            ),
            (Box::new(move |content, each| content[header + 2 * each] ^= 1), Some("after step 2 are lost")),
        ] {
            let bytes = damaged(&path, change);
            let log = TelemetryLog::open_at(&path, bytes).unwrap();
            match said {
                None => assert_eq!(log.damage(), None),
                Some(said) => assert!(log.damage().unwrap().contains(said), "{:?}: {said}", log.damage()),
            }
        }
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        written(&path, 1..3);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[Format::Named.header().len() + FRAME_HEADER + 2] ^= 1;
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
        let mut frame = Telemetry::open(&path).unwrap().frame(0).unwrap();
        assert!(frame.head_gradient_norm.is_nan(), "what is absent is not known");
        frame.head_gradient_norm = 0.0;
        assert_eq!(frame, Frame { step: 7, loss: 0.25, ..Frame::default() });
        file_of(&path, &version(3, 1), &content);
        for error in [Telemetry::open(&path).unwrap_err(), TelemetryLog::open_at(&path, 99).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("format 3.1") && error.contains("install a newer Logit"), "{error}");
        }
    }

    #[test]
    fn an_output_that_is_described_in_part_is_refused() {
        #[derive(serde::Serialize)]
        struct Partial {
            step: u64,
            output: std::collections::BTreeMap<&'static str, u32>,
        }

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.bin");
        let partial = Partial { step: 7, output: [("rows", 8), ("units", 3)].into() };
        file_of(&path, &version(2, 0), &rmp_serde::to_vec_named(&partial).unwrap());
        let error = Telemetry::open(&path).unwrap().frame(0).unwrap_err().to_string();
        assert!(error.contains("missing field `low`"), "{error}");
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
        assert!(std::fs::read(&path).unwrap().starts_with(&version(2, 1)));
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
