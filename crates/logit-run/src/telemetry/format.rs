//! What `telemetry.bin` looks like: its first bytes, and the header of a frame.
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

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::frame::Frame;
use crate::error::RunError;

/// The first bytes of a file: these, its major and its minor version, 2 bytes each.
pub(super) const MAGIC: &[u8; 8] = b"LOGITREC";

/// The version that is written.
pub(super) const VERSION: [u16; 2] = [2, 1];

/// The first bytes of a new file.
const HEADER: [u8; 12] = {
    let ([a, b], [c, d]) = (VERSION[0].to_le_bytes(), VERSION[1].to_le_bytes());
    let m = MAGIC;
    [m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], a, b, c, d]
};

/// The first bytes of a file of version 1.
pub(super) const MAGIC_1: &[u8; 8] = b"LOGITTM1";

/// Bytes before a frame's content.
pub(super) const FRAME_HEADER: usize = 16;

/// The longest content that is written or read.
pub(super) const MAX_FRAME_BYTES: u32 = 16 << 20;

/// What is wrong with a file of something else.
pub(super) const NO_TELEMETRY: &str = "it does not begin as telemetry does";

/// How a file holds the fields of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Version 1: by their order.
    Ordered,
    /// By their names.
    Named,
}

impl Format {
    /// Bytes before the first frame.
    pub(super) fn header_bytes(self) -> u64 {
        self.header().len() as u64
    }

    /// The first bytes of a new file.
    pub(super) fn header(self) -> &'static [u8] {
        match self {
            Self::Ordered => MAGIC_1,
            Self::Named => &HEADER,
        }
    }

    /// What the first bytes of a file say.
    pub(super) fn read(file: &mut File, path: &Path) -> Result<Begun, RunError> {
        let io_error = |source| RunError::io("read", path, source);
        let mut header = Vec::new();
        file.rewind().map_err(io_error)?;
        file.take(Self::Named.header_bytes()).read_to_end(&mut header).map_err(io_error)?;
        if header.starts_with(MAGIC_1) {
            return Ok(Begun::Whole(Self::Ordered));
        }
        let known = header.len().min(MAGIC.len());
        if header[..known] != MAGIC[..known] {
            return Ok(Self::guessed(file).map_err(io_error)?.map_or(Begun::Other, Begun::Damaged));
        }
        let [_, _, _, _, _, _, _, _, a, b, c, d] = header[..] else { return Ok(Begun::NotYet) };
        let [major, minor] = [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])];
        if major == VERSION[0] {
            return Ok(Begun::Whole(Self::Named));
        }
        let (found, newest) = (format!("{major}.{minor}"), format!("{}.x", VERSION[0]));
        Err(RunError::Version { path: path.to_owned(), found, newest })
    }

    /// The format of a file whose first bytes are damaged: that in which its first frame is whole.
    fn guessed(file: &mut File) -> io::Result<Option<Self>> {
        for format in [Self::Named, Self::Ordered] {
            let mut header = [0; FRAME_HEADER];
            file.seek(SeekFrom::Start(format.header_bytes()))?;
            if file.read_exact(&mut header).is_err() {
                continue;
            }
            let header = FrameHeader::of(header);
            let mut content = Vec::new();
            file.take(u64::from(header.length)).read_to_end(&mut content)?;
            if header.is_plausible() && header.is_of(&content) {
                return Ok(Some(format));
            }
        }
        Ok(None)
    }

    pub(super) fn encode(self, frame: &Frame) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        match self {
            Self::Ordered => rmp_serde::to_vec(frame),
            Self::Named => rmp_serde::to_vec_named(frame),
        }
    }
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// There are too few to tell.
    NotYet,
    Whole(Format),
    /// They are damaged, but frames follow.
    Damaged(Format),
    /// It is something else.
    Other,
}

/// What stands before a frame's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) length: u32,
    crc: u32,
    pub(super) step: u64,
}

impl FrameHeader {
    pub(super) fn of(bytes: [u8; FRAME_HEADER]) -> Self {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self { length: number(0), crc: number(4), step: u64::from(number(8)) | u64::from(number(12)) << 32 }
    }

    /// The header of a content; none where it is longer than any that is read.
    pub(super) fn to(content: &[u8], step: u64) -> Option<[u8; FRAME_HEADER]> {
        let length = u32::try_from(content.len()).ok().filter(|length| *length <= MAX_FRAME_BYTES)?;
        let mut bytes = [0; FRAME_HEADER];
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..8].copy_from_slice(&crc32c::crc32c(content).to_le_bytes());
        bytes[8..].copy_from_slice(&step.to_le_bytes());
        Some(bytes)
    }

    /// Whether a frame may be so long: a file of zeros, which may be longer than the disk, has no frames.
    pub(super) fn is_plausible(&self) -> bool {
        (1..=MAX_FRAME_BYTES).contains(&self.length)
    }

    /// The frame of a content, or else what is wrong with it. Its step may be left out, but is no other.
    pub(super) fn frame(&self, content: &[u8]) -> Result<Frame, String> {
        let damaged = || format!("the frame of step {} is damaged", self.step);
        if !self.is_of(content) {
            return Err(damaged());
        }
        let frame: Frame = rmp_serde::from_slice(content).map_err(|error| error.to_string())?;
        if [0, self.step].contains(&frame.step) { Ok(frame) } else { Err(damaged()) }
    }

    /// Whether this is the content that was written under it.
    pub(super) fn is_of(&self, content: &[u8]) -> bool {
        content.len() == self.length as usize && crc32c::crc32c(content) == self.crc
    }
}
