//! Whole trainings on our operations and on Burn's own: the same curve.
//!
//! A device that checkpoints activations takes every layer and loss by Burn's operations, so that one program runs both
//! ways.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::AvgPool2dConfig;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Distribution, Tensor};
use logit::Classes;
use logit::LossError;
use logit::loss::{CrossEntropyLoss, Loss};
use logit::optim::{Adam, Sgd};
use logit::tape::Taped;
use logit_zoo::batch::{Batch, load};
use logit_zoo::models::{ConvNetConfig, UNetConfig};
use logit_zoo::{Recipe, Source, TaskConfig};

const STEPS: usize = 200;

/// The losses of a training.
fn curve<M: Module>(
    mut net: M,
    mut optimizer: ModuleOptimizer,
    learning_rate: f64,
    loss: impl Fn(&M, usize) -> Result<Loss, LossError>,
) -> Vec<f64> {
    (0..STEPS)
        .map(|step| {
            let loss = loss(&net, step).expect("a loss");
            let value = loss.value.clone().into_scalar::<f64>();
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            drop(loss);
            net = optimizer.step(learning_rate, net.clone(), gradients);
            value
        })
        .collect()
}

/// The same training on both devices; it must learn something, or the comparison says little.
fn assert_same_curve(train: impl Fn(&Device) -> Vec<f64>) {
    let ours = train(&Device::flex().autodiff());
    let composed = train(&Device::flex().autodiff().gradient_checkpointing());
    for (step, (a, b)) in ours.iter().zip(&composed).enumerate() {
        assert!((a - b).abs() <= 1e-3, "step {step}: {a} on our operations, {b} on Burn's");
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&ours[..20]), mean(&ours[STEPS - 20..]));
    assert!(last < 0.7 * first, "{first} at first, {last} at last");
}

#[test]
fn the_convolutional_network_on_digits() {
    let digits = load(&Source::Embedded).unwrap().train;
    let TaskConfig::Digits(setup) = Recipe::load("digits", &[]).unwrap().task else { panic!("no digits") };
    assert_same_curve(|device| {
        device.seed(3);
        let net = ConvNetConfig { channel_dropout: 0.0, dropout: 0.0 }.init(10, device).unwrap();
        let batches: Vec<Batch> = (0..STEPS as u32)
            .map(|step| {
                let rows: Vec<u32> = (0..32).map(|row| (step * 32 + row) % digits.len() as u32).collect();
                Batch::of(&digits.select(&rows).unwrap(), &setup.data, device)
            })
            .collect();
        curve(net, Sgd::new().with_momentum(0.9).init(), 0.01, |net, step| {
            let batch = batches[step].clone();
            CrossEntropyLoss::new().forward(net.forward(batch.images), batch.targets)
        })
    });
}

#[test]
fn a_u_net_on_blobs() {
    assert_same_curve(|device| {
        device.seed(5);
        let net = UNetConfig { channels: 1, width: 4, depth: 2 }.init(Classes::new(2), device).unwrap();
        let images = Tensor::<4>::random([4, 1, 16, 16], Distribution::Normal(0.0, 1.0), device);
        // Bright where the neighbourhood is bright.
        let blur = AvgPool2dConfig::new([3, 3])
            .with_strides([1, 1])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        let blurred = blur.forward(images.clone());
        let targets = blurred.greater_elem(0.0).int().squeeze_dim::<3>(1);
        curve(net, Adam::new().init(), 1e-3, |net, _| {
            let loss = CrossEntropyLoss::new().with_label_smoothing(0.05).with_weight([1.0, 2.0]);
            loss.forward(net.forward(images.clone()), targets.clone())
        })
    });
}
