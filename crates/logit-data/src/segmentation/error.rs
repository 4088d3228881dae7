//! What can be wrong with images and their masks.

use crate::error::DataError;

/// What can be wrong with images and their masks: which file, what was found there, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SegmentationError {
    /// A file that cannot be read, or is no picture.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A folder that is laid out in no known way.
    #[error(
        "{folder} holds no {wanted}; give a folder with `images` and `masks`, or with `train` and `test` that hold \
         these each"
    )]
    Layout {
        /// The folder.
        folder: String,
        /// What is missing.
        wanted: &'static str,
    },
    /// A folder of images without any.
    #[error("{folder} holds no image; put PNG or JPEG files there, and a mask of each beside it in `masks`")]
    NoImages {
        /// The folder.
        folder: String,
    },
    /// A file that is neither image nor mask by its name.
    #[error("{name} is no {kind} by its name: these end in {endings}; take it away, or convert it")]
    Stray {
        /// The file.
        name: String,
        /// What the folder holds.
        kind: &'static str,
        /// How their names end.
        endings: String,
    },
    /// Two files of one name, but for the ending.
    #[error("{first} and {second} would have the same mask; keep one of them, or rename it")]
    Twice {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// An image without mask.
    #[error("{image} has no mask: {mask} does not exist; draw it, or take the image away")]
    NoMask {
        /// The image.
        image: String,
        /// Where its mask should be.
        mask: String,
    },
    /// A mask without image.
    #[error("{mask} has no image of its name in {images}; put it there, or take the mask away")]
    NoImage {
        /// The mask.
        mask: String,
        /// The folder where its image should be.
        images: String,
    },
    /// A mask of another size than its image.
    #[error(
        "{mask} is {}×{} pixels, but {image} is {}×{} (width×height); a mask has a pixel for each of its image",
        mask_size[0], mask_size[1], image_size[0], image_size[1]
    )]
    Size {
        /// The image.
        image: String,
        /// Its width and height.
        image_size: [usize; 2],
        /// The mask.
        mask: String,
        /// Its width and height.
        mask_size: [usize; 2],
    },
    /// A mask whose pixels are no single values.
    #[error(
        "{mask} is a PNG of {found}; save it as indexed colours or as grey, whose values are the answers"
    )]
    Colours {
        /// The mask.
        mask: String,
        /// What its pixels are.
        found: &'static str,
    },
    /// A value of a mask that means nothing.
    #[error(
        "{mask}: the value in row {row}, column {column} (from 0) is {value}, but values go from 0 to {largest}: \
         {meanings}; renumber the mask, or name more in `data.classes`"
    )]
    Value {
        /// The mask.
        mask: String,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value.
        value: u16,
        /// The largest value that means something.
        largest: usize,
        /// What the values mean.
        meanings: String,
    },
    /// More pixels than are kept in memory.
    #[error(
        "{folder} holds more than the {limit} bytes of pixels and mask values that are kept in memory, passed at \
         {name}; take images away, or make them smaller"
    )]
    TooMuch {
        /// The folder.
        folder: String,
        /// The image at which the limit was passed.
        name: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// More files than are looked at.
    #[error("{folder} holds more than {limit} files; take some away")]
    TooMany {
        /// The folder.
        folder: String,
        /// The limit.
        limit: usize,
    },
}
