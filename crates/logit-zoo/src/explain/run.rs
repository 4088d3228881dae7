//! Inputs shown to a run's network, and each of its passes walked back.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use logit::explain::account::apart;
use logit::explain::explainer::Place;
use logit::explain::method::{Method, PreparedMethod};
use logit::explain::{self, Array, ExplainError, Pass, Relevances, Target};
use logit::graph::Graph;
use logit::tape::{Tape, Taped, Watch};
use logit_spec::At;

use super::measured::measured;
use super::method::methods;
use super::{Explained, Mapped, Measures};
use crate::error::ZooError;
use crate::recipe::TaskConfig;
use crate::run::{Calibration, RunDir, TrainedRun as _};
use crate::system::explained::{Located, Part, Started, Wish, over_channels};
use crate::system::predict::check_finite;
use crate::system::{Batches, Origin, Rows, System, Task, WithSystem, calibrated, with_system};

/// Inputs that are explained together, at most.
const TOGETHER: usize = 64;

/// Endings of pictures that a folder is searched for.
const PICTURES: [&str; 3] = ["png", "jpg", "jpeg"];

/// Files of a folder that are explained, at most.
const MOST_FILES: usize = 100_000;

/// Explains what a run's network says of inputs, which are taken as `predict` takes them; `each` gets them one by one, and may
/// end it.
///
/// # Errors
/// An input cannot be read, or the run has no checkpoint; what is asked for is not there; a step has no rule; numbers are
/// not finite.
pub fn run(
    run: &RunDir,
    inputs: &[OsString],
    wish: &Wish,
    each: &mut dyn FnMut(Explained) -> ControlFlow<()>,
) -> Result<(), ZooError> {
    struct Explain<'a> {
        run: &'a RunDir,
        inputs: &'a [OsString],
        wish: &'a Wish,
        each: &'a mut dyn FnMut(Explained) -> ControlFlow<()>,
    }

    impl WithSystem for Explain<'_> {
        type Output = ();

        fn call<T: Task>(self, system: T::System) -> Result<(), ZooError> {
            let Self { run, inputs, wish, each } = self;
            let mut nothing = None;
            let mut told = |explained: Result<Explained, ZooError>| match explained {
                Ok(explained) => each(explained),
                Err(error) => {
                    nothing = Some(error);
                    ControlFlow::Break(())
                }
            };
            Explaining::new(&system, run, wish)?.all(system.read(inputs)?, &mut told)?;
            nothing.map_or(Ok(()), Err)
        }
    }

    let recipe = run.recipe()?;
    with_system(&recipe, Origin::Run(run), Explain { run, inputs, wish, each })
}

/// The inputs that were named: a folder stands for the pictures in it, in order, where the run is of pictures.
///
/// # Errors
/// A folder cannot be read, or has no picture, or too many.
pub fn inputs(run: &RunDir, named: &[OsString]) -> Result<Vec<OsString>, ZooError> {
    let of_pictures = !matches!(run.recipe()?.task, TaskConfig::Table(_) | TaskConfig::Sts(_));
    let mut all = Vec::with_capacity(named.len());
    for input in named {
        let path = Path::new(input);
        if of_pictures && path.is_dir() {
            all.extend(pictures(path)?.into_iter().map(PathBuf::into_os_string));
        } else {
            all.push(input.clone());
        }
    }
    Ok(all)
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>, ZooError> {
    let unusable = |reason: String| ZooError::Usage(format!("{}: {reason}", folder.display()));
    let entries = folder.read_dir().map_err(|error| unusable(error.to_string()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unusable(error.to_string()))?.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if PICTURES.contains(&ending.as_str()) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(unusable(format!("it has more than {MOST_FILES} pictures; name fewer")));
        }
    }
    if files.is_empty() {
        return Err(unusable(format!("no picture in it: files that end in {}", PICTURES.join(", "))));
    }
    files.sort();
    Ok(files)
}

/// Takes the explanation of each input, in order, or an error where there is nothing to explain; says whether to go on.
type Each<'a> = &'a mut dyn FnMut(Result<Explained, ZooError>) -> ControlFlow<()>;

/// A run's network, and what is asked of it.
pub(crate) struct Explaining<'a, S: System> {
    system: &'a S,
    net: S::Net,
    calibration: Calibration,
    wish: &'a Wish,
    methods: Vec<(String, Method)>,
    device: Device,
    /// Methods that were prepared for the steps of a graph.
    prepared: Option<(Graph, Vec<PreparedMethod<f32>>)>,
    /// An input whose last part is still to come.
    open: Option<Explained>,
}

/// What a method says of some inputs, and the measures of its maps, where they were asked for.
type Found = (Relevances<f32>, Option<Vec<Measures>>);

/// A pass over some inputs.
struct Shown {
    graph: Graph,
    pass: Pass<f32>,
    logits: Array<f32>,
}

impl<'a, S: System> Explaining<'a, S> {
    /// The best weights of a run, and the methods that were asked for.
    pub(crate) fn new(system: &'a S, run: &RunDir, wish: &'a Wish) -> Result<Self, ZooError> {
        let device = Device::flex();
        let methods = methods(wish, &system.inputs())?;
        let (net, calibration) = calibrated(system, run, &device)?;
        Ok(Self { system, net, calibration, wish, methods, device, prepared: None, open: None })
    }

    /// Explains inputs as they are read.
    pub(crate) fn all(mut self, batches: Batches<'_, S>, each: Each<'_>) -> Result<(), ZooError> {
        let most = if S::TOGETHER { TOGETHER } else { 1 };
        let mut waiting = Vec::new();
        for batch in batches {
            waiting.extend(batch?);
            while waiting.len() >= most {
                let rest = waiting.split_off(most);
                if self.batch(std::mem::replace(&mut waiting, rest), each)?.is_break() {
                    return Ok(());
                }
            }
        }
        if !waiting.is_empty() {
            let _ended = self.batch(waiting, each)?;
        }
        Ok(())
    }

    /// Explains some inputs, each by every method.
    fn batch(&mut self, batch: Vec<S::Asked>, each: Each<'_>) -> Result<ControlFlow<()>, ZooError> {
        let shown = self.show(&batch)?;
        let starts = self.starts(&batch, &shown)?;
        let targets: Vec<Target> = starts.iter().flatten().map(|start| start.target.clone()).collect();
        // Parts of an image in which nothing is explained come alone.
        let found = if targets.is_empty() { Vec::new() } else { self.found(&batch, &shown, &targets)? };
        for (at, (asked, start)) in batch.iter().zip(starts).enumerate() {
            let told = start.map(|start| self.told(asked, at, start, &shown, &found)).transpose()?;
            if self.joined(asked, told, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn show(&self, batch: &[S::Asked]) -> Result<Shown, ZooError> {
        let input = self.system.tensors(batch, &self.device);
        let (output, tape) = self.net.forward_taped(input, &Watch::new().values());
        drop(output.rows()?);
        shown(tape)
    }

    fn starts(&self, batch: &[S::Asked], shown: &Shown) -> Result<Vec<Option<Started>>, ZooError> {
        let start = |(at, asked): (usize, &S::Asked)| {
            let logits = sample(&shown.logits, at, true);
            check_finite(self.system, asked, &logits.numbers)?;
            self.system.start(asked, &logits, self.wish, &self.calibration)
        };
        batch.iter().enumerate().map(start).collect()
    }

    /// What every method says of a batch.
    fn found(
        &mut self,
        batch: &[S::Asked],
        shown: &Shown,
        targets: &[Target],
    ) -> Result<Vec<Found>, ZooError> {
        self.prepare(&shown.graph)?;
        let prepared = self.prepared.iter().flat_map(|(_, prepared)| prepared);
        let explain = |prepared: &PreparedMethod<f32>| {
            let kept: Vec<&str> = match prepared.method() {
                Method::Relevance(_) => self.wish.layer.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            let found = prepared.explain(&shown.pass, targets, &kept).map_err(refused)?;
            let measures = self.wish.measure.then(|| {
                let ink: Vec<Option<Vec<bool>>> = batch.iter().map(|asked| self.system.ink(asked)).collect();
                measured(prepared, &shown.pass, targets, &found, &ink)
            });
            Ok((found, measures.transpose().map_err(refused)?))
        };
        prepared.map(explain).collect()
    }

    /// Prepares the methods for the steps of a pass, unless they are prepared for the same.
    fn prepare(&mut self, graph: &Graph) -> Result<(), ZooError> {
        if self.prepared.as_ref().is_some_and(|(known, _)| explain::same_steps(known, graph)) {
            return Ok(());
        }
        let prepare = |(_, method): &(String, Method)| {
            let network = explain::network::<f32>(&self.net, graph).map_err(refused)?;
            method.clone().prepare(network).map_err(refused)
        };
        let prepared = self.methods.iter().map(prepare).collect::<Result<_, ZooError>>()?;
        self.prepared = Some((graph.clone(), prepared));
        Ok(())
    }

    /// The explanation of one input of a batch.
    fn told(
        &self,
        asked: &S::Asked,
        at: usize,
        start: Started,
        shown: &Shown,
        found: &[Found],
    ) -> Result<Explained, ZooError> {
        let value = match start.value {
            Some(value) => value,
            None => Target::values(std::slice::from_ref(&start.target), &sample(&shown.logits, at, true))
                .map_err(refused)?[0],
        };
        let mapped = self.methods.iter().zip(found).map(|((name, method), (found, measures))| {
            let account = &found.account;
            let of = |numbers: &[f64]| numbers.get(at).or(numbers.first()).copied().unwrap_or_default();
            let located = self.located(asked, at, found);
            // What is shown of a step has sums of its own.
            let layer = self.layer(at, found);
            let arrived = layer.as_ref().map_or_else(|| of(&account.arrived), Array::sum);
            let lowest = layer.as_ref().and_then(Array::lowest).unwrap_or_else(|| of(&account.lowest));
            let started = of(&account.started);
            Mapped {
                rule: name.clone(),
                located,
                started,
                arrived,
                error: conserves(method).then(|| apart(arrived, started)),
                lowest,
                measures: measures.as_ref().and_then(|measures| measures.get(at)).cloned(),
                steps: account.steps.clone(),
                findings: of_sample(&found.findings, at),
            }
        });
        Ok(Explained {
            input: self.system.name(asked),
            target: start.name,
            what: start.what,
            of: start.target,
            value,
            maps: mapped.collect(),
        })
    }

    fn located(&self, asked: &S::Asked, at: usize, found: &Relevances<f32>) -> Located {
        let one = |(name, array): &(String, Array<f32>)| (name.clone(), sample(array, at, S::TOGETHER));
        let inputs: Vec<(String, Array<f32>)> = found.inputs.iter().map(one).collect();
        let of_input = self.system.located(asked, &inputs);
        match self.layer(at, found) {
            Some(layer) => of_layer(layer, of_input),
            None => of_input,
        }
    }

    /// The relevance of the step that was asked for.
    fn layer(&self, at: usize, found: &Relevances<f32>) -> Option<Array<f32>> {
        let (_, layer) = found.layers.first().filter(|_| self.wish.layer.is_some())?;
        Some(sample(layer, at, S::TOGETHER))
    }

    /// Hands an input on, once its last part was explained.
    fn joined(
        &mut self,
        asked: &S::Asked,
        told: Option<Explained>,
        each: Each<'_>,
    ) -> Result<ControlFlow<()>, ZooError> {
        match (&mut self.open, told) {
            (Some(_), Some(_)) if self.wish.layer.is_some() => {
                let name = self.system.name(asked);
                let what = format!(
                    "{name}: the image is explained in several tiles, whose steps are maps of their own: leave out `--layer`"
                );
                return Err(ZooError::Usage(what));
            }
            (Some(open), Some(told)) => add(open, told),
            (open @ None, told) => *open = told,
            (Some(_), None) => {}
        }
        if !self.system.is_last(asked) {
            return Ok(ControlFlow::Continue(()));
        }
        let explained = self.open.take().ok_or_else(|| {
            let name = self.system.name(asked);
            ZooError::Usage(format!(
                "{name}: no pixel was decided for the target, so that there is nothing to explain"
            ))
        });
        Ok(each(explained))
    }
}

/// The graph, the values and the logits of a pass.
fn shown(tape: Tape) -> Result<Shown, ZooError> {
    let incomplete = || refused(ExplainError::Network("the pass was not recorded".to_owned()));
    let graph = tape.graph().ok_or_else(incomplete)?.clone();
    let pass = tape.pass().ok_or_else(incomplete)?.map_err(refused)?;
    let (output, _) = graph.answer().ok_or_else(incomplete)?;
    let logits = pass.value(output.number()).ok_or_else(incomplete)?.clone();
    Ok(Shown { graph, pass, logits })
}

/// Adds another part of an input to what is known of it.
fn add(open: &mut Explained, more: Explained) {
    open.value += more.value;
    for (map, more) in open.maps.iter_mut().zip(more.maps) {
        map.located.add(more.located);
        map.started += more.started;
        map.arrived += more.arrived;
        map.lowest = map.lowest.min(more.lowest);
        map.error = map.error.map(|_| apart(map.arrived, map.started));
        map.findings.extend(more.findings);
    }
}

/// Whether a method's maps are to add up to what they explain.
fn conserves(method: &Method) -> bool {
    match method {
        Method::Relevance(composite) => !composite.is_gradient(),
        Method::GradientTimesInput | Method::IntegratedGradients { .. } => true,
        Method::SmoothGrad { .. } | Method::GradCam { .. } | Method::Occlusion { .. } => false,
    }
}

/// The findings of one sample, and those of all.
fn of_sample(findings: &[At<Place>], at: usize) -> Vec<At<Place>> {
    let own = findings.iter().filter(|found| found.place.sample.is_none_or(|sample| sample == at));
    own.cloned().map(|found| found.map(|place| Place { sample: None, ..place })).collect()
}

/// A sample of an array whose rows are samples; otherwise all of it.
fn sample(array: &Array<f32>, at: usize, of_samples: bool) -> Array<f32> {
    if !of_samples {
        return array.clone();
    }
    let shape: Vec<usize> = std::iter::once(1).chain(array.shape[1..].iter().copied()).collect();
    Array::new(shape, array.row(at).to_vec())
}

/// The relevance of what a step gave: a map in the place of the input's, or a part per unit.
fn of_layer(layer: Array<f32>, input: Located) -> Located {
    if let (&[_, _, height, width], Located::Map { picture, .. }) = (&layer.shape[..], input) {
        return Located::Map { picture, width, height, relevance: over_channels(&layer) };
    }
    let unit = |(unit, relevance): (usize, &f32)| Part {
        name: format!("unit {unit}"),
        value: String::new(),
        relevance: f64::from(*relevance),
    };
    Located::Parts { parts: layer.numbers.iter().enumerate().map(unit).collect() }
}

/// What was asked for cannot be had of this network; or it is the network that cannot be explained.
fn refused(error: ExplainError) -> ZooError {
    match error {
        ExplainError::UnknownStep { .. }
        | ExplainError::UnknownMethod { .. }
        | ExplainError::Method(_)
        | ExplainError::NoRule { .. }
        | ExplainError::Target(_) => ZooError::Usage(error.to_string()),
        other => ZooError::other(other),
    }
}
