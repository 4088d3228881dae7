//! The U-Net of Q1: logits for every pixel.

use burn::module::Module;
use burn::nn::conv::{ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::{Device, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Head, HeadConfig, HeadError, Kind, Logits, steps};
use serde::{Deserialize, Serialize};

use super::conv_block::ConvBlock;

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

    /// Builds the network for a kind of answer per pixel: `Classes`, or `Labels` that may overlap.
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
            encoder: (0..self.depth)
                .map(|level| ConvBlock::new(inputs(level), width(level), device))
                .collect(),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            bottom: ConvBlock::new(inputs(self.depth), width(self.depth), device),
            up: (0..self.depth).rev().map(|level| doubling(width(level + 1), width(level), device)).collect(),
            decoder: (0..self.depth)
                .rev()
                .map(|level| ConvBlock::new(2 * width(level), width(level), device))
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
    encoder: Vec<ConvBlock>,
    pool: MaxPool2d,
    bottom: ConvBlock,
    up: Vec<ConvTranspose2d>,
    decoder: Vec<ConvBlock>,
    head: H,
}

impl<K: Kind> UNet<Head<K>> {
    /// The last layer.
    pub fn head(&self) -> &Head<K> {
        &self.head
    }

    /// Rows and columns that an image of a size lacks of the next multiple of 2 to the depth.
    fn missing(&self, sides: [usize; 2]) -> [usize; 2] {
        sides.map(|side| side.next_multiple_of(1 << self.encoder.len()) - side)
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
        let [below, right] = self.missing([height, width]);
        let mut x = tape.input("images", images);
        if [below, right] != [0, 0] {
            x = tape.step("images.padded", steps::pad2d([0, 0, below, right]), x);
        }
        let mut skips = Vec::with_capacity(self.encoder.len());
        for (block, number) in self.encoder.iter().zip(1..) {
            let map = tape.step(format_args!("down{number}"), block.step(), x);
            x = tape.step(format_args!("down{number}.pool"), steps::max_pool2d(&self.pool), map.clone());
            skips.push(map);
        }
        x = tape.step("bottom", self.bottom.step(), x);
        let levels = self.up.iter().zip(&self.decoder).zip(skips.into_iter().rev());
        for (((up, block), skip), number) in levels.zip(1..) {
            let doubled = tape.step(format_args!("up{number}.doubled"), steps::conv_transpose2d(up), x);
            x = tape.step(format_args!("up{number}"), block.step(), [skip, doubled]);
        }
        if [below, right] != [0, 0] {
            x = tape.step("head.cropped", steps::crop2d([height, width]), x);
        }
        tape.head(&self.head, x)
    }
}

/// A transposed 2×2 convolution with stride 2: it doubles both sides of the map.
fn doubling(from: usize, to: usize, device: &Device) -> ConvTranspose2d {
    ConvTranspose2dConfig::new([from, to], [2, 2]).with_stride([2, 2]).init(device)
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
