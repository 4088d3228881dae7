//! What a run's best weights are worth on the test part.

use burn::tensor::Device;

use crate::error::ZooError;
use crate::run::{Checkpoint, DataSource, RunDir};
use crate::task::{Judgement, Need, Part, Task, WithTask, with_task};

/// Judges a run's best weights on the test part, of the run's own data or of another source.
///
/// # Errors
/// The run has no checkpoint yet, or the data cannot be read.
pub fn run(run: &RunDir, data: Option<&DataSource>) -> Result<Judgement, ZooError> {
    struct Judge<'a>(&'a RunDir);

    impl WithTask for Judge<'_> {
        type Output = Judgement;

        fn call<T: Task>(self, task: T) -> Result<Judgement, ZooError> {
            judge_best(self.0, &task)
        }
    }

    let source = match data {
        Some(source) => source.clone(),
        None => run.about()?.data,
    };
    with_task(&run.recipe()?, &source, run, Need::Test, Judge(run))
}

/// Judges a run's best weights.
pub(crate) fn judge_best<T: Task>(run: &RunDir, task: &T) -> Result<Judgement, ZooError> {
    let device = Device::flex();
    let path = run.best_path();
    let net = Checkpoint::load(&path)?.apply(task.network(&device)?, &path)?;
    task.judge(&net, Part::Test, &run.calibration()?, &device)
}
