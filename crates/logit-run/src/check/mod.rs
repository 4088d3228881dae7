//! The faults of an output layer that show only while it trains.
//!
//! [`Checks`] reads the [`Frame`]s of a training one by one and keeps a few numbers for each rule. A fault
//! is reported once, when it is certain; [`Checks::report`] says for every rule what was found, what was
//! looked at and is fine, and what could not be judged, because silence reads as approval.

mod labels;
mod number;
mod output;
mod shape;
mod start;
mod stuck;
#[cfg(test)]
mod tests;

use logit_spec::{Finding, Level, Rule};
use serde::{Deserialize, Serialize, Serializer};

use crate::finding::{Found, RunPlace};
use crate::telemetry::{Frame, Telemetry};
use crate::watched::Subject;
use labels::ShuffledApart;
use output::{Fed, Overflow};
use start::{FirstLoss, SummedLoss};
use stuck::{StuckOutputs, ZeroGradient};

/// What a rule came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A fault was found.
    #[serde(serialize_with = "nested")]
    Found(Found),
    /// Looked at, and right.
    Fine {
        /// On how many frames.
        frames: u64,
        /// What was seen, in a sentence.
        seen: String,
    },
    /// Could not be judged.
    Unclear {
        /// Why.
        why: String,
    },
}

/// Writes a finding apart from its step, with its rule by name.
fn nested<S: Serializer>(found: &Found, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named<'a> {
        rule: &'a str,
        level: Level,
        message: &'a str,
        reason: &'a str,
        fix: &'a str,
    }

    #[derive(Serialize)]
    struct Nested<'a> {
        step: Option<u64>,
        finding: Named<'a>,
    }

    let Finding { fault, level, message, reason, fix } = &found.finding;
    let finding = Named { rule: fault.name(), level: *level, message, reason, fix };
    Nested { step: found.place.step(), finding }.serialize(to)
}

/// What a rule says of the training so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: Rule,
    /// What it came to.
    pub outcome: Outcome,
}

impl RuleOutcome {
    /// The fault, where one was found.
    pub fn found(&self) -> Option<&Found> {
        match &self.outcome {
            Outcome::Found(found) => Some(found),
            Outcome::Fine { .. } | Outcome::Unclear { .. } => None,
        }
    }
}

/// One rule, and what it has gathered.
trait Check {
    fn rule(&self) -> Rule;

    /// Reads a frame; gives the fault on every frame from which it is certain.
    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding>;

    /// Fine or unclear, where no fault was found.
    fn so_far(&self, subject: &Subject) -> Outcome;
}

/// The rules on the activation before the loss.
const FED: [Rule; 4] = [
    Rule::ActivationBeforeLogitsLoss,
    Rule::NotLogProbabilities,
    Rule::HiddenActivationAtHead,
    Rule::SoftmaxAxis,
];

/// What each rule has gathered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    fed: [Fed; 4],
    summed: SummedLoss,
    first: FirstLoss,
    stuck: StuckOutputs,
    gradient: ZeroGradient,
    labels: ShuffledApart,
    overflow: Overflow,
}

impl State {
    fn new() -> Self {
        Self {
            fed: FED.map(Fed::of),
            summed: SummedLoss::default(),
            first: FirstLoss::default(),
            stuck: StuckOutputs::default(),
            gradient: ZeroGradient::default(),
            labels: ShuffledApart::default(),
            overflow: Overflow::default(),
        }
    }

    /// All rules in the order of their numbers.
    fn all(&self) -> [&dyn Check; 10] {
        let Self {
            fed: [doubled, probabilities, hidden, axis],
            summed,
            first,
            stuck,
            gradient,
            labels,
            overflow,
        } = self;
        [doubled, probabilities, hidden, summed, first, stuck, gradient, axis, labels, overflow]
    }

    fn all_mut(&mut self) -> [&mut dyn Check; 10] {
        let Self {
            fed: [doubled, probabilities, hidden, axis],
            summed,
            first,
            stuck,
            gradient,
            labels,
            overflow,
        } = self;
        [doubled, probabilities, hidden, summed, first, stuck, gradient, axis, labels, overflow]
    }
}

/// How much of a recording checks have seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Frames that were looked at.
    pub frames: u64,
    /// Damaged places, which were passed over.
    pub damaged: u64,
    /// The last whole step before the first of them, if there is one.
    pub after: Option<u64>,
    /// What is wrong with the first frame that cannot be read, where that is known.
    pub reason: Option<String>,
}

impl Seen {
    /// What is damaged, in a sentence.
    pub(crate) fn damage(&self) -> Option<String> {
        let from = self.after.map_or("at the first step".to_owned(), |step| format!("after step {step}"));
        match self.damaged {
            0 => None,
            1 => Some(format!("it is damaged {from}: what it held there is lost")),
            places => {
                Some(format!("it is damaged at {places} places, first {from}: what it held there is lost"))
            }
        }
    }
}

/// The checks of a training. They are small: what they keep does not grow with the steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    subject: Subject,
    last: Option<u64>,
    found: Vec<Found>,
    state: State,
}

impl Checks {
    /// Checks that have seen nothing.
    pub fn new(subject: Subject) -> Self {
        Self { subject, last: None, found: Vec::new(), state: State::new() }
    }

    /// Checks that have seen all whole frames of a recording, and how much that was. What is damaged is passed over.
    pub fn of(subject: Subject, telemetry: &Telemetry) -> (Self, Seen) {
        let (gaps, before) = telemetry.gaps();
        let (mut checks, mut seen) =
            (Self::new(subject), Seen { frames: 0, damaged: gaps as u64, after: before, reason: None });
        let mut last = None;
        for (number, step) in telemetry.steps().enumerate() {
            let frame = match telemetry.frame(number) {
                Ok(frame) => frame,
                Err(error) => {
                    if seen.damaged == 0 || last < seen.after {
                        seen.after = last;
                    }
                    seen.damaged += 1;
                    seen.reason.get_or_insert(error.to_string());
                    continue;
                }
            };
            last = Some(step);
            if frame.is_whole() {
                checks.see(&frame);
                seen.frames += 1;
            }
        }
        (checks, seen)
    }

    /// Reads the frame of a step and gives what is newly found. A rule speaks once, and again only if
    /// it finds worse. Steps rise; a frame of a step that was seen is passed over.
    pub fn see(&mut self, frame: &Frame) -> Vec<Found> {
        if self.last.is_some_and(|last| frame.step <= last) {
            return Vec::new();
        }
        self.last = Some(frame.step);
        let mut found: Vec<Found> = Vec::new();
        for check in self.state.all_mut() {
            let known = self.found.iter().find(|known| known.finding.fault == check.rule());
            let worse = |finding: &Finding| known.is_none_or(|known| finding.level > known.finding.level);
            let finding = check.see(&self.subject, frame).filter(worse);
            found.extend(finding.map(|finding| finding.at(RunPlace::Step { step: frame.step })));
        }
        self.found.retain(|old| found.iter().all(|new| new.finding.fault != old.finding.fault));
        self.found.extend(found.iter().cloned());
        found
    }

    /// What each rule came to so far, in the order of their numbers.
    pub fn report(&self) -> Vec<RuleOutcome> {
        let outcome = |check: &dyn Check| {
            let found = self.found.iter().find(|found| found.finding.fault == check.rule());
            found.map_or_else(|| check.so_far(&self.subject), |found| Outcome::Found(found.clone()))
        };
        self.state.all().map(|check| RuleOutcome { rule: check.rule(), outcome: outcome(check) }).into()
    }
}
