//! From a loss per position to one number.

use burn::tensor::{Gradients, Tensor};
use logit_spec::{Finding, Level, Rule};
use serde::{Deserialize, Serialize};

/// How the losses of all positions become one number. For a loss per position call `forward_no_reduction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The mean over the targets that count; with class weights, over the sum of the weights of those targets.
    #[default]
    Mean,
    /// The sum. The step then grows with the batch: lower the learning rate as the batch grows.
    Sum,
}

/// A computed loss.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The number, of shape `[1]`, to call `backward` on.
    pub value: Tensor<1>,
    /// How many targets counted.
    pub counted: usize,
    /// What is odd about it: that no target counted, say.
    pub finding: Option<Finding>,
}

impl Loss {
    /// The gradients of the loss, by Burn's reverse pass.
    pub fn backward(&self) -> Gradients {
        self.value.backward()
    }

    /// A loss that is zero, and has a zero gradient, because there is nothing to learn from.
    ///
    /// `values` keep the number connected to the parameters, so that an optimiser's step still runs.
    pub(crate) fn nothing<const D: usize>(values: Tensor<D>, finding: Finding) -> Self {
        Self { value: values.mul_scalar(0.0).sum(), counted: 0, finding: Some(finding) }
    }
}

impl Reduction {
    /// What the sum of terms that share a denominator is multiplied by.
    pub(crate) fn factor(self, denominator: f64) -> f64 {
        match self {
            Self::Mean if denominator > 0.0 => 1.0 / denominator,
            // Not the sum: smoothing gives terms to targets whose own class weighs nothing.
            Self::Mean => 0.0,
            Self::Sum => 1.0,
        }
    }

    /// What is to be said of a loss over `counted` targets that share a denominator.
    pub(crate) fn finding(self, counted: usize, denominator: f64) -> Option<Finding> {
        let weightless = self == Self::Mean && denominator <= 0.0;
        match counted {
            0 => Some(nothing_counted()),
            _ if weightless => Some(no_weight_counted()),
            _ => None,
        }
    }
}

/// Every target is marked as not counting, or there is none.
pub(crate) fn nothing_counted() -> Finding {
    Finding {
        fault: Rule::AllTargetsIgnored.into(),
        level: Level::Warning,
        message: "no target of the batch counts".to_owned(),
        reason: "A mean over nothing is not a number; the loss and its gradient are 0 instead, and nothing is learned \
                 from this batch."
            .to_owned(),
        fix: "Check that `ignore_index` is not the value of a real class, and leave batches without targets out."
            .to_owned(),
    }
}

fn no_weight_counted() -> Finding {
    Finding {
        fault: Rule::AllTargetsIgnored.into(),
        level: Level::Warning,
        message: "the classes of all targets of the batch have weight 0".to_owned(),
        reason: "A weighted mean divides by the sum of the weights, here 0; the loss and its gradient are 0 instead."
            .to_owned(),
        fix: "Give each class that is to be learned a weight above 0.".to_owned(),
    }
}
