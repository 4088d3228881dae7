//! What is told of a tensor's numbers.

use serde::{Deserialize, Serialize};

/// Bins of a histogram.
const BINS: usize = 32;

/// Numbers that are summed in `f32` before the sum is added up in `f64`.
const BLOCK: usize = 256;

/// Sums that run side by side, as many as a vector of a processor holds.
const LANES: usize = 16;

/// What is told of a tensor's numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// How many numbers there are.
    pub count: u64,
    /// How many of them are NaN or infinite; all else is of the others.
    pub not_finite: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, of the numbers themselves (divided by their count).
    pub deviation: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// The share of them that is exactly 0.
    pub zeros: f64,
    /// How many lie in each of 32 equally wide bins from the smallest to the largest; empty where all are equal.
    pub histogram: Vec<u32>,
}

impl Statistics {
    /// The statistics of some numbers.
    pub fn of(numbers: &[f32]) -> Self {
        let sums = Sums::of(numbers);
        if sums.not_finite == 0 {
            return sums.statistics(numbers);
        }
        let finite: Vec<f32> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
        let of_finite = Sums::of(&finite).statistics(&finite);
        Self { count: numbers.len() as u64, not_finite: sums.not_finite, ..of_finite }
    }
}

#[derive(Default)]
struct Sums {
    sum: f64,
    squares: f64,
    zeros: u64,
    not_finite: u64,
    low: f32,
    high: f32,
}

impl Sums {
    fn of(numbers: &[f32]) -> Self {
        let Some(first) = numbers.first() else { return Self::default() };
        let mut sums = Self { low: *first, high: *first, ..Self::default() };
        for block in numbers.chunks(BLOCK) {
            sums.add(block);
        }
        sums
    }

    /// Adds a block, in lanes that the compiler makes vectors of.
    fn add(&mut self, block: &[f32]) {
        let (mut sum, mut squares, mut low, mut high) =
            ([0_f32; LANES], [0_f32; LANES], [self.low; LANES], [self.high; LANES]);
        let (mut zeros, mut odd) = ([0_u32; LANES], [0_u32; LANES]);
        let mut take = |lane: usize, number: f32| {
            sum[lane] += number;
            squares[lane] += number * number;
            low[lane] = low[lane].min(number);
            high[lane] = high[lane].max(number);
            zeros[lane] += u32::from(number == 0.0);
            odd[lane] += u32::from(!number.is_finite());
        };
        let (whole, rest) = block.as_chunks::<LANES>();
        for part in whole {
            for (lane, number) in part.iter().enumerate() {
                take(lane, *number);
            }
        }
        for (lane, number) in rest.iter().enumerate() {
            take(lane, *number);
        }
        let total = |lanes: [f32; LANES]| lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
        let count = |lanes: [u32; LANES]| lanes.iter().map(|lane| u64::from(*lane)).sum::<u64>();
        self.sum += total(sum);
        self.squares += total(squares);
        self.zeros += count(zeros);
        self.not_finite += count(odd);
        self.low = low.into_iter().fold(self.low, f32::min);
        self.high = high.into_iter().fold(self.high, f32::max);
    }

    fn statistics(&self, numbers: &[f32]) -> Statistics {
        let count = numbers.len().max(1) as f64;
        let mean = self.sum / count;
        Statistics {
            count: numbers.len() as u64,
            not_finite: self.not_finite,
            mean,
            // The difference of two near numbers may come out below 0.
            deviation: (self.squares / count - mean * mean).max(0.0).sqrt(),
            low: f64::from(self.low),
            high: f64::from(self.high),
            zeros: self.zeros as f64 / count,
            histogram: histogram(numbers, self.low, self.high),
        }
    }
}

fn histogram(numbers: &[f32], low: f32, high: f32) -> Vec<u32> {
    let width = high - low;
    if !(width > 0.0 && width.is_finite()) {
        return Vec::new();
    }
    let scale = BINS as f32 / width;
    // The largest number stands at the end of the last bin, and belongs to it.
    let bin = |number: f32| (((number - low) * scale) as u32).min(BINS as u32 - 1);
    // A count that is added to again and again, as that of a rectifier's zeros, would be waited for each time: neighbours
    // count apart.
    let mut apart = [[0_u32; BINS]; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for part in whole {
        let places = part.map(bin);
        for (bins, place) in apart.iter_mut().zip(places) {
            bins[place as usize] += 1;
        }
    }
    for number in rest {
        apart[0][bin(*number) as usize] += 1;
    }
    (0..BINS).map(|at| apart.iter().map(|bins| bins[at]).sum()).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn some_numbers() {
        let found = Statistics::of(&[0.0, 1.0, 2.0, 0.0, -3.0, f32::NAN, f32::INFINITY]);
        assert_eq!((found.count, found.not_finite), (7, 2));
        assert_eq!((found.mean, found.low, found.high, found.zeros), (0.0, -3.0, 2.0, 0.4));
        assert!((found.deviation - 2.8_f64.sqrt()).abs() < 1e-12);
        assert_eq!(found.histogram.iter().sum::<u32>(), 5);
        assert_eq!((found.histogram[0], found.histogram[31]), (1, 1));
    }

    #[test]
    fn nothing_and_all_the_same() {
        assert_eq!(Statistics::of(&[]), Statistics::default());
        let same = Statistics::of(&[0.1; 1000]);
        assert!(same.histogram.is_empty() && same.deviation < 1e-4 && same.low == same.high);
        assert_eq!(Statistics::of(&[f32::NAN]).not_finite, 1);
    }

    proptest! {
        #[test]
        fn as_in_f64(numbers in prop::collection::vec(-100.0_f32..100.0, 1..2000)) {
            let found = Statistics::of(&numbers);
            let wide: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
            let mean = wide.iter().sum::<f64>() / wide.len() as f64;
            let variance = wide.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / wide.len() as f64;
            prop_assert!((found.mean - mean).abs() < 1e-3);
            prop_assert!((found.deviation - variance.sqrt()).abs() < 1e-2);
            let counted: u32 = found.histogram.iter().sum();
            prop_assert!(found.histogram.is_empty() || counted as usize == numbers.len());
        }
    }
}
