//! Recipes for tables.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ranges::Range;
use super::{Ranges, Setup};

/// Network, data and loss of a recipe for tables.
pub type TableSetup = Setup<TableModel, TableData, TableLoss>;

/// The network: dense layers on standardised numbers, one-hot and embedded categories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableModel {
    /// What stands before the head.
    pub kind: TableModelKind,
    /// Units of each hidden layer of an `mlp`.
    pub hidden: Vec<usize>,
    /// Share of each hidden layer's units left out while training, in [0, 1).
    pub dropout: f64,
}

/// What stands before the head of a table's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableModelKind {
    /// Nothing: a linear model.
    Linear,
    /// Hidden layers with `ReLU`.
    Mlp,
}

impl TableModel {
    /// Units of the hidden layers, of which a linear model has none.
    pub fn layers(&self) -> &[usize] {
        match self.kind {
            TableModelKind::Linear => &[],
            TableModelKind::Mlp => &self.hidden,
        }
    }
}

/// Which columns are what, and which rows are held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableData {
    /// The columns to learn.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The kind of answer; found from the targets unless told.
    #[serde(default)]
    pub answer: AnswerChoice,
    /// The lowest and the highest grade, where the target is a grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grades: Option<[f64; 2]>,
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

/// Whether rare classes or labels weigh more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Every row weighs the same.
    #[default]
    None,
    /// Every class weighs the same: its rows `N / (K · n)` each; the positives of a label as much as its negatives.
    Balanced,
    /// The square root of the balanced weights.
    Sqrt,
}

/// Options of the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableLoss {
    /// The share of a class or label target that is spread, in [0, 1).
    #[serde(default)]
    pub label_smoothing: f64,
}

impl TableData {
    /// The shares that are held out.
    pub(super) fn ranges(&self) -> Vec<Range> {
        let sum = self.test + self.validation;
        vec![
            Range::dropout("data.test", self.test),
            Range::validation(self.validation),
            Range::new("data.test + data.validation", sum, "below 1", |sum| sum < 1.0),
        ]
    }
}

impl Ranges for TableSetup {
    fn ranges(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> =
            self.model.hidden.iter().map(|units| Range::at_least_one("model.hidden", *units)).collect();
        ranges.extend(self.data.ranges());
        ranges.extend([
            Range::dropout("model.dropout", self.model.dropout),
            Range::dropout("loss.label_smoothing", self.loss.label_smoothing),
        ]);
        ranges
    }
}
