//! What a run's best weights are worth.

use burn::tensor::Device;

use crate::error::ZooError;
use crate::run::{DataSource, RunDir, TrainedRun as _};
use crate::system::{JudgedPart, Judgement, Origin, Reading, Task, WithSystem, calibrated, with_system};

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

/// Judges a run's best weights on a part of its data.
pub(crate) fn judge<T: Task>(run: &RunDir, task: &T, part: JudgedPart) -> Result<Judgement, ZooError> {
    let device = Device::flex();
    let (net, calibration) = calibrated(task.system(), run, &device)?;
    task.judge(&net, part, &calibration, &device)
}
