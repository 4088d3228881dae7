//! Dense layers.

use burn::nn::Linear;
use burn::tensor::{Tensor, activation::relu};
use logit_kernels::buffer;
use logit_kernels::linear::Linear as Geometry;
use logit_kernels::place::Place;

use super::array::Array;
use super::operation::{Input, Operation, fits_with, run};

/// A dense layer: `layer.forward(input)`.
///
/// # Shapes
/// `[N, F]` → `[N, K]`
///
/// # Panics
/// As the layer's own `forward`: the input has another number of features than the layer takes.
pub fn linear(layer: &Linear, input: Tensor<2>) -> Tensor<2> {
    if takes(layer, &input) {
        affine(input, layer.weight.val(), layer.bias.as_ref().map(burn::module::Param::val), false)
    } else {
        layer.forward(input)
    }
}

/// A dense layer and the rectifier, `relu(layer.forward(input))`, in one pass.
///
/// # Panics
/// As [`linear`].
pub fn linear_relu(layer: &Linear, input: Tensor<2>) -> Tensor<2> {
    if takes(layer, &input) {
        affine(input, layer.weight.val(), layer.bias.as_ref().map(burn::module::Param::val), true)
    } else {
        relu(layer.forward(input))
    }
}

fn takes(layer: &Linear, input: &Tensor<2>) -> bool {
    fits_with(input, &layer.weight.val()) && layer.weight.dims()[0] == input.dims()[1]
}

/// `input · weight + bias`, on tensors that our operations fit.
pub(crate) fn affine(input: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>, relu: bool) -> Tensor<2> {
    let [rows, inputs] = input.dims();
    let outputs = weight.dims()[1];
    let operation = Affine { geometry: Geometry { rows, inputs, outputs }, relu };
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], (&input.device(), input.dtype())));
    run(operation, [Input::new(input), Input::new(weight), Input::new(bias)])
}

/// `x · W + b`; its inputs are x, W and b.
#[derive(Clone, Debug)]
struct Affine {
    geometry: Geometry,
    relu: bool,
}

/// What the gradients of a dense layer are computed from.
#[derive(Clone, Debug)]
struct Saved {
    input: Array,
    weight: Array,
    /// The output, where it went through the rectifier.
    rectified: Option<Array>,
}

impl Affine {
    fn output(&self, input: &Array, weight: &Array, bias: &Array) -> Array {
        let dims = [self.geometry.rows, self.geometry.outputs];
        let mut output = buffer::take(dims.iter().product());
        let bias = Some(bias.numbers());
        self.geometry.forward(input.numbers(), weight.numbers(), bias, self.relu, &mut output);
        Array::new(output, &dims)
    }
}

impl Operation<3> for Affine {
    type Saved = Saved;

    fn forward(&self, [input, weight, bias]: [Array; 3]) -> (Array, Self::Saved) {
        let output = self.output(&input, &weight, &bias);
        let rectified = self.relu.then(|| output.clone());
        (output, Saved { input, weight, rectified })
    }

    fn infer(&self, [input, weight, bias]: [Array; 3]) -> Array {
        let output = self.output(&input, &weight, &bias);
        input.release();
        output
    }

    fn backward(&self, saved: Self::Saved, upstream: Array, wanted: [bool; 3]) -> [Option<Array>; 3] {
        let Saved { input, weight, rectified } = saved;
        let mut gradient = upstream.into_numbers();
        let of_bias =
            self.geometry.backward_bias(rectified.as_ref().map(Array::numbers), Place::Over(&mut gradient));
        let of_input = wanted[0].then(|| {
            let mut of_input = buffer::take(input.len());
            self.geometry.backward_input(&gradient, weight.numbers(), &mut of_input);
            Array::new(of_input, input.dims())
        });
        let of_weight = wanted[1].then(|| {
            let mut of_weight = buffer::take(weight.len());
            self.geometry.backward_weights(input.numbers(), &gradient, &mut of_weight);
            Array::new(of_weight, weight.dims())
        });
        buffer::give(gradient);
        rectified.into_iter().for_each(Array::release);
        input.release();
        [of_input, of_weight, Some(Array::new(of_bias, &[self.geometry.outputs]))]
    }
}
