//! Where the frames of a file are, found by their headers alone; and what lies between them that is no frame.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::format::{FRAME_HEADER, Format, FrameHeader};
use super::frame::Frame;

/// The most frames that are found.
const MAX_FRAMES: usize = 1 << 23;

/// So far behind a place that is no frame the next one is looked for.
const WINDOW: u64 = 32 << 20;

/// So many bytes are summed at most in one such search: a file may be made to look like frames everywhere.
const MOST_SUMMED: u64 = 256 << 20;

/// Where a frame is.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramePlace {
    pub(super) header: FrameHeader,
    /// Where its content begins.
    content: u64,
}

impl FramePlace {
    fn begin(&self) -> u64 {
        self.content - FRAME_HEADER as u64
    }

    fn end(&self) -> u64 {
        self.content + u64::from(self.header.length)
    }

    /// The frame, or else what is wrong with it.
    pub(super) fn read(&self, mut file: &File) -> io::Result<Result<Frame, String>> {
        let mut content = vec![0; self.header.length as usize];
        file.seek(SeekFrom::Start(self.content))?;
        file.read_exact(&mut content)?;
        Ok(self.header.frame(&content))
    }
}

/// The frames of a file that may grow, in the order in which they were written: their steps rise.
#[derive(Debug)]
pub(super) struct Frames {
    format: Format,
    places: Vec<FramePlace>,
    /// The step before each stretch that is no frame; none where it is at the beginning.
    gaps: Vec<Option<u64>>,
    /// Bytes whose frames are found.
    end: u64,
    /// The size at which nothing was found behind `end`.
    searched: u64,
}

impl Frames {
    /// Finds the frames of a file of so many bytes.
    pub(super) fn of(file: &File, format: Format, size: u64) -> io::Result<Self> {
        let mut frames =
            Self { format, places: Vec::new(), gaps: Vec::new(), end: format.header_bytes(), searched: 0 };
        frames.grow(file, size)?;
        Ok(frames)
    }

    /// Finds the frames that were written since; whether anything has changed.
    pub(super) fn grow(&mut self, file: &File, size: u64) -> io::Result<bool> {
        let before = (self.places.len(), self.end);
        if size < self.end {
            // Training resumed from a checkpoint: what came after it was cut off.
            (self.places, self.gaps) = (Vec::new(), Vec::new());
            (self.end, self.searched) = (self.format.header_bytes(), 0);
        }
        loop {
            self.follow(file, size)?;
            if self.end >= size || self.searched == size || !self.skip(file, size)? {
                self.searched = size;
                return Ok(before != (self.places.len(), self.end));
            }
        }
    }

    /// Goes from frame to frame, as far as each is followed by another.
    fn follow(&mut self, file: &File, size: u64) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, file);
        reader.seek(SeekFrom::Start(self.end))?;
        while self.end + FRAME_HEADER as u64 <= size {
            let mut bytes = [0; FRAME_HEADER];
            reader.read_exact(&mut bytes)?;
            let place =
                FramePlace { header: FrameHeader::of(bytes), content: self.end + FRAME_HEADER as u64 };
            if !self.may_follow(&place.header) || place.end() > size {
                break;
            }
            reader.seek_relative(i64::from(place.header.length))?;
            self.push(place)?;
        }
        Ok(())
    }

    fn may_follow(&self, header: &FrameHeader) -> bool {
        header.is_plausible() && self.last_step().is_none_or(|last| header.step > last)
    }

    fn push(&mut self, place: FramePlace) -> io::Result<()> {
        if self.places.len() == MAX_FRAMES {
            return Err(io::Error::other(format!("it has more than {MAX_FRAMES} frames")));
        }
        self.end = place.end();
        self.places.push(place);
        Ok(())
    }

    /// Looks for the next whole frame behind a place where none begins. There is none behind one that is being written.
    fn skip(&mut self, file: &File, size: u64) -> io::Result<bool> {
        // The length of the last one may be what is damaged.
        let last = match self.places.last() {
            Some(last) if last.read(file)?.is_err() => self.places.pop(),
            _ => None,
        };
        let from = last.map_or(self.end, |last| last.begin()) + 1;
        let Some(place) = self.next_whole(file, from, size)? else {
            self.places.extend(last);
            return Ok(false);
        };
        self.gaps.push(self.last_step());
        self.push(place)?;
        Ok(true)
    }

    /// The first whole frame from a place on.
    fn next_whole(&self, mut file: &File, from: u64, size: u64) -> io::Result<Option<FramePlace>> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(WINDOW.min(size.saturating_sub(from))).read_to_end(&mut bytes)?;
        let mut left = MOST_SUMMED;
        for (at, window) in bytes.windows(FRAME_HEADER).enumerate() {
            let Ok(header) = window.try_into().map(FrameHeader::of) else { break };
            let content = bytes[at + FRAME_HEADER..].get(..header.length as usize);
            let Some(content) = content.filter(|_| self.may_follow(&header)) else { continue };
            let Some(less) = left.checked_sub(content.len() as u64) else { break };
            left = less;
            if header.is_of(content) && header.frame(content).is_ok() {
                return Ok(Some(FramePlace { header, content: from + (at + FRAME_HEADER) as u64 }));
            }
        }
        Ok(None)
    }

    pub(super) fn places(&self) -> &[FramePlace] {
        &self.places
    }

    /// Bytes up to the end of the last frame.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn last_step(&self) -> Option<u64> {
        self.places.last().map(|place| place.header.step)
    }

    /// The step before each stretch that is no frame; none where it is at the beginning.
    pub(super) fn gaps(&self) -> &[Option<u64>] {
        &self.gaps
    }
}
