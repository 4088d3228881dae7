//! Four ways to tell a score between two ends: the heads of Q5.

use burn::tensor::{Device, Tensor};
use logit::loss::{CoralLoss, CornLoss, InterpolatedKlLoss, Loss, PearsonLoss, SquaredLoss};
use logit::metrics::{MetricError, flat, rows};
use logit::{Coral, Corn, Grades, Head, HeadConfig, HeadError, Kind, Logits, LossError, Values};
use serde::{Deserialize, Serialize};

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
pub struct Answers {
    /// A score a pair, in the scale's units.
    pub scores: Vec<f64>,
    /// The probability of each step, pair after pair; empty where the head knows none.
    pub probabilities: Vec<f64>,
}

/// A head that tells a score: its kind, its loss, and how its logits are read.
pub trait ScoreHead: Sync {
    /// The kind of its answer.
    type Kind: Kind;

    /// Its loss, as the table of heads names it.
    const LOSS: logit_spec::Loss;

    /// The names of its units.
    fn units(&self) -> Vec<String>;

    /// The layer, on `features` features.
    ///
    /// # Errors
    /// No features.
    fn init(&self, features: usize, device: &Device) -> Result<Head<Self::Kind>, HeadError>;

    /// The loss of a batch against its scores, `[N]`.
    ///
    /// # Errors
    /// A score outside the scale.
    fn loss(&self, logits: Logits<Self::Kind>, scores: Tensor<1>) -> Result<Loss, LossError>;

    /// The scores that logits tell.
    ///
    /// # Errors
    /// The device cannot be read.
    fn answers(&self, logits: Logits<Self::Kind>) -> Result<Answers, MetricError>;

    /// Whether the loss sees the scale: what is learned without needs a straight line fitted to it.
    fn sees_scale(&self) -> bool {
        true
    }
}

/// One linear unit and the squared error.
#[derive(Clone, Copy, Debug)]
pub struct ValueHead;

impl ScoreHead for ValueHead {
    type Kind = Values;

    const LOSS: logit_spec::Loss = logit_spec::Loss::Squared;

    fn units(&self) -> Vec<String> {
        vec!["score".to_owned()]
    }

    fn init(&self, features: usize, device: &Device) -> Result<Head<Values>, HeadError> {
        HeadConfig::new(features, Values::new(1)).init(device)
    }

    fn loss(&self, logits: Logits<Values>, scores: Tensor<1>) -> Result<Loss, LossError> {
        SquaredLoss::new().forward(logits, scores.unsqueeze_dim::<2>(1))
    }

    fn answers(&self, logits: Logits<Values>) -> Result<Answers, MetricError> {
        Ok(Answers { scores: flat(&logits.values())?, probabilities: Vec::new() })
    }
}

macro_rules! grades {
    ($($(#[$doc:meta])* $head:ident: $kind:ty, $spec:ident, $before:literal, $config:expr, $loss:expr, $sees_scale:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $head;

        impl ScoreHead for $head {
            type Kind = $kind;

            const LOSS: logit_spec::Loss = logit_spec::Loss::$spec;

            fn units(&self) -> Vec<String> {
                (0..STEPS).skip(usize::from(!$before.is_empty())).map(|step| format!("{}{step}", $before)).collect()
            }

            fn init(&self, features: usize, device: &Device) -> Result<Head<$kind>, HeadError> {
                $config(features).init(device)
            }

            fn loss(&self, logits: Logits<$kind>, scores: Tensor<1>) -> Result<Loss, LossError> {
                $loss.forward(logits, scores)
            }

            fn answers(&self, logits: Logits<$kind>) -> Result<Answers, MetricError> {
                let probabilities = logits.probabilities();
                let scores = flat(&probabilities.expected_value::<1>())?;
                Ok(Answers { scores, probabilities: rows(probabilities.tensor())? })
            }

            fn sees_scale(&self) -> bool {
                $sees_scale
            }
        }
    )*};
}

grades! {
    /// A softmax over the steps, and the KL divergence to the target spread over its two neighbours.
    ExpectedHead: Grades, InterpolatedKl, "",
        |features| HeadConfig::new(features, Grades::new(LOWEST, HIGHEST, STEPS)), InterpolatedKlLoss::new(), true;
    /// A softmax over the steps, and minus Pearson's correlation of the expected score, which sees no scale.
    PearsonHead: Grades, MinusPearson, "",
        |features| HeadConfig::new(features, Grades::new(LOWEST, HIGHEST, STEPS)), PearsonLoss::new(), false;
    /// CORAL's cumulative logits.
    CoralHead: Grades<Coral>, Coral, "at least ",
        |features| HeadConfig::new(features, Grades::coral(LOWEST, HIGHEST, STEPS)).with_ordered_bias(),
        CoralLoss::new(), true;
    /// CORN's conditional logits.
    CornHead: Grades<Corn>, Corn, "at least ",
        |features| HeadConfig::new(features, Grades::corn(LOWEST, HIGHEST, STEPS)), CornLoss::new(), true;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trains a head alone to tell a number that stands in its one feature.
    fn learned<H: ScoreHead>(head: &H) -> (Answers, Vec<f64>) {
        use burn::optim::GradientsParams;

        let device = Device::flex().autodiff();
        device.seed(1);
        let scores: Vec<f64> = (0..21).map(|place| f64::from(place) / 4.0).collect();
        let features: Vec<f32> = scores.iter().map(|score| *score as f32 / 2.5 - 1.0).collect();
        let inputs = Tensor::<1>::from_floats(features.as_slice(), &device).unsqueeze_dim::<2>(1);
        let targets: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
        let targets = Tensor::<1>::from_floats(targets.as_slice(), &device);
        let mut layer = head.init(1, &device).unwrap();
        let mut optimizer = logit::optim::Adam::new().init();
        for _ in 0..300 {
            let loss = head.loss(layer.forward(inputs.clone()), targets.clone()).unwrap().value;
            let gradients = GradientsParams::from_grads(loss.backward(), &layer);
            layer = optimizer.step(0.1, layer, gradients);
        }
        (head.answers(layer.forward(inputs)).unwrap(), scores)
    }

    fn mean_error(answers: &Answers, scores: &[f64]) -> f64 {
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
