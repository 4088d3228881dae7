//! Each of some labels, yes or no.

use burn::tensor::Device;
use logit::calibration::{Aim, Temperature, Thresholds};
use logit::loss::BinaryCrossEntropyLoss;
use logit::metrics::{Average, LabelConfusion, LogLoss, Ranking, Reliability};
use logit::{HeadConfig, Labels, Logits};
use logit_kernels::row;
use logit_spec::Loss;

use super::{Outputs, RowAnswer, rows, trusted, written};
use crate::error::ZooError;
use crate::models::Output;
use crate::page::Table;
use crate::recipe::Weights;
use crate::run::Calibration;
use crate::system::{Goal, Judgement, Pass, Scores, reliability};
use crate::telemetry::Truth;

/// The probability from which on a label is decided for, where none was fitted.
const THRESHOLD: f64 = 0.5;

/// Each of some labels, yes or no.
#[derive(Clone, Debug)]
pub(crate) struct LabelsAnswer {
    names: Vec<String>,
    positives: Vec<u64>,
    rows: u64,
    loss: BinaryCrossEntropyLoss,
}

impl LabelsAnswer {
    /// Labels by name, and in how many of so many training samples each is a yes.
    pub(crate) fn new(
        names: Vec<String>,
        positives: Vec<u64>,
        rows: u64,
        weights: Weights,
        smoothing: f64,
    ) -> Self {
        let loss = BinaryCrossEntropyLoss::new().with_label_smoothing(smoothing);
        let loss = match weights.of_labels(&positives, rows) {
            Some(weights) => loss.with_pos_weight(weights),
            None => loss,
        };
        Self { names, positives, rows, loss }
    }

    fn thresholds(&self, calibration: &Calibration) -> Vec<f64> {
        calibration.thresholds().map_or_else(|| vec![THRESHOLD; self.names.len()], <[f64]>::to_vec)
    }

    fn decisions(&self, probabilities: &[f32], thresholds: &[f64]) -> Vec<bool> {
        let labels = self.names.len();
        probabilities.iter().enumerate().map(|(at, p)| f64::from(*p) >= thresholds[at % labels]).collect()
    }

    fn confusion(
        &self,
        probabilities: &[f32],
        truth: &[bool],
        thresholds: &[f64],
    ) -> Result<LabelConfusion, ZooError> {
        let mut confusion = LabelConfusion::new(self.names.len())?;
        confusion.update(&self.decisions(probabilities, thresholds), truth, None)?;
        Ok(confusion)
    }
}

/// The probability of a yes.
pub(crate) fn sigmoid(logit: f32, temperature: f64) -> f32 {
    row::sigmoid(f64::from(logit) / temperature) as f32
}

/// The probabilities, row by row.
pub(crate) fn sigmoids(logits: &[f32], temperature: f64) -> Vec<f32> {
    logits.iter().map(|logit| sigmoid(*logit, temperature)).collect()
}

fn truth(targets: &[f32]) -> Vec<bool> {
    targets.iter().map(|target| *target > 0.5).collect()
}

impl Output for LabelsAnswer {
    type Kind = Labels;

    fn kind(&self) -> Labels {
        Labels::new(self.names.len())
    }

    fn loss_name(&self) -> Loss {
        Loss::BinaryCrossEntropy
    }

    fn units(&self) -> Vec<String> {
        self.names.clone()
    }

    fn head(&self, features: usize) -> HeadConfig<Labels> {
        HeadConfig::new(features, self.kind()).with_positive_counts(&self.positives, self.rows)
    }
}

impl RowAnswer for LabelsAnswer {
    fn width(&self) -> usize {
        self.names.len()
    }

    fn pass(&self, logits: Logits<Labels>, targets: &[f32], device: &Device) -> Result<Pass, ZooError> {
        let samples = (targets.len() / self.width()) as u64;
        let given: Vec<f32> = logits.tensor().clone().try_into_vec_as()?;
        let right =
            given.iter().zip(targets).filter(|(logit, target)| (**logit >= 0.0) == (**target > 0.5)).count();
        let loss = self.loss.forward(logits, rows(targets, self.width(), device))?;
        Ok(Pass {
            loss: loss.value,
            samples,
            decisions: Some([targets.len() as u64, right as u64]),
            facts: None,
        })
    }

    fn truth(&self, targets: &[f32]) -> Truth {
        Truth::Labels(targets.to_vec())
    }

    fn describe(&self, target: &[f32]) -> String {
        let yes = self.names.iter().zip(target).filter(|(_, target)| **target > 0.5);
        let yes: Vec<&str> = yes.map(|(name, _)| name.as_str()).collect();
        if yes.is_empty() { "none".to_owned() } else { yes.join(", ") }
    }

    fn goal(&self) -> Goal {
        Goal::least("log_loss")
    }

    /// One temperature for all labels, and the thresholds with the highest F1 of all of them together.
    fn is_calibrated(&self) -> bool {
        true
    }

    fn calibrated(&self, of: &Outputs) -> Result<Calibration, ZooError> {
        let labels = self.names.len();
        let truth = truth(&of.targets);
        let fitted = Temperature::fit_labels(&of.logits, &truth, 1, None)?;
        let temperature = trusted(&fitted, truth.len() / labels);
        let probabilities = sigmoids(&of.logits, temperature.unwrap_or(1.0));
        let mut ranking = Ranking::new(labels)?;
        ranking.update_labels(&probabilities, &truth, None)?;
        // A validation part where no label is true says nothing about thresholds.
        let thresholds = Thresholds::fit(&ranking, Aim::MaxMicroF { beta: 1.0 });
        Ok(match (thresholds, temperature) {
            (Ok(fitted), temperature) => {
                Calibration::Thresholds { temperature, thresholds: fitted.values().to_vec() }
            }
            (Err(_), Some(temperature)) => Calibration::Temperature(temperature),
            (Err(_), None) => Calibration::None,
        })
    }

    fn judge(&self, of: &Outputs, calibration: &Calibration) -> Result<Judgement, ZooError> {
        let (labels, truth) = (self.names.len(), truth(&of.targets));
        let probabilities = sigmoids(&of.logits, calibration.temperature());
        let thresholds = self.thresholds(calibration);
        let plain = vec![THRESHOLD; labels];
        let confusion = self.confusion(&probabilities, &truth, &thresholds)?;
        let untuned = self.confusion(&sigmoids(&of.logits, 1.0), &truth, &plain)?;
        let mut log_loss = LogLoss::new(labels)?;
        let scaled: Vec<f64> = of.logits.iter().map(|z| f64::from(*z) / calibration.temperature()).collect();
        log_loss.update_labels_from_logits(&scaled, &truth, None)?;
        let mut ranking = Ranking::new(labels)?;
        ranking.update_labels(&probabilities, &truth, None)?;
        let mut honest = Reliability::new(labels)?;
        honest.update_labels(&probabilities, &truth, None)?;
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let mut values = vec![
            ("micro_f1", number(confusion.f1(Average::Micro))),
            ("log_loss", number(log_loss.log_loss())),
            ("macro_f1", number(confusion.f1(Average::Macro))),
            ("macro_recall", number(confusion.recall(Average::Macro))),
            ("accuracy", 1.0 - number(confusion.hamming_loss())),
            ("exact_match", number(confusion.exact_match())),
            ("ece", number(honest.expected_calibration_error())),
        ];
        // Of a label that is always or never a yes there is no ranking, and no number stands for it.
        values.extend(ranking.auroc(Average::Macro).map(|auroc| ("auroc", auroc)));
        let summary = format!(
            "micro F1 {:.4}, macro F1 {:.4} on {} rows; {:.2} % of all labels right.",
            values[0].1,
            values[2].1,
            confusion.rows(),
            100.0 * values[4].1
        );
        let mut judgement = Judgement::of(Scores::new(confusion.rows(), values), summary);
        judgement.reliability = vec![reliability("Test part", &honest)];
        judgement.tables = vec![self.by_label(&confusion, &thresholds)];
        if calibration.thresholds().is_some() {
            judgement.tables.push(before_and_after(&untuned, &confusion));
        }
        Ok(judgement)
    }

    fn columns(&self) -> Vec<String> {
        let of = |what: &str| self.names.iter().map(move |name| format!("{what}:{name}")).collect::<Vec<_>>();
        [of("logit"), of("probability"), of("decision")].concat()
    }

    fn decide(&self, logits: &[f32], calibration: &Calibration) -> Vec<String> {
        let probabilities = sigmoids(logits, calibration.temperature());
        let decisions = self.decisions(&probabilities, &self.thresholds(calibration));
        let numbers = logits.iter().chain(&probabilities).map(|number| written(*number));
        numbers.chain(decisions.into_iter().map(|yes| u8::from(yes).to_string())).collect()
    }
}

impl LabelsAnswer {
    fn by_label(&self, confusion: &LabelConfusion, thresholds: &[f64]) -> Table {
        let cell = |value: f64| format!("{value:.4}");
        let row = |((name, counts), threshold): ((&String, &logit::metrics::Counts), &f64)| {
            let numbers = [*threshold, counts.precision(), counts.recall(), counts.f1()];
            let start = [name.clone(), counts.support().to_string()];
            start.into_iter().chain(numbers.map(cell)).collect()
        };
        let columns = ["label", "positives", "threshold", "precision", "recall", "F1"];
        Table {
            title: "By label".to_owned(),
            columns: columns.map(str::to_owned).to_vec(),
            rows: self.names.iter().zip(confusion.per_label()).zip(thresholds).map(row).collect(),
            note: String::new(),
        }
    }
}

fn before_and_after(before: &LabelConfusion, after: &LabelConfusion) -> Table {
    let row = |name: &str, of: &dyn Fn(&LabelConfusion) -> Option<f64>| {
        let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        vec![name.to_owned(), cell(of(before)), cell(of(after))]
    };
    Table {
        title: "Thresholds".to_owned(),
        columns: ["on the test part", "at 0.5", "fitted"].map(str::to_owned).to_vec(),
        rows: vec![
            row("micro F1", &|of| of.f1(Average::Micro)),
            row("macro F1", &|of| of.f1(Average::Macro)),
            row("all labels right", &LabelConfusion::exact_match),
        ],
        note: "The thresholds have the highest F1 of all labels together on the validation part.".to_owned(),
    }
}
