//! What cannot be written for TensorBoard.

use std::io;

/// Why a value was not written.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),

    /// The pixels do not fill the image, or it has no pixels.
    #[error(
        "image `{tag}`: found {found} bytes, but {width}×{height} pixels of {channels} channels were asked for; give one byte \
         per channel, 1 to 4 channels, and at least one pixel"
    )]
    Image {
        /// Name of the image.
        tag: String,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes in a pixel.
        channels: u8,
        /// Bytes that were given.
        found: usize,
    },

    /// The bins have no place on the axis.
    #[error(
        "histogram `{tag}`: {bins} bins from {low} to {high}; give finite ends in rising order, and bins unless the ends \
         are equal"
    )]
    Histogram {
        /// Name of the histogram.
        tag: String,
        /// Where the first bin begins.
        low: f64,
        /// Where the last bin ends.
        high: f64,
        /// Number of bins.
        bins: usize,
    },
}
