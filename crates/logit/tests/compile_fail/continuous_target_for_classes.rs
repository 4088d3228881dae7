//! A similarity of 2.33 as the target of a six-way softmax.

use burn::tensor::{Device, Tensor};
use logit::loss::CrossEntropyLoss;
use logit::{Classes, HeadConfig};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(900, Classes::new(6)).init(&device).unwrap();
    let logits = head.forward(Tensor::<2>::zeros([2, 900], &device));
    let similarity = Tensor::<1>::from_floats([2.33, 4.0], &device);
    let _ = CrossEntropyLoss::new().forward(logits, similarity);
}
