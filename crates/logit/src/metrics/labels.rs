//! The decisions on several labels a row, each true or false.

use std::collections::BTreeMap;

use super::average::{Average, mean, weighted_mean};
use super::counts::{Counts, average, ratio, recall_weight};
use super::error::MetricError;
use super::input::{check_labels, check_merge};

/// How often each label was decided, rightly and wrongly, and how well whole rows were.
///
/// Averages are over all labels that have a target which counts: one that is never positive has recall 0 and
/// pulls the macro average down, as scikit-learn's does.
///
/// ```
/// use logit::metrics::{Average, LabelConfusion};
///
/// let mut labels = LabelConfusion::new(2)?;
/// let (decisions, targets) = ([true, false, true, true], [true, false, false, true]);
/// labels.update(&decisions, &targets, None)?;
/// assert_eq!(labels.exact_match(), Some(0.5));
/// assert_eq!(labels.hamming_loss(), Some(0.25));
/// assert_eq!(labels.precision(Average::Macro), Some(0.75));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelConfusion {
    per_label: Vec<Counts>,
    /// How many rows have these counts, over the row's labels: integers from which every row-wise mean is
    /// made.
    rows: BTreeMap<Counts, u64>,
}

impl LabelConfusion {
    /// Empty counts over `labels` labels.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoColumns`] if there is no label.
    pub fn new(labels: usize) -> Result<Self, MetricError> {
        if labels == 0 {
            return Err(MetricError::NoColumns);
        }
        Ok(Self { per_label: vec![Counts::default(); labels], rows: BTreeMap::new() })
    }

    /// Counts `N·K` decisions against `N·K` targets, but those marked `true` in `ignore`. A row counts if one
    /// of its labels does, and over those that do.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows.
    pub fn update(
        &mut self,
        decisions: &[bool],
        targets: &[bool],
        ignore: Option<&[bool]>,
    ) -> Result<(), MetricError> {
        let labels = self.per_label.len();
        check_labels("decisions", decisions.len(), targets, ignore, labels)?;
        for start in (0..targets.len()).step_by(labels) {
            let mut row = Counts::default();
            for (label, counts) in self.per_label.iter_mut().enumerate() {
                let i = start + label;
                if ignore.is_some_and(|ignore| ignore[i]) {
                    continue;
                }
                counts.count(decisions[i], targets[i]);
                row.count(decisions[i], targets[i]);
            }
            if row.total() > 0 {
                *self.rows.entry(row).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    ///
    /// # Errors
    ///
    /// If it is over another number of labels.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        check_merge("labels", self.per_label.len(), other.per_label.len())?;
        for (counts, more) in self.per_label.iter_mut().zip(&other.per_label) {
            *counts += *more;
        }
        for (&row, more) in &other.rows {
            *self.rows.entry(row).or_default() += more;
        }
        Ok(())
    }

    /// The counts of each label, whence its precision, recall, F, intersection over union, Dice and support.
    pub fn per_label(&self) -> &[Counts] {
        &self.per_label
    }

    /// The number of rows counted.
    pub fn rows(&self) -> u64 {
        self.rows.values().sum()
    }

    /// The share of rows with every label right, in [0, 1].
    pub fn exact_match(&self) -> Option<f64> {
        let right = |counts: &Counts| counts.false_positives + counts.false_negatives == 0;
        ratio(self.rows.iter().filter(|(row, _)| right(row)).map(|(_, count)| count).sum(), self.rows())
    }

    /// The share of wrong decisions, in [0, 1]: one minus the accuracy over all labels.
    pub fn hamming_loss(&self) -> Option<f64> {
        let pooled: Counts = self.per_label.iter().copied().sum();
        ratio(pooled.false_positives + pooled.false_negatives, pooled.total())
    }

    /// Precision, TP / (TP + FP), in [0, 1]; a label that is never decided counts as 0.
    pub fn precision(&self, kind: Average) -> Option<f64> {
        average(&self.counted(), kind, Counts::precision)
    }

    /// Recall, TP / (TP + FN), in [0, 1]; a label that is never a target counts as 0.
    pub fn recall(&self, kind: Average) -> Option<f64> {
        average(&self.counted(), kind, Counts::recall)
    }

    /// F1, 2·TP / (2·TP + FP + FN), in [0, 1]; a label that is never decided nor a target counts as 0.
    pub fn f1(&self, kind: Average) -> Option<f64> {
        average(&self.counted(), kind, Counts::f1)
    }

    /// F-beta, in [0, 1]: recall weighs β times as much as precision. See [`Counts::f_beta`].
    ///
    /// # Errors
    ///
    /// [`MetricError::Beta`] if β is negative or not finite.
    pub fn f_beta(&self, beta: f64, kind: Average) -> Result<Option<f64>, MetricError> {
        let weight = recall_weight(beta)?;
        Ok(average(&self.counted(), kind, |counts| counts.f_weighted(weight)))
    }

    /// The mean intersection over union of the labels that are decided or a target, in [0, 1].
    pub fn mean_iou(&self) -> Option<f64> {
        mean(self.per_label.iter().map(Counts::iou))
    }

    /// The mean Dice coefficient of the labels that are decided or a target, in [0, 1].
    pub fn mean_dice(&self) -> Option<f64> {
        mean(self.per_label.iter().map(Counts::dice))
    }

    /// The mean over rows of the precision of a row's labels, in [0, 1]: scikit-learn's `average="samples"`.
    pub fn row_precision(&self) -> Option<f64> {
        self.row_mean(Counts::precision)
    }

    /// The mean over rows of the recall of a row's labels, in [0, 1].
    pub fn row_recall(&self) -> Option<f64> {
        self.row_mean(Counts::recall)
    }

    /// The mean over rows of the F1 of a row's labels, in [0, 1]; a row that has no label and is given none
    /// counts as 0.
    pub fn row_f1(&self) -> Option<f64> {
        self.row_mean(Counts::f1)
    }

    /// The mean over rows of the F-beta of a row's labels, in [0, 1].
    ///
    /// # Errors
    ///
    /// [`MetricError::Beta`] if β is negative or not finite.
    pub fn row_f_beta(&self, beta: f64) -> Result<Option<f64>, MetricError> {
        let weight = recall_weight(beta)?;
        Ok(self.row_mean(|row| row.f_weighted(weight)))
    }

    fn row_mean(&self, measure: impl Fn(&Counts) -> f64) -> Option<f64> {
        weighted_mean(self.rows.iter().map(|(row, &count)| (Some(measure(row)), count)))
    }

    fn counted(&self) -> Vec<Counts> {
        self.per_label.iter().copied().filter(|counts| counts.total() > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_counts_nowhere() {
        let mut labels = LabelConfusion::new(2).unwrap();
        let ignore = [false, true, true, true];
        labels.update(&[true, true, true, true], &[true, false, false, false], Some(&ignore)).unwrap();
        assert_eq!(labels.rows(), 1);
        assert_eq!(labels.exact_match(), Some(1.0));
        assert_eq!(labels.per_label()[1], Counts::default());
        assert_eq!(labels.precision(Average::Macro), Some(1.0));
    }

    #[test]
    fn nothing_counted_is_none() {
        let labels = LabelConfusion::new(3).unwrap();
        let read = [labels.exact_match(), labels.hamming_loss(), labels.row_f1(), labels.mean_iou()];
        assert_eq!(read, [None; 4]);
        assert_eq!(labels.recall(Average::Weighted), None);
    }

    #[test]
    fn lengths_are_checked() {
        let mut labels = LabelConfusion::new(2).unwrap();
        let whole_rows = labels.update(&[true; 3], &[true; 3], None).unwrap_err();
        assert_eq!(whole_rows.to_string(), "3 targets are not a whole number of rows of 2");
        assert!(labels.update(&[true; 4], &[true; 2], None).is_err());
        assert!(labels.update(&[true; 2], &[true; 2], Some(&[true])).is_err());
        assert_eq!(labels, LabelConfusion::new(2).unwrap());
    }
}
