//! What the loss was fed: rules 2, 3, 11 and 24 by its shape, rule 32 by its size.

use logit_spec::{Activation, Expects, Finding, Level, Pairing, Rule, Units, judge};
use serde::{Deserialize, Serialize};

use super::number::{Extremes, Streak, from_to, short};
use super::shape::{HIDDEN, NO_LOG_PROBABILITIES, NORMALISED, Shape, WRONG_AXIS};
use super::{Check, Outcome, Subject};
use crate::telemetry::Frame;

/// One rule on the activation before the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fed {
    rule: Rule,
    seen: Extremes,
    /// One for each shape of the rule, in their order.
    streaks: Vec<Streak>,
}

impl Fed {
    pub(super) fn of(rule: Rule) -> Self {
        Self { rule, seen: Extremes::default(), streaks: Vec::new() }
    }

    fn shapes(&self) -> &'static [Shape] {
        match self.rule {
            Rule::ActivationBeforeLogitsLoss => NORMALISED,
            Rule::NotLogProbabilities => NO_LOG_PROBABILITIES,
            Rule::HiddenActivationAtHead => HIDDEN,
            Rule::SoftmaxAxis => WRONG_AXIS,
            _ => &[],
        }
    }

    /// Why the rule says nothing of this head, if so.
    fn does_not_apply(&self, subject: &Subject) -> Option<String> {
        let facts = subject.loss.facts();
        let wanted = match self.rule {
            Rule::NotLogProbabilities => facts.expects == Expects::LogProbabilities,
            Rule::SoftmaxAxis => facts.expects != Expects::RealValues && subject.units > 1,
            _ => facts.expects == Expects::Logits,
        };
        let takes = match facts.expects {
            Expects::Logits => "logits",
            Expects::LogProbabilities => "log-probabilities",
            Expects::Probabilities => "probabilities",
            Expects::RealValues => "values",
        };
        (!wanted).then(|| match self.rule {
            Rule::SoftmaxAxis if subject.units < 2 => "a head of one unit has no softmax".to_owned(),
            _ => format!("the rule does not apply: {} takes {takes}", facts.title),
        })
    }

    /// What is open although no shape was found: small logits look like the output of a sigmoid or tanh.
    fn doubt(&self) -> Option<&'static str> {
        let Extremes { low, high, .. } = self.seen;
        match self.rule {
            Rule::ActivationBeforeLogitsLoss if low >= 0.0 && high <= 1.0 => {
                Some("where a sigmoid cannot be told from small logits")
            }
            Rule::HiddenActivationAtHead if low >= -1.0 && high <= 1.0 => {
                Some("where a tanh cannot be told from small logits")
            }
            Rule::HiddenActivationAtHead if low > -1.0 => Some("where an ELU cannot be told from logits"),
            _ => None,
        }
    }
}

impl Check for Fed {
    fn rule(&self) -> Rule {
        self.rule
    }

    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding> {
        if self.does_not_apply(subject).is_some() {
            return None;
        }
        self.seen.add(frame.output.low, frame.output.high);
        let shapes = self.shapes();
        self.streaks.resize(shapes.len(), Streak::default());
        for (shape, streak) in shapes.iter().zip(&mut self.streaks) {
            streak.see((shape.fits)(frame), frame.step);
        }
        let mut each = shapes.iter().zip(&self.streaks);
        let (shape, streak) = each.find(|(shape, streak)| streak.lasts(shape.frames, shape.steps))?;
        let message = format!("{} ({})", (shape.describe)(&frame.output), streak.describe());
        if self.rule == Rule::SoftmaxAxis {
            return wrong_axis(subject, shape.activation, frame, message);
        }
        let finding = verdict(self.rule, subject, shape.activation, message)?;
        Some(Finding { level: finding.level.min(shape.at_most), ..finding })
    }

    fn so_far(&self, subject: &Subject) -> Outcome {
        if let Some(why) = self.does_not_apply(subject) {
            return Outcome::Unclear { why };
        }
        let Extremes { count, low, high } = self.seen;
        let range = from_to([low, high]);
        if count < 3 {
            return Outcome::Unclear { why: format!("{count} frames with finite outputs, and 3 are needed") };
        }
        match self.doubt() {
            Some(doubt) => {
                Outcome::Unclear { why: format!("all outputs of {count} frames lie in {range}, {doubt}") }
            }
            None => Outcome::Fine {
                frames: count,
                seen: format!("what the loss was fed lies in {range} and has the shape that it takes"),
            },
        }
    }
}

/// Level, reason and fix as the table of pairings has them, where it speaks of this rule.
fn verdict(rule: Rule, subject: &Subject, activation: Activation, message: String) -> Option<Finding> {
    let pairing = Pairing {
        units: Units::of(subject.units),
        activations: Some(&[activation]),
        loss: Some(subject.loss),
        target: subject.answer.facts().target_forms.first().copied(),
        target_range: None,
    };
    let like = match activation {
        Activation::Linear => "as raw outputs are".to_owned(),
        _ => format!("as after {}", activation.facts().title),
    };
    judge(&pairing).finding(format!("{message}: {like}")).filter(|finding| finding.fault == rule)
}

/// An error; but before a loss on probabilities only a warning and only for sums of 1, because sigmoids
/// that are trained to the end have columns that sum to how often their label applies.
fn wrong_axis(subject: &Subject, activation: Activation, frame: &Frame, message: String) -> Option<Finding> {
    let title = activation.facts().title;
    let probabilities = subject.loss.facts().expects == Expects::Probabilities;
    let counts = frame.output.column_sums[1] > 1.5;
    (!probabilities || !counts).then(|| Finding {
        fault: Rule::SoftmaxAxis.into(),
        level: if probabilities { Level::Warning } else { Level::Error },
        message: format!("{message}: as after {title} over another axis than the units'"),
        reason:
            "The samples of the batch compete with each other, and not the classes: an answer depends on what \
                 else is in the batch, and says nothing of the class."
                .to_owned(),
        fix: format!("Give {title} the axis of the units (`dim=1`); before a loss on logits remove it."),
    })
}

/// The largest number of half precision (IEEE binary16).
const HALF: f64 = 65_504.0;

/// How near to it is too near: a factor of 4.
const NEAR: f64 = HALF / 4.0;

/// Rule 32.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Overflow {
    seen: Extremes,
}

/// How many numbers of the logits, or of what the loss was fed, are not finite.
fn not_finite(frame: &Frame) -> u64 {
    let logits = frame.layers.iter().filter(|layer| layer.name == "logits");
    let counted: u64 = logits.map(|layer| layer.statistics.not_finite).sum();
    let fed = frame.output.rows > 0 && !(frame.output.low.is_finite() && frame.output.high.is_finite());
    counted.max(u64::from(fed))
}

/// The ends of the logits, or of what the loss was fed where they were not recorded.
fn ends(frame: &Frame) -> [f64; 2] {
    let logits = frame.layers.iter().rev().find(|layer| layer.name == "logits");
    logits
        .map_or([frame.output.low, frame.output.high], |layer| [layer.statistics.low, layer.statistics.high])
}

impl Check for Overflow {
    fn rule(&self) -> Rule {
        Rule::HalfPrecisionOverflow
    }

    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding> {
        let [low, high] = ends(frame);
        let lost = not_finite(frame);
        self.seen.add(low, high);
        if lost > 0 {
            return Some(not_numbers(lost, frame));
        }
        let values = subject.loss.facts().expects == Expects::RealValues;
        let size = low.abs().max(high.abs());
        (size > NEAR && !values).then(|| too_large(low, high, size > HALF, frame.step))
    }

    fn so_far(&self, subject: &Subject) -> Outcome {
        let Extremes { count, low, high } = self.seen;
        if count == 0 {
            return Outcome::Unclear { why: "no frame was seen".to_owned() };
        }
        let range = from_to([low, high]);
        let seen = if subject.loss.facts().expects == Expects::RealValues {
            format!("all outputs are finite, in {range}; values may be of any size")
        } else {
            format!("all logits are finite and lie in {range}, well within 65504")
        };
        Outcome::Fine { frames: count, seen }
    }
}

fn not_numbers(lost: u64, frame: &Frame) -> Finding {
    let loss = short(frame.loss);
    Finding {
        fault: Rule::HalfPrecisionOverflow.into(),
        level: Level::Error,
        message: format!(
            "at step {} at least {lost} outputs are NaN or infinite; the loss is {loss}",
            frame.step
        ),
        reason: "A loss of such outputs is no number, nor are its gradients: one update spoils every weight."
            .to_owned(),
        fix:
            "Go back to a checkpoint before that step and lower the learning rate or clip the gradient; look \
              for divisions by 0 and logarithms of 0, and for inputs that are not finite."
                .to_owned(),
    }
}

fn too_large(low: f64, high: f64, beyond: bool, step: u64) -> Finding {
    let range = from_to([low, high]);
    Finding {
        fault: Rule::HalfPrecisionOverflow.into(),
        level: if beyond { Level::Error } else { Level::Warning },
        message: format!(
            "at step {step} the logits lie in {range}, {} what half precision holds (65504)",
            if beyond { "beyond" } else { "within a factor of 4 of" }
        ),
        reason: "In half precision such a logit is infinite and the loss no number; in any precision a softmax or \
                 sigmoid of it is exactly 0 or 1, so that it learns nothing more."
            .to_owned(),
        fix: "Lower the learning rate, scale the inputs to about −1 … 1, or add weight decay; compute logits and \
              loss in single precision."
            .to_owned(),
    }
}
