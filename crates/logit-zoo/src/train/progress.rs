//! Who is told how training goes.

use crate::run::{Found, Record};

/// Told of every record as training proceeds.
pub trait Progress {
    /// Training begins, or is resumed after `done` of `steps` steps.
    fn begin(&mut self, done: u64, steps: u64);

    /// A check of the data found something.
    fn found(&mut self, _found: &Found) {}

    /// A line of the metrics was written.
    fn record(&mut self, record: &Record);

    /// Whether the one who watches wants training to stop.
    fn wants_stop(&self) -> bool {
        false
    }
}

/// Tells nobody.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _done: u64, _steps: u64) {}

    fn record(&mut self, _record: &Record) {}
}
