//! Loss, metrics and statistics over time.

use serde::Serialize;

use crate::record::Record;
use crate::scores::Scores;
use crate::telemetry::Telemetry;

/// The most points of a curve of steps.
const MOST_STEPS: usize = 1500;

/// The most points of a layer's history.
const MOST_FRAMES: usize = 500;

/// Loss and metrics over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    steps: Steps,
    epochs: Vec<Epoch>,
    test: Option<Scores>,
    frames: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Steps {
    step: Vec<u64>,
    loss: Vec<f64>,
    learning_rate: Vec<f64>,
    head_gradient_norm: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the field is named as in `metrics.jsonl`")]
struct Epoch {
    epoch: u64,
    step: u64,
    train_loss: f64,
    train_accuracy: Option<f64>,
    validation: Scores,
    best: bool,
}

impl Series {
    pub(super) fn add(&mut self, record: &Record) {
        match record {
            Record::Step { step, loss, learning_rate, head_gradient_norm, .. } => {
                self.steps.step.push(*step);
                self.steps.loss.push(*loss);
                self.steps.learning_rate.push(*learning_rate);
                self.steps.head_gradient_norm.push(*head_gradient_norm);
            }
            Record::Epoch { epoch, step, train_loss, train_accuracy, validation, best } => {
                self.epochs.push(Epoch {
                    epoch: *epoch,
                    step: *step,
                    train_loss: *train_loss,
                    train_accuracy: *train_accuracy,
                    validation: validation.clone(),
                    best: *best,
                });
            }
            Record::End { test, .. } => self.test = Some(test.clone()),
            Record::Resume { .. } => {}
        }
    }

    pub(super) fn last_step(&self) -> u64 {
        self.steps.step.last().copied().unwrap_or(0)
    }

    pub(super) fn last_loss(&self) -> Option<f64> {
        self.steps.loss.last().copied()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.test.is_some()
    }

    /// The same with fewer steps, evenly taken and always with the last, and with the steps of frames.
    pub(super) fn thinned(&self, frames: Vec<u64>) -> Self {
        let places = thin(self.steps.step.len(), MOST_STEPS);
        let some = |numbers: &[f64]| places.iter().map(|place| numbers[*place]).collect();
        let steps = Steps {
            step: places.iter().map(|place| self.steps.step[*place]).collect(),
            loss: some(&self.steps.loss),
            learning_rate: some(&self.steps.learning_rate),
            head_gradient_norm: some(&self.steps.head_gradient_norm),
        };
        Self { steps, epochs: self.epochs.clone(), test: self.test.clone(), frames }
    }
}

/// The statistics of a layer over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LayerHistory {
    step: Vec<u64>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    zeros: Vec<f64>,
}

impl LayerHistory {
    pub(super) fn read(telemetry: &Telemetry, name: &str) -> Self {
        let mut history = Self::default();
        for number in thin(telemetry.len(), MOST_FRAMES) {
            let Ok(frame) = telemetry.frame(number) else { continue };
            let Some(layer) = frame.layers.iter().find(|layer| layer.name == name) else { continue };
            let statistics = &layer.statistics;
            history.step.push(frame.step);
            history.mean.push(statistics.mean);
            history.deviation.push(statistics.deviation);
            history.low.push(statistics.low);
            history.high.push(statistics.high);
            history.zeros.push(statistics.zeros);
        }
        history
    }
}

/// At most so many places out of `count`, evenly spread, the last among them.
fn thin(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (0..most).map(|at| at * (count - 1) / (most - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        assert_eq!(thin(3, 10), [0, 1, 2]);
        assert_eq!(thin(101, 3), [0, 50, 100]);
        assert!(thin(0, 3).is_empty());
    }
}
