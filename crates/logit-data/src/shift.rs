//! Augmentation: images moved by whole pixels, at random.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::image_set::ImageSet;

/// Moves each image by up to `most` pixels along each axis, each way as likely; what is uncovered is background, 0.
///
/// The pixels are a function of the arguments: a step that is done again sees the same images. Returns `N·H·W` bytes.
pub fn shifted(set: &ImageSet, most: usize, seed: u64) -> Vec<u8> {
    let (height, width) = (set.height(), set.width());
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pixels = vec![0; set.pixels().len()];
    let side = |most: usize, size: usize| most.min(size) as i32;
    let (down, right) = (side(most, height), side(most, width));
    for (from, to) in set.pixels().chunks_exact(height * width).zip(pixels.chunks_exact_mut(height * width)) {
        let (dy, dx) = (rng.random_range(-down..=down) as isize, rng.random_range(-right..=right) as isize);
        for row in 0..height {
            let Some(source) = row.checked_add_signed(-dy).filter(|source| *source < height) else {
                continue;
            };
            let (from, to) = (&from[source * width..][..width], &mut to[row * width..][..width]);
            let kept = width - dx.unsigned_abs();
            let (first, moved) = if dx < 0 { (dx.unsigned_abs(), 0) } else { (0, dx.unsigned_abs()) };
            to[moved..][..kept].copy_from_slice(&from[first..][..kept]);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(pixels: &[u8], height: usize, width: usize) -> ImageSet {
        ImageSet::new(height, width, pixels.to_vec(), vec![0], 1).unwrap()
    }

    #[test]
    fn every_shift_occurs_and_is_whole() {
        let mut centre = [0; 25];
        centre[12] = 9;
        let set = one(&centre, 5, 5);
        let mut places: Vec<usize> = (0..500)
            .map(|seed| shifted(&set, 1, seed).iter().position(|pixel| *pixel == 9).unwrap())
            .collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places, [6, 7, 8, 11, 12, 13, 16, 17, 18]);
    }

    #[test]
    fn no_shift_changes_nothing_and_a_seed_decides() {
        let set = one(&[1, 2, 3, 4, 5, 6], 2, 3);
        assert_eq!(shifted(&set, 0, 3), set.pixels());
        assert_eq!(shifted(&set, 2, 3), shifted(&set, 2, 3));
    }

    proptest! {
        #[test]
        fn no_pixel_is_made_up(most in 0_usize..9, seed: u64, height in 1_usize..5, width in 1_usize..5) {
            let pixels: Vec<u8> = (1..=(height * width) as u8).collect();
            let moved = shifted(&one(&pixels, height, width), most, seed);
            let mut kept: Vec<u8> = moved.into_iter().filter(|pixel| *pixel > 0).collect();
            let count = kept.len();
            kept.dedup();
            prop_assert_eq!(kept.len(), count);
        }
    }
}
