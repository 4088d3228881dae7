//! Integrated gradients (Sundararajan, Taly and Yan 2017, <https://arxiv.org/abs/1703.01365>), by the midpoint rule.

use super::told;
use super::variants::Asked;
use crate::error::ExplainError;
use crate::explainer::{Explainer, Relevances};
use crate::number::Number;

pub(super) fn explain<T: Number>(
    explainer: &Explainer<T>,
    asked: &Asked<'_, T>,
    steps: usize,
    baseline: f64,
) -> Result<Relevances<T>, ExplainError> {
    let from = T::of(baseline);
    let mut maps = asked.mean_gradient(explainer, steps, |step, _, input| {
        let way = T::of((step as f64 + 0.5) / steps as f64);
        input.numbers.iter_mut().for_each(|x| *x = from + way * (*x - from));
    })?;
    for (map, input) in maps.iter_mut().zip(&asked.inputs) {
        map.change_with(input, |mean, x| mean * (x - from));
    }
    // What the sum should be is what the value gained on the way.
    let mut started = asked.values.clone();
    asked.each_value(
        1,
        |_, _, input| input.numbers.fill(from),
        |_, values| started.iter_mut().zip(values).for_each(|(gained, value)| *gained -= value),
    )?;
    Ok(told(asked.network, maps, started))
}
