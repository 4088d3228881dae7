//! Several values to one, and one to several.

use burn::tensor::Tensor;

use super::{Step, from_fn};
use crate::graph::StepKind;

/// Values one after the other along an axis.
///
/// # Shapes
/// `[…, A, …]`, `[…, B, …]`… → `[…, A + B + …, …]`
///
/// # Panics
/// When it runs: there is no value, no such axis, or the values differ along another one.
pub fn concat<const D: usize>(axis: usize) -> impl Step<Vec<Tensor<D>>, Output = Tensor<D>> {
    from_fn(move || StepKind::Concat { axis }, move |values| Tensor::cat(values, axis))
}

/// `N` equal pieces along an axis.
///
/// # Shapes
/// `[…, N · S, …]` → `N` times `[…, S, …]`
///
/// # Panics
/// When it runs: there is no such axis, or its size is no multiple of `N`.
pub fn split<const N: usize, const D: usize>(axis: usize) -> impl Step<Tensor<D>, Output = [Tensor<D>; N]> {
    let forward = move |value: Tensor<D>| {
        let size = value.dims()[axis];
        assert!(size.is_multiple_of(N), "an axis of {size} is not split in {N} equal pieces");
        std::array::from_fn(|piece| value.clone().narrow(axis, piece * (size / N), size / N))
    };
    from_fn(move || StepKind::Split { axis }, forward)
}

/// The sum of two values of one shape: a skip past other steps, for example.
///
/// # Shapes
/// twice `[d…]` → `[d…]`
///
/// # Panics
/// When it runs: the values differ in shape.
pub fn sum<const D: usize>() -> impl Step<[Tensor<D>; 2], Output = Tensor<D>> {
    from_fn(|| StepKind::Sum, |[a, b]: [Tensor<D>; 2]| a + b)
}

/// The product of two values of one shape, number by number.
///
/// # Shapes
/// twice `[d…]` → `[d…]`
///
/// # Panics
/// When it runs: the values differ in shape.
pub fn product<const D: usize>() -> impl Step<[Tensor<D>; 2], Output = Tensor<D>> {
    from_fn(|| StepKind::Product, |[a, b]: [Tensor<D>; 2]| a * b)
}

/// `|a − b|` of two values of one shape, number by number.
///
/// # Shapes
/// twice `[d…]` → `[d…]`
///
/// # Panics
/// When it runs: the values differ in shape.
pub fn abs_difference<const D: usize>() -> impl Step<[Tensor<D>; 2], Output = Tensor<D>> {
    from_fn(|| StepKind::AbsDifference, |[a, b]: [Tensor<D>; 2]| (a - b).abs())
}
