//! What a frame shows, with what is only known from those before it.

use serde::Serialize;

use crate::error::RunError;
use crate::telemetry::{Frame, Layer, OutputSeen, Shown, Telemetry};
use crate::watched::Watched;

/// How many frames are gone back at most: samples that did not come by since are not shown.
const BACK: usize = 5000;

/// The most classes whose confusion is shown.
const MOST_CLASSES: usize = 200;

/// What was known when a frame was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Past {
    /// The frame's step.
    pub step: u64,
    /// Its epoch.
    pub epoch: u64,
    /// Samples of its batch.
    pub batch: u32,
    /// The loss of its pass.
    pub loss: f64,
    /// The loss with each target taken from another sample.
    pub shuffled_loss: Option<f64>,
    /// What the loss is about before anything was learned.
    pub chance_loss: Option<f64>,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// Norm of the gradient of the head's weights.
    pub head_gradient_norm: f64,
    /// The layers, of the last frame that has any.
    pub layers: Vec<Layer>,
    /// The gradients that arrived at them.
    pub gradients: Vec<Layer>,
    /// What the loss was fed.
    pub output: OutputSeen,
    /// The step that layers and output are of.
    pub layers_step: Option<u64>,
    /// Every chosen sample that came by, as of its last pass.
    pub samples: Vec<Sight>,
    /// Truth by decision, over the epoch's recorded passes so far.
    pub confusion: Option<Vec<Vec<u32>>>,
    /// Ten bins of confidence over the same: how many, the sum of their confidences, how many were right.
    pub reliability: Option<Vec<[f64; 3]>>,
}

/// A chosen sample when it last came by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sight {
    /// Its row.
    pub row: u32,
    /// The step of that pass.
    pub step: u64,
    /// Its logits.
    pub logits: Vec<f32>,
    /// Its probabilities.
    pub probabilities: Vec<f32>,
    /// What the pass was shown of it, where that differs from pass to pass.
    pub shown: Option<Shown>,
}

impl Past {
    pub(super) fn read(telemetry: &Telemetry, watched: &Watched, number: usize) -> Result<Self, RunError> {
        let frame = telemetry.frame(number)?;
        let mut gathered = Gathered::new(watched, frame.epoch);
        gathered.add(&frame);
        for earlier in (number.saturating_sub(BACK)..number).rev() {
            if gathered.is_complete() {
                break;
            }
            // What is damaged is passed over.
            if let Ok(frame) = telemetry.frame(earlier) {
                gathered.add(&frame);
            }
        }
        Ok(gathered.past(frame))
    }
}

/// What is gathered from a frame and those before it.
struct Gathered {
    epoch: u64,
    chosen: usize,
    samples: Vec<Sight>,
    layers: Option<Frame>,
    counts: Vec<Vec<u32>>,
    bins: Vec<[f64; 3]>,
    epoch_over: bool,
}

impl Gathered {
    fn new(watched: &Watched, epoch: u64) -> Self {
        let classes = if watched.names.len() > MOST_CLASSES { 0 } else { watched.names.len() };
        Self {
            epoch,
            chosen: watched.samples.len(),
            samples: Vec::new(),
            layers: None,
            counts: vec![vec![0; classes]; classes],
            bins: vec![[0.0; 3]; 10],
            epoch_over: false,
        }
    }

    fn is_complete(&self) -> bool {
        self.epoch_over && self.samples.len() >= self.chosen && self.layers.is_some()
    }

    fn add(&mut self, frame: &Frame) {
        self.epoch_over |= frame.epoch != self.epoch;
        for seen in &frame.samples {
            if self.samples.iter().all(|known| known.row != seen.row) {
                self.samples.push(Sight {
                    row: seen.row,
                    step: frame.step,
                    logits: seen.logits.clone(),
                    probabilities: seen.probabilities.clone(),
                    shown: seen.shown.clone(),
                });
            }
        }
        if self.layers.is_none() && frame.is_whole() {
            self.layers = Some(frame.clone());
        }
        if self.epoch_over {
            return;
        }
        for [truth, decision, count] in &frame.confusion {
            let row = self.counts.get_mut(*truth as usize);
            if let Some(cell) = row.and_then(|row| row.get_mut(*decision as usize)) {
                *cell = cell.saturating_add(*count);
            }
        }
        for (bin, more) in self.bins.iter_mut().zip(&frame.reliability) {
            bin.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }

    fn past(mut self, frame: Frame) -> Past {
        self.samples.sort_by_key(|sight| sight.row);
        let counted = self.counts.iter().flatten().any(|count| *count > 0);
        let binned = self.bins.iter().any(|bin| bin[0] > 0.0);
        let layers_step = self.layers.as_ref().map(|frame| frame.step);
        let layers = self.layers.unwrap_or_default();
        Past {
            step: frame.step,
            epoch: frame.epoch,
            batch: frame.batch,
            loss: frame.loss,
            shuffled_loss: layers.shuffled_loss,
            chance_loss: layers.chance_loss,
            learning_rate: frame.learning_rate,
            head_gradient_norm: frame.head_gradient_norm,
            layers: layers.layers,
            gradients: layers.gradients,
            output: layers.output,
            layers_step,
            samples: self.samples,
            confusion: counted.then_some(self.counts),
            reliability: binned.then_some(self.bins),
        }
    }
}
