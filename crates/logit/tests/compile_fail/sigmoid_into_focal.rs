//! A sigmoid before a loss that is defined for several kinds.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use logit::loss::FocalLoss;

fn main() {
    let device = Device::flex();
    let output = sigmoid(Tensor::<2>::zeros([4, 1], &device));
    let targets = Tensor::<2>::zeros([4, 1], &device);
    let _ = FocalLoss::new().forward(output, targets);
}
