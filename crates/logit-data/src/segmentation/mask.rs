//! Masks: PNG files whose values are answers, not colours.

use std::io::Cursor;
use std::path::Path;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Limits, Transformations};

use super::config::SegmentationData;
use super::error::SegmentationError;
use crate::error::DataError;
use crate::guard::caught;
use crate::picture::{MAX_DECODED_BYTES, MAX_FILE_BYTES, check_size, read_bounded};

/// The values that a mask may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskValues {
    /// How many there are, counted from 0; from 1 to 256.
    pub count: usize,
    /// What they mean, for error messages.
    pub meanings: String,
}

impl MaskValues {
    /// The values that a recipe names.
    pub fn of(data: &SegmentationData) -> Self {
        Self { count: data.mask_values(), meanings: data.mask_meanings() }
    }
}

/// The values of a mask, `[height, width]` row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// A value per pixel.
    pub values: Vec<u8>,
}

impl Mask {
    /// Reads a mask file.
    ///
    /// # Errors
    /// A file that cannot be read, and what [`decode`](Self::decode) refuses.
    pub fn read(path: &Path, values: &MaskValues) -> Result<Self, SegmentationError> {
        Self::decode(&path.display().to_string(), &read_bounded(path)?, values)
    }

    /// Decodes the bytes of a PNG file, which messages call `name`: of indexed colours the indices, of grey the
    /// numbers as they stand, whatever their number of bits.
    ///
    /// # Errors
    /// No PNG, or one of colours or with transparency, or larger than pictures may be; a value that means nothing.
    pub fn decode(name: &str, bytes: &[u8], values: &MaskValues) -> Result<Self, SegmentationError> {
        let gave_up = |reason| Err(DataError::Undecodable { name: name.to_owned(), reason }.into());
        caught(|| Self::decode_trusted(name, bytes, values)).unwrap_or_else(gave_up)
    }

    fn decode_trusted(name: &str, bytes: &[u8], values: &MaskValues) -> Result<Self, SegmentationError> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(DataError::PictureFileTooLong { name: name.to_owned(), limit: MAX_FILE_BYTES }.into());
        }
        let undecodable = |error: DecodingError| DataError::Undecodable {
            name: name.to_owned(),
            reason: error.to_string(),
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
            return Err(SegmentationError::Colours { mask: name.to_owned(), found });
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
                    _ => return Err(refused(name, [row, column], value, values)),
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
    let (mask, largest, meanings) = (name.to_owned(), values.count - 1, values.meanings.clone());
    SegmentationError::Value { mask, row, column, value, largest, meanings }
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, RgbImage};
    use png::Encoder;
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn three() -> MaskValues {
        MaskValues { count: 3, meanings: "0 sky, 1 sea, 2 land".to_owned() }
    }

    /// A PNG file of rows that are packed already.
    fn png(size: [u32; 2], colour: ColorType, depth: BitDepth, packed: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, size[0], size[1]);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == ColorType::Indexed {
            encoder.set_palette(vec![200; 3 * 4]);
        }
        encoder.write_header().unwrap().write_image_data(packed).unwrap();
        file
    }

    fn message(bytes: &[u8]) -> String {
        Mask::decode("x.png", bytes, &three()).unwrap_err().to_string()
    }

    #[test]
    fn values_are_read_as_they_stand_whatever_their_bits() {
        let values = [0, 1, 2, 2, 1, 0];
        for colour in [ColorType::Indexed, ColorType::Grayscale] {
            for (depth, packed) in [
                (BitDepth::Two, &[0b0001_1000, 0b1001_0000][..]),
                (BitDepth::Four, &[0x01, 0x20, 0x21, 0x00]),
                (BitDepth::Eight, &values),
            ] {
                let file = png([3, 2], colour, depth, packed);
                let mask = Mask::decode("x.png", &file, &three()).unwrap();
                assert_eq!(
                    (mask.height, mask.width, &mask.values[..]),
                    (2, 3, &values[..]),
                    "{colour:?} {depth:?}"
                );
            }
        }
        let wide = png([3, 1], ColorType::Grayscale, BitDepth::Sixteen, &[0, 2, 0, 0, 0, 1]);
        assert_eq!(Mask::decode("x.png", &wide, &three()).unwrap().values, [2, 0, 1]);
        let bits = png([9, 1], ColorType::Indexed, BitDepth::One, &[0b0110_0000, 0b1000_0000]);
        assert_eq!(Mask::decode("x.png", &bits, &three()).unwrap().values, [0, 1, 1, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_value_that_means_nothing_is_named_with_its_place() {
        let file = png([3, 2], ColorType::Grayscale, BitDepth::Eight, &[0, 1, 2, 0, 255, 3]);
        assert_eq!(
            message(&file),
            "x.png: the value in row 1, column 1 (from 0) is 255, but values go from 0 to 2: 0 sky, 1 sea, 2 land; \
             renumber the mask, or name more in `data.classes`"
        );
        let wide = png([1, 1], ColorType::Grayscale, BitDepth::Sixteen, &[1, 0]);
        assert!(message(&wide).contains("row 0, column 0 (from 0) is 256"));
    }

    #[test]
    fn what_is_no_mask_is_named() {
        let colours = testing::encoded(RgbImage::new(2, 2), ImageFormat::Png);
        assert!(message(&colours).starts_with("x.png is a PNG of red, green and blue; save it as indexed"));
        let lossy = testing::encoded(image::GrayImage::new(2, 2), ImageFormat::Jpeg);
        assert!(message(&lossy).starts_with("cannot decode x.png: "), "{}", message(&lossy));
        let whole = png([40, 40], ColorType::Grayscale, BitDepth::Eight, &[1; 1600]);
        assert!(message(&whole[..whole.len() - 20]).starts_with("cannot decode x.png: "));
        let mut large = whole.clone();
        large[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        // The checksum of the header no longer holds, and the size would take 4 GiB.
        assert!(message(&large).contains("x.png"));
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_a_mask_or_an_error(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = png([9, 5], ColorType::Indexed, BitDepth::Two, &[0b0101_1010; 15]);
            for (place, value) in &damage {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(mask) = Mask::decode("x", bytes, &three()) {
                    prop_assert_eq!(mask.values.len(), mask.height * mask.width);
                    prop_assert!(mask.values.iter().all(|value| *value < 3));
                }
            }
        }
    }
}
