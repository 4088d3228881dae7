//! Recipes for folders of images.

use std::path::PathBuf;

use logit_data::labelled::ImagesData;
use logit_data::range::Range;
use serde::{Deserialize, Serialize};

use super::{Setup, TableLoss, TaskSetup};

/// Network, data and loss of a recipe for images.
pub type ImagesSetup = Setup<ImagesModel, ImagesData, TableLoss>;

/// A convolutional network: stages of two 3×3 convolutions, each half as large and twice as wide as the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesModel {
    /// Channels of the first stage.
    pub width: usize,
    /// Stages, at least 1.
    pub stages: usize,
    /// Share of the features left out before the head while training, in [0, 1).
    pub dropout: f64,
}

impl TaskSetup for ImagesSetup {
    fn ranges(&self) -> Vec<Range> {
        let mut ranges = self.data.ranges();
        ranges.extend([
            Range::at_least_one("model.width", self.model.width),
            Range::new("model.stages", self.model.stages as f64, "from 1 to 8", |n| (1.0..=8.0).contains(&n)),
            Range::share("model.dropout", self.model.dropout),
            Range::share("loss.label_smoothing", self.loss.label_smoothing),
        ]);
        ranges
    }

    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        self.data.paths_mut()
    }
}
