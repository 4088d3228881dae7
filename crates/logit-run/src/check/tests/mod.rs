//! Frames made by hand, by chance, and by small trainings.

mod frames;
mod rules;
mod training;

use logit_spec::{Level, Rule};

use super::{Checks, Outcome};
use crate::finding::Found;
use crate::telemetry::Frame;

/// All that is found on frames.
fn found(checks: &mut Checks, frames: &[Frame]) -> Vec<Found> {
    frames.iter().flat_map(|frame| checks.see(frame)).collect()
}

/// Rules and levels of what was found.
fn kinds(found: &[Found]) -> Vec<(Rule, Level)> {
    found.iter().map(|seen| (seen.finding.rule().unwrap(), seen.finding.level)).collect()
}

/// What a rule came to.
fn outcome(checks: &Checks, rule: Rule) -> Outcome {
    let verdict = checks.report().into_iter().find(|verdict| verdict.rule == rule);
    verdict.unwrap().outcome
}
