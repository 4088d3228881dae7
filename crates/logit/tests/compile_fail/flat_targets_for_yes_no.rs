//! Targets `[N]` for logits `[N, 1]`, which a library that broadcasts turns into `[N, N]`.

use burn::tensor::{Device, Tensor};
use logit::loss::BinaryCrossEntropyLoss;
use logit::{HeadConfig, YesNo};

fn main() {
    let device = Device::flex();
    let head = HeadConfig::new(50, YesNo).init(&device).unwrap();
    let logits = head.forward(Tensor::<2>::zeros([4, 50], &device));
    let answers = Tensor::<1>::from_floats([0.0, 1.0, 1.0, 0.0], &device);
    let _ = BinaryCrossEntropyLoss::new().forward(logits, answers);
}
