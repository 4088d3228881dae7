//! What a run's best weights are worth.

use burn::tensor::Device;
use logit_spec::{Fault, Finding, Level};

use crate::error::ZooError;
use crate::run::{DataSource, RunDir, TrainedRun as _};
use crate::system::{
    JudgedPart, Judgement, Origin, Reading, System as _, Task, WithSystem, calibrated, with_system,
};

/// Judges a run's best weights on the test part, of the run's own data or of another source.
///
/// # Errors
/// The run has no checkpoint yet, or the data cannot be read.
pub fn run(run: &RunDir, data: Option<&DataSource>) -> Result<Judgement, ZooError> {
    struct Judge<'a> {
        run: &'a RunDir,
        reading: Reading<'a>,
    }

    impl WithSystem for Judge<'_> {
        type Output = Judgement;

        fn call<T: Task>(self, system: T::System) -> Result<Judgement, ZooError> {
            judge(self.run, &T::read(system, &self.reading)?, JudgedPart::Test)
        }
    }

    let recipe = run.recipe()?;
    let source = data.map_or_else(|| run.source(), |data| Ok(data.clone()))?;
    let reading = Reading::to_judge(&recipe, &source, run)?;
    with_system(&recipe, Origin::Run(run), Judge { run, reading })
}

/// What must be said of all answers of a run whose task fits something on the validation part, where nothing is fitted yet.
///
/// # Errors
/// The run's files cannot be read.
pub fn uncalibrated(run: &RunDir) -> Result<Option<Finding>, ZooError> {
    struct Asks;

    impl WithSystem for Asks {
        type Output = bool;

        fn call<T: Task>(self, system: T::System) -> Result<bool, ZooError> {
            Ok(system.is_calibrated())
        }
    }

    if run.is_calibrated() || !with_system(&run.recipe()?, Origin::Run(run), Asks)? {
        return Ok(None);
    }
    let path = run.path();
    Ok(Some(Finding {
        level: Level::Warning,
        fault: Fault::Named("uncalibrated".to_owned()),
        message: format!("{}: these figures are uncalibrated: there is no calibration.json", path.display()),
        reason: "temperature, thresholds and the like are fitted on the validation part when training ends; once they are, \
                 the figures change"
            .to_owned(),
        fix: format!("let training come to its end: `logit train --resume {}`", path.display()),
    }))
}

/// Judges a run's best weights on a part of its data.
pub(crate) fn judge<T: Task>(run: &RunDir, task: &T, part: JudgedPart) -> Result<Judgement, ZooError> {
    let device = Device::flex();
    let (net, calibration) = calibrated(task.system(), run, &device)?;
    task.judge(&net, part, &calibration, &device)
}
