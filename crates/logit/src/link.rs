//! From raw outputs to probabilities.

use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, softmax};

use crate::math::accumulate;

/// How probabilities are read from the raw outputs of a kind: the inverse of its link function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `p_c = exp(x_c) / Σ_k exp(x_k)`.
    Softmax,
    /// `p = 1 / (1 + exp(−x))`, each unit for itself.
    Sigmoid,
    /// `P(above step k) = sigmoid(x_k)` (CORAL); K−1 units give K probabilities.
    ///
    /// Where training has not yet put the biases in order, a cumulative probability that rises is held at the one
    /// before it, so that no step has a negative share.
    CumulativeSigmoid,
    /// `P(above step k) = Π_j≤k sigmoid(x_j)` (CORN); K−1 units give K probabilities.
    ConditionalSigmoid,
}

impl Link {
    /// The probabilities that raw outputs `[N, K, d…]` stand for, in f32 at least.
    pub fn probabilities<const D: usize>(self, logits: Tensor<D>) -> Tensor<D> {
        let logits = accumulate(logits);
        match self {
            Self::Softmax => softmax(logits, 1),
            Self::Sigmoid => sigmoid(logits),
            Self::CumulativeSigmoid => of_steps(sigmoid(logits).cummin(1)),
            Self::ConditionalSigmoid => of_steps(sigmoid(logits).cumprod(1)),
        }
    }
}

/// `P(step k) = P(above k−1) − P(above k)`, with 1 before the first and 0 after the last.
fn of_steps<const D: usize>(above: Tensor<D>) -> Tensor<D> {
    let end = above.clone().narrow(1, 0, 1);
    let before = Tensor::cat(vec![end.ones_like(), above.clone()], 1);
    let after = Tensor::cat(vec![above, end.zeros_like()], 1);
    before - after
}
