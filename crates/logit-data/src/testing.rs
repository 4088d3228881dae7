//! What the tests of this crate share.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat};

#[path = "../tests/common/shared_data.rs"]
mod shared_data;

pub(crate) use shared_data::shared_data;

/// An IDX file of images.
pub(crate) fn idx_images(height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let count = pixels.len() as u32 / (height * width);
    let header = [0x0803, count, height, width].map(u32::to_be_bytes);
    [header.as_flattened(), pixels].concat()
}

/// An IDX file of labels.
pub(crate) fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let header = [0x0801, labels.len() as u32].map(u32::to_be_bytes);
    [header.as_flattened(), labels].concat()
}

/// The same bytes, compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// A picture file.
pub(crate) fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Vec::new();
    picture.into().write_to(&mut Cursor::new(&mut file), format).expect("memory takes all");
    file
}
