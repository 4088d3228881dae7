//! Steps that move numbers and compute none.

use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;

use super::{Step, from_fn};
use crate::graph::StepKind;

/// All axes but the batch's as one.
///
/// # Shapes
/// `[N, d…]` → `[N, F]`
pub fn flatten<const D: usize>() -> impl Step<Tensor<D>, Output = Tensor<2>> {
    from_fn(|| StepKind::Flatten, |value: Tensor<D>| value.flatten(1, D - 1))
}

/// Zeros around a map: rows and columns at the top, the left, the bottom and the right.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, top + H + bottom, left + W + right]`
pub fn pad2d(padding: [usize; 4]) -> impl Step<Tensor<4>, Output = Tensor<4>> {
    let [top, left, bottom, right] = padding;
    let zeros = PadMode::Constant(0.0);
    from_fn(
        move || StepKind::Pad2d { padding, value: 0.0 },
        move |map: Tensor<4>| map.pad((left, right, top, bottom), zeros),
    )
}

/// The upper left part of a map.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, height, width]`
///
/// # Panics
/// When it runs: the map is smaller.
pub fn crop2d(size: [usize; 2]) -> impl Step<Tensor<4>, Output = Tensor<4>> {
    let forward = move |map: Tensor<4>| {
        let [batch, channels, ..] = map.dims();
        map.slice([0..batch, 0..channels, 0..size[0], 0..size[1]])
    };
    from_fn(move || StepKind::Crop2d { size }, forward)
}
