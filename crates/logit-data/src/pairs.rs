//! Two digits side by side, and whether one of them is 0 to 3.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::image_set::ImageSet;
use crate::range::Range;
use crate::shift::shifted;

/// Height and width of a digit.
pub const DIGIT: [usize; 2] = [28, 28];

/// The digits below this are looked for.
const SOUGHT: u8 = 4;

/// How pairs are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Any digit left, any digit right: with MNIST's digits about 65 % of the pairs hold one of 0 to 3.
    Uniform,
    /// First whether the pair is to hold a digit of 0 to 3, one or the other as likely, then any such pair.
    Balanced,
}

impl Sampling {
    /// Its name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Balanced => "balanced",
        }
    }
}

/// How pairs are made of digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairsConfig {
    /// Share of the training digits held out for validation, in (0, 1).
    pub validation: f64,
    /// How pairs are drawn, in every part.
    pub sampling: Sampling,
    /// What a black pixel is coded as, at most 0.
    pub low: f64,
    /// What a white pixel is coded as, above 0.
    pub high: f64,
    /// Pixels by which each training digit is moved at random in its half, each way, at each step; 0 for none.
    #[serde(default)]
    pub shift: usize,
    /// Training pairs per epoch, drawn anew for each step.
    pub pairs: usize,
    /// Validation pairs, the same after each epoch.
    pub validation_pairs: usize,
    /// Test pairs.
    pub test_pairs: usize,
    /// What decides the test pairs; apart from the run's seed, so that runs are judged on the same pairs.
    pub test_seed: u64,
}

impl PairsConfig {
    /// The values that must lie in a range.
    pub fn ranges(&self) -> Vec<Range> {
        let pairs = |key, count: usize| {
            Range::new(key, count as f64, "from 1 to 10000000", |value| (1.0..=1e7).contains(&value))
        };
        vec![
            Range::validation(self.validation),
            Range::new("data.low", self.low, "finite and at most 0", |value| {
                value.is_finite() && value <= 0.0
            }),
            Range::positive("data.high", self.high),
            Range::new("data.shift", self.shift as f64, "at most 28", |value| value <= 28.0),
            pairs("data.pairs", self.pairs),
            pairs("data.validation_pairs", self.validation_pairs),
            pairs("data.test_pairs", self.test_pairs),
        ]
    }
}

/// Digits that pairs are made of.
///
/// A pair is two rows of the set, left and right, drawn with replacement: a digit may stand beside itself.
#[derive(Clone, Debug)]
pub struct PairedDigits {
    set: ImageSet,
    /// Rows of the digits 0 to 3.
    sought: Vec<u32>,
    /// Rows of the others.
    others: Vec<u32>,
}

impl PairedDigits {
    /// Digits of 28×28, of which some are 0 to 3 and some are not; `name` tells them in errors.
    ///
    /// # Errors
    /// [`DataError::PairSize`] for another size, [`DataError::NoPairs`] if one or the other is not there.
    pub fn new(name: &str, set: ImageSet) -> Result<Self, DataError> {
        let (name, [height, width]) = (name.to_owned(), [set.height(), set.width()]);
        if [height, width] != DIGIT {
            return Err(DataError::PairSize { name, height, width });
        }
        let (sought, others): (Vec<u32>, Vec<u32>) =
            (0..set.len() as u32).partition(|row| set.labels()[*row as usize] < SOUGHT);
        let missing = match (sought.is_empty(), others.is_empty()) {
            (true, _) => "0 to 3",
            (_, true) => "4 to 9",
            _ => return Ok(Self { set, sought, others }),
        };
        Err(DataError::NoPairs { name, missing })
    }

    /// The digits.
    pub fn digits(&self) -> &ImageSet {
        &self.set
    }

    /// Draws pairs; they are a function of the arguments.
    pub fn draw(&self, count: usize, sampling: Sampling, seed: u64) -> Vec<[u32; 2]> {
        let mut rng = StdRng::seed_from_u64(seed);
        (0..count).map(|_| self.pair(sampling, &mut rng)).collect()
    }

    fn pair(&self, sampling: Sampling, rng: &mut StdRng) -> [u32; 2] {
        let any = |rows: &[u32], rng: &mut StdRng| rows[rng.random_range(0..rows.len())];
        match sampling {
            Sampling::Uniform => [(); 2].map(|()| rng.random_range(0..self.set.len() as u32)),
            Sampling::Balanced if rng.random_bool(0.5) => {
                // Of all pairs with a sought digit, each is as likely: those that have it left come first.
                let (sought, all) = (self.sought.len() as u64, self.set.len() as u64);
                let (left_has, right_alone) = (sought * all, (all - sought) * sought);
                if rng.random_range(0..left_has + right_alone) < left_has {
                    [any(&self.sought, rng), rng.random_range(0..self.set.len() as u32)]
                } else {
                    [any(&self.others, rng), any(&self.sought, rng)]
                }
            }
            Sampling::Balanced => [any(&self.others, rng), any(&self.others, rng)],
        }
    }

    /// The classes of a pair's digits, left and right.
    pub fn labels(&self, pair: [u32; 2]) -> [u8; 2] {
        pair.map(|row| self.set.labels()[row as usize])
    }

    /// Whether each digit of a pair, left and right, is one of 0 to 3.
    pub fn sought(&self, pair: [u32; 2]) -> [bool; 2] {
        self.labels(pair).map(|label| label < SOUGHT)
    }

    /// The pictures of pairs, 28×56 bytes each, every digit moved by up to `shift` pixels in its own half.
    ///
    /// # Errors
    /// [`DataError::Row`] for a row past the end.
    pub fn pictures(&self, pairs: &[[u32; 2]], shift: usize, seed: u64) -> Result<Vec<u8>, DataError> {
        let digits = self.set.select(pairs.as_flattened())?;
        Ok(if shift == 0 {
            side_by_side(digits.pixels())
        } else {
            side_by_side(&shifted(&digits, shift, seed))
        })
    }
}

/// Pictures of 28×56 from digits of 28×28, the first two beside each other, then the next two.
///
/// # Panics
/// The bytes are no whole number of pairs.
pub fn side_by_side(digits: &[u8]) -> Vec<u8> {
    let [height, width] = DIGIT;
    assert!(digits.len().is_multiple_of(2 * height * width), "{} bytes are no pairs of digits", digits.len());
    let mut pictures = Vec::with_capacity(digits.len());
    for pair in digits.chunks_exact(2 * height * width) {
        let (left, right) = pair.split_at(height * width);
        for (left, right) in left.chunks_exact(width).zip(right.chunks_exact(width)) {
            pictures.extend_from_slice(left);
            pictures.extend_from_slice(right);
        }
    }
    pictures
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digits;

    fn test_digits() -> PairedDigits {
        PairedDigits::new("the digits", digits::embedded().unwrap().test).unwrap()
    }

    fn share(digits: &PairedDigits, sampling: Sampling, holds: fn([bool; 2]) -> bool) -> f64 {
        let pairs = digits.draw(20_000, sampling, 3);
        pairs.iter().filter(|pair| holds(digits.sought(**pair))).count() as f64 / 20_000.0
    }

    #[test]
    fn sampling_decides_how_many_pairs_hold_a_sought_digit() {
        let digits = test_digits();
        let any = |sought: [bool; 2]| sought.contains(&true);
        let counts = digits.set.class_counts();
        let sought = counts[..4].iter().sum::<usize>() as f64 / 1000.0;
        // Standard deviations of 0.0034 at most.
        let uniform = share(&digits, Sampling::Uniform, any);
        assert!((uniform - (1.0 - (1.0 - sought).powi(2))).abs() < 0.015, "{uniform}");
        assert!((share(&digits, Sampling::Balanced, any) - 0.5).abs() < 0.015);
        // Among the balanced ones with a sought digit, both halves hold it as often as among the uniform ones.
        let both = |sampling| share(&digits, sampling, |sought| sought == [true; 2]);
        let [of_balanced, of_uniform] = [both(Sampling::Balanced) / 0.5, both(Sampling::Uniform) / uniform];
        assert!((of_balanced - of_uniform).abs() < 0.02, "{of_balanced}, {of_uniform}");
        let left = share(&digits, Sampling::Balanced, |sought| sought == [true, false]);
        let right = share(&digits, Sampling::Balanced, |sought| sought == [false, true]);
        assert!((left - right).abs() < 0.015, "{left}, {right}");
    }

    #[test]
    fn a_seed_decides_the_pairs_and_a_longer_draw_begins_with_the_shorter() {
        let digits = test_digits();
        for sampling in [Sampling::Uniform, Sampling::Balanced] {
            let pairs = digits.draw(50, sampling, 7);
            assert_eq!(pairs, digits.draw(50, sampling, 7));
            assert_eq!(pairs[..20], digits.draw(20, sampling, 7));
            assert_ne!(pairs, digits.draw(50, sampling, 8));
        }
    }

    #[test]
    fn halves_are_the_digits_and_move_apart() {
        let digits = test_digits();
        let picture = digits.pictures(&[[3, 8]], 0, 1).unwrap();
        let half = |picture: &[u8], first: usize| {
            picture.chunks(56).flat_map(|row| row[first..first + 28].to_vec()).collect::<Vec<u8>>()
        };
        assert_eq!(half(&picture, 0), digits.set.image(3).unwrap());
        assert_eq!(half(&picture, 28), digits.set.image(8).unwrap());
        let same = digits.pictures(&[[3, 3]; 20], 2, 5).unwrap();
        assert_eq!(same, digits.pictures(&[[3, 3]; 20], 2, 5).unwrap());
        assert!(same.chunks(28 * 56).any(|picture| half(picture, 0) != half(picture, 28)));
    }

    #[test]
    fn digits_of_which_no_pairs_can_be_made_are_named() {
        let message = |height, width, labels: Vec<u8>| {
            let set = ImageSet::new(height, width, vec![0; height * width * labels.len()], labels, 10);
            PairedDigits::new("the test part", set.unwrap()).unwrap_err().to_string()
        };
        assert!(message(28, 28, vec![4, 9]).starts_with("the test part has no digit of 0 to 3;"));
        assert!(message(28, 28, vec![0, 3]).starts_with("the test part has no digit of 4 to 9;"));
        assert!(message(28, 28, vec![]).contains("no digit of 0 to 3"));
        assert!(message(32, 30, vec![0, 9]).contains("the images of the test part are of 32×30"));
    }

    proptest! {
        #[test]
        fn every_pair_is_one_of_the_set(seed: u64, balanced: bool, labels in proptest::collection::vec(0_u8..10, 0..9)) {
            let labels = [&[0, 9][..], &labels].concat();
            let set = ImageSet::new(28, 28, vec![0; 784 * labels.len()], labels.clone(), 10).unwrap();
            let digits = PairedDigits::new("any", set).unwrap();
            let sampling = if balanced { Sampling::Balanced } else { Sampling::Uniform };
            for pair in digits.draw(30, sampling, seed) {
                prop_assert!(pair.iter().all(|row| (*row as usize) < labels.len()));
                prop_assert_eq!(digits.sought(pair), digits.labels(pair).map(|label| label < 4));
            }
        }
    }
}
