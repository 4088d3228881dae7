//! The convolutional network of Q3.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Classes, Head, HeadConfig, HeadError, Logits, steps};
use serde::{Deserialize, Serialize};

use super::{ChannelDropout, Classifier};

/// Side of the images that the network takes.
const SIDE: usize = 28;

/// Features after the second pooling: 20 channels of 4×4.
const FEATURES: usize = 20 * 4 * 4;

/// Configuration of a [`ConvNet`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvNetConfig {
    /// Share of the channels left out after the second convolution, in [0, 1).
    pub channel_dropout: f64,
    /// Share of the 50 hidden units left out before the head, in [0, 1).
    pub dropout: f64,
}

impl ConvNetConfig {
    /// Builds the network for images of 28×28 and `classes` classes.
    ///
    /// # Errors
    /// Fewer than two classes.
    pub fn init(&self, classes: usize, device: &Device) -> Result<ConvNet, HeadError> {
        Ok(ConvNet {
            conv1: Conv2dConfig::new([1, 10], [5, 5]).init(device),
            conv2: Conv2dConfig::new([10, 20], [5, 5]).init(device),
            conv2_dropout: ChannelDropout::new(self.channel_dropout),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            fc1: LinearConfig::new(FEATURES, 50).init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
            head: HeadConfig::new(50, Classes::new(classes)).init(device)?,
        })
    }
}

/// Two 5×5 convolutions (10 and 20 channels), each with 2×2 max-pooling and `ReLU`, a dense layer of 50, and the head.
///
/// 28×28 → 24×24 → 12×12 → 8×8 → 4×4 → 320 → 50 → K: 21,840 parameters for ten classes.
#[derive(Module, Debug)]
pub struct ConvNet {
    conv1: Conv2d,
    conv2: Conv2d,
    conv2_dropout: ChannelDropout,
    pool: MaxPool2d,
    fc1: Linear,
    dropout: Dropout,
    head: Head<Classes>,
}

impl Taped for ConvNet {
    type Input = Tensor<4>;
    type Output = Logits<Classes>;

    /// Records `conv1` and `conv2` (pooled), and `fc1`, each after its `ReLU`.
    fn forward_on(&self, images: Tensor<4>, tape: &mut Tape) -> Logits<Classes> {
        debug_assert_eq!(images.dims()[1..], [1, SIDE, SIDE]);
        let pool = || steps::max_pool2d(&self.pool).relu();
        let x = tape.input("images", images);
        let x = tape.step("conv1", (steps::conv2d(&self.conv1), pool()), x);
        let x = tape.step("conv2", (steps::conv2d(&self.conv2), &self.conv2_dropout, pool()), x);
        let x = tape.step("fc1", (steps::flatten(), steps::linear(&self.fc1).relu()), x);
        tape.head((steps::dropout(&self.dropout), &self.head), x)
    }
}

impl Classifier for ConvNet {
    fn head(&self) -> &Head<Classes> {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_parameters_of_the_question() {
        let device = Device::flex();
        let net = ConvNetConfig { channel_dropout: 0.5, dropout: 0.5 }.init(10, &device).unwrap();
        assert_eq!(net.num_params(), 10 * 26 + 20 * 251 + 50 * 321 + 10 * 51);
        assert_eq!(net.forward(Tensor::zeros([3, 1, 28, 28], &device)).dims(), [3, 10]);
    }
}
