//! Sigmoid probabilities where binary cross entropy takes logits: the sigmoid would be applied twice.

use burn::tensor::{Device, Tensor};
use logit::loss::BinaryCrossEntropyLoss;
use logit::{HeadConfig, Labels};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, Labels::new(5)).init(&device).unwrap();
    let probabilities = head.forward(Tensor::<2>::zeros([4, 50], &device)).probabilities();
    let labels = Tensor::<2>::zeros([4, 5], &device);
    let _ = BinaryCrossEntropyLoss::new().forward(probabilities, labels);
}
