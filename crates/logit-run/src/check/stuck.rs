//! A head that does not move: rule 22 (outputs all alike or all certain) and rule 23 (no gradient).

use logit_spec::{Expects, Finding, Level, Rule};
use serde::{Deserialize, Serialize};

use super::number::{Streak, from_to, short};
use super::{Check, Outcome, Subject};
use crate::telemetry::Frame;

/// Before this step a head may still stand as it started: at weights of 0, under a warm-up.
const STARTED: u64 = 20;

/// On how many frames in a row it must hold.
const FRAMES: u32 = 3;

/// A spread over the batch that is only rounding, relative to the size of the outputs. Equal sums in
/// single precision are equal to the bit or to 1e-7.
const ALIKE: f64 = 1e-6;

/// A mean confidence that leaves no doubt.
const CERTAIN: f64 = 0.999;

/// A loss above this share of a guess's is high. Certain outputs reach it only if many are wrong.
const HIGH: f64 = 0.5;

/// A loss below this share of a guess's has nothing left to learn.
const LEARNED: f64 = 1e-3;

/// A gradient norm that counts as none, relative to the loss.
const NONE: f64 = 1e-10;

/// Mean confidence of the batch; of outputs that are probabilities, what lies at 0 or 1.
fn confidence(subject: &Subject, frame: &Frame) -> Option<f64> {
    let (count, sum) =
        frame.reliability.iter().fold((0.0, 0.0), |(n, s), [count, sum, _]| (n + count, s + sum));
    if count > 0.0 {
        return Some(sum / count);
    }
    let probabilities = subject.loss.facts().expects == Expects::Probabilities;
    probabilities.then_some(frame.output.near_unit_ends)
}

/// Rule 22.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StuckOutputs {
    frames: u64,
    alike: Streak,
    certain: Streak,
    /// Spread and, where known, mean confidence of the last frame.
    last: (f64, Option<f64>),
}

impl Check for StuckOutputs {
    fn rule(&self) -> Rule {
        Rule::FlatOrSaturatedLogits
    }

    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding> {
        let seen = &frame.output;
        if frame.step < STARTED || seen.rows < 2 || !seen.spread.is_finite() {
            return None;
        }
        let size = seen.low.abs().max(seen.high.abs());
        let confidence = confidence(subject, frame).filter(|confidence| confidence.is_finite());
        let high = frame.chance_loss.is_some_and(|chance| frame.loss > HIGH * chance);
        self.frames += 1;
        self.last = (seen.spread, confidence);
        self.alike.see(seen.spread <= ALIKE * size, frame.step);
        self.certain.see(high && confidence.is_some_and(|mean| mean > CERTAIN), frame.step);
        if self.alike.lasts(FRAMES, 0) {
            return Some(alike(frame, &self.alike));
        }
        self.certain.lasts(FRAMES, 0).then(|| certain(frame, confidence.unwrap_or_default(), &self.certain))
    }

    fn so_far(&self, _: &Subject) -> Outcome {
        let (spread, confidence) = self.last;
        if self.frames < u64::from(FRAMES) {
            let why = format!(
                "{} frames of two rows or more from step {STARTED} on; {FRAMES} are needed",
                self.frames
            );
            return Outcome::Unclear { why };
        }
        let sure = match confidence {
            Some(mean) => format!("mean confidence {}", short(mean)),
            None => "saturation was not looked at, for want of confidences".to_owned(),
        };
        let spread = short(spread);
        Outcome::Fine {
            frames: self.frames,
            seen: format!("the outputs differ between samples (on the last frame by {spread}); {sure}"),
        }
    }
}

fn alike(frame: &Frame, streak: &Streak) -> Finding {
    let seen = &frame.output;
    Finding {
        fault: Rule::FlatOrSaturatedLogits.into(),
        level: Level::Warning,
        message: format!(
            "all {} rows of the batch get the same outputs, {}, within {} ({})",
            seen.rows,
            from_to([seen.low, seen.high]),
            short(seen.spread),
            streak.describe()
        ),
        reason: "The outputs do not depend on the input: what comes before the head is dead, cut off or the same for \
                 every sample, and only the bias learns."
            .to_owned(),
        fix: "Look along the layers for the first whose output is constant: dead rectifiers, inputs that are all \
              alike, a learning rate so high that the weights broke."
            .to_owned(),
    }
}

fn certain(frame: &Frame, confidence: f64, streak: &Streak) -> Finding {
    Finding {
        fault: Rule::FlatOrSaturatedLogits.into(),
        level: Level::Warning,
        message: format!(
            "the mean confidence is {}, and still the loss is {} where a guess costs {} ({})",
            short(confidence),
            short(frame.loss),
            short(frame.chance_loss.unwrap_or_default()),
            streak.describe()
        ),
        reason: "Every answer is certain and many are wrong: at the flat end of softmax or sigmoid hardly a gradient \
                 is left to turn them."
            .to_owned(),
        fix: "Lower the learning rate, scale the inputs, start the last layer with smaller weights.".to_owned(),
    }
}

/// Rule 23.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ZeroGradient {
    frames: u64,
    none: Streak,
    /// The largest norm so far.
    largest: f64,
}

impl ZeroGradient {
    /// Whether there is no gradient. One that was there before may have become very small because
    /// training is at its end: then only an exact 0 counts.
    fn is_none(&self, frame: &Frame) -> bool {
        let norm = frame.head_gradient_norm;
        let moved = self.largest > NONE * frame.loss.abs();
        norm == 0.0 || (!moved && norm < NONE * frame.loss.abs())
    }
}

impl Check for ZeroGradient {
    fn rule(&self) -> Rule {
        Rule::ZeroGradientAtHead
    }

    fn see(&mut self, _: &Subject, frame: &Frame) -> Option<Finding> {
        let norm = frame.head_gradient_norm;
        if !frame.loss.is_finite() || !norm.is_finite() {
            return None;
        }
        let high = frame.loss.abs() > LEARNED * frame.chance_loss.unwrap_or(LEARNED).abs();
        self.frames += 1;
        self.none.see(high && self.is_none(frame), frame.step);
        self.largest = self.largest.max(norm);
        self.none.lasts(FRAMES, 0).then(|| Finding {
            fault: Rule::ZeroGradientAtHead.into(),
            level: Level::Error,
            message: format!(
                "the gradient at the head has norm {} while the loss is {} ({})",
                short(norm),
                short(frame.loss),
                self.none.describe()
            ),
            reason: "Without a gradient nothing before the loss learns: the graph is cut between head and loss, or the \
                     outputs sit where an activation is flat."
                .to_owned(),
            fix: "Look for `detach`, `no_grad`, `argmax` or rounding between the outputs and the loss, for frozen \
                  weights, and for an activation after the head."
                .to_owned(),
        })
    }

    fn so_far(&self, _: &Subject) -> Outcome {
        if self.frames < u64::from(FRAMES) {
            return Outcome::Unclear {
                why: format!("{} frames with a gradient, and {FRAMES} are needed", self.frames),
            };
        }
        let largest = short(self.largest);
        Outcome::Fine {
            frames: self.frames,
            seen: format!("the gradient at the head has a norm of up to {largest}"),
        }
    }
}
