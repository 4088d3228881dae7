//! Progress in plain lines on standard error, and the pace of training.

use std::time::{Duration, Instant};

use logit_run::{Found, Record, metric_name};
use logit_zoo::train::Progress;

use crate::output::{note, note_finding};

/// How fast training goes.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    first: u64,
    pub(crate) done: u64,
    pub(crate) steps: u64,
}

impl Pace {
    pub(crate) fn new(done: u64, steps: u64) -> Self {
        Self { began: Instant::now(), first: done, done, steps }
    }

    /// The time that is left if it goes on as it went so far.
    pub(crate) fn left(&self) -> Duration {
        let here = self.done.saturating_sub(self.first).max(1);
        let left = self.steps.saturating_sub(self.done);
        self.began.elapsed().mul_f64(left as f64 / here as f64)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

/// A line an epoch.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pace: Pace,
}

impl Progress for Lines {
    fn begin(&mut self, done: u64, steps: u64) {
        self.pace = Pace::new(done, steps);
        match done {
            0 => note(format_args!("training for {steps} steps")),
            done => note(format_args!("resuming after step {done} of {steps}")),
        }
    }

    fn found(&mut self, found: &Found) {
        note_finding(&found.finding);
    }

    fn record(&mut self, record: &Record) {
        match record {
            Record::Step { step, .. } => self.pace.done = *step,
            Record::Epoch { epoch, step, train_loss, train_accuracy, validation, best } => {
                let accuracy = train_accuracy
                    .map_or(String::new(), |share| format!("  accuracy {:5.2} %", 100.0 * share));
                // The first two tell whether it learns; the rest is in the report.
                let judged: Vec<String> = validation
                    .iter()
                    .take(2)
                    .map(|(metric, value)| format!("{} {value:.4}", metric_name(metric)))
                    .collect();
                note(format_args!(
                    "epoch {epoch:>3}  step {step:>6}/{}  loss {train_loss:.4}{accuracy}  validation: {}{}  {} left",
                    self.pace.steps,
                    judged.join("  "),
                    if *best { " *" } else { "  " },
                    in_words(self.pace.left()),
                ));
            }
            Record::Resume { .. } | Record::End { .. } => {}
        }
    }
}

/// Minutes and seconds.
pub(crate) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}
