//! The pages of a column, none of which is unpacked before its size is known to be bounded.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use super::header::{PageHeader, PageKind};
use super::thrift::Thrift;
use crate::text::reason;

/// Bytes of one page at most, packed or unpacked.
pub(super) const MOST_PAGE_BYTES: u64 = 64 << 20;

/// Bytes of all pages, dictionaries and unpackers that are open at a time at most.
pub(super) const MOST_OPEN_BYTES: u64 = 2 << 30;

/// Values of a page that are packed as differences at most: the library makes room for them by what the page claims.
const MOST_DIFFERENCES: u64 = 16 << 20;

/// Bytes of a text of a dictionary beyond what the page has of it.
const DICTIONARY_TEXT: u64 = 40;

/// Bytes of an unpacker of Zstandard.
const UNPACKER: u64 = 160 << 10;

/// How LZ4's own files begin, old and new. What they unpack to is not known before.
const LZ4_FILES: [[u8; 4]; 2] = [0x184D_2204_u32.to_le_bytes(), 0x184C_2102_u32.to_le_bytes()];

/// How much of a file's pages is open, in all columns together.
pub(super) type Open = Arc<AtomicU64>;

/// The pages of a column in a group of rows.
pub(super) struct Pages {
    inner: SerializedPageReader<File>,
    file: Arc<File>,
    /// Where the next page begins, and the bytes from there to the end of the column.
    at: u64,
    left: u64,
    codec: Compression,
    /// Whether levels that say which cells are blank stand before the values.
    has_levels: bool,
    kind: Type,
    /// The least bytes of a value.
    least: u64,
    open: Open,
    /// Bytes of the dictionary, of the page and of the unpacker, as they count in `open`.
    held: [u64; 3],
    /// What the page that was given last holds.
    given: Arc<Given>,
}

/// The page that was given last.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Its values, blanks among them.
    pub(super) values: AtomicU64,
    /// Bytes that each value may unpack to.
    pub(super) largest: AtomicU64,
}

impl Pages {
    /// The pages of a column's chunk.
    pub(super) fn new(
        file: &Arc<File>,
        bytes: u64,
        chunk: &ColumnChunkMetaData,
        open: &Open,
    ) -> std::result::Result<(Self, Arc<Given>), String> {
        let (at, left) = range(chunk, bytes)?;
        let codec = chunk.compression();
        if matches!(codec, Compression::BROTLI(_) | Compression::LZO) {
            return Err(
                "pages packed by Brotli or LZO, which are not read; write it with Zstandard or Snappy"
                    .to_owned(),
            );
        }
        // Gzip does not stop at the size that a page claims: it is unpacked here.
        let packed = match codec {
            Compression::GZIP(_) => Compression::UNCOMPRESSED,
            other => other,
        };
        let text = |error: ParquetError| reason_of(&error);
        let plain = chunk.clone().into_builder().set_compression(packed).build().map_err(text)?;
        let properties = Arc::new(ReaderProperties::builder().build());
        let inner = SerializedPageReader::new_with_properties(Arc::clone(file), &plain, 0, None, properties)
            .map_err(text)?;
        let described = chunk.column_descr();
        let given = Arc::new(Given::default());
        let unpacker = if matches!(codec, Compression::ZSTD(_)) { UNPACKER } else { 0 };
        let mut pages = Self {
            inner,
            file: Arc::clone(file),
            at,
            left,
            codec,
            has_levels: described.max_def_level() > 0,
            kind: described.physical_type(),
            least: least(described),
            open: Arc::clone(open),
            held: [0; 3],
            given: Arc::clone(&given),
        };
        pages.hold(2, unpacker)?;
        Ok((pages, given))
    }

    /// The next page that is not left out, checked, and where its bytes begin.
    fn next_header(&mut self) -> std::result::Result<Option<(PageHeader, u64)>, String> {
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            let header = PageHeader::read(&self.file, self.at, self.left)?;
            let start = self.at + header.length;
            let end = header.length.checked_add(header.packed).filter(|end| *end <= self.left);
            let end = end.ok_or_else(|| format!("a page of {} bytes goes beyond its end", header.packed))?;
            self.at += end;
            self.left -= end;
            if header.kind != PageKind::Index {
                self.check(&header)?;
                return Ok(Some((header, start)));
            }
        }
    }

    /// Whether a page is within the limits, alone and with all others that are open.
    fn check(&mut self, header: &PageHeader) -> std::result::Result<(), String> {
        let PageHeader { kind, unpacked, packed, values, .. } = *header;
        let largest = unpacked.max(packed);
        if largest > MOST_PAGE_BYTES {
            return Err(format!(
                "a page of {largest} bytes; at most {MOST_PAGE_BYTES} are unpacked: write smaller pages"
            ));
        }
        let is_dictionary = kind == PageKind::Dictionary;
        if is_dictionary && values.saturating_mul(self.least) > unpacked.saturating_mul(8) {
            return Err(format!("a dictionary that claims {values} values in {unpacked} bytes"));
        }
        let of_value = if matches!(self.kind, Type::BYTE_ARRAY) { DICTIONARY_TEXT } else { self.least / 8 };
        let dictionary = if is_dictionary { values.saturating_mul(of_value) } else { 0 };
        self.hold(usize::from(!is_dictionary), (unpacked + packed).saturating_add(dictionary))
    }

    /// Counts what is open of this column: its dictionary (0), a page (1) or its unpacker (2).
    fn hold(&mut self, what: usize, bytes: u64) -> std::result::Result<(), String> {
        let before = std::mem::replace(&mut self.held[what], bytes);
        self.open.fetch_sub(before, Ordering::Relaxed);
        let open = self.open.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if open <= MOST_OPEN_BYTES {
            return Ok(());
        }
        Err(format!(
            "{bytes} bytes to be kept while its rows are read, and with them the columns take {open} bytes at a time; at most \
             {MOST_OPEN_BYTES} are kept: write smaller pages, or leave columns out"
        ))
    }

    /// Refuses a page whose size is not known before it is unpacked.
    fn refuse_unbounded(&self, header: &PageHeader, start: u64) -> std::result::Result<(), String> {
        if self.codec != Compression::LZ4 || header.packed < header.levels + 4 {
            return Ok(());
        }
        let mut first = [0; 4];
        let mut file = &*self.file;
        let read =
            file.seek(SeekFrom::Start(start + header.levels)).and_then(|_| file.read_exact(&mut first));
        read.map_err(|error| error.to_string())?;
        if LZ4_FILES.contains(&first) {
            return Err(
                "a page packed as a file of LZ4, which is not read; write it with Zstandard or Snappy"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The page as the library takes it, with nothing in it that claims more than there is.
    fn page(&mut self) -> std::result::Result<Option<Page>, String> {
        let Some((header, start)) = self.next_header()? else { return Ok(None) };
        self.refuse_unbounded(&header, start)?;
        let page = self.inner.get_next_page().map_err(|error| reason_of(&error))?;
        let mut page = page.ok_or("its pages end early")?;
        if matches!(self.codec, Compression::GZIP(_)) {
            unpack(&mut page, &header)?;
        }
        if page.is_data_page() {
            let largest = self.largest(&page, &header)?;
            self.given.values.store(header.values, Ordering::Relaxed);
            self.given.largest.store(largest, Ordering::Relaxed);
        }
        Ok(Some(page))
    }

    /// The most bytes of a value that is unpacked from a page.
    fn largest(&self, page: &Page, header: &PageHeader) -> std::result::Result<u64, String> {
        let buffer = page.buffer();
        let of_bytes = matches!(self.kind, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
        let (lengths, shares) = match page.encoding() {
            Encoding::DELTA_LENGTH_BYTE_ARRAY if of_bytes => (1, false),
            Encoding::DELTA_BYTE_ARRAY if of_bytes => (2, true),
            _ => return Ok(0),
        };
        let mut values = self.values_of(page, header).ok_or("levels beyond its end")?;
        for _ in 0..lengths {
            let (count, end) = differences(values).ok_or("a page whose lengths are cut short")?;
            if count > header.values.min(MOST_DIFFERENCES) {
                return Err(format!("a page of {} values that claims {count} lengths", header.values));
            }
            values = values.get(end..).ok_or("a page whose lengths are cut short")?;
        }
        // A value may share all of the one before it.
        Ok(if shares { buffer.len() as u64 } else { 0 })
    }

    /// The values of a page, behind its levels.
    fn values_of<'a>(&self, page: &'a Page, header: &PageHeader) -> Option<&'a [u8]> {
        let bytes: &[u8] = page.buffer();
        match page {
            Page::DataPage { def_level_encoding, .. } if self.has_levels => match def_level_encoding {
                Encoding::RLE => {
                    let (length, rest) = bytes.split_first_chunk::<4>()?;
                    rest.get(u32::from_le_bytes(*length) as usize..)
                }
                _ => bytes.get(header.values.div_ceil(8) as usize..),
            },
            _ => bytes.get(header.levels as usize..),
        }
    }
}

/// What the library says, without its own name in front.
pub(super) fn reason_of(error: &ParquetError) -> String {
    match error {
        ParquetError::General(said) | ParquetError::EOF(said) | ParquetError::NYI(said) => reason(said),
        other => reason(other),
    }
}

/// Where a column's chunk lies, if that is within the file.
fn range(chunk: &ColumnChunkMetaData, bytes: u64) -> std::result::Result<(u64, u64), String> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let length = chunk.compressed_size();
    let within = |start: i64, length: i64| {
        let (start, length) = (u64::try_from(start).ok()?, u64::try_from(length).ok()?);
        (start.checked_add(length)? <= bytes).then_some((start, length))
    };
    within(start, length).ok_or_else(|| {
        format!("{length} bytes from byte {start} on, and the file has {bytes}: it is cut short, or damaged")
    })
}

/// Bits of a value at least, in a dictionary.
fn least(column: &ColumnDescriptor) -> u64 {
    8 * match column.physical_type() {
        // Each has its length before it.
        Type::BYTE_ARRAY | Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.type_length()).unwrap_or(1).max(1),
        Type::BOOLEAN => 1,
    }
}

/// Unpacks a page that was left packed by gzip.
fn unpack(page: &mut Page, header: &PageHeader) -> std::result::Result<(), String> {
    let (Page::DataPage { buf, .. } | Page::DataPageV2 { buf, .. } | Page::DictionaryPage { buf, .. }) = page;
    let is_packed = header.is_packed.unwrap_or(true);
    let (levels, packed) = buf.split_at_checked(header.levels as usize).ok_or("levels beyond its end")?;
    // Of a page with levels alone there is nothing to unpack.
    if !is_packed || header.unpacked == header.levels {
        return Ok(());
    }
    let unpacked = header.unpacked.checked_sub(header.levels).ok_or("levels beyond its end")?;
    let values = unzipped(packed, unpacked)?;
    *buf = [levels, &values[..]].concat().into();
    Ok(())
}

/// The bytes of a page, unpacked by gzip up to what it claims and no further.
fn unzipped(packed: &[u8], unpacked: u64) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(unpacked as usize);
    let read = MultiGzDecoder::new(packed).take(unpacked + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 == unpacked {
        return Ok(bytes);
    }
    let more = if bytes.len() as u64 > unpacked { "more" } else { "fewer" };
    Err(format!("a page that unpacks to {more} than the {unpacked} bytes that it claims"))
}

/// How many numbers stand here as differences, and where they end.
fn differences(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut at = Thrift::new(bytes);
    let (block, pieces, count) = (at.varint().ok()?, at.varint().ok()?, at.varint().ok()?);
    at.signed().ok()?;
    let (mut left, in_piece) = (count.saturating_sub(1), block.checked_div(pieces)?);
    if in_piece == 0 {
        return None;
    }
    while left > 0 {
        at.signed().ok()?;
        for width in at.take(usize::try_from(pieces).ok()?).ok()? {
            if left == 0 {
                break;
            }
            at.take(usize::try_from(u64::from(*width).checked_mul(in_piece)? / 8).ok()?).ok()?;
            left = left.saturating_sub(in_piece);
        }
    }
    Some((count, at.at()))
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.open.fetch_sub(self.held.iter().sum(), Ordering::Relaxed);
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.page().map_err(ParquetError::General)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(ParquetError::NYI("pages are read one after the other".to_owned()))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_end_where_they_end() {
        // 128 numbers a block in 4 pieces: 3 numbers, the first 7; then 2 bits each in one piece.
        let bytes = [&[0x80, 0x01, 4, 3, 14, 0, 2, 9, 9, 9][..], &[0; 8], &[77]].concat();
        assert_eq!(differences(&bytes), Some((3, bytes.len() - 1)));
        assert_eq!(differences(&[0x80, 0x01, 4, 1, 14]), Some((1, 5)));
        assert_eq!(differences(&[0x80, 0x01, 0, 1, 14]), None);
        assert_eq!(differences(&bytes[..8]), None);
    }
}
