//! Gradients times what arrives from further on.

use crate::parallel::{Shared, map_items};
use crate::place::Place;
use crate::simd::dispatch;
use crate::softmax::Shape;

/// Multiplies every number by a factor.
pub fn all(numbers: &mut [f32], factor: f32) {
    Place::Over(numbers).map_all(|number| number * factor);
}

/// Multiplies the units of each position by the position's own factor, of `[outer, inner]`.
///
/// # Panics
/// A length does not fit the shape.
pub fn positions(numbers: &mut [f32], shape: Shape, factors: &[f32]) {
    assert_eq!(numbers.len(), shape.len(), "numbers of {shape:?}");
    assert_eq!(factors.len(), shape.positions(), "factors of {shape:?}");
    let Shape { outer, units, inner } = shape;
    let numbers = Shared::new(numbers);
    map_items(outer, units * inner, |at| {
        let factors = &factors[at * inner..][..inner];
        // SAFETY: the outermost items lie side by side.
        let numbers = unsafe { numbers.slice(at * units * inner, units * inner) };
        dispatch(|| match factors {
            [factor] => numbers.iter_mut().for_each(|number| *number *= factor),
            [] => {}
            factors => numbers
                .chunks_exact_mut(inner)
                .for_each(|unit| unit.iter_mut().zip(factors).for_each(|(number, factor)| *number *= factor)),
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_has_its_factor() {
        let shape = Shape { outer: 2, units: 3, inner: 2 };
        let mut numbers = vec![1.0; 12];
        positions(&mut numbers, shape, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(numbers, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0]);
        let mut rows = vec![1.0; 6];
        positions(&mut rows, Shape { outer: 2, units: 3, inner: 1 }, &[5.0, 7.0]);
        assert_eq!(rows, [5.0, 5.0, 5.0, 7.0, 7.0, 7.0]);
        all(&mut rows, 2.0);
        assert_eq!(rows, [10.0, 10.0, 10.0, 14.0, 14.0, 14.0]);
        positions(&mut [], Shape { outer: 0, units: 3, inner: 2 }, &[]);
    }
}
