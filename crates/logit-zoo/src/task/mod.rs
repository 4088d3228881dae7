//! Tasks: what a recipe trains, as the trainer sees it.
//!
//! A task owns its data and knows its network, its loss and its metrics. The trainer, the evaluation and the report
//! know nothing else. `with_task` turns a recipe and a source of data into one.

pub(crate) mod answer;
pub mod digits;
pub(crate) mod images;
mod judgement;
pub mod pairs;
pub(crate) mod segmentation;
pub mod sts;
pub(crate) mod table;

use burn::module::{Module, ParamId};
use burn::tensor::{Device, Tensor};
use logit::tape::Tape;
use logit_spec::Finding;

pub use judgement::Judgement;
pub(crate) use judgement::{confusion, reliability};
pub use logit_run::{Goal, Scores, metric_name};
pub use table::{Chosen, chosen};

use crate::data::epoch_order;
use crate::data::table::Schema;
use crate::error::ZooError;
use crate::recipe::{Recipe, TaskConfig};
use crate::report::Fact;
use crate::run::{Calibration, DataSource, Found, RunDir};
use crate::telemetry::{Facts, Sample, Subject};

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

    /// The loss of a batch, in training mode, told to a tape as it is computed.
    fn pass(&self, net: &Self::Net, batch: Self::Batch, tape: &mut Tape) -> Result<Pass, ZooError>;

    /// What the last layer is for, and the loss on it.
    fn subject(&self) -> Subject;

    /// The names of the last layer's units.
    fn units(&self) -> Vec<String>;

    /// A sample of the training part, to be shown.
    fn sample(&self, row: u32) -> Result<Option<Sample>, ZooError>;

    /// The weights of the last layer.
    fn head(&self, net: &Self::Net) -> ParamId;

    /// The network after an update, held to what it must keep.
    fn constrained(&self, net: Self::Net) -> Self::Net {
        net
    }

    /// The metric that decides which weights are kept.
    fn goal(&self) -> Goal;

    /// The metric that the training loss is too, on other samples; none where the loss is of its own kind.
    fn loss_metric(&self) -> Option<&'static str> {
        Some("log_loss")
    }

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

    /// What reading the data showed.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }

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
    /// What the output showed, where the pass was told to a tape.
    pub(crate) facts: Option<Facts>,
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

/// Reads the data and calls `then` with the task of a run's recipe.
pub(crate) fn with_task<W: WithTask>(
    recipe: &Recipe,
    source: &DataSource,
    run: &RunDir,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    let seed = recipe.train.seed;
    match &recipe.task {
        TaskConfig::Digits(setup) => digits::with_digits(setup, seed, source, need, then),
        TaskConfig::Images(setup) => images::with_images(setup, seed, source, run, need, then),
        TaskConfig::Pairs(setup) => pairs::with_pairs(setup, seed, source, then),
        TaskConfig::Segmentation(setup) => {
            segmentation::with_segmentation(setup, seed, source, Some(run), need, then)
        }
        TaskConfig::Sts(setup) => sts::with_sts(setup, source, need, then),
        TaskConfig::Table(setup) => table::with_table(setup, seed, source, run, need, then),
    }
}

/// What is settled about the data before a run begins.
pub(crate) struct Prepared {
    schema: Option<Schema>,
    findings: Vec<Found>,
}

/// Sees whether data, network and loss fit each other.
pub(crate) fn prepare(recipe: &Recipe, source: &DataSource) -> Result<Prepared, ZooError> {
    let seed = recipe.train.seed;
    match &recipe.task {
        TaskConfig::Digits(setup) => digits::with_digits(setup, seed, source, Need::All, Fits)?,
        TaskConfig::Pairs(setup) => pairs::with_pairs(setup, seed, source, Fits)?,
        TaskConfig::Segmentation(setup) => {
            segmentation::with_segmentation(setup, seed, source, None, Need::All, Fits)?;
        }
        TaskConfig::Sts(setup) => sts::with_sts(setup, source, Need::All, Fits)?,
        TaskConfig::Images(setup) => {
            let (schema, findings) = images::prepared(setup, source)?;
            return Ok(Prepared { schema: Some(schema), findings });
        }
        TaskConfig::Table(setup) => {
            let (schema, findings) = table::prepared(setup, source)?;
            return Ok(Prepared { schema: Some(schema), findings });
        }
    }
    Ok(Prepared { schema: None, findings: Vec::new() })
}

impl Prepared {
    /// Keeps it in the folder of the run.
    pub(crate) fn keep(&self, run: &RunDir) -> Result<(), ZooError> {
        if let Some(schema) = &self.schema {
            table::keep(run, schema)?;
        }
        Ok(run.add_findings(self.findings.iter().cloned())?)
    }
}

struct Fits;

impl WithTask for Fits {
    type Output = ();

    fn call<T: Task>(self, _: T) -> Result<(), ZooError> {
        Ok(())
    }
}
