//! Steps of training: forward, loss, backward, update.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use logit::Classes;
use logit::loss::{CrossEntropyLoss, Loss};
use logit::optim::{Adam, Sgd};
use logit::tape::Taped;
use logit_zoo::models::UNetConfig;
use logit_zoo::models::{Classifier, ConvNetConfig, MlpConfig};

use crate::case::{Case, Failure};
use crate::data::{indices, uniform};

/// The convolutional network on digits, both dropouts on, plain descent.
pub(crate) fn mnist(batch: usize) -> Result<Box<dyn Case>, Failure> {
    let device = Device::flex().autodiff();
    let net = ConvNetConfig { channel_dropout: 0.5, dropout: 0.5 }.init(10, &device)?;
    Ok(digits(net, Sgd::new().init(), 0.01, batch, &device))
}

/// A multilayer perceptron on digits, with Adam.
pub(crate) fn mlp(batch: usize) -> Result<Box<dyn Case>, Failure> {
    let device = Device::flex().autodiff();
    let net = MlpConfig { hidden: vec![512, 512], dropout: 0.0 }.init(28 * 28, 10, &device)?;
    Ok(digits(net, Adam::new().init(), 1e-3, batch, &device))
}

/// The U-Net on small images of five classes, with Adam.
pub(crate) fn unet(batch: usize) -> Result<Box<dyn Case>, Failure> {
    let device = Device::flex().autodiff();
    let net = UNetConfig { channels: 3, width: 16, depth: 4 }.init(Classes::new(5), &device)?;
    let images = uniform(1, [batch, 3, 128, 128], 1.0, &device);
    let targets = indices(2, [batch, 128, 128], 5, &device);
    Ok(Step::of(net, Adam::new().init(), 1e-3, move |net| {
        Ok(CrossEntropyLoss::new().forward(net.forward(images.clone()), targets.clone())?)
    }))
}

fn digits<C: Classifier + 'static>(
    net: C,
    optimizer: ModuleOptimizer,
    learning_rate: f64,
    batch: usize,
    device: &Device,
) -> Box<dyn Case> {
    let images = uniform(1, [batch, 1, 28, 28], 1.0, device);
    let targets = indices(2, [batch], 10, device);
    Step::of(net, optimizer, learning_rate, move |net| {
        Ok(CrossEntropyLoss::new().forward(net.forward(images.clone()), targets.clone())?)
    })
}

type Forward<M> = Box<dyn Fn(&M) -> Result<Loss, Failure>>;

struct Step<M> {
    /// Absent only within a step, while the optimiser has it: it can then update in place.
    net: Option<M>,
    optimizer: ModuleOptimizer,
    learning_rate: f64,
    forward: Forward<M>,
}

impl<M: Module + 'static> Step<M> {
    fn of(
        net: M,
        optimizer: ModuleOptimizer,
        learning_rate: f64,
        forward: impl Fn(&M) -> Result<Loss, Failure> + 'static,
    ) -> Box<dyn Case> {
        Box::new(Self { net: Some(net), optimizer, learning_rate, forward: Box::new(forward) })
    }
}

impl<M: Module + 'static> Case for Step<M> {
    fn step(&mut self) -> Result<(), Failure> {
        let net = self.net.take().ok_or("the step before failed")?;
        let loss = (self.forward)(&net)?;
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        drop(loss);
        self.net = Some(self.optimizer.step(self.learning_rate, net, gradients));
        Ok(())
    }

    fn agreed(&mut self) -> Result<BTreeMap<&'static str, f64>, Failure> {
        let net = self.net.as_ref().ok_or("the step before failed")?;
        Ok(BTreeMap::from([("numbers in the model", net.num_params() as f64)]))
    }
}
