//! What one recorded training step showed.

use logit_kernels::statistics::Statistics;
use serde::{Deserialize, Serialize};

use crate::bounded::at_most;
use crate::watched::{Picture, from_base64, to_base64};

/// The most layers, and the most samples, of a frame that are read.
const MOST_PARTS: usize = 1 << 16;

/// The most bins of confidence that are read.
const MOST_BINS: usize = 1 << 10;

/// A layer's output in numbers, or the gradient that arrives at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name in the network.
    pub name: String,
    /// What its numbers are like.
    pub statistics: Statistics,
}

/// A chosen sample as it went through the pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleSeen {
    /// Row in the training part.
    pub row: u32,
    /// What the head gave for it; empty where that is a map.
    #[serde(default)]
    pub logits: Vec<f32>,
    /// Empty where the kind of answer has none, and where they are a map.
    #[serde(default)]
    pub probabilities: Vec<f32>,
    /// What the pass was shown of it, where that differs from pass to pass. Since version 2.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
}

/// What a pass was shown of a sample where that differs from pass to pass, such as the part that was cut out of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// It, for people to see: of a map's picture, the chosen pixels.
    pub picture: Picture,
    /// What is true of it, in words; empty where the map tells.
    #[serde(default)]
    pub truth: String,
    /// What the head gave for each pixel of the picture, where the answer is a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Map>,
}

/// What is true of each pixel of a picture, and what the head gave for it, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// A byte per pixel, in Base64: its class, or the sum of 2 to the power of each of its labels.
    pub truth: String,
    /// A byte per unit and pixel, all pixels of the first unit first, in Base64: probabilities times 255.
    pub probabilities: String,
}

impl Map {
    /// Of the truth per pixel, and the probabilities of each unit's pixels.
    pub fn of(truth: &[u8], probabilities: impl IntoIterator<Item = f32>) -> Self {
        let bytes: Vec<u8> = probabilities.into_iter().map(|p| (p * 255.0).round() as u8).collect();
        Self { truth: to_base64(truth), probabilities: to_base64(&bytes) }
    }

    /// The truth per pixel, and the probabilities times 255; none where they are no Base64.
    pub fn bytes(&self) -> Option<[Vec<u8>; 2]> {
        Some([from_base64(&self.truth)?, from_base64(&self.probabilities)?])
    }
}

/// What one recorded step showed: training mode, before the update, of the very pass that the loss is of.
///
/// Fields stand in the file by their names: one that is absent has its default, and one that is not known is passed over.
/// Files of format 1 hold them by their order, so that new fields come last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// Its step, from 1.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: u64,
    /// Samples of the batch.
    pub batch: u32,
    /// The loss of the batch.
    pub loss: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Euclidean norm of the gradient of the head's weights; not a number where that is not known.
    #[serde(default = "not_known")]
    pub head_gradient_norm: f64,
    /// Outputs of layers in the order in which they computed, "logits" and "probabilities" last; empty where the step was
    /// recorded for its samples alone.
    #[serde(deserialize_with = "at_most::<MOST_PARTS, _, _>")]
    pub layers: Vec<Layer>,
    /// The gradients that arrived at them, where they were asked for.
    #[serde(deserialize_with = "at_most::<MOST_PARTS, _, _>")]
    pub gradients: Vec<Layer>,
    /// What the loss was fed, as a matrix of rows [N, K] (positions of maps as rows), by its extremes.
    pub output: OutputSeen,
    /// Samples of the chosen ones that were in this batch.
    #[serde(deserialize_with = "at_most::<MOST_PARTS, _, _>")]
    pub samples: Vec<SampleSeen>,
    /// [truth, decision, count] of the batch, where the answer is one of some classes.
    pub confusion: Vec<[u32; 3]>,
    /// Of the batch, ten bins of confidence: [count, sum of confidence, right].
    #[serde(deserialize_with = "at_most::<MOST_BINS, _, _>")]
    pub reliability: Vec<[f64; 3]>,
    /// The loss with each target taken from half a batch further on; none where that makes no sense.
    pub shuffled_loss: Option<f64>,
    /// What the loss should be about before anything is learned: ln K for softmax, ln 2 for sigmoid,
    /// Var(y) for squares.
    pub chance_loss: Option<f64>,
}

impl Frame {
    /// Whether the step was recorded as a whole, by its layers or its output, and not for its samples alone.
    pub fn is_whole(&self) -> bool {
        !self.layers.is_empty() || self.output.rows > 0
    }
}

fn not_known() -> f64 {
    f64::NAN
}

/// What the loss was fed, and what the logits looked like across the batch. It is known as a whole or not at all: a check
/// would take what is absent for 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputSeen {
    /// Rows of the matrix.
    pub rows: u64,
    /// Its columns.
    pub units: u32,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Smallest and largest sum of a row over its units.
    pub row_sums: [f64; 2],
    /// The same of the exponentials of a row (log-probabilities give 1 and 1).
    pub exp_row_sums: [f64; 2],
    /// Smallest and largest sum of a unit over the rows: a softmax over the batch axis gives 1 and 1.
    pub column_sums: [f64; 2],
    /// The same of the exponentials: a log-softmax over the batch axis gives sums of 1. Rule 24 needs it.
    pub exp_column_sums: [f64; 2],
    /// Largest standard deviation of a unit over the rows: 0 if the output does not depend on the input.
    pub spread: f64,
    /// Share of exact zeros.
    pub zeros: f64,
    /// Share of numbers within 1e-3 of 0 or of 1.
    pub near_unit_ends: f64,
    /// The same of −1 or 1.
    pub near_sign_ends: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(shown: Option<Shown>) -> Frame {
        let seen = SampleSeen { row: 3, logits: vec![1.0], shown, ..SampleSeen::default() };
        Frame { step: 7, samples: vec![seen], ..Frame::default() }
    }

    #[test]
    fn a_map_is_read_as_it_was_written() {
        let map = Map::of(&[0, 1, 1], [0.0, 0.5, 1.0, 1.0, f32::NAN, 0.2]);
        assert_eq!(map.bytes(), Some([vec![0, 1, 1], vec![0, 128, 255, 255, 0, 51]]));
        let picture = Picture::of([3, 1, 1], &[9, 8, 7]);
        let told = frame(Some(Shown { picture, truth: "a disc".to_owned(), map: Some(map) }));
        let [named, ordered] = [rmp_serde::to_vec_named(&told), rmp_serde::to_vec(&told)].map(Result::unwrap);
        for bytes in [named, ordered] {
            assert_eq!(rmp_serde::from_slice::<Frame>(&bytes).unwrap(), told);
        }
    }

    #[test]
    fn a_sample_that_is_the_same_at_each_pass_is_written_as_before() {
        let bytes = rmp_serde::to_vec_named(&frame(None)).unwrap();
        assert!(!bytes.windows(5).any(|name| name == b"shown"));
        assert_eq!(rmp_serde::from_slice::<Frame>(&bytes).unwrap(), frame(None));
    }
}
