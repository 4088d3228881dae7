//! Small trainings, right and wrong: a linear head on clouds of points, by gradient descent.

use logit_kernels::row::{binary_cross_entropy, cross_entropy, sigmoid};
use logit_spec::{Answer, Level, Loss, Rule};

use super::frames::{
    Matrix, Random, confusion, each, each_row, frame, layer, reliability, softmax, transposed,
};
use super::{found, kinds, outcome};
use crate::check::{Checks, Outcome};
use crate::finding::Found;
use crate::telemetry::Frame;
use crate::watched::Subject;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    Nothing,
    Softmax,
    OverBatch,
    LogSoftmax,
    LogOverBatch,
    Sigmoid,
    Relu,
    Tanh,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cost {
    CrossEntropy,
    Nll,
    Binary,
    Squared,
}

/// How a training is set up.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Way {
    last: Last,
    cost: Cost,
    classes: usize,
    /// Points in all, and in a batch; a batch of all where both are equal.
    points: usize,
    batch: usize,
    /// Standard deviation of the centres of the clouds; each cloud has 1.
    apart: f64,
    rate: f64,
    /// Standard deviation of the first weights.
    start: f64,
    /// The first bias is the log prior.
    prior: bool,
    /// Share of the points that are of class 0, beyond its part.
    common: f64,
    shuffled: bool,
    summed: bool,
    /// Whether frames tell of the logits before the activation.
    layers: bool,
    seed: u64,
}

const RIGHT: Way = Way {
    last: Last::Nothing,
    cost: Cost::CrossEntropy,
    classes: 4,
    points: 600,
    batch: 64,
    apart: 1.0,
    rate: 0.5,
    start: 0.1,
    prior: false,
    common: 0.0,
    shuffled: false,
    summed: false,
    layers: false,
    seed: 0,
};

const FEATURES: usize = 6;

impl Last {
    fn forward(self, logits: &Matrix) -> Matrix {
        let log = |row: &[f64]| softmax(row).iter().map(|p| p.ln()).collect();
        match self {
            Self::Nothing => logits.clone(),
            Self::Softmax => each_row(logits, softmax),
            Self::LogSoftmax => each_row(logits, log),
            Self::OverBatch => transposed(&each_row(&transposed(logits), softmax)),
            Self::LogOverBatch => transposed(&each_row(&transposed(logits), log)),
            Self::Sigmoid => each(logits, sigmoid),
            Self::Relu => each(logits, |z| z.max(0.0)),
            Self::Tanh => each(logits, f64::tanh),
        }
    }

    /// The gradient by the logits of a row, from that by the output.
    fn backward(self, out: &Matrix, by_out: &Matrix) -> Matrix {
        let by_row = |out: &Matrix, by_out: &Matrix, function: fn(&[f64], &[f64]) -> Vec<f64>| -> Matrix {
            out.iter().zip(by_out).map(|(out, by)| function(out, by)).collect()
        };
        let plain: fn(&[f64], &[f64]) -> Vec<f64> = match self {
            Self::Nothing => |_, by| by.to_vec(),
            Self::Softmax | Self::OverBatch => |out, by| {
                let mean: f64 = out.iter().zip(by).map(|(p, d)| p * d).sum();
                out.iter().zip(by).map(|(p, d)| p * (d - mean)).collect()
            },
            Self::LogSoftmax | Self::LogOverBatch => |out, by| {
                let sum: f64 = by.iter().sum();
                out.iter().zip(by).map(|(log, d)| d - log.exp() * sum).collect()
            },
            Self::Sigmoid => |out, by| out.iter().zip(by).map(|(p, d)| p * (1.0 - p) * d).collect(),
            Self::Relu => {
                |out, by| out.iter().zip(by).map(|(o, d)| if *o > 0.0 { *d } else { 0.0 }).collect()
            }
            Self::Tanh => |out, by| out.iter().zip(by).map(|(o, d)| (1.0 - o * o) * d).collect(),
        };
        match self {
            Self::OverBatch | Self::LogOverBatch => {
                transposed(&by_row(&transposed(out), &transposed(by_out), plain))
            }
            _ => by_row(out, by_out, plain),
        }
    }
}

impl Cost {
    fn loss_of(self) -> (Answer, Loss) {
        match self {
            Self::CrossEntropy => (Answer::Classes, Loss::CrossEntropy),
            Self::Nll => (Answer::Classes, Loss::NllOnLogProbabilities),
            Self::Binary => (Answer::Labels, Loss::BinaryCrossEntropy),
            Self::Squared => (Answer::Values, Loss::Squared),
        }
    }

    fn row(self, out: &[f64], class: usize) -> f64 {
        let hot = |unit: usize| f64::from(u8::from(unit == class));
        let units = out.len() as f64;
        match self {
            Self::CrossEntropy => cross_entropy(out, class),
            Self::Nll => -out[class],
            Self::Binary => {
                let unit = |(k, z): (usize, &f64)| binary_cross_entropy(*z, hot(k));
                out.iter().enumerate().map(unit).sum::<f64>() / units
            }
            Self::Squared => out.iter().enumerate().map(|(k, v)| (v - hot(k)).powi(2)).sum::<f64>() / units,
        }
    }

    fn gradient(self, out: &[f64], class: usize) -> Vec<f64> {
        let hot = |unit: usize| f64::from(u8::from(unit == class));
        let units = out.len() as f64;
        let probabilities = softmax(out);
        let unit = |(k, z): (usize, &f64)| match self {
            Self::CrossEntropy => probabilities[k] - hot(k),
            Self::Nll => -hot(k),
            Self::Binary => (sigmoid(*z) - hot(k)) / units,
            Self::Squared => 2.0 * (z - hot(k)) / units,
        };
        out.iter().enumerate().map(unit).collect()
    }

    fn chance(self, classes: usize) -> f64 {
        let part = 1.0 / classes as f64;
        match self {
            Self::CrossEntropy | Self::Nll => (classes as f64).ln(),
            Self::Binary => std::f64::consts::LN_2,
            Self::Squared => part * (1.0 - part),
        }
    }
}

/// A head in training: a row of weights for each class, the bias last.
struct Training {
    way: Way,
    points: Matrix,
    classes: Vec<usize>,
    weights: Matrix,
    order: Vec<usize>,
    random: Random,
}

impl Training {
    fn new(way: Way) -> Self {
        let mut random = Random::new(way.seed);
        let centres = random.matrix(way.classes, FEATURES, way.apart);
        let of = |random: &mut Random| {
            if random.unit() < way.common { 0 } else { random.below(way.classes) }
        };
        let mut classes: Vec<usize> = (0..way.points).map(|_| of(&mut random)).collect();
        let point = |random: &mut Random, class: usize| {
            centres[class].iter().map(|c| c + random.normal()).chain([1.0]).collect()
        };
        let points = classes.iter().map(|class| point(&mut random, *class)).collect();
        let mut weights = random.matrix(way.classes, FEATURES + 1, way.start);
        for (class, row) in weights.iter_mut().enumerate() {
            let count = classes.iter().filter(|c| **c == class).count().max(1);
            row[FEATURES] = if way.prior { (count as f64 / way.points as f64).ln() } else { 0.0 };
        }
        if way.shuffled {
            random.shuffle(&mut classes);
        }
        Self { order: Vec::new(), way, points, classes, weights, random }
    }

    /// The rows of the next batch; what is left of an epoch is a smaller one.
    fn rows(&mut self) -> Vec<usize> {
        if self.order.is_empty() {
            self.order = (0..self.way.points).collect();
            self.random.shuffle(&mut self.order);
        }
        let left = self.order.len().saturating_sub(self.way.batch);
        self.order.split_off(left)
    }

    fn step(&mut self, step: u64) -> Frame {
        let rows = self.rows();
        let Way { last, cost, rate, .. } = self.way;
        let points: Matrix = rows.iter().map(|row| self.points[*row].clone()).collect();
        let classes: Vec<usize> = rows.iter().map(|row| self.classes[*row]).collect();
        let dot = |w: &Vec<f64>, x: &Vec<f64>| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        let logits: Matrix =
            points.iter().map(|x| self.weights.iter().map(|w| dot(w, x)).collect()).collect();
        let out = last.forward(&logits);
        let by_out: Matrix =
            out.iter().zip(&classes).map(|(row, class)| cost.gradient(row, *class)).collect();
        let by_logits = last.backward(&out, &by_out);
        let gradient: Matrix = (0..self.way.classes)
            .map(|k| (0..=FEATURES).map(|f| mean(&by_logits, &points, k, f)).collect())
            .collect();
        for (weights, gradient) in self.weights.iter_mut().zip(&gradient) {
            weights.iter_mut().zip(gradient).for_each(|(w, g)| *w -= rate * g);
        }
        self.frame(step, &logits, &out, &classes, &gradient)
    }

    fn frame(&self, step: u64, logits: &Matrix, out: &Matrix, classes: &[usize], gradient: &Matrix) -> Frame {
        let Way { cost, summed, layers, .. } = self.way;
        let count = classes.len();
        let times = if summed { count as f64 } else { 1.0 };
        let mean = |shift: usize| {
            let each = (0..count).map(|row| cost.row(&out[row], classes[(row + shift) % count]));
            each.sum::<f64>() / count as f64 * times
        };
        let norm = gradient.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
        Frame {
            loss: mean(0),
            shuffled_loss: Some(mean(1)),
            chance_loss: Some(cost.chance(self.way.classes)),
            learning_rate: self.way.rate,
            head_gradient_norm: norm * times,
            layers: if layers { vec![layer("logits", logits)] } else { Vec::new() },
            confusion: confusion(out, classes),
            reliability: if cost == Cost::Squared {
                Vec::new()
            } else {
                reliability(&each_row(out, softmax), classes)
            },
            ..frame(step, out)
        }
    }
}

fn mean(by_logits: &Matrix, points: &Matrix, unit: usize, feature: usize) -> f64 {
    let sum: f64 = by_logits.iter().zip(points).map(|(by, x)| by[unit] * x[feature]).sum();
    sum / points.len() as f64
}

/// The frames of the first five steps and of every 20th.
fn frames(way: &Way, steps: u64) -> Vec<Frame> {
    let mut training = Training::new(way.clone());
    let all = (0..=steps).map(|step| training.step(step));
    all.filter(|frame| frame.step < 5 || frame.step.is_multiple_of(20)).collect()
}

fn checked(way: &Way, steps: u64) -> (Checks, Vec<Found>) {
    let (answer, loss) = way.cost.loss_of();
    let mut checks = Checks::new(Subject { answer, units: way.classes, loss });
    let seen = found(&mut checks, &frames(way, steps));
    (checks, seen)
}

const SEEDS: std::ops::Range<u64> = 0..12;

fn is_clean(way: &Way) {
    for seed in SEEDS {
        let way = Way { seed, ..way.clone() };
        let (_, seen) = checked(&way, 1000);
        assert!(seen.is_empty(), "{way:?}\n{seen:#?}");
    }
}

/// Found within 100 steps, whether or not the logits before the activation are recorded.
fn is_caught(way: &Way, rule: Rule, level: Level) {
    is_caught_by(100, way, rule, level);
}

fn is_caught_by(steps: u64, way: &Way, rule: Rule, level: Level) {
    for (seed, layers) in SEEDS.zip([false, true].into_iter().cycle()) {
        let way = Way { layers, seed, ..way.clone() };
        let (_, seen) = checked(&way, steps);
        assert!(kinds(&seen).contains(&(rule, level)), "{way:?}\n{seen:#?}");
    }
}

#[test]
fn right_trainings_are_clean() {
    is_clean(&RIGHT);
    is_clean(&Way { layers: true, ..RIGHT });
    is_clean(&Way { last: Last::LogSoftmax, cost: Cost::Nll, ..RIGHT });
    is_clean(&Way { cost: Cost::Binary, ..RIGHT });
    is_clean(&Way { cost: Cost::Squared, rate: 0.05, ..RIGHT });
}

#[test]
fn right_trainings_of_every_size_are_clean() {
    is_clean(&Way { classes: 2, ..RIGHT });
    is_clean(&Way { classes: 30, points: 2000, ..RIGHT });
    is_clean(&Way { batch: 16, rate: 0.2, ..RIGHT });
    is_clean(&Way { points: 200, batch: 200, ..RIGHT });
    is_clean(&Way { points: 300, batch: 300, cost: Cost::Binary, classes: 3, ..RIGHT });
    is_clean(&Way { points: 300, batch: 300, cost: Cost::Squared, rate: 0.1, ..RIGHT });
}

#[test]
fn right_trainings_that_are_slow_or_hard_are_clean() {
    is_clean(&Way { rate: 1e-4, ..RIGHT });
    is_clean(&Way { rate: 1e-4, start: 0.0, ..RIGHT });
    is_clean(&Way { rate: 1e-6, start: 0.0, ..RIGHT });
    is_clean(&Way { rate: 1e-3, start: 0.01, ..RIGHT });
    is_clean(&Way { rate: 1e-3, start: 0.0, apart: 0.5, common: 0.8, ..RIGHT });
    is_clean(&Way { rate: 1e-3, start: 0.0, cost: Cost::Binary, ..RIGHT });
    is_clean(&Way { rate: 3e-3, start: 0.1, batch: 8, ..RIGHT });
    is_clean(&Way { apart: 0.3, points: 5000, ..RIGHT });
    is_clean(&Way { start: 0.24, rate: 0.05, ..RIGHT });
}

#[test]
fn right_trainings_of_unbalanced_classes_are_clean() {
    is_clean(&Way { common: 0.9, start: 0.0, prior: true, ..RIGHT });
    is_clean(&Way { common: 0.9, cost: Cost::Binary, ..RIGHT });
    is_clean(&Way {
        common: 0.9,
        classes: 10,
        start: 0.01,
        prior: true,
        last: Last::LogSoftmax,
        cost: Cost::Nll,
        ..RIGHT
    });
}

#[test]
fn a_softmax_before_cross_entropy_is_caught() {
    is_caught(&Way { last: Last::Softmax, ..RIGHT }, Rule::ActivationBeforeLogitsLoss, Level::Error);
    is_caught(
        &Way { last: Last::Softmax, cost: Cost::Binary, ..RIGHT },
        Rule::ActivationBeforeLogitsLoss,
        Level::Error,
    );
}

#[test]
fn a_softmax_before_nll_is_caught() {
    is_caught(
        &Way { last: Last::Softmax, cost: Cost::Nll, ..RIGHT },
        Rule::NotLogProbabilities,
        Level::Error,
    );
}

#[test]
fn a_sigmoid_before_nll_is_caught() {
    is_caught(
        &Way { last: Last::Sigmoid, cost: Cost::Nll, ..RIGHT },
        Rule::NotLogProbabilities,
        Level::Error,
    );
}

#[test]
fn logits_before_nll_are_caught() {
    is_caught(&Way { cost: Cost::Nll, ..RIGHT }, Rule::NotLogProbabilities, Level::Error);
}

#[test]
fn a_log_softmax_before_cross_entropy_is_advised_against() {
    is_caught(&Way { last: Last::LogSoftmax, ..RIGHT }, Rule::ActivationBeforeLogitsLoss, Level::Advice);
}

#[test]
fn a_rectifier_before_cross_entropy_is_caught() {
    is_caught(&Way { last: Last::Relu, ..RIGHT }, Rule::HiddenActivationAtHead, Level::Error);
}

#[test]
fn a_softmax_over_the_batch_is_caught() {
    is_caught(&Way { last: Last::OverBatch, ..RIGHT }, Rule::SoftmaxAxis, Level::Error);
    is_caught(&Way { last: Last::LogOverBatch, cost: Cost::Nll, ..RIGHT }, Rule::SoftmaxAxis, Level::Error);
}

#[test]
fn a_sigmoid_or_tanh_is_caught_by_the_logits_before_it() {
    for (last, rule) in
        [(Last::Sigmoid, Rule::ActivationBeforeLogitsLoss), (Last::Tanh, Rule::HiddenActivationAtHead)]
    {
        let (_, seen) = checked(&Way { last, layers: true, ..RIGHT }, 4);
        assert_eq!(kinds(&seen), [(rule, Level::Error)]);
        let (checks, seen) = checked(&Way { last, layers: false, ..RIGHT }, 4);
        assert!(seen.is_empty() && matches!(outcome(&checks, rule), Outcome::Unclear { .. }));
    }
}

#[test]
fn a_sigmoid_is_caught_by_what_it_fills_when_trained() {
    for seed in SEEDS {
        let (_, seen) = checked(&Way { last: Last::Sigmoid, rate: 2.0, apart: 2.0, seed, ..RIGHT }, 1000);
        assert!(kinds(&seen).iter().any(|(rule, _)| *rule == Rule::ActivationBeforeLogitsLoss), "{seen:#?}");
    }
}

#[test]
fn shuffled_labels_are_caught() {
    is_caught(&Way { shuffled: true, points: 1000, ..RIGHT }, Rule::ShuffledApart, Level::Warning);
    is_caught(
        &Way { shuffled: true, points: 1000, start: 0.0, ..RIGHT },
        Rule::ShuffledApart,
        Level::Warning,
    );
    is_caught(&Way { shuffled: true, points: 1000, rate: 0.2, ..RIGHT }, Rule::ShuffledApart, Level::Warning);
    // Five frames of two classes are few: of 40 seeds one is too noisy to tell at step 100.
    let binary = Way { shuffled: true, points: 1000, cost: Cost::Binary, classes: 2, rate: 1.0, ..RIGHT };
    is_caught_by(200, &binary, Rule::ShuffledApart, Level::Warning);
}

#[test]
fn a_summed_loss_is_caught_at_its_start() {
    is_caught(&Way { summed: true, ..RIGHT }, Rule::SummedLoss, Level::Warning);
    is_caught(&Way { summed: true, cost: Cost::Binary, ..RIGHT }, Rule::SummedLoss, Level::Warning);
}

/// Without its start, by the last batches of epochs, which are smaller.
#[test]
fn a_summed_loss_is_caught_by_batches_of_different_size() {
    for summed in [true, false] {
        let mut training = Training::new(Way { summed, ..RIGHT });
        let frames: Vec<Frame> = (0..200).map(|step| training.step(step)).collect();
        let (answer, loss) = Cost::CrossEntropy.loss_of();
        let mut checks = Checks::new(Subject { answer, units: 4, loss });
        let seen = found(&mut checks, &frames[50..]);
        assert_eq!(kinds(&seen).contains(&(Rule::SummedLoss, Level::Warning)), summed, "{seen:#?}");
        assert_eq!(matches!(outcome(&checks, Rule::SummedLoss), Outcome::Fine { .. }), !summed);
    }
}

/// Stopped after every frame, written, read and gone on.
#[test]
fn checks_survive_a_resume() {
    let way = Way { last: Last::Softmax, cost: Cost::Nll, ..RIGHT };
    let (whole, seen) = checked(&way, 400);
    let (answer, loss) = way.cost.loss_of();
    let mut checks = Checks::new(Subject { answer, units: way.classes, loss });
    let mut again = Vec::new();
    for frame in frames(&way, 400) {
        again.extend(checks.see(&frame));
        assert!(checks.see(&frame).is_empty());
        let text = serde_json::to_string(&checks).unwrap();
        assert!(text.len() < 16_384, "{}", text.len());
        checks = serde_json::from_str(&text).unwrap();
    }
    assert_eq!((checks, again), (whole, seen));
}
