//! A multilayer perceptron: dense layers, then the head.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Classes, Head, HeadConfig, HeadError, Logits, steps};
use serde::{Deserialize, Serialize};

use super::Classifier;

/// Configuration of an [`Mlp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// Share of each hidden layer's units left out while training, in [0, 1).
    pub dropout: f64,
}

impl MlpConfig {
    /// Builds the network on `features` inputs.
    ///
    /// # Errors
    /// No features, a last hidden layer without units, or fewer than two classes.
    pub fn init(&self, features: usize, classes: usize, device: &Device) -> Result<Mlp, HeadError> {
        let inputs = std::iter::once(features).chain(self.hidden.iter().copied());
        let hidden =
            inputs.zip(&self.hidden).map(|(from, to)| LinearConfig::new(from, *to).init(device)).collect();
        let last = self.hidden.last().copied().unwrap_or(features);
        Ok(Mlp {
            hidden,
            dropout: DropoutConfig::new(self.dropout).init(),
            head: HeadConfig::new(last, Classes::new(classes)).init(device)?,
        })
    }
}

/// Dense layers with `ReLU` and dropout, then the head.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Linear>,
    dropout: Dropout,
    head: Head<Classes>,
}

impl Taped for Mlp {
    type Input = Tensor<4>;
    type Output = Logits<Classes>;

    /// Records `hidden1`, `hidden2`…, each after its `ReLU`.
    fn forward_on(&self, images: Tensor<4>, tape: &mut Tape) -> Logits<Classes> {
        let images = tape.input("images", images);
        let mut x = tape.step("images.flat", steps::flatten(), images);
        for (layer, number) in self.hidden.iter().zip(1..) {
            x = tape.step(format_args!("hidden{number}"), steps::linear(layer).relu(), x);
            x = tape.step(format_args!("hidden{number}.dropout"), steps::dropout(&self.dropout), x);
        }
        tape.head(&self.head, x)
    }
}

impl Classifier for Mlp {
    fn head(&self) -> &Head<Classes> {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_have_no_hidden_layer() {
        let device = Device::flex();
        for hidden in [vec![], vec![8], vec![16, 8]] {
            let net = MlpConfig { hidden, dropout: 0.1 }.init(784, 10, &device).unwrap();
            assert_eq!(net.forward(Tensor::zeros([2, 1, 28, 28], &device)).dims(), [2, 10]);
        }
    }
}
