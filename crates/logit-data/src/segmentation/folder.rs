//! Folders of images and masks.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::annotated::{Annotated, Grey};
use super::error::SegmentationError;
use super::mask::{Mask, MaskValues};
use crate::error::DataError;
use crate::seed::{Stream, mix};
use crate::split::held_out;

/// The most bytes of pixels and mask values that are kept of a folder: 1 GiB, 8192 images of 256×256.
pub const MAX_SET_BYTES: u64 = 1 << 30;

/// The most files that a folder of images or masks may hold.
pub const MAX_SET_FILES: usize = 1_000_000;

/// How the files of images end.
const IMAGE_ENDINGS: &[&str] = &["png", "jpg", "jpeg"];

/// How the files of masks end: only a format without loss keeps their values.
const MASK_ENDINGS: &[&str] = &["png"];

/// Index of [`Stream::Holdout`] for the validation part.
const VALIDATION: u64 = 0;

/// Index of [`Stream::Holdout`] for the test part.
const TEST: u64 = 1;

/// Images with their masks, of any sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentationSet {
    /// In the order of their names.
    pub images: Vec<Annotated>,
}

/// The parts of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentationSplit {
    /// What a network learns from.
    pub train: SegmentationSet,
    /// What chooses the best weights.
    pub validation: SegmentationSet,
    /// What it is measured on.
    pub test: SegmentationSet,
}

/// What a folder is read for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReadFor {
    /// For training: these shares are held out for validation and, where the folder has no `test`, for the test.
    Training {
        /// For validation, in (0, 1).
        validation: f64,
        /// For the test, in (0, 1).
        test: f64,
        /// Decides which images.
        seed: u64,
    },
    /// For the test alone, `test` or all that is there.
    Test,
}

impl SegmentationSplit {
    /// Reads a folder that holds `train` and `test`, or `images` and `masks` itself.
    ///
    /// # Errors
    /// A folder that is laid out otherwise, and what [`SegmentationSet::read`] refuses.
    pub fn read(folder: &Path, purpose: ReadFor, values: &MaskValues) -> Result<Self, SegmentationError> {
        let name = folder.display().to_string();
        if !folder.is_dir() {
            return Err(DataError::NotAFolder { folder: name }.into());
        }
        let (train, test) = (folder.join("train"), folder.join("test"));
        let missing = |wanted| Err(SegmentationError::Layout { folder: name.clone(), wanted });
        let mut budget = Budget { folder: name.clone(), left: MAX_SET_BYTES };
        let parts = [train.is_dir(), test.is_dir(), folder.join("images").is_dir()];
        match (purpose, parts) {
            (ReadFor::Training { validation, seed, .. }, [true, true, _]) => {
                let test = SegmentationSet::read_within(&test, values, &mut budget)?;
                let all = SegmentationSet::read_within(&train, values, &mut budget)?;
                let (train, validation) =
                    all.part_held_out(validation, mix(seed, Stream::Holdout, VALIDATION));
                Ok(Self { train, validation, test })
            }
            (ReadFor::Test, [_, true, _]) => {
                let test = SegmentationSet::read_within(&test, values, &mut budget)?;
                Ok(Self { test, ..Self::default() })
            }
            (_, [true, false, false]) => missing("folder `test` beside `train`"),
            (ReadFor::Training { .. }, [false, true, false]) => missing("folder `train` beside `test`"),
            (_, [_, _, false]) => missing("images"),
            (ReadFor::Training { validation, test, seed }, _) => {
                let all = SegmentationSet::read_within(folder, values, &mut budget)?;
                let (rest, test) = all.part_held_out(test, mix(seed, Stream::Holdout, TEST));
                let (train, validation) =
                    rest.part_held_out(validation, mix(seed, Stream::Holdout, VALIDATION));
                Ok(Self { train, validation, test })
            }
            (ReadFor::Test, _) => {
                let test = SegmentationSet::read_within(folder, values, &mut budget)?;
                Ok(Self { test, ..Self::default() })
            }
        }
    }
}

impl SegmentationSet {
    /// Reads a folder's `images` (PNG or JPEG) and `masks` (PNG), paired by their names without the ending. Files whose
    /// names begin with a point are left alone.
    ///
    /// # Errors
    /// A missing folder; an image without mask, or the reverse; a file that is no image, or a mask that is none, or has
    /// another size than its image, or a value that means nothing; more than [`MAX_SET_BYTES`].
    pub fn read(folder: &Path, values: &MaskValues) -> Result<Self, SegmentationError> {
        let mut budget = Budget { folder: folder.display().to_string(), left: MAX_SET_BYTES };
        Self::read_within(folder, values, &mut budget)
    }

    fn read_within(
        folder: &Path,
        values: &MaskValues,
        budget: &mut Budget,
    ) -> Result<Self, SegmentationError> {
        let (image_folder, mask_folder) = (folder.join("images"), folder.join("masks"));
        let images = files(folder, &image_folder, "image", IMAGE_ENDINGS)?;
        let masks = files(folder, &mask_folder, "mask", MASK_ENDINGS)?;
        if images.is_empty() {
            return Err(SegmentationError::NoImages { folder: image_folder.display().to_string() });
        }
        if let Some((_, mask)) = masks.iter().find(|(stem, _)| !images.contains_key(*stem)) {
            let (mask, images) = (mask.display().to_string(), image_folder.display().to_string());
            return Err(SegmentationError::NoImage { mask, images });
        }
        let pair = |(stem, image): (&OsString, &PathBuf)| {
            if let Some(mask) = masks.get(stem) {
                return annotated(image, mask, values, budget);
            }
            let mask = mask_folder.join(stem).with_added_extension("png").display().to_string();
            Err(SegmentationError::NoMask { image: image.display().to_string(), mask })
        };
        Ok(Self { images: images.iter().map(pair).collect::<Result<_, _>>()? })
    }

    /// The rest, and the images held out; both keep their order.
    fn part_held_out(self, fraction: f64, seed: u64) -> (Self, Self) {
        let chosen = held_out(&vec![0; self.images.len()], fraction, seed);
        let (held, rest): (Vec<_>, Vec<_>) = self.images.into_iter().zip(chosen).partition(|(_, held)| *held);
        let images = |part: Vec<(Annotated, bool)>| Self {
            images: part.into_iter().map(|(image, _)| image).collect(),
        };
        (images(rest), images(held))
    }
}

/// What may still be kept in memory.
struct Budget {
    folder: String,
    left: u64,
}

impl Budget {
    fn take(&mut self, name: &str, bytes: u64) -> Result<(), SegmentationError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(SegmentationError::TooMuch {
                folder: self.folder.clone(),
                name: name.to_owned(),
                limit: MAX_SET_BYTES,
            }),
        }
    }
}

/// The files of a folder by their names without the ending.
fn files(
    folder: &Path,
    within: &Path,
    kind: &'static str,
    endings: &[&str],
) -> Result<BTreeMap<OsString, PathBuf>, SegmentationError> {
    if !within.is_dir() {
        let wanted = if kind == "image" { "folder `images`" } else { "folder `masks`" };
        return Err(SegmentationError::Layout { folder: folder.display().to_string(), wanted });
    }
    let unreadable = |source| DataError::Read { name: within.display().to_string(), source };
    let mut names = Vec::new();
    for entry in within.read_dir().map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name.as_encoded_bytes().first() == Some(&b'.') {
            continue;
        }
        if names.len() == MAX_SET_FILES {
            let (folder, limit) = (within.display().to_string(), MAX_SET_FILES);
            return Err(SegmentationError::TooMany { folder, limit });
        }
        names.push(name);
    }
    // So that what is reported first does not depend on the file system.
    names.sort_unstable();
    let mut files = BTreeMap::new();
    for name in names {
        let path = within.join(&name);
        let ending = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        if !ending.is_some_and(|ending| endings.contains(&ending.as_str())) {
            let endings = endings.iter().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(", ");
            return Err(SegmentationError::Stray { name: path.display().to_string(), kind, endings });
        }
        let stem = path.file_stem().unwrap_or_default().to_owned();
        if let Some(first) = files.insert(stem, path.clone()) {
            let (first, second) = (first.display().to_string(), path.display().to_string());
            return Err(SegmentationError::Twice { first, second });
        }
    }
    Ok(files)
}

fn annotated(
    image_path: &Path,
    mask_path: &Path,
    values: &MaskValues,
    budget: &mut Budget,
) -> Result<Annotated, SegmentationError> {
    let name = image_path.display().to_string();
    let image = Grey::read(image_path)?;
    budget.take(&name, 2 * image.pixels.len() as u64)?;
    let mask = Mask::read(mask_path, values)?;
    if (mask.height, mask.width) != (image.height, image.width) {
        let (image_size, mask_size) = ([image.width, image.height], [mask.width, mask.height]);
        let mask = mask_path.display().to_string();
        return Err(SegmentationError::Size { image: name, image_size, mask, mask_size });
    }
    Ok(Annotated { name, image, mask: mask.values })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, ImageFormat, Luma};
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{self, shared_data};

    fn two() -> MaskValues {
        MaskValues { count: 2, meanings: "0 no, 1 yes".to_owned() }
    }

    fn write(path: &Path, size: [u32; 2], value: u8) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = GrayImage::from_pixel(size[0], size[1], Luma([value]));
        fs::write(path, testing::encoded(image, ImageFormat::Png)).unwrap();
    }

    /// Images of different sizes, numbered in their grey values.
    fn folder(count: u8) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..count {
            let size = [4 + u32::from(number), 3];
            write(&folder.path().join(format!("images/{number:03}.png")), size, number);
            write(&folder.path().join(format!("masks/{number:03}.png")), size, number % 2);
        }
        folder
    }

    const SHARES: ReadFor = ReadFor::Training { validation: 0.25, test: 0.2, seed: 7 };

    fn greys(set: &SegmentationSet) -> Vec<u8> {
        set.images.iter().map(|image| image.image.pixels[0]).collect()
    }

    #[test]
    fn images_of_all_sizes_are_read_in_the_order_of_their_names() {
        let folder = folder(3);
        fs::write(folder.path().join("images/.hidden"), "left alone").unwrap();
        let set = SegmentationSet::read(folder.path(), &two()).unwrap();
        assert_eq!(greys(&set), [0, 1, 2]);
        let Annotated { name, image, mask } = &set.images[1];
        assert!(name.ends_with("001.png"));
        assert_eq!((image.height, image.width, mask), (3, 5, &vec![1; 15]));
    }

    #[test]
    fn a_folder_without_parts_is_split_by_the_seed_and_nothing_is_lost() {
        let folder = folder(20);
        let split = |seed| {
            let purpose = ReadFor::Training { validation: 0.25, test: 0.2, seed };
            SegmentationSplit::read(folder.path(), purpose, &two()).unwrap()
        };
        let SegmentationSplit { train, validation, test } = split(7);
        assert_eq!((train.images.len(), validation.images.len(), test.images.len()), (12, 4, 4));
        let mut all = [greys(&train), greys(&validation), greys(&test)].concat();
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<u8>>());
        assert_eq!(split(7).test, test);
        assert_ne!(greys(&split(8).test), greys(&test));
        let whole = SegmentationSplit::read(folder.path(), ReadFor::Test, &two()).unwrap();
        assert_eq!((whole.train.images.len(), whole.test.images.len()), (0, 20));
    }

    #[test]
    fn the_parts_of_a_folder_are_taken_as_they_are() {
        let (train, test) = (folder(8), folder(2));
        let both = tempfile::tempdir().unwrap();
        fs::rename(train.path(), both.path().join("train")).unwrap();
        fs::rename(test.path(), both.path().join("test")).unwrap();
        let split = SegmentationSplit::read(both.path(), SHARES, &two()).unwrap();
        let lengths = [&split.train, &split.validation, &split.test].map(|set| set.images.len());
        assert_eq!(lengths, [6, 2, 2]);
        let alone = SegmentationSplit::read(both.path(), ReadFor::Test, &two()).unwrap();
        assert_eq!((alone.train.images.len(), alone.test), (0, split.test));
        fs::rename(both.path().join("test"), both.path().join("tests")).unwrap();
        let message = SegmentationSplit::read(both.path(), SHARES, &two()).unwrap_err().to_string();
        assert!(message.contains("holds no folder `test` beside `train`"), "{message}");
    }

    #[test]
    fn what_does_not_pair_is_named() {
        type Spoil = fn(&Path);
        let rows: [(Spoil, &[&str]); 9] = [
            (
                |at| fs::remove_file(at.join("masks/001.png")).unwrap(),
                &["images/001.png has no mask", "masks/001.png"],
            ),
            (|at| fs::remove_file(at.join("images/001.png")).unwrap(), &["masks/001.png has no image"]),
            (|at| fs::remove_dir_all(at.join("masks")).unwrap(), &["holds no folder `masks`"]),
            (|at| fs::remove_dir_all(at.join("images")).unwrap(), &["holds no images", "`train` and `test`"]),
            (|at| write(&at.join("masks/000.png"), [4, 9], 0), &["000.png is 4×9 pixels", "000.png is 4×3"]),
            (
                |at| write(&at.join("masks/000.png"), [4, 3], 2),
                &["row 0, column 0 (from 0) is 2", "0 no, 1 yes"],
            ),
            (
                |at| fs::write(at.join("images/notes.txt"), "").unwrap(),
                &["notes.txt is no image", ".png, .jpg, .jpeg"],
            ),
            (|at| fs::write(at.join("masks/001.jpg"), "").unwrap(), &["001.jpg is no mask", "end in .png;"]),
            (|at| write(&at.join("images/001.PNG"), [1, 1], 0), &["001.PNG", "001.png", "the same mask"]),
        ];
        for (spoil, parts) in rows {
            let folder = folder(2);
            spoil(folder.path());
            let message = SegmentationSplit::read(folder.path(), SHARES, &two()).unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
        let empty = tempfile::tempdir().unwrap();
        for part in ["images", "masks"] {
            fs::create_dir(empty.path().join(part)).unwrap();
        }
        let message = SegmentationSet::read(empty.path(), &two()).unwrap_err().to_string();
        assert!(message.contains("images holds no image"), "{message}");
        let nowhere = SegmentationSplit::read(&empty.path().join("nowhere"), SHARES, &two()).unwrap_err();
        assert!(nowhere.to_string().contains("nowhere is not a folder"));
    }

    #[test]
    #[ignore = "needs real data, in $LOGIT_DATA or in shared/data above the workspace"]
    fn on_real_data_the_nuclei_are_what_they_are_said_to_be() {
        let folder = shared_data("nuclei");
        let values = MaskValues { count: 3, meanings: "0 background, 1 nucleus, 2 boundary".to_owned() };
        let purpose = ReadFor::Training { validation: 0.1, test: 0.2, seed: 1 };
        let split = SegmentationSplit::read(&folder, purpose, &values).unwrap();
        let parts = [&split.train, &split.validation, &split.test];
        assert_eq!(parts.map(|set| set.images.len()), [241, 27, 66]);
        let masks: Vec<u8> =
            parts.iter().flat_map(|set| &set.images).flat_map(|image| image.mask.clone()).collect();
        let share = |class: u8| {
            let pixels: usize = masks.iter().map(|value| usize::from(*value == class)).sum();
            pixels as f64 / masks.len() as f64
        };
        for (class, expected) in [(0, 0.923), (1, 0.060), (2, 0.017)] {
            assert!((share(class) - expected).abs() < 1e-3, "class {class}: {}", share(class));
        }
    }

    #[test]
    fn the_budget_is_a_limit() {
        let mut budget = Budget { folder: "f".to_owned(), left: 10 };
        budget.take("a.png", 6).unwrap();
        let message = budget.take("b.png", 5).unwrap_err().to_string();
        assert!(
            message.starts_with("f holds more than the 1073741824 bytes") && message.contains("at b.png")
        );
        budget.take("c.png", 4).unwrap();
    }
}
