//! What a pass is shown of a sample, where that differs from pass to pass: a square of an image, a pair that was drawn.

use crate::telemetry::{Map, Picture, Shown};

/// What a pass is shown of a sample.
pub(crate) struct View {
    /// Rows and columns of its picture.
    pub(crate) size: [usize; 2],
    /// The picture's grey values, row by row.
    pub(crate) pixels: Vec<u8>,
    /// What is true of it, in words; empty where the map tells.
    pub(crate) truth: String,
    /// Where its pixels are answered, if each is.
    pub(crate) map: Option<MapView>,
}

/// The pixels of a picture, in the map of answers.
pub(crate) struct MapView {
    /// Pixels of the map.
    pub(crate) positions: usize,
    /// Those of them that the picture shows, in its order.
    pub(crate) chosen: Vec<usize>,
    /// What is true of these.
    pub(crate) truth: Vec<u8>,
}

impl View {
    /// The view as it is recorded; `probabilities` are those of a whole map, a unit after the other.
    pub(crate) fn shown(self, probabilities: &[f32]) -> Shown {
        let Self { size: [height, width], pixels, truth, map } = self;
        let picture = Picture::of([width, height, 1], &pixels);
        Shown { picture, truth, map: map.map(|map| map.with(probabilities)) }
    }
}

impl MapView {
    fn with(&self, probabilities: &[f32]) -> Map {
        let units = probabilities.chunks_exact(self.positions.max(1));
        Map::of(&self.truth, units.flat_map(|unit| self.chosen.iter().map(|position| unit[*position])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_of_the_chosen_pixels() {
        let map = MapView { positions: 4, chosen: vec![3, 0], truth: vec![1, 0] };
        let view = View { size: [1, 2], pixels: vec![7, 9], truth: String::new(), map: Some(map) };
        let shown = view.shown(&[0.0, 0.1, 0.2, 1.0, 1.0, 0.9, 0.8, 0.0]);
        assert_eq!(shown.picture, Picture::of([2, 1, 1], &[7, 9]));
        assert_eq!(shown.map.unwrap().bytes(), Some([vec![1, 0], vec![255, 0, 0, 255]]));
    }
}
