//! Telemetry: what the training passes of a run showed, step by step.
//!
//! Each [`Frame`] is of one training pass: training mode, before the update, the very pass that the loss is of. A run's
//! folder keeps them in `telemetry.bin` ([`TelemetryLog`], [`Telemetry`]).

mod facts;
mod file;
mod format;
mod frame;
mod frames;
mod reader;

pub use facts::{Facts, Output, Truth};
pub use file::TelemetryLog;
pub use frame::{Frame, Layer, Map, OutputSeen, SampleSeen, Shown};
pub use reader::Telemetry;
