//! Softmax as a classifier: one dense layer.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Classes, Head, HeadConfig, HeadError, Logits, steps};
use serde::{Deserialize, Serialize};

use super::Classifier;

/// Configuration of a [`SoftmaxClassifier`]: it has no options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftmaxClassifierConfig {}

impl SoftmaxClassifierConfig {
    /// Builds the classifier on `features` inputs.
    ///
    /// # Errors
    /// No features, or fewer than two classes.
    pub fn init(
        &self,
        features: usize,
        classes: usize,
        device: &Device,
    ) -> Result<SoftmaxClassifier, HeadError> {
        Ok(SoftmaxClassifier { head: HeadConfig::new(features, Classes::new(classes)).init(device)? })
    }
}

/// Multinomial logistic regression: the head alone, on the pixels.
#[derive(Module, Debug)]
pub struct SoftmaxClassifier {
    head: Head<Classes>,
}

impl Taped for SoftmaxClassifier {
    type Input = Tensor<4>;
    type Output = Logits<Classes>;

    /// Records the head alone: there is nothing before it.
    fn forward_on(&self, images: Tensor<4>, tape: &mut Tape) -> Logits<Classes> {
        let images = tape.input("images", images);
        tape.head((steps::flatten(), &self.head), images)
    }
}

impl Classifier for SoftmaxClassifier {
    fn head(&self) -> &Head<Classes> {
        &self.head
    }
}
