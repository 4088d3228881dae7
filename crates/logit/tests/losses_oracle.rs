//! Every loss and option against values and gradients that PyTorch and its peers made: `oracle/losses.py`.
//!
//! Errors are norm-wise: the largest difference over the largest expected number.

use std::path::Path;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use logit::loss::{
    AbsoluteLoss, BinaryCrossEntropyLoss, CoralLoss, CornLoss, CrossEntropyLoss, DiceLoss, FocalLoss,
    GaussianLoss, HuberLoss, InterpolatedKlLoss, JaccardLoss, Loss, LovaszLoss, PearsonLoss, QuantileLoss,
    Reduction, SquaredLoss, TargetsFor, TverskyLoss,
};
use logit::{Classes, Grades, Kind, Labels, Logits, LossError, OneMoreThan, Rank, Values, YesNo};
use serde::Deserialize;

/// Largest norm-wise error allowed, f32 and f64.
const TOLERANCES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-10)];

#[derive(Deserialize)]
struct Case {
    name: String,
    options: Options,
    kind: String,
    shape: Vec<usize>,
    logits: Vec<f64>,
    target_kind: String,
    target_shape: Vec<usize>,
    targets: Vec<f64>,
    loss: Numbers,
    grad: Vec<f64>,
    #[serde(default)]
    cotangent: Vec<f64>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Numbers {
    One(f64),
    Many(Vec<f64>),
}

/// The options of all losses; a case gives those it is about.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    reduction: Option<String>,
    weight: Option<Vec<f64>>,
    pos_weight: Option<Vec<f64>>,
    importance_weights: Option<Vec<f64>>,
    ignore_index: Option<i64>,
    label_smoothing: Option<f64>,
    z_loss: Option<f64>,
    soft_cap: Option<f64>,
    gamma: Option<f64>,
    alpha: Option<f64>,
    beta: Option<f64>,
    smooth: Option<f64>,
    per_sample: bool,
    include_absent: bool,
    delta: Option<f64>,
    eps: Option<f64>,
    full: bool,
    levels: Vec<f64>,
    low: f64,
    high: f64,
    steps: usize,
}

impl Options {
    fn reduction(&self) -> Reduction {
        match self.reduction.as_deref() {
            Some("sum") => Reduction::Sum,
            _ => Reduction::Mean,
        }
    }
}

/// A loss under test: one number, or one a position.
enum Output<const R: usize> {
    One(Loss),
    Each(Tensor<R>),
}

/// What the loss gave, and the gradient that reached the logits.
struct Outcome {
    loss: Vec<f64>,
    grad: Vec<f64>,
}

impl Case {
    fn each(&self) -> bool {
        self.options.reduction.as_deref() == Some("none")
    }

    fn dense<const D: usize>(&self, dtype: DType) -> Tensor<D> {
        tensor(&self.target_shape, &self.targets, dtype)
    }

    fn index<const D: usize>(&self) -> Tensor<D, Int> {
        let whole: Vec<i64> = self.targets.iter().map(|value| *value as i64).collect();
        Tensor::from_data(TensorData::new(whole, self.target_shape.clone()), &Device::flex().autodiff())
    }

    fn run<K: Kind, const D: usize, const R: usize>(
        &self,
        kind: K,
        dtype: DType,
        loss: impl FnOnce(Logits<K, D>) -> Result<Output<R>, LossError>,
    ) -> Outcome {
        let raw = tensor::<D>(&self.shape, &self.logits, dtype).require_grad();
        let logits = Logits::new(raw.clone(), kind).expect("the fixture's logits fit their kind");
        let (value, total) = match loss(logits).unwrap_or_else(|error| panic!("{}: {error}", self.name)) {
            Output::One(loss) => (numbers(loss.value.clone()), loss.value),
            Output::Each(each) => {
                let dims = each.dims();
                let cotangent = tensor::<R>(&dims, &self.cotangent, dtype);
                (numbers(each.clone()), (each * cotangent).sum())
            }
        };
        let gradients = total.backward();
        Outcome { loss: value, grad: numbers(raw.grad(&gradients).expect("the loss depends on its logits")) }
    }
}

fn tensor<const D: usize>(shape: &[usize], numbers: &[f64], dtype: DType) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape.to_vec()), (&device, dtype))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as::<f64>().expect("a tensor of the CPU can be read")
}

fn error(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(ours.iter().all(|value| value.is_finite()), "{ours:?}");
    let largest = theirs.iter().map(|value| value.abs()).fold(0.0, f64::max);
    if difference == 0.0 { 0.0 } else { difference / largest }
}

/// Runs a fixture file in both types and checks every case.
fn check(file: &str, run: impl Fn(&Case, DType) -> Outcome) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/losses").join(file).with_extension("json");
    let text = std::fs::read_to_string(&path).expect("the fixture is there");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("the fixture is JSON of the documented form");
    assert!(cases.len() >= 9, "{file} has {} cases", cases.len());
    for (dtype, tolerance) in TOLERANCES {
        for case in &cases {
            let outcome = run(case, dtype);
            let loss = match case.loss.clone() {
                Numbers::One(value) => vec![value],
                Numbers::Many(values) => values,
            };
            let (loss_error, grad_error) = (error(&outcome.loss, &loss), error(&outcome.grad, &case.grad));
            assert!(loss_error <= tolerance, "{file}, {}, {dtype:?}: loss off by {loss_error:e}", case.name);
            assert!(
                grad_error <= tolerance,
                "{file}, {}, {dtype:?}: gradient off by {grad_error:e}",
                case.name
            );
        }
    }
}

/// Calls a generic function at the rank that the case has.
macro_rules! at_rank {
    ($case:expr, $function:ident($($argument:expr),*)) => {
        match $case.shape.len() {
            2 => $function::<2, 1>($($argument),*),
            3 => $function::<3, 2>($($argument),*),
            4 => $function::<4, 3>($($argument),*),
            rank => panic!("no fixture has rank {rank}"),
        }
    };
}

/// One number, or one a position, as the case asks.
macro_rules! forward {
    ($case:expr, $loss:expr, $targets:expr) => {
        |logits| {
            let (loss, targets) = ($loss, $targets);
            if $case.each() {
                loss.forward_no_reduction(logits, targets).map(Output::Each)
            } else {
                loss.forward(logits, targets).map(Output::One)
            }
        }
    };
}

fn set<L, V>(loss: L, value: Option<V>, with: impl FnOnce(L, V) -> L) -> L {
    match value {
        Some(value) => with(loss, value),
        None => loss,
    }
}

fn cross_entropy<const D: usize, const M: usize>(case: &Case, dtype: DType) -> Outcome
where
    Rank<D>: OneMoreThan<M>,
{
    let options = &case.options;
    let loss = CrossEntropyLoss::new()
        .with_reduction(options.reduction())
        .with_label_smoothing(options.label_smoothing.unwrap_or(0.0))
        .with_z_loss(options.z_loss.unwrap_or(0.0));
    let loss = set(loss, options.weight.clone(), CrossEntropyLoss::with_weight);
    let loss = set(loss, options.ignore_index, CrossEntropyLoss::with_ignore_index);
    let loss = set(loss, options.soft_cap, CrossEntropyLoss::with_soft_cap);
    let kind = Classes::new(case.shape[1]);
    match case.target_kind.as_str() {
        "index" => case.run::<_, D, D>(kind, dtype, forward!(case, loss, case.index::<M>())),
        _ => case.run::<_, D, D>(kind, dtype, forward!(case, loss, case.dense::<D>(dtype))),
    }
}

#[test]
fn cross_entropy_is_pytorchs() {
    check("cross_entropy", |case, dtype| at_rank!(case, cross_entropy(case, dtype)));
}

/// Runs a loss of labels for `Labels` or `YesNo`, as the case says.
macro_rules! labels_or_yes_no {
    ($case:expr, $dtype:expr, $rank:expr, $loss:expr) => {
        match $case.kind.as_str() {
            "labels" => {
                let kind = Labels::new($case.shape[1]);
                $case.run::<_, D, $rank>(kind, $dtype, forward!($case, $loss, $case.dense::<D>($dtype)))
            }
            _ => $case.run::<_, D, $rank>(YesNo, $dtype, forward!($case, $loss, $case.dense::<D>($dtype))),
        }
    };
}

fn binary_cross_entropy<const D: usize, const M: usize>(case: &Case, dtype: DType) -> Outcome {
    let options = &case.options;
    let loss = BinaryCrossEntropyLoss::new()
        .with_reduction(options.reduction())
        .with_label_smoothing(options.label_smoothing.unwrap_or(0.0));
    let loss = set(loss, options.weight.clone(), BinaryCrossEntropyLoss::with_weight);
    let loss = set(loss, options.pos_weight.clone(), BinaryCrossEntropyLoss::with_pos_weight);
    let loss = set(loss, options.ignore_index, BinaryCrossEntropyLoss::with_ignore_index);
    labels_or_yes_no!(case, dtype, D, loss)
}

#[test]
fn binary_cross_entropy_is_pytorchs() {
    check("binary_cross_entropy", |case, dtype| at_rank!(case, binary_cross_entropy(case, dtype)));
}

/// Runs a loss on regions for the kind that the case says.
macro_rules! regions {
    ($case:expr, $dtype:expr, $rank:expr, $loss:expr) => {
        match ($case.kind.as_str(), $case.target_kind.as_str()) {
            ("classes", "index") => {
                let kind = Classes::new($case.shape[1]);
                $case.run::<_, D, $rank>(kind, $dtype, forward!($case, $loss, $case.index::<M>()))
            }
            ("classes", _) => {
                let kind = Classes::new($case.shape[1]);
                $case.run::<_, D, $rank>(kind, $dtype, forward!($case, $loss, $case.dense::<D>($dtype)))
            }
            _ => labels_or_yes_no!($case, $dtype, $rank, $loss),
        }
    };
}

fn focal<const D: usize, const M: usize>(case: &Case, dtype: DType) -> Outcome
where
    Rank<D>: OneMoreThan<M>,
{
    let options = &case.options;
    let loss = FocalLoss::new().with_reduction(options.reduction());
    let loss = set(loss, options.gamma, FocalLoss::with_gamma);
    // torchvision says "no alpha" by a negative one.
    let loss = set(loss, options.alpha.filter(|alpha| *alpha >= 0.0), FocalLoss::with_alpha);
    let loss = set(loss, options.weight.clone(), FocalLoss::with_weight);
    let loss = set(loss, options.ignore_index, FocalLoss::with_ignore_index);
    regions!(case, dtype, D, loss)
}

#[test]
fn focal_is_torchvisions() {
    check("focal", |case, dtype| at_rank!(case, focal(case, dtype)));
}

macro_rules! overlap_test {
    ($function:ident, $test:ident, $file:literal, $loss:ident, $start:expr) => {
        fn $function<const D: usize, const M: usize>(case: &Case, dtype: DType) -> Outcome
        where
            Rank<D>: OneMoreThan<M>,
        {
            let options = &case.options;
            let start: fn(&Options) -> $loss = $start;
            let loss = start(options)
                .with_per_sample(options.per_sample)
                .with_include_absent(options.include_absent);
            let loss = set(loss, options.smooth, $loss::with_smooth);
            let loss = set(loss, options.ignore_index, $loss::with_ignore_index);
            regions!(case, dtype, 2, loss)
        }

        #[test]
        fn $test() {
            check($file, |case, dtype| at_rank!(case, $function(case, dtype)));
        }
    };
}

overlap_test!(dice, dice_is_its_peers, "dice", DiceLoss, |_| DiceLoss::new());
overlap_test!(jaccard, jaccard_is_its_peers, "jaccard", JaccardLoss, |_| JaccardLoss::new());
overlap_test!(tversky, tversky_is_its_peers, "tversky", TverskyLoss, |options| {
    TverskyLoss::new().with_alpha_beta(options.alpha.unwrap_or(0.5), options.beta.unwrap_or(0.5))
});

fn lovasz<const D: usize, const M: usize>(case: &Case, dtype: DType) -> Outcome
where
    Rank<D>: OneMoreThan<M>,
{
    let loss = LovaszLoss::new().with_per_sample(case.options.per_sample);
    let loss = set(loss, case.options.ignore_index, LovaszLoss::with_ignore_index);
    regions!(case, dtype, 2, loss)
}

#[test]
fn lovasz_is_its_authors() {
    check("lovasz", |case, dtype| at_rank!(case, lovasz(case, dtype)));
}

macro_rules! error_test {
    ($function:ident, $test:ident, $file:literal, $loss:ident, $start:expr) => {
        fn $function<const D: usize, const M: usize>(case: &Case, dtype: DType) -> Outcome {
            let start: fn(&Options) -> $loss = $start;
            let loss = start(&case.options).with_reduction(case.options.reduction());
            let loss = set(loss, case.options.weight.clone(), $loss::with_weight);
            let kind = Values::new(case.shape[1]);
            case.run::<_, D, D>(kind, dtype, forward!(case, loss, case.dense::<D>(dtype)))
        }

        #[test]
        fn $test() {
            check($file, |case, dtype| at_rank!(case, $function(case, dtype)));
        }
    };
}

error_test!(squared, squared_is_pytorchs, "squared", SquaredLoss, |_| SquaredLoss::new());
error_test!(absolute, absolute_is_pytorchs, "absolute", AbsoluteLoss, |_| AbsoluteLoss::new());
error_test!(huber, huber_is_pytorchs, "huber", HuberLoss, |options| {
    set(HuberLoss::new(), options.delta, HuberLoss::with_delta)
});

#[test]
fn gaussian_is_pytorchs() {
    check("gaussian_nll", |case, dtype| {
        let options = &case.options;
        let loss = GaussianLoss::new().with_full(options.full).with_reduction(options.reduction());
        let loss = set(loss, options.eps, GaussianLoss::with_eps);
        let kind = Values::gaussian(case.shape[1] / 2);
        case.run::<_, 2, 2>(kind, dtype, forward!(case, loss, case.dense::<2>(dtype)))
    });
}

#[test]
fn quantile_is_the_pinball() {
    check("quantile", |case, dtype| {
        let loss = QuantileLoss::new().with_reduction(case.options.reduction());
        let levels = &case.options.levels;
        let kind = Values::quantiles(case.shape[1] / levels.len(), levels);
        case.run::<_, 2, 2>(kind, dtype, forward!(case, loss, case.dense::<2>(dtype)))
    });
}

/// Runs a loss on grades `[N, K]` against targets `[N]`.
fn on_grades<K: Kind>(
    case: &Case,
    dtype: DType,
    kind: K,
    loss: impl FnOnce(Logits<K>) -> Result<Output<2>, LossError>,
) -> Outcome
where
    Tensor<1>: TargetsFor<K, 2>,
{
    case.run::<K, 2, 2>(kind, dtype, loss)
}

#[test]
fn interpolated_kl_is_tais() {
    check("interpolated_kl", |case, dtype| {
        let Options { low, high, steps, .. } = case.options;
        let loss = InterpolatedKlLoss::new().with_reduction(case.options.reduction());
        on_grades(case, dtype, Grades::new(low, high, steps), forward!(case, loss, case.dense::<1>(dtype)))
    });
}

#[test]
fn pearson_is_minus_the_correlation() {
    check("minus_pearson", |case, dtype| {
        let Options { low, high, steps, .. } = case.options;
        on_grades(case, dtype, Grades::new(low, high, steps), |logits| {
            PearsonLoss::new().forward(logits, case.dense::<1>(dtype)).map(Output::One)
        })
    });
}

#[test]
fn coral_is_its_authors() {
    check("coral", |case, dtype| {
        let Options { low, high, steps, .. } = case.options;
        let loss = CoralLoss::new().with_reduction(case.options.reduction());
        let loss = set(loss, case.options.importance_weights.clone(), CoralLoss::with_importance_weight);
        on_grades(case, dtype, Grades::coral(low, high, steps), forward!(case, loss, case.dense::<1>(dtype)))
    });
}

#[test]
fn corn_is_its_authors() {
    check("corn", |case, dtype| {
        let Options { low, high, steps, .. } = case.options;
        let loss = CornLoss::new().with_reduction(case.options.reduction());
        on_grades(case, dtype, Grades::corn(low, high, steps), forward!(case, loss, case.dense::<1>(dtype)))
    });
}
