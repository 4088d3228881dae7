//! Masks: PNG files whose values are answers, not colours.

use std::io::Cursor;
use std::path::Path;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Limits, Transformations};

use super::error::SegmentationError;
use crate::data::picture::{MAX_DECODED_BYTES, MAX_FILE_BYTES, check_size, read_bounded};
use crate::data::DataError;

/// The values that a mask may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskValues {
    /// How many there are, counted from 0; from 1 to 256.
    pub count: usize,
    /// What they mean, for error messages.
    pub told: String,
}

/// The values of a mask, `[height, width]` row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// A value a pixel.
    pub values: Vec<u8>,
}

impl Mask {
    /// Reads a mask file.
    ///
    /// # Errors
    /// A file that cannot be read, and what [`decode`](Self::decode) refuses.
    pub fn read(path: &Path, values: &MaskValues) -> Result<Self, DataError> {
        Self::decode(&path.display().to_string(), &read_bounded(path)?, values)
    }

    /// Decodes the bytes of a PNG file, which messages call `name`: of indexed colours the indices, of grey the
    /// numbers as they stand, whatever their number of bits.
    ///
    /// # Errors
    /// No PNG, or one of colours or with transparency, or larger than pictures may be; a value that means nothing.
    pub fn decode(name: &str, bytes: &[u8], values: &MaskValues) -> Result<Self, DataError> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(DataError::PictureFileTooLong { name: name.to_owned(), limit: MAX_FILE_BYTES });
        }
        let undecodable = |error: DecodingError| DataError::Undecodable {
            name: name.to_owned(),
            cause: error.to_string(),
        };
        let mut options = DecodeOptions::default();
        options.set_ignore_text_chunk(true);
        options.set_ignore_iccp_chunk(true);
        let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
        decoder.set_limits(Limits { bytes: MAX_DECODED_BYTES as usize });
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(undecodable)?;
        let (width, height) = (reader.info().width, reader.info().height);
        let size = reader.output_buffer_size();
        check_size(name, [width, height], size.map_or(u64::MAX, |size| size as u64))?;
        let (colour, depth) = reader.output_color_type();
        if let Some(found) = colours(colour) {
            return Err(SegmentationError::Colours { mask: name.to_owned(), found }.into());
        }
        let mut packed = vec![0; size.unwrap_or(0)];
        let frame = reader.next_frame(&mut packed).map_err(undecodable)?;
        let (height, width) = (height as usize, width as usize);
        let rows = packed.chunks_exact(frame.line_size).take(height);
        let mut mask = Vec::with_capacity(height * width);
        for (row, packed) in rows.enumerate() {
            for (column, value) in unpacked(packed, depth).take(width).enumerate() {
                match u8::try_from(value) {
                    Ok(byte) if usize::from(byte) < values.count => mask.push(byte),
                    _ => return Err(refused(name, [row, column], value, values).into()),
                }
            }
        }
        Ok(Self { height, width, values: mask })
    }
}

fn colours(colour: ColorType) -> Option<&'static str> {
    match colour {
        ColorType::Grayscale | ColorType::Indexed => None,
        ColorType::GrayscaleAlpha => Some("grey with transparency"),
        ColorType::Rgb => Some("red, green and blue"),
        ColorType::Rgba => Some("red, green and blue with transparency"),
    }
}

/// The values of a row, and what fills its last byte.
fn unpacked(row: &[u8], depth: BitDepth) -> Box<dyn Iterator<Item = u16> + '_> {
    let bits = match depth {
        BitDepth::Eight => return Box::new(row.iter().map(|byte| u16::from(*byte))),
        BitDepth::Sixteen => {
            return Box::new(row.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
        }
        BitDepth::One => 1,
        BitDepth::Two => 2,
        BitDepth::Four => 4,
    };
    // The first value stands in the highest bits.
    Box::new(row.iter().flat_map(move |byte| {
        (0..8 / bits).rev().map(move |place| u16::from(byte >> (place * bits) & ((1 << bits) - 1)))
    }))
}

fn refused(name: &str, [row, column]: [usize; 2], value: u16, values: &MaskValues) -> SegmentationError {
    let (mask, largest, told) = (name.to_owned(), values.count - 1, values.told.clone());
    SegmentationError::Value { mask, row, column, value, largest, told }
}

