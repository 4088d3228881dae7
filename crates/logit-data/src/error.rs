//! What can be wrong with data.

use std::io;

/// What can be wrong with data: which file, what was found there, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system, or the decompression, refused to read on.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// The reason.
        source: io::Error,
    },

    /// A path leads to a folder, a pipe or a device, whose length nobody knows.
    #[error("{name} is not a regular file; give the path of a file")]
    NotAFile {
        /// The path.
        name: String,
    },

    /// A path that should be a folder of data files is something else, or nothing.
    #[error("{folder} is not a folder; give the folder that holds the data files")]
    NotAFolder {
        /// The path.
        folder: String,
    },

    /// A folder lacks one of the files of a data set.
    #[error(
        "{folder} holds no {what}: looked for {}; put one of these there, or use the built-in digits",
        tried.join(", ")
    )]
    MissingFile {
        /// The folder.
        folder: String,
        /// What the file would hold.
        what: &'static str,
        /// The file names that were looked for.
        tried: Vec<String>,
    },

    /// The first four bytes are not those of the IDX file that was asked for.
    #[error(
        "{name} is no IDX file of {what}: it starts with 0x{found:08X}, not 0x{expected:08X}; \
         download it again, and see that images and labels are not swapped"
    )]
    Magic {
        /// The file.
        name: String,
        /// What the file should hold.
        what: &'static str,
        /// The number that such a file starts with.
        expected: u32,
        /// The number that it starts with.
        found: u32,
    },

    /// An IDX file ends before what its header declares.
    #[error(
        "{name} is cut short: {expected} bytes of {what} were expected and {found} are there; \
         download it again"
    )]
    Truncated {
        /// The file.
        name: String,
        /// The part of the file that is incomplete.
        what: &'static str,
        /// Bytes that this part should have.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },

    /// An IDX file goes on after what its header declares.
    #[error(
        "{name} is too long: its header declares {expected} bytes of {what}, and more follow; \
         download it again"
    )]
    TooLong {
        /// The file.
        name: String,
        /// What the file holds.
        what: &'static str,
        /// Bytes that its header declares.
        expected: u64,
    },

    /// The header of an IDX file declares more than is ever read.
    #[error(
        "{name} declares {sizes} = {} bytes, and at most {limit} are read; split the file",
        or_overflow(*.bytes)
    )]
    OverLimit {
        /// The file.
        name: String,
        /// The declared sizes, as a product: `60000×28×28`.
        sizes: String,
        /// The product, if it fits into 64 bits.
        bytes: Option<u64>,
        /// The limit in bytes.
        limit: u64,
    },

    /// A file of images and its file of labels do not belong together.
    #[error(
        "{images_name} holds {images} images, but {labels_name} holds {labels} labels; \
         take both files from one source"
    )]
    Unpaired {
        /// The file of images.
        images_name: String,
        /// Its number of images.
        images: usize,
        /// The file of labels.
        labels_name: String,
        /// Its number of labels.
        labels: usize,
    },

    /// Pixels, labels and image size disagree.
    #[error("{pixels} pixels are not {labels} images of {height}×{width}, one per label")]
    Shape {
        /// Number of pixels.
        pixels: usize,
        /// Number of labels.
        labels: usize,
        /// Rows of an image.
        height: usize,
        /// Columns of an image.
        width: usize,
    },

    /// More images than a row number can count.
    #[error("{found} images are more than a set can hold ({})", u32::MAX)]
    TooManyImages {
        /// The number of images.
        found: usize,
    },

    /// An image, or a frame for one, without pixels or larger than is allowed.
    #[error("{height}×{width} is no size for an image; each side must be 1 to {limit}")]
    Size {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// The longest side that is allowed.
        limit: usize,
    },

    /// A number of classes that labels of one byte cannot tell apart.
    #[error("{found} classes cannot be; a label is a byte, so there are 1 to 256")]
    Classes {
        /// The number of classes.
        found: usize,
    },

    /// A label that is no class.
    #[error("the label of row {row} is {label}, but there are {classes} classes, counted from 0")]
    Label {
        /// The row, from 0.
        row: usize,
        /// Its label.
        label: u8,
        /// The number of classes.
        classes: usize,
    },

    /// A row number past the end of a set.
    #[error("there is no row {row} in a set of {len} images, counted from 0")]
    Row {
        /// The row that was asked for.
        row: u32,
        /// The number of images.
        len: usize,
    },

    /// A fraction to hold out that would leave one of the two parts without meaning.
    #[error("cannot hold out the fraction {found}; give one above 0 and below 1")]
    Fraction {
        /// The fraction that was asked for.
        found: f64,
    },

    /// A training and a test set of different kinds.
    #[error("the training set has {train} and the test set {test}; both must be of one kind")]
    Mismatch {
        /// Image size and classes of the training set.
        train: String,
        /// Image size and classes of the test set.
        test: String,
    },

    /// Digits of another size than pairs are made of.
    #[error("the images of {name} are of {height}×{width}; pairs are made of digits of 28×28")]
    PairSize {
        /// The part of the data.
        name: String,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },

    /// Digits of which no pairs of both kinds can be made.
    #[error(
        "{name} has no digit of {missing}; pairs are made of digits of 0 to 3 and of 4 to 9, so give more of them"
    )]
    NoPairs {
        /// The part of the data.
        name: String,
        /// The digits that are not there.
        missing: &'static str,
    },

    /// A file that holds no picture which can be decoded.
    #[error("{name} is neither a PNG nor a JPEG file: it {found}; save the picture as PNG")]
    NotAPicture {
        /// The file.
        name: String,
        /// What it is instead, as a verb phrase.
        found: String,
    },

    /// A picture file that is too long to be read at all.
    #[error("{name} is longer than the {limit} bytes that are read of a picture; save a smaller one")]
    PictureFileTooLong {
        /// The file.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },

    /// A picture whose pixels would take too much memory.
    #[error(
        "{name} is a picture of {width}×{height} pixels, {bytes} bytes when decoded; \
         at most {max_side} a side and {max_bytes} bytes are decoded, so save a smaller one"
    )]
    PictureTooLarge {
        /// The file.
        name: String,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes of the decoded picture.
        bytes: u64,
        /// The longest side that is decoded.
        max_side: u32,
        /// The most bytes that are decoded.
        max_bytes: u64,
    },

    /// A picture file that breaks off or contradicts itself.
    #[error("cannot decode {name}: {reason}; save the picture again, as PNG")]
    Undecodable {
        /// The file.
        name: String,
        /// The decoder's reason.
        reason: String,
    },

    /// A picture in which nothing is drawn.
    #[error(
        "{name} is blank: no pixel is more than {contrast} of 255 brighter than the border, and {needed} \
         are needed; draw in one colour on an even ground (transparent parts count as white)"
    )]
    Blank {
        /// The file.
        name: String,
        /// The largest difference to the border.
        contrast: u8,
        /// The difference that counts as ink.
        needed: u8,
    },

    /// Something wrong with what a file holds.
    #[error("{name}: {source}")]
    InFile {
        /// The file.
        name: String,
        /// What is wrong.
        source: Box<DataError>,
    },
}

impl DataError {
    /// The same error, with the file that it is about.
    pub(crate) fn in_file(self, name: &str) -> Self {
        Self::InFile { name: name.to_owned(), source: Box::new(self) }
    }
}

fn or_overflow(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "more than 2^64".to_owned(), |bytes| bytes.to_string())
}
