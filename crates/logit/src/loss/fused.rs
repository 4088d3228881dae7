//! Losses whose gradient is made in the forward pass: the logits are read once, and the gradient is written once.
//!
//! A [`Kernel`] is a loss with its targets and options. [`reduced`] is it as one number, [`each`] a loss a position or
//! entry. Where nobody else holds the logits, their gradient takes their place in memory.

use std::fmt::Debug;

use burn::tensor::Tensor;
use logit_kernels::buffer;
use logit_kernels::loss::{Place, scale_positions};
use logit_kernels::softmax::Shape;

use crate::ops::array::Array;
use crate::ops::operation::{Input, Operation, run};

/// A loss with its targets and options, over logits of a shape.
pub(crate) trait Kernel: Clone + Debug + Send + 'static {
    /// The loss as one number; the gradient is written with it.
    fn reduced(&self, place: Place<'_, f32>) -> f64;

    /// The loss of each position or entry, and the gradient of their sum.
    fn each(&self, place: Place<'_, f32>, losses: &mut [f32]);
}

/// The positions of logits `[N, K, d…]` that a loss is computed over: K units at each.
pub(crate) fn shape_of<const D: usize>(logits: &Tensor<D>) -> Shape {
    let dims = logits.dims();
    Shape { outer: dims[0], units: dims[1], inner: dims[2..].iter().product() }
}

/// Weights as our kernels take them.
pub(crate) fn as_f32(weights: &[f64]) -> Vec<f32> {
    weights.iter().map(|weight| *weight as f32).collect()
}

/// The loss as one number.
pub(crate) fn reduced<K: Kernel, const D: usize>(kernel: K, logits: Tensor<D>) -> Tensor<1> {
    run(Reduced(kernel), [Input::new(logits)])
}

/// The loss of each position (`[N, 1, d…]`) or entry (`[N, K, d…]`), whose shape `dims` is.
pub(crate) fn each<K: Kernel, const D: usize>(kernel: K, logits: Tensor<D>, dims: [usize; D]) -> Tensor<D> {
    let shape =
        Shape { outer: dims[0], units: logits.dims()[1] / dims[1].max(1), inner: dims[1..].iter().product() };
    run(Each { kernel, shape, dims: dims.to_vec() }, [Input::new(logits)])
}

/// The gradient of a loss, over the logits where they are our own, and the loss.
fn with_gradient<T>(logits: Array, work: impl FnOnce(Place<'_, f32>) -> T) -> (Array, T) {
    let dims = logits.dims().to_vec();
    if logits.is_own() {
        let mut numbers = logits.into_numbers();
        let loss = work(Place::InPlace(&mut numbers));
        return (Array::new(numbers, &dims), loss);
    }
    let mut gradient = buffer::take(logits.len());
    let loss = work(Place::Into { logits: logits.numbers(), gradient: &mut gradient });
    (Array::lent(gradient, &dims), loss)
}

#[derive(Clone, Debug)]
struct Reduced<K>(K);

impl<K: Kernel> Operation<1> for Reduced<K> {
    /// The gradient.
    type Saved = Array;

    fn forward(&self, [logits]: [Array; 1]) -> (Array, Self::Saved) {
        let (gradient, loss) = with_gradient(logits, |place| self.0.reduced(place));
        (Array::new(vec![loss as f32], &[1]), gradient)
    }

    fn infer(&self, [logits]: [Array; 1]) -> Array {
        let loss = self.0.reduced(Place::Value(logits.numbers()));
        logits.release();
        Array::new(vec![loss as f32], &[1])
    }

    fn backward(&self, gradient: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        [Some(gradient.times(upstream.numbers()[0]))]
    }
}

#[derive(Clone, Debug)]
struct Each<K> {
    kernel: K,
    /// Of the logits, as groups that share a loss.
    shape: Shape,
    /// Of the losses.
    dims: Vec<usize>,
}

impl<K: Kernel> Operation<1> for Each<K> {
    /// The gradient of the losses' sum.
    type Saved = Array;

    fn forward(&self, [logits]: [Array; 1]) -> (Array, Self::Saved) {
        let mut losses = buffer::take(self.dims.iter().product());
        let (gradient, ()) = with_gradient(logits, |place| self.kernel.each(place, &mut losses));
        (Array::new(losses, &self.dims), gradient)
    }

    fn infer(&self, [logits]: [Array; 1]) -> Array {
        let mut losses = buffer::take(self.dims.iter().product());
        self.kernel.each(Place::Value(logits.numbers()), &mut losses);
        logits.release();
        Array::new(losses, &self.dims)
    }

    fn backward(&self, gradient: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let dims = gradient.dims().to_vec();
        let mut numbers = gradient.into_numbers();
        scale_positions(&mut numbers, self.shape, upstream.numbers());
        [Some(Array::new(numbers, &dims))]
    }
}
