//! Recipes for tables.

use std::path::PathBuf;

use logit_data::range::Range;
use logit_data::table::TableData;
use serde::{Deserialize, Serialize};

use super::{Setup, TaskSetup};

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

/// Options of the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableLoss {
    /// The share of a class or label target that is spread, in [0, 1).
    #[serde(default)]
    pub label_smoothing: f64,
}

impl TaskSetup for TableSetup {
    fn ranges(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> =
            self.model.hidden.iter().map(|units| Range::at_least_one("model.hidden", *units)).collect();
        ranges.extend(self.data.ranges());
        ranges.extend([
            Range::share("model.dropout", self.model.dropout),
            Range::share("loss.label_smoothing", self.loss.label_smoothing),
        ]);
        ranges
    }

    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        self.data.paths_mut()
    }
}
