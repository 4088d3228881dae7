//! Images as they were taken, and with a mask each.

use std::path::Path;

use crate::error::DataError;
use crate::picture::{decode_grey, read_bounded};

/// A grey image and its mask, of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotated {
    /// The image file.
    pub name: String,
    /// Grey values.
    pub image: Grey,
    /// The mask's value of each pixel.
    pub mask: Vec<u8>,
}

/// A grey image as it was taken: dark is dark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grey {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[height, width]` row-major, 0 to 255.
    pub pixels: Vec<u8>,
}

impl Grey {
    /// Reads a PNG or JPEG file; colours become grey, and what is transparent white, as
    /// [`Picture`](crate::Picture) has it, but dark and bright are never swapped.
    ///
    /// # Errors
    /// As [`Picture::read`](crate::Picture::read).
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let grey = decode_grey(&path.display().to_string(), &read_bounded(path)?)?;
        let (height, width) = (grey.height() as usize, grey.width() as usize);
        Ok(Self { height, width, pixels: grey.into_raw() })
    }

    /// The grey values at some shares of the pixels, counted from the darkest; 0 of an image without pixels.
    ///
    /// The value at a share `q` of `N` pixels is that of place `q (N − 1)`, rounded down, in their order.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [u8; N] {
        let mut counts = [0_usize; 256];
        for pixel in &self.pixels {
            counts[usize::from(*pixel)] += 1;
        }
        shares.map(|share| {
            let place = (share * self.pixels.len().saturating_sub(1) as f64) as usize;
            let mut below = 0;
            let value = counts.iter().position(|count| {
                below += count;
                below > place
            });
            value.unwrap_or(0) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_image() {
        let image = Grey { height: 1, width: 5, pixels: vec![9, 200, 7, 7, 8] };
        assert_eq!(image.quantiles([0.0, 0.25, 0.5, 0.74, 0.75, 1.0]), [7, 7, 8, 8, 9, 200]);
        assert_eq!(Grey { height: 0, width: 0, pixels: vec![] }.quantiles([0.5]), [0]);
    }
}
