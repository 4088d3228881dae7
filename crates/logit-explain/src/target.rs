//! Where an explanation starts.

use serde::Serialize;

use crate::array::Array;
use crate::error::ExplainError;
use crate::number::Number;

/// What of a sample's output is explained: a function of its logits, by a direction in them.
///
/// Relevance starts at each logit times its part of the direction; a gradient starts at the direction itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Target {
    /// A logit, or a value: `z_k`. Of a single unit it is also the log-odds of its sigmoid.
    Logit {
        /// Which unit.
        unit: usize,
    },
    /// A class's log-odds, `ln p_k/(1 − p_k) = z_k − ln Σ_{j≠k} exp z_j`, by its linear part
    /// `z_k − Σ_{j≠k} q_j z_j`, where `q` is the softmax over the other classes. The rest is the entropy of `q`, which
    /// belongs to no input.
    LogOdds {
        /// Which class.
        unit: usize,
    },
    /// A function of the logits of a row, by how it changes with each, as that of an expected grade.
    Direction {
        /// Its gradient by the logits.
        direction: Vec<f64>,
    },
    /// A logit at a pixel of a map.
    Pixel {
        /// Which unit.
        unit: usize,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// The sum of a unit's logits over a region of a map.
    Region {
        /// Which unit.
        unit: usize,
        /// For each pixel, row by row, whether it belongs to the region.
        #[serde(skip)]
        mask: Vec<bool>,
    },
}

impl Target {
    /// Which unit it is of; none of a function of several.
    pub fn unit(&self) -> Option<usize> {
        match *self {
            Self::Logit { unit }
            | Self::LogOdds { unit }
            | Self::Pixel { unit, .. }
            | Self::Region { unit, .. } => Some(unit),
            Self::Direction { .. } => None,
        }
    }

    /// The direction of a sample with these logits, of the shape `[K]` or `[K, H, W]`.
    fn direction<T: Number>(&self, logits: &[T], shape: &[usize]) -> Result<Vec<T>, ExplainError> {
        let (units, sides) = match *shape {
            [units] => (units, None),
            [units, height, width] => (units, Some([height, width])),
            _ => return Err(ExplainError::Target(format!("an output of {shape:?} has no units to explain"))),
        };
        let unit = self.unit().unwrap_or_default();
        if unit >= units {
            return Err(ExplainError::Target(format!(
                "there is no unit {unit}: the output has {units}, from 0"
            )));
        }
        let mut direction = vec![T::zero(); logits.len()];
        match (self, sides) {
            (Self::Logit { .. }, None) => direction[unit] = T::one(),
            (Self::Direction { direction: given }, None) if given.len() == units => {
                direction.iter_mut().zip(given).for_each(|(place, given)| *place = T::of(*given));
            }
            (Self::Direction { direction }, None) => {
                let what = format!("a direction of {} numbers for {units} units", direction.len());
                return Err(ExplainError::Target(what));
            }
            (Self::LogOdds { .. }, None) => log_odds(logits, unit, &mut direction),
            (&Self::Pixel { row, column, .. }, Some([height, width])) if row < height && column < width => {
                direction[(unit * height + row) * width + column] = T::one();
            }
            (Self::Region { mask, .. }, Some([height, width])) if mask.len() == height * width => {
                let plane = &mut direction[unit * height * width..][..height * width];
                plane
                    .iter_mut()
                    .zip(mask)
                    .for_each(|(place, inside)| *place = if *inside { T::one() } else { T::zero() });
            }
            (Self::Pixel { row, column, .. }, Some([height, width])) => {
                let what = format!(
                    "there is no pixel in row {row}, column {column}: the map has {height} × {width}"
                );
                return Err(ExplainError::Target(what));
            }
            (Self::Region { mask, .. }, Some([height, width])) => {
                let what =
                    format!("a region of {} pixels is none of a map of {height} × {width}", mask.len());
                return Err(ExplainError::Target(what));
            }
            (_, Some(_)) => {
                let what = "the output is a map: choose a pixel or a region of it".to_owned();
                return Err(ExplainError::Target(what));
            }
            (_, None) => {
                return Err(ExplainError::Target("the output is no map: choose a unit of it".to_owned()));
            }
        }
        Ok(direction)
    }

    /// The values of a batch: what is explained, as a function of the logits; of log-odds the whole, not its linear part.
    ///
    /// # Errors
    /// As [`directions`](Self::directions).
    pub fn values<T: Number>(targets: &[Self], logits: &Array<T>) -> Result<Vec<f64>, ExplainError> {
        let directions = Self::directions(targets, logits)?;
        let value = |(sample, target): (usize, &Self)| {
            if let Self::LogOdds { unit } = target {
                return log_odds_of(logits.row(sample), *unit);
            }
            let products = directions.row(sample).iter().zip(logits.row(sample));
            products.map(|(direction, logit)| direction.wide() * logit.wide()).sum()
        };
        Ok((0..logits.rows()).zip(targets.iter().cycle()).map(value).collect())
    }

    /// The directions of a batch: a target per sample, or one for all.
    ///
    /// # Errors
    /// There are neither as many targets as samples nor one, or a sample has no such output.
    pub fn directions<T: Number>(targets: &[Self], logits: &Array<T>) -> Result<Array<T>, ExplainError> {
        let samples = logits.rows();
        if targets.len() != samples && targets.len() != 1 {
            return Err(ExplainError::Target(format!("{} targets for {samples} samples", targets.len())));
        }
        let mut numbers = Vec::with_capacity(logits.numbers.len());
        for (sample, target) in (0..samples).zip(targets.iter().cycle()) {
            numbers.extend(target.direction(logits.row(sample), &logits.shape[1..])?);
        }
        Ok(Array::new(logits.shape.clone(), numbers))
    }
}

/// `z_k − ln Σ_{j≠k} exp z_j`.
fn log_odds_of<T: Number>(logits: &[T], unit: usize) -> f64 {
    let others = || logits.iter().enumerate().filter(|(at, _)| *at != unit).map(|(_, logit)| logit.wide());
    let most = others().fold(f64::NEG_INFINITY, f64::max);
    let own = logits[unit].wide();
    if most.is_infinite() { own } else { own - most - others().map(|z| (z - most).exp()).sum::<f64>().ln() }
}

/// The gradient of a class's log-odds by the logits.
fn log_odds<T: Number>(logits: &[T], unit: usize, direction: &mut [T]) {
    let others = || logits.iter().enumerate().filter(|(at, _)| *at != unit).map(|(_, logit)| *logit);
    let most = others().fold(T::neg_infinity(), T::max);
    let sum = others().fold(T::zero(), |sum, logit| sum + (logit - most).exp());
    for (at, (place, logit)) in direction.iter_mut().zip(logits).enumerate() {
        *place = if at == unit { T::one() } else { -(*logit - most).exp() / sum };
    }
}
