//! Softmax probabilities where cross entropy takes logits: the softmax would be applied twice.

use burn::tensor::{Device, Int, Tensor};
use logit::loss::CrossEntropyLoss;
use logit::{Classes, HeadConfig};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, Classes::new(10)).init(&device).unwrap();
    let probabilities = head.forward(Tensor::<2>::zeros([4, 50], &device)).probabilities();
    let digits = Tensor::<1, Int>::zeros([4], &device);
    let _ = CrossEntropyLoss::new().forward(probabilities, digits);
}
