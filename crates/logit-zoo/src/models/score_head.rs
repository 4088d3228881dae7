//! Four ways to tell a score between two ends: the heads of Q5.

use burn::tensor::Tensor;
use logit::loss::{CoralLoss, CornLoss, InterpolatedKlLoss, Loss, PearsonLoss, SquaredLoss};
use logit::metrics::{MetricError, flat, rows};
use logit::{Coral, Corn, Grades, HeadConfig, Kind, Logits, LossError, Values};
use logit_spec::Loss as LossName;
use serde::{Deserialize, Serialize};

use super::output::Output;
use crate::data::sentences::{HIGHEST, LOWEST};

/// The steps of a scale: 0, 1, 2, 3, 4, 5.
const STEPS: usize = 6;

/// What a score is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreHeadName {
    /// One linear unit, squared error.
    Values,
    /// A softmax over the steps, KL to the target spread over its two neighbours.
    Expected,
    /// A softmax over the steps, minus Pearson's correlation of the expected score.
    Pearson,
    /// Cumulative logits.
    Ordinal,
}

impl ScoreHeadName {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Values, Self::Expected, Self::Pearson, Self::Ordinal];

    /// Its name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Expected => "expected",
            Self::Pearson => "pearson",
            Self::Ordinal => "ordinal",
        }
    }
}

/// How cumulative logits tell the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cumulative {
    /// "Above step k?", with shared weights.
    Coral,
    /// "Above step k, given above step k − 1?"
    Corn,
}

/// The score of each pair, and where there are any, the probabilities of the steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreAnswers {
    /// A score a pair, in the scale's units.
    pub scores: Vec<f64>,
    /// The probability of each step, pair after pair; empty where the head knows none.
    pub probabilities: Vec<f64>,
}

/// A head that tells a score: its loss, and how its logits are read.
pub trait ScoreHead: Output {
    /// The loss of a batch against its scores, `[N]`.
    ///
    /// # Errors
    /// A score outside the scale.
    fn loss(&self, logits: Logits<Self::Kind>, scores: Tensor<1>) -> Result<Loss, LossError>;

    /// The scores that logits tell.
    ///
    /// # Errors
    /// The device cannot be read.
    fn answers(&self, logits: Logits<Self::Kind>) -> Result<ScoreAnswers, MetricError>;

    /// Whether the loss sees the scale: what is learned without needs a straight line fitted to it.
    fn sees_scale(&self) -> bool {
        true
    }
}

/// One linear unit and the squared error.
#[derive(Clone, Copy, Debug)]
pub struct ValueHead;

impl Output for ValueHead {
    type Kind = Values;

    fn kind(&self) -> Values {
        Values::new(1)
    }

    fn loss_name(&self) -> LossName {
        LossName::Squared
    }

    fn units(&self) -> Vec<String> {
        vec!["score".to_owned()]
    }
}

impl ScoreHead for ValueHead {
    fn loss(&self, logits: Logits<Values>, scores: Tensor<1>) -> Result<Loss, LossError> {
        SquaredLoss::new().forward(logits, scores.unsqueeze_dim::<2>(1))
    }

    fn answers(&self, logits: Logits<Values>) -> Result<ScoreAnswers, MetricError> {
        Ok(ScoreAnswers { scores: flat(&logits.values())?, probabilities: Vec::new() })
    }
}

macro_rules! grades {
    ($($(#[$doc:meta])*
       $head:ident: $kind:ty = $scale:expr, $spec:ident, $before:literal, $loss:expr, $sees_scale:expr, $config:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $head;

        impl Output for $head {
            type Kind = $kind;

            fn kind(&self) -> $kind {
                $scale(LOWEST, HIGHEST, STEPS)
            }

            fn loss_name(&self) -> LossName {
                LossName::$spec
            }

            fn units(&self) -> Vec<String> {
                (0..STEPS).skip(usize::from(!$before.is_empty())).map(|step| format!("{}{step}", $before)).collect()
            }

            fn head(&self, features: usize) -> HeadConfig<$kind> {
                $config(HeadConfig::new(features, self.kind()))
            }
        }

        impl ScoreHead for $head {
            fn loss(&self, logits: Logits<$kind>, scores: Tensor<1>) -> Result<Loss, LossError> {
                $loss.forward(logits, scores)
            }

            fn answers(&self, logits: Logits<$kind>) -> Result<ScoreAnswers, MetricError> {
                let probabilities = logits.probabilities();
                let scores = flat(&probabilities.expected_value::<1>())?;
                Ok(ScoreAnswers { scores, probabilities: rows(probabilities.tensor())? })
            }

            fn sees_scale(&self) -> bool {
                $sees_scale
            }
        }
    )*};
}

grades! {
    /// A softmax over the steps, and the KL divergence to the target spread over its two neighbours.
    ExpectedHead: Grades = Grades::new, InterpolatedKl, "", InterpolatedKlLoss::new(), true, as_it_is;
    /// A softmax over the steps, and minus Pearson's correlation of the expected score, which sees no scale.
    PearsonHead: Grades = Grades::new, MinusPearson, "", PearsonLoss::new(), false, as_it_is;
    /// CORAL's cumulative logits.
    CoralHead: Grades<Coral> = Grades::coral, Coral, "at least ", CoralLoss::new(), true, HeadConfig::with_ordered_bias;
    /// CORN's conditional logits.
    CornHead: Grades<Corn> = Grades::corn, Corn, "at least ", CornLoss::new(), true, as_it_is;
}

fn as_it_is<K: Kind>(head: HeadConfig<K>) -> HeadConfig<K> {
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trains a head alone to tell a number that stands in its one feature.
    fn learned<H: ScoreHead>(head: &H) -> (ScoreAnswers, Vec<f64>) {
        use burn::optim::GradientsParams;
        use burn::tensor::Device;

        let device = Device::flex().autodiff();
        device.seed(1);
        let scores: Vec<f64> = (0..21).map(|place| f64::from(place) / 4.0).collect();
        let features: Vec<f32> = scores.iter().map(|score| *score as f32 / 2.5 - 1.0).collect();
        let inputs = Tensor::<1>::from_floats(features.as_slice(), &device).unsqueeze_dim::<2>(1);
        let targets: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
        let targets = Tensor::<1>::from_floats(targets.as_slice(), &device);
        let mut layer = head.head(1).init(&device).unwrap();
        let mut optimizer = logit::optim::Adam::new().init();
        for _ in 0..300 {
            let loss = head.loss(layer.forward(inputs.clone()), targets.clone()).unwrap().value;
            let gradients = GradientsParams::from_grads(loss.backward(), &layer);
            layer = optimizer.step(0.1, layer, gradients);
        }
        (head.answers(layer.forward(inputs)).unwrap(), scores)
    }

    fn mean_error(answers: &ScoreAnswers, scores: &[f64]) -> f64 {
        let errors = answers.scores.iter().zip(scores).map(|(answer, score)| (answer - score).abs());
        errors.sum::<f64>() / scores.len() as f64
    }

    #[test]
    fn every_head_learns_a_line() {
        let told = [
            learned(&ValueHead),
            learned(&ExpectedHead),
            learned(&PearsonHead),
            learned(&CoralHead),
            learned(&CornHead),
        ];
        for (head, (answers, scores)) in told.iter().enumerate() {
            let rising = answers.scores.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(rising, "head {head}: {:?}", answers.scores);
            let with_steps = answers.probabilities.len() == STEPS * scores.len();
            assert_eq!(with_steps, head > 0, "head {head}");
            // Minus Pearson's correlation alone does not know where the scale begins and ends.
            if head != 2 {
                assert!(mean_error(answers, scores) < 0.3, "head {head}: {:?}", answers.scores);
            }
        }
    }
}
