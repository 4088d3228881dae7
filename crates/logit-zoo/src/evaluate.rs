//! What a run's best weights are worth.

use burn::tensor::Device;

use crate::error::ZooError;
use crate::run::{DataSource, RunDir};
use crate::task::{DataPart, Judgement, Origin, Reading, Task, WithSystem, best, with_system};

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
            judge(self.run, &T::read(system, &self.reading)?, DataPart::Test)
        }
    }

    let (recipe, about) = (run.recipe()?, run.about()?);
    let reading = Reading::to_judge(&recipe, data.unwrap_or(&about.data), run)?;
    with_system(&recipe, Origin::Run(run), Judge { run, reading })
}

/// Judges a run's best weights on a part of its data.
pub(crate) fn judge<T: Task>(run: &RunDir, task: &T, part: DataPart) -> Result<Judgement, ZooError> {
    let device = Device::flex();
    let net = best(task.system(), run, &device)?;
    task.judge(&net, part, &run.calibration()?, &device)
}
