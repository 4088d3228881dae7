//! Where the score of each label becomes a yes.

use serde::{Deserialize, Serialize};

use super::aim::Aim;
use super::error::CalibrationError;
use crate::metrics::input::{check_number, check_rows};
use crate::metrics::{Counts, MetricError, OperatingPoint, Ranking, Real};

/// One threshold for each label: the decision is yes if score ≥ threshold.
///
/// The choice is exact over all distinct scores of the validation set, and is made on the scores that will be
/// decided on: logits or probabilities. A threshold lies midway between the lowest score that is to be a yes
/// and the next one below, rounded to an `f32`, so that decisions in single precision are the same; where no
/// `f32` lies between them, and where there is no score below, it is that lowest score itself.
///
/// ```
/// use logit::calibration::{Aim, Thresholds};
/// use logit::metrics::Ranking;
///
/// let mut ranking = Ranking::new(1)?;
/// ranking.update_labels(&[0.875, 0.75, 0.5, 0.25], &[true, true, false, true], None)?;
/// let precise = Thresholds::fit(&ranking, Aim::MinPrecision { precision: 0.9 })?;
/// assert_eq!(precise.values(), [0.625]);
/// let complete = Thresholds::fit(&ranking, Aim::MinRecall { recall: 1.0 })?;
/// assert_eq!(complete.values(), [0.25]);
/// # Ok::<(), logit::calibration::CalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Thresholds {
    aim: Aim,
    values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    aim: Aim,
    values: Vec<f64>,
}

impl Thresholds {
    /// The threshold of each column of a ranking that serves the aim best.
    ///
    /// # Errors
    ///
    /// If the aim is out of its range, a label is true in no row (with [`Aim::MaxMicroF`], all labels are), or no
    /// threshold of a label is precise enough.
    pub fn fit(ranking: &Ranking, aim: Aim) -> Result<Self, CalibrationError> {
        check(aim)?;
        let labels: Vec<_> =
            (0..ranking.columns()).filter_map(|label| ranking.operating_points(label)).collect();
        let values = match aim {
            Aim::MaxMicroF { beta } => best_together(&labels, beta)?,
            _ => labels
                .iter()
                .enumerate()
                .map(|(label, points)| best(label, points, aim))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self { aim, values })
    }

    /// What they were chosen for.
    pub fn aim(&self) -> Aim {
        self.aim
    }

    /// The thresholds, one for each label.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The decision on each of `N·K` scores.
    ///
    /// # Errors
    ///
    /// If the scores are not whole rows, or one is not finite.
    pub fn decide<R: Real>(&self, scores: &[R]) -> Result<Vec<bool>, MetricError> {
        let labels = self.values.len();
        check_rows("scores", scores.len(), labels)?;
        let decide = |(i, &score): (usize, &R)| {
            check_number(i / labels, i % labels, score.into())?;
            Ok(score.into() >= self.values[i % labels])
        };
        scores.iter().enumerate().map(decide).collect()
    }
}

impl TryFrom<Parts> for Thresholds {
    type Error = CalibrationError;

    fn try_from(Parts { aim, values }: Parts) -> Result<Self, CalibrationError> {
        check(aim)?;
        if values.is_empty() {
            return Err(MetricError::NoColumns.into());
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(CalibrationError::ThresholdNotFinite { index, value: values[index] }),
            None => Ok(Self { aim, values }),
        }
    }
}

/// The threshold for the best of the points, which come from the highest score down.
fn best(label: usize, points: &[OperatingPoint], aim: Aim) -> Result<f64, CalibrationError> {
    let last = points.last().ok_or(CalibrationError::NoTargetsOfLabel { label })?;
    if last.counts.support() == 0 {
        return Err(CalibrationError::NoPositives { label });
    }
    let mut best: Option<(usize, (f64, f64))> = None;
    for (i, point) in points.iter().enumerate() {
        let Some(merit) = aim.merit(point.counts) else { continue };
        if best.is_none_or(|(_, so_far)| merit > so_far) {
            best = Some((i, merit));
        }
    }
    let Some((i, _)) = best else {
        let best = points.iter().map(|point| point.counts.precision()).fold(0.0, f64::max);
        return Err(CalibrationError::Unreachable { label, aim, best });
    };
    Ok(between(points[i].score, points.get(i + 1).map(|below| below.score)))
}

/// The thresholds with the highest F-beta of all labels together.
///
/// F = (1 + β²) TP / (decided + β² true) is a ratio of sums over the labels, and no thresholds have a higher one than `F`
/// just where none have Σ ((1 + β²) TP − F · decided) above F · β² · Σ true. That sum is highest where each label's part
/// is, so that a value of `F` leads to thresholds of a higher one, until there is none (Dinkelbach 1967).
fn best_together(labels: &[Vec<OperatingPoint>], beta: f64) -> Result<Vec<f64>, CalibrationError> {
    let mut positives = 0.0;
    for (label, points) in labels.iter().enumerate() {
        let last = points.last().ok_or(CalibrationError::NoTargetsOfLabel { label })?;
        positives += last.counts.support() as f64;
    }
    if positives == 0.0 {
        return Err(CalibrationError::NoPositives { label: 0 });
    }
    let weight = 1.0 + beta * beta;
    let hits = |counts: &Counts| counts.true_positives as f64;
    let decided = |counts: &Counts| (counts.true_positives + counts.false_positives) as f64;
    let mut reached = 0.0;
    loop {
        // The place of each label's last row that is a yes; none where it never is.
        let choose = |points: &Vec<OperatingPoint>| {
            let merits =
                points.iter().map(|point| weight * hits(&point.counts) - reached * decided(&point.counts));
            let best = merits
                .enumerate()
                .fold((None, 0.0), |best, (at, merit)| if merit > best.1 { (Some(at), merit) } else { best });
            best.0
        };
        let chosen: Vec<Option<usize>> = labels.iter().map(choose).collect();
        let counts = || labels.iter().zip(&chosen).filter_map(|(points, at)| Some(points[(*at)?].counts));
        let all = counts().map(|counts| decided(&counts)).sum::<f64>() + (weight - 1.0) * positives;
        let f = weight * counts().map(|counts| hits(&counts)).sum::<f64>() / all;
        if f > reached {
            reached = f;
            continue;
        }
        let threshold = |(points, at): (&Vec<OperatingPoint>, Option<usize>)| match at {
            Some(at) => between(points[at].score, points.get(at + 1).map(|below| below.score)),
            None => f64::from((points[0].score as f32).next_up()).max(points[0].score.next_up()),
        };
        return Ok(labels.iter().zip(chosen).map(threshold).collect());
    }
}

/// A number above `below`, and not above `score`.
fn between(score: f64, below: Option<f64>) -> f64 {
    let midway = below.map(|below| (f64::from((below + (score - below) / 2.0) as f32), below));
    match midway {
        Some((midway, below)) if midway > below && midway <= score => midway,
        _ => score,
    }
}

/// The aim is within its range.
fn check(aim: Aim) -> Result<(), CalibrationError> {
    let (name, value) = match aim {
        Aim::MaxF { beta } | Aim::MaxMicroF { beta } => {
            return Ok(Counts::default().f_beta(beta).map(|_| ())?);
        }
        Aim::MinPrecision { precision } => ("precision", precision),
        Aim::MinRecall { recall } => ("recall", recall),
    };
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(CalibrationError::Aim { aim: name, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranking(scores: &[f64], targets: &[bool], labels: usize) -> Ranking {
        let mut ranking = Ranking::new(labels).unwrap();
        ranking.update_labels(scores, targets, None).unwrap();
        ranking
    }

    #[test]
    fn what_cannot_be_reached_is_named() {
        let scores = [0.9, 0.9, 0.8, 0.2, 0.7, 0.1];
        let ranking = ranking(&scores, &[true, false, true, true, false, false], 2);
        let aim = Aim::MinPrecision { precision: 0.75 };
        let error = Thresholds::fit(&ranking, aim).unwrap_err();
        assert_eq!(error, CalibrationError::Unreachable { label: 1, aim, best: 0.5 });
        let error = Thresholds::fit(&Ranking::new(1).unwrap(), Aim::MaxF { beta: 1.0 }).unwrap_err();
        assert_eq!(error, CalibrationError::NoTargetsOfLabel { label: 0 });
    }

    #[test]
    fn a_label_never_true_has_no_threshold() {
        let ranking = ranking(&[0.9, 0.1], &[false, false], 1);
        for aim in [Aim::MaxF { beta: 1.0 }, Aim::MinRecall { recall: 0.0 }] {
            assert_eq!(Thresholds::fit(&ranking, aim), Err(CalibrationError::NoPositives { label: 0 }));
        }
    }

    #[test]
    fn together_a_label_that_is_not_found_is_left_alone() {
        // The first label is told well; the second is true in one row of four, which scores lowest.
        let scores = [0.9, 0.4, 0.8, 0.3, 0.2, 0.2, 0.1, 0.1];
        let targets = [true, false, true, false, false, false, false, true];
        let ranking = ranking(&scores, &targets, 2);
        let alone = Thresholds::fit(&ranking, Aim::MaxF { beta: 1.0 }).unwrap();
        assert_eq!(alone.values(), [0.5, 0.1]);
        let together = Thresholds::fit(&ranking, Aim::MaxMicroF { beta: 1.0 }).unwrap();
        assert_eq!(together.decide(&scores).unwrap(), [true, false, true, false, false, false, false, false]);
        let mut never = Ranking::new(2).unwrap();
        never.update_labels(&[0.5, 0.25], &[false, false], None).unwrap();
        assert!(Thresholds::fit(&never, Aim::MaxMicroF { beta: 1.0 }).is_err());
    }

    #[test]
    fn ties_go_to_the_highest_threshold_or_the_highest_recall() {
        let scores = [4.0, 3.0, 2.0, 1.0];
        for (targets, aim, expected) in [
            // F1 is 2/3 with the first row alone and with all four.
            ([true, false, false, true], Aim::MaxF { beta: 1.0 }, 3.5),
            // The precision is 1/2 with the first two rows and with all four.
            ([false, true, false, true], Aim::MinRecall { recall: 0.5 }, 1.0),
        ] {
            let fitted = Thresholds::fit(&ranking(&scores, &targets, 1), aim).unwrap();
            assert_eq!(fitted.values(), [expected], "{aim:?}");
        }
    }

    #[test]
    fn neighbours_without_a_number_between_are_told_apart() {
        let next = |value: f64| value.next_up();
        let single = f64::from(0.1_f32.next_up());
        for (below, score) in
            [(1.0, next(1.0)), (0.1, next(0.1)), (f64::from(0.1_f32), single), (-1e-300, 0.0)]
        {
            let threshold = between(score, Some(below));
            assert!(below < threshold && threshold <= score, "{below} {score}");
        }
        // In single precision too, where the scores are single.
        assert!(between(single, Some(f64::from(0.1_f32))) as f32 > 0.1_f32);
    }

    #[test]
    fn what_is_read_is_checked() {
        let thresholds =
            Thresholds::fit(&ranking(&[0.3, 0.1], &[true, false], 1), Aim::MaxF { beta: 2.0 }).unwrap();
        let text = serde_json::to_string(&thresholds).unwrap();
        assert_eq!(serde_json::from_str::<Thresholds>(&text).unwrap(), thresholds);
        for bad in [
            r#"{"aim": {"max_f": {"beta": -1.0}}, "values": [0.5]}"#,
            r#"{"aim": {"min_recall": {"recall": 1.5}}, "values": [0.5]}"#,
            r#"{"aim": {"max_f": {"beta": 1.0}}, "values": []}"#,
            r#"{"aim": {"max_f": {"beta": 1.0}}, "values": [0.5], "extra": 1}"#,
        ] {
            assert!(serde_json::from_str::<Thresholds>(bad).is_err(), "{bad}");
        }
        let infinite = Parts { aim: Aim::MaxF { beta: 1.0 }, values: vec![0.5, f64::NEG_INFINITY] };
        assert!(Thresholds::try_from(infinite).is_err());
        assert!(thresholds.decide(&[f32::NAN]).is_err());
    }

    proptest! {
        /// No threshold at all, tried one by one, serves the aim better than the one that is chosen.
        #[test]
        fn no_threshold_is_better(
            rows in prop::collection::vec((0_i32..12, any::<bool>()), 1..30),
            level in 0.0..1.0_f64,
        ) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let targets: Vec<bool> = rows.iter().map(|row| row.1).collect();
            prop_assume!(targets.contains(&true));
            let at = |threshold: f64| {
                let mut counts = Counts::default();
                for (score, &target) in scores.iter().zip(&targets) {
                    counts += match (*score >= threshold, target) {
                        (true, true) => Counts { true_positives: 1, ..Counts::default() },
                        (true, false) => Counts { false_positives: 1, ..Counts::default() },
                        (false, true) => Counts { false_negatives: 1, ..Counts::default() },
                        (false, false) => Counts { true_negatives: 1, ..Counts::default() },
                    };
                }
                counts
            };
            for aim in [
                Aim::MaxF { beta: 2.0 * level },
                Aim::MinPrecision { precision: level },
                Aim::MinRecall { recall: level },
            ] {
                let best = (0..12).filter_map(|i| aim.merit(at(f64::from(i)))).fold(None, |best, merit| {
                    if best.is_none_or(|so_far| merit > so_far) { Some(merit) } else { best }
                });
                match Thresholds::fit(&ranking(&scores, &targets, 1), aim) {
                    Ok(fitted) => prop_assert_eq!(aim.merit(at(fitted.values()[0])), best),
                    Err(error) => {
                        let unreachable = matches!(error, CalibrationError::Unreachable { .. });
                        prop_assert!(unreachable && best.is_none());
                    }
                }
            }
        }
    }
    proptest! {
        /// No pair of thresholds, tried one by one, has a higher F of both labels together.
        #[test]
        fn no_thresholds_together_are_better(
            rows in prop::collection::vec(((0_i32..8, 0_i32..8), any::<[bool; 2]>()), 1..20),
            beta in 0.25..2.0_f64,
        ) {
            let scores: Vec<f64> = rows.iter().flat_map(|row| [row.0.0, row.0.1]).map(f64::from).collect();
            let targets: Vec<bool> = rows.iter().flat_map(|row| row.1).collect();
            prop_assume!(targets.contains(&true));
            let f = |decided: &[bool]| {
                let mut counts = Counts::default();
                for (decided, target) in decided.iter().zip(&targets) {
                    counts.true_positives += u64::from(*decided && *target);
                    counts.false_positives += u64::from(*decided && !*target);
                    counts.false_negatives += u64::from(!*decided && *target);
                }
                counts.f_beta(beta).unwrap()
            };
            let fitted = Thresholds::fit(&ranking(&scores, &targets, 2), Aim::MaxMicroF { beta }).unwrap();
            let reached = f(&fitted.decide(&scores).unwrap());
            for first in 0..=8 {
                for second in 0..=8 {
                    let ends = [f64::from(first), f64::from(second)];
                    let decided: Vec<bool> =
                        scores.iter().zip(ends.iter().cycle()).map(|(score, end)| score >= end).collect();
                    prop_assert!(f(&decided) <= reached + 1e-12, "{ends:?}");
                }
            }
        }
    }
}
