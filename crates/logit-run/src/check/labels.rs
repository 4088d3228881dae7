//! Rule 25: inputs and labels that were shuffled apart.
//!
//! A network that has learned anything of its inputs loses when each target is taken from the next
//! sample. Where it does not although training has moved the outputs, and the loss is still what the
//! classes' frequencies alone would give, then the inputs say nothing of the labels.
//!
//! A head of P weights that learns N labels by heart gains about P/N without knowing anything, so that
//! little is not nothing; and a right training that is slow gains less than that for long, but every bit
//! of what its outputs tell is then of the labels.

use std::collections::BTreeMap;

use logit_spec::{Finding, Level, Reading, Rule};
use serde::{Deserialize, Serialize};

use super::number::{Mean, short};
use super::{Check, Outcome, Subject};
use crate::telemetry::Frame;

/// Frames before this step are those of a network that has hardly learned yet.
const LEARNING: u64 = 20;

/// Training must have gone on for so many steps,
const STEPS: u64 = 100;

/// with so many frames since it is learning.
const FRAMES: u64 = 5;

/// How many standard errors are no chance.
const ERRORS: f64 = 2.0;

/// What shuffling may cost at most, as a share of the loss, to be no knowledge.
const SMALL: f64 = 0.1;

/// What the correlation of outputs and targets may be at most: √(P/N) of what is learned by heart.
const ALIGNED: f64 = 0.15;

/// The loss has not fallen while it is above this share of what the frequencies of the classes give.
const NOT_FALLEN: f64 = 0.9;

/// Until it has come down to this many times that, training has not even learned the frequencies.
const NOT_YET: f64 = 1.25;

/// By what factor the spread of the outputs must have changed to show that training moved them.
const MOVED: f64 = 2.0;

/// Or how many times that spread the updates must come to, to be more than where the start pointed to.
const PUSHED: f64 = 3.0;

/// Rule 25.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ShuffledApart {
    /// What shuffling the targets costs.
    cost: Mean,
    loss: Mean,
    /// Of a guess that knows the frequencies of the classes, where they are known, or of one that does not.
    guess: Mean,
    /// Spread of the outputs at the first frame and now.
    first: Option<f64>,
    spread: f64,
    /// What shuffling would cost if outputs of this spread said all of the targets.
    whole: Mean,
    /// By how much the updates of the head alone would have moved the outputs, had they all one direction:
    /// learning rate × squared gradient, summed over the steps.
    path: f64,
    step: u64,
}

/// Shares of the classes in the batch.
fn shares(confusion: &[[u32; 3]]) -> Vec<f64> {
    let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
    for [truth, _, count] in confusion {
        *counts.entry(*truth).or_default() += f64::from(*count);
    }
    let all: f64 = counts.values().sum();
    counts.into_values().filter(|count| *count > 0.0).map(|count| count / all).collect()
}

/// What a guess costs that knows the frequencies of the classes, and the standard deviations of the
/// targets, summed over the units that the loss sums. Shuffling costs the covariance of both, and so this
/// times the spread of the outputs at most.
fn targets(subject: &Subject, frame: &Frame, chance: f64) -> (f64, f64) {
    let shares = shares(&frame.confusion);
    let entropy = || shares.iter().map(|share| -share * share.ln()).sum::<f64>().min(chance);
    let deviation = || shares.iter().map(|share| (share * (1.0 - share)).sqrt()).sum::<f64>();
    match subject.loss.facts().reading {
        Reading::Classes if !shares.is_empty() => (entropy(), deviation()),
        Reading::Each if !shares.is_empty() && subject.units == 1 => (entropy(), deviation() / 2.0),
        Reading::Values => (chance, 2.0 * chance.abs().sqrt()),
        Reading::Classes | Reading::Steps => (chance, (subject.units.max(2) as f64 - 1.0).sqrt()),
        _ => (chance, 0.5),
    }
}

impl ShuffledApart {
    /// Whether training has moved the outputs: a slow one that still shows its random start is not judged.
    fn moved(&self) -> bool {
        let first = self.first.unwrap_or_default();
        self.spread > MOVED * first || self.spread < first / MOVED || self.path > PUSHED * first
    }

    /// Whether shuffling costs something that is not chance.
    fn costs(&self) -> bool {
        let Mean { value: mean, .. } = self.cost;
        let known = mean > self.small() || mean > ALIGNED * self.whole.value;
        known && mean > ERRORS * self.cost.error()
    }

    /// What shuffling must cost to be something.
    fn small(&self) -> f64 {
        SMALL * self.guess.value.min(self.loss.value)
    }

    fn apart(&self) -> bool {
        let guessing = (NOT_FALLEN..NOT_YET).contains(&(self.loss.value / self.guess.value));
        let little = self.cost.value + ERRORS * self.cost.error() < self.small();
        let enough = self.step >= STEPS && self.cost.count >= FRAMES;
        enough && self.moved() && guessing && little && !self.costs()
    }

    fn follow(&mut self, frame: &Frame) {
        let steps = frame.step.saturating_sub(self.step) as f64;
        let update = steps * frame.learning_rate * frame.head_gradient_norm.powi(2);
        self.path += if update.is_finite() { update } else { 0.0 };
        self.step = frame.step;
        if frame.output.spread.is_finite() {
            self.spread = frame.output.spread;
            self.first.get_or_insert(self.spread);
        }
    }
}

impl Check for ShuffledApart {
    fn rule(&self) -> Rule {
        Rule::ShuffledApart
    }

    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding> {
        self.follow(frame);
        let (shuffled, chance) = frame.shuffled_loss.zip(frame.chance_loss)?;
        if frame.step < LEARNING || !frame.loss.is_finite() || !shuffled.is_finite() || !chance.is_finite() {
            return None;
        }
        let (guess, deviation) = targets(subject, frame, chance);
        self.cost.add(shuffled - frame.loss);
        self.loss.add(frame.loss);
        self.guess.add(guess);
        self.whole.add(self.spread * deviation);
        self.apart().then(|| self.finding())
    }

    fn so_far(&self, _: &Subject) -> Outcome {
        let Mean { count, value: mean, .. } = self.cost;
        let seen = format!(
            "targets taken from the next sample cost {} more than the loss of {}, with a standard error of {}",
            short(mean),
            short(self.loss.value),
            short(self.cost.error())
        );
        let why = match () {
            () if count == 0 => {
                format!("no frame from step {LEARNING} on has a loss of shuffled targets and of a guess")
            }
            () if self.step < STEPS => format!("only {} steps, and {STEPS} are needed", self.step),
            () if count < FRAMES => {
                format!("only {count} frames from step {LEARNING} on, and {FRAMES} are needed")
            }
            () if self.costs() => return Outcome::Fine { frames: count, seen },
            () if !self.moved() => "training has hardly moved the outputs yet".to_owned(),
            () => format!("{seen}: too little to tell"),
        };
        Outcome::Unclear { why }
    }
}

impl ShuffledApart {
    fn finding(&self) -> Finding {
        Finding {
            fault: Rule::ShuffledApart.into(),
            level: Level::Warning,
            message: format!(
                "up to step {}, on {} frames, targets taken from the next sample cost only {} more (standard error {}) \
                 than the right ones, at a loss of {} where a guess costs {}",
                self.step,
                self.cost.count,
                short(self.cost.value),
                short(self.cost.error()),
                short(self.loss.value),
                short(self.guess.value)
            ),
            reason: "The outputs have moved and know nothing of the targets: inputs and labels do not belong together, \
                     or the inputs say almost nothing of the labels."
                .to_owned(),
            fix: "Look at a few samples with their labels as the network gets them; shuffle and filter both with one \
                  order. If they belong together, train longer or with another learning rate."
                .to_owned(),
        }
    }
}
