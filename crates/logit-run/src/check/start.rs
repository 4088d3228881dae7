//! How a training starts: rule 20 (the loss is a sum) and rule 21 (the first loss is odd).

use logit_spec::{Finding, Level, Loss, Reading, Rule};
use serde::{Deserialize, Serialize};

use super::number::{Mean, short};
use super::{Check, Outcome, Subject};
use crate::telemetry::Frame;

/// The last step whose loss is that of a network which has learned nothing.
const FIRST_STEP: u64 = 1;

/// Fewer rows say little of a first loss: a head that starts with the log prior as its bias pays ln 100
/// for one row of a class of 1 %.
const ENOUGH_ROWS: u64 = 16;

/// A sum over fewer rows is too near to a mean.
const ROWS_OF_A_SUM: u64 = 8;

/// How far a sum may be from rows × chance, as a factor.
const NEAR_A_SUM: f64 = 1.5;

/// By what factor the sizes of two batches must differ to be compared, and within how many steps.
const DIFFERENT: f64 = 1.5;
const SOON: u64 = 50;

/// How many such pairs of batches are needed.
const PAIRS: u64 = 6;

/// The losses that may be negative.
const SIGNED: [Loss; 2] = [Loss::GaussianNll, Loss::MinusPearson];

/// How often the loss is counted that a mean counts once, if the loss can only be a sum: it is about
/// that often the chance, and larger than the mean of any outputs of this size could be.
fn times(subject: &Subject, frame: &Frame) -> Option<u64> {
    let (chance, seen) = (frame.chance_loss?, &frame.output);
    let reading = subject.loss.facts().reading;
    let most = chance + 2.0 * seen.low.abs().max(seen.high.abs());
    let certain =
        chance > 0.0 && frame.loss > most && seen.rows >= ROWS_OF_A_SUM && reading != Reading::Values;
    let each = matches!(reading, Reading::Each | Reading::ClassesOrEach | Reading::Cumulative);
    let all = seen.rows * if each { u64::from(seen.units) } else { 1 };
    let near = |count: u64| {
        let ratio = frame.loss / chance / count as f64;
        (1.0 / NEAR_A_SUM..NEAR_A_SUM).contains(&ratio)
    };
    [seen.rows, all].into_iter().find(|count| certain && near(*count))
}

/// Rule 20.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SummedLoss {
    frames: u64,
    /// Step, rows and loss of the frame before.
    before: Option<(u64, u64, f64)>,
    /// By which power of the number of rows the loss grows, a number for each pair of different batches.
    power: Mean,
    /// First loss over chance.
    first: Option<f64>,
}

impl SummedLoss {
    fn compare(&mut self, frame: &Frame) {
        let now = (frame.step, frame.output.rows, frame.loss);
        let usable = now.1 > 0 && now.2 > 0.0 && now.2.is_finite();
        let before = std::mem::replace(&mut self.before, usable.then_some(now));
        let Some((step, rows, loss)) = before.filter(|_| usable) else { return };
        let sizes = (now.1 as f64 / rows as f64).ln();
        if sizes.abs() >= DIFFERENT.ln() && now.0.saturating_sub(step) <= SOON {
            self.power.add((now.2 / loss).ln() / sizes);
        }
    }

    /// Whether the loss grows with the rows, beyond what noise of the losses would do.
    fn grows(&self) -> bool {
        let Mean { count, value: mean, .. } = self.power;
        count >= PAIRS && (mean - 1.0).abs() < 0.4 && mean - 4.0 * self.power.error() > 0.3
    }
}

impl Check for SummedLoss {
    fn rule(&self) -> Rule {
        Rule::SummedLoss
    }

    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding> {
        self.frames += 1;
        let starts = self.frames == 1 && frame.step <= FIRST_STEP;
        let ratio = frame.chance_loss.map(|chance| frame.loss / chance);
        self.first = if starts { ratio.filter(|ratio| ratio.is_finite()) } else { self.first };
        self.compare(frame);
        let (loss, rows, step) = (short(frame.loss), frame.output.rows, frame.step);
        if let Some(count) = times(subject, frame).filter(|_| starts) {
            let chance = short(frame.chance_loss.unwrap_or_default());
            let message = format!(
                "at step {step} the loss is {loss}, about {count} times the {chance} of a guess, on {rows} rows"
            );
            return Some(summed(message));
        }
        self.grows().then(|| {
            summed(format!(
                "up to step {step}, on {} pairs of batches of different size, the loss grows as the power {} of \
                 the number of rows (a mean: 0, a sum: 1)",
                self.power.count,
                short(self.power.value)
            ))
        })
    }

    fn so_far(&self, subject: &Subject) -> Outcome {
        let Mean { count, value: mean, .. } = self.power;
        let judged = subject.loss.facts().reading != Reading::Values;
        match self.first.filter(|_| judged) {
            _ if count >= PAIRS => Outcome::Fine {
                frames: self.frames,
                seen: format!(
                    "on {count} pairs of batches of different size the loss grows as their power {}",
                    short(mean)
                ),
            },
            Some(ratio) => Outcome::Fine {
                frames: self.frames,
                seen: format!("the first loss is {} times that of a guess, which is no sum's", short(ratio)),
            },
            None => Outcome::Unclear {
                why: format!(
                    "no first loss to compare with a guess, and only {count} pairs of batches whose sizes differ by \
                     half ({PAIRS} are needed)"
                ),
            },
        }
    }
}

fn summed(message: String) -> Finding {
    Finding {
        fault: Rule::SummedLoss.into(),
        level: Level::Warning,
        message,
        reason:
            "The loss is a sum over the batch and not a mean: its gradient, and so the step, grows with the \
                 batch, and another batch size needs another learning rate."
                .to_owned(),
        fix: "Take the mean (`reduction=\"mean\"`), or divide the sum by the number of targets.".to_owned(),
    }
}

/// Rule 21.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FirstLoss {
    /// The loss and that of a guess.
    first: Option<(f64, f64)>,
    /// Why the first loss cannot be judged.
    open: Option<String>,
}

/// How many times the loss of a guess the first loss may be. Logits of standard deviation 1 cost ln 2 a
/// third more and ln 10 a quarter, and of right trainings of a linear layer on few, far clouds of points
/// one in a hundred starts at 2 times by bad luck. Below is no fault: a bias that starts at the log prior
/// begins with the entropy of the classes. Values that are not centred start at their mean squared over
/// their variance, so that only a start more than three deviations away counts.
fn most(subject: &Subject) -> f64 {
    if subject.loss.facts().reading == Reading::Values { 10.0 } else { 2.5 }
}

/// Why a first frame says nothing.
fn not_first(frame: &Frame) -> Option<String> {
    let rows = frame.output.rows;
    if frame.step > FIRST_STEP {
        return Some(format!("the first frame is of step {}", frame.step));
    }
    if !frame.loss.is_finite() {
        return Some("the first loss is not a number".to_owned());
    }
    if !frame.chance_loss.is_some_and(|chance| chance > 0.0 && chance.is_finite()) {
        return Some("it is not known what a guess would cost".to_owned());
    }
    (rows < ENOUGH_ROWS).then(|| format!("the first batch has {rows} rows, and {ENOUGH_ROWS} are needed"))
}

impl Check for FirstLoss {
    fn rule(&self) -> Rule {
        Rule::OddFirstLoss
    }

    fn see(&mut self, subject: &Subject, frame: &Frame) -> Option<Finding> {
        if self.first.is_some() || self.open.is_some() {
            return None;
        }
        self.open = not_first(frame);
        let chance = frame.chance_loss.filter(|_| self.open.is_none())?;
        self.first = Some((frame.loss, chance));
        let (loss, guess, step) = (short(frame.loss), short(chance), frame.step);
        if frame.loss < 0.0 && !SIGNED.contains(&subject.loss) {
            return Some(negative(format!("the loss at step {step} is {loss}, where a guess costs {guess}")));
        }
        let high = frame.loss > most(subject) * chance && times(subject, frame).is_none();
        let ratio = short(frame.loss / chance);
        high.then(|| far(format!("the loss at step {step} is {loss}, {ratio} times the {guess} of a guess")))
    }

    fn so_far(&self, subject: &Subject) -> Outcome {
        match (self.first, &self.open) {
            (Some((loss, chance)), _) => Outcome::Fine {
                frames: 1,
                seen: format!(
                    "the first loss is {}, and a guess costs {}; up to {} times that is fine",
                    short(loss),
                    short(chance),
                    most(subject)
                ),
            },
            (None, Some(open)) => Outcome::Unclear { why: open.clone() },
            (None, None) => Outcome::Unclear { why: "no frame was seen".to_owned() },
        }
    }
}

fn negative(message: String) -> Finding {
    Finding {
        fault: Rule::OddFirstLoss.into(),
        level: Level::Warning,
        message,
        reason: "This loss is never negative on what it takes: it is fed something else, or its sign is turned."
            .to_owned(),
        fix: "Look at what the loss is fed: logits, log-probabilities or probabilities, as the loss wants them."
            .to_owned(),
    }
}

fn far(message: String) -> Finding {
    Finding {
        fault: Rule::OddFirstLoss.into(),
        level: Level::Warning,
        message,
        reason: "Before anything is learned the outputs should say `I do not know`. These are sure and wrong: the \
                 first steps are spent on unlearning that, or the loss is not what it is taken for."
            .to_owned(),
        fix: "Scale the inputs and start the last layer with small weights and a bias at the log prior (for values: \
              centre the targets); or look whether the loss and the form of the targets are the ones meant."
            .to_owned(),
    }
}
