//! Data as rows of numbers: tables, labelled images, images with masks, digits and their pairs, sentences.
//!
//! Floors, from the ground up: `text`, `guard`, `range`, `weights`, `seed`, `order`, `split`, `error`, `idx`, `image_set`, `digits`, `shift`, `pairs`, `picture`, `fit`, `segmentation`, `sentences`, `table`, `labelled`.
//!
//! | file | concept |
//! |---|---|
//! | `text`, `guard` | a stranger's text in our messages; panics of a library, as errors |
//! | [`range`] | [`Range`](range::Range): what the values of a recipe may be |
//! | `weights` | [`Weights`]: what rare classes and labels weigh in a loss |
//! | `seed` | [`mix`]: a seed of its own for everything that is random |
//! | `order` | [`epoch_order`] and [`Batches`]: which rows are seen when |
//! | [`split`] | which rows are held out: of rows in memory, and of rows that come by |
//! | `error` | [`DataError`]: what can be wrong with files of digits and pictures |
//! | [`idx`] | the file format of MNIST and its relatives |
//! | `image_set` | [`ImageSet`]: pixels and labels, checked once; [`Split`]: training and test set |
//! | [`digits`] | MNIST: a part built into the binary, or all of it from a folder |
//! | `shift` | [`shifted`]: images moved at random, as augmentation |
//! | [`pairs`] | [`PairedDigits`]: two digits side by side, drawn by seed |
//! | `picture`, `fit` | [`Picture`]: one image file from anyone, made to look like the training data |
//! | [`segmentation`] | images with a value per pixel to answer with: folders of them, masks, crops |
//! | [`sentences`] | pairs of sentences with a score, and word vectors for them |
//! | [`table`] | tables of any kind, as rows of numbers |
//! | [`labelled`] | images with a class or labels each, from a folder or a list |
//!
//! Beside the readers stands what a recipe says of each kind of data: [`DataConfig`](digits::DataConfig) of digits,
//! [`PairsConfig`](pairs::PairsConfig), [`SegmentationData`](segmentation::SegmentationData),
//! [`SentenceConfig`](sentences::SentenceConfig), [`TableData`](table::TableData), [`ImagesData`](labelled::ImagesData).
//!
//! Pixels are bytes, 0 for the background and 255 for full ink. There is no tensor here: whoever trains makes them of
//! these numbers.
//!
//! Files are taken to be hostile: sizes are checked before memory is asked for, at most one byte more is read
//! than a header declares, and whatever is wrong is an error that names the file.

pub mod digits;
mod error;
mod fit;
mod guard;
pub mod idx;
mod image_set;
pub mod labelled;
mod order;
pub mod pairs;
mod picture;
pub mod range;
mod seed;
pub mod segmentation;
pub mod sentences;
mod shift;
pub mod split;
pub mod table;
#[cfg(test)]
mod testing;
mod text;
mod weights;

pub use error::DataError;
pub use image_set::{ImageSet, Split};
pub use order::{Batches, blockwise_order, epoch_order, steps_per_epoch};
pub use pairs::{PairedDigits, Sampling, side_by_side};
pub use picture::{MAX_DECODED_BYTES, MAX_FILE_BYTES, MAX_SIDE, Picture};
pub use seed::{Stream, mix};
pub use shift::shifted;
pub use weights::Weights;
