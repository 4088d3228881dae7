//! What a recipe says of labelled images.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::range::Range;
use crate::table::TableData;

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
    pub fn channels(&self) -> usize {
        if self.colour { 3 } else { 1 }
    }

    /// The values that must lie in a range.
    pub fn ranges(&self) -> Vec<Range> {
        let mut ranges = self.table.ranges();
        ranges.extend([
            Range::new("data.size", self.size as f64, "from 8 to 1024", |side| {
                (8.0..=1024.0).contains(&side)
            }),
            Range::shift(self.shift),
        ]);
        ranges
    }

    /// The paths that are given.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        self.table.paths_mut()
    }
}
