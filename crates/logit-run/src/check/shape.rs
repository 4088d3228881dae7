//! Which activation the numbers that a loss was fed have come through, as far as they show it.
//!
//! Logits may be any numbers, so nothing is judged from one look: a shape must hold on some frames in a
//! row, and those that small logits could have by chance also over some steps.

use logit_kernels::row::sigmoid;
use logit_spec::{Activation, Level};

use super::number::{from_to, short};
use crate::telemetry::{Frame, OutputSeen};

/// How far a sum of probabilities may be from 1. A sum of half-precision (bfloat16) probabilities is
/// within 2⁻⁹ of it.
const SUM: f64 = 4e-3;

/// The same of log-probabilities: an unlucky log prior in the bias must not pass.
const LOG_SUM: f64 = 1e-3;

/// How far a sum must be from 1 to be another number for sure.
const CLEARLY: f64 = 0.05;

/// Rounding past an end.
const EDGE: f64 = 1e-6;

/// What the output of an activation looks like.
pub(super) struct Shape {
    /// The activation.
    pub(super) activation: Activation,
    /// Whether a frame has the shape.
    pub(super) fits: fn(&Frame) -> bool,
    /// What was seen, with its numbers.
    pub(super) describe: fn(&OutputSeen) -> String,
    /// On how many frames in a row it must hold.
    pub(super) frames: u32,
    /// From the first to the last of them so many steps must go by.
    pub(super) steps: u64,
    /// The worst level that this evidence is good for.
    pub(super) at_most: Level,
}

/// A shape that logits do not have by chance: three frames tell.
const PLAIN: Shape = Shape {
    activation: Activation::Linear,
    fits: |_| false,
    describe: interval,
    frames: 3,
    steps: 0,
    at_most: Level::Error,
};
/// Both ends of a range are touched, which frames of one moment might do by chance.
const TOUCHING: Shape = Shape { frames: 4, steps: 20, ..PLAIN };
/// What slowly trained, small logits might look like for long.
const LASTING: Shape = Shape { frames: 10, steps: 100, at_most: Level::Warning, ..PLAIN };

/// Rule 2: what comes before a loss that applies its own softmax or sigmoid.
pub(super) static NORMALISED: &[Shape] = &[
    Shape { activation: Activation::Softmax, fits: |f| is_softmax(&f.output), describe: rows, ..PLAIN },
    Shape {
        activation: Activation::LogSoftmax,
        fits: |f| is_log_softmax(&f.output),
        describe: log_rows,
        ..PLAIN
    },
    Shape { activation: Activation::Sigmoid, fits: |f| through(f, sigmoid), ..PLAIN },
    Shape { activation: Activation::HardSigmoid, fits: |f| through(f, hard_sigmoid), ..PLAIN },
    Shape { activation: Activation::Sigmoid, fits: |f| fills_unit(&f.output, 0.01), ..TOUCHING },
    Shape { activation: Activation::Sigmoid, fits: |f| fills_unit(&f.output, 0.1), ..LASTING },
];

/// Rule 3: what is not log-probabilities.
pub(super) static NO_LOG_PROBABILITIES: &[Shape] = &[
    Shape { activation: Activation::Softmax, fits: |f| is_softmax(&f.output), describe: rows, ..PLAIN },
    Shape { activation: Activation::Sigmoid, fits: |f| alone_in_unit(&f.output), describe: rows, ..PLAIN },
    Shape { activation: Activation::Linear, fits: |f| is_raw(&f.output), describe: log_rows, ..PLAIN },
    Shape { activation: Activation::LogSigmoid, fits: |f| is_below(&f.output), describe: log_rows, ..PLAIN },
];

/// Rule 11: activations of hidden layers. The last four dip to a floor of their own before they rise.
pub(super) static HIDDEN: &[Shape] = &[
    Shape { activation: Activation::Relu, fits: |f| is_rectified(&f.output), describe: zeros, ..PLAIN },
    Shape { activation: Activation::Relu, fits: |f| through(f, |z| z.max(0.0)), describe: zeros, ..PLAIN },
    Shape {
        activation: Activation::Relu6,
        fits: |f| through(f, |z| z.clamp(0.0, 6.0)),
        describe: zeros,
        ..PLAIN
    },
    Shape { activation: Activation::Tanh, fits: |f| through(f, f64::tanh), ..PLAIN },
    Shape { activation: Activation::HardTanh, fits: |f| through(f, |z| z.clamp(-1.0, 1.0)), ..PLAIN },
    Shape { activation: Activation::Softsign, fits: |f| through(f, |z| z / (1.0 + z.abs())), ..PLAIN },
    Shape { activation: Activation::Softplus, fits: |f| through(f, |z| z.exp().ln_1p()), ..PLAIN },
    Shape { activation: Activation::Elu, fits: |f| through(f, elu), ..PLAIN },
    Shape { activation: Activation::Tanh, fits: |f| fills_signs(&f.output), describe: signs, ..TOUCHING },
    Shape { activation: Activation::Gelu, fits: |f| has_floor(&f.output, -0.169_97), ..LASTING },
    Shape { activation: Activation::Silu, fits: |f| has_floor(&f.output, -0.278_46), ..LASTING },
    Shape { activation: Activation::Mish, fits: |f| has_floor(&f.output, -0.308_84), ..LASTING },
    Shape { activation: Activation::HardSwish, fits: |f| has_floor(&f.output, -0.375), ..LASTING },
];

/// Rule 24: softmax over the rows.
pub(super) static WRONG_AXIS: &[Shape] = &[
    Shape {
        activation: Activation::Softmax,
        fits: |f| is_column_softmax(&f.output),
        describe: columns,
        ..PLAIN
    },
    Shape {
        activation: Activation::LogSoftmax,
        fits: |f| is_column_log_softmax(&f.output),
        describe: log_columns,
        ..PLAIN
    },
];

fn hard_sigmoid(z: f64) -> f64 {
    (z / 6.0 + 0.5).clamp(0.0, 1.0)
}

fn elu(z: f64) -> f64 {
    if z > 0.0 { z } else { z.exp_m1() }
}

fn close(left: f64, right: f64, share: f64) -> bool {
    (left - right).abs() <= share * (1.0 + right.abs())
}

/// Whether the ends of what the loss was fed are those of the logits, sent through a rising function
/// that moves at least one of them.
fn through(frame: &Frame, function: fn(f64) -> f64) -> bool {
    let Some(logits) = frame.layers.iter().rev().find(|layer| layer.name == "logits") else { return false };
    let (before, after) = (&logits.statistics, &frame.output);
    let ends = [(before.low, after.low), (before.high, after.high)];
    let moved = ends.iter().any(|(z, out)| !close(*out, *z, 1e-2));
    before.not_finite == 0
        && before.low < before.high
        && moved
        && ends.iter().all(|(z, out)| close(*out, function(*z), 1e-4))
}

fn in_unit(seen: &OutputSeen) -> bool {
    seen.low >= -EDGE && seen.high <= 1.0 + EDGE && seen.high > 0.0
}

/// Whether both sums are 1.
fn ones(sums: [f64; 2], tolerance: f64) -> bool {
    sums.iter().all(|sum| (sum - 1.0).abs() <= tolerance)
}

/// Whether a sum is something else than 1 for sure.
fn not_one(sums: [f64; 2]) -> bool {
    sums.iter().any(|sum| (sum - 1.0).abs() > CLEARLY)
}

/// A head whose weights are still 0 shows only its bias, which tells nothing.
fn varies(seen: &OutputSeen) -> bool {
    seen.spread > 1e-3 * seen.high.abs().max(seen.low.abs())
}

fn is_softmax(seen: &OutputSeen) -> bool {
    seen.units > 1 && in_unit(seen) && ones(seen.row_sums, SUM) && varies(seen)
}

/// The spread keeps out a head that starts with the log prior as its bias and hardly moves.
fn is_log_softmax(seen: &OutputSeen) -> bool {
    seen.units > 1 && seen.high <= EDGE && ones(seen.exp_row_sums, LOG_SUM) && seen.spread >= 0.2
}

/// Sums over the rows that are all the same whole number: 1, or for maps the number of the other
/// positions.
fn is_column_softmax(seen: &OutputSeen) -> bool {
    let [least, most] = seen.column_sums;
    let whole = least.round();
    seen.units > 1
        && seen.rows > 3
        && in_unit(seen)
        && not_one(seen.row_sums)
        && varies(seen)
        && whole >= 1.0
        && (least - whole).abs() <= 1e-2
        && most - least <= SUM * whole.min(2.0)
}

fn is_column_log_softmax(seen: &OutputSeen) -> bool {
    seen.units > 1
        && seen.rows > 3
        && seen.high <= EDGE
        && not_one(seen.exp_row_sums)
        && ones(seen.exp_column_sums, LOG_SUM)
        && varies(seen)
}

/// All between 0 and 1, up to both ends.
fn fills_unit(seen: &OutputSeen, end: f64) -> bool {
    in_unit(seen) && seen.low < end && seen.high > 1.0 - end && !is_softmax(seen) && !is_column_softmax(seen)
}

fn alone_in_unit(seen: &OutputSeen) -> bool {
    in_unit(seen) && not_one(seen.row_sums) && !is_column_softmax(seen)
}

fn is_raw(seen: &OutputSeen) -> bool {
    !in_unit(seen) && (seen.high > EDGE || seen.low == 0.0) && not_one(seen.exp_row_sums)
}

fn is_below(seen: &OutputSeen) -> bool {
    seen.high <= EDGE && seen.low < 0.0 && not_one(seen.exp_row_sums) && !is_column_log_softmax(seen)
}

fn is_rectified(seen: &OutputSeen) -> bool {
    seen.low == 0.0 && seen.high > 1.0 + EDGE && (0.05..1.0).contains(&seen.zeros) && seen.spread > 0.0
}

fn fills_signs(seen: &OutputSeen) -> bool {
    seen.low >= -1.0 - EDGE
        && seen.high <= 1.0 + EDGE
        && seen.low < -0.999
        && seen.high > 0.999
        && seen.near_sign_ends >= 0.02
        && varies(seen)
}

fn has_floor(seen: &OutputSeen, floor: f64) -> bool {
    (floor - 1e-4..floor + 5e-4).contains(&seen.low) && seen.high >= 1.0
}

fn interval(seen: &OutputSeen) -> String {
    format!("all numbers lie in {}", from_to([seen.low, seen.high]))
}

fn rows(seen: &OutputSeen) -> String {
    format!("{}, and each row sums to {}", interval(seen), from_to(seen.row_sums))
}

fn log_rows(seen: &OutputSeen) -> String {
    format!("{}, and the exponentials of a row sum to {}", interval(seen), from_to(seen.exp_row_sums))
}

fn columns(seen: &OutputSeen) -> String {
    let (over, rows) = (from_to(seen.column_sums), from_to(seen.row_sums));
    format!("each unit sums to {over} over the {} rows, while a row sums to {rows}", seen.rows)
}

fn log_columns(seen: &OutputSeen) -> String {
    let (over, rows) = (from_to(seen.exp_column_sums), from_to(seen.exp_row_sums));
    format!(
        "the exponentials of each unit sum to {over} over the {} rows, those of a row to {rows}",
        seen.rows
    )
}

fn zeros(seen: &OutputSeen) -> String {
    let share = short(100.0 * seen.zeros);
    format!("no number is below {}, and {share} % are exactly 0", short(seen.low))
}

fn signs(seen: &OutputSeen) -> String {
    let share = short(100.0 * seen.near_sign_ends);
    format!("{}, {share} % of them within 0.001 of an end", interval(seen))
}
