//! How a loss of the table is run: on numbers, on any kind that it takes.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use logit::loss::Loss;
use logit::{Logits, LossError};
use logit_spec::Answer;
use serde_json::Value;

/// A loss of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Its entries in logit-spec.
    pub(crate) specs: Vec<logit_spec::Loss>,
    /// Its file of the oracle.
    pub(crate) fixture: &'static str,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) run: Run,
    /// Reads options, writes them as TOML and as JSON, and reads them again.
    pub(crate) round_trip: fn(&Value) -> Result<(), String>,
}

/// A loss with its options, on a kind.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) units: usize,
    pub(crate) targets: Targets,
    pub(crate) kind: Kind,
    pub(crate) options: Value,
    run: Run,
}

/// Runs the loss with such options on a batch.
pub(crate) type Run = fn(&Value, &Batch) -> Result<Outcome, LossError>;

/// Logits and targets as numbers.
pub(crate) struct Batch {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    pub(crate) logits: Vec<f64>,
    pub(crate) dtype: DType,
    pub(crate) target_shape: Vec<usize>,
    pub(crate) targets: Vec<f64>,
    pub(crate) target_dtype: DType,
    /// What the loss of each position or entry is multiplied by, where these are asked for.
    pub(crate) cotangent: Option<Vec<f64>>,
}

/// What a loss gave, and the gradient that reached the logits.
pub(crate) struct Outcome {
    /// The loss, or the losses.
    pub(crate) values: Vec<f64>,
    pub(crate) gradient: Vec<f64>,
    /// The loss as one number.
    pub(crate) loss: Loss,
}

impl Outcome {
    /// The loss as one number.
    pub(crate) fn value(&self) -> f64 {
        self.values[0]
    }
}

/// A kind of answer with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Classes(usize),
    YesNo,
    Labels(usize),
    Values(usize),
    Gaussian(usize),
    Quantiles(usize, Vec<f64>),
    Grades { low: f64, high: f64, steps: usize },
    Coral { low: f64, high: f64, steps: usize },
    Corn { low: f64, high: f64, steps: usize },
}

impl Kind {
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Classes(_) => Answer::Classes,
            Self::YesNo => Answer::YesNo,
            Self::Labels(_) => Answer::Labels,
            Self::Values(_) | Self::Gaussian(_) | Self::Quantiles(..) => Answer::Values,
            Self::Grades { .. } | Self::Coral { .. } | Self::Corn { .. } => Answer::Grades,
        }
    }

    fn units(&self) -> usize {
        match self {
            Self::YesNo => 1,
            Self::Classes(count) | Self::Labels(count) | Self::Values(count) => *count,
            Self::Gaussian(count) => 2 * count,
            Self::Quantiles(count, levels) => count * levels.len(),
            Self::Grades { steps, .. } => *steps,
            Self::Coral { steps, .. } | Self::Corn { steps, .. } => steps - 1,
        }
    }

    fn targets(&self) -> Targets {
        match self {
            Self::Classes(count) => Targets::Class(*count),
            Self::YesNo => Targets::Share(1),
            Self::Labels(count) => Targets::Share(*count),
            Self::Values(count) | Self::Gaussian(count) | Self::Quantiles(count, _) => Targets::Real(*count),
            Self::Grades { .. } | Self::Coral { .. } | Self::Corn { .. } => Targets::Grade,
        }
    }
}

/// What a kind takes as targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Targets {
    /// A class index per row, below so many.
    Class(usize),
    /// A number in [0, 1] per unit.
    Share(usize),
    /// So many real numbers per row.
    Real(usize),
    /// A grade in [0, 5] per row.
    Grade,
}

impl Targets {
    /// Numbers per row.
    pub(crate) fn columns(self) -> usize {
        match self {
            Self::Class(_) | Self::Grade => 1,
            Self::Share(columns) | Self::Real(columns) => columns,
        }
    }

    /// A target from a number in [0, 1).
    pub(crate) fn at_share(self, unit: f64) -> f64 {
        match self {
            Self::Class(classes) => (unit * classes as f64).floor(),
            Self::Share(_) => unit.round(),
            Self::Real(_) => 4.0 * unit - 2.0,
            Self::Grade => 5.0 * unit,
        }
    }

    /// Whether some value marks targets that do not count.
    pub(crate) fn can_be_ignored(self) -> bool {
        matches!(self, Self::Class(_) | Self::Share(_))
    }
}

impl Subject {
    pub(crate) fn new(name: &'static str, options: Value, kind: Kind, run: Run) -> Self {
        Self { name, units: kind.units(), targets: kind.targets(), kind, options, run }
    }

    fn has(&self, option: &str) -> bool {
        self.options.get(option).is_some()
    }

    /// Whether adding a number to all logits of a row changes nothing.
    pub(crate) fn is_softmax(&self) -> bool {
        let softmax = matches!(self.kind, Kind::Classes(_) | Kind::Grades { .. });
        softmax && !self.has("z_loss") && !self.has("soft_cap")
    }

    /// Whether the classes may change places.
    pub(crate) fn is_symmetric(&self) -> bool {
        matches!(self.kind, Kind::Classes(_)) && !self.has("weight")
    }

    /// Whether each sample counts, with targets or without.
    pub(crate) fn is_per_sample(&self) -> bool {
        self.has("per_sample")
    }

    /// The loss and its gradient, of logits and targets given row after row.
    pub(crate) fn try_run(
        &self,
        logits: &[f64],
        targets: &[f64],
        dtype: DType,
    ) -> Result<Outcome, LossError> {
        let rows = targets.len() / self.targets.columns();
        let target_shape = match self.targets {
            Targets::Class(_) | Targets::Grade => vec![rows],
            Targets::Share(columns) | Targets::Real(columns) => vec![rows, columns],
        };
        let batch = Batch {
            kind: self.kind.clone(),
            shape: vec![logits.len() / self.units, self.units],
            logits: logits.to_vec(),
            dtype,
            target_shape,
            targets: targets.to_vec(),
            target_dtype: DType::F64,
            cotangent: None,
        };
        (self.run)(&self.options, &batch)
    }

    pub(crate) fn run(&self, logits: &[f64], targets: &[f64], dtype: DType) -> Outcome {
        self.try_run(logits, targets, dtype).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

impl Batch {
    /// The logits, tracked.
    pub(crate) fn raw<const D: usize>(&self) -> Tensor<D> {
        tensor(&self.shape, &self.logits, self.dtype).require_grad()
    }

    pub(crate) fn dense<const D: usize>(&self) -> Tensor<D> {
        tensor(&self.target_shape, &self.targets, self.target_dtype)
    }

    pub(crate) fn index<const D: usize>(&self) -> Tensor<D, Int> {
        let whole: Vec<i64> = self.targets.iter().map(|value| *value as i64).collect();
        Tensor::from_data(TensorData::new(whole, self.target_shape.clone()), &device())
    }

    /// Whether the targets have no axis of units: class indices, grades.
    pub(crate) fn has_flat_targets(&self) -> bool {
        self.target_shape.len() < self.shape.len()
    }

    pub(crate) fn one<const D: usize>(raw: &Tensor<D>, loss: Loss) -> Outcome {
        let gradient = raw.grad(&loss.backward()).expect("the loss depends on its logits");
        Outcome { values: read(loss.value.clone()), gradient: read(gradient), loss }
    }

    pub(crate) fn each<const D: usize, const R: usize>(&self, raw: &Tensor<D>, losses: Tensor<R>) -> Outcome {
        let cotangent = self.cotangent.as_deref().unwrap_or_default();
        let values = read(losses.clone());
        let value = (losses.clone() * tensor::<R>(&losses.dims(), cotangent, self.dtype)).sum();
        let loss = Loss { value, counted: values.len(), finding: None };
        Outcome { values, ..Self::one(raw, loss) }
    }
}

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

fn tensor<const D: usize>(shape: &[usize], numbers: &[f64], dtype: DType) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape.to_vec()), (&device(), dtype))
}

pub(crate) fn floats<const D: usize>(numbers: &[f64], shape: [usize; D], dtype: DType) -> Tensor<D> {
    tensor(&shape, numbers, dtype)
}

pub(crate) fn indices<const D: usize>(numbers: &[f64], shape: [usize; D]) -> Tensor<D, Int> {
    let whole: Vec<i64> = numbers.iter().map(|value| *value as i64).collect();
    Tensor::from_data(TensorData::new(whole, shape), &device())
}

pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as::<f64>().expect("a tensor of the CPU can be read")
}

pub(crate) fn logits<K: logit::Kind, const D: usize>(raw: &Tensor<D>, kind: K) -> Logits<K, D> {
    Logits::new(raw.clone(), kind).expect("the logits fit the kind")
}

/// A row of the table; `on` names the kinds that the loss takes.
macro_rules! row {
    ($loss:ident on $kinds:ident, [$($spec:ident),+], $fixture:literal, [$($name:literal: $options:tt, $kind:expr;)+]) => {{
        let run: super::harness::Run = |options, batch| {
            let loss: $loss = serde_json::from_value(options.clone()).expect("options of the loss");
            super::harness::on!($kinds, loss, batch)
        };
        Row {
            name: stringify!($loss),
            specs: vec![$(logit_spec::Loss::$spec),+],
            fixture: $fixture,
            subjects: vec![$(Subject::new($name, serde_json::json!($options), $kind, run)),+],
            run,
            round_trip: super::harness::round_trip::<$loss>,
        }
    }};
}

/// Runs a loss on the kind of a batch, which is one of those named.
macro_rules! on {
    (regions, $loss:ident, $batch:ident) => {
        match $batch.kind {
            Kind::Classes(_) => super::harness::on!(classes, $loss, $batch),
            _ => super::harness::on!(labels, $loss, $batch),
        }
    };
    (classes, $loss:ident, $batch:ident) => {
        match &$batch.kind {
            Kind::Classes(count) if $batch.has_flat_targets() => {
                super::harness::at_rank!($loss, $batch, logit::Classes::new(*count), index)
            }
            Kind::Classes(count) => {
                super::harness::at_rank!($loss, $batch, logit::Classes::new(*count), dense)
            }
            kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (labels, $loss:ident, $batch:ident) => {
        match &$batch.kind {
            Kind::Labels(count) => super::harness::at_rank!($loss, $batch, logit::Labels::new(*count), dense),
            Kind::YesNo => super::harness::at_rank!($loss, $batch, logit::YesNo, dense),
            kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (values, $loss:ident, $batch:ident) => {
        match &$batch.kind {
            Kind::Values(count) => super::harness::at_rank!($loss, $batch, logit::Values::new(*count), dense),
            kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (gaussian, $loss:ident, $batch:ident) => {
        match &$batch.kind {
            Kind::Gaussian(count) => {
                super::harness::at_rank!($loss, $batch, logit::Values::gaussian(*count), dense)
            }
            kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (quantiles, $loss:ident, $batch:ident) => {
        match &$batch.kind {
            Kind::Quantiles(count, levels) => {
                super::harness::at_rank!($loss, $batch, logit::Values::quantiles(*count, levels), dense)
            }
            kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (grades, $loss:ident, $batch:ident) => {
        match $batch.kind {
            Kind::Grades { low, high, steps } => {
                super::harness::at_rank!($loss, $batch, logit::Grades::new(low, high, steps), flat)
            }
            ref kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (coral, $loss:ident, $batch:ident) => {
        match $batch.kind {
            Kind::Coral { low, high, steps } => {
                super::harness::at_rank!($loss, $batch, logit::Grades::coral(low, high, steps), flat)
            }
            ref kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (corn, $loss:ident, $batch:ident) => {
        match $batch.kind {
            Kind::Corn { low, high, steps } => {
                super::harness::at_rank!($loss, $batch, logit::Grades::corn(low, high, steps), flat)
            }
            ref kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
    (whole_batch, $loss:ident, $batch:ident) => {
        match $batch.kind {
            Kind::Grades { low, high, steps } => {
                let raw = $batch.raw::<2>();
                let logits = super::harness::logits(&raw, logit::Grades::new(low, high, steps));
                Ok($crate::harness::Batch::one(&raw, $loss.forward(logits, $batch.dense::<1>())?))
            }
            ref kind => panic!("{} on {kind:?}", stringify!($loss)),
        }
    };
}

/// Runs a loss at the rank of the batch; targets are class indices (`index`) or numbers (`flat`) of one rank less than
/// the logits, or numbers of their rank (`dense`).
macro_rules! at_rank {
    ($loss:ident, $batch:ident, $kind:expr, $targets:ident) => {
        match $batch.shape.len() {
            2 => super::harness::at_rank!(@ $loss, $batch, $kind, $targets, 2, 1),
            3 => super::harness::at_rank!(@ $loss, $batch, $kind, $targets, 3, 2),
            4 => super::harness::at_rank!(@ $loss, $batch, $kind, $targets, 4, 3),
            rank => panic!("no test has logits of rank {rank}"),
        }
    };
    (@ $loss:ident, $batch:ident, $kind:expr, $targets:ident, $rank:literal, $less:literal) => {{
        let raw = $batch.raw::<$rank>();
        let logits = super::harness::logits(&raw, $kind);
        let targets = super::harness::at_rank!(@targets $batch, $targets, $rank, $less);
        Ok(match $batch.cotangent {
            Some(_) => $batch.each(&raw, $loss.forward_no_reduction(logits, targets)?),
            None => $crate::harness::Batch::one(&raw, $loss.forward(logits, targets)?),
        })
    }};
    (@targets $batch:ident, index, $rank:literal, $less:literal) => { $batch.index::<$less>() };
    (@targets $batch:ident, flat, $rank:literal, $less:literal) => { $batch.dense::<$less>() };
    (@targets $batch:ident, dense, $rank:literal, $less:literal) => { $batch.dense::<$rank>() };
}

pub(crate) use {at_rank, on, row};

/// Reads a loss from its options, writes it as TOML and as JSON, and reads it again.
pub(crate) fn round_trip<L>(options: &Value) -> Result<(), String>
where
    L: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let loss: L = serde_json::from_value(options.clone()).map_err(|error| error.to_string())?;
    let toml = toml::to_string(&loss).unwrap();
    assert_eq!(toml::from_str::<L>(&toml).unwrap(), loss, "{toml}");
    let json = serde_json::to_string(&loss).unwrap();
    assert_eq!(serde_json::from_str::<L>(&json).unwrap(), loss, "{json}");
    Ok(())
}
