//! Recipes for sentence similarity.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ranges::Range;
use super::{Ranges, Setup};
use crate::models::PairEncoderConfig;

/// Network, data and loss of a recipe for sentence similarity.
pub type StsSetup = Setup<PairEncoderConfig, SentenceConfig, ScoreLoss>;

/// How sentences become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentenceConfig {
    /// The folder of the word vectors, or the file of vectors in it. They are frozen, and not part of a checkpoint:
    /// a run keeps the path.
    pub vectors: PathBuf,
    /// Whether a tokenizer is given sentences in lower case. A list of words always is.
    pub lowercase: bool,
    /// The most words of a sentence that are taken; what comes after is cut off.
    pub longest: usize,
}

/// The loss has no options: it follows from the head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreLoss {}

impl Ranges for StsSetup {
    fn ranges(&self) -> Vec<Range> {
        let model = &self.model;
        vec![
            Range::at_least_one("model.word_units", model.word_units),
            Range::at_least_one("model.hidden", model.hidden),
            Range::dropout("model.dropout", model.dropout),
            Range::new("data.longest", self.data.longest as f64, "from 1 to 1000", |value| {
                (1.0..=1000.0).contains(&value)
            }),
        ]
    }
}
