//! The U-Net of Q1: logits for every pixel.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, ops::PadMode};
use logit::tape::{Tape, Taped};
use logit::{Head, HeadConfig, HeadError, Kind, Logits, ops};
use serde::{Deserialize, Serialize};

/// Configuration of a [`UNet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetConfig {
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the first level; each level further down has twice as many.
    pub width: usize,
    /// How often the map is halved.
    pub depth: usize,
}

impl UNetConfig {
    /// What rows and columns of an image are halved to without rest: 2 to the depth.
    pub fn stride(&self) -> usize {
        1 << self.depth
    }

    /// How far from a pixel, along an axis, the furthest pixels lie that its logits depend on: `7·2^depth − 5`.
    ///
    /// A level's two 3×3 convolutions reach 2 of its pixels, `2^(level+1)` of the image's; each level but the last has
    /// two pairs, going down and coming up. A pixel of the last level stands for `2^depth` of the image's, and the
    /// pixel may be the first of them.
    pub fn reach(&self) -> usize {
        7 * self.stride() - 5
    }

    /// Builds the network for a kind of answer a pixel: `Classes`, or `Labels` that may overlap.
    ///
    /// # Errors
    /// No channels or width, or a kind that cannot exist.
    pub fn init<K: Kind>(&self, kind: K, device: &Device) -> Result<UNet<Head<K>>, HeadError> {
        if self.channels == 0 || self.width == 0 {
            return Err(HeadError::NoFeatures);
        }
        let width = |level: usize| self.width << level;
        let inputs = |level: usize| if level == 0 { self.channels } else { width(level - 1) };
        Ok(UNet {
            encoder: (0..self.depth).map(|level| Block::new(inputs(level), width(level), device)).collect(),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            bottom: Block::new(inputs(self.depth), width(self.depth), device),
            up: (0..self.depth).rev().map(|level| doubling(width(level + 1), width(level), device)).collect(),
            decoder: (0..self.depth)
                .rev()
                .map(|level| Block::new(2 * width(level), width(level), device))
                .collect(),
            head: HeadConfig::new(self.width, kind).init(device)?,
        })
    }
}

/// Encoder, decoder, and skips between them (Ronneberger et al. 2015, <https://arxiv.org/abs/1505.04597>), with batch
/// norm and padded convolutions, and a head that answers each pixel.
///
/// A level is two 3×3 convolutions, each with batch norm and `ReLU`. The encoder halves the map by max-pooling after each
/// level; the decoder doubles it by a transposed convolution, joins the encoder's map of that size, and convolves. Images
/// of any size go in: they are padded with zeros to a multiple of 2 to the depth, and the logits are cropped back. The
/// type of the head, `Head<Classes>` or `Head<Labels>`, says what a pixel is answered with.
#[derive(Module, Debug)]
pub struct UNet<H: Module> {
    encoder: Vec<Block>,
    pool: MaxPool2d,
    bottom: Block,
    up: Vec<ConvTranspose2d>,
    decoder: Vec<Block>,
    head: H,
}

impl<K: Kind> UNet<Head<K>> {
    /// The last layer.
    pub fn head(&self) -> &Head<K> {
        &self.head
    }

    fn padded(&self, images: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = images.dims();
        let missing = |size: usize| size.next_multiple_of(1 << self.encoder.len()) - size;
        match (missing(height), missing(width)) {
            (0, 0) => images,
            (below, right) => images.pad((0, right, 0, below), PadMode::Constant(0.0)),
        }
    }
}

impl<K: Kind> Taped for UNet<Head<K>> {
    /// `[N, C, H, W]`.
    type Input = Tensor<4>;
    /// The logits of every pixel, `[N, K, H, W]`.
    type Output = Logits<K, 4>;

    /// Records `down1`, `down2`…, `bottom`, and from the bottom up `up1`, `up2`….
    ///
    /// # Panics
    /// The images have another number of channels than the network takes.
    fn forward_on(&self, images: Tensor<4>, tape: &mut Tape) -> Logits<K, 4> {
        let [_, _, height, width] = images.dims();
        let mut x = self.padded(images);
        let mut skips = Vec::with_capacity(self.encoder.len());
        for (block, number) in self.encoder.iter().zip(1..) {
            let map = tape.layer_at("down", number, block.forward(x));
            x = ops::max_pool2d(&self.pool, map.clone());
            skips.push(map);
        }
        x = tape.layer("bottom", self.bottom.forward(x));
        let levels = self.up.iter().zip(&self.decoder).zip(skips.into_iter().rev());
        for (((up, block), skip), number) in levels.zip(1..) {
            x = tape.layer_at("up", number, block.forward_joined([skip, ops::conv_transpose2d(up, x)]));
        }
        tape.head(self.head.forward(cropped(x, height, width)))
    }
}

fn cropped(map: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let [batch, channels, padded_height, padded_width] = map.dims();
    if [padded_height, padded_width] == [height, width] {
        return map;
    }
    map.slice([0..batch, 0..channels, 0..height, 0..width])
}

/// A transposed 2×2 convolution with stride 2: it doubles both sides of the map.
fn doubling(from: usize, to: usize, device: &Device) -> ConvTranspose2d {
    ConvTranspose2dConfig::new([from, to], [2, 2]).with_stride([2, 2]).init(device)
}

/// Two 3×3 convolutions, each with batch norm and `ReLU`.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
}

impl Block {
    fn new(from: usize, to: usize, device: &Device) -> Self {
        let same = |from, to| {
            Conv2dConfig::new([from, to], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        let norm = || BatchNormConfig::new(to).init(device);
        Self { conv1: same(from, to), norm1: norm(), conv2: same(to, to), norm2: norm() }
    }

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        self.second(ops::conv2d_norm_relu(&self.conv1, &self.norm1, map))
    }

    fn forward_joined(&self, maps: [Tensor<4>; 2]) -> Tensor<4> {
        self.second(ops::conv2d_joined_norm_relu(&self.conv1, &self.norm1, maps))
    }

    fn second(&self, map: Tensor<4>) -> Tensor<4> {
        ops::conv2d_norm_relu(&self.conv2, &self.norm2, map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;
    use logit::{Classes, Labels};

    const SMALL: UNetConfig = UNetConfig { channels: 3, width: 4, depth: 2 };

    #[test]
    fn every_pixel_has_its_logits_whatever_the_size() {
        let device = Device::flex();
        let net = SMALL.init(Classes::new(3), &device).unwrap();
        for (height, width) in [(16, 16), (13, 21), (1, 5), (4, 8)] {
            let images = Tensor::random([2, 3, height, width], Distribution::Default, &device);
            assert_eq!(net.forward(images).dims(), [2, 3, height, width]);
        }
    }

    #[test]
    fn padding_does_not_reach_far_pixels() {
        // At this depth a pixel sees fewer than 24 pixels around it: the first 8 columns do not see the 59th.
        let device = Device::flex();
        let net = SMALL.init(Labels::new(2), &device).unwrap();
        let image = Tensor::<4>::random([1, 3, 16, 64], Distribution::Default, &device);
        let whole = net.forward(image.clone()).into_tensor().slice([0..1, 0..2, 0..16, 0..8]);
        let cut = net.forward(image.slice([0..1, 0..3, 0..16, 0..59])).into_tensor().slice([
            0..1,
            0..2,
            0..16,
            0..8,
        ]);
        assert!((whole - cut).abs().max().into_scalar::<f32>() < 1e-5);
    }

    #[test]
    fn a_net_without_channels_is_refused() {
        let refused = |config: UNetConfig| config.init(Classes::new(3), &Device::flex()).is_err();
        assert!(refused(UNetConfig { channels: 0, ..SMALL }));
        assert!(refused(UNetConfig { width: 0, ..SMALL }));
    }

    #[test]
    fn every_parameter_gets_a_gradient() {
        let device = Device::flex().autodiff();
        let net = SMALL.init(Classes::new(3), &device).unwrap();
        let images = Tensor::<4>::random([2, 3, 8, 8], Distribution::Default, &device);
        let gradients = net.forward(images).into_tensor().square().sum().backward();
        let gradients = burn::optim::GradientsParams::from_grads(gradients, &net);
        // Each block: two convolutions and two norms, of two parameters each; up: two; head: two.
        assert_eq!(gradients.len(), 5 * 8 + 2 * 2 + 2);
    }
}
