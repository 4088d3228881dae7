//! Whether the target is among the classes of highest score.

use std::cmp::Ordering;

use super::counts::ratio;
use super::error::MetricError;
use super::input::{ClassIndex, Columns, Real, check_numbers};

/// How high the target class ranks among all classes, for the accuracy at every `k` at once.
///
/// Classes of equal score rank in the order of their index, lowest first, so that the accuracy at 1 is that
/// of the argmax. (scikit-learn ranks ties highest index first.)
///
/// ```
/// use logit::metrics::TopK;
///
/// let mut ranks = TopK::new(3)?;
/// let logits = [0.1, 2.0, 1.0, 3.0, 0.0, 3.0];
/// ranks.update(&logits, &[2, 0], None)?;
/// assert_eq!(ranks.accuracy(1), Some(0.5));
/// assert_eq!(ranks.accuracy(2), Some(1.0));
/// # Ok::<(), logit::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TopK {
    columns: Columns,
    /// How many rows have so many classes before their target.
    ranks: Vec<u64>,
}

impl TopK {
    /// Empty counts over `classes` classes.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoColumns`] if there is no class.
    pub fn new(classes: usize) -> Result<Self, MetricError> {
        Ok(Self { columns: Columns::new(classes)?, ranks: vec![0; classes] })
    }

    /// Counts `N` rows of `K` scores (logits or probabilities) against `N` targets, but those whose target is
    /// `ignore_index`.
    ///
    /// # Errors
    ///
    /// If the lengths differ, or a row that counts has a target that is no class or a score that is not
    /// finite.
    pub fn update<R: Real, C: ClassIndex>(
        &mut self,
        scores: &[R],
        targets: &[C],
        ignore_index: Option<i64>,
    ) -> Result<(), MetricError> {
        for (scores, target) in self.columns.class_rows(scores, targets, ignore_index, check_numbers)? {
            let wanted: f64 = scores[target].into();
            let before = |&(class, &score): &(usize, &R)| match score.into().partial_cmp(&wanted) {
                Some(Ordering::Equal) => class < target,
                order => order == Some(Ordering::Greater),
            };
            let rank = scores.iter().enumerate().filter(before).count();
            self.ranks[rank] += 1;
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    ///
    /// # Errors
    ///
    /// If it is over another number of classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        self.columns.merge(other.columns)?;
        for (count, more) in self.ranks.iter_mut().zip(&other.ranks) {
            *count += more;
        }
        Ok(())
    }

    /// The share of rows whose target is among the `k` classes of highest score, in [0, 1]: 1 from `k` = `K`
    /// on.
    pub fn accuracy(&self, k: usize) -> Option<f64> {
        ratio(self.ranks.iter().take(k).sum(), self.ranks.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_is_not_finite_is_named() {
        let mut ranks = TopK::new(2).unwrap();
        let error = ranks.update(&[0.0, 1.0, 0.0, f32::NAN], &[0, 1], None).unwrap_err();
        assert!(error.to_string().starts_with("row 1, column 1 is NaN"), "{error}");
        assert_eq!(ranks.accuracy(1), None);
        ranks.update(&[0.0, 1.0, 0.0, f32::NAN], &[0, -1], Some(-1)).unwrap();
        assert_eq!(
            (ranks.accuracy(0), ranks.accuracy(1), ranks.accuracy(9)),
            (Some(0.0), Some(0.0), Some(1.0))
        );
    }
}
