//! Measures of explanations: how far a map says where and why.
//!
//! `localisation` compares it with a mask; `flipping`, `infidelity` and `sensitivity` ask the network at other inputs.
//!
//! A map is of one input of a network. A *pixel* of a map `[N, C, H, W]` has the relevance of all its channels; of other maps
//! every number of a sample is a pixel. Where two pixels have the same relevance, the one that comes first in row order is taken
//! to have more.

mod flipping;
mod infidelity;
mod localisation;
mod sensitivity;

pub use flipping::{Flipped, Flipping, flipped};
pub use infidelity::{Infidelity, infidelity};
pub use localisation::{Localisation, localised};
pub use sensitivity::max_sensitivity;

use crate::array::Array;
use crate::error::ExplainError;
use crate::network::{Network, Pass};
use crate::noise::Noise;
use crate::number::Number;
use crate::target::Target;

/// What is explained, and which of the inputs a map is of.
pub struct Question<'a, T> {
    /// The network.
    pub network: &'a Network<T>,
    /// Its pass over the inputs.
    pub pass: &'a Pass<T>,
    /// A target per sample, or one for all.
    pub targets: &'a [Target],
    /// Which of the network's inputs is judged, from 0; the others stay as they are.
    pub input: usize,
}

/// What is added to an input, or taken from it.
#[derive(Clone, Debug, PartialEq)]
pub enum Perturbations<T> {
    /// Independent normal numbers.
    Normal {
        /// How many perturbations.
        count: usize,
        /// Their deviation.
        deviation: f64,
        /// From which they are drawn; all samples have the same.
        seed: u64,
    },
    /// Independent uniform numbers.
    Uniform {
        /// How many perturbations.
        count: usize,
        /// The greatest size of a number.
        radius: f64,
        /// From which they are drawn; all samples have the same.
        seed: u64,
    },
    /// These, each of the input's shape.
    Given(Vec<Array<T>>),
}

impl<T: Number> Perturbations<T> {
    /// How many there are.
    ///
    /// # Errors
    /// There are none, one does not fit the input, or a size is no number.
    fn count_for(&self, input: &Array<T>) -> Result<usize, ExplainError> {
        let (count, size) = match self {
            Self::Normal { count, deviation: size, .. } | Self::Uniform { count, radius: size, .. } => {
                (*count, *size)
            }
            Self::Given(given) => {
                if let Some(other) = given.iter().find(|given| given.shape != input.shape) {
                    let (found, shape) = (&other.shape, &input.shape);
                    return Err(ExplainError::Method(format!(
                        "a perturbation of {found:?} for an input of {shape:?}"
                    )));
                }
                (given.len(), 0.0)
            }
        };
        if count == 0 || !size.is_finite() {
            let what = "a measure by perturbations needs at least one, of a finite size".to_owned();
            return Err(ExplainError::Method(what));
        }
        Ok(count)
    }

    /// One of them, for an input of a shape.
    fn of(&self, number: usize, shape: &[usize]) -> Array<T> {
        if let Self::Given(given) = self {
            return given[number].clone();
        }
        let mut drawn = Array::zeros(shape);
        let len = drawn.row_len().max(1);
        for row in drawn.numbers.chunks_exact_mut(len) {
            match *self {
                Self::Normal { deviation, seed, .. } => {
                    let mut noise = Noise::new(seed, [number, 0]);
                    row.iter_mut().for_each(|x| *x = T::of(noise.normal() * deviation));
                }
                Self::Uniform { radius, seed, .. } => {
                    let mut noise = Noise::new(seed, [number, 0]);
                    row.iter_mut().for_each(|x| *x = T::of(noise.uniform() * radius));
                }
                Self::Given(_) => {}
            }
        }
        drawn
    }
}

impl<'a, T: Number> Question<'a, T> {
    /// The judged input, which must be of numbers that can be changed, with a row for each sample, and a map's shape.
    fn judged(&self, map: &Array<T>) -> Result<&'a Array<T>, ExplainError> {
        let inputs = self.network.inputs();
        let Some((name, value)) = inputs.get(self.input) else {
            let what = format!("there is no input {}: the network has {}, from 0", self.input, inputs.len());
            return Err(ExplainError::Method(what));
        };
        let fault = |reason: String| ExplainError::Method(format!("input `{name}` {reason}"));
        let input = self.pass.value(*value).ok_or_else(|| fault("is missing".to_owned()))?;
        if self.network.row_numbers()[self.input] {
            return Err(fault("holds numbers of rows, which cannot be changed by small amounts".to_owned()));
        }
        if input.shape != map.shape {
            return Err(fault(format!("has the shape {:?}, and the map {:?}", input.shape, map.shape)));
        }
        let logits = self.pass.value(self.network.output()).map_or(0, Array::rows);
        if input.rows() != logits {
            return Err(fault("has no row for each sample".to_owned()));
        }
        Ok(input)
    }
}

/// Pixels of a sample, and channels of a pixel.
fn pixels(shape: &[usize]) -> [usize; 2] {
    match *shape {
        [_, channels, height, width] => [height * width, channels],
        _ => [shape.get(1..).map_or(1, |rest| rest.iter().product()), 1],
    }
}

/// The relevance of each pixel of a sample.
fn of_pixels<T: Number>(map: &Array<T>, sample: usize) -> Vec<f64> {
    let [pixels, _] = pixels(&map.shape);
    let mut relevance = vec![0.0; pixels];
    for plane in map.row(sample).chunks_exact(pixels.max(1)) {
        relevance.iter_mut().zip(plane).for_each(|(sum, number)| *sum += number.wide());
    }
    relevance
}

/// Pixels by their relevance, the most relevant first.
fn ordered(relevance: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..relevance.len()).collect();
    order.sort_by(|a, b| relevance[*b].total_cmp(&relevance[*a]));
    order
}
