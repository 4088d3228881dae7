//! A set of small grey images with a class each.

use crate::error::DataError;
use crate::seed::{Stream, mix};
use crate::split::held_out;

/// The longest side of an image in a set.
const MAX_IMAGE_SIDE: usize = 1 << 16;

/// Grey images of one size, with a class each: `N` images of `height`×`width` bytes, row-major, and `N`
/// labels.
///
/// ```
/// use logit_data::ImageSet;
///
/// let set = ImageSet::new(1, 2, vec![0, 255, 255, 0, 9, 9], vec![0, 1, 1], 2)?;
/// assert_eq!((set.len(), set.image(1)), (3, Some(&[255, 0][..])));
/// assert_eq!(set.class_counts(), [1, 2]);
///
/// let error = ImageSet::new(1, 2, vec![0, 255], vec![2], 2).unwrap_err();
/// assert_eq!(error.to_string(), "the label of row 0 is 2, but there are 2 classes, counted from 0");
/// # Ok::<(), logit_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSet {
    height: usize,
    width: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    classes: usize,
}

impl ImageSet {
    /// A set of `labels.len()` images of `height`×`width` `pixels` each, row-major, with labels below
    /// `classes`.
    ///
    /// # Errors
    /// [`DataError::Size`] for images without pixels, [`DataError::Classes`] unless there are 1 to 256
    /// classes, [`DataError::TooManyImages`] beyond `u32::MAX`, [`DataError::Shape`] if the lengths disagree,
    /// and [`DataError::Label`] with the first row whose label is no class.
    pub fn new(
        height: usize,
        width: usize,
        pixels: Vec<u8>,
        labels: Vec<u8>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let sides = 1..=MAX_IMAGE_SIDE;
        if !sides.contains(&height) || !sides.contains(&width) {
            return Err(DataError::Size { height, width, limit: MAX_IMAGE_SIDE });
        }
        if !(1..=256).contains(&classes) {
            return Err(DataError::Classes { found: classes });
        }
        if u32::try_from(labels.len()).is_err() {
            return Err(DataError::TooManyImages { found: labels.len() });
        }
        let expected = height.checked_mul(width).and_then(|size| size.checked_mul(labels.len()));
        if expected != Some(pixels.len()) {
            return Err(DataError::Shape { pixels: pixels.len(), labels: labels.len(), height, width });
        }
        match labels.iter().position(|&label| usize::from(label) >= classes) {
            Some(row) => Err(DataError::Label { row, label: labels[row], classes }),
            None => Ok(Self { height, width, pixels, labels, classes }),
        }
    }

    /// Rows of an image.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of an image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of classes, whether or not each has an image.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The pixels of all images, `[N, height, width]` row-major.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The label of each image, `[N]`, below [`classes`](Self::classes).
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The number of images; it fits into 32 bits.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of the image of a row, `[height, width]` row-major, or `None` past the end.
    pub fn image(&self, row: usize) -> Option<&[u8]> {
        let size = self.height * self.width;
        let start = row.checked_mul(size)?;
        self.pixels.get(start..start.checked_add(size)?)
    }

    /// The number of images of each class, `[classes]`.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// The set of the given rows, in the given order: a batch, or a part.
    ///
    /// # Errors
    /// [`DataError::Row`] with the first row past the end.
    pub fn select(&self, rows: &[u32]) -> Result<Self, DataError> {
        let mut pixels = Vec::with_capacity(rows.len() * self.height * self.width);
        let mut labels = Vec::with_capacity(rows.len());
        for &row in rows {
            let missing = DataError::Row { row, len: self.len() };
            let (Some(image), Some(&label)) = (self.image(row as usize), self.labels.get(row as usize))
            else {
                return Err(missing);
            };
            pixels.extend_from_slice(image);
            labels.push(label);
        }
        Ok(Self { height: self.height, width: self.width, pixels, labels, classes: self.classes })
    }

    /// Two parts, (training, validation), with every class in both in proportion.
    ///
    /// Validation gets `round(N·fraction)` images, as [`held_out`](crate::split::held_out) has it with a stratum per
    /// class. `seed` decides which images; both parts keep the order of the whole.
    ///
    /// # Errors
    /// [`DataError::Fraction`] unless `fraction` is above 0 and below 1.
    pub fn split_stratified(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(DataError::Fraction { found: fraction });
        }
        let strata: Vec<usize> = self.labels.iter().map(|label| usize::from(*label)).collect();
        let held = held_out(&strata, fraction, mix(seed, Stream::Holdout, 0));
        let rows = |wanted: bool| {
            let rows = (0..self.len() as u32).filter(|row| held[*row as usize] == wanted);
            self.select(&rows.collect::<Vec<_>>())
        };
        Ok((rows(false)?, rows(true)?))
    }

    fn kind(&self) -> (usize, usize, usize) {
        (self.height, self.width, self.classes)
    }
}

/// A training and a test set of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What a model learns from.
    pub train: ImageSet,
    /// What it is measured on, and never learns from.
    pub test: ImageSet,
}

impl Split {
    /// Pairs two sets.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if image sizes or numbers of classes differ.
    pub fn new(train: ImageSet, test: ImageSet) -> Result<Self, DataError> {
        if train.kind() == test.kind() {
            return Ok(Self { train, test });
        }
        let describe =
            |set: &ImageSet| format!("{} classes of {}×{} images", set.classes, set.height, set.width);
        Err(DataError::Mismatch { train: describe(&train), test: describe(&test) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One pixel per image, its value the row.
    fn numbered(labels: Vec<u8>, classes: usize) -> ImageSet {
        let pixels = (0..labels.len()).map(|row| row as u8).collect();
        ImageSet::new(1, 1, pixels, labels, classes).expect("a valid set")
    }

    fn message(result: Result<ImageSet, DataError>) -> String {
        result.expect_err("an invalid set").to_string()
    }

    #[test]
    fn a_set_that_contradicts_itself_is_refused() {
        for (result, expected) in [
            (
                ImageSet::new(2, 2, vec![0; 7], vec![0, 1], 2),
                "7 pixels are not 2 images of 2×2, one per label",
            ),
            (
                ImageSet::new(2, 0, vec![], vec![0], 2),
                "2×0 is no size for an image; each side must be 1 to 65536",
            ),
            (
                ImageSet::new(usize::MAX, 2, vec![], vec![0], 2),
                "18446744073709551615×2 is no size for an image; each side must be 1 to 65536",
            ),
            (
                ImageSet::new(1, 1, vec![0; 3], vec![9, 10, 11], 10),
                "the label of row 1 is 10, but there are 10 classes, counted from 0",
            ),
            (
                ImageSet::new(1, 1, vec![0], vec![0], 257),
                "257 classes cannot be; a label is a byte, so there are 1 to 256",
            ),
            (
                ImageSet::new(1, 1, vec![], vec![], 0),
                "0 classes cannot be; a label is a byte, so there are 1 to 256",
            ),
        ] {
            assert_eq!(message(result), expected);
        }
    }

    #[test]
    fn rows_are_selected_in_the_order_asked_for() {
        let set = numbered(vec![0, 1, 2, 0], 3);
        let part = set.select(&[3, 1, 1]).expect("rows of the set");
        assert_eq!((part.pixels(), part.labels(), part.classes()), (&[3, 1, 1][..], &[0, 1, 1][..], 3));
        assert_eq!(message(set.select(&[0, 4, 5])), "there is no row 4 in a set of 4 images, counted from 0");
        assert_eq!(set.image(4), None);
        assert_eq!(set.image(usize::MAX), None);
    }

    #[test]
    fn a_fraction_outside_of_0_to_1_is_refused() {
        for (fraction, shown) in [(0.0, "0"), (1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
            let error = numbered(vec![0, 0], 1).split_stratified(fraction, 1).expect_err("no such part");
            let expected = format!("cannot hold out the fraction {shown}; give one above 0 and below 1");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_seed_decides_which_images_are_held_out() {
        let set = numbered((0..200).map(|row| row % 4).collect(), 4);
        let held_out = |seed| set.split_stratified(0.2, seed).expect("a fraction").1;
        assert_eq!(held_out(1), held_out(1));
        assert_ne!(held_out(1), held_out(2));
    }

    #[test]
    fn sets_of_two_kinds_are_no_split() {
        let (train, test) = (numbered(vec![0, 1], 2), numbered(vec![0, 1], 10));
        let error = Split::new(train, test).expect_err("two kinds");
        assert_eq!(
            error.to_string(),
            "the training set has 2 classes of 1×1 images and the test set 10 classes of 1×1 images; \
             both must be of one kind"
        );
    }

    proptest! {
        #[test]
        fn a_stratified_split_loses_nothing(
            labels in proptest::collection::vec(0_u8..6, 0..250), fraction in 0.001_f64..0.999, seed: u64,
        ) {
            let set = numbered(labels, 6);
            let (train, validation) = set.split_stratified(fraction, seed).expect("a fraction");
            let mut pixels = [train.pixels(), validation.pixels()].concat();
            pixels.sort_unstable();
            prop_assert_eq!(&pixels[..], set.pixels());
            prop_assert!(train.pixels().is_sorted() && validation.pixels().is_sorted());

            let counts = set.class_counts().into_iter().zip(validation.class_counts());
            for (all, held_out) in counts {
                prop_assert!((held_out as f64 - all as f64 * fraction).abs() <= 1.0);
                prop_assert!(held_out < all || all == 0);
            }
        }
    }
}
