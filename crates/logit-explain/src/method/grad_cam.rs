//! Grad-CAM (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>).

use super::{told, value_of};
use crate::array::Array;
use crate::error::ExplainError;
use crate::explainer::{Explainer, Relevances};
use crate::network::{Network, Pass};
use crate::number::Number;
use crate::target::Target;

pub(super) fn explain<T: Number>(
    explainer: &Explainer<T>,
    pass: &Pass<T>,
    targets: &[Target],
    layer: Option<&str>,
    rectified: bool,
) -> Result<Relevances<T>, ExplainError> {
    let network = explainer.network();
    let logits = network.logits_of(pass)?;
    let (layer, value) = value_of(network, layer)?;
    let pass = explainer.filled(pass, &[value])?;
    let start = Target::directions(targets, logits)?;
    let found = explainer.explain_values(&pass, start, &[(layer.to_owned(), value)])?;
    let fault = |reason: String| ExplainError::Step { step: layer.to_owned(), reason };
    let (Some(maps), [(_, gradients)]) = (pass.value(value), &found.layers[..]) else {
        return Err(fault("its maps are missing".to_owned()));
    };
    if maps.shape.len() != 4 || maps.shape != gradients.shape || maps.numbers.is_empty() {
        return Err(fault(format!("Grad-CAM weighs maps [N, C, H, W], and it gave {:?}", maps.shape)));
    }
    let map = weighed(maps, gradients, rectified);
    let inputs = enlarged(network, &pass, &map)?;
    let mut told = told(network, inputs, Target::values(targets, logits)?);
    told.layers = vec![(layer.to_owned(), map)];
    Ok(told)
}

/// `Σ_c a_c · mean ∂f/∂a_c`, `[N, 1, H, W]`.
fn weighed<T: Number>(maps: &Array<T>, gradients: &Array<T>, rectified: bool) -> Array<T> {
    let &[samples, channels, height, width] = &maps.shape[..] else { return Array::default() };
    let places = height * width;
    let mut weighed: Array<T> = Array::zeros([samples, 1, height, width]);
    for (at, (map, gradient)) in
        maps.numbers.chunks_exact(places).zip(gradients.numbers.chunks_exact(places)).enumerate()
    {
        let weight = gradient.iter().fold(T::zero(), |sum, g| sum + *g) / T::of(places as f64);
        let sum = &mut weighed.numbers[at / channels * places..][..places];
        sum.iter_mut().zip(map).for_each(|(sum, a)| *sum += weight * *a);
    }
    if rectified { weighed.map(|number| number.max(T::zero())) } else { weighed }
}

/// The map in the size of each input that is one, spread evenly over its channels; zeros for other inputs.
fn enlarged<T: Number>(
    network: &Network<T>,
    pass: &Pass<T>,
    map: &Array<T>,
) -> Result<Vec<Array<T>>, ExplainError> {
    let shape = |value: &usize| pass.value(*value).map_or_else(|| vec![0], |input| input.shape.clone());
    let shapes: Vec<Vec<usize>> = network.inputs().iter().map(|(_, value)| shape(value)).collect();
    let is_map = |shape: &[usize]| shape.len() == 4 && shape[0] == map.shape[0];
    if !shapes.iter().any(|shape| is_map(shape)) {
        return Err(ExplainError::Method("Grad-CAM is for images, and no input is one".to_owned()));
    }
    let sized = |shape: Vec<usize>| {
        if !is_map(&shape) {
            return Array::zeros(shape);
        }
        let from = [map.shape[2], map.shape[3]];
        let share = T::one() / T::of(shape[1].max(1) as f64);
        let mut numbers = Vec::with_capacity(shape.iter().product());
        for plane in map.each_row() {
            let large: Vec<T> =
                bilinear(plane, from, [shape[2], shape[3]]).into_iter().map(|x| x * share).collect();
            (0..shape[1]).for_each(|_| numbers.extend_from_slice(&large));
        }
        Array::new(shape, numbers)
    };
    Ok(shapes.into_iter().map(sized).collect())
}

/// A plane in another size: pixels are squares, and what lies between two centres goes from one to the other.
fn bilinear<T: Number>(plane: &[T], from: [usize; 2], to: [usize; 2]) -> Vec<T> {
    // The two pixels that a place lies between, and how far it is from the first to the second.
    let place = |axis: usize, at: usize| {
        let centre = (at as f64 + 0.5) * from[axis] as f64 / to[axis] as f64 - 0.5;
        let centre = centre.clamp(0.0, (from[axis] - 1) as f64);
        let first = centre as usize;
        (first, (first + 1).min(from[axis] - 1), T::of(centre - first as f64))
    };
    let between = |a: T, b: T, way: T| a + way * (b - a);
    let mut numbers = Vec::with_capacity(to[0] * to[1]);
    for row in 0..to[0] {
        let (above, below, down) = place(0, row);
        for column in 0..to[1] {
            let (left, right, across) = place(1, column);
            let along =
                |row: usize| between(plane[row * from[1] + left], plane[row * from[1] + right], across);
            numbers.push(between(along(above), along(below), down));
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::bilinear;

    #[test]
    fn a_plane_is_enlarged_between_centres() {
        // By hand, and as torch's `interpolate` with `align_corners = false`.
        assert_eq!(bilinear(&[0.0, 1.0], [1, 2], [1, 4]), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(bilinear(&[1.0, 3.0, 5.0, 7.0], [2, 2], [1, 1]), [4.0]);
        assert_eq!(bilinear(&[2.0], [1, 1], [2, 3]), [2.0; 6]);
    }
}
