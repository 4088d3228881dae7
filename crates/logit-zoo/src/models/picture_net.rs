//! A convolutional network for images of any size and kind of answer.

use burn::module::Module;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Head, HeadConfig, HeadError, Kind, Logits, steps};

use super::conv_block::ConvBlock;

/// Stages of two 3×3 convolutions with batch norm and `ReLU`, each halved by max-pooling and followed by one twice as
/// wide; the mean over what is left of the map, dropout, and the head.
#[derive(Module, Debug)]
pub struct PictureNet<H: Module> {
    stages: Vec<ConvBlock>,
    pool: MaxPool2d,
    dropout: Dropout,
    head: H,
}

impl<K: Kind> PictureNet<Head<K>> {
    /// A network for images of so many channels; `head` is built on the channels of the last stage.
    ///
    /// # Errors
    /// A kind that cannot exist.
    pub fn new(
        channels: usize,
        width: usize,
        stages: usize,
        dropout: f64,
        head: impl FnOnce(usize) -> HeadConfig<K>,
        device: &Device,
    ) -> Result<Self, HeadError> {
        let widths: Vec<usize> = (0..stages).map(|stage| width << stage).collect();
        let from = std::iter::once(channels).chain(widths.iter().copied());
        Ok(Self {
            stages: from.zip(&widths).map(|(from, to)| ConvBlock::new(from, *to, device)).collect(),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            dropout: DropoutConfig::new(dropout).init(),
            head: head(widths.last().copied().unwrap_or(channels)).init(device)?,
        })
    }

    /// The last layer.
    pub fn head(&self) -> &Head<K> {
        &self.head
    }
}

impl<K: Kind> Taped for PictureNet<Head<K>> {
    /// `[N, C, H, W]`, each side at least 2 to the number of stages.
    type Input = Tensor<4>;
    /// `[N, K]`.
    type Output = Logits<K>;

    /// Records `stage1`, `stage2`…, pooled, and `features`.
    fn forward_on(&self, images: Tensor<4>, tape: &mut Tape) -> Logits<K> {
        let mut map = tape.input("images", images);
        for (stage, number) in self.stages.iter().zip(1..) {
            let pooled = (stage.step(), steps::max_pool2d(&self.pool));
            map = tape.step(format_args!("stage{number}"), pooled, map);
        }
        let features = tape.step("features", steps::global_avg_pool2d(), map);
        tape.head((steps::dropout(&self.dropout), &self.head), features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logit::{Classes, Labels};

    #[test]
    fn every_kind_of_answer_and_size() {
        let device = Device::flex();
        let net = PictureNet::new(3, 4, 3, 0.1, |n| HeadConfig::new(n, Classes::new(5)), &device).unwrap();
        assert_eq!(net.forward(Tensor::zeros([2, 3, 8, 20], &device)).dims(), [2, 5]);
        let net = PictureNet::new(1, 4, 1, 0.0, |n| HeadConfig::new(n, Labels::new(2)), &device).unwrap();
        assert_eq!(net.forward(Tensor::zeros([1, 1, 9, 9], &device)).dims(), [1, 2]);
    }
}
