//! Statistics of many numbers, as recordings keep them.

use serde::{Deserialize, Serialize};

use crate::summary::{Summary, histogram};

/// Numbers that a histogram counts at the most, or little more: as many as show its shape.
const MOST_COUNTED: usize = 1 << 14;

/// Statistics of a tensor's numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// How many lie in each of 32 equally wide bins from the smallest to the largest; empty where all are equal. Of more
    /// than 16,384 numbers, about so many are counted, evenly spread over the tensor.
    pub histogram: Vec<u32>,
}

impl Statistics {
    /// The statistics of some numbers.
    pub fn of(numbers: &[f32]) -> Self {
        let summary = Summary::of(numbers);
        if summary.not_finite == 0 {
            return described(&summary, numbers);
        }
        let finite: Vec<f32> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
        let of_finite = described(&Summary::of(&finite), &finite);
        Self { count: numbers.len() as u64, not_finite: summary.not_finite, ..of_finite }
    }
}

fn described(summary: &Summary, numbers: &[f32]) -> Statistics {
    let count = numbers.len().max(1) as f64;
    let mean = summary.sum / count;
    let histogram = histogram(numbers, summary.low, summary.high, MOST_COUNTED);
    Statistics {
        count: numbers.len() as u64,
        not_finite: summary.not_finite,
        mean,
        // The difference of two near numbers may come out below 0.
        deviation: (summary.squares / count - mean * mean).max(0.0).sqrt(),
        low: f64::from(summary.low),
        high: f64::from(summary.high),
        zeros: summary.zeros as f64 / count,
        histogram: histogram.map_or_else(Vec::new, Vec::from),
    }
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
