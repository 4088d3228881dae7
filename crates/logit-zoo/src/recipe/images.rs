//! Recipes for folders of images.

use serde::{Deserialize, Serialize};

use super::ranges::Range;
use super::{Ranges, Setup, TableData, TableLoss};

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

/// How images are read, and what is done to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesData {
    /// Side of the square that every image is brought to.
    pub size: usize,
    /// Whether colours are read, or grey alone.
    pub colour: bool,
    /// Pixels by which training images are moved at random, each way.
    pub shift: usize,
    /// Whether training images are mirrored, left to right, half of the time.
    pub flips: bool,
    /// The column of a list that names the images, by their paths from the list's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_column: Option<String>,
    /// Which columns of a list are targets, and which images are held out.
    pub table: TableData,
}

impl ImagesData {
    /// Channels of an image.
    pub(crate) fn channels(&self) -> usize {
        if self.colour { 3 } else { 1 }
    }
}

impl Ranges for ImagesSetup {
    fn ranges(&self) -> Vec<Range> {
        let ImagesData { size, shift, table, .. } = &self.data;
        let mut ranges = table.ranges();
        ranges.extend([
            Range::at_least_one("model.width", self.model.width),
            Range::new("model.stages", self.model.stages as f64, "from 1 to 8", |n| (1.0..=8.0).contains(&n)),
            Range::dropout("model.dropout", self.model.dropout),
            Range::new("data.size", *size as f64, "from 8 to 1024", |side| (8.0..=1024.0).contains(&side)),
            Range::new("data.shift", *shift as f64, "at most 1000", |value| value <= 1000.0),
            Range::dropout("loss.label_smoothing", self.loss.label_smoothing),
        ]);
        ranges
    }
}
