//! What a run's best weights are worth on the test part.

use burn::tensor::Device;

use crate::error::ZooError;
use crate::run::{Checkpoint, DataSource, RunDir, TrainedRun as _};
use crate::task::{Judgement, Need, Part, Scores, Task, WithTask, with_task};

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
        None => run.source()?,
    };
    with_task(&run.recipe()?, &source, run, Need::Test, Judge(run))
}

/// A run's best weights on the validation and on the test part of its own data.
pub(crate) fn both(run: &RunDir) -> Result<[Scores; 2], ZooError> {
    struct Both<'a>(&'a RunDir);

    impl WithTask for Both<'_> {
        type Output = [Scores; 2];

        fn call<T: Task>(self, task: T) -> Result<[Scores; 2], ZooError> {
            let validation = judge_part(self.0, &task, Part::Validation)?;
            Ok([validation.scores, judge_best(self.0, &task)?.scores])
        }
    }

    with_task(&run.recipe()?, &run.source()?, run, Need::All, Both(run))
}

/// Judges a run's best weights on the test part.
pub(crate) fn judge_best<T: Task>(run: &RunDir, task: &T) -> Result<Judgement, ZooError> {
    judge_part(run, task, Part::Test)
}

fn judge_part<T: Task>(run: &RunDir, task: &T, part: Part) -> Result<Judgement, ZooError> {
    let device = Device::flex();
    let path = run.best_path();
    let net = Checkpoint::load(&path)?.apply(task.network(&device)?, &path)?;
    task.judge(&net, part, &run.calibration()?, &device)
}
