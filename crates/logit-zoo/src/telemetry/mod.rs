//! Telemetry: what the training passes of a run showed, step by step.
//!
//! Each [`Frame`] is of one training pass: training mode, before the update, read from the tape of that very pass. A run's
//! folder keeps them in `telemetry.bin` ([`TelemetryLog`], [`Telemetry`]), and in `watched.json` what the chosen samples
//! and the units are ([`Watched`]).

mod check;
mod facts;
mod file;
mod frame;
mod sample;
mod tensorboard;

pub use check::{Checks, Outcome, Seen, Subject, Verdict};
pub(crate) use facts::{Facts, Truth};
pub use file::{Telemetry, TelemetryLog};
pub use frame::{Frame, Layer, OutputSeen, SampleSeen};
pub(crate) use sample::spread;
pub use sample::{Input, Sample, Watched};
pub use tensorboard::{EventError, EventFile, Histogram};
