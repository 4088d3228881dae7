//! Batch norm, alone and after a convolution.

use std::sync::{Arc, OnceLock};

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, activation::relu};
use logit_kernels::batch_norm::{self, Shape, Statistics};
use logit_kernels::buffer;
use logit_kernels::place::Place;

use super::array::Array;
use super::conv::{Maps, convolution};
use super::operation::{Input, Operation, fits_with, run};

/// Batch norm: `layer.forward(input)`. In training it normalises by the batch and moves the running statistics;
/// otherwise it normalises by them.
///
/// # Shapes
/// `[N, C, d…]` → the same
///
/// # Panics
/// As the layer's own `forward`: axis 1 has another size than the layer has features.
pub fn batch_norm<const D: usize>(layer: &BatchNorm, input: Tensor<D>) -> Tensor<D> {
    if trains(layer, &input) { normalise(layer, input, false) } else { layer.forward(input) }
}

/// Batch norm and the rectifier, `relu(layer.forward(input))`, in one pass.
///
/// # Panics
/// As [`batch_norm()`].
pub fn batch_norm_relu<const D: usize>(layer: &BatchNorm, input: Tensor<D>) -> Tensor<D> {
    if trains(layer, &input) { normalise(layer, input, true) } else { relu(layer.forward(input)) }
}

/// Convolution, batch norm and the rectifier: `relu(norm.forward(conv.forward(input)))`. Outside of training the norm
/// is folded into the convolution, and the three are one pass.
///
/// # Panics
/// As the layers' own `forward`.
pub fn conv2d_norm_relu(conv: &Conv2d, norm: &BatchNorm, input: Tensor<4>) -> Tensor<4> {
    conv2d_of_maps_norm_relu(conv, norm, Maps::One(input))
}

/// The same over two maps joined along their channels, without joining them in memory.
///
/// # Panics
/// As [`conv2d_norm_relu`], and where the maps differ in batch, height or width.
pub fn conv2d_joined_norm_relu(conv: &Conv2d, norm: &BatchNorm, maps: [Tensor<4>; 2]) -> Tensor<4> {
    conv2d_of_maps_norm_relu(conv, norm, Maps::Two(maps))
}

fn conv2d_of_maps_norm_relu(conv: &Conv2d, norm: &BatchNorm, maps: Maps) -> Tensor<4> {
    let first = maps.first();
    let foldable = fits_with(first, &norm.gamma.val()) && norm.gamma.dims()[0] == conv.weight.dims()[0];
    if first.device().is_autodiff() || !foldable {
        return batch_norm_relu(norm, convolution(conv, maps, false));
    }
    convolution(&folded(conv, norm), maps, true)
}

/// The convolution that does what the two layers do outside of training.
fn folded(conv: &Conv2d, norm: &BatchNorm) -> Conv2d {
    let channels = norm.gamma.dims()[0];
    let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    let bias = match &conv.bias {
        Some(bias) => shift + bias.val() * scale.clone(),
        None => shift,
    };
    let weight = conv.weight.val() * scale.reshape([channels, 1, 1, 1]);
    let mut folded = conv.clone();
    folded.weight = burn::module::Param::from_tensor(weight);
    folded.bias = Some(burn::module::Param::from_tensor(bias));
    folded
}

/// Whether our operation stands for the layer: in training, on the CPU, on as many features.
fn trains<const D: usize>(layer: &BatchNorm, input: &Tensor<D>) -> bool {
    let training = input.device().is_autodiff() && layer.training.is_enabled();
    training && fits_with(input, &layer.gamma.val()) && input.dims()[1] == layer.gamma.dims()[0]
}

fn normalise<const D: usize>(layer: &BatchNorm, input: Tensor<D>, relu: bool) -> Tensor<D> {
    let dims = input.dims();
    let shape = Shape { batch: dims[0], channels: dims[1], inner: dims[2..].iter().product() };
    let statistics = Arc::new(OnceLock::new());
    let operation =
        Normalisation { shape, epsilon: layer.epsilon as f32, relu, statistics: statistics.clone() };
    let device = input.device();
    let inputs = [Input::new(input), Input::new(layer.gamma.val()), Input::new(layer.beta.val())];
    let output = run(operation, inputs);
    let empty = shape.batch * shape.inner == 0;
    if let (Some(Statistics { mean, variance, .. }), false) = (statistics.get(), empty) {
        let moved = |running: Tensor<1>, batch: &[f32]| {
            let batch = Tensor::<1>::from_floats(batch, &device);
            (running.mul_scalar(1.0 - layer.momentum) + batch.mul_scalar(layer.momentum)).detach()
        };
        layer.running_mean.update(moved(layer.running_mean.value_sync(), mean));
        layer.running_var.update(moved(layer.running_var.value_sync(), variance));
    }
    output
}

/// Normalisation by the batch; its inputs are the map, gamma and beta.
#[derive(Clone, Debug)]
struct Normalisation {
    shape: Shape,
    epsilon: f32,
    relu: bool,
    /// What the batch was normalised by, once it was.
    statistics: Arc<OnceLock<Statistics>>,
}

impl Normalisation {
    fn kernel<'a>(&self, gamma: &'a Array, beta: &'a Array) -> batch_norm::BatchNorm<'a> {
        batch_norm::BatchNorm {
            shape: self.shape,
            gamma: gamma.numbers(),
            beta: beta.numbers(),
            epsilon: self.epsilon,
            relu: self.relu,
        }
    }
}

impl Operation<3> for Normalisation {
    type Saved = [Array; 3];

    fn forward(&self, [map, gamma, beta]: [Array; 3]) -> (Array, Self::Saved) {
        let mut output = buffer::take(map.len());
        let statistics = self.kernel(&gamma, &beta).forward_train(map.numbers(), &mut output);
        // Set once: an operation is run once.
        let _ = self.statistics.set(statistics);
        (Array::new(output, map.dims()), [map, gamma, beta])
    }

    fn backward(&self, [map, gamma, beta]: Self::Saved, upstream: Array, _: [bool; 3]) -> [Option<Array>; 3] {
        let Some(statistics) = self.statistics.get() else { return [None, None, None] };
        let dims = map.dims().to_vec();
        let mut gradient = upstream.into_numbers();
        let of_parameters =
            self.kernel(&gamma, &beta).backward(map.numbers(), statistics, Place::Over(&mut gradient));
        map.release();
        let channel = |numbers: Vec<f32>| Some(Array::new(numbers, &[self.shape.channels]));
        let of_map = Some(Array::new(gradient, &dims));
        [of_map, channel(of_parameters.gamma), channel(of_parameters.beta)]
    }
}
