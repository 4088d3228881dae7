//! Max-sensitivity (Yeh et al. 2019, <https://arxiv.org/abs/1901.09392>).

use super::{Perturbations, Question};
use crate::array::Array;
use crate::error::ExplainError;
use crate::method::PreparedMethod;
use crate::number::Number;

/// `max_δ ‖R(x + δ) − R(x)‖ / ‖R(x)‖` of each sample, in the Euclidean norm; none where `R(x)` is 0. The network is that of the
/// method.
///
/// # Errors
/// The input cannot be changed, perturbations do not fit it, or the method cannot explain.
pub fn max_sensitivity<T: Number>(
    method: &PreparedMethod<T>,
    question: &Question<'_, T>,
    perturbations: &Perturbations<T>,
) -> Result<Vec<Option<f64>>, ExplainError> {
    let explained = |inputs: &[Array<T>]| -> Result<Array<T>, ExplainError> {
        Ok(method.explain_inputs(inputs, question.targets)?.inputs.swap_remove(question.input).1)
    };
    let given = question.network.inputs().iter().map(|(_, value)| question.pass.value(*value).cloned());
    let mut inputs: Vec<Array<T>> = given.map(Option::unwrap_or_default).collect();
    let Some(input) = inputs.get(question.input).cloned() else {
        let what = format!("there is no input {}: the network has {}, from 0", question.input, inputs.len());
        return Err(ExplainError::Method(what));
    };
    question.judged(&input)?;
    let count = perturbations.count_for(&input)?;
    let at_rest = explained(&inputs)?;
    let mut worst = vec![0.0_f64; input.rows()];
    for number in 0..count {
        inputs[question.input] = input.clone();
        inputs[question.input].change_with(&perturbations.of(number, &input.shape), |x, noise| x + noise);
        let mut moved = explained(&inputs)?;
        moved.change_with(&at_rest, |moved, at_rest| moved - at_rest);
        worst.iter_mut().enumerate().for_each(|(sample, worst)| *worst = worst.max(norm(moved.row(sample))));
    }
    let relative = |(sample, worst): (usize, f64)| {
        let size = norm(at_rest.row(sample));
        (size > 0.0).then(|| worst / size)
    };
    Ok(worst.into_iter().enumerate().map(relative).collect())
}

/// The Euclidean norm.
fn norm<T: Number>(numbers: &[T]) -> f64 {
    numbers.iter().map(|number| number.wide() * number.wide()).sum::<f64>().sqrt()
}
