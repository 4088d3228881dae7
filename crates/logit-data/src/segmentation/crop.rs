//! Augmentation: squares cut out of images and masks, moved, mirrored, turned and brightened at random.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use super::annotated::{Annotated, Grey};
use super::config::SegmentationData;

/// A square of an image, and how it is laid down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    side: usize,
    /// Row and column of the image at the square's corner; negative where the image is smaller than the square.
    corner: [isize; 2],
    /// Whether rows and columns run backwards.
    reversed: [bool; 2],
    /// Whether rows become columns.
    transposed: bool,
    /// What grey values are multiplied by.
    pub gain: f64,
}

impl Crop {
    /// A square of an image, at random as the recipe says.
    pub fn random(image: &Grey, config: &SegmentationData, rng: &mut StdRng) -> Self {
        let side = config.crop;
        let corner = [image.height, image.width].map(|size| corner(size, side, rng));
        let mut reversed = [false; 2];
        let mut transposed = false;
        if config.rotations {
            // A turn by one quarter is a reflection at the diagonal and one from side to side.
            let quarters = rng.random_range(0..4);
            transposed = quarters % 2 == 1;
            reversed = [quarters == 2 || quarters == 3, quarters == 1 || quarters == 2];
        }
        if config.flips {
            reversed = reversed.map(|reversed| reversed != rng.random_bool(0.5));
        }
        let gain = match config.brightness {
            most if most > 0.0 => rng.random_range(-most..=most).exp(),
            _ => 1.0,
        };
        Self { side, corner, reversed, transposed, gain }
    }

    /// The square of a plane of `height`×`width` values, mirrored beyond its edges: `side·side` values.
    pub fn cut(&self, plane: &[u8], [height, width]: [usize; 2]) -> Vec<u8> {
        let rows = self.places(0, height);
        let columns = self.places(1, width);
        let mut square = Vec::with_capacity(self.side * self.side);
        if self.transposed {
            for column in &columns {
                square.extend(rows.iter().map(|row| plane[row * width + column]));
            }
        } else {
            for row in &rows {
                square.extend(columns.iter().map(|column| plane[row * width + column]));
            }
        }
        square
    }

    /// The square of an image and of its mask.
    pub fn of(&self, annotated: &Annotated) -> [Vec<u8>; 2] {
        let size = [annotated.image.height, annotated.image.width];
        [self.cut(&annotated.image.pixels, size), self.cut(&annotated.mask, size)]
    }

    /// Where a pixel of the square stands once it is laid down. Both are counted row by row: the pixel in the square as the
    /// image has it, its place in the one that [`cut`](Self::cut) gives.
    pub fn laid(&self, pixel: usize) -> usize {
        let (row, column) = (self.turned(0, pixel / self.side), self.turned(1, pixel % self.side));
        if self.transposed { column * self.side + row } else { row * self.side + column }
    }

    /// Where along an axis of the image the square's values stand.
    fn places(&self, axis: usize, size: usize) -> Vec<usize> {
        let place = |at: usize| mirrored(self.corner[axis] + self.turned(axis, at) as isize, size);
        (0..self.side).map(place).collect()
    }

    /// The other end's place on an axis that runs backwards.
    fn turned(&self, axis: usize, at: usize) -> usize {
        if self.reversed[axis] { self.side - 1 - at } else { at }
    }
}

/// Where a square of a side begins on an axis; each place is as likely.
fn corner(size: usize, side: usize, rng: &mut impl Rng) -> isize {
    let room = size as i64 - side as i64;
    rng.random_range(room.min(0)..=room.max(0)) as isize
}

/// A place beyond the ends of an axis, mirrored there, the last one standing twice.
fn mirrored(place: isize, size: usize) -> usize {
    let there_and_back = place.rem_euclid(2 * size as isize) as usize;
    there_and_back.min(2 * size - 1 - there_and_back)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::super::config::PixelAnswer;
    use super::super::config::tests::data;
    use super::*;

    /// Squares of 8×8, mirrored and turned or not.
    fn config([flips, rotations]: [bool; 2]) -> SegmentationData {
        SegmentationData { flips, rotations, ..data(PixelAnswer::Classes, &["no", "yes"]) }
    }

    /// An image whose values are all different, and a mask that equals it.
    fn numbered(height: usize, width: usize) -> Annotated {
        let pixels: Vec<u8> = (0..height * width).map(|value| value as u8).collect();
        Annotated { name: "x".to_owned(), mask: pixels.clone(), image: Grey { height, width, pixels } }
    }

    fn squares(image: &Annotated, config: &SegmentationData, seeds: u64) -> BTreeSet<Vec<u8>> {
        let square = |seed| {
            let crop = Crop::random(&image.image, config, &mut StdRng::seed_from_u64(seed));
            let [pixels, mask] = crop.of(image);
            assert_eq!(pixels, mask, "image and mask are laid down alike");
            pixels
        };
        (0..seeds).map(square).collect()
    }

    #[test]
    fn a_square_is_laid_down_in_each_of_the_eight_ways() {
        let image = numbered(8, 8);
        let ways = |options| squares(&image, &config(options), 300);
        let all = ways([true, true]);
        assert_eq!(all.len(), 8);
        let (flipped, turned) = (ways([true, false]), ways([false, true]));
        assert_eq!((flipped.len(), turned.len(), ways([false, false]).len()), (4, 4, 1));
        // What both have in common is the image as it is, and turned upside down.
        assert_eq!(flipped.intersection(&turned).count(), 2);
        let quarter: Vec<u8> =
            (0..8).flat_map(|row| (0..8).map(move |column| (7 - column) * 8 + row)).collect();
        assert!(turned.contains(&quarter) && !flipped.contains(&quarter));
    }

    #[test]
    fn what_was_laid_down_is_found_again() {
        let image = numbered(11, 13);
        for seed in 0..100 {
            let crop = Crop::random(&image.image, &config([true, true]), &mut StdRng::seed_from_u64(seed));
            let upright = Crop { reversed: [false; 2], transposed: false, ..crop };
            let ([laid, _], [upright, _]) = (crop.of(&image), upright.of(&image));
            let found: Vec<u8> = (0..upright.len()).map(|pixel| laid[crop.laid(pixel)]).collect();
            assert_eq!(found, upright, "{crop:?}");
        }
    }

    #[test]
    fn every_place_of_a_larger_image_occurs() {
        let config = config([false, false]);
        let corners: BTreeSet<u8> =
            squares(&numbered(10, 9), &config, 300).iter().map(|square| square[0]).collect();
        assert_eq!(corners.into_iter().collect::<Vec<_>>(), [0, 1, 9, 10, 18, 19]);
    }

    #[test]
    fn a_smaller_image_is_mirrored() {
        let config = config([false, false]);
        for square in squares(&numbered(1, 3), &config, 50) {
            assert!(square.chunks(8).all(|row| row == &square[..8]));
            let steps = square[..8].windows(2).filter(|pair| pair[0].abs_diff(pair[1]) > 1).count();
            assert_eq!(steps, 0, "{square:?}");
        }
        let places: Vec<usize> = (-4..7).map(|place| mirrored(place, 3)).collect();
        assert_eq!(places, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }

    #[test]
    fn gains_lie_within_the_bound_both_ways() {
        let config = SegmentationData { brightness: 0.5, ..config([true, true]) };
        let gain = |seed| Crop::random(&numbered(4, 4).image, &config, &mut StdRng::seed_from_u64(seed)).gain;
        let gains: Vec<f64> = (0..400).map(gain).collect();
        assert!(gains.iter().all(|gain| gain.ln().abs() <= 0.5));
        let brighter = gains.iter().filter(|gain| **gain > 1.0).count();
        assert!((150..250).contains(&brighter), "{brighter}");
    }
}
