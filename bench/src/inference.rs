//! Predictions of a batch, outside of training.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use logit::Classes;
use logit::tape::Taped;
use logit::{Kind, Logits};
use logit_zoo::models::{ConvNet, ConvNetConfig};
use logit_zoo::models::{UNet, UNetConfig};

use crate::case::{Case, Failure};
use crate::data::uniform;

/// The convolutional network on digits.
pub(crate) fn convnet(batch: usize) -> Result<Box<dyn Case>, Failure> {
    let device = Device::flex();
    let net = ConvNetConfig { channel_dropout: 0.5, dropout: 0.5 }.init(10, &device)?;
    let images = uniform(1, [batch, 1, 28, 28], 1.0, &device);
    Ok(Box::new(Inference { net, images, forward: ConvNet::forward }))
}

/// The U-Net on small images of five classes.
pub(crate) fn unet(batch: usize) -> Result<Box<dyn Case>, Failure> {
    let device = Device::flex();
    let net = UNetConfig { channels: 3, width: 16, depth: 4 }.init(Classes::new(5), &device)?;
    let images = uniform(1, [batch, 3, 128, 128], 1.0, &device);
    Ok(Box::new(Inference { net, images, forward: UNet::forward }))
}

struct Inference<M, K: Kind, const D: usize> {
    net: M,
    images: Tensor<4>,
    forward: fn(&M, Tensor<4>) -> Logits<K, D>,
}

impl<M: Module, K: Kind, const D: usize> Case for Inference<M, K, D> {
    fn step(&mut self) -> Result<(), Failure> {
        // Dropped at once: on the CPU backend a tensor that is returned is computed.
        let _logits = (self.forward)(&self.net, self.images.clone());
        Ok(())
    }

    fn agreed(&mut self) -> Result<BTreeMap<&'static str, f64>, Failure> {
        let logits = (self.forward)(&self.net, self.images.clone());
        let numbers = logits.dims().iter().product::<usize>();
        Ok(BTreeMap::from([
            ("numbers in the model", self.net.num_params() as f64),
            ("numbers in the logits", numbers as f64),
        ]))
    }
}
