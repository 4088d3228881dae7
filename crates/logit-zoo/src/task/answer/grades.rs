//! A grade between two ends.

use burn::tensor::{Device, Tensor};
use logit::loss::InterpolatedKlLoss;
use logit::metrics::{MetricError, Pearson, Regression, Spearman};
use logit::{Grades, HeadConfig, Logits};
use logit_kernels::row::softmax;

use logit_spec::Loss;

use super::{Answer, Outputs, written};
use crate::error::ZooError;
use crate::run::Calibration;
use crate::task::{Goal, Judgement, Pass, Scores};
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
    fn expected(&self, logits: &[f32]) -> f64 {
        let step = (self.high - self.low) / (self.steps - 1) as f64;
        let probabilities = softmax(logits, 1.0);
        self.low + step * probabilities.iter().zip(0_u32..).map(|(p, at)| p * f64::from(at)).sum::<f64>()
    }
}

impl Answer for GradesAnswer {
    type Kind = Grades;

    fn head(&self, features: usize) -> HeadConfig<Grades> {
        HeadConfig::new(features, Grades::new(self.low, self.high, self.steps))
    }

    fn width(&self) -> usize {
        1
    }

    fn pass(&self, logits: Logits<Grades>, targets: &[f32], device: &Device) -> Result<Pass, ZooError> {
        let loss = InterpolatedKlLoss::new().forward(logits, Tensor::<1>::from_floats(targets, device))?;
        Ok(Pass { loss: loss.value, samples: targets.len() as u64, decisions: None, facts: None })
    }

    fn loss(&self) -> Loss {
        Loss::InterpolatedKl
    }

    fn units(&self) -> Vec<String> {
        let step = (self.high - self.low) / (self.steps - 1) as f64;
        (0..self.steps).map(|at| format!("{}", self.low + step * at as f64)).collect()
    }

    fn truth(&self, targets: &[f32]) -> Truth {
        let _ = targets;
        Truth::Other
    }

    fn told(&self, target: &[f32]) -> String {
        target.first().map(ToString::to_string).unwrap_or_default()
    }

    fn goal(&self) -> Goal {
        Goal::least("mse")
    }

    fn calibrated(&self, _: &Outputs) -> Result<Calibration, ZooError> {
        Ok(Calibration::default())
    }

    fn judge(&self, of: &Outputs, _: &Calibration) -> Result<Judgement, ZooError> {
        let told = |source: MetricError| ZooError::Metric { what: "the evaluation", source };
        let grades: Vec<f64> = of.logits.chunks(self.steps).map(|row| self.expected(row)).collect();
        let (mut regression, mut pearson) = (Regression::new(1).map_err(told)?, Pearson::new());
        let mut spearman = Spearman::new();
        regression.update(&grades, &of.targets).map_err(told)?;
        pearson.update(&grades, &of.targets).map_err(told)?;
        spearman.update(&grades, &of.targets).map_err(told)?;
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
        let step = (self.high - self.low) / (self.steps - 1) as f64;
        let of = |what: &'static str| {
            (0..self.steps).map(move |at| format!("{what}:{}", self.low + step * at as f64))
        };
        of("logit").chain(of("probability")).chain([format!("grade:{}", self.name)]).collect()
    }

    fn decide(&self, logits: &[f32], _: &Calibration) -> Vec<String> {
        let probabilities = softmax(logits, 1.0).into_iter().map(|p| p as f32);
        let numbers = logits.iter().copied().chain(probabilities).chain([self.expected(logits) as f32]);
        numbers.map(written).collect()
    }
}
