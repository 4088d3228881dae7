//! The models of the questions, each ending in a [`Head`] that owns the kind of its answer, but for
//! [`DetectionPooling`], whose last sum is the answer.
//!
//! | model | question | layers |
//! |---|---|---|
//! | [`UNet`] | Q1: logits for every pixel | convolutions with batch norm, down and up again, with skips |
//! | [`DetectionPooling`] | Q2: is there a digit of 0 to 3 in a pair? | two of detection units and sum pooling |
//! | [`ConvNet`] | Q3: digits, with a choice of output activations | two convolutions, two dense layers |
//! | [`SoftmaxClassifier`] | Q4: softmax as a classifier | one dense layer |
//! | [`FeedForward`] | Q4 on any table | standardised numbers and embedded categories, dense layers |
//! | [`PictureNet`] | any images | convolutions with batch norm, a mean over the map |
//! | [`Mlp`] | Q4: the same with hidden layers | dense layers with ReLU between them |
//! | [`PairEncoder`] | Q5: how alike two sentences are | a dense layer per word, maximum and mean, dense tanh over the pair |

mod channel_dropout;
mod conv_block;
mod convnet;
mod detection_pooling;
mod drawn;
mod feed_forward;
mod mlp;
mod output;
mod pair_encoder;
mod picture_net;
mod score_head;
mod softmax_classifier;
#[cfg(test)]
mod tests;
mod unet;

use burn::module::Module;
use burn::tensor::Tensor;
use logit::tape::Taped;
use logit::{Classes, Head, Logits};

pub use channel_dropout::ChannelDropout;
pub use convnet::{ConvNet, ConvNetConfig};
pub use detection_pooling::{DetectionPooling, DetectionPoolingConfig, Stage};
pub(crate) use drawn::{drawn, parameters};
pub use feed_forward::{Columns, FeedForward};
pub use mlp::{Mlp, MlpConfig};
pub use output::Output;
pub use pair_encoder::{PairEncoder, PairEncoderConfig, SentencePairs};
pub use picture_net::PictureNet;
pub use score_head::{
    CoralHead, CornHead, Cumulative, ExpectedHead, Graded, PearsonHead, ScoreAnswers, ScoreHead,
    ScoreHeadName, ValueHead,
};
pub use softmax_classifier::{SoftmaxClassifier, SoftmaxClassifierConfig};
pub use unet::{UNet, UNetConfig};

/// A network that answers "which of K classes?" for an image.
///
/// # Shapes
/// - images: `[N, 1, H, W]`
/// - logits: `[N, K]`
pub trait Classifier: Module + Taped<Input = Tensor<4>, Output = Logits<Classes>> {
    /// The last layer.
    fn head(&self) -> &Head<Classes>;
}
