//! Best weights and the last checkpoint: that the ones are those which the other knows.
//!
//! The last checkpoint is written first, and says by their seal which weights are the best. At the end of an epoch that is the
//! best so far these are its own, so that a process that ends between both files loses nothing: they are made from it.

use logit_run::{RunDir, RunError};

use super::TrainedRun as _;
use super::checkpoint::{Checkpoint, best_known};

/// The best weights of a run.
pub(crate) fn best_of(run: &RunDir) -> Result<Checkpoint, RunError> {
    let path = run.best_path();
    match Checkpoint::load(&path) {
        Err(RunError::NoCheckpoint { .. }) if can_be_made(run) => Err(RunError::Gone { path }),
        Err(RunError::NoCheckpoint { .. }) if run.was_saved()? => Err(RunError::Lost { path }),
        loaded => loaded,
    }
}

/// Refuses best weights that the last checkpoint does not know. A process that trains writes one after the other, and may have
/// done so since they were read.
pub(crate) fn check_best(run: &RunDir, best: &Checkpoint) -> Result<(), RunError> {
    let is_known = || best_known(&run.last_path()).is_none_or(|seal| seal == best.seal());
    if is_known() || run.is_busy() || Checkpoint::load(&run.best_path())?.seal() != best.seal() {
        return Ok(());
    }
    let (path, checkpoint) = (run.best_path(), run.last_path());
    Err(if can_be_made(run) {
        RunError::Remade { path, checkpoint }
    } else {
        RunError::OtherFile { path, checkpoint }
    })
}

/// Sees to it, before training is resumed, that the best weights are those that the last checkpoint knows: they are made
/// from it where it holds them.
pub(crate) fn mend_best(run: &RunDir, last: &Checkpoint) -> Result<(), RunError> {
    let Some(seal) = &last.best else { return Ok(()) };
    let path = run.best_path();
    let wrong = match Checkpoint::load(&path) {
        Ok(best) if best.seal() == *seal => return Ok(()),
        Ok(_) => RunError::OtherFile { path: path.clone(), checkpoint: run.last_path() },
        Err(RunError::NoCheckpoint { .. }) => RunError::Lost { path: path.clone() },
        Err(error @ RunError::Malformed { .. }) => error,
        Err(error) => return Err(error),
    };
    if is_best(last) { last.weights_alone().save(&path) } else { Err(wrong) }
}

/// Whether a checkpoint's own weights are the best.
fn is_best(last: &Checkpoint) -> bool {
    last.best.as_ref().is_some_and(|seal| *seal == last.weights_alone().seal())
}

fn can_be_made(run: &RunDir) -> bool {
    Checkpoint::load(&run.last_path()).is_ok_and(|last| is_best(&last))
}
