//! The loss of labels on a head of classes: a sigmoid where a softmax belongs.

use burn::tensor::{Device, Tensor};
use logit::loss::BinaryCrossEntropyLoss;
use logit::{Classes, HeadConfig};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, Classes::new(3)).init(&device).unwrap();
    let logits = head.forward(Tensor::<2>::zeros([4, 50], &device));
    let one_hot = Tensor::<2>::zeros([4, 3], &device);
    let _ = BinaryCrossEntropyLoss::new().forward(logits, one_hot);
}
