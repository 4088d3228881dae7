//! Numbers.

use burn::tensor::Device;
use logit::loss::SquaredLoss;
use logit::metrics::Regression;
use logit::{Logits, Values};
use logit_spec::Loss;

use super::{Outputs, RowAnswer, rows, written};
use crate::error::ZooError;
use crate::models::Output;
use crate::page::Table;
use crate::run::Calibration;
use crate::system::{Goal, Judgement, Pass, Scores};
use crate::telemetry::Truth;

/// Numbers, learned as `(number − mean) / deviation`.
#[derive(Clone, Debug)]
pub(crate) struct ValuesAnswer {
    pub(crate) names: Vec<String>,
    pub(crate) means: Vec<f64>,
    pub(crate) deviations: Vec<f64>,
}

impl ValuesAnswer {
    /// The numbers themselves.
    fn restored(&self, standardised: &[f32]) -> Vec<f64> {
        let values = self.names.len();
        let restored = |(at, z): (usize, &f32)| {
            f64::from(*z).mul_add(self.deviations[at % values], self.means[at % values])
        };
        standardised.iter().enumerate().map(restored).collect()
    }
}

impl Output for ValuesAnswer {
    type Kind = Values;

    fn kind(&self) -> Values {
        Values::new(self.names.len())
    }

    fn loss_name(&self) -> Loss {
        Loss::Squared
    }

    fn units(&self) -> Vec<String> {
        self.names.clone()
    }
}

impl RowAnswer for ValuesAnswer {
    fn width(&self) -> usize {
        self.names.len()
    }

    fn pass(&self, logits: Logits<Values>, targets: &[f32], device: &Device) -> Result<Pass, ZooError> {
        let samples = (targets.len() / self.width()) as u64;
        let loss = SquaredLoss::new().forward(logits, rows(targets, self.width(), device))?;
        Ok(Pass { loss: loss.value, samples, decisions: None, facts: None })
    }

    fn truth(&self, targets: &[f32]) -> Truth {
        Truth::Values(targets.to_vec())
    }

    fn describe(&self, target: &[f32]) -> String {
        let values = self.names.iter().zip(self.restored(target));
        values.map(|(name, value)| format!("{name} {value:.4}")).collect::<Vec<_>>().join(", ")
    }

    fn goal(&self) -> Goal {
        Goal::most("r2")
    }

    fn judge(&self, of: &Outputs, _: &Calibration) -> Result<Judgement, ZooError> {
        let mut regression = Regression::new(self.names.len())?;
        regression.update(&self.restored(&of.logits), &self.restored(&of.targets))?;
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let values = [
            ("r2", number(regression.r2())),
            ("rmse", number(regression.rmse())),
            ("mae", number(regression.mae())),
            ("mse", number(regression.mse())),
        ];
        let r2 = regression
            .r2()
            .map_or("no R², for the targets are all the same,".to_owned(), |r2| format!("R² {r2:.4}"));
        let summary = format!(
            "{r2} on {} rows; root mean squared error {:.4}, mean absolute error {:.4}.",
            regression.rows(),
            values[1].1,
            values[2].1
        );
        let mut judgement = Judgement::of(Scores::new(regression.rows(), values), summary);
        let outputs = self.names.iter().zip(regression.per_output().unwrap_or_default());
        judgement.tables.push(Table {
            title: "By value".to_owned(),
            columns: ["value", "mean absolute error", "mean squared error"].map(str::to_owned).to_vec(),
            rows: outputs
                .map(|(name, errors)| {
                    vec![name.clone(), format!("{:.4}", errors.mae), format!("{:.4}", errors.mse)]
                })
                .collect(),
            note: String::new(),
        });
        Ok(judgement)
    }

    fn columns(&self) -> Vec<String> {
        let of = |what: &str| self.names.iter().map(move |name| format!("{what}:{name}")).collect::<Vec<_>>();
        [of("logit"), of("value")].concat()
    }

    fn decide(&self, logits: &[f32], _: &Calibration) -> Vec<String> {
        let values = self.restored(logits).into_iter().map(|value| (value as f32).to_string());
        logits.iter().map(|logit| written(*logit)).chain(values).collect()
    }
}
