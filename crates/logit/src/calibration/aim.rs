//! What makes one threshold better than another.

use serde::{Deserialize, Serialize};

use crate::metrics::Counts;

/// What a threshold is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Aim {
    /// The highest F-beta, recall weighing β times as much as precision; of equal ones the highest threshold.
    MaxF {
        /// The weight, 0 or above; 1 for F1.
        beta: f64,
    },
    /// The highest F-beta of the decisions on all labels together (micro-averaged), recall weighing β times as much as
    /// precision. A label that is hard to find is then decided for as sure as the others are, or never; each label's own
    /// highest F has it decided for at every doubt.
    MaxMicroF {
        /// The weight, 0 or above; 1 for F1.
        beta: f64,
    },
    /// The highest recall of a precision at least this.
    MinPrecision {
        /// The precision, in [0, 1].
        precision: f64,
    },
    /// The highest precision of a recall at least this; of equal ones the highest recall.
    MinRecall {
        /// The recall, in [0, 1].
        recall: f64,
    },
}

impl Aim {
    /// How well counts serve the aim, the first number first; `None` if they do not.
    pub(super) fn merit(self, counts: Counts) -> Option<(f64, f64)> {
        let (precision, recall) = (counts.precision(), counts.recall());
        match self {
            Self::MaxF { beta } | Self::MaxMicroF { beta } => Some((counts.f_beta(beta).ok()?, 0.0)),
            Self::MinPrecision { precision: least } => (precision >= least).then_some((recall, precision)),
            Self::MinRecall { recall: least } => (recall >= least).then_some((precision, recall)),
        }
    }
}
