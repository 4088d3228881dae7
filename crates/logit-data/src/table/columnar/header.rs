//! What a page says of itself, before it is unpacked.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::thrift::{Broken, I32, Once, STRUCT, Taken, Thrift};

/// Bytes of a header that are read at first, and at most.
const FIRST_BYTES: u64 = 1 << 10;
const MOST_BYTES: u64 = 1 << 20;

/// What kind of page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    Index,
    Dictionary,
}

/// The sizes that a page claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: PageKind,
    /// Bytes of the header itself.
    pub(super) length: u64,
    /// Bytes of what follows, and what it is to be unpacked to.
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    /// Values, blanks among them.
    pub(super) values: u64,
    /// Bytes of levels that are not packed and stand in front: of pages of the second version alone.
    pub(super) levels: u64,
    /// Whether a page of the second version is packed.
    pub(super) is_packed: Option<bool>,
}

/// Fields as they are met.
#[derive(Default)]
struct Found {
    kind: Once<i64>,
    packed: Once<u64>,
    unpacked: Once<u64>,
    values: Once<u64>,
    levels: [Once<u64>; 2],
    is_packed: Once<bool>,
    /// Whether a structure of sizes was met: there is one.
    sizes: Once<()>,
}

impl PageHeader {
    /// Reads the header at a place of a file, of which so many bytes are left.
    pub(super) fn read(mut file: &File, at: u64, left: u64) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let mut most = FIRST_BYTES;
        loop {
            bytes.clear();
            let read = file
                .seek(SeekFrom::Start(at))
                .and_then(|_| file.take(most.min(left)).read_to_end(&mut bytes));
            read.map_err(|error: io::Error| error.to_string())?;
            match Self::parse(&bytes) {
                Ok(header) => return Ok(header),
                Err(Broken::Short) if most < MOST_BYTES.min(left) => most *= 32,
                Err(Broken::Short) if most < left => {
                    return Err(format!("a page whose header has more than {MOST_BYTES} bytes"));
                }
                Err(_) => return Err("a page whose header is damaged".to_owned()),
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let mut found = Found::default();
        let mut thrift = Thrift::new(bytes);
        thrift.fields(|thrift, number, kind| match (number, kind) {
            (1, I32) => found.kind.set(thrift.signed()?),
            (2, I32) => found.unpacked.set(thrift.size()?),
            (3, I32) => found.packed.set(thrift.size()?),
            (5 | 7 | 8, STRUCT) => {
                found.sizes.set(())?;
                found.sizes_of(thrift, number)
            }
            // Another kind under these numbers would be read as what it is not.
            (1..=3 | 5 | 7 | 8, _) => Err(Broken::Wrong),
            _ => Ok(Taken::Not),
        })?;
        found.header(thrift.at() as u64).ok_or(Broken::Wrong)
    }
}

impl Found {
    /// The sizes of a page of the first version (5), of a dictionary (7), or of a page of the second version (8).
    fn sizes_of(&mut self, thrift: &mut Thrift<'_>, of: i16) -> Result<Taken, Broken> {
        const YES: u8 = 1;
        const NO: u8 = 2;
        thrift.fields(|thrift, number, kind| match (of, number, kind) {
            (_, 1, I32) => self.values.set(thrift.size()?),
            (8, 5 | 6, I32) => self.levels[usize::from(number == 6)].set(thrift.size()?),
            (8, 7, YES | NO) => self.is_packed.set(kind == YES),
            (_, 1, _) | (8, 5..=7, _) => Err(Broken::Wrong),
            _ => Ok(Taken::Not),
        })?;
        Ok(Taken::Here)
    }

    fn header(&self, length: u64) -> Option<PageHeader> {
        let kind = match self.kind.get()? {
            0 | 3 => PageKind::Data,
            1 => PageKind::Index,
            2 => PageKind::Dictionary,
            _ => return None,
        };
        let (packed, unpacked) = (self.packed.get()?, self.unpacked.get()?);
        let values = self.values.get().or((kind == PageKind::Index).then_some(0))?;
        let levels = self.levels.iter().filter_map(Once::get).sum();
        let is_second = self.kind.get() == Some(3);
        let is_packed = is_second.then(|| self.is_packed.get().unwrap_or(true));
        (levels <= unpacked.min(packed)).then_some(PageHeader {
            kind,
            length,
            packed,
            unpacked,
            values,
            levels,
            is_packed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of the first version: kind, unpacked and packed bytes, values, and two encodings of levels.
    const FIRST: &[u8] = &[0x15, 0, 0x15, 80, 0x15, 40, 0x2C, 0x15, 8, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0];

    #[test]
    fn the_sizes_of_a_page_are_read() {
        let header = PageHeader::parse(FIRST).unwrap();
        let PageHeader { kind, length, packed, unpacked, values, .. } = header;
        assert_eq!((kind, length, packed, unpacked, values), (PageKind::Data, 17, 20, 40, 4));
        let second = [
            0x15, 6, 0x15, 80, 0x15, 40, 0x5C, 0x15, 8, 0x15, 0, 0x15, 8, 0x15, 0, 0x15, 10, 0x15, 0, 0x12,
            0, 0,
        ];
        let header = PageHeader::parse(&second).unwrap();
        assert_eq!((header.values, header.levels, header.is_packed), (4, 5, Some(false)));
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        let twice = [&FIRST[..4], &[0x05, 4], &[2], &FIRST[4..]].concat();
        assert_eq!(PageHeader::parse(&twice), Err(Broken::Wrong));
        assert_eq!(PageHeader::parse(&FIRST[..9]), Err(Broken::Short));
        let negative = [&FIRST[..3], &[81], &FIRST[4..]].concat();
        assert_eq!(PageHeader::parse(&negative), Err(Broken::Wrong));
        let no_sizes = [&FIRST[..6], &[0]].concat();
        assert_eq!(PageHeader::parse(&no_sizes), Err(Broken::Wrong));
    }
}
