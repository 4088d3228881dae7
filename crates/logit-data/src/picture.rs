//! One image file from anyone, as grey pixels with bright ink.

use crate::error::DataError;
use crate::guard::caught;
use crate::idx::open;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, imageops,
    metadata::Orientation,
};
use std::{
    io::{Cursor, Read},
    path::Path,
};

/// The most bytes that are read of a picture file: 32 MiB.
pub const MAX_FILE_BYTES: u64 = 32 << 20;

/// The longest side of a picture that is decoded, in pixels.
pub const MAX_SIDE: u32 = 10_000;

/// The most bytes of a decoded picture: 128 MiB, which is 44 million pixels in colour. While it is
/// decoded, a progressive JPEG takes up to four times as much.
pub const MAX_DECODED_BYTES: u64 = 128 << 20;

/// A grey picture with bright ink on a dark ground, as the digits of MNIST are.
///
/// [`read`](Self::read) decodes a PNG or JPEG file; [`fit`](Self::fit) and [`fit_digit`](Self::fit_digit)
/// bring it to the size that a model takes:
///
/// ```no_run
/// use logit_data::Picture;
/// use std::path::Path;
///
/// let picture = Picture::read(Path::new("seven.png"))?.fit_digit()?;
/// assert_eq!((picture.height(), picture.width()), (28, 28));
/// # Ok::<(), logit_data::DataError>(())
/// ```
///
/// Colours become grey by their luminance (Rec. 709); what is transparent is laid over white, as viewers and
/// browsers show it; a photograph is turned upright as its Exif orientation says. If the mean of the
/// outermost rows and columns is brighter than half, the picture is dark ink on bright paper and is inverted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub(super) name: String,
    pub(super) grey: GrayImage,
    pub(super) inverted: bool,
    pub(super) resized_from: Option<(u32, u32)>,
}

impl Picture {
    /// Reads and decodes a file.
    ///
    /// # Errors
    /// A file that cannot be read, and what [`decode`](Self::decode) refuses.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        Self::decode(&path.display().to_string(), &read_bounded(path)?)
    }

    /// Decodes the bytes of a PNG or JPEG file, which messages call `name`. Of an animation, the still image
    /// counts.
    ///
    /// # Errors
    /// More than [`MAX_FILE_BYTES`], another format, a side above [`MAX_SIDE`], more than
    /// [`MAX_DECODED_BYTES`] when decoded, and whatever the decoder refuses.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Self, DataError> {
        Ok(Self::with_bright_ink(name, decode_grey(name, bytes)?))
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.grey.height() as usize
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.grey.width() as usize
    }

    /// Grey values, `[height, width]` row-major: 0 is the ground, 255 full ink.
    pub fn pixels(&self) -> &[u8] {
        self.grey.as_raw()
    }

    /// Whether the file showed dark ink on bright paper, and dark and bright were swapped.
    pub fn inverted(&self) -> bool {
        self.inverted
    }

    /// The (width, height) of the file, if it had to be resized.
    pub fn resized_from(&self) -> Option<(u32, u32)> {
        self.resized_from
    }

    fn with_bright_ink(name: &str, mut grey: GrayImage) -> Self {
        let inverted = border_mean(&grey) > 127.5;
        if inverted {
            imageops::invert(&mut grey);
        }
        Self { name: name.to_owned(), grey, inverted, resized_from: None }
    }
}

/// The bytes of a picture file, at most one more than [`MAX_FILE_BYTES`].
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    match open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(DataError::Read { name: path.display().to_string(), source }),
    }
}

/// A PNG or JPEG file as upright grey pixels, dark where it is dark; errors as [`Picture::decode`].
pub(super) fn decode_grey(name: &str, bytes: &[u8]) -> Result<GrayImage, DataError> {
    let (image, orientation) = decode(name, bytes)?;
    Ok(turned(DynamicImage::ImageLuma8(grey_over_white(image)), orientation).into_luma8())
}

/// A PNG or JPEG file as upright colours, over white where it is translucent; errors as [`Picture::decode`].
pub(super) fn decode_colour(name: &str, bytes: &[u8]) -> Result<RgbImage, DataError> {
    let (image, orientation) = decode(name, bytes)?;
    Ok(turned(DynamicImage::ImageRgb8(colour_over_white(image)), orientation).into_rgb8())
}

fn turned(mut image: DynamicImage, orientation: Orientation) -> DynamicImage {
    image.apply_orientation(orientation);
    image
}

/// A picture within the limits, and how it is to be turned; whatever the decoder makes of it.
fn decode(name: &str, bytes: &[u8]) -> Result<(DynamicImage, Orientation), DataError> {
    let gave_up = |reason| Err(DataError::Undecodable { name: name.to_owned(), reason });
    caught(|| decode_trusted(name, bytes)).unwrap_or_else(gave_up)
}

fn decode_trusted(name: &str, bytes: &[u8]) -> Result<(DynamicImage, Orientation), DataError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(DataError::PictureFileTooLong { name: name.to_owned(), limit: MAX_FILE_BYTES });
    }
    let format = picture_format(name, bytes)?;
    let undecodable =
        |error: ImageError| DataError::Undecodable { name: name.to_owned(), reason: error.to_string() };

    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    check_size(name, decoder.dimensions().into(), decoder.total_bytes())?;
    // Exif data that makes no sense says nothing about which way is up.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(undecodable)?, orientation))
}

/// The mean of the outermost rows and columns.
pub(super) fn border_mean(grey: &GrayImage) -> f64 {
    let (width, height) = grey.dimensions();
    let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
    let rows = (0..width).flat_map(|x| [(x, 0), (x, bottom)]);
    let columns = (0..height).flat_map(|y| [(0, y), (right, y)]);
    let sum: f64 = rows.chain(columns).map(|(x, y)| f64::from(grey.get_pixel(x, y).0[0])).sum();
    sum / (2.0 * f64::from(width) + 2.0 * f64::from(height))
}

fn picture_format(name: &str, bytes: &[u8]) -> Result<ImageFormat, DataError> {
    let found = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => return Ok(format),
        Ok(other) => format!("is {}", other.to_mime_type()),
        Err(_) if bytes.is_empty() => "is empty".to_owned(),
        Err(_) => {
            let first = bytes.iter().take(8).map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
            format!("starts with the bytes {first}")
        }
    };
    Err(DataError::NotAPicture { name: name.to_owned(), found })
}

/// Whether a picture of a size, which takes so many `bytes` when decoded, is within the limits.
pub(super) fn check_size(name: &str, [width, height]: [u32; 2], bytes: u64) -> Result<(), DataError> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) && bytes <= MAX_DECODED_BYTES {
        return Ok(());
    }
    let (max_side, max_bytes) = (MAX_SIDE, MAX_DECODED_BYTES);
    Err(DataError::PictureTooLarge { name: name.to_owned(), width, height, bytes, max_side, max_bytes })
}

fn grey_over_white(image: DynamicImage) -> GrayImage {
    if !image.color().has_alpha() {
        return image.into_luma8();
    }
    let translucent = image.into_luma_alpha8();
    let (width, height) = translucent.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        let [grey, alpha] = translucent.get_pixel(x, y).0.map(u32::from);
        image::Luma([((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8])
    })
}

fn colour_over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let translucent = image.into_rgba8();
    let (width, height) = translucent.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let [red, green, blue, alpha] = translucent.get_pixel(x, y).0.map(u32::from);
        image::Rgb(
            [red, green, blue].map(|colour| ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use flate2::{Compression, write::ZlibEncoder};
    use image::{GrayAlphaImage, ImageBuffer, Luma, LumaA, Rgb};
    use proptest::prelude::*;
    use std::{fs, io::Write};

    fn message(bytes: &[u8]) -> String {
        Picture::decode("x.png", bytes).expect_err("no picture").to_string()
    }

    /// A dark cross on a bright ground, taller than wide.
    fn cross() -> GrayImage {
        GrayImage::from_fn(9, 15, |x, y| Luma([if x == 4 || y == 7 { 40 } else { 220 }]))
    }

    /// A PNG file of grey pixels with 8 bits, made of any sizes and any compressed rows.
    fn png(width: u32, height: u32, colour: u8, rows: &[u8]) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, colour, 0, 0, 0]].concat();
        for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", rows), (b"IEND", &[])] {
            let mut checksum = flate2::Crc::new();
            checksum.update(kind);
            checksum.update(data);
            file.extend((data.len() as u32).to_be_bytes());
            file.extend([&kind[..], data].concat());
            file.extend(checksum.sum().to_be_bytes());
        }
        file
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    #[test]
    fn dark_ink_on_bright_paper_is_inverted() {
        let file = testing::encoded(cross(), ImageFormat::Png);
        let picture = Picture::decode("cross.png", &file).expect("a PNG");
        assert_eq!((picture.height(), picture.width()), (15, 9));
        assert!(picture.inverted() && picture.resized_from().is_none());
        assert_eq!(picture.pixels()[..5], [35, 35, 35, 35, 215]);

        let mut bright = cross();
        imageops::invert(&mut bright);
        let same = Picture::decode("cross.png", &testing::encoded(bright, ImageFormat::Png)).expect("a PNG");
        assert_eq!((same.pixels(), same.inverted()), (picture.pixels(), false));
    }

    #[test]
    fn colours_depths_and_formats_become_grey_bytes() {
        let colour = RgbImage::from_pixel(3, 3, Rgb([0, 100, 0]));
        let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(3, 3, Luma([0x4000]));
        let lossy = GrayImage::from_pixel(3, 3, Luma([64]));
        for (file, expected) in [
            (testing::encoded(colour, ImageFormat::Png), 72),
            (testing::encoded(deep, ImageFormat::Png), 64),
            (testing::encoded(lossy, ImageFormat::Jpeg), 64),
        ] {
            assert_eq!(Picture::decode("x", &file).expect("a picture").pixels(), [expected; 9]);
        }
    }

    #[test]
    fn transparent_parts_are_white_paper() {
        let ink = |x, _| LumaA([10, if x == 1 { 255 } else { 0 }]);
        let file = testing::encoded(GrayAlphaImage::from_fn(4, 2, ink), ImageFormat::Png);
        let picture = Picture::decode("x.png", &file).expect("a PNG");
        assert_eq!((picture.pixels(), picture.inverted()), (&[0, 245, 0, 0, 0, 245, 0, 0][..], true));
    }

    #[test]
    fn a_photograph_is_turned_upright() {
        let shades = GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 0 } else { 80 }]));
        let lying = testing::encoded(shades, ImageFormat::Jpeg);
        // Exif, one entry: orientation (0x0112), a short, 6: the right of what is stored is the bottom.
        let exif =
            b"\xFF\xE1\0\x22Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let photograph = [&lying[..2], exif, &lying[2..]].concat();
        let picture = Picture::decode("x.jpg", &photograph).expect("a JPEG");
        assert_eq!((picture.height(), picture.width()), (16, 8));
        assert_eq!(
            (picture.pixels()[..8].to_vec(), picture.pixels()[120..].to_vec()),
            (vec![0; 8], vec![80; 8])
        );
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        for (bytes, found) in [
            (&b""[..], "is empty"),
            (b"GIF89a\x01\0\x01\0", "is image/gif"),
            (b"<svg/>", "starts with the bytes 3C 73 76 67 2F 3E"),
        ] {
            let expected =
                format!("x.png is neither a PNG nor a JPEG file: it {found}; save the picture as PNG");
            assert_eq!(message(bytes), expected);
        }
    }

    #[test]
    fn a_broken_file_is_an_error() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let file = testing::encoded(cross(), format);
            let cut = message(&file[..40]);
            assert!(
                cut.starts_with("cannot decode x.png: ") && cut.ends_with("; save the picture again, as PNG"),
                "{cut}"
            );
        }
        assert!(message(&png(5, 5, 0, &zlib(&[0; 29]))).starts_with("cannot decode x.png: "));
    }

    #[test]
    fn a_picture_past_the_limits_is_not_decoded() {
        let limits = "at most 10000 a side and 134217728 bytes are decoded, so save a smaller one";
        assert_eq!(
            message(&png(10_001, 1, 0, &zlib(&[0; 100]))),
            format!("x.png is a picture of 10001×1 pixels, 10001 bytes when decoded; {limits}")
        );
        assert_eq!(
            message(&png(9000, 9000, 2, &zlib(&[0; 100]))),
            format!("x.png is a picture of 9000×9000 pixels, 243000000 bytes when decoded; {limits}")
        );
        // The sizes follow the marker of the frame, its length and the number of bits.
        let mut jpeg = testing::encoded(cross(), ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a frame");
        jpeg[frame + 5..frame + 9].fill(0xFF);
        assert_eq!(
            message(&jpeg),
            format!("x.png is a picture of 65535×65535 pixels, 4294836225 bytes when decoded; {limits}")
        );
        assert!(message(&png(u32::MAX >> 1, u32::MAX >> 1, 6, &[])).contains("x.png"));
    }

    #[test]
    fn a_file_past_the_limit_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.png");
        let file = fs::File::create(&path).expect("a file");
        file.set_len(MAX_FILE_BYTES + 5).expect("a sparse file");
        assert_eq!(
            Picture::read(&path).expect_err("too long").to_string(),
            format!(
                "{} is longer than the 33554432 bytes that are read of a picture; save a smaller one",
                path.display()
            )
        );
        assert!(matches!(Picture::read(folder.path()), Err(DataError::NotAFile { .. })));

        fs::write(&path, testing::encoded(cross(), ImageFormat::Png)).expect("a file");
        assert_eq!(Picture::read(&path).expect("a PNG").width(), 9);
    }

    /// Whatever comes in: no panic, and a picture has the size that it says, within the limits, before and
    /// after fitting.
    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        let Ok(picture) = Picture::decode("x", bytes) else { return Ok(()) };
        prop_assert_eq!(picture.pixels().len(), picture.height() * picture.width());
        prop_assert!(picture.pixels().len() as u64 <= MAX_DECODED_BYTES);
        prop_assert_eq!(picture.clone().fit(12, 7).expect("a size").pixels().len(), 12 * 7);
        if let Ok(digit) = picture.fit_digit() {
            prop_assert_eq!((digit.height(), digit.width()), (28, 28));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_picture_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            check(&bytes)?;
            check(&[b"\x89PNG\r\n\x1A\n", &bytes[..]].concat())?;
            check(&[b"\xFF\xD8\xFF", &bytes[..]].concat())?;
        }

        #[test]
        fn a_png_of_any_rows_is_a_picture_or_an_error(
            width in 0_u32..60, height in 0_u32..60, colour in 0_u8..8,
            rows in proptest::collection::vec(any::<u8>(), 0..4000),
        ) {
            check(&png(width, height, colour, &zlib(&rows)))?;
            check(&png(width, height, colour, &rows))?;
            let filtered: Vec<u8> = rows.into_iter().map(|byte| byte % 5).collect();
            check(&png(width, height, colour, &zlib(&filtered)))?;
        }

        #[test]
        fn a_damaged_file_is_a_picture_or_an_error(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            for format in [ImageFormat::Png, ImageFormat::Jpeg] {
                let mut bytes = testing::encoded(cross(), format);
                for (place, value) in &damage {
                    let place = place.index(bytes.len());
                    bytes[place] = *value;
                }
                check(&bytes)?;
                check(&bytes[..cut.index(bytes.len())])?;
            }
        }
    }
}
