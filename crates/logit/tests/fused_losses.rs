//! Losses whose gradient is made in the forward pass, in a graph: what is held stays, and what follows is chained.

use burn::tensor::{Device, Distribution, Int, Tensor};
use logit::loss::{CrossEntropyLoss, Reduction};
use logit::{Classes, HeadConfig, Logits};

const CLASSES: usize = 6;

/// On our operations, and on Burn's.
fn devices() -> [Device; 2] {
    [Device::flex().autodiff(), Device::flex().autodiff().gradient_checkpointing()]
}

fn inputs(device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    device.seed(5);
    let logits = Tensor::random([4, CLASSES], Distribution::Normal(0.0, 2.0), device);
    (logits, Tensor::from_ints([0, 5, -100, 2], device))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

fn assert_close(what: &str, [ours, theirs]: [Vec<f32>; 2]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    assert!(theirs.iter().any(|number| *number != 0.0), "{what}: something to compare");
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-5, "{what}: {ours:?} and {theirs:?}");
    }
}

#[test]
fn the_gradient_is_multiplied_by_what_follows() {
    let loss = CrossEntropyLoss::new().with_label_smoothing(0.1).with_weight([1.0, 2.0, 0.5, 1.0, 3.0, 1.0]);
    let run = |device: &Device| {
        let (x, targets) = inputs(device);
        let x = x.require_grad();
        let logits = || Logits::new(x.clone() * 1.5, Classes::new(CLASSES)).unwrap();
        let mean = loss.forward(logits(), targets.clone()).unwrap().value;
        let each = loss.forward_no_reduction(logits(), targets.clone()).unwrap();
        let weighed = each * Tensor::from_floats([[3.0], [-1.0], [7.0], [0.5]], device);
        let sum = loss.clone().with_reduction(Reduction::Sum).forward(logits(), targets).unwrap().value;
        let whole = mean * 3.0 + weighed.sum() - sum * 0.25;
        numbers(x.grad(&whole.backward()).unwrap())
    };
    assert_close("gradient", devices().map(|device| run(&device)));
}

#[test]
fn logits_that_are_held_are_left_alone() {
    let [device, _] = devices();
    let (x, targets) = inputs(&device);
    let held = x.require_grad() * 1.0;
    let before = numbers(held.clone());
    let logits = Logits::new(held.clone(), Classes::new(CLASSES)).unwrap();
    let loss = CrossEntropyLoss::new().forward(logits, targets).unwrap();
    loss.backward();
    assert_eq!(numbers(held), before);
}

#[test]
fn by_parts_as_at_once() {
    // More rows than one part has at this width, and a width that makes no planes.
    for (rows, classes) in [(40_i32, 262_144_i32), (9, 131)] {
        let device = Device::flex().autodiff();
        device.seed(8);
        let head = HeadConfig::new(16, Classes::new(classes as usize)).init(&device).unwrap();
        let features =
            Tensor::<2>::random([rows as usize, 16], Distribution::Default, &device).require_grad();
        let index: Vec<i64> = (0..rows).map(|row| i64::from(row * 7919 % classes)).collect();
        let targets = Tensor::<1, Int>::from_ints(index.as_slice(), &device);
        let loss = CrossEntropyLoss::new().with_label_smoothing(0.1).with_z_loss(1e-3);
        let parts = loss.forward_linear(&head, features.clone(), targets.clone()).unwrap();
        let at_once = loss.forward(head.forward(features.clone()), targets).unwrap();
        let of = |value: Tensor<1>| {
            let gradients = (value * 100.0).backward();
            [
                numbers(features.grad(&gradients).unwrap()),
                numbers(head.weight.grad(&gradients).unwrap()),
                numbers(head.bias.grad(&gradients).unwrap()),
            ]
        };
        assert_close("value", [numbers(parts.value.clone()), numbers(at_once.value.clone())]);
        for (ours, theirs) in of(parts.value).into_iter().zip(of(at_once.value)) {
            assert_close("gradient", [ours, theirs]);
        }
    }
}
