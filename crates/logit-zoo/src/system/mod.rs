//! Systems, and the tasks that they are trained by.
//!
//! A `System` is a network and what it takes to ask it: how an input is read, becomes tensors, is answered and shown. It
//! needs its recipe and what a run keeps, and no data. Whatever asks a network is one generic function over it.
//!
//! A `Task` is a system with its data: what is learned, in which order, and what the network is worth. The trainer, the
//! evaluation and the report know nothing else.
//!
//! `with_system` is the one place that turns a recipe into either.

pub(crate) mod answer;
pub mod digits;
mod error;
pub(crate) mod explained;
pub mod images;
mod judgement;
pub mod pairs;
pub mod predict;
pub mod segmentation;
pub mod sts;
pub mod table;
mod view;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use burn::module::{Module, ParamId};
use burn::tensor::{Device, Tensor};
use logit::explain::Array;
use logit::metrics;
use logit::tape::{Tape, Taped};
use logit::{HeadError, Kind, Logits};
use logit_spec::Finding;

pub use error::SystemError;
use explained::{Asked, Inputs, Located, Started, Wish, on_picture};
pub use judgement::Judgement;
pub(crate) use judgement::{confusion, reliability};
pub(crate) use logit_run::{Goal, Scores, metric_name};
pub(crate) use predict::Predictions;
pub(crate) use view::{MapView, View};

use crate::data::epoch_order;
use crate::error::ZooError;
use crate::models::Graded;
use crate::models::parameters;
use crate::page::Fact;
use crate::recipe::{Recipe, TaskConfig};
use crate::run::{
    Calibration, Checkpoint, DataSource, MAX_CHECKPOINT_BYTES, Outside, RunDir, TrainedRun as _, Use,
    best_of, check_best,
};
use crate::telemetry::{Facts, Input, Subject};

/// A network, and what it takes to ask it.
pub(crate) trait System: Sized + Sync + 'static {
    /// The network.
    type Net: Module + Taped<Output: Rows>;
    /// What one answer is given to: an image, a row, a tile.
    type Asked;
    /// What is answered.
    type Answer;

    /// Whether what is predicted is written to files.
    const WRITES: bool = false;

    /// A network with its first weights.
    fn network(&self, device: &Device) -> Result<Self::Net, ZooError>;

    /// The weights of the last layer.
    fn head(&self, net: &Self::Net) -> ParamId;

    /// What the last layer is for, and the loss on it.
    fn subject(&self) -> Subject;

    /// The names of the last layer's units.
    fn units(&self) -> Vec<String>;

    /// Keeps in the folder of a new run what the system is made from beside the recipe, and what was found in the data.
    fn keep(&self, _run: &RunDir) -> Result<(), ZooError> {
        Ok(())
    }

    /// The files that it was made from, and that are neither in the run's folder nor its data.
    fn outside(&self) -> Vec<Outside<'_>> {
        Vec::new()
    }

    /// Reads inputs, as files or sentences, in batches that the network can be shown at once.
    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError>;

    /// An input of nothing, such as a black image: what the network is shown where only its steps and their shapes matter.
    fn blank(&self) -> Self::Asked;

    /// A batch as the network takes it.
    fn tensors(&self, batch: &[Self::Asked], device: &Device) -> <Self::Net as Taped>::Input;

    /// The logits of a batch, as many for each of it, in inference mode.
    fn logits(&self, net: &Self::Net, batch: &[Self::Asked], device: &Device) -> Result<Vec<f32>, ZooError> {
        net.forward(self.tensors(batch, device)).rows()
    }

    /// What is said of an input whose logits these are.
    fn answer(
        &self,
        asked: &Self::Asked,
        logits: &[f32],
        calibration: &Calibration,
    ) -> Result<Self::Answer, ZooError>;

    /// What errors call an input: its file, its row.
    fn name(&self, asked: &Self::Asked) -> String;

    /// An input for people to see.
    fn show(&self, asked: &Self::Asked) -> Input;

    /// Whether each of the network's inputs has a row per sample, so that several can be explained together.
    const TOGETHER: bool = true;

    /// What the network's inputs are, to those who explain it.
    fn inputs(&self) -> Inputs;

    /// What of an input's logits is explained, `[1, K]` or `[1, K, H, W]`; none where this part of it has nothing of the kind.
    fn start(
        &self,
        _asked: &Self::Asked,
        logits: &Array<f32>,
        wish: &Wish,
        _calibration: &Calibration,
    ) -> Result<Option<Started>, ZooError> {
        let graded = self.graded(&logits.numbers);
        let asked = Asked { answer: self.subject().answer, units: &self.units(), wish, graded };
        asked.started(logits).map(Some)
    }

    /// Where the answer is a grade: the grade, and how it changes with each logit.
    fn graded(&self, _logits: &[f32]) -> Option<Graded> {
        None
    }

    /// The relevance of the network's inputs, by their names, where people see it.
    fn located(&self, asked: &Self::Asked, relevance: &[(String, Array<f32>)]) -> Located {
        on_picture(&self.show(asked), relevance)
    }

    /// Of each pixel, whether it is ink; none where inputs are no drawings.
    fn ink(&self, _asked: &Self::Asked) -> Option<Vec<bool>> {
        None
    }

    /// Whether nothing more of the same input comes after this.
    fn is_last(&self, _asked: &Self::Asked) -> bool {
        true
    }

    /// Whether something is fitted on the validation part once training is over.
    fn is_calibrated(&self) -> bool {
        false
    }

    /// What takes the answers, and writes those that are written.
    fn answers<'a>(&'a self, to: &Request<'a>) -> Result<Box<dyn Answers<Self> + 'a>, ZooError>;
}

/// What a system is asked, and where its answers go.
pub(crate) struct Request<'a> {
    /// The run whose system it is.
    pub(crate) run: &'a RunDir,
    pub(crate) inputs: &'a [OsString],
    /// Where files are written to, unless to a place of the system's choice.
    pub(crate) out: Option<&'a Path>,
}

/// Inputs as they are read, batch by batch.
pub(crate) type Batches<'a, S> = Box<dyn Iterator<Item = Result<Vec<<S as System>::Asked>, ZooError>> + 'a>;

/// Takes answers, one after the other.
pub(crate) trait Answers<S: System> {
    /// Takes the answer to an input.
    fn take(&mut self, asked: S::Asked, answer: S::Answer) -> Result<(), ZooError>;

    /// All of them, as far as they are not in files.
    fn finish(self: Box<Self>) -> Result<Predictions, ZooError>;
}

/// Answers that are kept as they are.
pub(crate) struct Kept<A> {
    all: Vec<A>,
    then: fn(Vec<A>) -> Predictions,
}

impl<A> Kept<A> {
    /// None yet; `then` makes predictions of all.
    pub(crate) fn new(then: fn(Vec<A>) -> Predictions) -> Self {
        Self { all: Vec::new(), then }
    }
}

impl<A, S: System<Answer = A>> Answers<S> for Kept<A> {
    fn take(&mut self, _: S::Asked, answer: A) -> Result<(), ZooError> {
        self.all.push(answer);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Predictions, ZooError> {
        Ok((self.then)(self.all))
    }
}

/// What networks give, as numbers.
pub(crate) trait Rows {
    /// The logits row by row, those of each position of a map a row.
    fn rows(self) -> Result<Vec<f32>, ZooError>;
}

impl<K: Kind, const D: usize> Rows for Logits<K, D> {
    fn rows(self) -> Result<Vec<f32>, ZooError> {
        Ok(metrics::rows(&self.into_tensor())?)
    }
}

impl<R: Rows> Rows for Result<R, HeadError> {
    fn rows(self) -> Result<Vec<f32>, ZooError> {
        self?.rows()
    }
}

/// The most parameters of a network. With twice as many numbers of an optimiser beside them, a checkpoint of so many is what
/// is still read.
pub const MOST_PARAMETERS: u64 = MAX_CHECKPOINT_BYTES / (4 * 4);

/// A system's network with its first weights, which are not drawn before they are used, if there are not too many.
pub(crate) fn network<S: System>(system: &S, device: &Device) -> Result<S::Net, ZooError> {
    let net = system.network(device)?;
    match parameters(&net) {
        0..=MOST_PARAMETERS => Ok(net),
        many => Err(ZooError::Usage(format!(
            "the network would have {many} parameters, and at most {MOST_PARAMETERS} can be trained: make it smaller, by \
             fewer or narrower layers (`model` in the recipe)"
        ))),
    }
}

/// A system's network with the best weights of a run, if they belong to the run's recipe and files; and their checkpoint.
pub(crate) fn best<S: System>(
    system: &S,
    run: &RunDir,
    device: &Device,
) -> Result<(S::Net, Checkpoint), ZooError> {
    let path = run.best_path();
    let checkpoint = best_of(run)?;
    if let Some(bound) = &checkpoint.bound {
        bound.check(run, &run.recipe()?, &path, Use::Ask)?;
    }
    check_best(run, &checkpoint)?;
    Ok((checkpoint.apply(network(system, device)?, &path)?, checkpoint))
}

/// The same, and what was fitted for these weights.
pub(crate) fn calibrated<S: System>(
    system: &S,
    run: &RunDir,
    device: &Device,
) -> Result<(S::Net, Calibration), ZooError> {
    let (net, checkpoint) = best(system, run, device)?;
    Ok((net, run.calibration(&checkpoint)?))
}

/// The inputs as paths.
pub(crate) fn paths(inputs: &[OsString]) -> impl Iterator<Item = PathBuf> + use<'_> {
    inputs.iter().map(PathBuf::from)
}

/// A path as text; what is no UTF-8 in it is replaced.
fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// A system, and the data that it learns from and is judged on.
pub(crate) trait Task: Sized + Sync + 'static {
    /// The system.
    type System: System;
    /// What a step is computed on.
    type Batch: Send;

    /// Reads the data, and sees whether data, network and loss fit each other.
    fn read(system: Self::System, from: &Reading<'_>) -> Result<Self, ZooError>;

    /// The system.
    fn system(&self) -> &Self::System;

    /// Samples to learn from.
    fn samples(&self) -> u32;

    /// The order in which an epoch goes through them.
    fn order(&self, seed: u64, epoch: u64) -> Vec<u32> {
        epoch_order(self.samples(), seed, epoch)
    }

    /// Some of the samples, ready for the network; `seed` decides all that is random about them.
    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Self::Batch, ZooError>;

    /// The loss of a batch, in training mode, told to a tape as it is computed.
    fn pass(&self, net: &NetOf<Self>, batch: Self::Batch, tape: &mut Tape) -> Result<Pass, ZooError>;

    /// A sample of the training part to be shown, and what is true of it; none where another stands in its row each time, of
    /// which a [`view`](Self::view) tells.
    fn sample(&self, row: u32) -> Result<Option<(AskedOf<Self>, String)>, ZooError>;

    /// What a pass over a batch is shown of the sample at a place of it, where that differs from pass to pass.
    fn view(&self, _batch: &Self::Batch, _place: usize) -> Option<View> {
        None
    }

    /// The network after an update, held to what it must keep.
    fn constrained(&self, net: NetOf<Self>) -> NetOf<Self> {
        net
    }

    /// The metric that decides which weights are kept.
    fn goal(&self) -> Goal;

    /// The metric that the training loss is too, on other samples; none where the loss is of its own kind.
    fn loss_metric(&self) -> Option<&'static str> {
        Some("log_loss")
    }

    /// What turns logits into better probabilities and decisions, fitted on the validation part.
    fn calibrated(&self, _net: &NetOf<Self>, _device: &Device) -> Result<Calibration, ZooError> {
        Ok(Calibration::None)
    }

    /// What the network is worth on a part, in inference mode.
    fn judge(
        &self,
        net: &NetOf<Self>,
        part: JudgedPart,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError>;

    /// The first samples of the test part, for studies of explanations; none where nothing tells what they should find.
    fn explicable(&self, _count: usize) -> Result<Vec<Explicable<AskedOf<Self>>>, ZooError> {
        Ok(Vec::new())
    }

    /// Keeps in the run's folder which samples it is tested on, where nothing else tells them.
    fn keep(&self, _run: &RunDir) -> Result<(), ZooError> {
        Ok(())
    }

    /// What reading the data showed.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// What a report says of the data and the network.
    fn facts(&self) -> Vec<Fact>;
}

/// The network of a task.
pub(crate) type NetOf<T> = <<T as Task>::System as System>::Net;

/// What the system of a task is asked.
pub(crate) type AskedOf<T> = <<T as Task>::System as System>::Asked;

/// A sample to be explained, and masks of its pixels by name: where what decides lies, or where nothing does.
pub(crate) struct Explicable<A> {
    pub(crate) asked: A,
    pub(crate) masks: Vec<(&'static str, Vec<bool>)>,
}

/// A part of the data that networks are judged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JudgedPart {
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

/// Which parts of the data are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// All of it.
    All,
    /// The test part alone.
    Test,
}

impl Need {
    /// The first of the parts that is needed and holds nothing, by name.
    pub(crate) fn missing(self, [train, validation, test]: [usize; 3]) -> Option<&'static str> {
        let parts = [("training", train), ("validation", validation), ("test", test)];
        let mut needed = parts.into_iter().skip(if self == Self::All { 0 } else { 2 });
        needed.find(|(_, samples)| *samples == 0).map(|(part, _)| part)
    }
}

/// Which data is read, and what for.
pub(crate) struct Reading<'a> {
    /// Where it comes from.
    pub(crate) source: &'a DataSource,
    /// The seed of the run that it is for.
    pub(crate) seed: u64,
    /// Which parts of it are needed.
    pub(crate) need: Need,
    /// Whether it is what the run is trained on; anything else is a test as a whole where it has no test part.
    pub(crate) own: bool,
    /// The folder of the run.
    pub(crate) run: &'a Path,
}

impl<'a> Reading<'a> {
    /// All of a run's own data, for its training.
    pub(crate) fn to_train(recipe: &Recipe, source: &'a DataSource, run: &'a RunDir) -> Self {
        Self { source, seed: recipe.train.seed, need: Need::All, own: true, run: run.path() }
    }

    /// What a run is judged on.
    pub(crate) fn to_judge(
        recipe: &Recipe,
        source: &'a DataSource,
        run: &'a RunDir,
    ) -> Result<Self, ZooError> {
        let own = run.about()?.data == Some(source.absolute()?);
        Ok(Self { source, seed: recipe.train.seed, need: Need::Test, own, run: run.path() })
    }
}

/// What a system is made from beside its recipe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    /// What a run keeps.
    Run(&'a RunDir),
    /// The data of a run to be.
    Data(&'a DataSource),
}

/// Something to do with a system, whatever its type and that of its task.
pub(crate) trait WithSystem {
    type Output;

    fn call<T: Task>(self, system: T::System) -> Result<Self::Output, ZooError>;
}

/// Calls `then` with the system of a recipe.
pub(crate) fn with_system<W: WithSystem>(
    recipe: &Recipe,
    origin: Origin<'_>,
    then: W,
) -> Result<W::Output, ZooError> {
    match recipe.task.clone() {
        TaskConfig::Digits(setup) => digits::with_digits(setup, then),
        TaskConfig::Images(setup) => images::with_images(setup, origin, then),
        TaskConfig::Pairs(setup) => pairs::with_pairs(setup, then),
        TaskConfig::Segmentation(setup) => segmentation::with_segmentation(setup, then),
        TaskConfig::Sts(setup) => sts::with_sts(setup, origin, then),
        TaskConfig::Table(setup) => table::with_table(setup, origin, then),
    }
}
