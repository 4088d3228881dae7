//! Images in tiles, so that the memory for the network's maps does not grow with the image.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use logit::metrics::{MetricError, rows};
use logit::{Head, Kind};

use crate::data::segmentation::Grey;
use crate::models::{UNet, UNetConfig};
use crate::recipe::SegmentationData;

/// Rows and columns of a tile's answers: a tile of 512 and its surroundings takes some 300 MB at 16 channels.
pub(crate) const SIDE: usize = 512;

/// A part of an image, which is answered alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Rows and columns that are answered.
    pub(crate) answered: [Range<usize>; 2],
    /// Rows and columns that the network is shown.
    shown: [Range<usize>; 2],
}

impl Tile {
    /// The places of the answered pixels in the image, a row at a time.
    pub(crate) fn places(&self, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let [rows, columns] = self.answered.clone();
        rows.map(move |row| row * width + columns.start..row * width + columns.end)
    }

    /// The answered part of the plane.
    pub(crate) fn of(&self, plane: &[u8], width: usize) -> Vec<u8> {
        self.places(width).flat_map(|places| plane[places].to_vec()).collect()
    }
}

/// The tiles of an image, each shown with all that its answers depend on; `side` is rounded up to the network's stride,
/// so that every tile is halved as the whole image would be.
pub(crate) fn tiles(net: &UNetConfig, [height, width]: [usize; 2], side: usize) -> Vec<Tile> {
    let side = side.next_multiple_of(net.stride());
    let around = net.reach().next_multiple_of(net.stride());
    let along = |size: usize| {
        (0..size).step_by(side).map(move |from| {
            let to = (from + side).min(size);
            (from..to, from.saturating_sub(around)..(to + around).min(size))
        })
    };
    let tile = |row: (Range<usize>, Range<usize>), column: (Range<usize>, Range<usize>)| Tile {
        answered: [row.0, column.0],
        shown: [row.1, column.1],
    };
    along(height).flat_map(|row| along(width).map(move |column| tile(row.clone(), column))).collect()
}

/// A network, and what it takes to show it an image.
pub(crate) struct Reader<'a, K: Kind> {
    pub(crate) net: &'a UNet<Head<K>>,
    pub(crate) config: &'a UNetConfig,
    pub(crate) data: &'a SegmentationData,
    pub(crate) device: &'a Device,
}

impl<K: Kind> Reader<'_, K> {
    /// The logits of a tile of an image, a row of them an answered pixel.
    pub(crate) fn logits(&self, image: &Grey, tile: &Tile) -> Result<Vec<f32>, MetricError> {
        let [shown_rows, shown_columns] = tile.shown.clone();
        let scaled = scale(self.data, 1.0);
        let values: Vec<f32> = shown_rows
            .clone()
            .flat_map(|row| &image.pixels[row * image.width..][shown_columns.clone()])
            .map(|pixel| scaled[usize::from(*pixel)])
            .collect();
        let data = TensorData::new(values, [1, 1, shown_rows.len(), shown_columns.len()]);
        let logits = self.net.forward(Tensor::from_data(data, self.device)).into_tensor();
        let inner = |axis: usize| {
            let (answered, shown) = (&tile.answered[axis], &tile.shown[axis]);
            answered.start - shown.start..answered.end - shown.start
        };
        let units = logits.dims()[1];
        rows(&logits.slice([0..1, 0..units, inner(0), inner(1)]))
    }

    /// The tiles of an image.
    pub(crate) fn tiles(&self, image: &Grey) -> Vec<Tile> {
        tiles(self.config, [image.height, image.width], SIDE)
    }
}

/// What the network is shown for each grey value, brightened by `gain`.
pub(crate) fn scale(config: &SegmentationData, gain: f64) -> [f32; 256] {
    std::array::from_fn(|grey| ((gain * grey as f64 / 255.0 - config.mean) / config.deviation) as f32)
}
