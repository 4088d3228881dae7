//! How a frame is made of the numbers that a loss was fed.

use logit_kernels::row::{self, argmax};
use logit_kernels::statistics::Statistics;

use crate::telemetry::{Frame, Layer, OutputSeen};

pub(super) type Matrix = Vec<Vec<f64>>;

/// A small generator of random numbers, so that the tests need no crate for it.
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(super) fn matrix(&mut self, rows: usize, units: usize, scale: f64) -> Matrix {
        (0..rows).map(|_| (0..units).map(|_| scale * self.normal()).collect()).collect()
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn ends(numbers: impl Iterator<Item = f64>) -> [f64; 2] {
    numbers
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], number| [low.min(number), high.max(number)])
}

fn deviation(numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt()
}

pub(super) fn seen(fed: &Matrix) -> OutputSeen {
    let all: Vec<f64> = fed.iter().flatten().copied().collect();
    let share =
        |test: &dyn Fn(f64) -> bool| all.iter().filter(|n| test(**n)).count() as f64 / all.len() as f64;
    let columns: Matrix = (0..fed[0].len()).map(|unit| fed.iter().map(|row| row[unit]).collect()).collect();
    let sums = |rows: &Matrix| ends(rows.iter().map(|row| row.iter().sum()));
    let exp_sums = |rows: &Matrix| ends(rows.iter().map(|row| row.iter().map(|n| n.exp()).sum()));
    let [low, high] = ends(all.iter().copied());
    OutputSeen {
        rows: fed.len() as u64,
        units: fed[0].len() as u32,
        low,
        high,
        row_sums: sums(fed),
        exp_row_sums: exp_sums(fed),
        column_sums: sums(&columns),
        exp_column_sums: exp_sums(&columns),
        spread: columns.iter().map(|column| deviation(column)).fold(0.0, f64::max),
        zeros: share(&|n| n == 0.0),
        near_unit_ends: share(&|n| n.abs() <= 1e-3 || (n - 1.0).abs() <= 1e-3),
        near_sign_ends: share(&|n| (n.abs() - 1.0).abs() <= 1e-3),
    }
}

/// A frame of a loss that was fed these numbers; the rest as of a training that learns.
pub(super) fn frame(step: u64, fed: &Matrix) -> Frame {
    Frame {
        step,
        epoch: 0,
        batch: 0,
        loss: 0.9,
        learning_rate: 0.1,
        head_gradient_norm: 0.3,
        layers: Vec::new(),
        gradients: Vec::new(),
        output: seen(fed),
        samples: Vec::new(),
        confusion: Vec::new(),
        reliability: Vec::new(),
        shuffled_loss: None,
        chance_loss: None,
    }
}

pub(super) fn layer(name: &str, numbers: &Matrix) -> Layer {
    let all: Vec<f64> = numbers.iter().flatten().copied().collect();
    let finite: Vec<f64> = all.iter().copied().filter(|number| number.is_finite()).collect();
    let [low, high] = ends(finite.iter().copied());
    let statistics = Statistics {
        count: all.len() as u64,
        not_finite: (all.len() - finite.len()) as u64,
        mean: finite.iter().sum::<f64>() / finite.len() as f64,
        deviation: deviation(&finite),
        low,
        high,
        zeros: 0.0,
        histogram: Vec::new(),
    };
    Layer { name: name.to_owned(), statistics }
}

/// Ten bins of confidence.
pub(super) fn reliability(probabilities: &Matrix, classes: &[usize]) -> Vec<[f64; 3]> {
    let mut bins = vec![[0.0; 3]; 10];
    for (row, class) in probabilities.iter().zip(classes) {
        let best = argmax(row);
        let bin = &mut bins[((row[best] * 10.0) as usize).min(9)];
        *bin = [bin[0] + 1.0, bin[1] + row[best], bin[2] + f64::from(u8::from(best == *class))];
    }
    bins
}

pub(super) fn confusion(outputs: &Matrix, classes: &[usize]) -> Vec<[u32; 3]> {
    outputs.iter().zip(classes).map(|(row, class)| [*class as u32, argmax(row) as u32, 1]).collect()
}

pub(super) fn softmax(row: &[f64]) -> Vec<f64> {
    row::softmax(row, 1.0)
}

pub(super) fn each_row(logits: &Matrix, function: impl Fn(&[f64]) -> Vec<f64>) -> Matrix {
    logits.iter().map(|row| function(row)).collect()
}

pub(super) fn each(logits: &Matrix, function: impl Fn(f64) -> f64) -> Matrix {
    each_row(logits, |row| row.iter().map(|z| function(*z)).collect())
}

pub(super) fn transposed(matrix: &Matrix) -> Matrix {
    (0..matrix[0].len()).map(|unit| matrix.iter().map(|row| row[unit]).collect()).collect()
}
