//! A loss on regions for a head of real numbers.

use burn::tensor::{Device, Tensor};
use logit::loss::DiceLoss;
use logit::{HeadConfig, Values};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, Values::new(1)).init(&device).unwrap();
    let values = head.forward(Tensor::<2>::zeros([4, 50], &device));
    let targets = Tensor::<2>::zeros([4, 1], &device);
    let _ = DiceLoss::new().forward(values, targets);
}
