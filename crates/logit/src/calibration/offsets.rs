//! Where one class takes over from another.

use logit_kernels::row::largest;
use serde::{Deserialize, Serialize};

use super::error::CalibrationError;
use crate::metrics::input::{Columns, check_numbers, check_rows};
use crate::metrics::{ClassIndex, Counts, MetricError, Real};

/// A gain in mean IoU that is worth another round.
const GAIN: f64 = 1e-7;
/// Rounds over all classes after which the search ends, whatever it gained.
const MAX_ROUNDS: usize = 20;

/// What is added to the logit of each class before the largest decides: for the highest mean IoU.
///
/// The class with the largest logit is the likeliest one, and makes the fewest mistakes. A mean over classes of
/// `TP / (TP + FP + FN)` asks for something else: where it is not sure, a rare class is worth deciding for before it
/// is the likeliest, as the threshold with the highest F1 lies at half that F1 and not at 1/2 (Lipton et al.,
/// "Optimal thresholding of classifiers to maximize F1 measure", 2014).
///
/// Fitted on data that training did not see, one class after the other, each time exactly over all offsets of that
/// class, until none gains any more. The first class keeps 0, as only differences count, and no offset lies beyond
/// ±[`MAX`](Self::MAX).
///
/// ```
/// use logit::calibration::Offsets;
///
/// // The second class is found in one row of three by the largest logit.
/// let logits = [3.0, 0.0, 3.0, 0.0, 1.0, 0.0, 1.0, 0.5, 0.0, 1.0];
/// let offsets = Offsets::fit_classes(&logits, &[0, 0, 1, 1, 1], 2, None)?;
/// assert_eq!(offsets.values(), [0.0, 2.0]);
/// assert_eq!(offsets.decide(&logits)?, [0, 0, 1, 1, 1]);
/// # Ok::<(), logit::calibration::CalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Offsets {
    values: Vec<f64>,
}

impl Offsets {
    /// The largest offset that is fitted or read, either way.
    pub const MAX: f64 = 1e2;

    /// An offset a class for `N` rows of `K` class logits and `N` targets, but those whose target is
    /// `ignore_index`.
    ///
    /// # Errors
    ///
    /// If the lengths differ, a row that counts has a target that is no class or a logit that is not finite,
    /// or no row counts.
    pub fn fit_classes<R: Real, C: ClassIndex>(
        logits: &[R],
        targets: &[C],
        classes: usize,
        ignore_index: Option<i64>,
    ) -> Result<Self, CalibrationError> {
        let rows = Columns::new(classes)?.class_rows(logits, targets, ignore_index, check_numbers)?;
        if rows.clone().next().is_none() {
            return Err(CalibrationError::NoTargets);
        }
        let mut values = vec![0.0; classes];
        for _ in 0..MAX_ROUNDS {
            let mut gained = false;
            for class in 1..classes {
                let turns = Turns::of(rows.clone(), class, &values);
                if let Some(better) = turns.better(classes) {
                    values[class] = better;
                    gained = true;
                }
            }
            if !gained {
                break;
            }
        }
        Ok(Self { values })
    }

    /// The offsets, one a class.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The class that each of `N` rows of `K` logits decides for: the first of those whose sum of logit and offset is
    /// the largest.
    ///
    /// # Errors
    ///
    /// If the logits are not whole rows, or one is not finite.
    pub fn decide<R: Real>(&self, logits: &[R]) -> Result<Vec<usize>, MetricError> {
        check_rows("logits", logits.len(), self.values.len())?;
        let decide = |(row, logits): (usize, &[R])| {
            check_numbers(row, logits)?;
            Ok(self.decide_row(logits))
        };
        logits.chunks_exact(self.values.len()).enumerate().map(decide).collect()
    }

    /// The class that a row decides for, whose logits are known to be finite.
    pub fn decide_row<R: Real>(&self, logits: &[R]) -> usize {
        largest(logits.iter().zip(&self.values).map(|(&logit, offset)| logit.into() + offset)).0
    }
}

impl TryFrom<Vec<f64>> for Offsets {
    type Error = CalibrationError;

    fn try_from(values: Vec<f64>) -> Result<Self, CalibrationError> {
        if values.is_empty() {
            return Err(MetricError::NoColumns.into());
        }
        match values.iter().position(|value| !(-Self::MAX..=Self::MAX).contains(value)) {
            Some(index) => Err(CalibrationError::OffsetOutOfRange { index, value: values[index] }),
            None => Ok(Self { values }),
        }
    }
}

impl From<Offsets> for Vec<f64> {
    fn from(offsets: Offsets) -> Self {
        offsets.values
    }
}

/// The offset of a class above which a row decides for it, and what it decides for until then.
struct Turn {
    at: f32,
    rival: u32,
    target: u32,
    /// Whether the row decides for the class as the offsets are now: of equal sums the first class is decided for.
    turned: bool,
}

/// Where rows turn to a class, the earliest first.
struct Turns {
    class: usize,
    turns: Vec<Turn>,
}

impl Turns {
    fn of<'a, R: Real + 'a>(
        rows: impl Iterator<Item = (&'a [R], usize)>,
        class: usize,
        offsets: &[f64],
    ) -> Self {
        let turn = |(logits, target): (&[R], usize)| {
            let sum = |(at, &logit): (usize, &R)| {
                if at == class { f64::NEG_INFINITY } else { logit.into() + offsets[at] }
            };
            let (rival, sum) = largest(logits.iter().enumerate().map(sum));
            let own = logits[class].into();
            let now = own + offsets[class];
            Turn {
                at: (sum - own) as f32,
                rival: rival as u32,
                target: target as u32,
                turned: now > sum || class < rival && now >= sum,
            }
        };
        let mut turns: Vec<Turn> = rows.map(turn).collect();
        turns.sort_unstable_by(|a, b| a.at.total_cmp(&b.at));
        Self { class, turns }
    }

    /// The offset with the highest mean IoU, where it is higher than now: midway between the row that
    /// turns last and the next one.
    fn better(&self, classes: usize) -> Option<f64> {
        let mut overlaps = Overlaps::before(&self.turns, classes);
        let mut best = (overlaps.mean(), f64::from(self.turns.first()?.at) - 1.0);
        for (place, turn) in self.turns.iter().enumerate() {
            overlaps.turn(turn, self.class);
            let after = self.turns.get(place + 1).map_or(turn.at + 2.0, |next| next.at);
            let offset = f64::from(turn.at + (after - turn.at) / 2.0);
            // Rows that turn together, or too near each other for a number between, are not told apart.
            let apart = f64::from(turn.at) < offset && offset < f64::from(after);
            if apart && offset.abs() <= Offsets::MAX && overlaps.mean() > best.0 {
                best = (overlaps.mean(), offset);
            }
        }
        let mut at_now = Overlaps::before(&self.turns, classes);
        self.turns.iter().filter(|turn| turn.turned).for_each(|turn| at_now.turn(turn, self.class));
        (best.0 > at_now.mean() + GAIN && best.1.abs() <= Offsets::MAX).then_some(best.1)
    }
}

/// Counts of each class, and the sum of their IoUs as decisions change.
struct Overlaps {
    counts: Vec<Counts>,
    sum: f64,
    occurring: f64,
}

impl Overlaps {
    /// Where each row decides for its rival.
    fn before(turns: &[Turn], classes: usize) -> Self {
        let mut counts = vec![Counts::default(); classes];
        for Turn { rival, target, .. } in turns {
            if rival == target {
                counts[*rival as usize].true_positives += 1;
            } else {
                counts[*rival as usize].false_positives += 1;
                counts[*target as usize].false_negatives += 1;
            }
        }
        let mut overlaps = Self { counts, sum: 0.0, occurring: 0.0 };
        (0..classes).for_each(|class| overlaps.weigh(class, 1.0));
        overlaps
    }

    fn mean(&self) -> f64 {
        self.sum / self.occurring.max(1.0)
    }

    /// A row turns from its rival to the class.
    fn turn(&mut self, &Turn { rival, target, .. }: &Turn, class: usize) {
        let (rival, target) = (rival as usize, target as usize);
        self.weigh(rival, -1.0);
        self.weigh(class, -1.0);
        if rival == target {
            self.counts[rival].true_positives -= 1;
            self.counts[rival].false_negatives += 1;
        } else {
            self.counts[rival].false_positives -= 1;
        }
        if class == target {
            self.counts[class].false_negatives -= 1;
            self.counts[class].true_positives += 1;
        } else {
            self.counts[class].false_positives += 1;
        }
        self.weigh(rival, 1.0);
        self.weigh(class, 1.0);
    }

    fn weigh(&mut self, class: usize, sign: f64) {
        if let Some(iou) = self.counts[class].iou() {
            self.sum += sign * iou;
            self.occurring += sign;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ConfusionMatrix;
    use proptest::prelude::*;

    fn mean_iou(offsets: &[f64], logits: &[f64], targets: &[usize]) -> f64 {
        let offsets = Offsets::try_from(offsets.to_vec()).unwrap();
        let mut matrix = ConfusionMatrix::new(offsets.values().len()).unwrap();
        matrix.update(&offsets.decide(logits).unwrap(), targets, None).unwrap();
        matrix.mean_iou().unwrap()
    }

    #[test]
    fn where_the_largest_logit_is_right_nothing_is_added() {
        let offsets = Offsets::fit_classes(&[2.0, 0.0, 0.0, 1.0], &[0, 1], 2, None).unwrap();
        assert_eq!(offsets.values(), [0.0, 0.0]);
        assert_eq!(Offsets::fit_classes(&[2.0, 1.0], &[0, 0], 1, None).unwrap().values(), [0.0]);
    }

    #[test]
    fn rows_without_a_target_do_not_count() {
        let logits = [3.0, 0.0, 1.0, 0.0, 9.0, 0.0];
        let offsets = Offsets::fit_classes(&logits, &[0, 1, -1], 2, Some(-1)).unwrap();
        assert_eq!(offsets.values(), [0.0, 2.0]);
        let none = Offsets::fit_classes(&logits, &[-1, -1, -1], 2, Some(-1));
        assert_eq!(none, Err(CalibrationError::NoTargets));
        assert!(Offsets::fit_classes(&[f64::NAN, 0.0], &[0], 2, None).is_err());
        assert!(Offsets::fit_classes(&[0.0, 0.0], &[2], 2, None).is_err());
    }

    #[test]
    fn what_is_read_is_checked() {
        let offsets = Offsets::try_from(vec![0.0, -1.5]).unwrap();
        let text = serde_json::to_string(&offsets).unwrap();
        assert_eq!((text.as_str(), serde_json::from_str(&text).unwrap()), ("[0.0,-1.5]", offsets));
        for bad in ["[]", "[0.0, 101.0]", "[1e400]"] {
            assert!(serde_json::from_str::<Offsets>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// It is never worse than the largest logit, and no other offset of a single class, tried one by one, is
        /// better.
        #[test]
        fn no_offset_of_a_class_is_better(
            rows in prop::collection::vec(([-8_i32..8, -8_i32..8, -8_i32..8], 0_usize..3), 1..40),
        ) {
            let logits: Vec<f64> = rows.iter().flat_map(|row| row.0.map(f64::from)).collect();
            let targets: Vec<usize> = rows.iter().map(|row| row.1).collect();
            let fitted = Offsets::fit_classes(&logits, &targets, 3, None).unwrap();
            let reached = mean_iou(fitted.values(), &logits, &targets);
            prop_assert!(reached >= mean_iou(&[0.0; 3], &logits, &targets) - 1e-6);
            for class in [1, 2] {
                for step in -120..120 {
                    let mut other = fitted.values().to_vec();
                    other[class] = f64::from(step) * 0.25 + 0.125;
                    prop_assert!(mean_iou(&other, &logits, &targets) <= reached + 1e-6, "{other:?}");
                }
            }
        }
    }
}
