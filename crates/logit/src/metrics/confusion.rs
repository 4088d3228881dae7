//! The confusion matrix of a classifier, and all that is read from it.

use super::average::{Average, mean};
use super::counts::{Counts, average, ratio, recall_weight};
use super::error::MetricError;
use super::input::{ClassIndex, check_length, check_merge, class_index};

/// A full matrix of this many classes takes 800 MB.
const MAX_CLASSES: usize = 10_000;

/// How often each class was decided for each target class.
///
/// Decisions and targets are flat: a row is a sample, a pixel, a token. What is read per class is one class
/// against the rest. Means over classes ([`Average::Macro`], [`mean_iou`](Self::mean_iou),
/// [`mean_dice`](Self::mean_dice)) are over the classes that occur in a target or in a decision, as
/// scikit-learn's are.
///
/// ```
/// use logit::metrics::{Average, ConfusionMatrix};
///
/// // A mask of two classes, 255 where the annotators did not look.
/// let mut matrix = ConfusionMatrix::new(2)?;
/// matrix.update(&[0_i32, 0, 1, 1, 1], &[0_u8, 1, 1, 1, 255], Some(255))?;
/// assert_eq!(matrix.accuracy(), Some(0.75));
/// assert_eq!(matrix.mean_iou(), Some((0.5 + 2.0 / 3.0) / 2.0));
/// assert_eq!(matrix.per_class()[1].recall(), 2.0 / 3.0);
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// Targets down, decisions across.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// An empty matrix over `classes` classes.
    ///
    /// # Errors
    ///
    /// If there is no class, or more than 10,000.
    pub fn new(classes: usize) -> Result<Self, MetricError> {
        match classes {
            0 => Err(MetricError::NoColumns),
            1..=MAX_CLASSES => Ok(Self { classes, counts: vec![0; classes * classes] }),
            _ => Err(MetricError::TooManyClasses { classes, limit: MAX_CLASSES }),
        }
    }

    /// Counts `N` decisions against `N` targets, but those whose target is `ignore_index`.
    ///
    /// # Errors
    ///
    /// If the lengths differ, or a decision or target that counts is not a class.
    pub fn update<D: ClassIndex, T: ClassIndex>(
        &mut self,
        decisions: &[D],
        targets: &[T],
        ignore_index: Option<i64>,
    ) -> Result<(), MetricError> {
        check_length("decisions", decisions.len(), targets.len())?;
        let classes = self.classes;
        let mut cells = Vec::with_capacity(targets.len());
        for (row, (&decision, &target)) in decisions.iter().zip(targets).enumerate() {
            let Some(target) = class_index("target", row, target, classes, ignore_index)? else { continue };
            if let Some(decision) = class_index("decision", row, decision, classes, None)? {
                cells.push(target * classes + decision);
            }
        }
        for cell in cells {
            self.counts[cell] += 1;
        }
        Ok(())
    }

    /// Adds what another matrix counted.
    ///
    /// # Errors
    ///
    /// If it is over another number of classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        check_merge("classes", self.classes, other.classes)?;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        Ok(())
    }

    /// The number of classes, `K`.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The `K·K` counts, row after row: row the target, column the decision.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of rows counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share of right decisions, in [0, 1].
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.counts.iter().step_by(self.classes + 1).sum();
        ratio(right, self.total())
    }

    /// The counts of each class against the rest, whence its precision, recall, F, intersection over union,
    /// Dice and support.
    pub fn per_class(&self) -> Vec<Counts> {
        let (mut targets, mut decisions) = (vec![0; self.classes], vec![0; self.classes]);
        for (target, row) in self.counts.chunks_exact(self.classes).enumerate() {
            for (decision, &count) in row.iter().enumerate() {
                targets[target] += count;
                decisions[decision] += count;
            }
        }
        let total: u64 = targets.iter().sum();
        let right = self.counts.iter().step_by(self.classes + 1);
        right
            .zip(targets.iter().zip(&decisions))
            .map(|(&true_positives, (&target, &decision))| Counts {
                true_positives,
                false_positives: decision - true_positives,
                false_negatives: target - true_positives,
                true_negatives: total + true_positives - target - decision,
            })
            .collect()
    }

    /// Precision, TP / (TP + FP), in [0, 1]; a class that is never decided counts as 0. The micro average is
    /// the accuracy.
    pub fn precision(&self, kind: Average) -> Option<f64> {
        average(&self.occurring(), kind, Counts::precision)
    }

    /// Recall, TP / (TP + FN), in [0, 1]; a class that is decided but never a target counts as 0. The micro
    /// average is the accuracy.
    pub fn recall(&self, kind: Average) -> Option<f64> {
        average(&self.occurring(), kind, Counts::recall)
    }

    /// F1, 2·TP / (2·TP + FP + FN), in [0, 1]. The macro average is the mean of the classes' F1.
    pub fn f1(&self, kind: Average) -> Option<f64> {
        average(&self.occurring(), kind, Counts::f1)
    }

    /// F-beta, in [0, 1]: recall weighs β times as much as precision. See [`Counts::f_beta`].
    ///
    /// # Errors
    ///
    /// [`MetricError::Beta`] if β is negative or not finite.
    pub fn f_beta(&self, beta: f64, kind: Average) -> Result<Option<f64>, MetricError> {
        let weight = recall_weight(beta)?;
        Ok(average(&self.occurring(), kind, |counts| counts.f_weighted(weight)))
    }

    /// The mean intersection over union of the classes that occur, in [0, 1].
    pub fn mean_iou(&self) -> Option<f64> {
        mean(self.per_class().iter().map(Counts::iou))
    }

    /// The mean Dice coefficient of the classes that occur, in [0, 1].
    pub fn mean_dice(&self) -> Option<f64> {
        mean(self.per_class().iter().map(Counts::dice))
    }

    fn occurring(&self) -> Vec<Counts> {
        self.per_class().into_iter().filter(Counts::occurs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_out_of_range_is_named_and_nothing_is_counted() {
        let mut matrix = ConfusionMatrix::new(3).unwrap();
        let error = matrix.update(&[0_u32, 1, 2], &[0_i64, 1, 3], Some(255)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the target of row 2 is 3, outside the 3 classes, which count from 0; \
             if it marks rows to leave out, give it as `ignore_index`"
        );
        let error = matrix.update(&[usize::MAX], &[0], None).unwrap_err();
        assert!(error.to_string().contains(&format!("the decision of row 0 is {}", usize::MAX)), "{error}");
        assert!(matrix.update(&[0], &[-1], None).is_err());
        assert!(matrix.update(&[0, 1], &[0], None).is_err());
        assert_eq!(matrix.total(), 0);
    }

    #[test]
    fn nothing_counted_is_none() {
        let mut matrix = ConfusionMatrix::new(2).unwrap();
        matrix.update(&[0, 7], &[-100, -100], Some(-100)).unwrap();
        assert_eq!(matrix.accuracy(), None);
        for kind in [Average::Micro, Average::Macro, Average::Weighted] {
            assert_eq!(matrix.precision(kind), None);
            assert_eq!(matrix.f_beta(2.0, kind), Ok(None));
        }
        assert_eq!((matrix.mean_iou(), matrix.mean_dice()), (None, None));
    }

    #[test]
    fn sizes_are_checked() {
        assert_eq!(ConfusionMatrix::new(0), Err(MetricError::NoColumns));
        assert!(ConfusionMatrix::new(usize::MAX).is_err());
        let mut two = ConfusionMatrix::new(2).unwrap();
        assert!(two.merge(&ConfusionMatrix::new(3).unwrap()).is_err());
    }
}
