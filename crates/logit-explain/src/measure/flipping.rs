//! Pixel flipping (Samek et al. 2017, <https://arxiv.org/abs/1509.06321>).

use serde::Serialize;

use super::{Question, of_pixels, ordered, pixels};
use crate::array::Array;
use crate::error::ExplainError;
use crate::method::variants::Asked;
use crate::number::Number;

/// How pixels are taken away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flipping {
    /// What stands in the place of a pixel, in all its channels.
    pub baseline: f64,
    /// Pixels that go at once.
    pub pixels_per_step: usize,
    /// Steps, at most; none goes on until no pixel is left.
    pub steps: Option<usize>,
}

/// What became of a value while pixels were taken away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flipped {
    /// The value that is explained: at first, and after each step. Each number is the target's value, see
    /// [`Target::values`](crate::Target::values).
    pub curve: Vec<f64>,
    /// The curve's mean: the lower, the sooner the map found what the value was made of.
    pub mean: f64,
    /// The mean as a share of the value at first; none where that is 0.
    pub relative: Option<f64>,
}

/// The curve of each sample while its pixels are replaced by the baseline, the most relevant first.
///
/// # Errors
/// The map is not of the input, no pixels are taken per step, or the network cannot be run.
pub fn flipped<T: Number>(
    question: &Question<'_, T>,
    map: &Array<T>,
    flipping: &Flipping,
) -> Result<Vec<Flipped>, ExplainError> {
    let input = question.judged(map)?;
    let per_step = flipping.pixels_per_step;
    if per_step == 0 || !flipping.baseline.is_finite() {
        let what = "pixel flipping takes at least 1 pixel per step, and puts a finite number in its place"
            .to_owned();
        return Err(ExplainError::Method(what));
    }
    let asked = Asked::new(question.network, question.pass, question.targets)?;
    let orders: Vec<Vec<usize>> = (0..input.rows()).map(|sample| ordered(&of_pixels(map, sample))).collect();
    let [count, _] = pixels(&input.shape);
    let steps = count.div_ceil(per_step).min(flipping.steps.unwrap_or(usize::MAX));
    let baseline = T::of(flipping.baseline);
    let mut curves: Vec<Vec<f64>> = asked.values.iter().map(|value| vec![*value]).collect();
    let change = |step: usize, number: usize, input: &mut Array<T>| {
        if number == question.input {
            let len = input.row_len().max(1);
            let rows = input.numbers.chunks_exact_mut(len);
            for (row, order) in rows.zip(&orders) {
                let gone = &order[..((step + 1) * per_step).min(count)];
                let planes = row.chunks_exact_mut(count.max(1));
                planes.for_each(|plane| gone.iter().for_each(|pixel| plane[*pixel] = baseline));
            }
        }
    };
    asked.each_value(steps, change, |_, values| {
        curves.iter_mut().zip(values).for_each(|(curve, value)| curve.push(*value));
    })?;
    Ok(curves.into_iter().map(told).collect())
}

fn told(curve: Vec<f64>) -> Flipped {
    let mean = curve.iter().sum::<f64>() / curve.len() as f64;
    let relative = (curve[0] != 0.0).then(|| mean / curve[0]);
    Flipped { curve, mean, relative }
}
