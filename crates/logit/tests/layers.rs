//! The fast operations against the layers they stand for: the same values, the same gradients.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::optim::GradientsParams;
use burn::tensor::activation::{log_softmax, relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use logit::ops;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn device() -> Device {
    Device::flex().autodiff()
}

/// Numbers of a normal distribution, other ones at each call.
fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    static SEED: AtomicU64 = AtomicU64::new(7);
    let mut random = StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed));
    let numbers: Vec<f32> = (0..dims.iter().product())
        .map(|_| (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0)
        .collect();
    Tensor::from_data(TensorData::new(numbers, dims), &device())
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as::<f64>().unwrap()
}

/// Equal within `tolerance` of the largest number.
fn assert_close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0.1, |largest: f64, value| largest.max(value.abs()));
    for (at, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * largest,
            "{what}, number {at}: {a} and {b}, of at most {largest}"
        );
    }
}

/// The output, the gradients of the inputs and of every parameter of two ways through a module.
fn assert_same<M: Module, const N: usize, const D: usize, const E: usize>(
    what: &str,
    module: &M,
    inputs: [Tensor<D>; N],
    ours: impl Fn(&M, [Tensor<D>; N]) -> Tensor<E>,
    theirs: impl Fn(&M, [Tensor<D>; N]) -> Tensor<E>,
) {
    let weights = random(theirs(module, inputs.clone()).dims());
    let run = |way: &dyn Fn(&M, [Tensor<D>; N]) -> Tensor<E>| {
        let tracked = inputs.clone().map(|input| input.detach().require_grad());
        let output = way(module, tracked.clone());
        let gradients = (output.clone() * weights.clone()).sum().backward();
        let of_inputs: Vec<Vec<f64>> = tracked
            .iter()
            .map(|input| numbers(input.grad(&gradients).expect("a gradient of the input")))
            .collect();
        let of_parameters = parameter_gradients(module, &GradientsParams::from_grads(gradients, module));
        (numbers(output), of_inputs, of_parameters)
    };
    let (output, of_inputs, parameters) = run(&ours);
    let (their_output, of_their_inputs, their_parameters) = run(&theirs);
    assert_close(&format!("{what}: output"), &output, &their_output, 2e-5);
    for (a, b) in of_inputs.iter().zip(&of_their_inputs) {
        assert_close(&format!("{what}: gradient of an input"), a, b, 5e-5);
    }
    assert_eq!(parameters.len(), their_parameters.len(), "{what}");
    for (a, b) in parameters.iter().zip(&their_parameters) {
        assert_close(&format!("{what}: gradient of a parameter"), a, b, 1e-4);
    }
}

/// The gradients of a module's parameters, in their order.
fn parameter_gradients<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<Vec<f64>> {
    struct Gather<'a>(&'a GradientsParams, Vec<Vec<f64>>);
    impl ModuleVisitor for Gather<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            self.1.extend(self.0.get::<D>(parameter.id).map(numbers));
        }
    }
    let mut gather = Gather(gradients, vec![]);
    module.visit(&mut gather);
    gather.1
}

#[test]
fn convolutions_of_every_option() {
    let none = PaddingConfig2d::Valid;
    let around = |height, width| PaddingConfig2d::Explicit(height, width, height, width);
    let cases: Vec<([usize; 4], Conv2dConfig)> = vec![
        ([2, 1, 28, 28], Conv2dConfig::new([1, 10], [5, 5]).with_padding(none.clone())),
        ([3, 10, 12, 12], Conv2dConfig::new([10, 20], [5, 5]).with_padding(none.clone())),
        ([2, 3, 32, 32], Conv2dConfig::new([3, 16], [3, 3]).with_padding(around(1, 1))),
        ([2, 16, 8, 8], Conv2dConfig::new([16, 24], [3, 3]).with_padding(around(1, 1))),
        ([1, 5, 7, 9], Conv2dConfig::new([5, 3], [3, 2]).with_padding(around(1, 0)).with_bias(false)),
        ([2, 4, 11, 10], Conv2dConfig::new([4, 6], [3, 3]).with_stride([2, 3]).with_padding(around(2, 1))),
        ([2, 4, 13, 13], Conv2dConfig::new([4, 8], [3, 3]).with_dilation([2, 3]).with_padding(around(2, 3))),
        ([2, 6, 9, 9], Conv2dConfig::new([6, 12], [3, 3]).with_groups(3).with_padding(around(1, 1))),
        ([2, 8, 9, 9], Conv2dConfig::new([8, 8], [3, 3]).with_groups(8).with_stride([2, 2])),
        ([2, 16, 6, 5], Conv2dConfig::new([16, 5], [1, 1])),
        ([1, 2, 6, 6], Conv2dConfig::new([2, 3], [3, 3]).with_padding(PaddingConfig2d::Same)),
        ([1, 2, 6, 6], Conv2dConfig::new([2, 3], [4, 4]).with_padding(PaddingConfig2d::Same)),
        ([1, 2, 6, 6], Conv2dConfig::new([2, 3], [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 0, 2, 3))),
    ];
    for (dims, config) in cases {
        let layer = config.init(&device());
        let what = format!("{dims:?} {layer}");
        assert_same(&what, &layer, [random(dims)], |l, [x]| ops::conv2d(l, x), |l, [x]| l.forward(x));
        let what = format!("relu, {what}");
        assert_same(
            &what,
            &layer,
            [random(dims)],
            |l, [x]| ops::conv2d_relu(l, x),
            |l, [x]| relu(l.forward(x)),
        );
    }
}

#[test]
fn a_convolution_of_joined_maps() {
    let config = Conv2dConfig::new([12, 8], [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
    let layer = config.init(&device());
    // The layer takes 12 channels: 6 of each map.
    assert_same(
        "joined",
        &layer,
        [random([2, 6, 16, 16]), random([2, 6, 16, 16])],
        |l: &Conv2d, maps| ops::conv2d_joined(l, maps),
        |l, maps| l.forward(Tensor::cat(maps.to_vec(), 1)),
    );
}

#[test]
fn transposed_convolutions_of_every_option() {
    let cases: Vec<([usize; 4], ConvTranspose2dConfig)> = vec![
        ([2, 16, 4, 4], ConvTranspose2dConfig::new([16, 8], [2, 2]).with_stride([2, 2])),
        ([1, 3, 5, 7], ConvTranspose2dConfig::new([3, 5], [2, 3]).with_stride([2, 3])),
        ([2, 4, 5, 5], ConvTranspose2dConfig::new([4, 6], [3, 3])),
        ([2, 4, 5, 6], ConvTranspose2dConfig::new([4, 6], [3, 3]).with_stride([2, 2]).with_padding([1, 1])),
        (
            [1, 4, 5, 6],
            ConvTranspose2dConfig::new([4, 2], [3, 3])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .with_padding_out([1, 1])
                .with_bias(false),
        ),
        ([1, 4, 5, 6], ConvTranspose2dConfig::new([4, 4], [3, 3]).with_dilation([2, 2]).with_groups(2)),
    ];
    for (dims, config) in cases {
        let layer = config.init(&device());
        let what = format!("{dims:?} {layer}");
        let ours = |l: &ConvTranspose2d, [x]: [Tensor<4>; 1]| ops::conv_transpose2d(l, x);
        assert_same(&what, &layer, [random(dims)], ours, |l, [x]| l.forward(x));
    }
}

#[test]
fn pooling_of_every_option() {
    let around = PaddingConfig2d::Explicit(1, 1, 1, 1);
    let max = [
        ([2, 3, 24, 24], MaxPool2dConfig::new([2, 2])),
        ([2, 3, 7, 9], MaxPool2dConfig::new([2, 2])),
        ([2, 3, 7, 9], MaxPool2dConfig::new([2, 2]).with_ceil_mode(true)),
        ([2, 3, 9, 9], MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(around.clone())),
        ([1, 2, 9, 9], MaxPool2dConfig::new([2, 3]).with_strides([1, 2]).with_dilation([2, 1])),
    ];
    for (dims, config) in max {
        let pool = config.init();
        let what = format!("{dims:?} {pool}");
        assert_same(&what, &pool, [random(dims)], |l, [x]| ops::max_pool2d(l, x), |l, [x]| l.forward(x));
        let ours = |l: &_, [x]: [Tensor<4>; 1]| ops::max_pool2d_relu(l, x);
        assert_same(&format!("relu, {what}"), &pool, [random(dims)], ours, |l, [x]| relu(l.forward(x)));
    }
    let average = [
        ([2, 3, 8, 8], AvgPool2dConfig::new([2, 2])),
        ([2, 3, 9, 7], AvgPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(around.clone())),
        ([2, 3, 9, 7], AvgPool2dConfig::new([3, 3]).with_padding(around).with_count_include_pad(false)),
    ];
    for (dims, config) in average {
        let pool = config.init();
        let what = format!("{dims:?} {pool}");
        assert_same(&what, &pool, [random(dims)], |l, [x]| ops::avg_pool2d(l, x), |l, [x]| l.forward(x));
    }
}

#[test]
fn batch_norm_in_training_and_out_of_it() {
    for dims in [[4, 3, 5, 7], [8, 16, 16, 16], [1, 2, 1, 3], [16, 1, 2, 2]] {
        let layer = BatchNormConfig::new(dims[1]).init(&device());
        let ours = |l: &BatchNorm, [x]: [Tensor<4>; 1]| ops::batch_norm(l, x);
        let what = format!("batch norm of {dims:?}");
        assert_same(&what, &layer, [random(dims)], ours, |l, [x]| l.forward(x));
        let ours = |l: &BatchNorm, [x]: [Tensor<4>; 1]| ops::batch_norm_relu(l, x);
        assert_same(&format!("{what}, relu"), &layer, [random(dims)], ours, |l, [x]| relu(l.forward(x)));
    }
}

#[test]
fn running_statistics_move_alike() {
    let maps: Vec<Tensor<4>> = (0..3).map(|step| random([4, 3, 6, 6]) * 2.0 + f64::from(step)).collect();
    let state = |way: &dyn Fn(&BatchNorm, Tensor<4>)| {
        let layer = BatchNormConfig::new(3).init(&device());
        for map in &maps {
            way(&layer, map.clone());
        }
        (numbers(layer.running_mean.value_sync()), numbers(layer.running_var.value_sync()))
    };
    let ours = state(&|layer, x| drop(ops::batch_norm_relu(layer, x)));
    let theirs = state(&|layer, x| drop(layer.forward(x)));
    assert_close("running mean", &ours.0, &theirs.0, 1e-5);
    assert_close("running variance", &ours.1, &theirs.1, 1e-5);
}

#[test]
fn a_folded_norm_infers_as_the_layers_do() {
    let around = PaddingConfig2d::Explicit(1, 1, 1, 1);
    let conv = Conv2dConfig::new([4, 6], [3, 3]).with_padding(around).init(&device());
    let norm = BatchNormConfig::new(6).init(&device());
    for _ in 0..3 {
        norm.forward(conv.forward(random([4, 4, 8, 8])));
    }
    let (conv, norm) = (conv.valid(), norm.valid());
    let map = random([2, 4, 8, 8]).inner();
    let theirs = numbers(relu(norm.forward(conv.forward(map.clone()))));
    assert_close("one map", &numbers(ops::conv2d_norm_relu(&conv, &norm, map.clone())), &theirs, 2e-5);
    let halves = map.split(2, 1);
    let joined = ops::conv2d_joined_norm_relu(&conv, &norm, [halves[0].clone(), halves[1].clone()]);
    assert_close("two maps", &numbers(joined), &theirs, 2e-5);
}

#[test]
fn convolution_norm_and_rectifier_train_as_the_layers_do() {
    let around = PaddingConfig2d::Explicit(1, 1, 1, 1);
    let conv = Conv2dConfig::new([4, 6], [3, 3]).with_padding(around).init(&device());
    let norm = BatchNormConfig::new(6).init(&device());
    assert_same(
        "convolution, norm, relu",
        &(conv, norm),
        [random([2, 4, 8, 8])],
        |(conv, norm): &(Conv2d, BatchNorm), [x]| ops::conv2d_norm_relu(conv, norm, x),
        |(conv, norm), [x]| relu(norm.forward(conv.forward(x))),
    );
}

#[test]
fn dense_layers() {
    for (rows, features, units) in [(7, 5, 3), (64, 320, 50), (1, 1, 1), (33, 17, 129)] {
        for bias in [true, false] {
            let layer = LinearConfig::new(features, units).with_bias(bias).init(&device());
            let what = format!("{rows} rows, {layer}");
            let input = random([rows, features]);
            let ours = |l: &Linear, [x]: [Tensor<2>; 1]| ops::linear(l, x);
            assert_same(&what, &layer, [input.clone()], ours, |l, [x]| l.forward(x));
            let ours = |l: &Linear, [x]: [Tensor<2>; 1]| ops::linear_relu(l, x);
            assert_same(&format!("relu, {what}"), &layer, [input], ours, |l, [x]| relu(l.forward(x)));
        }
    }
}

#[test]
fn softmax_along_every_axis() {
    for axis in 0..3 {
        let input = [random([3, 5, 4])];
        let what = format!("softmax along {axis}");
        assert_same(
            &what,
            &Relu::new(),
            input.clone(),
            |_, [x]| ops::softmax(x, axis),
            |_, [x]| softmax(x, axis),
        );
        let ours = |_: &Relu, [x]: [Tensor<3>; 1]| ops::log_softmax(x, axis);
        assert_same(&format!("log {what}"), &Relu::new(), input.clone(), ours, |_, [x]| log_softmax(x, axis));
        let ours = |_: &Relu, [x]: [Tensor<3>; 1]| ops::log_sum_exp(x, axis);
        let theirs = |_: &Relu, [x]: [Tensor<3>; 1]| x.exp().sum_dim(axis).log();
        assert_same(&format!("log-sum-exp along {axis}"), &Relu::new(), input, ours, theirs);
    }
}

#[test]
fn factors_of_channels() {
    let factors = random([2, 3]);
    let ours = |_: &Relu, [x]: [Tensor<4>; 1]| ops::scale_channels(x, factors.clone());
    let theirs = |_: &Relu, [x]: [Tensor<4>; 1]| x * factors.clone().reshape([2, 3, 1, 1]);
    assert_same("channels", &Relu::new(), [random([2, 3, 4, 5])], ours, theirs);
}

#[test]
fn sums_of_groups() {
    let ours = |_: &Relu, [x]: [Tensor<2>; 1]| ops::sum_pool(x, 4);
    let theirs = |_: &Relu, [x]: [Tensor<2>; 1]| x.reshape([3, 5, 4]).sum_dim(2).reshape([3, 5]);
    assert_same("groups of four", &Relu::new(), [random([3, 20])], ours, theirs);
}
