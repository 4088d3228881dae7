//! Recipes for sentence similarity.

use std::path::PathBuf;

use logit_data::range::Range;
use logit_data::sentences::SentenceConfig;
use serde::{Deserialize, Serialize};

use super::{Setup, TaskSetup};
use crate::models::PairEncoderConfig;

/// Network, data and loss of a recipe for sentence similarity.
pub type StsSetup = Setup<PairEncoderConfig, SentenceConfig, ScoreLoss>;

/// The loss has no options: it follows from the head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreLoss {}

impl TaskSetup for StsSetup {
    fn ranges(&self) -> Vec<Range> {
        let model = &self.model;
        let mut ranges = vec![
            Range::at_least_one("model.word_units", model.word_units),
            Range::at_least_one("model.hidden", model.hidden),
            Range::share("model.dropout", model.dropout),
        ];
        ranges.extend(self.data.ranges());
        ranges
    }

    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        self.data.paths_mut()
    }
}
