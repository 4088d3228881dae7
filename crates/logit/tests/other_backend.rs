//! The same public functions on the CPU, by our kernels, and on a GPU backend, by Burn's operations: the same numbers.
//!
//! `cargo nextest run -p logit --features wgpu --test other_backend`; a software Vulkan driver will do.
#![cfg(feature = "wgpu")]

use burn::module::Module;
use burn::nn::conv::{Conv2dConfig, ConvTranspose2dConfig};
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{BatchNormConfig, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use logit::loss::{BinaryCrossEntropyLoss, CrossEntropyLoss, FocalLoss, InterpolatedKlLoss};
use logit::{Classes, Grades, HeadConfig, Labels, Logits, ops};

fn devices() -> [Device; 2] {
    [Device::flex().autodiff(), Device::wgpu(DeviceKind::DefaultDevice).autodiff()]
}

/// Numbers between −2 and 2 without a pattern, the same on every device.
fn numbers<const D: usize>(dims: [usize; D], seed: u32, device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(97);
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 4_194_304.0 - 2.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, dims), device)
}

/// The value and the gradient of the input on both devices.
fn assert_same<const D: usize, const E: usize>(
    what: &str,
    dims: [usize; D],
    run: impl Fn(&Device, Tensor<D>) -> Tensor<E>,
) {
    let [cpu, gpu] = devices().map(|device| {
        let input = numbers(dims, 1, &device).require_grad();
        let output = run(&device, input.clone());
        let weights = numbers(output.dims(), 2, &device);
        let gradients = (output.clone() * weights).sum().backward();
        let of_input = input.grad(&gradients).expect("a gradient of the input");
        (output.try_into_vec_as::<f32>().unwrap(), of_input.try_into_vec_as::<f32>().unwrap())
    });
    for (part, a, b) in [("output", &cpu.0, &gpu.0), ("gradient", &cpu.1, &gpu.1)] {
        assert_eq!(a.len(), b.len(), "{what}, {part}");
        let largest = b.iter().fold(0.1_f32, |largest, value| largest.max(value.abs()));
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((a - b).abs() <= 1e-4 * largest, "{what}, {part} {at}: {a} on the CPU, {b} on the GPU");
        }
    }
}

#[test]
fn layers() {
    let plain = Device::flex();
    let around = PaddingConfig2d::Explicit(1, 1, 1, 1);
    let conv = Conv2dConfig::new([4, 6], [3, 3]).with_padding(around).init(&plain);
    let norm = BatchNormConfig::new(6).init(&plain);
    let up = ConvTranspose2dConfig::new([4, 6], [2, 2]).with_stride([2, 2]).init(&plain);
    let dense = LinearConfig::new(20, 7).init(&plain);
    // Parameters are drawn when they are first asked for.
    let (conv, norm, up, dense) = (conv.fork(&plain), norm.fork(&plain), up.fork(&plain), dense.fork(&plain));
    let map = [2, 4, 10, 12];
    assert_same("conv2d", map, |device, x| ops::conv2d(&conv.clone().to_device(device), x));
    assert_same("conv2d_relu", map, |device, x| ops::conv2d_relu(&conv.clone().to_device(device), x));
    assert_same("conv2d_norm_relu", map, |device, x| {
        ops::conv2d_norm_relu(&conv.clone().to_device(device), &norm.clone().to_device(device), x)
    });
    assert_same("conv_transpose2d", map, |device, x| ops::conv_transpose2d(&up.clone().to_device(device), x));
    let max = MaxPool2dConfig::new([2, 2]).init();
    assert_same("max_pool2d_relu", map, |_, x| ops::max_pool2d_relu(&max, x));
    let average = AvgPool2dConfig::new([2, 2]).init();
    assert_same("avg_pool2d", map, |_, x| ops::avg_pool2d(&average, x));
    assert_same("linear_relu", [5, 20], |device, x| ops::linear_relu(&dense.clone().to_device(device), x));
    assert_same("softmax", [3, 5, 7], |_, x| ops::softmax(x, 1));
    assert_same("log_softmax", [3, 5, 7], |_, x| ops::log_softmax(x, 2));
    assert_same("log_sum_exp", [3, 5, 7], |_, x| ops::log_sum_exp(x, 0));
    assert_same("sum_pool", [3, 20], |_, x| ops::sum_pool(x, 4));
}

#[test]
fn losses() {
    let index = |device: &Device| {
        Tensor::<3, Int>::from_data(TensorData::new(vec![0_i64, 1, 2, -100, 2, 1, 0, 0], [2, 2, 2]), device)
    };
    let map = [2, 3, 2, 2];
    assert_same("cross entropy", map, |device, x| {
        let loss =
            CrossEntropyLoss::new().with_weight([1.0, 2.0, 0.5]).with_label_smoothing(0.1).with_z_loss(0.01);
        loss.forward(Logits::new(x, Classes::new(3)).unwrap(), index(device)).unwrap().value
    });
    assert_same("focal", map, |device, x| {
        FocalLoss::new()
            .forward_no_reduction(Logits::new(x, Classes::new(3)).unwrap(), index(device))
            .unwrap()
    });
    assert_same("binary cross entropy", [4, 3], |device, x| {
        let targets = numbers([4, 3], 5, device).greater_elem(0.0);
        let loss = BinaryCrossEntropyLoss::new().with_pos_weight([1.0, 3.0, 2.0]);
        loss.forward(Logits::new(x, Labels::new(3)).unwrap(), targets).unwrap().value
    });
    assert_same("interpolated KL", [4, 6], |device, x| {
        let targets = Tensor::<1>::from_floats([0.0, 2.3, 5.0, 4.9], device);
        let logits = Logits::new(x, Grades::new(0.0, 5.0, 6)).unwrap();
        InterpolatedKlLoss::new().forward(logits, targets).unwrap().value
    });
    let head = HeadConfig::new(6, Classes::new(40)).init(&Device::flex()).unwrap().fork(&Device::flex());
    assert_same("linear with cross entropy", [5, 6], |device, x| {
        let targets = Tensor::<1, Int>::from_ints([0, 39, 7, 7, 20], device);
        let head = head.clone().to_device(device);
        CrossEntropyLoss::new().forward_linear(&head, x, targets).unwrap().value
    });
}
