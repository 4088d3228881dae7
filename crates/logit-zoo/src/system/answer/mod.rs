//! Answers: what follows from the kind of a head, whatever network stands before it.
//!
//! A [`RowAnswer`] turns logits and targets into a loss, fits what makes the probabilities honest, judges, and decides.
//! Targets are rows of numbers: a class or a grade is one number, labels and values are one each.

mod classes;
mod grades;
mod labels;
mod values;

use burn::tensor::{Device, Tensor};
use logit::calibration::Temperature;
use logit::tape::Tape;
use logit::{Kind, Logits};

pub(crate) use classes::{ClassMeasures, ClassesAnswer};
pub(crate) use grades::GradesAnswer;
pub(crate) use labels::{LabelsAnswer, sigmoid, sigmoids};
pub(crate) use values::ValuesAnswer;

use super::{Goal, Judgement, Pass};
use crate::error::ZooError;
use crate::models::{Graded, Output};
use crate::run::Calibration;
use crate::telemetry::{Facts, FactsOfTensors as _, Subject, Truth};

/// Rows that a temperature needs to be fitted on: fewer say nothing about how sure a network may be.
const LEAST_ROWS: usize = 30;

/// A fitted temperature, where there were rows enough and the fit did not stop at an end of what is tried.
fn trusted(fitted: &Temperature, rows: usize) -> Option<f64> {
    let value = fitted.values()[0];
    (rows >= LEAST_ROWS && Temperature::MIN < value && value < Temperature::MAX).then_some(value)
}

/// A kind of answer per row, with the names and weights of its units.
pub(crate) trait RowAnswer: Output + 'static {
    /// Numbers of a row's target.
    fn width(&self) -> usize;

    /// The loss of a batch, whose targets are `[N, width]`.
    fn pass(&self, logits: Logits<Self::Kind>, targets: &[f32], device: &Device) -> Result<Pass, ZooError>;

    /// Targets as what the logits are compared with.
    fn truth(&self, targets: &[f32]) -> Truth;

    /// A row's target in words.
    fn describe(&self, target: &[f32]) -> String;

    /// The loss of a batch, and what its output showed where it is told to a tape.
    fn taped_pass(
        &self,
        logits: Logits<Self::Kind>,
        targets: &[f32],
        device: &Device,
        tape: &Tape,
    ) -> Result<Pass, ZooError> {
        let facts = Facts::on(tape, logits.tensor(), || Ok(self.truth(targets)))?;
        Ok(Pass { facts, ..self.pass(logits, targets, device)? })
    }

    /// What the last layer is for.
    fn subject(&self) -> Subject {
        Subject { answer: Self::Kind::ANSWER, units: self.units().len(), loss: self.loss_name() }
    }

    /// Where the answer is a grade: the grade, and how it changes with each logit.
    fn graded(&self, _logits: &[f32]) -> Option<Graded> {
        None
    }

    /// The metric that decides which weights are kept.
    fn goal(&self) -> Goal;

    /// Whether something is fitted on the validation part.
    fn is_calibrated(&self) -> bool {
        false
    }

    /// What is fitted on the validation part.
    fn calibrated(&self, _: &Outputs) -> Result<Calibration, ZooError> {
        Ok(Calibration::None)
    }

    /// What the logits are worth.
    fn judge(&self, of: &Outputs, calibration: &Calibration) -> Result<Judgement, ZooError>;

    /// The names of what [`decide`](Self::decide) gives.
    fn columns(&self) -> Vec<String>;

    /// Logits, probabilities and decision of a row, as they are written.
    fn decide(&self, logits: &[f32], calibration: &Calibration) -> Vec<String>;
}

/// Goes on with the answer that targets ask for: its type becomes the network's.
macro_rules! with_answer {
    ($targets:expr, $weights:expr, $loss:expr, |$answer:ident| $then:expr) => {{
        use crate::data::table::AnswerKind;
        use crate::system::answer::{ClassesAnswer, GradesAnswer, LabelsAnswer, ValuesAnswer};

        let (columns, weights, smoothing) = ($targets.columns.clone(), $weights, $loss.label_smoothing);
        match $targets.kind.clone() {
            AnswerKind::Classes { names, counts, .. } => {
                let $answer = ClassesAnswer::new(names, counts, weights, smoothing);
                $then
            }
            AnswerKind::Labels { positives, rows } => {
                let $answer = LabelsAnswer::new(columns, positives, rows, weights, smoothing);
                $then
            }
            AnswerKind::Values { means, deviations } => {
                let $answer = ValuesAnswer { names: columns, means, deviations };
                $then
            }
            AnswerKind::Grades { low, high, steps } => {
                let $answer = GradesAnswer { name: columns.join(", "), low, high, steps };
                $then
            }
        }
    }};
}

pub(crate) use with_answer;

/// Logits and targets of a part, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) logits: Vec<f32>,
    pub(crate) targets: Vec<f32>,
}

/// A tensor of a batch's numbers, `[N, width]`.
fn rows(numbers: &[f32], width: usize, device: &Device) -> Tensor<2> {
    let rows = numbers.len() / width.max(1);
    Tensor::from_data(burn::tensor::TensorData::new(numbers.to_vec(), [rows, width]), device)
}

/// A number as it is written into a file: short, and the same when it is read again.
fn written(number: f32) -> String {
    number.to_string()
}
