//! Softmax and its kin.

use burn::tensor::{Tensor, activation};
use logit_kernels::loss::scale_positions;
use logit_kernels::softmax::{self as kernel, Shape};
use logit_kernels::{buffer, softmax_backward};

use super::array::Array;
use super::operation::{Input, Operation, fits, run};
use crate::math;

/// The softmax over an axis: `exp(x) / Σ exp(x)`.
///
/// # Panics
/// There is no such axis.
pub fn softmax<const D: usize>(input: Tensor<D>, axis: usize) -> Tensor<D> {
    if fits(&input) {
        run(Shares { shape: shape(&input, axis), log: false }, [Input::new(input)])
    } else {
        activation::softmax(input, axis)
    }
}

/// The logarithm of the softmax over an axis: `x − ln Σ exp(x)`.
///
/// # Panics
/// There is no such axis.
pub fn log_softmax<const D: usize>(input: Tensor<D>, axis: usize) -> Tensor<D> {
    if fits(&input) {
        run(Shares { shape: shape(&input, axis), log: true }, [Input::new(input)])
    } else {
        activation::log_softmax(input, axis)
    }
}

/// `ln Σ exp(x)` over an axis, which stays with size 1.
///
/// # Panics
/// There is no such axis.
pub fn log_sum_exp<const D: usize>(input: Tensor<D>, axis: usize) -> Tensor<D> {
    if !fits(&input) {
        return math::log_sum_exp(input, axis);
    }
    let mut dims = input.dims().to_vec();
    dims[axis] = 1;
    run(LogSum { shape: shape(&input, axis), dims }, [Input::new(input)])
}

fn shape<const D: usize>(input: &Tensor<D>, axis: usize) -> Shape {
    let dims = input.dims();
    assert!(axis < D, "there is no axis {axis} in a tensor of {D} axes");
    Shape {
        outer: dims[..axis].iter().product(),
        units: dims[axis],
        inner: dims[axis + 1..].iter().product(),
    }
}

#[derive(Clone, Debug)]
struct Shares {
    shape: Shape,
    log: bool,
}

impl Operation<1> for Shares {
    /// The output.
    type Saved = Array;

    fn forward(&self, inputs: [Array; 1]) -> (Array, Self::Saved) {
        let output = self.infer(inputs);
        (output.clone(), output)
    }

    fn infer(&self, [input]: [Array; 1]) -> Array {
        let mut output = buffer::take(input.len());
        let forward = if self.log { kernel::log_softmax } else { kernel::softmax };
        forward(self.shape, input.numbers(), &mut output);
        let output = Array::new(output, input.dims());
        input.release();
        output
    }

    fn backward(&self, output: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = upstream.into_numbers();
        let backward = if self.log { softmax_backward::log_softmax } else { softmax_backward::softmax };
        backward(self.shape, output.numbers(), &mut gradient);
        let dims = output.dims().to_vec();
        output.release();
        [Some(Array::new(gradient, &dims))]
    }
}

#[derive(Clone, Debug)]
struct LogSum {
    shape: Shape,
    /// Of the output.
    dims: Vec<usize>,
}

impl Operation<1> for LogSum {
    /// The input.
    type Saved = Array;

    fn forward(&self, [input]: [Array; 1]) -> (Array, Self::Saved) {
        let mut sums = buffer::take(self.shape.positions());
        kernel::log_sum_exp(self.shape, input.numbers(), &mut sums);
        (Array::new(sums, &self.dims), input)
    }

    fn backward(&self, input: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = buffer::take(input.len());
        kernel::softmax(self.shape, input.numbers(), &mut gradient);
        scale_positions(&mut gradient, self.shape, upstream.numbers());
        [Some(Array::new(gradient, input.dims()))]
    }
}
