//! The IDX format of MNIST and its relatives: a header of big-endian numbers, then the bytes of a tensor.
//!
//! | bytes | images | labels |
//! |---|---|---|
//! | 0–3 | `0x00000803`: unsigned bytes, three dimensions | `0x00000801`: unsigned bytes, one dimension |
//! | 4–7 | number of images | number of labels |
//! | 8–11 | rows of an image | – |
//! | 12–15 | columns of an image | – |
//! | then | pixels, row-major | labels |
//!
//! A file may be compressed by gzip, which is recognised by its first bytes and not by its name. The format
//! is described by its authors at <https://yann.lecun.com/exdb/mnist/>.

use crate::error::DataError;
use flate2::bufread::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// The most bytes that are read of one file, uncompressed: 1 GiB, enough for the largest of the relatives
/// of MNIST (EMNIST, 814,255 images of 28×28: 0.6 GiB).
pub const MAX_BYTES: u64 = 1 << 30;

/// What is reserved before the first byte is read; beyond that, memory grows with what is really there.
const FIRST_RESERVE: u64 = 1 << 20;

/// The images of an IDX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The number of images.
    pub count: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// `[count, height, width]` row-major.
    pub pixels: Vec<u8>,
}

/// Reads a file of images.
///
/// Memory is bounded by twice the bytes that are really there, and by [`MAX_BYTES`]; at most one byte more
/// than the header declares is decompressed.
///
/// # Errors
/// A file that cannot be read, is no IDX file of images, ends early, goes on after its end, or declares more
/// than [`MAX_BYTES`].
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    decode_images(&path.display().to_string(), open(path)?)
}

/// Reads a file of labels; the bounds and the errors are those of [`read_images`].
///
/// # Errors
/// As [`read_images`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    decode_labels(&path.display().to_string(), open(path)?)
}

/// Images from bytes, plain or compressed, that messages call `name`.
pub(super) fn decode_images(name: &str, bytes: impl BufRead) -> Result<Images, DataError> {
    let (sizes, pixels) = decode(&Source { name, what: "images", magic: 0x0803 }, bytes)?;
    let [count, height, width] = sizes.map(|size| size as usize);
    Ok(Images { count, height, width, pixels })
}

/// Labels from bytes, plain or compressed, that messages call `name`.
pub(super) fn decode_labels(name: &str, bytes: impl BufRead) -> Result<Vec<u8>, DataError> {
    let (_, labels) = decode::<1>(&Source { name, what: "labels", magic: 0x0801 }, bytes)?;
    Ok(labels)
}

/// Opens a regular file, and nothing that could deliver bytes, or none, for ever.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, DataError> {
    let name = path.display().to_string();
    match logit_files::open(path) {
        Ok((file, _)) => Ok(BufReader::new(file)),
        Err(source) if source.kind() == io::ErrorKind::InvalidInput => Err(DataError::NotAFile { name }),
        Err(source) => Err(DataError::Read { name, source }),
    }
}

/// A file as its messages speak of it.
struct Source<'a> {
    name: &'a str,
    what: &'static str,
    magic: u32,
}

/// The sizes of the `D` dimensions, and the bytes of the tensor.
fn decode<const D: usize>(source: &Source, bytes: impl BufRead) -> Result<([u32; D], Vec<u8>), DataError> {
    let name = || source.name.to_owned();
    let mut bytes = decompress(bytes).map_err(|source| DataError::Read { name: name(), source })?;

    let [found] = read_numbers(source, &mut bytes)?;
    if found != source.magic {
        return Err(DataError::Magic { name: name(), what: source.what, expected: source.magic, found });
    }
    let sizes = read_numbers(source, &mut bytes)?;
    let declared = checked_product(source.name, &sizes)?;
    let tensor = read_at_least(source, source.what, &mut bytes, declared, declared + 1)?;
    if tensor.len() as u64 > declared {
        return Err(DataError::TooLong { name: name(), what: source.what, expected: declared });
    }
    Ok((sizes, tensor))
}

fn decompress<'a>(mut bytes: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    // No IDX file of bytes starts with these two, for its own first two are zero.
    if bytes.fill_buf()?.starts_with(&[0x1F, 0x8B]) {
        Ok(Box::new(MultiGzDecoder::new(bytes)))
    } else {
        Ok(Box::new(bytes))
    }
}

fn read_numbers<const D: usize>(source: &Source, bytes: &mut dyn Read) -> Result<[u32; D], DataError> {
    let length = 4 * D as u64;
    let read = read_at_least(source, "header", bytes, length, length)?;
    let mut numbers = [0; D];
    for (number, four_bytes) in numbers.iter_mut().zip(read.as_chunks().0) {
        *number = u32::from_be_bytes(*four_bytes);
    }
    Ok(numbers)
}

fn checked_product(name: &str, sizes: &[u32]) -> Result<u64, DataError> {
    let bytes = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size.into()));
    bytes.filter(|&bytes| bytes <= MAX_BYTES).ok_or_else(|| {
        let sizes = sizes.iter().map(u32::to_string).collect::<Vec<_>>().join("×");
        DataError::OverLimit { name: name.to_owned(), sizes, bytes, limit: MAX_BYTES }
    })
}

/// Reads until the end or the `limit`, and sees that `expected` bytes of this part were there.
fn read_at_least(
    source: &Source,
    part: &'static str,
    bytes: &mut dyn Read,
    expected: u64,
    limit: u64,
) -> Result<Vec<u8>, DataError> {
    let name = || source.name.to_owned();
    let mut read = Vec::with_capacity(limit.min(FIRST_RESERVE) as usize);
    let end = bytes.take(limit).read_to_end(&mut read);
    let found = read.len() as u64;
    match end {
        // A gzip file that breaks off inside of the data: how much is missing says more than the decompressor
        // does.
        Err(source) if source.kind() != io::ErrorKind::UnexpectedEof || found >= expected => {
            Err(DataError::Read { name: name(), source })
        }
        _ if found < expected => Err(DataError::Truncated { name: name(), what: part, expected, found }),
        _ => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::{cell::Cell, fs, io::Write};

    const PIXELS: [u8; 6] = [1, 2, 3, 4, 5, 6];

    fn images(bytes: &[u8]) -> Result<Images, DataError> {
        decode_images("digits.idx", bytes)
    }

    fn message(result: Result<Images, DataError>) -> String {
        result.expect_err("a broken file").to_string()
    }

    fn header(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn plain_and_compressed_files_are_read() {
        let plain = testing::idx_images(1, 3, &PIXELS);
        let expected = Images { count: 2, height: 1, width: 3, pixels: PIXELS.to_vec() };
        assert_eq!(images(&plain).expect("plain"), expected);
        assert_eq!(images(&testing::gzip(&plain)).expect("compressed"), expected);

        let members = [testing::gzip(&plain[..18]), testing::gzip(&[]), testing::gzip(&plain[18..])].concat();
        assert_eq!(images(&members).expect("a gzip file of several members"), expected);

        let labels = testing::idx_labels(&[7, 8]);
        assert_eq!(decode_labels("labels.idx", &labels[..]).expect("labels"), [7, 8]);
    }

    #[test]
    fn a_file_of_another_kind_is_named() {
        let labels = testing::idx_labels(&[7, 8]);
        assert_eq!(
            message(images(&labels)),
            "digits.idx is no IDX file of images: it starts with 0x00000801, not 0x00000803; \
             download it again, and see that images and labels are not swapped"
        );
        assert!(message(images(b"<!DOCTYPE html>")).contains("it starts with 0x3C21444F, not 0x00000803"));
    }

    #[test]
    fn a_short_file_says_how_short() {
        let plain = testing::idx_images(1, 3, &PIXELS);
        for (bytes, expected) in [
            (&plain[..0], "4 bytes of header were expected and 0 are there"),
            (&plain[..15], "12 bytes of header were expected and 11 are there"),
            (&plain[..16], "6 bytes of images were expected and 0 are there"),
            (&plain[..21], "6 bytes of images were expected and 5 are there"),
        ] {
            let expected = format!("digits.idx is cut short: {expected}; download it again");
            assert_eq!(message(images(bytes)), expected);
            assert_eq!(message(images(&testing::gzip(bytes))), expected);
        }
        // A gzip file that itself breaks off, and one that breaks off in the checksum after the data.
        let noise: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let compressed = testing::gzip(&testing::idx_images(10, 10, &noise));
        let broken = message(images(&compressed[..compressed.len() / 2]));
        assert!(
            broken.starts_with("digits.idx is cut short: 5000 bytes of images were expected and "),
            "{broken}"
        );
        let unchecked = message(images(&compressed[..compressed.len() - 3]));
        assert!(unchecked.starts_with("cannot read digits.idx: "), "{unchecked}");
    }

    #[test]
    fn what_follows_the_data_is_an_error() {
        let mut plain = testing::idx_images(1, 3, &PIXELS);
        let mut compressed = testing::gzip(&plain);
        plain.push(0);
        compressed.push(0);
        let expected = "digits.idx is too long: its header declares 6 bytes of images, and more follow; \
                        download it again";
        assert_eq!(message(images(&plain)), expected);
        assert_eq!(message(images(&testing::gzip(&plain))), expected);
        assert!(message(images(&compressed)).starts_with("cannot read digits.idx: "));
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut compressed = testing::gzip(&testing::idx_images(1, 3, &PIXELS));
        let checksum = compressed.len() - 8;
        compressed[checksum] ^= 1;
        assert!(message(images(&compressed)).starts_with("cannot read digits.idx: "));
    }

    #[test]
    fn sizes_past_the_limit_are_refused() {
        assert_eq!(
            message(images(&header(&[0x803, 4_000_000, 28, 28]))),
            "digits.idx declares 4000000×28×28 = 3136000000 bytes, and at most 1073741824 are read; \
             split the file"
        );
        assert_eq!(
            message(images(&header(&[0x803, u32::MAX, u32::MAX, u32::MAX]))),
            "digits.idx declares 4294967295×4294967295×4294967295 = more than 2^64 bytes, \
             and at most 1073741824 are read; split the file"
        );
        // The last zero makes nothing of a product that no longer fits.
        assert!(
            images(&header(&[0x803, u32::MAX, u32::MAX, 0])).is_ok_and(|images| images.pixels.is_empty())
        );
    }

    /// A source that counts what is taken from it.
    struct Counted<'a, R>(R, &'a Cell<u64>);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1.set(self.1.get() + read as u64);
            Ok(read)
        }
    }

    #[test]
    fn an_endless_file_is_read_no_further_than_declared() {
        let taken = Cell::new(0);
        let endless = io::Cursor::new(header(&[0x803, 100, 28, 28])).chain(io::repeat(9));
        let result = decode_images("digits.idx", BufReader::new(Counted(endless, &taken)));
        assert!(matches!(result, Err(DataError::TooLong { expected: 78_400, .. })), "{result:?}");
        assert!(taken.get() < 78_400 + 2 * 8192, "{} bytes were read", taken.get());
    }

    #[test]
    fn a_gzip_bomb_is_inflated_no_further_than_declared() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&header(&[0x803, 1, 28, 28])).expect("memory");
        io::copy(&mut io::repeat(0).take(100 << 20), &mut bomb).expect("memory");
        let bomb = bomb.finish().expect("memory");

        let taken = Cell::new(0);
        let result = decode_images("bomb.gz", BufReader::with_capacity(512, Counted(&bomb[..], &taken)));
        assert!(matches!(result, Err(DataError::TooLong { expected: 784, .. })), "{result:?}");
        assert!(taken.get() < bomb.len() as u64 / 10, "{} of {} bytes were read", taken.get(), bomb.len());
    }

    #[test]
    fn a_declared_size_alone_takes_no_memory() {
        let result = decode::<3>(
            &Source { name: "f", what: "images", magic: 0x803 },
            &header(&[0x803, 1 << 30, 1, 1])[..],
        );
        assert!(matches!(result, Err(DataError::Truncated { expected: 0x4000_0000, found: 0, .. })));
        let source = Source { name: "f", what: "images", magic: 0x803 };
        let read =
            read_at_least(&source, "images", &mut &[5][..], 0, MAX_BYTES).expect("no more is asked for");
        assert!(read.capacity() as u64 <= FIRST_RESERVE);
    }

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("digits.idx");
        fs::write(&file, testing::idx_images(1, 3, &PIXELS)).expect("a file");
        assert_eq!(read_images(&file).expect("images").count, 2);

        let error = read_images(folder.path()).expect_err("a folder");
        let expected = format!("{} is not a regular file; give the path of a file", folder.path().display());
        assert_eq!(error.to_string(), expected);
        let absent = read_labels(&folder.path().join("absent")).expect_err("no file").to_string();
        assert!(absent.starts_with("cannot read ") && absent.contains("absent: "), "{absent}");
    }

    /// Whatever comes in: no panic, and what comes out is what the header declared, made of bytes that were
    /// there.
    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        if let Ok(images) = images(bytes) {
            prop_assert_eq!(
                Some(images.pixels.len()),
                images.count.checked_mul(images.height * images.width)
            );
            let bound = (2 * images.pixels.len()).max(FIRST_RESERVE as usize);
            prop_assert!(images.pixels.capacity() <= bound, "{} bytes", images.pixels.capacity());
        }
        if let Ok(labels) = decode_labels("labels.idx", bytes) {
            prop_assert!(labels.capacity() <= (2 * labels.len()).max(FIRST_RESERVE as usize));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes_are_images_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            check(&bytes)?;
            check(&[&[0, 0, 8, 3], &bytes[..]].concat())?;
            check(&[&[0x1F, 0x8B, 8], &bytes[..]].concat())?;
        }

        #[test]
        fn sizes_and_data_agree_or_an_error_follows(
            sizes in [0_u32..6, 0_u32..6, 0_u32..6], length in 0_usize..130,
        ) {
            let bytes = [header(&[0x803, sizes[0], sizes[1], sizes[2]]), vec![1; length]].concat();
            let declared = sizes.iter().product::<u32>() as usize;
            prop_assert_eq!(images(&bytes).is_ok(), declared == length);
        }

        #[test]
        fn a_damaged_file_is_images_or_an_error(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let plain = testing::idx_images(2, 3, &[PIXELS, PIXELS].concat());
            for mut bytes in [testing::gzip(&plain), plain] {
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
