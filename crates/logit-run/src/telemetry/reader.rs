//! Reading `telemetry.bin`, also while it is written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use logit_files::open;

use super::format::{Begun, Format, NO_TELEMETRY};
use super::frame::Frame;
use super::frames::Frames;
use crate::error::RunError;

/// `telemetry.bin`, open for reading.
#[derive(Debug)]
pub struct Telemetry {
    path: PathBuf,
    file: File,
    frames: Frames,
}

impl Telemetry {
    /// Opens a file and finds its frames.
    ///
    /// # Errors
    /// It cannot be read, is none, or is of another major version.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        std::fs::metadata(path).map_err(|source| RunError::io("read", path, source))?;
        Self::begun(path)?.ok_or_else(|| none(path))
    }

    /// Opens a file once there is one: one that was just made may be without its first bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for a file that is not there.
    pub fn begun(path: &Path) -> Result<Option<Self>, RunError> {
        let io_error = |source| RunError::io("read", path, source);
        let (mut file, size) = match open(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(error)),
        };
        let format: Format = match Format::read(&mut file, path)? {
            Begun::NotYet => return Ok(None),
            Begun::Other => return Err(none(path)),
            Begun::Whole(format) | Begun::Damaged(format) => format,
        };
        let frames = Frames::of(&file, format, size).map_err(io_error)?;
        Ok(Some(Self { path: path.to_owned(), file, frames }))
    }

    /// Finds the frames that were written since; whether there are new ones, or some are no longer there.
    ///
    /// # Errors
    /// The file cannot be read, or has more frames than any training.
    pub fn refresh(&mut self) -> Result<bool, RunError> {
        let io_error = |source| RunError::io("read", &self.path, source);
        let size = self.file.metadata().map_err(io_error)?.len();
        self.frames.grow(&self.file, size).map_err(io_error)
    }

    /// The steps of all frames, in the order in which they were written.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> {
        self.frames.places().iter().map(|place| place.header.step)
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.frames.places().len()
    }

    /// Whether there is no frame yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the last frame at or before a step.
    pub fn at(&self, step: u64) -> Option<usize> {
        self.frames.places().partition_point(|place| place.header.step <= step).checked_sub(1)
    }

    /// Damaged stretches between frames, each of which was one frame or several; and the step before the first, if there
    /// is one.
    pub fn gaps(&self) -> (usize, Option<u64>) {
        let gaps = self.frames.gaps();
        (gaps.len(), gaps.first().copied().flatten())
    }

    /// A frame by its number.
    ///
    /// # Errors
    /// There is none, it cannot be read, or is damaged.
    pub fn frame(&self, number: usize) -> Result<Frame, RunError> {
        let malformed = |reason: String| RunError::Malformed { path: self.path.clone(), reason };
        let place = self.frames.places().get(number);
        let place = place.ok_or_else(|| malformed(format!("it has no frame {number}")))?;
        let frame = place.read(&self.file).map_err(|source| RunError::io("read", &self.path, source))?;
        frame.map_err(malformed)
    }

    /// The frames that are whole, from one number up to before another.
    pub fn whole_frames(&self, numbers: std::ops::Range<usize>) -> impl Iterator<Item = Frame> {
        numbers.filter_map(|number| self.frame(number).ok())
    }
}

fn none(path: &Path) -> RunError {
    RunError::Malformed { path: path.to_owned(), reason: NO_TELEMETRY.to_owned() }
}
