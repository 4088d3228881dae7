//! Layers with one input.

use burn::module::Param;
use burn::nn;
use burn::tensor::{Int, Tensor};

use super::{Step, from_fn};
use crate::graph::{Described, Padding, Parameter, StepKind};
use crate::ops;

/// A step whose rectifier is computed in the same pass over memory.
pub trait Rectifies<Input>: Step<Input> {
    /// The output after the rectifier.
    fn forward_relu(&self, input: Input) -> Self::Output;
}

/// A step and the rectifier, `max(0, x)`, in one pass.
#[derive(Clone, Copy, Debug)]
pub struct Rectified<S>(pub(super) S);

impl<Input, S: Rectifies<Input>> Step<Input> for Rectified<S> {
    type Output = S::Output;

    fn forward(&self, input: Input) -> Self::Output {
        self.0.forward_relu(input)
    }

    fn describe(&self) -> Vec<Described> {
        let mut operations = self.0.describe();
        operations.push(StepKind::Relu.into());
        operations
    }
}

/// `relu` for steps that compute it in the same pass.
macro_rules! rectifies {
    ($($step:ident),*) => {$(
        impl $step<'_> {
            /// The same and the rectifier, in one pass over memory.
            pub fn relu(self) -> Rectified<Self> {
                Rectified(self)
            }
        }
    )*};
}

pub(super) use rectifies;

rectifies!(Linear, BatchNorm, MaxPool2d);

/// The parameters of a layer that has a weight, and may have a bias.
pub(super) fn with_bias<const D: usize>(
    weight: &Param<Tensor<D>>,
    bias: Option<&Param<Tensor<1>>>,
) -> Vec<Parameter> {
    let bias = bias.map(|bias| Parameter::learned("bias", bias));
    [Parameter::learned("weight", weight)].into_iter().chain(bias).collect()
}

/// A dense layer: [`ops::linear`].
///
/// # Shapes
/// `[N, F]` → `[N, K]`
///
/// # Panics
/// When it runs, as the layer's own `forward`: the input has another number of features than the layer takes.
pub fn linear(layer: &nn::Linear) -> Linear<'_> {
    Linear { layer }
}

/// A step made by [`linear`].
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    layer: &'a nn::Linear,
}

impl Step<Tensor<2>> for Linear<'_> {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        ops::linear(self.layer, input)
    }

    fn describe(&self) -> Vec<Described> {
        let parameters = with_bias(&self.layer.weight, self.layer.bias.as_ref());
        vec![Described { kind: StepKind::Linear, parameters }]
    }
}

impl Rectifies<Tensor<2>> for Linear<'_> {
    fn forward_relu(&self, input: Tensor<2>) -> Tensor<2> {
        ops::linear_relu(self.layer, input)
    }
}

/// Batch norm: [`ops::batch_norm`](fn@ops::batch_norm).
///
/// # Shapes
/// `[N, C, d…]` → the same
///
/// # Panics
/// When it runs, as the layer's own `forward`: axis 1 has another size than the layer has features.
pub fn batch_norm(layer: &nn::BatchNorm) -> BatchNorm<'_> {
    BatchNorm { layer }
}

/// A step made by [`batch_norm`](fn@batch_norm).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    layer: &'a nn::BatchNorm,
}

pub(super) fn batch_norm_described(layer: &nn::BatchNorm) -> Described {
    Described {
        kind: StepKind::BatchNorm { epsilon: layer.epsilon, momentum: layer.momentum },
        parameters: vec![
            Parameter::learned("gamma", &layer.gamma),
            Parameter::learned("beta", &layer.beta),
            Parameter::running("running_mean", &layer.running_mean),
            Parameter::running("running_var", &layer.running_var),
        ],
    }
}

impl<const D: usize> Step<Tensor<D>> for BatchNorm<'_> {
    type Output = Tensor<D>;

    fn forward(&self, input: Tensor<D>) -> Tensor<D> {
        ops::batch_norm(self.layer, input)
    }

    fn describe(&self) -> Vec<Described> {
        vec![batch_norm_described(self.layer)]
    }
}

impl<const D: usize> Rectifies<Tensor<D>> for BatchNorm<'_> {
    fn forward_relu(&self, input: Tensor<D>) -> Tensor<D> {
        ops::batch_norm_relu(self.layer, input)
    }
}

/// The maximum of each window: [`ops::max_pool2d`].
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, H', W']`
pub fn max_pool2d(layer: &nn::pool::MaxPool2d) -> MaxPool2d<'_> {
    MaxPool2d { layer }
}

/// A step made by [`max_pool2d`].
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d<'a> {
    layer: &'a nn::pool::MaxPool2d,
}

impl Step<Tensor<4>> for MaxPool2d<'_> {
    type Output = Tensor<4>;

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        ops::max_pool2d(self.layer, map)
    }

    fn describe(&self) -> Vec<Described> {
        let layer = self.layer;
        let kind = StepKind::MaxPool2d {
            kernel: layer.kernel_size,
            stride: layer.stride,
            padding: Padding::of(&layer.padding),
            dilation: layer.dilation,
            ceil_mode: layer.ceil_mode,
        };
        vec![kind.into()]
    }
}

impl Rectifies<Tensor<4>> for MaxPool2d<'_> {
    fn forward_relu(&self, map: Tensor<4>) -> Tensor<4> {
        ops::max_pool2d_relu(self.layer, map)
    }
}

/// The average of each window: [`ops::avg_pool2d`].
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, H', W']`
pub fn avg_pool2d(layer: &nn::pool::AvgPool2d) -> impl Step<Tensor<4>, Output = Tensor<4>> {
    let kind = || StepKind::AvgPool2d {
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: Padding::of(&layer.padding),
        count_include_pad: layer.count_include_pad,
        ceil_mode: layer.ceil_mode,
    };
    from_fn(kind, |map| ops::avg_pool2d(layer, map))
}

/// The average of each channel over the whole map.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C]`
pub fn global_avg_pool2d() -> impl Step<Tensor<4>, Output = Tensor<2>> {
    from_fn(|| StepKind::GlobalAvgPool2d, |map: Tensor<4>| map.mean_dim(3).mean_dim(2).flatten(1, 3))
}

/// The sum of each group of `size` neighbours along axis 1: [`ops::sum_pool`].
///
/// # Shapes
/// `[N, G · size]` → `[N, G]`
///
/// # Panics
/// When it runs: `size` is 0, or does not divide the features.
pub fn sum_pool(size: usize) -> impl Step<Tensor<2>, Output = Tensor<2>> {
    from_fn(move || StepKind::SumPool { size }, move |input| ops::sum_pool(input, size))
}

/// The rectifier, `max(0, x)`: [`ops::relu`].
///
/// # Shapes
/// `[d…]` → the same
pub fn relu<const D: usize>() -> impl Step<Tensor<D>, Output = Tensor<D>> {
    from_fn(|| StepKind::Relu, ops::relu)
}

/// The hyperbolic tangent of each number.
///
/// # Shapes
/// `[d…]` → the same
pub fn tanh<const D: usize>() -> impl Step<Tensor<D>, Output = Tensor<D>> {
    from_fn(|| StepKind::Tanh, Tensor::tanh)
}

/// Dropout: `layer.forward(input)`. Outside of training it does nothing, and is a step all the same.
///
/// # Shapes
/// `[d…]` → the same
pub fn dropout<const D: usize>(layer: &nn::Dropout) -> impl Step<Tensor<D>, Output = Tensor<D>> {
    from_fn(|| StepKind::Dropout { probability: layer.prob }, |input| layer.forward(input))
}

/// A row of the layer's table for each number.
///
/// # Shapes
/// `[N]` → `[N, units]`
///
/// # Panics
/// When it runs: a number is none of a row.
pub fn embedding(layer: &nn::Embedding) -> impl Step<Tensor<1, Int>, Output = Tensor<2>> {
    let what = || Described { kind: StepKind::Embedding, parameters: with_bias(&layer.weight, None) };
    from_fn(what, |rows: Tensor<1, Int>| layer.forward(rows.unsqueeze_dim(1)).squeeze_dim(1))
}

/// For each row of numbers, the maximum over the vectors that it names, counted from 1; the number 0 names a vector of
/// zeros. Over vectors that are nowhere below 0, a 0 is thus no vector at all, as where rows of unlike length are filled up.
///
/// # Shapes
/// vectors `[W, U]`, numbers `[S, L]` → `[S, U]`
///
/// # Panics
/// When it runs: a number is beyond the vectors.
pub fn max_of_named() -> impl Step<(Tensor<2>, Tensor<2, Int>), Output = Tensor<2>> {
    let forward = |(vectors, numbers): (Tensor<2>, Tensor<2, Int>)| {
        let ([rows, longest], units) = (numbers.dims(), vectors.dims()[1]);
        let nothing = Tensor::zeros([1, units], &vectors.device());
        let named = Tensor::cat(vec![nothing, vectors], 0).select(0, numbers.reshape([rows * longest]));
        named.reshape([rows, longest, units]).max_dim(1).reshape([rows, units])
    };
    from_fn(|| StepKind::MaxOfNamed, forward)
}

/// Each row scaled to a length: `x · length / √(Σx² + epsilon)`.
///
/// # Shapes
/// `[N, F]` → the same
pub fn scale_to_length(length: f64, epsilon: f64) -> impl Step<Tensor<2>, Output = Tensor<2>> {
    let forward = move |rows: Tensor<2>| {
        let squares = rows.clone().square().sum_dim(1);
        rows * squares.add_scalar(epsilon).sqrt().recip().mul_scalar(length)
    };
    from_fn(move || StepKind::ScaleToLength { length, epsilon }, forward)
}
