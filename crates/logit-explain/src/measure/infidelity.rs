//! Infidelity (Yeh et al. 2019, <https://arxiv.org/abs/1901.09392>).

use serde::Serialize;

use super::{Perturbations, Question};
use crate::array::Array;
use crate::error::ExplainError;
use crate::method::variants::Asked;
use crate::number::Number;

/// How far a map is from telling what perturbations of the input do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Infidelity {
    /// `mean_I (I·R − (f(x) − f(x − I)))²`.
    pub plain: f64,
    /// The same of the map times the number that makes it least, `Σ I·R (f(x) − f(x − I)) / Σ (I·R)²`: maps of any scale compare
    /// by it.
    pub scaled: f64,
}

/// The sums that both forms are made of: of `(I·R)²`, `I·R · drop` and `drop²`.
#[derive(Clone, Copy, Default)]
struct Sums {
    predicted: f64,
    both: f64,
    seen: f64,
    plain: f64,
}

/// The infidelity of each sample's map.
///
/// # Errors
/// The map is not of the input, perturbations do not fit it, or the network cannot be run.
pub fn infidelity<T: Number>(
    question: &Question<'_, T>,
    map: &Array<T>,
    perturbations: &Perturbations<T>,
) -> Result<Vec<Infidelity>, ExplainError> {
    let input = question.judged(map)?;
    let count = perturbations.count_for(input)?;
    let asked = Asked::new(question.network, question.pass, question.targets)?;
    let change = |number: usize, judged: usize, input: &mut Array<T>| {
        if judged == question.input {
            input.change_with(&perturbations.of(number, &map.shape), |x, noise| x - noise);
        }
    };
    let mut sums = vec![Sums::default(); asked.values.len()];
    asked.each_value(count, change, |number, values| {
        let perturbation = perturbations.of(number, &map.shape);
        for (sample, sums) in sums.iter_mut().enumerate() {
            let products = perturbation.row(sample).iter().zip(map.row(sample));
            let predicted: f64 = products.map(|(noise, r)| noise.wide() * r.wide()).sum();
            let seen = asked.values[sample] - values[sample];
            sums.predicted += predicted * predicted;
            sums.both += predicted * seen;
            sums.seen += seen * seen;
            sums.plain += (predicted - seen) * (predicted - seen);
        }
    })?;
    let told = |sums: Sums| {
        let explained = if sums.predicted > 0.0 { sums.both * sums.both / sums.predicted } else { 0.0 };
        Infidelity {
            plain: sums.plain / count as f64,
            scaled: (sums.seen - explained).max(0.0) / count as f64,
        }
    };
    Ok(sums.into_iter().map(told).collect())
}
