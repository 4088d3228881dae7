//! A sigmoid after the last layer, before a loss that takes logits.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Int, Tensor};
use logit::loss::CrossEntropyLoss;
use logit::{Classes, HeadConfig};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(16, Classes::new(3)).init(&device).unwrap();
    let scores = head.forward(Tensor::<4>::zeros([2, 16, 8, 8], &device));
    let mask = Tensor::<3, Int>::zeros([2, 8, 8], &device);
    let _ = CrossEntropyLoss::new().forward(sigmoid(scores.into_tensor()), mask);
}
