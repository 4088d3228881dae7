//! Images with their targets: a folder per class, or a list of paths and labels.
//!
//! Floors, from the ground up: `config`, `error`, and the readers here.

mod config;
mod error;

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use csv::StringRecord;
use image::imageops::{self, FilterType};

pub use config::ImagesData;
pub use error::LabelledError;

use crate::error::DataError;
use crate::picture::{decode_colour, decode_grey, read_bounded};
use crate::table::{AnswerKind, Encoder, Reader, Schema, TableData, TargetsOf, settle_targets};
use crate::text::shortened;

/// Images of a set at most.
const MOST_IMAGES: usize = 2_000_000;

/// Bytes of a set's pixels at most: 2 GiB.
const MOST_BYTES: usize = 2 << 30;

/// Bytes of an image's path in a list at most.
const MOST_PATH_BYTES: usize = 4_096;

/// How images' names end.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// How the names of images end that are not read.
const OTHER_ENDINGS: [&str; 12] =
    ["gif", "bmp", "webp", "tif", "tiff", "avif", "heic", "jfif", "jp2", "ppm", "pgm", "tga"];

/// Images of a class that are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    folder: PathBuf,
    files: usize,
    /// One of them.
    first: String,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { folder, files, first } = self;
        write!(f, "{} holds {files} images of a format that is not read, such as {first}", folder.display())
    }
}

/// The images of a source, not yet read.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Each image's file.
    pub paths: Vec<PathBuf>,
    /// Each image's target, in as many numbers as the answer has.
    pub targets: Vec<f32>,
}

/// Images, each a square of the same size.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// `[N, C, S, S]`.
    pub pixels: Vec<u8>,
    /// The target of each, in as many numbers as the answer has.
    pub targets: Vec<f32>,
    /// The file of each.
    pub paths: Vec<PathBuf>,
}

/// The classes of a folder: its folders by name, and how many images each has.
///
/// # Errors
/// The folder cannot be read, has fewer than two classes, or one without images.
pub fn folder_schema(folder: &Path) -> Result<Schema, LabelledError> {
    let classes = class_folders(folder)?;
    let mut counts = Vec::with_capacity(classes.len());
    for class in &classes {
        let count = images_in(&folder.join(class))?.len() as u64;
        if count == 0 {
            return Err(LabelledError::EmptyClass { folder: folder.join(class) });
        }
        counts.push(count);
    }
    if classes.len() < 2 {
        return Err(LabelledError::FewClasses { folder: folder.to_owned(), found: classes.len() });
    }
    let rows = counts.iter().sum();
    let names = classes.iter().map(|class| class.to_string_lossy().into_owned()).collect();
    let targets = TargetsOf {
        columns: vec!["folder".to_owned()],
        kind: AnswerKind::Classes { names, counts, one_hot: false },
    };
    let reason = "each class has a folder".to_owned();
    Ok(Schema::of_targets(rows, targets, reason, 0))
}

/// The images of a folder whose classes are known.
///
/// # Errors
/// The folder cannot be read, or has a class that is not among them.
pub fn listed_folder(folder: &Path, schema: &Schema) -> Result<Listed, LabelledError> {
    let AnswerKind::Classes { names, .. } = &schema.targets.kind else { return Ok(Listed::default()) };
    let mut listed = Listed::default();
    for class in class_folders(folder)? {
        let name = class.to_string_lossy();
        let Some(target) = names.iter().position(|known| *known == name) else {
            return Err(LabelledError::UnknownClass { folder: folder.join(&class) });
        };
        for path in images_in(&folder.join(&class))? {
            listed.paths.push(path);
            listed.targets.push(target as f32);
        }
    }
    Ok(listed)
}

/// The targets of a list, as those of a table; `column` names the images.
///
/// # Errors
/// The list cannot be read, has no such column, or its targets cannot be learned.
pub fn list_schema(
    list: &Path,
    column: &str,
    data: &TableData,
) -> Result<(Schema, Vec<logit_spec::Finding>), LabelledError> {
    Reader::open(list)?.column(column)?;
    Ok(settle_targets(list, data)?)
}

/// The images of a list whose targets are known; `column` names them, by their paths from the list's folder.
///
/// # Errors
/// A row cannot be read, or names no image within the list's folder; there are too many.
pub fn listed(list: &Path, column: &str, schema: &Schema) -> Result<Listed, LabelledError> {
    let mut reader = Reader::open(list)?;
    let column = reader.column(column)?;
    let encoder = Encoder::new(schema, &mut reader, true)?;
    reader.look_into(column);
    let root = list.parent().unwrap_or(Path::new("."));
    let (mut found, mut record) = (Listed::default(), StringRecord::new());
    while reader.next(&mut record)?.is_some() {
        if !encoder.targets(&reader, &record, &mut found.targets)? {
            continue;
        }
        let given = record.get(column).unwrap_or_default();
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if given.is_empty() || given.len() > MOST_PATH_BYTES || !Path::new(given).components().all(inside) {
            let reason = format!("`{}` leads out of the list's folder, or nowhere", shortened(given));
            return Err(reader.at_row(reason).into());
        }
        found.paths.push(root.join(given));
        if found.paths.len() > MOST_IMAGES {
            return Err(LabelledError::TooMany { origin: list.to_owned(), most: MOST_IMAGES });
        }
    }
    Ok(found)
}

fn class_folders(folder: &Path) -> Result<Vec<OsString>, LabelledError> {
    let mut names = names_in(folder)?;
    names.retain(|name| folder.join(name).is_dir());
    Ok(names)
}

fn images_in(folder: &Path) -> Result<Vec<PathBuf>, LabelledError> {
    files_ending_in(folder, &ENDINGS)
}

fn files_ending_in(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, LabelledError> {
    let mut paths: Vec<PathBuf> = names_in(folder)?.into_iter().map(|name| folder.join(name)).collect();
    paths.retain(|path| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        path.is_file() && ending.is_some_and(|ending| endings.contains(&ending.as_str()))
    });
    Ok(paths)
}

/// Of each class of a folder, the images that are not read.
///
/// # Errors
/// The folder cannot be read.
pub fn unread_images(folder: &Path) -> Result<Vec<Unread>, LabelledError> {
    let mut all = Vec::new();
    for class in class_folders(folder)? {
        let folder = folder.join(class);
        let files = files_ending_in(&folder, &OTHER_ENDINGS)?;
        if let Some(first) = files.first().and_then(|path| path.file_name()) {
            let first = first.to_string_lossy().into_owned();
            all.push(Unread { folder, files: files.len(), first });
        }
    }
    Ok(all)
}

/// The names in a folder, in order; those that begin with a point are left alone.
fn names_in(folder: &Path) -> Result<Vec<OsString>, LabelledError> {
    let read_error = |source| DataError::Read { name: folder.display().to_string(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read_error)? {
        let name = entry.map_err(read_error)?.file_name();
        if !name.to_string_lossy().starts_with('.') {
            names.push(name);
        }
        if names.len() > MOST_IMAGES {
            return Err(LabelledError::TooMany { origin: folder.to_owned(), most: MOST_IMAGES });
        }
    }
    names.sort();
    Ok(names)
}

impl Pictures {
    /// Reads images, each brought to the recipe's square.
    ///
    /// # Errors
    /// An image cannot be read, or they would take too much memory.
    pub fn read(listed: Listed, data: &ImagesData) -> Result<Self, LabelledError> {
        let size = data.channels() * data.size * data.size;
        let bytes = listed.paths.len().saturating_mul(size);
        if bytes > MOST_BYTES {
            return Err(LabelledError::TooLarge { images: listed.paths.len(), bytes, most: MOST_BYTES });
        }
        let mut pixels = Vec::with_capacity(bytes);
        for path in &listed.paths {
            pixels.extend(read_square(path, data)?);
        }
        Ok(Self { pixels, targets: listed.targets, paths: listed.paths })
    }
}

/// The pixels of an image, `[C, S, S]`: as large as fits with its aspect ratio kept, in the middle, and around it the
/// mean of its border.
///
/// # Errors
/// The file cannot be read, or is no picture.
pub fn read_square(path: &Path, data: &ImagesData) -> Result<Vec<u8>, DataError> {
    let name = path.display().to_string();
    let bytes = read_bounded(path)?;
    let image = if data.colour {
        decode_colour(&name, &bytes)?
    } else {
        image::DynamicImage::ImageLuma8(decode_grey(&name, &bytes)?).into_rgb8()
    };
    let side = data.size as u32;
    let (width, height) = image.dimensions();
    let scale = f64::from(side) / f64::from(width.max(height));
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, side);
    let small = imageops::resize(&image, scaled(width), scaled(height), FilterType::CatmullRom);
    let mut square = image::RgbImage::from_pixel(side, side, border(&image));
    let middle = |length: u32| i64::from((side - length) / 2);
    imageops::replace(&mut square, &small, middle(small.width()), middle(small.height()));
    let channel = |channel: usize| square.pixels().map(move |pixel| pixel.0[channel]);
    Ok((0..data.channels()).flat_map(channel).collect())
}

/// The mean colour of the outermost rows and columns.
fn border(image: &image::RgbImage) -> image::Rgb<u8> {
    let (width, height) = image.dimensions();
    let rows = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
    let columns = (0..height).flat_map(|y| [(0, y), (width - 1, y)]);
    let mut sums = [0_u64; 3];
    for (x, y) in rows.chain(columns) {
        sums.iter_mut().zip(image.get_pixel(x, y).0).for_each(|(sum, colour)| *sum += u64::from(colour));
    }
    image::Rgb(sums.map(|sum| (sum / (2 * u64::from(width) + 2 * u64::from(height))) as u8))
}
