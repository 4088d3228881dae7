//! What a recipe says of a table.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::range::Range;
use crate::weights::Weights;

/// The largest number, either way, that is learned from: its square, and that of its distance from a mean, fit into single
/// precision.
pub const LARGEST: f64 = 1e18;

/// Which columns are what, and which rows are held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableData {
    /// The columns to learn.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The kind of answer; found from the targets unless said.
    #[serde(default)]
    pub answer: AnswerChoice,
    /// The lowest and the highest grade, where the target is a grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grades: Option<Scale>,
    /// Columns that are not read.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Share of the rows held out for the test, in [0, 1); not used where there is a test file.
    pub test: f64,
    /// A table of test rows, with the same columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_file: Option<PathBuf>,
    /// Share of the rows held out for validation, in (0, 1).
    pub validation: f64,
    /// Whether rare classes or labels weigh more.
    #[serde(default)]
    pub weights: Weights,
}

impl TableData {
    /// The values that must lie in a range.
    pub fn ranges(&self) -> Vec<Range> {
        let sum = self.test + self.validation;
        vec![
            Range::share("data.test", self.test),
            Range::validation(self.validation),
            Range::new("data.test + data.validation", sum, "below 1", |sum| sum < 1.0),
        ]
    }

    /// The paths that are given.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        self.test_file.iter_mut().collect()
    }
}

/// The two ends of a scale of grades: finite, the lower one first.
///
/// ```
/// use logit_data::table::Scale;
///
/// assert_eq!(Scale::try_from(vec![1.0, 5.0])?.high(), 5.0);
/// assert!(Scale::try_from(vec![0.0, f64::INFINITY]).is_err());
/// # Ok::<(), logit_data::table::ScaleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// The lowest grade.
    pub fn low(self) -> f64 {
        self.low
    }

    /// The highest grade.
    pub fn high(self) -> f64 {
        self.high
    }
}

/// Numbers that are not the ends of a scale of grades.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{found:?} is no scale of grades; write the lowest and the highest grade, LOW,HIGH: two finite numbers, \
     the lower one first, and both within {LARGEST:e}"
)]
pub struct ScaleError {
    /// What was given.
    pub found: Vec<f64>,
}

impl TryFrom<Vec<f64>> for Scale {
    type Error = ScaleError;

    fn try_from(ends: Vec<f64>) -> Result<Self, ScaleError> {
        match ends[..] {
            [low, high] if low < high && low >= -LARGEST && high <= LARGEST => Ok(Self { low, high }),
            _ => Err(ScaleError { found: ends }),
        }
    }
}

impl From<Scale> for Vec<f64> {
    fn from(Scale { low, high }: Scale) -> Self {
        vec![low, high]
    }
}

/// The kind of answer that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerChoice {
    /// What the targets show.
    #[default]
    Auto,
    /// One of some classes.
    Classes,
    /// Each of some labels, yes or no.
    Labels,
    /// Numbers.
    Values,
    /// A grade between two ends.
    Grades,
}

impl AnswerChoice {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Classes => "classes",
            Self::Labels => "labels",
            Self::Values => "values",
            Self::Grades => "grades",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_two_finite_ends_the_lower_one_first() {
        let refused = |ends: &[f64]| Scale::try_from(ends.to_vec()).unwrap_err().to_string();
        for ends in [
            &[][..],
            &[5.0],
            &[0.0, 1.0, 2.0],
            &[5.0, 0.0],
            &[1.0, 1.0],
            &[f64::NAN, 5.0],
            &[f64::NEG_INFINITY, 5.0],
            &[0.0, f64::INFINITY],
            &[0.0, 2e18],
        ] {
            let message = refused(ends);
            assert!(message.starts_with(&format!("{ends:?} is no scale")), "{message}");
        }
        let scale = Scale::try_from(vec![-1.0, 0.5]).unwrap();
        assert_eq!((scale.low(), scale.high(), Vec::from(scale)), (-1.0, 0.5, vec![-1.0, 0.5]));
    }
}
