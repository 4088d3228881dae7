//! SmoothGrad (Smilkov et al. 2017, <https://arxiv.org/abs/1706.03825>).

use super::told;
use super::variants::Asked;
use crate::array::Array;
use crate::error::ExplainError;
use crate::explainer::{Explainer, Relevances};
use crate::noise::Noise;
use crate::number::Number;

pub(super) fn explain<T: Number>(
    explainer: &Explainer<T>,
    asked: &Asked<'_, T>,
    samples: usize,
    noise: f64,
    seed: u64,
) -> Result<Relevances<T>, ExplainError> {
    let maps = asked.mean_gradient(explainer, samples, |sample, number, input| {
        shake(input, noise, || Noise::new(seed, [sample, number]));
    })?;
    Ok(told(asked.network, maps, asked.values.clone()))
}

/// Adds noise to each row, by a share of its own range; every row begins the noise anew, so that a sample's does not depend on
/// which others are in its batch.
fn shake<T: Number>(input: &mut Array<T>, share: f64, noise: impl Fn() -> Noise) {
    let len = input.row_len().max(1);
    for row in input.numbers.chunks_exact_mut(len) {
        let (low, high) = row.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x.wide()), high.max(x.wide()))
        });
        let mut noise = noise();
        row.iter_mut().for_each(|x| *x += T::of(noise.normal() * share * (high - low)));
    }
}
