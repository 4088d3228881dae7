//! Whether what is said with 80 % confidence is right 80 % of the time.

use serde::{Deserialize, Serialize};

use super::error::MetricError;
use super::exact_sum::ExactSum;
use super::input::{ClassIndex, Columns, Real, check_distribution, check_merge, check_probability};

/// As many as Guo et al. use.
const DEFAULT_BINS: usize = 15;
/// More bins than there are ever pixels on a plot.
const MAX_BINS: usize = 100_000;

/// A reliability diagram over bins of equal width, and the calibration errors read from it.
///
/// - Of classes, the confidence of a row is its largest probability, and it is right if that class is the
///   target (of equal ones the first). Only the top class is judged.
/// - Of labels, the confidence of an element is its probability, and it is right if the target is true: the
///   bin's accuracy is the share of positives.
///
/// Bin `i` of `B` holds the confidences in [i/B, (i+1)/B), the last one 1 as well.
///
/// Sources: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning",
/// 2015; Guo et al., "On calibration of modern neural networks", 2017.
///
/// ```
/// use logit::metrics::Reliability;
///
/// let mut reliability = Reliability::with_bins(1, 2)?;
/// reliability.update_labels(&[0.25, 0.75, 0.75, 0.75], &[false, true, true, false], None)?;
/// let top = reliability.bins()[1];
/// assert_eq!((top.lower, top.upper, top.count), (0.5, 1.0, 3));
/// assert_eq!((top.mean_confidence, top.accuracy), (Some(0.75), Some(2.0 / 3.0)));
/// assert_eq!(reliability.expected_calibration_error(), Some(0.125));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reliability {
    columns: Columns,
    bins: Vec<Bin>,
}

/// One bar of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// The lowest confidence of the bin.
    pub lower: f64,
    /// Where the next bin begins.
    pub upper: f64,
    /// How many confidences it holds.
    pub count: u64,
    /// Their mean; `None` if there are none.
    pub mean_confidence: Option<f64>,
    /// The share of them that is right; `None` if there are none.
    pub accuracy: Option<f64>,
}

#[derive(Clone, Debug, Default)]
struct Bin {
    count: u64,
    right: u64,
    confidence: ExactSum,
}

impl Reliability {
    /// An empty diagram of 15 bins, for `columns` classes or labels; one label is yes or no.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoColumns`] if there is no column.
    pub fn new(columns: usize) -> Result<Self, MetricError> {
        Self::with_bins(columns, DEFAULT_BINS)
    }

    /// An empty diagram of so many bins.
    ///
    /// # Errors
    ///
    /// If there is no column, no bin, or there are more than 100,000 bins.
    pub fn with_bins(columns: usize, bins: usize) -> Result<Self, MetricError> {
        if !(1..=MAX_BINS).contains(&bins) {
            return Err(MetricError::Bins { bins, limit: MAX_BINS });
        }
        Ok(Self { columns: Columns::new(columns)?, bins: vec![Bin::default(); bins] })
    }

    /// Counts `N` rows of `K` class probabilities against `N` targets, but those whose target is
    /// `ignore_index`.
    ///
    /// # Errors
    ///
    /// If the lengths differ, a row that counts has a target that is no class or is no distribution (a sum
    /// within 0.01 of 1 is), or the metric counts labels.
    pub fn update_classes<R: Real, C: ClassIndex>(
        &mut self,
        probabilities: &[R],
        targets: &[C],
        ignore_index: Option<i64>,
    ) -> Result<(), MetricError> {
        let rows = self.columns.class_rows(probabilities, targets, ignore_index, check_distribution)?;
        for (probabilities, target) in rows {
            let (mut decision, mut confidence) = (0, 0.0);
            for (class, &probability) in probabilities.iter().enumerate() {
                if probability.into() > confidence {
                    (decision, confidence) = (class, probability.into());
                }
            }
            self.count(confidence, decision == target);
        }
        Ok(())
    }

    /// Counts `N·K` label probabilities against their targets, but those marked in `ignore`.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows, a number that counts is no probability, or the metric
    /// counts classes.
    pub fn update_labels<R: Real>(
        &mut self,
        probabilities: &[R],
        targets: &[bool],
        ignore: Option<&[bool]>,
    ) -> Result<(), MetricError> {
        let elements = self.columns.label_elements(probabilities, targets, ignore, check_probability)?;
        for (_, probability, target) in elements {
            self.count(probability, target);
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    ///
    /// # Errors
    ///
    /// If it has other columns or bins, or is of labels where this is of classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        check_merge("bins", self.bins.len(), other.bins.len())?;
        self.columns.merge(other.columns)?;
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.count += more.count;
            bin.right += more.right;
            bin.confidence.merge(&more.confidence);
        }
        Ok(())
    }

    /// The bins from the least confident up, empty ones too.
    pub fn bins(&self) -> Vec<ReliabilityBin> {
        let edge = |i| edge(i, self.bins.len());
        let bins = self.bins.iter().enumerate();
        bins.map(|(i, bin)| ReliabilityBin {
            lower: edge(i),
            upper: edge(i + 1),
            count: bin.count,
            mean_confidence: bin.mean(bin.confidence.value()),
            accuracy: bin.mean(bin.right as f64),
        })
        .collect()
    }

    /// The mean gap between confidence and accuracy, a bin weighing as it is full:
    /// ECE = Σᵢ (nᵢ/N)·|accuracyᵢ − confidenceᵢ|, in [0, 1].
    pub fn expected_calibration_error(&self) -> Option<f64> {
        let total: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let mut gaps = ExactSum::default();
        self.bins.iter().for_each(|bin| gaps.add(bin.gap()));
        (total > 0).then(|| gaps.value() / total as f64)
    }

    /// The largest gap between confidence and accuracy of the bins that are not empty, in [0, 1].
    pub fn maximum_calibration_error(&self) -> Option<f64> {
        self.bins.iter().filter_map(|bin| bin.mean(bin.gap())).reduce(f64::max)
    }

    fn count(&mut self, confidence: f64, right: bool) {
        let bins = self.bins.len();
        let mut i = ((confidence * bins as f64) as usize).min(bins - 1);
        // The product is rounded; the edges, which are shown, decide.
        while confidence < edge(i, bins) {
            i -= 1;
        }
        while i + 1 < bins && confidence >= edge(i + 1, bins) {
            i += 1;
        }
        let bin = &mut self.bins[i];
        bin.count += 1;
        bin.right += u64::from(right);
        bin.confidence.add(confidence);
    }
}

impl Bin {
    /// |Σ right − Σ confidence|, rounded once.
    fn gap(&self) -> f64 {
        let mut gap = self.confidence.clone();
        gap.add(-(self.right as f64));
        gap.value().abs()
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.count > 0).then(|| sum / self.count as f64)
    }
}

fn edge(i: usize, bins: usize) -> f64 {
    i as f64 / bins as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_opens_its_bin() {
        for bins in 1..200 {
            let edges: Vec<f64> = (0..bins).map(|i| edge(i, bins)).collect();
            let below = edges.iter().skip(1).map(|edge| edge.next_down());
            let confidences: Vec<f64> = edges.iter().copied().chain(below).chain([1.0]).collect();
            let mut reliability = Reliability::with_bins(1, bins).unwrap();
            reliability.update_labels(&confidences, &vec![true; confidences.len()], None).unwrap();
            assert!(reliability.bins().iter().all(|bin| bin.count == 2), "{bins} bins");
        }
    }

    #[test]
    fn sizes_are_checked_and_nothing_is_none() {
        assert!(matches!(Reliability::with_bins(1, 0), Err(MetricError::Bins { .. })));
        assert!(Reliability::with_bins(1, usize::MAX).is_err());
        let mut empty = Reliability::new(3).unwrap();
        assert_eq!((empty.expected_calibration_error(), empty.maximum_calibration_error()), (None, None));
        assert!(empty.merge(&Reliability::with_bins(3, 10).unwrap()).is_err());
    }
}
