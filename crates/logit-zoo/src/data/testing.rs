//! What the tests of this module share.

use flate2::{Compression, write::GzEncoder};
use image::{DynamicImage, ImageFormat};
use std::{
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

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

/// A folder of real data that the repository does not carry: `$LOGIT_DATA/name`, or `shared/data/name` in a
/// folder above this crate. Without it, says so and returns `None`, and the test has nothing to check.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("LOGIT_DATA").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    let found = named.into_iter().chain(above).map(|data| data.join(name)).find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no folder `{name}` in $LOGIT_DATA or in a `shared/data` above this crate");
    }
    found
}
