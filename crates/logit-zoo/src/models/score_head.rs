//! Four ways to tell a score between two ends: the heads of Q5.

use burn::tensor::Tensor;
use logit::loss::{CoralLoss, CornLoss, InterpolatedKlLoss, Loss, PearsonLoss, SquaredLoss};
use logit::metrics::{MetricError, flat, rows};
use logit::{Coral, Corn, Grades, HeadConfig, Kind, Logits, LossError, Values};
use logit_kernels::row::{sigmoid, softmax};
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

    /// The score of a row, and how it changes with each logit.
    fn graded(&self, logits: &[f32]) -> Graded;

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

/// A grade that logits tell, and its gradient by them.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// The grade, in the scale's units.
    pub grade: f64,
    /// How it changes with each logit.
    pub direction: Vec<f64>,
}

impl Graded {
    /// The expected grade of a softmax over steps; it changes by `p_k (g_k − Σ_j p_j g_j)`.
    pub(crate) fn expected(logits: &[f32], grades: impl Iterator<Item = f64>) -> Self {
        let probabilities = softmax(logits, 1.0);
        let grades: Vec<f64> = grades.collect();
        let grade: f64 = probabilities.iter().zip(&grades).map(|(p, grade)| p * grade).sum();
        let direction = probabilities.iter().zip(grades).map(|(p, of_step)| p * (of_step - grade)).collect();
        Self { grade, direction }
    }

    fn of_softmax(logits: &[f32]) -> Self {
        Self::expected(logits, (0_u32..).map(f64::from).take(logits.len()))
    }

    /// The grade is the sum of `σ(z_k)`.
    fn of_coral(logits: &[f32]) -> Self {
        let above: Vec<f64> = logits.iter().map(|logit| sigmoid(f64::from(*logit))).collect();
        Self { grade: above.iter().sum(), direction: above.into_iter().map(|p| p * (1.0 - p)).collect() }
    }

    /// The grade is the sum over k of the product of `σ(z_j)` up to k.
    fn of_corn(logits: &[f32]) -> Self {
        let mut reached = 1.0;
        let mut above: Vec<f64> = Vec::with_capacity(logits.len());
        for logit in logits {
            reached *= sigmoid(f64::from(*logit));
            above.push(reached);
        }
        let beyond = |unit: usize| above[unit..].iter().sum::<f64>();
        let change = |(unit, logit): (usize, &f32)| beyond(unit) * (1.0 - sigmoid(f64::from(*logit)));
        Self { grade: above.iter().sum(), direction: logits.iter().enumerate().map(change).collect() }
    }
}

impl ScoreHead for ValueHead {
    fn loss(&self, logits: Logits<Values>, scores: Tensor<1>) -> Result<Loss, LossError> {
        SquaredLoss::new().forward(logits, scores.unsqueeze_dim::<2>(1))
    }

    fn answers(&self, logits: Logits<Values>) -> Result<ScoreAnswers, MetricError> {
        Ok(ScoreAnswers { scores: flat(&logits.values())?, probabilities: Vec::new() })
    }

    fn graded(&self, logits: &[f32]) -> Graded {
        Graded { grade: logits.first().copied().map_or(f64::NAN, f64::from), direction: vec![1.0] }
    }
}

macro_rules! grades {
    ($($(#[$doc:meta])*
       $head:ident: $kind:ty = $scale:expr, $spec:ident, $before:literal, $loss:expr, $sees_scale:expr, $config:expr, $graded:expr;)*) => {$(
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

            fn graded(&self, logits: &[f32]) -> Graded {
                $graded(logits)
            }

            fn sees_scale(&self) -> bool {
                $sees_scale
            }
        }
    )*};
}

grades! {
    /// A softmax over the steps, and the KL divergence to the target spread over its two neighbours.
    ExpectedHead: Grades = Grades::new, InterpolatedKl, "", InterpolatedKlLoss::new(), true, as_it_is, Graded::of_softmax;
    /// A softmax over the steps, and minus Pearson's correlation of the expected score, which sees no scale.
    PearsonHead: Grades = Grades::new, MinusPearson, "", PearsonLoss::new(), false, as_it_is, Graded::of_softmax;
    /// CORAL's cumulative logits.
    CoralHead: Grades<Coral> = Grades::coral, Coral, "at least ", CoralLoss::new(), true, HeadConfig::with_ordered_bias, Graded::of_coral;
    /// CORN's conditional logits.
    CornHead: Grades<Corn> = Grades::corn, Corn, "at least ", CornLoss::new(), true, as_it_is, Graded::of_corn;
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

    /// The direction, and the score's change when each logit is moved a little.
    fn changes<H: ScoreHead>(head: &H, logits: &[f32]) {
        const STEP: f32 = 1.0 / 64.0;
        let score = |logits: &[f32]| {
            let row = burn::tensor::TensorData::new(logits.to_vec(), [1, logits.len()]);
            let row = Tensor::<2>::from_data(row, &burn::tensor::Device::flex());
            head.answers(Logits::new(row, head.kind()).unwrap()).unwrap().scores[0]
        };
        let graded = head.graded(logits);
        assert!((graded.grade - score(logits)).abs() < 1e-4, "{graded:?}, and {}", score(logits));
        for (unit, direction) in graded.direction.into_iter().enumerate() {
            let moved = |by: f32| {
                let mut logits = logits.to_vec();
                logits[unit] += by;
                score(&logits)
            };
            let change = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
            assert!((change - direction).abs() < 1e-3, "unit {unit}: {direction}, and {change}");
        }
    }

    #[test]
    fn directions_are_how_scores_change() {
        changes(&ValueHead, &[1.5]);
        changes(&ExpectedHead, &[0.5, -1.0, 2.0, 0.1, 0.7, -0.3]);
        changes(&PearsonHead, &[0.5, -1.0, 2.0, 0.1, 0.7, -0.3]);
        changes(&CoralHead, &[2.0, 1.0, 0.4, -0.5, -2.0]);
        changes(&CornHead, &[2.0, 1.0, -0.4, 0.5, -2.0]);
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
