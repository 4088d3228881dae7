//! The loss of classes on a head of labels: a softmax where a sigmoid belongs.

use burn::tensor::{Device, Tensor};
use logit::loss::CrossEntropyLoss;
use logit::{HeadConfig, Labels};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, Labels::new(3)).init(&device).unwrap();
    let logits = head.forward(Tensor::<2>::zeros([4, 50], &device));
    let labels = Tensor::<2>::zeros([4, 3], &device);
    let _ = CrossEntropyLoss::new().forward(logits, labels);
}
