//! Tasks: what a recipe trains, as the trainer sees it.
//!
//! A [`Task`] owns its data and knows its network, its loss and its metrics. The trainer, the evaluation and the report
//! know nothing else. [`with_task`] turns a recipe and a source of data into one.

pub mod digits;
mod judgement;
mod scores;
pub mod sts;

use burn::module::{Module, ParamId};
use burn::tensor::{Device, Tensor};

pub use judgement::Judgement;
pub(crate) use judgement::{confusion, reliability};
pub use scores::{Goal, Scores, metric_name};

use crate::data::epoch_order;
use crate::error::ZooError;
use crate::recipe::{Recipe, TaskConfig};
use crate::report::Fact;
use crate::run::{Calibration, DataSource, RunDir};

/// What is trained.
pub(crate) trait Task: Sync {
    /// The network.
    type Net: Module;
    /// What a step is computed on.
    type Batch: Send;

    /// A network with its first weights.
    fn network(&self, device: &Device) -> Result<Self::Net, ZooError>;

    /// Samples to learn from.
    fn samples(&self) -> u32;

    /// The order in which an epoch goes through them.
    fn order(&self, seed: u64, epoch: u64) -> Vec<u32> {
        epoch_order(self.samples(), seed, epoch)
    }

    /// Some of the samples, ready for the network; `seed` decides all that is random about them.
    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Self::Batch, ZooError>;

    /// The loss of a batch, in training mode.
    fn pass(&self, net: &Self::Net, batch: Self::Batch) -> Result<Pass, ZooError>;

    /// The weights of the last layer.
    fn head(&self, net: &Self::Net) -> ParamId;

    /// The network after an update, held to what it must keep.
    fn constrained(&self, net: Self::Net) -> Self::Net {
        net
    }

    /// The metric that decides which weights are kept.
    fn goal(&self) -> Goal;

    /// What turns logits into better probabilities and decisions, fitted on the validation part.
    fn calibrated(&self, _net: &Self::Net, _device: &Device) -> Result<Calibration, ZooError> {
        Ok(Calibration::default())
    }

    /// What the network is worth on a part, in inference mode.
    fn judge(
        &self,
        net: &Self::Net,
        part: Part,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError>;

    /// What a report says of the data and the network.
    fn facts(&self) -> Vec<Fact>;
}

/// A part of the data that networks are judged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Validation,
    Test,
}

/// What a training pass gives.
pub(crate) struct Pass {
    /// The mean loss.
    pub(crate) loss: Tensor<1>,
    /// Samples of the batch.
    pub(crate) samples: u64,
    /// Decisions that were made, and how many of them were right, where the answer is a decision.
    pub(crate) decisions: Option<[u64; 2]>,
}

/// Something to do with a task, whatever its type.
pub(crate) trait WithTask {
    type Output;

    fn call<T: Task>(self, task: T) -> Result<Self::Output, ZooError>;
}

/// Which parts of the data are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// All of it.
    All,
    /// The test part alone.
    Test,
}

/// Reads the data and calls `then` with the recipe's task. `run` is the run's folder, where there is one already.
pub(crate) fn with_task<W: WithTask>(
    recipe: &Recipe,
    source: &DataSource,
    _run: Option<&RunDir>,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    match &recipe.task {
        TaskConfig::Digits(setup) => digits::with_digits(setup, recipe.train.seed, source, need, then),
        TaskConfig::Sts(setup) => sts::with_sts(setup, source, need, then),
    }
}
