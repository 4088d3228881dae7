//! The scores of one column, and what each threshold on them would decide.

use serde::{Deserialize, Serialize};

use super::counts::Counts;

/// What a threshold at one score decides: positive wherever the score is at least this.
///
/// A ROC curve is (false / all negatives, true / all positives) over these points, a precision–recall curve
/// (true / all positives, true / (true + false)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// The threshold, a score that occurs.
    pub score: f64,
    /// What is decided at it.
    pub counts: Counts,
}

/// The scores of one column by their target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scores {
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Scores {
    pub(crate) fn push(&mut self, score: f64, positive: bool) {
        if positive { self.positives.push(score) } else { self.negatives.push(score) }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.positives.extend_from_slice(&other.positives);
        self.negatives.extend_from_slice(&other.negatives);
    }

    pub(crate) fn support(&self) -> u64 {
        self.positives.len() as u64
    }

    /// One point a distinct score, from the highest down: the last decides everything positive.
    pub(crate) fn operating_points(&self) -> Vec<OperatingPoint> {
        let (positives, negatives) = (descending(&self.positives), descending(&self.negatives));
        let (mut true_positives, mut false_positives) = (0, 0);
        let mut points = Vec::new();
        while let Some(score) = highest(positives.get(true_positives), negatives.get(false_positives)) {
            // Of what is left none is higher, so that these are the equal ones; -0 equals 0.
            true_positives += positives[true_positives..].iter().take_while(|&&other| other >= score).count();
            false_positives +=
                negatives[false_positives..].iter().take_while(|&&other| other >= score).count();
            let counts = Counts {
                true_positives: true_positives as u64,
                false_positives: false_positives as u64,
                false_negatives: (positives.len() - true_positives) as u64,
                true_negatives: (negatives.len() - false_positives) as u64,
            };
            points.push(OperatingPoint { score, counts });
        }
        points
    }
}

fn descending(scores: &[f64]) -> Vec<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    sorted
}

/// The higher of two scores, of which either may have run out; a zero is the positive one.
fn highest(left: Option<&f64>, right: Option<&f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(*right) + 0.0),
        (one, other) => one.or(other).map(|score| score + 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_point() {
        let mut scores = Scores::default();
        for (score, positive) in [(0.5, true), (-0.0, true), (0.5, false), (0.0, false), (0.9, true)] {
            scores.push(score, positive);
        }
        let points: Vec<_> = scores
            .operating_points()
            .iter()
            .map(|point| (point.score, point.counts.true_positives, point.counts.false_positives))
            .collect();
        assert_eq!(points, [(0.9, 1, 0), (0.5, 2, 1), (0.0, 3, 2)]);
        assert!(Scores::default().operating_points().is_empty());
    }
}
