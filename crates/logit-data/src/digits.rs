//! MNIST, the handwritten digits of `LeCun`, Cortes and Burges: grey 28×28 images of the classes 0 to 9.
//!
//! A part of it is [built in](embedded), so that it can be tried at once; [`from_dir`] reads all of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::idx::{self, Images};
use crate::image_set::{ImageSet, Split};
use crate::range::Range;

/// The digits 0 to 9.
pub const CLASSES: usize = 10;

/// What is done to digits before a network sees them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Share of the training images held out for validation, in (0, 1).
    pub validation: f64,
    /// Subtracted from pixels in [0, 1].
    pub mean: f64,
    /// What they are then divided by, above 0.
    pub deviation: f64,
    /// Pixels by which training images are moved at random, each way, at each step; 0 for none.
    #[serde(default)]
    pub shift: usize,
}

impl DataConfig {
    /// The values that must lie in a range.
    pub fn ranges(&self) -> Vec<Range> {
        vec![
            Range::validation(self.validation),
            Range::finite("data.mean", self.mean),
            Range::positive("data.deviation", self.deviation),
            Range::shift(self.shift),
        ]
    }
}

/// The first 2000 training images and the first 1000 test images of MNIST, carried inside the program.
///
/// Their licence is CC BY-SA 3.0; `assets/digits/NOTICE` says where they come from.
///
/// ```
/// let digits = logit_data::digits::embedded()?;
/// assert_eq!((digits.train.len(), digits.test.len()), (2000, 1000));
/// assert_eq!((digits.train.height(), digits.train.width(), digits.train.classes()), (28, 28, 10));
/// # Ok::<(), logit_data::DataError>(())
/// ```
///
/// # Errors
/// None, unless the program was built from damaged files.
pub fn embedded() -> Result<Split, DataError> {
    let set = |part, images: &[u8], labels: &[u8]| {
        let [images_name, labels_name] =
            ["images", "labels"].map(|what| format!("the built-in file of {part} {what}"));
        let images = idx::decode_images(&images_name, images)?;
        let labels = idx::decode_labels(&labels_name, labels)?;
        pair(&images_name, images, &labels_name, labels)
    };
    let train = set(
        "training",
        include_bytes!("../assets/digits/train-images.idx.gz"),
        include_bytes!("../assets/digits/train-labels.idx.gz"),
    )?;
    let test = set(
        "test",
        include_bytes!("../assets/digits/test-images.idx.gz"),
        include_bytes!("../assets/digits/test-labels.idx.gz"),
    )?;
    Split::new(train, test)
}

/// MNIST, or a set in its form such as Fashion-MNIST, from a folder with its four files.
///
/// They are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`; each may end in `.gz`, and may have a dot before `idx`
/// (`train-images.idx3-ubyte`).
///
/// # Errors
/// A folder or a file that is not there, what [`idx::read_images`] refuses, files that do not belong
/// together, and labels above 9; each message names the file.
pub fn from_dir(folder: &Path) -> Result<Split, DataError> {
    if !folder.is_dir() {
        return Err(DataError::NotAFolder { folder: folder.display().to_string() });
    }
    let set = |images: &DataFile, labels: &DataFile| {
        let (images_path, labels_path) = (images.find(folder)?, labels.find(folder)?);
        let [images_name, labels_name] = [&images_path, &labels_path].map(|path| path.display().to_string());
        pair(&images_name, idx::read_images(&images_path)?, &labels_name, idx::read_labels(&labels_path)?)
    };
    let [train_images, train_labels, test_images, test_labels] = &FILES;
    Split::new(set(train_images, train_labels)?, set(test_images, test_labels)?)
}

/// One of the files of a data set in the form of MNIST.
struct DataFile {
    what: &'static str,
    stem: &'static str,
    suffix: &'static str,
}

const FILES: [DataFile; 4] = [
    DataFile { what: "training images", stem: "train-images", suffix: "idx3-ubyte" },
    DataFile { what: "training labels", stem: "train-labels", suffix: "idx1-ubyte" },
    DataFile { what: "test images", stem: "t10k-images", suffix: "idx3-ubyte" },
    DataFile { what: "test labels", stem: "t10k-labels", suffix: "idx1-ubyte" },
];

impl DataFile {
    /// The first of the spellings that is there.
    fn find(&self, folder: &Path) -> Result<PathBuf, DataError> {
        let Self { what, stem, suffix } = self;
        let names = [("-", ""), ("-", ".gz"), (".", ""), (".", ".gz")]
            .map(|(joint, ending)| format!("{stem}{joint}{suffix}{ending}"));
        for path in names.iter().map(|name| folder.join(name)) {
            let unreadable = |source| DataError::Read { name: path.display().to_string(), source };
            if path.try_exists().map_err(unreadable)? {
                return Ok(path);
            }
        }
        Err(DataError::MissingFile { folder: folder.display().to_string(), what, tried: names.into() })
    }
}

fn pair(
    images_name: &str,
    images: Images,
    labels_name: &str,
    labels: Vec<u8>,
) -> Result<ImageSet, DataError> {
    if images.count != labels.len() {
        return Err(DataError::Unpaired {
            images_name: images_name.to_owned(),
            images: images.count,
            labels_name: labels_name.to_owned(),
            labels: labels.len(),
        });
    }
    let set = ImageSet::new(images.height, images.width, images.pixels, labels, CLASSES);
    set.map_err(|error| match error {
        DataError::Label { .. } => error.in_file(labels_name),
        _ => error.in_file(images_name),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing;

    /// Two training images, one test image.
    fn write_small_set(folder: &Path) {
        for (name, bytes) in [
            ("train-images-idx3-ubyte", testing::idx_images(2, 2, &[1, 2, 3, 4, 5, 6, 7, 8])),
            ("train-labels-idx1-ubyte.gz", testing::gzip(&testing::idx_labels(&[3, 9]))),
            ("t10k-images.idx3-ubyte.gz", testing::gzip(&testing::idx_images(2, 2, &[9, 9, 9, 9]))),
            ("t10k-labels.idx1-ubyte", testing::idx_labels(&[0])),
        ] {
            fs::write(folder.join(name), bytes).expect("a temporary folder takes a file");
        }
    }

    fn message(folder: &Path) -> String {
        from_dir(folder).expect_err("a broken folder").to_string()
    }

    #[test]
    fn every_spelling_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        write_small_set(folder.path());
        let Split { train, test } = from_dir(folder.path()).expect("a complete set");
        assert_eq!((train.pixels(), train.labels()), (&[1, 2, 3, 4, 5, 6, 7, 8][..], &[3, 9][..]));
        assert_eq!((test.pixels(), test.labels()), (&[9, 9, 9, 9][..], &[0][..]));
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let shown = folder.path().display();
        write_small_set(folder.path());
        fs::remove_file(folder.path().join("t10k-labels.idx1-ubyte")).expect("it was there");
        assert_eq!(
            message(folder.path()),
            format!(
                "{shown} holds no test labels: looked for t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte.gz, \
                 t10k-labels.idx1-ubyte, t10k-labels.idx1-ubyte.gz; put one of these there, \
                 or use the built-in digits"
            )
        );
        assert_eq!(
            message(&folder.path().join("nowhere")),
            format!("{shown}/nowhere is not a folder; give the folder that holds the data files")
        );
    }

    #[test]
    fn files_that_do_not_belong_together_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let shown = folder.path().display();
        write_small_set(folder.path());
        let images = folder.path().join("train-images-idx3-ubyte");
        fs::write(&images, testing::idx_images(2, 2, &[0; 12])).expect("a file");
        assert_eq!(
            message(folder.path()),
            format!(
                "{shown}/train-images-idx3-ubyte holds 3 images, but {shown}/train-labels-idx1-ubyte.gz \
                 holds 2 labels; take both files from one source"
            )
        );
        fs::write(&images, testing::idx_images(1, 2, &[0; 4])).expect("a file");
        assert_eq!(
            message(folder.path()),
            "the training set has 10 classes of 1×2 images and the test set 10 classes of 2×2 images; \
             both must be of one kind"
        );
    }

    #[test]
    fn a_label_that_is_no_digit_is_named_with_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        write_small_set(folder.path());
        let labels = folder.path().join("t10k-labels.idx1-ubyte");
        fs::write(&labels, testing::idx_labels(&[10])).expect("a file");
        assert_eq!(
            message(folder.path()),
            format!(
                "{}: the label of row 0 is 10, but there are 10 classes, counted from 0",
                labels.display()
            )
        );
    }

    #[test]
    fn the_built_in_digits_have_every_class() {
        let digits = embedded().expect("undamaged assets");
        assert_eq!(digits.train.class_counts(), [191, 220, 198, 191, 214, 180, 200, 224, 172, 210]);
        assert_eq!(digits.test.class_counts(), [85, 126, 116, 107, 110, 87, 87, 99, 89, 94]);
        assert_eq!(digits.train.labels()[..5], [5, 0, 4, 1, 9]);
    }

    #[test]
    #[ignore = "needs real data, in $LOGIT_DATA or in shared/data above the workspace"]
    fn on_real_data_the_built_in_digits_are_the_first_of_mnist() {
        let folder = testing::shared_data("mnist");
        let all = from_dir(&folder).expect("the original files");
        assert_eq!((all.train.len(), all.test.len()), (60_000, 10_000));
        let part = embedded().expect("undamaged assets");
        for (part, all) in [(&part.train, &all.train), (&part.test, &all.test)] {
            assert_eq!(part.labels(), &all.labels()[..part.len()]);
            assert!(part.pixels() == &all.pixels()[..part.pixels().len()], "pixels differ");
        }
    }
}
