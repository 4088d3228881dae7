//! Files that TensorBoard reads: scalars, histograms and images by step.
//!
//! A folder holds the files of one run, each begun by a program that trained it; TensorBoard reads them in the order of
//! their names. A file is a row of records (`record`), each an event in protobuf (`message`) with a time, a step and one
//! value (`summary`).

mod error;
mod message;
mod record;
mod run;
mod summary;

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub use error::EventError;
use message::Message;
pub use summary::Histogram;

/// How TensorBoard knows a file of events.
const PREFIX: &str = "events.out.tfevents.";

/// The version of the format: from 2 on, values are dropped where a session starts again, not where steps go back.
const VERSION: &[u8] = b"brain.Event:2";

/// Records are handed to the system when they have grown to this.
const PENDING_BYTES: usize = 1 << 16;

/// A file of events, open for appending. Events reach it by [`flush`](Self::flush), when many have gathered, and when it is
/// dropped: always as whole records.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    pending: Vec<u8>,
    clock: fn() -> SystemTime,
}

impl EventFile {
    /// Begins a new file in the folder, which is made if it is not there.
    ///
    /// The name holds the second of `started`, or a later one where the folder has a file from then on: it comes last in
    /// the order of names, even if the clock was put back between two sessions.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn create(folder: &Path, started: SystemTime) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let before = newest(folder)?;
        let free = before.map_or(0, |second| second.saturating_add(1));
        let second = free.max(seconds(started) as u64);
        let path = folder.join(format!("{PREFIX}{second:010}.logit"));
        let file = File::create_new(&path)?;
        let mut events = Self { path, file, bytes: 0, pending: Vec::new(), clock: SystemTime::now };
        events.append(&Message::new().double(1, seconds(started)).bytes(3, VERSION))?;
        if before.is_none() {
            // TensorBoard takes the first start it sees for no restart.
            events.start(0, started)?;
        }
        events.flush()?;
        Ok(events)
    }

    /// Takes the times of the events from this clock instead of the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that training resumes after an interruption, and that `step` is the next. What earlier files have from that
    /// step on is not shown: it will come again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn resume(&mut self, step: u64) -> io::Result<()> {
        self.start(step, (self.clock)())
    }

    /// Adds a scalar. One that is not finite is shown as such.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f32) -> io::Result<()> {
        self.add(step, &summary::scalar(tag, value))
    }

    /// Adds a histogram, which is shown among the histograms and among the distributions.
    ///
    /// # Errors
    /// The bins have no place on the axis, or the file cannot be written.
    pub fn histogram(&mut self, step: u64, tag: &str, histogram: &Histogram) -> Result<(), EventError> {
        Ok(self.add(step, &summary::histogram(tag, histogram)?)?)
    }

    /// Adds an image of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels: rows from the top, a byte per channel.
    ///
    /// # Errors
    /// The pixels do not fill the image, or the file cannot be written.
    pub fn image(
        &mut self,
        step: u64,
        tag: &str,
        width: u32,
        height: u32,
        channels: u8,
        pixels: &[u8],
    ) -> Result<(), EventError> {
        Ok(self.add(step, &summary::image(tag, width, height, channels, pixels)?)?)
    }

    /// Puts all events so far on the disk. That waits for the disk: call it now and then, not at every step.
    ///
    /// # Errors
    /// The disk does not take them. The events that had gathered are then lost; those before and after are not.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_pending()?;
        self.file.sync_data()
    }

    /// Adds that a session starts at a step.
    fn start(&mut self, step: u64, time: SystemTime) -> io::Result<()> {
        self.append(&event(time, step).message(7, &Message::new().integer(1, 1)))
    }

    /// Adds a value of now.
    fn add(&mut self, step: u64, summary: &Message) -> io::Result<()> {
        self.append(&event((self.clock)(), step).message(5, summary))
    }

    fn append(&mut self, event: &Message) -> io::Result<()> {
        record::append(&mut self.pending, event.as_bytes());
        if self.pending.len() < PENDING_BYTES { Ok(()) } else { self.write_pending() }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.pending);
        if written.is_ok() {
            self.bytes += self.pending.len() as u64;
        } else {
            // Nothing is read after half a record. The failure that is returned is the first.
            drop(self.file.set_len(self.bytes).and_then(|()| self.file.seek(SeekFrom::Start(self.bytes))));
        }
        self.pending.clear();
        written
    }
}

impl Drop for EventFile {
    fn drop(&mut self) {
        // Who wants to know whether they were written calls `flush`.
        drop(self.write_pending());
    }
}

/// The beginning of an event: its time and its step.
fn event(time: SystemTime, step: u64) -> Message {
    Message::new().double(1, seconds(time)).integer(2, step)
}

/// Seconds since 1970; 0 before.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The latest second in the names of the folder's files of events, whoever wrote them.
fn newest(folder: &Path) -> io::Result<Option<u64>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        newest = newest.max(entry?.file_name().to_str().and_then(second_of));
    }
    Ok(newest)
}

fn second_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
