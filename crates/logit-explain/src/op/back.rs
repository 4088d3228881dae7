//! The way back through what has no weights: of relevance, by rules, or of a gradient.

use super::{Activation, Op, by_channel, named, norm, route};
use crate::array::Array;
use crate::number::Number;
use crate::rule::Denominator;

/// How steps without weights hand back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ways {
    /// Activations.
    pub(crate) activation: ActivationWay,
    /// Sums and means of windows and groups; by share if given, else as a gradient.
    pub(crate) pool: Option<Denominator>,
    /// Sums of values, such as skips.
    pub(crate) sum: SumWay,
    /// Products, differences, norms: by relevance, or as a gradient.
    pub(crate) gradient: bool,
}

/// How activations hand back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActivationWay {
    /// Relevance passes.
    Pass,
    /// Times the derivative.
    Gradient,
    /// What is positive, times the derivative (guided backpropagation). Of rectifiers; others are as a gradient.
    Guided,
    /// What is positive (deconvolution). Of rectifiers; others are as a gradient.
    Positive,
}

/// How sums of values hand back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SumWay {
    /// Each addend gets its share of the sum.
    Share(Denominator),
    /// Each addend gets the same.
    Split,
    /// Each addend gets all: a gradient.
    Gradient,
}

/// What a step's way back sees.
pub(crate) struct Back<'a, T> {
    pub(crate) inputs: &'a [&'a Array<T>],
    pub(crate) outputs: &'a [&'a Array<T>],
    /// What arrived at each output.
    pub(crate) arrived: &'a [&'a Array<T>],
}

/// What each input gets of what arrived at the outputs.
///
/// # Errors
/// The values do not fit, or no way back is known; in words.
pub(crate) fn back<T: Number>(op: &Op<T>, ways: &Ways, at: &Back<'_, T>) -> Result<Vec<Array<T>>, String> {
    fits(op, ways, at)?;
    let (inputs, arrived) = (at.inputs, at.arrived[0]);
    let one = match op {
        Op::Pool(pool) => match ways.pool {
            None => pool.transposed(arrived, inputs[0])?,
            Some(denominator) => {
                let mut shares = pool.forward(inputs[0])?;
                shares.change_with(arrived, |z, relevance| denominator.divided(relevance, z));
                let mut back = pool.transposed(&shares, inputs[0])?;
                back.change_with(inputs[0], |share, x| share * x);
                back
            }
        },
        Op::MaxPool(pool) => pool.to_winners(inputs[0], arrived)?,
        Op::Scale { scale, .. } if ways.gradient => by_channel(arrived, scale.len(), |r, at| r * scale[at])?,
        Op::Activation(activation) => through(*activation, ways.activation, at),
        Op::Flatten => arrived.reshaped(&inputs[0].shape),
        Op::Concat { axis } => {
            let sizes: Vec<usize> = inputs.iter().map(|input| input.shape[*axis]).collect();
            return Ok(route::pieces(arrived, *axis, &sizes));
        }
        Op::Split { axis, .. } => route::concat(at.arrived, *axis)?,
        Op::Pad { padding, .. } => route::unpadded(arrived, *padding, &inputs[0].shape)?,
        Op::Crop { .. } => route::uncropped(arrived, &inputs[0].shape)?,
        Op::Sum => return Ok(inputs.iter().map(|input| addend(input, at, ways.sum)).collect()),
        Op::Product => return Ok(factors(at, ways.gradient)),
        Op::AbsDifference => return Ok(differing(at, ways.gradient)),
        Op::Embedding { .. } => {
            let sums = arrived.each_row().map(|row| row.iter().fold(T::zero(), |sum, r| sum + *r));
            Array::new(inputs[0].shape.clone(), sums.collect())
        }
        Op::MaxOfNamed => {
            let vectors = named::to_winners(inputs[0], inputs[1], arrived)?;
            return Ok(vec![vectors, Array::zeros(inputs[1].shape.clone())]);
        }
        Op::ScaleToLength { length, epsilon } if ways.gradient => {
            to_length(inputs[0], arrived, *length, *epsilon)
        }
        Op::Scale { .. } | Op::Identity | Op::ScaleToLength { .. } => arrived.clone(),
        Op::Weighted(_) | Op::Unknown(_) => {
            return Err(format!("`{}` has no way back without a rule", op.name()));
        }
    };
    Ok(vec![one])
}

/// That what arrived has the shape of what the inputs give: a pass that was captured may not be of this network.
fn fits<T: Number>(op: &Op<T>, ways: &Ways, at: &Back<'_, T>) -> Result<(), String> {
    let (inputs, first) = (at.inputs, at.inputs[0]);
    let expected = match op {
        Op::Pool(pool) => pool.shape(first)?,
        Op::MaxPool(pool) => pool.shape(first)?,
        Op::Flatten => vec![first.rows(), first.row_len()],
        Op::Concat { axis } => route::joined(inputs, *axis)?,
        Op::Pad { padding, .. } => route::padded(&first.shape, *padding)?,
        Op::Crop { size } => route::cropped(&first.shape, *size)?,
        Op::Sum | Op::Product | Op::AbsDifference
            if inputs.iter().all(|input| input.shape == first.shape) =>
        {
            first.shape.clone()
        }
        Op::Sum | Op::Product | Op::AbsDifference => {
            let shapes: Vec<&[usize]> = inputs.iter().map(|input| &input.shape[..]).collect();
            return Err(format!("it takes inputs of one shape, not {shapes:?}"));
        }
        Op::Embedding { units, .. } => vec![first.numbers.len(), *units],
        Op::MaxOfNamed => vec![inputs[1].rows(), first.row_len()],
        Op::ScaleToLength { .. } => first.shape.clone(),
        Op::Activation(_) if ways.activation != ActivationWay::Pass => at.outputs[0].shape.clone(),
        Op::Split { .. }
        | Op::Scale { .. }
        | Op::Activation(_)
        | Op::Identity
        | Op::Weighted(_)
        | Op::Unknown(_) => return Ok(()),
    };
    let found = &at.arrived[0].shape;
    if *found != expected {
        return Err(format!("relevance of {found:?} arrived, where {expected:?} was computed"));
    }
    Ok(())
}

fn through<T: Number>(activation: Activation, way: ActivationWay, at: &Back<'_, T>) -> Array<T> {
    let mut back = at.arrived[0].clone();
    let zero = T::zero();
    match (way, activation) {
        (ActivationWay::Pass, _) => {}
        (ActivationWay::Guided, Activation::Relu) => {
            back.change_with(at.outputs[0], |r, y| r.max(zero) * activation.slope(y));
        }
        (ActivationWay::Positive, Activation::Relu) => back.change_with(at.outputs[0], |r, _| r.max(zero)),
        (ActivationWay::Gradient | ActivationWay::Guided | ActivationWay::Positive, _) => {
            back.change_with(at.outputs[0], |r, y| r * activation.slope(y));
        }
    }
    back
}

/// What an addend of a sum gets.
fn addend<T: Number>(x: &Array<T>, at: &Back<'_, T>, way: SumWay) -> Array<T> {
    let arrived = at.arrived[0];
    match way {
        SumWay::Gradient => arrived.clone(),
        SumWay::Split => {
            let share = T::one() / T::of(at.inputs.len() as f64);
            arrived.map(|relevance| relevance * share)
        }
        SumWay::Share(denominator) => {
            let mut shares = at.outputs[0].clone();
            shares.change_with(arrived, |z, relevance| denominator.divided(relevance, z));
            shares.change_with(x, |share, x| share * x);
            shares
        }
    }
}

/// What the factors of a product get: the half each, for neither is more of it than the other; or the gradient.
fn factors<T: Number>(at: &Back<'_, T>, gradient: bool) -> Vec<Array<T>> {
    let half = T::of(0.5);
    if !gradient {
        let halves = at.arrived[0].map(|relevance| relevance * half);
        return vec![halves.clone(), halves];
    }
    let times = |other: &Array<T>| {
        let mut back = at.arrived[0].clone();
        back.change_with(other, |r, other| r * other);
        back
    };
    vec![times(at.inputs[1]), times(at.inputs[0])]
}

/// What `a` and `b` of `|a − b|` get: shares of the sizes of both; or the gradient.
fn differing<T: Number>(at: &Back<'_, T>, gradient: bool) -> Vec<Array<T>> {
    let [a, b] = [at.inputs[0], at.inputs[1]];
    let mut to_a = at.arrived[0].clone();
    let mut to_b = at.arrived[0].clone();
    if gradient {
        let sign = |a: T, b: T| {
            if a > b {
                T::one()
            } else if a < b {
                -T::one()
            } else {
                T::zero()
            }
        };
        to_a.change_with_two(a, b, |r, a, b| r * sign(a, b));
        to_b.change_with_two(a, b, |r, a, b| -r * sign(a, b));
    } else {
        // Where both are 0 so is the difference, and the halves of nothing are the same.
        let share = |of: T, other: T| {
            let sum = of.abs() + other.abs();
            if sum.is_zero() { T::of(0.5) } else { of.abs() / sum }
        };
        to_a.change_with_two(a, b, |r, a, b| r * share(a, b));
        to_b.change_with_two(a, b, |r, a, b| r * share(b, a));
    }
    vec![to_a, to_b]
}

/// The gradient by rows that were scaled to a length: `r L/n − x (Σ r x) L/n³`.
fn to_length<T: Number>(x: &Array<T>, arrived: &Array<T>, length: T, epsilon: T) -> Array<T> {
    let mut back = arrived.clone();
    let len = x.row_len().max(1);
    for (row, x) in back.numbers.chunks_exact_mut(len).zip(x.each_row()) {
        let n = norm(x, epsilon);
        let along = row.iter().zip(x).fold(T::zero(), |sum, (r, x)| sum + *r * *x);
        row.iter_mut().zip(x).for_each(|(r, x)| *r = (*r - *x * along / (n * n)) * length / n);
    }
    back
}
