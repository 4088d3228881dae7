//! One-hot rows of whole numbers where class indices are meant.

use burn::tensor::{Device, Int, Tensor};
use logit::loss::CrossEntropyLoss;
use logit::{Classes, HeadConfig};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, Classes::new(3)).init(&device).unwrap();
    let logits = head.forward(Tensor::<2>::zeros([2, 50], &device));
    let one_hot = Tensor::<2, Int>::from_ints([[0, 1, 0], [1, 0, 0]], &device);
    let _ = CrossEntropyLoss::new().forward(logits, one_hot);
}
