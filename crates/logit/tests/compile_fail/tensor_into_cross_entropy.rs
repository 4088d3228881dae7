//! A plain tensor, of which nobody knows whether it went through an activation.

use burn::tensor::{Device, Int, Tensor};
use logit::loss::CrossEntropyLoss;

fn main() {
    let device = Device::flex();
    let output = Tensor::<2>::zeros([4, 10], &device);
    let digits = Tensor::<1, Int>::zeros([4], &device);
    let _ = CrossEntropyLoss::new().forward(output, digits);
}
