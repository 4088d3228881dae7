//! Predictions from a run's best weights.

use std::ffi::OsString;
use std::path::Path;

use burn::tensor::Device;
use logit_files::is_same;
use logit_spec::Answer;

pub use super::digits::DigitPrediction;
pub use super::images::ImagePrediction;
pub use super::pairs::{Half, PairPrediction};
pub use super::segmentation::{MaskPrediction, Share};
pub use super::sts::Similarity;
pub use super::table::TablePrediction;
use super::{Origin, Request, System, SystemError, Task, WithSystem, calibrated, paths, with_system};
use crate::error::ZooError;
use crate::run::{DataSource, RunDir, TrainedRun as _};

/// What a run says of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Digits on pictures.
    Digits(Vec<DigitPrediction>),
    /// The class or the labels of images.
    Images(Vec<ImagePrediction>),
    /// The rows of a table.
    Table(TablePrediction),
    /// Answers on the pixels of images.
    Masks(Vec<MaskPrediction>),
    /// Whether pairs of pictures hold a digit of 0 to 3.
    Pairs(Vec<PairPrediction>),
    /// How much sentences say the same.
    Similarities(Vec<Similarity>),
}

/// Predicts, from files or sentences as the system takes them; what is written goes to `out`, or else to a place of the
/// system's choice.
///
/// # Errors
/// An input cannot be read, or the run has no checkpoint yet; a logit is not finite; `out` is given to a system that
/// writes nothing, or cannot be written.
pub fn run(run: &RunDir, inputs: &[OsString], out: Option<&Path>) -> Result<Predictions, ZooError> {
    struct Predict<'a> {
        task: &'static str,
        request: Request<'a>,
    }

    impl WithSystem for Predict<'_> {
        type Output = Predictions;

        fn call<T: Task>(self, system: T::System) -> Result<Predictions, ZooError> {
            let Self { task, request } = self;
            match request.out {
                Some(out) if !T::System::WRITES => Err(ZooError::Usage(format!(
                    "a run of the task `{task}` prints what it predicts and writes no file: leave out `--out {}`",
                    out.display()
                ))),
                Some(out) => {
                    check_out(request.run, request.inputs, out)?;
                    predict(&system, &request)
                }
                None => predict(&system, &request),
            }
        }
    }

    let recipe = run.recipe()?;
    let predict = Predict { task: recipe.task.name(), request: Request { run, inputs, out } };
    with_system(&recipe, Origin::Run(run), predict)
}

/// Refuses to write where something is read from, or where a run keeps what is its own.
pub(crate) fn check_out(run: &RunDir, inputs: &[OsString], out: &Path) -> Result<(), ZooError> {
    let refused = |of: String| {
        let out = out.display();
        Err(ZooError::Usage(format!("`--out {out}` would replace {of}; name another place to write to")))
    };
    if let Some(input) = paths(inputs).find(|input| is_same(input, out)) {
        return refused(format!("the input {}", input.display()));
    }
    if let Some(own) = run.would_replace(out).filter(|own| !own.is_dir()) {
        return refused(format!("{}, a file of a run", own.display()));
    }
    match run.source() {
        Ok(DataSource::File(data)) if is_same(&data, out) => {
            refused(format!("{}, which the run was trained on", data.display()))
        }
        _ => Ok(()),
    }
}

fn predict<S: System>(system: &S, request: &Request<'_>) -> Result<Predictions, ZooError> {
    let device = Device::flex();
    let mut answers = system.answers(request)?;
    let batches = system.read(request.inputs)?;
    let (net, calibration) = calibrated(system, request.run, &device)?;
    for batch in batches {
        let batch = batch?;
        let logits = system.logits(&net, &batch, &device)?;
        let each = (logits.len() / batch.len().max(1)).max(1);
        for (asked, logits) in batch.into_iter().zip(logits.chunks(each)) {
            check_finite(system, &asked, logits)?;
            let answer = system.answer(&asked, logits, &calibration)?;
            answers.take(asked, answer)?;
        }
    }
    answers.finish()
}

/// Refuses an answer that is made of a number that is not finite.
pub(crate) fn check_finite<S: System>(system: &S, asked: &S::Asked, logits: &[f32]) -> Result<(), ZooError> {
    let Some(at) = logits.iter().position(|logit| !logit.is_finite()) else { return Ok(()) };
    let units = system.units();
    let unit = units.get(at % units.len().max(1)).map_or("", String::as_str);
    let what = match system.subject().answer {
        Answer::Values if units.len() == 1 => "the value".to_owned(),
        Answer::Classes => format!("the logit of class {unit}"),
        _ => format!("the logit of `{unit}`"),
    };
    Err(SystemError::NotFinite { input: system.name(asked), what, value: logits[at] }.into())
}
