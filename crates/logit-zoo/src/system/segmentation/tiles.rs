//! Images in tiles, so that the memory for the network's maps does not grow with the image.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use logit::metrics::{MetricError, rows};
use logit::tape::Taped;
use logit::{Head, Kind};

use crate::data::segmentation::Grey;
use crate::models::{UNet, UNetConfig};
use crate::recipe::SegmentationData;

/// Rows and columns of a tile's answers: a tile of 512 and its surroundings takes some 300 MB at 16 channels.
pub(crate) const SIDE: usize = 512;

/// The shares of an image's pixels that are darker than 0 and than 1 once it is stretched: the field's own for
/// fluorescence (Schmidt et al. 2018, <https://arxiv.org/abs/1806.03535>).
const QUANTILES: [f64; 2] = [0.01, 0.998];

/// A part of an image, which is answered alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Rows and columns that are answered.
    pub(crate) answered: [Range<usize>; 2],
    /// Rows and columns that the network is shown.
    shown: [Range<usize>; 2],
}

impl Tile {
    /// An image of a size as one tile.
    pub(crate) fn whole([height, width]: [usize; 2]) -> Self {
        let all = [0..height, 0..width];
        Self { answered: all.clone(), shown: all }
    }

    /// The places of the answered pixels in the image, a row at a time.
    pub(crate) fn places(&self, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let [rows, columns] = self.answered.clone();
        rows.map(move |row| row * width + columns.start..row * width + columns.end)
    }

    /// Where the answered rows and columns lie in those that the network is shown.
    pub(crate) fn inner(&self) -> [Range<usize>; 2] {
        [0, 1].map(|axis| {
            let (answered, shown) = (&self.answered[axis], &self.shown[axis]);
            answered.start - shown.start..answered.end - shown.start
        })
    }

    /// Puts what was found of the shown pixels into their places in the plane.
    pub(crate) fn spread(&self, shown: &[f32], plane: &mut [f32], width: usize) {
        let [rows, columns] = &self.shown;
        for (row, values) in rows.clone().zip(shown.chunks(columns.len().max(1))) {
            plane[row * width + columns.start..][..values.len()].copy_from_slice(values);
        }
    }

    /// Puts answers into their places in the plane.
    pub(crate) fn put(&self, answers: &[u8], plane: &mut [u8], width: usize) {
        let rows = answers.chunks(self.answered[1].len().max(1));
        for (places, row) in self.places(width).zip(rows) {
            plane[places].copy_from_slice(row);
        }
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

/// An image as the network sees it.
pub(crate) struct Sight<'a> {
    pub(crate) image: &'a Grey,
    /// What the network is shown for each grey value.
    pub(crate) scaled: [f32; 256],
}

impl Sight<'_> {
    /// What the network is shown of a tile, `[1, 1, H, W]`.
    pub(crate) fn of(&self, tile: &Tile, device: &Device) -> Tensor<4> {
        let [rows, columns] = tile.shown.clone();
        let values: Vec<f32> = rows
            .clone()
            .flat_map(|row| &self.image.pixels[row * self.image.width..][columns.clone()])
            .map(|pixel| self.scaled[usize::from(*pixel)])
            .collect();
        Tensor::from_data(TensorData::new(values, [1, 1, rows.len(), columns.len()]), device)
    }
}

/// A network, and what it takes to show it an image.
pub(crate) struct Reader<'a, K: Kind> {
    pub(crate) net: &'a UNet<Head<K>>,
    pub(crate) config: UNetConfig,
    pub(crate) data: &'a SegmentationData,
    pub(crate) device: &'a Device,
    /// Whether a tile is answered by the mean over its symmetries.
    pub(crate) symmetries: bool,
}

/// A symmetry of the square: first over its diagonal, then upside down, then left to right, each or not.
#[derive(Clone, Copy, Debug)]
struct Symmetry([bool; 3]);

impl Symmetry {
    /// All eight, the one that changes nothing first.
    fn all() -> impl Iterator<Item = Self> {
        (0..8_u8).map(|bits| Self([0, 1, 2].map(|bit| bits >> bit & 1 == 1)))
    }

    fn of(self, map: Tensor<4>) -> Tensor<4> {
        let Self([diagonal, down, right]) = self;
        let map = if diagonal { map.swap_dims(2, 3) } else { map };
        let map = if down { map.flip([2]) } else { map };
        if right { map.flip([3]) } else { map }
    }

    fn undone(self, map: Tensor<4>) -> Tensor<4> {
        let Self([diagonal, down, right]) = self;
        let map = if right { map.flip([3]) } else { map };
        let map = if down { map.flip([2]) } else { map };
        if diagonal { map.swap_dims(2, 3) } else { map }
    }
}

impl<K: Kind> Reader<'_, K> {
    /// The logits of a tile of an image, a row of them per answered pixel.
    pub(crate) fn logits(&self, sight: &Sight<'_>, tile: &Tile) -> Result<Vec<f32>, MetricError> {
        let logits = self.answered(sight.of(tile, self.device));
        let [inner_rows, inner_columns] = tile.inner();
        let units = logits.dims()[1];
        rows(&logits.slice([0..1, 0..units, inner_rows, inner_columns]))
    }

    /// The network's logits of a map.
    fn answered(&self, map: Tensor<4>) -> Tensor<4> {
        let plain = |map: Tensor<4>| self.net.forward(map).into_tensor();
        if !self.symmetries {
            return plain(map);
        }
        let whole =
            Tensor::zeros([1, self.net.head().kind().units(), map.dims()[2], map.dims()[3]], self.device);
        let sum = Symmetry::all().fold(whole, |sum, way| sum + way.undone(plain(way.of(map.clone()))));
        sum.div_scalar(8.0)
    }

    /// An image as the network sees it, and its tiles.
    pub(crate) fn sight<'a>(&self, image: &'a Grey) -> (Sight<'a>, Vec<Tile>) {
        let sight = Sight { image, scaled: scale(self.data, image, 1.0) };
        (sight, tiles(&self.config, [image.height, image.width], SIDE))
    }
}

/// What the network is shown for each grey value of an image, brightened by `gain`.
pub(crate) fn scale(config: &SegmentationData, image: &Grey, gain: f64) -> [f32; 256] {
    let [dark, bright] = if config.stretch { image.quantiles(QUANTILES) } else { [0, u8::MAX] };
    // An image of one grey value has no contrast to stretch.
    let range = f64::from(bright.saturating_sub(dark).max(1));
    std::array::from_fn(|grey| {
        let pixel = gain * (grey as f64 - f64::from(dark)) / range;
        ((pixel - config.mean) / config.deviation) as f32
    })
}

#[cfg(test)]
mod tests {
    use logit::Classes;

    use super::*;
    use crate::recipe::{Recipe, TaskConfig};

    const NET: UNetConfig = UNetConfig { channels: 1, width: 4, depth: 2 };

    fn image(height: usize, width: usize) -> Grey {
        let mut noise = 7_u32;
        let mut next = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        Grey { height, width, pixels: (0..height * width).map(|_| next()).collect() }
    }

    /// The largest difference between logits in tiles that see so far and logits of the whole image.
    fn difference(size: [usize; 2], around: Option<usize>) -> f32 {
        let device = Device::flex();
        device.seed(3);
        let net = NET.init(Classes::new(3), &device).unwrap();
        let TaskConfig::Segmentation(setup) = Recipe::load("nuclei", &[]).unwrap().task else { panic!() };
        let reader = Reader { net: &net, config: NET, data: &setup.data, device: &device, symmetries: false };
        let [height, width] = size;
        let image = image(height, width);
        let (sight, _) = reader.sight(&image);
        let whole = tiles(&NET, size, height.max(width));
        assert_eq!(whole.len(), 1);
        let whole = reader.logits(&sight, &whole[0]).unwrap();
        let mut largest = 0.0_f32;
        let mut answered = 0;
        for mut tile in tiles(&NET, size, 14) {
            if let Some(around) = around {
                tile.shown = [0, 1].map(|axis: usize| {
                    let Range { start, end } = tile.answered[axis];
                    start.saturating_sub(around)..(end + around).min(size[axis])
                });
            }
            let logits = reader.logits(&sight, &tile).unwrap();
            let places: Vec<usize> = tile.places(width).flatten().collect();
            assert_eq!(logits.len(), 3 * places.len());
            answered += places.len();
            for (place, row) in places.iter().zip(logits.chunks(3)) {
                for (unit, logit) in row.iter().enumerate() {
                    largest = largest.max((logit - whole[3 * place + unit]).abs());
                }
            }
        }
        assert_eq!(answered, height * width, "every pixel is answered once");
        largest
    }

    #[test]
    fn tiles_answer_as_the_whole_image_does() {
        for size in [[67, 90], [16, 17], [5, 120], [1, 1]] {
            let difference = difference(size, None);
            assert!(difference < 1e-5, "{size:?}: {difference}");
        }
    }

    #[test]
    fn tiles_that_see_less_answer_otherwise() {
        assert!(difference([67, 90], Some(8)) > 1e-4);
    }

    #[test]
    fn each_symmetry_is_another_and_is_undone() {
        let map = Tensor::<4>::from_floats([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]], &Device::flex());
        let numbers = |map: Tensor<4>| (map.dims(), map.try_into_vec_as::<f32>().unwrap());
        let all: Vec<_> = Symmetry::all().map(|way| numbers(way.of(map.clone()))).collect();
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{one:?}");
        }
        for way in Symmetry::all() {
            assert_eq!(numbers(way.undone(way.of(map.clone()))), numbers(map.clone()));
        }
    }
}
