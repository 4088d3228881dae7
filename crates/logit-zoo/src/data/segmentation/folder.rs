//! Folders of images and masks.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::SegmentationError;
use super::mask::{Mask, MaskValues};
use super::{Annotated, Grey};
use crate::data::order::permutation;
use crate::data::{DataError, Stream, mix};

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
pub enum Part {
    /// For training: these shares are held out for validation and, where the folder has no `test`, for the test.
    Shares {
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
    pub fn read(folder: &Path, part: Part, values: &MaskValues) -> Result<Self, DataError> {
        let name = folder.display().to_string();
        if !folder.is_dir() {
            return Err(DataError::NotAFolder { folder: name });
        }
        let (train, test) = (folder.join("train"), folder.join("test"));
        let missing = |wanted| Err(SegmentationError::Layout { folder: name.clone(), wanted }.into());
        let mut budget = Budget { folder: name.clone(), left: MAX_SET_BYTES };
        let parts = [train.is_dir(), test.is_dir(), folder.join("images").is_dir()];
        match (part, parts) {
            (Part::Shares { validation, seed, .. }, [true, true, _]) => {
                let test = SegmentationSet::read_within(&test, values, &mut budget)?;
                let all = SegmentationSet::read_within(&train, values, &mut budget)?;
                let (train, validation) = all.held_out(validation, mix(seed, Stream::Holdout, VALIDATION));
                Ok(Self { train, validation, test })
            }
            (Part::Test, [_, true, _]) => {
                let test = SegmentationSet::read_within(&test, values, &mut budget)?;
                Ok(Self { test, ..Self::default() })
            }
            (_, [true, false, false]) => missing("folder `test` beside `train`"),
            (Part::Shares { .. }, [false, true, false]) => missing("folder `train` beside `test`"),
            (_, [_, _, false]) => missing("images"),
            (Part::Shares { validation, test, seed }, _) => {
                let all = SegmentationSet::read_within(folder, values, &mut budget)?;
                let (rest, test) = all.held_out(test, mix(seed, Stream::Holdout, TEST));
                let (train, validation) = rest.held_out(validation, mix(seed, Stream::Holdout, VALIDATION));
                Ok(Self { train, validation, test })
            }
            (Part::Test, _) => {
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
    pub fn read(folder: &Path, values: &MaskValues) -> Result<Self, DataError> {
        let mut budget = Budget { folder: folder.display().to_string(), left: MAX_SET_BYTES };
        Self::read_within(folder, values, &mut budget)
    }

    fn read_within(folder: &Path, values: &MaskValues, budget: &mut Budget) -> Result<Self, DataError> {
        let (image_folder, mask_folder) = (folder.join("images"), folder.join("masks"));
        let images = files(folder, &image_folder, "image", IMAGE_ENDINGS)?;
        let masks = files(folder, &mask_folder, "mask", MASK_ENDINGS)?;
        if images.is_empty() {
            return Err(SegmentationError::NoImages { folder: image_folder.display().to_string() }.into());
        }
        if let Some((_, mask)) = masks.iter().find(|(stem, _)| !images.contains_key(*stem)) {
            let (mask, images) = (mask.display().to_string(), image_folder.display().to_string());
            return Err(SegmentationError::NoImage { mask, images }.into());
        }
        let pair = |(stem, image): (&OsString, &PathBuf)| match masks.get(stem) {
            Some(mask) => annotated(image, mask, values, budget),
            None => {
                let mask = mask_folder.join(stem).with_added_extension("png").display().to_string();
                Err(SegmentationError::NoMask { image: image.display().to_string(), mask }.into())
            }
        };
        Ok(Self { images: images.iter().map(pair).collect::<Result<_, _>>()? })
    }

    /// The rest, and `round(N·fraction)` images that `seed` decides; both keep their order.
    fn held_out(self, fraction: f64, seed: u64) -> (Self, Self) {
        let count = (self.images.len() as f64 * fraction).round() as usize;
        let mut chosen = vec![false; self.images.len()];
        for row in permutation(self.images.len() as u32, seed).into_iter().take(count) {
            chosen[row as usize] = true;
        }
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
) -> Result<BTreeMap<OsString, PathBuf>, DataError> {
    if !within.is_dir() {
        let wanted = if kind == "image" { "folder `images`" } else { "folder `masks`" };
        return Err(SegmentationError::Layout { folder: folder.display().to_string(), wanted }.into());
    }
    let unreadable = |cause| DataError::Read { name: within.display().to_string(), cause };
    let mut names = Vec::new();
    for entry in within.read_dir().map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name.as_encoded_bytes().first() == Some(&b'.') {
            continue;
        }
        if names.len() == MAX_SET_FILES {
            let (folder, limit) = (within.display().to_string(), MAX_SET_FILES);
            return Err(SegmentationError::TooMany { folder, limit }.into());
        }
        names.push(name);
    }
    // So that what is told first does not hang on the file system.
    names.sort_unstable();
    let mut files = BTreeMap::new();
    for name in names {
        let path = within.join(&name);
        let ending = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        if !ending.is_some_and(|ending| endings.contains(&ending.as_str())) {
            let endings = endings.iter().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(", ");
            return Err(SegmentationError::Stray { name: path.display().to_string(), kind, endings }.into());
        }
        let stem = path.file_stem().unwrap_or_default().to_owned();
        if let Some(first) = files.insert(stem, path.clone()) {
            let (first, second) = (first.display().to_string(), path.display().to_string());
            return Err(SegmentationError::Twice { first, second }.into());
        }
    }
    Ok(files)
}

fn annotated(
    image_path: &Path,
    mask_path: &Path,
    values: &MaskValues,
    budget: &mut Budget,
) -> Result<Annotated, DataError> {
    let name = image_path.display().to_string();
    let image = Grey::read(image_path)?;
    budget.take(&name, 2 * image.pixels.len() as u64)?;
    let mask = Mask::read(mask_path, values)?;
    if (mask.height, mask.width) != (image.height, image.width) {
        let (image_size, mask_size) = ([image.width, image.height], [mask.width, mask.height]);
        let mask = mask_path.display().to_string();
        return Err(SegmentationError::Size { image: name, image_size, mask, mask_size }.into());
    }
    Ok(Annotated { name, image, mask: mask.values })
}
