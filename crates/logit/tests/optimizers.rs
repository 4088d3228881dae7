//! The optimisers' one pass against Burn's operations, and their records.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Bytes, Device, Distribution, Tensor};
use logit::optim::{Adam, Sgd};

/// A device on which our operations do not run.
fn composed() -> Device {
    Device::flex().autodiff().gradient_checkpointing()
}

fn layer(device: &Device) -> Linear {
    device.seed(11);
    // Parameters are drawn when they are first asked for.
    LinearConfig::new(5, 3).init(device).fork(device)
}

/// A step on a loss whose gradient changes from step to step.
fn step(optimizer: &mut ModuleOptimizer, layer: Linear, number: usize, device: &Device) -> Linear {
    device.seed(100 + number as u64);
    let input = Tensor::<2>::random([7, 5], Distribution::Normal(0.0, 1.0), device);
    let loss = layer.forward(input).powi_scalar(2).mean();
    optimizer.step(0.05, layer.clone(), GradientsParams::from_grads(loss.backward(), &layer))
}

fn weights(layer: &Linear) -> Vec<f32> {
    layer.weight.val().try_into_vec_as().unwrap()
}

fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < 1e-6, "{what}: {ours:?} and {theirs:?}");
    }
}

type Make = Box<dyn Fn() -> ModuleOptimizer>;

/// Each optimiser, by name.
fn every() -> Vec<(&'static str, Make)> {
    vec![
        ("Adam", Box::new(|| Adam::new().init())),
        ("Adam with decay", Box::new(|| Adam::new().with_betas(0.8, 0.99).with_weight_decay(0.1).init())),
        ("SGD", Box::new(|| Sgd::new().init())),
        ("SGD with momentum", Box::new(|| Sgd::new().with_momentum(0.9).with_weight_decay(0.1).init())),
        (
            "SGD, dampened, ahead",
            Box::new(|| Sgd::new().with_momentum(0.9).with_dampening(0.2).with_nesterov(true).init()),
        ),
    ]
}

#[test]
fn one_pass_steps_as_the_composed_operations_do() {
    for (what, optimizer) in every() {
        let run = |device: &Device| {
            let (mut optimizer, start) = (optimizer(), layer(device));
            let before = weights(&start);
            let end = (0..5).fold(start.clone(), |layer, number| step(&mut optimizer, layer, number, device));
            assert_eq!(weights(&start), before, "{what}: weights that the caller still holds");
            assert_ne!(weights(&end), before, "{what}: a step moves the weights");
            weights(&end)
        };
        assert_close(what, &run(&Device::flex().autodiff()), &run(&composed()));
    }
}

#[test]
fn a_saved_state_goes_on_with_the_same_steps() {
    let device = Device::flex().autodiff();
    for (what, make) in every() {
        let mut optimizer = make();
        let at_three =
            (0..3).fold(layer(&device), |layer, number| step(&mut optimizer, layer, number, &device));
        let saved = optimizer.into_bytes().unwrap().to_vec();
        let mut restored = make().from_bytes(Bytes::from_bytes_vec(saved)).unwrap();
        let on = step(&mut optimizer, at_three.clone(), 3, &device);
        let restored_on = step(&mut restored, at_three.clone(), 3, &device);
        let fresh = step(&mut make(), at_three, 3, &device);
        assert_eq!(weights(&on), weights(&restored_on), "{what}");
        assert!(what == "SGD" || weights(&on) != weights(&fresh), "{what}: its state matters");
    }
}

#[test]
fn a_state_of_burns_own_sgd_is_taken_over() {
    let device = Device::flex().autodiff();
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut theirs = SgdConfig::new().with_momentum(Some(momentum)).init();
    let at_three = (0..3).fold(layer(&device), |layer, number| step(&mut theirs, layer, number, &device));
    let saved = theirs.into_bytes().unwrap().to_vec();
    let mut ours = Sgd::new().with_momentum(0.9).init().from_bytes(Bytes::from_bytes_vec(saved)).unwrap();
    let on = weights(&step(&mut theirs, at_three.clone(), 3, &device));
    assert_close("taken over", &weights(&step(&mut ours, at_three, 3, &device)), &on);
}
