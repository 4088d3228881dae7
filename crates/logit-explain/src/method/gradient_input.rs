//! The gradient times the input.

use super::told;
use crate::array::Array;
use crate::error::ExplainError;
use crate::explainer::{Explainer, Relevances};
use crate::network::Pass;
use crate::number::Number;
use crate::op::Op;
use crate::target::Target;

/// `x ∘ ∂f/∂x` of each input; of numbers of rows, of the rows that embeddings read by them.
pub(super) fn explain<T: Number>(
    explainer: &Explainer<T>,
    pass: &Pass<T>,
    targets: &[Target],
) -> Result<Relevances<T>, ExplainError> {
    let network = explainer.network();
    let logits = network.logits_of(pass)?;
    let embeddings = network.nodes().iter().filter(|node| matches!(node.op, Op::Embedding { .. }));
    let read: Vec<[usize; 2]> = embeddings.map(|node| [node.inputs[0], node.outputs[0]]).collect();
    let wanted: Vec<usize> = read.iter().map(|[_, rows]| *rows).collect();
    let pass = explainer.filled(pass, &wanted)?;
    let layers: Vec<(String, usize)> = wanted.iter().map(|rows| (String::new(), *rows)).collect();
    let found = explainer.explain_values(&pass, Target::directions(targets, logits)?, &layers)?;
    let mut maps = Vec::with_capacity(found.inputs.len());
    for ((_, gradient), ((_, value), rows)) in
        found.inputs.into_iter().zip(network.inputs().iter().zip(network.row_numbers()))
    {
        maps.push(match pass.value(*value) {
            Some(x) if !rows => {
                let mut map = gradient;
                map.change_with(x, |g, x| g * x);
                map
            }
            _ => {
                let mut map = Array::zeros(gradient.shape);
                for ([from, to], (_, gradient)) in read.iter().zip(&found.layers) {
                    if let (true, Some(rows)) = (from == value, pass.value(*to)) {
                        add_products(&mut map, rows, gradient);
                    }
                }
                map
            }
        });
    }
    Ok(told(network, maps, Target::values(targets, logits)?))
}

/// Adds to each number the product of the row that was read by it with the row's gradient.
fn add_products<T: Number>(map: &mut Array<T>, rows: &Array<T>, gradient: &Array<T>) {
    for (place, (row, gradient)) in map.numbers.iter_mut().zip(rows.each_row().zip(gradient.each_row())) {
        *place += row.iter().zip(gradient).fold(T::zero(), |sum, (x, g)| sum + *x * *g);
    }
}
