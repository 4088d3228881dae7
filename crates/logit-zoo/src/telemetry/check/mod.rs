//! The faults of an output layer that show only while it trains.
//!
//! [`Checks`] reads the [`Frame`]s of a training one by one and keeps a few numbers for each rule. A fault
//! is told once, when it is certain; [`Checks::report`] says for every rule what was found, what was
//! looked at and is fine, and what could not be told, because silence reads as approval.

mod labels;
mod names;
mod number;
mod output;
mod shape;
mod start;
mod stuck;
#[cfg(test)]
mod tests;

use logit_spec::{Answer, Finding, Loss, Rule};
use serde::{Deserialize, Serialize};

use crate::telemetry::Frame;
use labels::ShuffledApart;
use output::{Fed, Overflow};
use start::{FirstLoss, SummedLoss};
use stuck::{StuckOutputs, ZeroGradient};

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The kind of answer.
    #[serde(deserialize_with = "names::answer")]
    pub answer: Answer,
    /// Units of the head.
    pub units: usize,
    /// The loss, and so what it takes: logits, log-probabilities, probabilities or values.
    #[serde(deserialize_with = "names::loss")]
    pub loss: Loss,
}

/// A fault, and the step at which it was certain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The step.
    pub step: u64,
    /// The fault.
    #[serde(deserialize_with = "names::finding")]
    pub finding: Finding,
}

/// What a rule came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A fault was found.
    Found(Seen),
    /// Looked at, and right.
    Fine {
        /// On how many frames.
        frames: u64,
        /// What was seen, in a sentence.
        seen: String,
    },
    /// Could not be told.
    Unclear {
        /// Why.
        why: String,
    },
}

/// What a rule says of the training so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule.
    #[serde(deserialize_with = "names::rule")]
    pub rule: Rule,
    /// What it came to.
    pub outcome: Outcome,
}

impl Verdict {
    /// The fault, where one was found.
    pub fn found(&self) -> Option<&Seen> {
        match &self.outcome {
            Outcome::Found(seen) => Some(seen),
            Outcome::Fine { .. } | Outcome::Unclear { .. } => None,
        }
    }
}

/// One rule, and what it has gathered.
trait Check {
    fn rule(&self) -> Rule;

    /// Reads a frame; tells the fault on every frame from which it is certain.
    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding>;

    /// Fine or unclear, where no fault was told.
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

/// The checks of a training. They are small, and go on after a resume from what serde has kept of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    subject: Subject,
    last: Option<u64>,
    found: Vec<Seen>,
    state: State,
}

impl Checks {
    /// Checks that have seen nothing.
    pub fn new(subject: Subject) -> Self {
        Self { subject, last: None, found: Vec::new(), state: State::new() }
    }

    /// Reads the frame of a step and gives what is newly found. A rule speaks once, and again only if
    /// it finds worse. Steps rise; a frame of a step that was seen is passed over.
    pub fn see(&mut self, frame: &Frame) -> Vec<Seen> {
        if self.last.is_some_and(|last| frame.step <= last) {
            return Vec::new();
        }
        self.last = Some(frame.step);
        let mut found: Vec<Seen> = Vec::new();
        for check in self.state.all_mut() {
            let known = self.found.iter().find(|seen| seen.finding.rule == check.rule());
            let worse = |finding: &Finding| known.is_none_or(|seen| finding.level > seen.finding.level);
            let finding = check.see(&self.subject, frame).filter(worse);
            found.extend(finding.map(|finding| Seen { step: frame.step, finding }));
        }
        self.found.retain(|old| found.iter().all(|new| new.finding.rule != old.finding.rule));
        self.found.extend(found.iter().cloned());
        found
    }

    /// What each rule came to so far, in the order of their numbers.
    pub fn report(&self) -> Vec<Verdict> {
        let outcome = |check: &dyn Check| {
            let found = self.found.iter().find(|seen| seen.finding.rule == check.rule());
            found.map_or_else(|| check.so_far(&self.subject), |seen| Outcome::Found(seen.clone()))
        };
        self.state.all().map(|check| Verdict { rule: check.rule(), outcome: outcome(check) }).into()
    }
}
