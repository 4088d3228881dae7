//! One of some classes.

use burn::tensor::{Device, Int, Tensor};
use logit::calibration::Temperature;
use logit::loss::CrossEntropyLoss;
use logit::metrics::{Average, Brier, ConfusionMatrix, LogLoss, MetricError, Reliability};
use logit::{Classes, HeadConfig, Logits};
use logit_kernels::row::{argmax, softmax};

use logit_spec::Loss;

use super::{Answer, Outputs, trusted, written};
use crate::error::ZooError;
use crate::recipe::Weights;
use crate::report::Table;
use crate::run::Calibration;
use crate::task::{Goal, Judgement, Pass, Scores, confusion, reliability};
use crate::telemetry::Truth;

/// Rows that are judged at a time.
const BLOCK: usize = 4096;

/// One of some classes.
#[derive(Clone, Debug)]
pub(crate) struct ClassesAnswer {
    names: Vec<String>,
    counts: Vec<u64>,
    loss: CrossEntropyLoss,
}

impl ClassesAnswer {
    /// Classes by name, and how many training samples each has.
    pub(crate) fn new(names: Vec<String>, counts: Vec<u64>, weights: Weights, label_smoothing: f64) -> Self {
        let loss = CrossEntropyLoss::new().with_label_smoothing(label_smoothing);
        let loss = match weights.of_classes(&counts) {
            Some(weights) => loss.with_weight(weights),
            None => loss,
        };
        Self { names, counts, loss }
    }
}

impl Answer for ClassesAnswer {
    type Kind = Classes;

    fn head(&self, features: usize) -> HeadConfig<Classes> {
        HeadConfig::new(features, Classes::new(self.names.len())).with_class_counts(&self.counts)
    }

    fn width(&self) -> usize {
        1
    }

    fn pass(&self, logits: Logits<Classes>, targets: &[f32], device: &Device) -> Result<Pass, ZooError> {
        let index: Vec<i32> = targets.iter().map(|target| *target as i32).collect();
        let decisions: Vec<i64> = logits.argmax().try_into_vec_as()?;
        let right = decisions.iter().zip(&index).filter(|(a, b)| **a == i64::from(**b)).count();
        let samples = index.len() as u64;
        let loss = self.loss.forward(logits, Tensor::<1, Int>::from_ints(index.as_slice(), device))?;
        Ok(Pass { loss: loss.value, samples, decisions: Some([samples, right as u64]), facts: None })
    }

    fn loss(&self) -> Loss {
        Loss::CrossEntropy
    }

    fn units(&self) -> Vec<String> {
        self.names.clone()
    }

    fn truth(&self, targets: &[f32]) -> Truth {
        Truth::Classes(indices(targets))
    }

    fn told(&self, target: &[f32]) -> String {
        target.first().and_then(|class| self.names.get(*class as usize)).cloned().unwrap_or_default()
    }

    fn goal(&self) -> Goal {
        Goal::least("log_loss")
    }

    fn calibrated(&self, of: &Outputs) -> Result<Calibration, ZooError> {
        let told = |error: logit::calibration::CalibrationError| ZooError::Calibration { source: error };
        let fitted = Temperature::fit_classes(&of.logits, &indices(&of.targets), self.names.len(), None);
        let temperature = trusted(&fitted.map_err(told)?, of.targets.len());
        Ok(Calibration { temperature, ..Calibration::default() })
    }

    fn judge(&self, of: &Outputs, calibration: &Calibration) -> Result<Judgement, ZooError> {
        let classes = self.names.len();
        let told = |source: MetricError| ZooError::Metric { what: "the evaluation", source };
        let before = Honest::of(of, classes, 1.0).map_err(told)?;
        let honest = Honest::of(of, classes, calibration.temperature()).map_err(told)?;
        let mut matrix = ConfusionMatrix::new(classes).map_err(told)?;
        for (logits, targets) in blocks(of, classes) {
            let decisions: Vec<usize> = logits.chunks(classes).map(argmax).collect();
            matrix.update(&decisions, &indices(targets), None).map_err(told)?;
        }
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let values = [
            ("accuracy", number(matrix.accuracy())),
            ("log_loss", honest.log_loss),
            ("ece", honest.ece),
            ("brier", honest.brier),
            ("macro_f1", number(matrix.f1(Average::Macro))),
            ("macro_recall", number(matrix.recall(Average::Macro))),
        ];
        let scores = Scores::new(matrix.total(), values);
        let summary = format!(
            "{:.2} % of {} rows right; macro recall {:.4}, log loss {:.4}, calibration error {:.4}.",
            100.0 * values[0].1,
            matrix.total(),
            values[5].1,
            honest.log_loss,
            honest.ece
        );
        let mut judgement = Judgement::of(scores, summary);
        judgement.confusion = Some(confusion(&matrix, self.names.clone()));
        judgement.tables.push(self.by_class(&matrix));
        match calibration.temperature {
            Some(temperature) => {
                judgement.reliability = vec![
                    reliability("Test part, as trained", &before.reliability),
                    reliability(
                        &format!("Test part, with temperature {temperature:.3}"),
                        &honest.reliability,
                    ),
                ];
                judgement.tables.push(before_and_after(&before, &honest));
            }
            None => judgement.reliability = vec![reliability("Test part", &honest.reliability)],
        }
        Ok(judgement)
    }

    fn columns(&self) -> Vec<String> {
        let of = |what: &str| self.names.iter().map(move |name| format!("{what}:{name}")).collect::<Vec<_>>();
        [of("logit"), of("probability"), vec!["decision".to_owned()]].concat()
    }

    fn decide(&self, logits: &[f32], calibration: &Calibration) -> Vec<String> {
        let probabilities = softmax(logits, calibration.temperature());
        let numbers = logits.iter().copied().chain(probabilities.into_iter().map(|p| p as f32)).map(written);
        numbers.chain([self.names[argmax(logits)].clone()]).collect()
    }
}

impl ClassesAnswer {
    fn by_class(&self, matrix: &ConfusionMatrix) -> Table {
        let row = |(name, counts): (&String, logit::metrics::Counts)| {
            let cell = |value: f64| format!("{value:.4}");
            let support = counts.support().to_string();
            vec![name.clone(), support, cell(counts.precision()), cell(counts.recall()), cell(counts.f1())]
        };
        Table {
            title: "By class".to_owned(),
            columns: ["class", "rows", "precision", "recall", "F1"].map(str::to_owned).to_vec(),
            rows: self.names.iter().zip(matrix.per_class()).map(row).collect(),
            note: String::new(),
        }
    }
}

/// Logits and targets of some rows at a time: a part may be as large as memory, and its `f64` twice that.
fn blocks(of: &Outputs, classes: usize) -> impl Iterator<Item = (&[f32], &[f32])> {
    of.logits.chunks(BLOCK * classes).zip(of.targets.chunks(BLOCK))
}

fn indices(targets: &[f32]) -> Vec<usize> {
    targets.iter().map(|target| *target as usize).collect()
}

/// How far the probabilities can be believed.
struct Honest {
    log_loss: f64,
    ece: f64,
    brier: f64,
    reliability: Reliability,
}

impl Honest {
    fn of(of: &Outputs, classes: usize, temperature: f64) -> Result<Self, MetricError> {
        let (mut log_loss, mut brier) = (LogLoss::new(classes)?, Brier::new(classes)?);
        let mut reliability = Reliability::new(classes)?;
        for (logits, targets) in blocks(of, classes) {
            let targets = indices(targets);
            let scaled: Vec<f64> = logits.iter().map(|logit| f64::from(*logit) / temperature).collect();
            let probabilities: Vec<f64> =
                logits.chunks(classes).flat_map(|row| softmax(row, temperature)).collect();
            log_loss.update_classes_from_logits(&scaled, &targets, None)?;
            brier.update_classes(&probabilities, &targets, None)?;
            reliability.update_classes(&probabilities, &targets, None)?;
        }
        Ok(Self {
            log_loss: log_loss.log_loss().unwrap_or(f64::NAN),
            ece: reliability.expected_calibration_error().unwrap_or(f64::NAN),
            brier: brier.brier().unwrap_or(f64::NAN),
            reliability,
        })
    }
}

fn before_and_after(before: &Honest, after: &Honest) -> Table {
    let row = |name: &str, of: fn(&Honest) -> f64| {
        vec![name.to_owned(), format!("{:.4}", of(before)), format!("{:.4}", of(after))]
    };
    Table {
        title: "Calibration".to_owned(),
        columns: ["on the test part", "as trained", "calibrated"].map(str::to_owned).to_vec(),
        rows: vec![
            row("log loss", |of| of.log_loss),
            row("calibration error", |of| of.ece),
            row("Brier score", |of| of.brier),
        ],
        note: "The temperature was fitted on the validation part; it changes no decision.".to_owned(),
    }
}
