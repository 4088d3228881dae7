//! Activations.

use burn::tensor::{Tensor, activation};
use logit_kernels::place::Place;
use logit_kernels::{buffer, group_sum, relu as kernel};

use super::array::Array;
use super::operation::{Input, Operation, fits, run};

/// The rectifier, `max(0, x)`.
pub fn relu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if fits(&input) { run(Rectifier, [Input::new(input)]) } else { activation::relu(input) }
}

/// The sum of each group of `size` neighbours along axis 1.
///
/// # Shapes
/// `[N, G · size]` → `[N, G]`
///
/// # Panics
/// `size` is 0, or does not divide the features.
pub fn sum_pool(input: Tensor<2>, size: usize) -> Tensor<2> {
    let [rows, features] = input.dims();
    assert!(size > 0 && features % size == 0, "{features} features are no groups of {size}");
    if fits(&input) {
        run(GroupSum { size }, [Input::new(input)])
    } else {
        input.reshape([rows, features / size, size]).sum_dim(2).reshape([rows, features / size])
    }
}

#[derive(Clone, Debug)]
struct Rectifier;

impl Operation<1> for Rectifier {
    type Saved = Array;

    fn forward(&self, inputs: [Array; 1]) -> (Array, Self::Saved) {
        let output = self.infer(inputs);
        (output.clone(), output)
    }

    fn infer(&self, [input]: [Array; 1]) -> Array {
        let dims = input.dims().to_vec();
        let mut output = input.into_numbers();
        kernel::forward(Place::Over(&mut output));
        Array::new(output, &dims)
    }

    fn backward(&self, output: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = upstream.into_numbers();
        kernel::backward(output.numbers(), Place::Over(&mut gradient));
        let dims = output.dims().to_vec();
        output.release();
        [Some(Array::new(gradient, &dims))]
    }
}

#[derive(Clone, Debug)]
struct GroupSum {
    size: usize,
}

impl Operation<1> for GroupSum {
    /// The shape of the input.
    type Saved = [usize; 2];

    fn forward(&self, [input]: [Array; 1]) -> (Array, Self::Saved) {
        let [rows, features] = input.shape();
        let mut sums = buffer::take(rows * features / self.size);
        group_sum::forward(input.numbers(), self.size, &mut sums);
        (Array::new(sums, &[rows, features / self.size]), [rows, features])
    }

    fn backward(&self, dims: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = buffer::take(dims.iter().product());
        group_sum::backward(upstream.numbers(), self.size, &mut gradient);
        [Some(Array::new(gradient, &dims))]
    }
}
