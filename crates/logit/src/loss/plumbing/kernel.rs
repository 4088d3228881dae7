//! Losses by kernels of ours, whose gradient is made in the forward pass: the logits are read once, and the gradient is
//! written once.
//!
//! [`reduced`] is a [`Kernel`] as one number, [`each`] a loss per position or entry. Where nobody else holds the logits,
//! their gradient takes their place in memory.

use std::fmt;
use std::sync::Arc;

use burn::tensor::Tensor;
use logit_kernels::buffer;
use logit_kernels::loss::{Pass, Scales, Shape, Sums, scale_positions};

use super::targets::one_per_position;
use crate::ops::array::Array;
use crate::ops::operation::{Input, Operation, run};

/// Computes the sums of a loss, and writes its gradient and its losses where there is room for them.
type Work = dyn Fn(Pass<'_, f32>, Scales, Option<&mut [f32]>) -> Sums + Send + Sync;

/// A loss with its targets and options, as a kernel computes it.
#[derive(Clone)]
pub(in crate::loss) struct Kernel {
    work: Arc<Work>,
    per_entry: bool,
}

impl Kernel {
    /// A kernel that gives a loss per position.
    pub(in crate::loss) fn per_position(
        work: impl Fn(Pass<'_, f32>, Scales, Option<&mut [f32]>) -> Sums + Send + Sync + 'static,
    ) -> Self {
        Self { work: Arc::new(work), per_entry: false }
    }

    /// A kernel that gives a loss per entry.
    pub(in crate::loss) fn per_entry(
        work: impl Fn(Pass<'_, f32>, Scales, Option<&mut [f32]>) -> Sums + Send + Sync + 'static,
    ) -> Self {
        Self { work: Arc::new(work), per_entry: true }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("per_entry", &self.per_entry).finish_non_exhaustive()
    }
}

/// The positions of logits `[N, K, d…]` that a loss is computed over: K units at each.
pub(super) fn shape_of<const D: usize>(logits: &Tensor<D>) -> Shape {
    let dims = logits.dims();
    Shape { outer: dims[0], units: dims[1], inner: dims[2..].iter().product() }
}

/// Weights as our kernels take them.
pub(in crate::loss) fn as_f32(weights: &[f64]) -> Vec<f32> {
    weights.iter().map(|weight| *weight as f32).collect()
}

/// The loss as one number: its sums times their scales.
pub(super) fn reduced<const D: usize>(kernel: Kernel, logits: Tensor<D>, scales: Scales) -> Tensor<1> {
    run(Reduced { kernel, scales }, [Input::new(logits)])
}

/// The loss of each position (`[N, 1, d…]`) or entry (`[N, K, d…]`).
pub(super) fn each<const D: usize>(kernel: Kernel, logits: Tensor<D>) -> Tensor<D> {
    let dims = if kernel.per_entry { logits.dims() } else { one_per_position(logits.dims()) };
    let shape =
        Shape { outer: dims[0], units: logits.dims()[1] / dims[1].max(1), inner: dims[1..].iter().product() };
    run(Each { kernel, shape, dims: dims.to_vec() }, [Input::new(logits)])
}

/// The gradient of a loss, over the logits where they are our own, and the loss.
fn with_gradient<T>(logits: Array, work: impl FnOnce(Pass<'_, f32>) -> T) -> (Array, T) {
    let dims = logits.dims().to_vec();
    if logits.is_own() {
        let mut numbers = logits.into_numbers();
        let loss = work(Pass::InPlace(&mut numbers));
        return (Array::new(numbers, &dims), loss);
    }
    let mut gradient = buffer::take(logits.len());
    let loss = work(Pass::Into { logits: logits.numbers(), gradient: &mut gradient });
    (Array::lent(gradient, &dims), loss)
}

#[derive(Clone, Debug)]
struct Reduced {
    kernel: Kernel,
    scales: Scales,
}

impl Reduced {
    fn value(&self, pass: Pass<'_, f32>) -> Array {
        let sums = (self.kernel.work)(pass, self.scales, None);
        let value = sums.surprise * f64::from(self.scales.surprise) + sums.z * f64::from(self.scales.z);
        Array::new(vec![value as f32], &[1])
    }
}

impl Operation<1> for Reduced {
    /// The gradient.
    type Saved = Array;

    fn forward(&self, [logits]: [Array; 1]) -> (Array, Self::Saved) {
        let (gradient, value) = with_gradient(logits, |pass| self.value(pass));
        (value, gradient)
    }

    fn infer(&self, [logits]: [Array; 1]) -> Array {
        let value = self.value(Pass::Value(logits.numbers()));
        logits.release();
        value
    }

    fn backward(&self, gradient: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        [Some(gradient.times(upstream.numbers()[0]))]
    }
}

#[derive(Clone, Debug)]
struct Each {
    kernel: Kernel,
    /// Of the logits, as groups that share a loss.
    shape: Shape,
    /// Of the losses.
    dims: Vec<usize>,
}

impl Each {
    fn losses(&self, pass: Pass<'_, f32>) -> Array {
        let mut losses = buffer::take(self.dims.iter().product());
        (self.kernel.work)(pass, Scales::ONE, Some(&mut losses));
        Array::new(losses, &self.dims)
    }
}

impl Operation<1> for Each {
    /// The gradient of the losses' sum.
    type Saved = Array;

    fn forward(&self, [logits]: [Array; 1]) -> (Array, Self::Saved) {
        let (gradient, losses) = with_gradient(logits, |pass| self.losses(pass));
        (losses, gradient)
    }

    fn infer(&self, [logits]: [Array; 1]) -> Array {
        let losses = self.losses(Pass::Value(logits.numbers()));
        logits.release();
        losses
    }

    fn backward(&self, gradient: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let dims = gradient.dims().to_vec();
        let mut numbers = gradient.into_numbers();
        scale_positions(&mut numbers, self.shape, upstream.numbers());
        [Some(Array::new(numbers, &dims))]
    }
}
