//! What can be wrong with a set of labelled images.

use std::path::PathBuf;

use crate::error::DataError;
use crate::table::TableError;

/// A set of labelled images that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelledError {
    /// A folder or an image that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A list that cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A folder with too few classes.
    #[error(
        "{} has {found} folders; it must have one for each class, at least two, with the images (.png, .jpg) in them",
        folder.display()
    )]
    FewClasses {
        /// The folder.
        folder: PathBuf,
        /// How many folders it has.
        found: usize,
    },
    /// A class without images.
    #[error("{} holds no image (.png, .jpg): put some there, or remove the folder", folder.display())]
    EmptyClass {
        /// The class's folder.
        folder: PathBuf,
    },
    /// A class that training does not have.
    #[error("{} is a class that the training images do not have", folder.display())]
    UnknownClass {
        /// The class's folder.
        folder: PathBuf,
    },
    /// More images than are read.
    #[error("{} names more than {most} images", origin.display())]
    TooMany {
        /// The folder or list.
        origin: PathBuf,
        /// How many are read.
        most: usize,
    },
    /// More pixels than are kept.
    #[error(
        "{images} images take {bytes} bytes, and at most {most} are kept; lower `data.size`, or leave `data.colour` out"
    )]
    TooLarge {
        /// How many images.
        images: usize,
        /// Bytes of their pixels.
        bytes: usize,
        /// How many are kept.
        most: usize,
    },
}
