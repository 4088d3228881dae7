//! One of some classes.

use burn::tensor::{Device, Int, Tensor};
use logit::calibration::Temperature;
use logit::loss::CrossEntropyLoss;
use logit::metrics::{Average, Brier, ClassIndex, ConfusionMatrix, LogLoss, MetricError, Real, Reliability};
use logit::{Classes, HeadConfig, Logits};
use logit_kernels::row::{argmax, softmax};
use logit_spec::Loss;

use super::{Outputs, RowAnswer, trusted, written};
use crate::error::ZooError;
use crate::models::Output;
use crate::page::Table;
use crate::recipe::Weights;
use crate::run::Calibration;
use crate::system::{Goal, Judgement, Pass, Scores, confusion, metric_name, reliability};
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

impl Output for ClassesAnswer {
    type Kind = Classes;

    fn kind(&self) -> Classes {
        Classes::new(self.names.len())
    }

    fn loss_name(&self) -> Loss {
        Loss::CrossEntropy
    }

    fn units(&self) -> Vec<String> {
        self.names.clone()
    }

    fn head(&self, features: usize) -> HeadConfig<Classes> {
        HeadConfig::new(features, self.kind()).with_class_counts(&self.counts)
    }
}

impl RowAnswer for ClassesAnswer {
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

    fn truth(&self, targets: &[f32]) -> Truth {
        Truth::Classes(indices(targets))
    }

    fn describe(&self, target: &[f32]) -> String {
        target.first().and_then(|class| self.names.get(*class as usize)).cloned().unwrap_or_default()
    }

    fn goal(&self) -> Goal {
        Goal::least("log_loss")
    }

    fn is_calibrated(&self) -> bool {
        true
    }

    fn calibrated(&self, of: &Outputs) -> Result<Calibration, ZooError> {
        let fitted = Temperature::fit_classes(&of.logits, &indices(&of.targets), self.names.len(), None)?;
        Ok(trusted(&fitted, of.targets.len()).map_or(Calibration::None, Calibration::Temperature))
    }

    fn judge(&self, of: &Outputs, calibration: &Calibration) -> Result<Judgement, ZooError> {
        let before = self.measured(of, 1.0)?;
        let honest = self.measured(of, calibration.temperature())?;
        let matrix = &honest.matrix;
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let [accuracy, log_loss, ece, brier, macro_f1] =
            honest.scores().map(|(name, value)| (name, number(value)));
        let macro_recall = ("macro_recall", number(matrix.recall(Average::Macro)));
        let values = [accuracy, log_loss, ece, brier, macro_f1, macro_recall];
        let scores = Scores::new(matrix.total(), values);
        let summary = format!(
            "{:.2} % of {} rows right; macro recall {:.4}, log loss {:.4}, calibration error {:.4}.",
            100.0 * values[0].1,
            matrix.total(),
            values[5].1,
            values[1].1,
            values[2].1
        );
        let mut judgement = Judgement::of(scores, summary);
        judgement.confusion = Some(confusion(matrix, self.names.clone()));
        judgement.tables.push(self.by_class(matrix));
        match calibration {
            Calibration::Temperature(temperature) => {
                judgement.reliability = vec![
                    reliability("Test part, as trained", &before.reliability),
                    reliability(
                        &format!("Test part, with temperature {temperature:.3}"),
                        &honest.reliability,
                    ),
                ];
                judgement.tables.push(before_and_after(&before, &honest));
            }
            _ => judgement.reliability = vec![reliability("Test part", &honest.reliability)],
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
    /// What outputs are worth with a temperature, some rows at a time: a part may be as large as memory, and its `f64`
    /// twice that.
    fn measured(&self, of: &Outputs, temperature: f64) -> Result<ClassMeasures, MetricError> {
        let classes = self.names.len();
        let mut measures = ClassMeasures::new(classes)?;
        for (logits, targets) in of.logits.chunks(BLOCK * classes).zip(of.targets.chunks(BLOCK)) {
            let scaled: Vec<f64> = logits.iter().map(|logit| f64::from(*logit) / temperature).collect();
            let probabilities: Vec<f64> =
                logits.chunks(classes).flat_map(|row| softmax(row, temperature)).collect();
            let decisions: Vec<usize> = logits.chunks(classes).map(argmax).collect();
            measures.add(&scaled, &probabilities, &decisions, &indices(targets))?;
        }
        Ok(measures)
    }

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

fn indices(targets: &[f32]) -> Vec<usize> {
    targets.iter().map(|target| *target as usize).collect()
}

/// What a classifier is measured by.
pub(crate) struct ClassMeasures {
    pub(crate) matrix: ConfusionMatrix,
    pub(crate) reliability: Reliability,
    log_loss: LogLoss,
    brier: Brier,
}

impl ClassMeasures {
    /// Nothing measured yet.
    pub(crate) fn new(classes: usize) -> Result<Self, MetricError> {
        Ok(Self {
            matrix: ConfusionMatrix::new(classes)?,
            reliability: Reliability::new(classes)?,
            log_loss: LogLoss::new(classes)?,
            brier: Brier::new(classes)?,
        })
    }

    /// Measures rows: their logits and probabilities, row after row, the classes decided for, and the true ones.
    pub(crate) fn add<R: Real, C: ClassIndex>(
        &mut self,
        logits: &[R],
        probabilities: &[R],
        decisions: &[usize],
        truth: &[C],
    ) -> Result<(), MetricError> {
        self.log_loss.update_classes_from_logits(logits, truth, None)?;
        self.brier.update_classes(probabilities, truth, None)?;
        self.reliability.update_classes(probabilities, truth, None)?;
        self.matrix.update(decisions, truth, None)
    }

    /// The metrics by name; none of them has a value before a row was measured.
    pub(crate) fn scores(&self) -> [(&'static str, Option<f64>); 5] {
        [
            ("accuracy", self.matrix.accuracy()),
            ("log_loss", self.log_loss.log_loss()),
            ("ece", self.reliability.expected_calibration_error()),
            ("brier", self.brier.brier()),
            ("macro_f1", self.matrix.f1(Average::Macro)),
        ]
    }
}

fn before_and_after(before: &ClassMeasures, after: &ClassMeasures) -> Table {
    let rows = before.scores().into_iter().zip(after.scores()).skip(1).take(3);
    let cell = |value: Option<f64>| format!("{:.4}", value.unwrap_or(f64::NAN));
    let row = |((metric, before), (_, after))| vec![metric_name(metric), cell(before), cell(after)];
    Table {
        title: "Calibration".to_owned(),
        columns: ["on the test part", "as trained", "calibrated"].map(str::to_owned).to_vec(),
        rows: rows.map(row).collect(),
        note: "The temperature was fitted on the validation part; it changes no decision.".to_owned(),
    }
}
