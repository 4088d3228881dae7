//! Data as the models take it: sets of small grey images with a class each, where they come from, and the
//! order in which they are trained on.
//!
//! | file | concept |
//! |---|---|
//! | `image_set` | [`ImageSet`]: pixels and labels, checked once; [`Split`]: training and test set |
//! | [`idx`] | the file format of MNIST and its relatives |
//! | [`digits`] | MNIST: a part built into the binary, or all of it from a folder |
//! | `picture`, `fit` | [`Picture`]: one image file from anyone, made to look like the training data |
//! | `order` | [`epoch_order`] and [`Batches`]: which images are seen when |
//! | `pairs` | [`PairedDigits`]: two digits side by side, drawn by seed |
//! | `seed` | [`mix`]: a seed of its own for everything that is random
//! | [`segmentation`] | images with a value a pixel to answer with: folders of them, masks, crops |
//! | `shift` | [`shifted`]: images moved at random, as augmentation |
//! | `table/` | tables of any kind, as rows of numbers |
//! | [`sentences`] | pairs of sentences with a score, and word vectors for them |
//! | `source` | [`load`] the sets, and make a [`Batch`] of them |
//!
//! Pixels are bytes, 0 for the background and 255 for full ink; `source` alone knows tensors,
//! and turns them into floats as the recipe says.
//!
//! Files are taken to be hostile: sizes are checked before memory is asked for, at most one byte more is read
//! than a header declares, and whatever is wrong is a [`DataError`] that names the file.

pub mod digits;
mod error;
mod fit;
pub mod idx;
mod image_set;
pub mod labelled;
mod order;
mod pairs;
mod picture;
mod seed;
pub mod segmentation;
pub mod sentences;
mod shift;
mod source;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;

pub use error::DataError;
pub use image_set::{ImageSet, Split};
pub use order::{Batches, blockwise_order, epoch_order, steps_per_epoch};
pub use pairs::{PairedDigits, Sampling, coded, side_by_side};
pub use picture::{MAX_DECODED_BYTES, MAX_FILE_BYTES, MAX_SIDE, Picture};
pub use seed::{Stream, mix};
pub use shift::shifted;
pub use source::{Batch, images, load};
