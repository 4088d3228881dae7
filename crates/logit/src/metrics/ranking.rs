//! How well scores put the positives before the negatives, whatever the threshold.

use super::average::{Average, mean, weighted_mean};
use super::error::MetricError;
use super::exact_sum::ExactSum;
use super::input::{ClassIndex, Columns, Real, check_number, check_numbers};
use super::operating_points::{OperatingPoint, Scores};

/// The area under the ROC curve and the average precision: of one yes-or-no column, of several labels, or of
/// classes (each against the rest).
///
/// Only the order of scores matters, so that logits and probabilities of one column do equally well; across
/// columns ([`Average::Micro`], and classes) it is better to give probabilities. All scores are kept, 8 bytes
/// each, and sorted when a value is read: ties are exact, and nothing is binned.
///
/// ```
/// use logit::metrics::{Average, Ranking};
///
/// let mut ranking = Ranking::new(1)?;
/// ranking.update_labels(&[0.9, 0.8, 0.8, 0.1], &[true, true, false, false], None)?;
/// assert_eq!(ranking.auroc(Average::Macro), Some(0.875));
/// assert_eq!(ranking.average_precision(Average::Macro), Some(0.5 * 1.0 + 0.5 * 2.0 / 3.0));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ranking {
    columns: Columns,
    scores: Vec<Scores>,
}

impl Ranking {
    /// No scores yet, for `columns` classes or labels; one column is yes or no.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoColumns`] if there is no column.
    pub fn new(columns: usize) -> Result<Self, MetricError> {
        Ok(Self { columns: Columns::new(columns)?, scores: vec![Scores::default(); columns] })
    }

    /// Takes `N` rows of `K` class scores and `N` targets, but those whose target is `ignore_index`. In a
    /// class's column the rows of that class are the positives.
    ///
    /// # Errors
    ///
    /// If the lengths differ, or a row that counts has a target that is no class or a score that is not
    /// finite, or the metric counts labels.
    pub fn update_classes<R: Real, C: ClassIndex>(
        &mut self,
        scores: &[R],
        targets: &[C],
        ignore_index: Option<i64>,
    ) -> Result<(), MetricError> {
        for (row, target) in self.columns.class_rows(scores, targets, ignore_index, check_numbers)? {
            for (class, (column, &score)) in self.scores.iter_mut().zip(row).enumerate() {
                column.push(score.into(), class == target);
            }
        }
        Ok(())
    }

    /// Takes `N·K` label scores and targets, but those marked in `ignore`.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows, a score that counts is not finite, or the metric counts
    /// classes.
    pub fn update_labels<R: Real>(
        &mut self,
        scores: &[R],
        targets: &[bool],
        ignore: Option<&[bool]>,
    ) -> Result<(), MetricError> {
        for (label, score, target) in self.columns.label_elements(scores, targets, ignore, check_number)? {
            self.scores[label].push(score, target);
        }
        Ok(())
    }

    /// Adds the scores taken elsewhere.
    ///
    /// # Errors
    ///
    /// If they are over another number of columns, or of labels where these are of classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        self.columns.merge(other.columns)?;
        for (scores, more) in self.scores.iter_mut().zip(&other.scores) {
            scores.extend(more);
        }
        Ok(())
    }

    /// The number of columns, `K`.
    pub fn columns(&self) -> usize {
        self.columns.count()
    }

    /// The chance that a positive scores above a negative, half of it for a tie, in [0, 1]; 0.5 is no better
    /// than chance. It is the area under the ROC curve, and the Mann–Whitney statistic (Hanley and `McNeil`
    /// 1982).
    ///
    /// `None` without positives or without negatives. Macro and weighted averages are over the columns that
    /// have both.
    pub fn auroc(&self, average: Average) -> Option<f64> {
        self.average(average, auroc)
    }

    /// The AUROC of each column, `None` where positives or negatives are missing.
    pub fn auroc_per_column(&self) -> Vec<Option<f64>> {
        self.per_column(auroc)
    }

    /// The mean precision over the recall gained, Σ (Rₙ − Rₙ₋₁)·Pₙ down the distinct scores, in [0, 1]. As
    /// scikit-learn's, it does not interpolate; ties count together.
    ///
    /// `None` without positives. Macro and weighted averages are over the columns that have some.
    pub fn average_precision(&self, average: Average) -> Option<f64> {
        self.average(average, average_precision)
    }

    /// The average precision of each column, `None` where positives are missing.
    pub fn average_precision_per_column(&self) -> Vec<Option<f64>> {
        self.per_column(average_precision)
    }

    /// What each distinct score of a column decides as a threshold, from the highest score down, for ROC and
    /// precision–recall curves; empty for a column without scores. `None` if there is no such column.
    pub fn operating_points(&self, column: usize) -> Option<Vec<OperatingPoint>> {
        self.scores.get(column).map(Scores::operating_points)
    }

    fn per_column(&self, measure: fn(&[OperatingPoint]) -> Option<f64>) -> Vec<Option<f64>> {
        self.scores.iter().map(|scores| measure(&scores.operating_points())).collect()
    }

    fn average(&self, average: Average, measure: fn(&[OperatingPoint]) -> Option<f64>) -> Option<f64> {
        match average {
            Average::Micro => {
                let mut pooled = Scores::default();
                self.scores.iter().for_each(|scores| pooled.extend(scores));
                measure(&pooled.operating_points())
            }
            Average::Macro => mean(self.per_column(measure)),
            Average::Weighted => weighted_mean(
                self.per_column(measure).into_iter().zip(self.scores.iter().map(Scores::support)),
            ),
        }
    }
}

/// Twice the pairs that are in order, ties counting once, over twice all pairs: whole numbers until the
/// division.
fn auroc(points: &[OperatingPoint]) -> Option<f64> {
    let all = points.last()?.counts;
    let pairs = u128::from(all.true_positives) * u128::from(all.false_positives);
    let (mut doubled, mut positives, mut negatives) = (0, 0, 0);
    for OperatingPoint { counts, .. } in points {
        let passed = counts.false_positives - negatives;
        doubled += u128::from(passed) * u128::from(positives + counts.true_positives);
        (positives, negatives) = (counts.true_positives, counts.false_positives);
    }
    (pairs > 0).then(|| doubled as f64 / (2 * pairs) as f64)
}

fn average_precision(points: &[OperatingPoint]) -> Option<f64> {
    let support = points.last()?.counts.true_positives;
    let mut sum = ExactSum::default();
    let mut found = 0;
    for OperatingPoint { counts, .. } in points {
        sum.add((counts.true_positives - found) as f64 * counts.precision());
        found = counts.true_positives;
    }
    (support > 0).then(|| sum.value() / support as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_side_is_undefined() {
        let mut ranking = Ranking::new(2).unwrap();
        ranking.update_labels(&[0.1, 0.7, 0.9, 0.2], &[true, false, true, false], None).unwrap();
        assert_eq!(ranking.auroc_per_column(), [None, None]);
        assert_eq!(ranking.auroc(Average::Macro), None);
        assert_eq!(ranking.average_precision_per_column(), [Some(1.0), None]);
        assert_eq!(ranking.average_precision(Average::Macro), Some(1.0));
    }

    #[test]
    fn classes_and_labels_do_not_mix() {
        let (mut classes, mut labels) = (Ranking::new(2).unwrap(), Ranking::new(2).unwrap());
        classes.update_classes(&[0.1, 0.9], &[1], None).unwrap();
        labels.update_labels(&[0.1, 0.9], &[true, true], None).unwrap();
        let error = classes.update_labels(&[0.1, 0.9], &[true, true], None).unwrap_err();
        assert_eq!(error, MetricError::Kind { counted: "classes", given: "labels" });
        assert!(classes.merge(&labels).is_err());
        assert!(classes.merge(&Ranking::new(3).unwrap()).is_err());
        assert!(classes.merge(&Ranking::new(2).unwrap()).is_ok());
    }
}
