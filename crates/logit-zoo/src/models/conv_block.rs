//! Two convolutions, as U-Net and the network for images have them.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use logit::steps::{self, Step};

/// Two 3×3 convolutions, each with batch norm and `ReLU`; the map keeps its size.
#[derive(Module, Debug)]
pub(super) struct ConvBlock {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
}

impl ConvBlock {
    /// A block that takes a map of `from` channels, and gives one of `to`.
    pub(super) fn new(from: usize, to: usize, device: &Device) -> Self {
        let same = |from, to| {
            let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([from, to], [3, 3]).with_padding(padding).init(device)
        };
        let norm = || BatchNormConfig::new(to).init(device);
        Self { conv1: same(from, to), norm1: norm(), conv2: same(to, to), norm2: norm() }
    }

    /// The block as a step, on a map or on two that are joined along their channels.
    ///
    /// # Shapes
    /// `[N, from, H, W]` → `[N, to, H, W]`
    pub(super) fn step(
        &self,
    ) -> impl Step<Tensor<4>, Output = Tensor<4>> + Step<[Tensor<4>; 2], Output = Tensor<4>> {
        (
            steps::conv2d(&self.conv1).norm(&self.norm1).relu(),
            steps::conv2d(&self.conv2).norm(&self.norm2).relu(),
        )
    }
}
