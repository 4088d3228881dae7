//! Images with a mask each: a value per pixel to answer with.
//!
//! Floors, from the ground up: `config`, `error`, `annotated`, `mask`, `crop`, `folder`.
//!
//! | file | concept |
//! |---|---|
//! | `config` | [`SegmentationData`]: what a recipe says of a pixel, and of the images |
//! | `annotated` | [`Annotated`], [`Grey`]: an image as it was taken, and with its mask |
//! | `mask` | [`Mask`]: a PNG whose values are answers, not colours |
//! | `crop` | [`Crop`]: a square for training, moved, mirrored, turned and brightened at random |
//! | `folder` | [`SegmentationSplit`] and [`SegmentationSet`]: read from `images` and `masks` |

mod annotated;
mod config;
mod crop;
mod error;
mod folder;
mod mask;

pub use annotated::{Annotated, Grey};
pub use config::{PixelAnswer, SegmentationData, metric_key};
pub use crop::Crop;
pub use error::SegmentationError;
pub use folder::{MAX_SET_BYTES, MAX_SET_FILES, ReadFor, SegmentationSet, SegmentationSplit};
pub use mask::{Mask, MaskValues};
