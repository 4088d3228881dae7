//! A grade between two ends.

use burn::tensor::{Device, Tensor};
use logit::loss::InterpolatedKlLoss;
use logit::metrics::{Pearson, Regression, Spearman};
use logit::{Grades, Logits};
use logit_kernels::row::softmax;
use logit_spec::Loss;

use super::{Outputs, RowAnswer, written};
use crate::error::ZooError;
use crate::models::{Graded, Output};
use crate::run::Calibration;
use crate::system::{Goal, Judgement, Pass, Scores};
use crate::telemetry::Truth;

/// A grade between two ends, as the expected value of a softmax over the steps of the scale.
#[derive(Clone, Debug)]
pub(crate) struct GradesAnswer {
    pub(crate) name: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) steps: usize,
}

impl GradesAnswer {
    /// The grades that the steps stand for.
    fn grades(&self) -> impl Iterator<Item = f64> + use<> {
        let (low, step) = (self.low, (self.high - self.low) / (self.steps - 1) as f64);
        (0..self.steps).map(move |at| low + step * at as f64)
    }

    fn expected(&self, logits: &[f32]) -> f64 {
        let step = (self.high - self.low) / (self.steps - 1) as f64;
        let probabilities = softmax(logits, 1.0);
        self.low + step * probabilities.iter().zip(0_u32..).map(|(p, at)| p * f64::from(at)).sum::<f64>()
    }
}

impl Output for GradesAnswer {
    type Kind = Grades;

    fn kind(&self) -> Grades {
        Grades::new(self.low, self.high, self.steps)
    }

    fn loss_name(&self) -> Loss {
        Loss::InterpolatedKl
    }

    fn units(&self) -> Vec<String> {
        self.grades().map(|grade| grade.to_string()).collect()
    }
}

impl RowAnswer for GradesAnswer {
    fn width(&self) -> usize {
        1
    }

    fn pass(&self, logits: Logits<Grades>, targets: &[f32], device: &Device) -> Result<Pass, ZooError> {
        let loss = InterpolatedKlLoss::new().forward(logits, Tensor::<1>::from_floats(targets, device))?;
        Ok(Pass { loss: loss.value, samples: targets.len() as u64, decisions: None, facts: None })
    }

    fn truth(&self, _: &[f32]) -> Truth {
        Truth::Other
    }

    fn describe(&self, target: &[f32]) -> String {
        target.first().map(ToString::to_string).unwrap_or_default()
    }

    fn graded(&self, logits: &[f32]) -> Option<Graded> {
        Some(Graded::expected(logits, self.grades()))
    }

    fn goal(&self) -> Goal {
        Goal::least("mse")
    }

    fn judge(&self, of: &Outputs, _: &Calibration) -> Result<Judgement, ZooError> {
        let grades: Vec<f64> = of.logits.chunks(self.steps).map(|row| self.expected(row)).collect();
        let (mut regression, mut pearson) = (Regression::new(1)?, Pearson::new());
        let mut spearman = Spearman::new();
        regression.update(&grades, &of.targets)?;
        pearson.update(&grades, &of.targets)?;
        spearman.update(&grades, &of.targets)?;
        let mut values = vec![
            ("mse", regression.mse().unwrap_or(f64::NAN)),
            ("mae", regression.mae().unwrap_or(f64::NAN)),
            ("r2", regression.r2().unwrap_or(f64::NAN)),
        ];
        // Grades that are all the same correlate with nothing.
        values.extend(pearson.pearson().map(|r| ("pearson", r)));
        values.extend(spearman.spearman().map(|r| ("spearman", r)));
        let summary = format!(
            "mean absolute error {:.4} on {} rows, R² {:.4}.",
            values[1].1,
            grades.len(),
            values[2].1
        );
        Ok(Judgement::of(Scores::new(grades.len() as u64, values), summary))
    }

    fn columns(&self) -> Vec<String> {
        let of = |what: &'static str| self.grades().map(move |grade| format!("{what}:{grade}"));
        of("logit").chain(of("probability")).chain([format!("grade:{}", self.name)]).collect()
    }

    fn decide(&self, logits: &[f32], _: &Calibration) -> Vec<String> {
        let probabilities = softmax(logits, 1.0).into_iter().map(|p| p as f32);
        let numbers = logits.iter().copied().chain(probabilities).chain([self.expected(logits) as f32]);
        numbers.map(written).collect()
    }
}
