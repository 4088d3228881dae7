//! What came of judging a network on a part of the data.

use logit::metrics::{ConfusionMatrix, ReliabilityBin};

use super::Scores;
use crate::page;

/// The scores, and what a report shows beside them.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// The numbers.
    pub scores: Scores,
    /// The result in one sentence.
    pub summary: String,
    /// Decisions by true class.
    pub confusion: Option<page::Confusion>,
    /// Confidence against accuracy.
    pub reliability: Vec<page::Reliability>,
    /// Other results.
    pub tables: Vec<page::Table>,
    /// Samples to look at.
    pub pictures: Vec<page::Picture>,
}

impl Judgement {
    /// Scores alone.
    pub fn of(scores: Scores, summary: String) -> Self {
        Self { scores, summary, ..Self::default() }
    }
}

/// A confusion matrix as a report draws it.
pub(crate) fn confusion(matrix: &ConfusionMatrix, labels: Vec<String>) -> page::Confusion {
    page::Confusion {
        labels,
        counts: matrix.counts().chunks(matrix.classes()).map(<[u64]>::to_vec).collect(),
    }
}

/// A reliability diagram as a report draws it.
pub(crate) fn reliability(title: &str, of: &logit::metrics::Reliability) -> page::Reliability {
    let bin = |bin: ReliabilityBin| page::Bin {
        lower: bin.lower,
        upper: bin.upper,
        count: bin.count,
        confidence: bin.mean_confidence.unwrap_or(0.0),
        accuracy: bin.accuracy.unwrap_or(0.0),
    };
    page::Reliability {
        title: title.to_owned(),
        bins: of.bins().into_iter().map(bin).collect(),
        ece: of.expected_calibration_error().unwrap_or(0.0),
    }
}
