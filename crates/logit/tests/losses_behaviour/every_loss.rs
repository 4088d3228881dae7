//! All losses in one list, so that a promise is tried on each of them.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use logit::loss::{
    AbsoluteLoss, BinaryCrossEntropyLoss, CoralLoss, CornLoss, CrossEntropyLoss, DiceLoss, FocalLoss,
    GaussianLoss, HuberLoss, InterpolatedKlLoss, JaccardLoss, Loss, LovaszLoss, PearsonLoss, QuantileLoss,
    SquaredLoss, TverskyLoss,
};
use logit::{Classes, Grades, Labels, Logits, LossError, Values, YesNo};

/// What a loss takes as targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Targets {
    /// A class index a row, below so many.
    Class(usize),
    /// A number in [0, 1] a unit.
    Share(usize),
    /// So many real numbers a row.
    Real(usize),
    /// A grade in [0, 5] a row.
    Grade,
}

impl Targets {
    /// Numbers a row.
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

type Forward = Box<dyn Fn(Tensor<2>, &[f64]) -> Result<Loss, LossError>>;

/// A loss with its options, on a kind.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) units: usize,
    pub(crate) targets: Targets,
    forward: Forward,
}

impl Subject {
    /// Whether adding a number to all logits of a row changes nothing.
    pub(crate) fn is_softmax(&self) -> bool {
        self.is_symmetric() || ["interpolated KL", "minus Pearson"].contains(&self.name)
    }

    /// Whether the classes may change places.
    pub(crate) fn is_symmetric(&self) -> bool {
        ["cross entropy", "Dice of classes", "Tversky of classes", "Lovász of classes"].contains(&self.name)
    }

    /// The loss of logits `[N, units]`.
    pub(crate) fn forward(&self, logits: Tensor<2>, targets: &[f64]) -> Result<Loss, LossError> {
        (self.forward)(logits, targets)
    }

    /// The loss and its gradient, of logits given row after row.
    pub(crate) fn run(&self, logits: &[f64], targets: &[f64], dtype: DType) -> Outcome {
        let raw = floats(logits, [logits.len() / self.units, self.units], dtype).require_grad();
        let loss =
            self.forward(raw.clone(), targets).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let gradient = raw.grad(&loss.backward()).expect("the loss depends on its logits");
        Outcome { value: read(loss.value.clone())[0], gradient: read(gradient), loss }
    }
}

/// What a loss gave, and the gradient that reached the logits.
pub(crate) struct Outcome {
    pub(crate) value: f64,
    pub(crate) gradient: Vec<f64>,
    pub(crate) loss: Loss,
}

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

pub(crate) fn floats<const D: usize>(numbers: &[f64], shape: [usize; D], dtype: DType) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape), (&device(), dtype))
}

pub(crate) fn indices<const D: usize>(numbers: &[f64], shape: [usize; D]) -> Tensor<D, Int> {
    let whole: Vec<i64> = numbers.iter().map(|value| *value as i64).collect();
    Tensor::from_data(TensorData::new(whole, shape), &device())
}

pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as::<f64>().expect("a tensor of the CPU can be read")
}

/// A loss on a kind, with targets as a name of [`Targets`] and what it holds.
macro_rules! subject {
    ($name:literal, $loss:expr, $kind:expr, $targets:ident $columns:tt) => {{
        let (kind, loss) = ($kind, $loss);
        let units = logit::Kind::units(&kind);
        let forward: Forward = Box::new(move |logits, numbers| {
            let logits = Logits::new(logits, kind.clone()).expect("the logits fit the kind");
            loss.forward(logits, subject!(@tensor $targets $columns, numbers))
        });
        Subject { name: $name, units, targets: subject!(@targets $targets $columns), forward }
    }};
    (@targets Grade ()) => { Targets::Grade };
    (@targets $targets:ident ($columns:literal)) => { Targets::$targets($columns) };
    (@tensor Class ($classes:literal), $numbers:ident) => { indices::<1>($numbers, [$numbers.len()]) };
    (@tensor Grade (), $numbers:ident) => { floats::<1>($numbers, [$numbers.len()], DType::F64) };
    (@tensor $dense:ident ($columns:literal), $numbers:ident) => {
        floats::<2>($numbers, [$numbers.len() / $columns, $columns], DType::F64)
    };
}

/// Every loss on every sort of kind that it takes, with all its options in some row.
pub(crate) fn every_loss() -> Vec<Subject> {
    let mut all = on_classes_and_labels();
    all.extend(on_numbers());
    all
}

#[rustfmt::skip]
fn on_classes_and_labels() -> Vec<Subject> {
    let every_option = CrossEntropyLoss::new()
        .with_weight([1.0, 0.5, 2.0]).with_label_smoothing(0.1).with_z_loss(1e-2).with_soft_cap(30.0);
    let binary = BinaryCrossEntropyLoss::new().with_pos_weight([3.0, 1.0]).with_weight([1.0, 2.0]).with_label_smoothing(0.1);
    let dice = DiceLoss::new().with_per_sample(true).with_include_absent(true).with_smooth(1.0);
    vec![
        subject!("cross entropy", CrossEntropyLoss::new(), Classes::new(3), Class(3)),
        subject!("cross entropy with every option", every_option, Classes::new(3), Class(3)),
        subject!("focal of classes", FocalLoss::new().with_weight([1.0, 0.5, 2.0]), Classes::new(3), Class(3)),
        subject!("Dice of classes", DiceLoss::new(), Classes::new(3), Class(3)),
        subject!("Tversky of classes", TverskyLoss::new().with_alpha_beta(0.7, 0.3), Classes::new(3), Class(3)),
        subject!("Lovász of classes", LovaszLoss::new(), Classes::new(3), Class(3)),
        subject!("binary cross entropy", BinaryCrossEntropyLoss::new(), YesNo, Share(1)),
        subject!("binary cross entropy with every option", binary, Labels::new(2), Share(2)),
        subject!("focal of labels", FocalLoss::new().with_alpha(0.25), Labels::new(2), Share(2)),
        subject!("focal with a broken gamma", FocalLoss::new().with_gamma(0.5), YesNo, Share(1)),
        subject!("Dice of labels with every option", dice, Labels::new(2), Share(2)),
        subject!("Jaccard of labels", JaccardLoss::new(), Labels::new(2), Share(2)),
        subject!("Lovász of labels", LovaszLoss::new(), Labels::new(2), Share(2)),
        subject!("Lovász of each sample", LovaszLoss::new().with_per_sample(true), YesNo, Share(1)),
    ]
}

#[rustfmt::skip]
fn on_numbers() -> Vec<Subject> {
    let levels = [0.1, 0.5, 0.9];
    vec![
        subject!("squared", SquaredLoss::new().with_weight([1.0, 2.0]), Values::new(2), Real(2)),
        subject!("absolute", AbsoluteLoss::new(), Values::new(1), Real(1)),
        subject!("Huber", HuberLoss::new().with_delta(0.5), Values::new(2), Real(2)),
        subject!("Gaussian", GaussianLoss::new().with_full(true), Values::gaussian(1), Real(1)),
        subject!("quantile", QuantileLoss::new(), Values::quantiles(2, &levels), Real(2)),
        subject!("interpolated KL", InterpolatedKlLoss::new(), Grades::new(0.0, 5.0, 6), Grade()),
        subject!("minus Pearson", PearsonLoss::new(), Grades::new(0.0, 5.0, 6), Grade()),
        subject!("CORAL", CoralLoss::new().with_importance_weight([1.0, 2.0, 1.0]), Grades::coral(0.0, 5.0, 4), Grade()),
        subject!("CORN", CornLoss::new(), Grades::corn(0.0, 5.0, 4), Grade()),
    ]
}
