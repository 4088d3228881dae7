//! Temperature scaling: logits divided by one number that makes confidences honest.

use logit_kernels::row;
use serde::{Deserialize, Serialize};

use super::error::CalibrationError;
use crate::metrics::input::{Columns, check_number, check_numbers, check_rows};
use crate::metrics::{ClassIndex, MetricError, Real};

/// Newton's method takes about ten steps; halving alone would take fifty.
const MAX_STEPS: usize = 200;
/// A relative step below which the scale is found, a few rounding errors wide.
const TOLERANCE: f64 = 1e-14;

/// The temperature `T` of a classifier, or one for each label: probabilities are softmax(z/T), or
/// sigmoid(z/T).
///
/// Fitted on data that training did not see, it minimises the mean negative log-likelihood of the targets
/// (Guo et al., "On calibration of modern neural networks", 2017). Above 1 the model was too sure, below 1
/// not sure enough. It moves no argmax, and no label across a threshold at logit 0.
///
/// The likelihood is convex in 1/T, and Newton's method, kept between bounds, finds its one minimum. `T`
/// stays within [[`MIN`](Self::MIN), [`MAX`](Self::MAX)]. One that stands at a bound was stopped there: at
/// `MIN` where all targets have the top logit, so that no confidence is too much, at `MAX` where logits say
/// nothing about the targets, or the opposite. Logits that are the same for all classes (or 0 for a label)
/// like every `T` alike, and get 1.
///
/// ```
/// use logit::calibration::Temperature;
///
/// // A label whose logit is right three times in four.
/// let temperature = Temperature::fit_labels(&[3.0, 3.0, 3.0, -3.0], &[true, true, false, false], 1, None)?;
/// assert!((temperature.values()[0] - 3.0 / 3_f64.ln()).abs() < 1e-12);
///
/// let mut logits = [6.0_f32];
/// temperature.apply(&mut logits)?;
/// assert!((logits[0] - 2.0 * 3_f32.ln()).abs() < 1e-6);
/// # Ok::<(), logit::calibration::CalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Temperature {
    values: Vec<f64>,
}

impl Temperature {
    /// The lowest temperature that is fitted or read.
    pub const MIN: f64 = 1e-2;
    /// The highest temperature that is fitted or read.
    pub const MAX: f64 = 1e2;

    /// One temperature for `N` rows of `K` class logits and `N` targets, but those whose target is
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
        let scale = minimise(|scale| {
            sum_slopes(rows.clone().map(|(logits, target)| class_slope(logits, target, scale)))
        });
        Ok(Self { values: vec![scale.recip()] })
    }

    /// A temperature a label for `N·K` label logits and targets, but those marked in `ignore`.
    ///
    /// # Errors
    ///
    /// If the lengths differ or are not whole rows, a logit that counts is not finite, or a label has no
    /// target that counts.
    pub fn fit_labels<R: Real>(
        logits: &[R],
        targets: &[bool],
        labels: usize,
        ignore: Option<&[bool]>,
    ) -> Result<Self, CalibrationError> {
        let mut columns = vec![Vec::new(); labels];
        for (label, logit, target) in
            Columns::new(labels)?.label_elements(logits, targets, ignore, check_number)?
        {
            columns[label].push(if target { -logit } else { logit });
        }
        let fit = |(label, against): (usize, Vec<f64>)| {
            if against.is_empty() {
                return Err(CalibrationError::NoTargetsOfLabel { label });
            }
            let slopes = |scale| sum_slopes(against.iter().map(|&against| label_slope(against, scale)));
            Ok(minimise(slopes).recip())
        };
        let values = columns.into_iter().enumerate().map(fit).collect::<Result<_, _>>()?;
        Ok(Self { values })
    }

    /// The temperatures: one, or one for each label.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Divides each logit by its temperature: rows of as many columns as there are labels, or any rows if
    /// there is one temperature.
    ///
    /// # Errors
    ///
    /// If the logits are not whole rows.
    pub fn apply<R: Real>(&self, logits: &mut [R]) -> Result<(), MetricError> {
        check_rows("logits", logits.len(), self.values.len())?;
        for (logit, temperature) in logits.iter_mut().zip(self.values.iter().cycle()) {
            *logit = R::from_f64((*logit).into() / temperature);
        }
        Ok(())
    }
}

impl TryFrom<Vec<f64>> for Temperature {
    type Error = CalibrationError;

    fn try_from(values: Vec<f64>) -> Result<Self, CalibrationError> {
        if values.is_empty() {
            return Err(MetricError::NoColumns.into());
        }
        match values.iter().position(|value| !(Self::MIN..=Self::MAX).contains(value)) {
            Some(index) => Err(CalibrationError::TemperatureOutOfRange { index, value: values[index] }),
            None => Ok(Self { values }),
        }
    }
}

impl From<Temperature> for Vec<f64> {
    fn from(temperature: Temperature) -> Self {
        temperature.values
    }
}

/// First and second derivative of a loss by the scale 1/T.
type Slopes = (f64, f64);

fn sum_slopes(rows: impl Iterator<Item = Slopes>) -> Slopes {
    rows.fold((0.0, 0.0), |(slope, curvature), row| (slope + row.0, curvature + row.1))
}

/// Of ln Σₖ exp(s·zₖ) − s·z(target): the mean of z under softmax(s·z) less z(target), and its variance.
fn class_slope<R: Real>(logits: &[R], target: usize, scale: f64) -> Slopes {
    let (_, largest) = row::largest(logits.iter().copied());
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    for &logit in logits {
        let below = logit.into() - largest;
        let weight = (scale * below).exp();
        sum += weight;
        first += weight * below;
        second += weight * below * below;
    }
    let mean = first / sum;
    (mean - (logits[target].into() - largest), second / sum - mean * mean)
}

/// Of ln (1 + exp(s·a)), where `a` is the logit against the target.
fn label_slope(against: f64, scale: f64) -> Slopes {
    let wrong = row::sigmoid(scale * against);
    (wrong * against, wrong * (1.0 - wrong) * against * against)
}

/// The scale within the bounds at which a convex loss is lowest, from its slopes: Newton's method, and
/// halving of the bracket (on a logarithmic scale) where a step would leave it or does not shrink.
fn minimise(slopes: impl Fn(f64) -> Slopes) -> f64 {
    let mut scale = 1.0;
    let (mut slope, mut curvature) = slopes(scale);
    if slope == 0.0 {
        return scale;
    }
    let (mut low, mut high) = (Temperature::MAX.recip(), Temperature::MIN.recip());
    let bound = if slope > 0.0 { low } else { high };
    if slopes(bound).0 * slope >= 0.0 {
        return bound;
    }
    let mut last_step = f64::INFINITY;
    for _ in 0..MAX_STEPS {
        *(if slope > 0.0 { &mut high } else { &mut low }) = scale;
        let newton = scale - slope / curvature;
        let helps = newton > low && newton < high && (newton - scale).abs() < 0.5 * last_step;
        let next = if helps { newton } else { (low * high).sqrt() };
        last_step = (next - scale).abs();
        scale = next;
        if last_step <= TOLERANCE * scale {
            break;
        }
        (slope, curvature) = slopes(scale);
        if slope == 0.0 {
            break;
        }
    }
    scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_say_what_the_data_cannot() {
        let fit =
            |targets: &[usize]| Temperature::fit_classes(&[3.0, 0.0, 0.0, 3.0], targets, 2, None).unwrap();
        assert_eq!(fit(&[0, 1]).values(), [Temperature::MIN]);
        assert_eq!(fit(&[1, 0]).values(), [Temperature::MAX]);
        let level = Temperature::fit_classes(&[5.0, 5.0], &[1], 2, None).unwrap();
        assert_eq!(level.values(), [1.0]);
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        let logits = [1e4, -1e4, 1e4, -1e4, -1e4, 1e4, 1e4, -1e4];
        let temperature = Temperature::fit_classes(&logits, &[0, 0, 1, 1], 2, None).unwrap();
        // Right three times in four needs a temperature of 2e4 / ln 3, beyond the bound.
        assert_eq!(temperature.values(), [Temperature::MAX]);
        let wide: Vec<f64> = logits.iter().map(|logit| logit / 200.0).collect();
        let temperature = Temperature::fit_classes(&wide, &[0, 0, 1, 1], 2, None).unwrap();
        assert!((temperature.values()[0] - 100.0 / 3_f64.ln()).abs() < 1e-10);
    }

    #[test]
    fn every_label_has_its_own() {
        let mut logits = [2.0_f32, 4.0, 2.0, 4.0, 2.0, 4.0, 9.9, f32::NAN];
        let targets = [true, true, true, true, false, false, true, true];
        let ignore = [false, false, false, false, false, false, true, true];
        let temperature = Temperature::fit_labels(&logits, &targets, 2, Some(&ignore)).unwrap();
        let expected = [2.0 / 2_f64.ln(), 4.0 / 2_f64.ln()];
        for (value, expected) in temperature.values().iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12);
        }
        temperature.apply(&mut logits).unwrap();
        assert!((logits[0] - logits[1]).abs() < 1e-6);
        assert!(temperature.apply(&mut logits[..3]).is_err());
    }

    #[test]
    fn nothing_to_fit_on_is_an_error() {
        let none = Temperature::fit_classes(&[1.0, 2.0], &[-100], 2, Some(-100));
        assert_eq!(none, Err(CalibrationError::NoTargets));
        let label = Temperature::fit_labels(&[1.0, 2.0], &[true, true], 2, Some(&[false, true]));
        assert_eq!(label, Err(CalibrationError::NoTargetsOfLabel { label: 1 }));
        assert!(Temperature::fit_classes(&[1.0, f64::INFINITY], &[0], 2, None).is_err());
    }

    #[test]
    fn what_is_read_is_checked() {
        let temperature = Temperature::fit_labels(&[1.0, -1.0, 1.0], &[true, true, true], 1, None).unwrap();
        let text = serde_json::to_string(&temperature).unwrap();
        assert_eq!(serde_json::from_str::<Temperature>(&text).unwrap(), temperature);
        for bad in ["[]", "[0.0]", "[1.0, -1.0]", "[1e9]", "[null]"] {
            assert!(serde_json::from_str::<Temperature>(bad).is_err(), "{bad}");
        }
    }
}
