//! Thrift's compact protocol, as far as the sizes that a Parquet file claims: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// Structures within structures at most.
const DEEPEST: usize = 32;

/// Why bytes are no structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// They end before it does.
    Short,
    /// They say what cannot be.
    Wrong,
}

type Read<T> = Result<T, Broken>;

/// Kinds of fields.
const STOP: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;
pub(super) const I32: u8 = 5;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Bytes that are read as structures.
#[derive(Clone)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    /// At the beginning of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Read<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or(Broken::Short)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next bytes, so many of them.
    pub(super) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Broken::Wrong)?;
        let taken = self.bytes.get(self.at..end).ok_or(Broken::Short)?;
        self.at = end;
        Ok(taken)
    }

    /// A number in groups of seven bits.
    pub(super) fn varint(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for group in 0..10 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if group == 9 && bits > 1 {
                return Err(Broken::Wrong);
            }
            number |= bits << (7 * group);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken::Wrong)
    }

    /// A number with a sign, in so many bits as an `i64` has.
    pub(super) fn signed(&mut self) -> Read<i64> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A size or a count: what is below 0, or more than an `i32`, is none.
    pub(super) fn size(&mut self) -> Read<u64> {
        let number = self.signed()?;
        i32::try_from(number).ok().and_then(|size| size.try_into().ok()).ok_or(Broken::Wrong)
    }

    /// The kind and the number of a list's items.
    pub(super) fn list(&mut self) -> Read<(u8, usize)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).map_err(|_| Broken::Wrong)?,
            few => usize::from(few),
        };
        // Each item takes a byte at least.
        if count > self.bytes.len() - self.at {
            return Err(Broken::Short);
        }
        Ok((head & 15, count))
    }

    /// Reads a structure: `field` takes the value of a field by its number and kind, or says that it is to be left out.
    pub(super) fn fields(&mut self, mut field: impl FnMut(&mut Self, i16, u8) -> Read<Taken>) -> Read<()> {
        let mut number = 0_i16;
        loop {
            let head = self.byte()?;
            let kind = head & 15;
            if kind == STOP {
                return Ok(());
            }
            number = match head >> 4 {
                0 => i16::try_from(self.signed()?).map_err(|_| Broken::Wrong)?,
                more => number.checked_add(i16::from(more)).ok_or(Broken::Wrong)?,
            };
            if field(self, number, kind)? == Taken::Not {
                self.skip(kind, DEEPEST)?;
            }
        }
    }

    /// Leaves out a value of a kind.
    pub(super) fn skip(&mut self, kind: u8, depth: usize) -> Read<()> {
        let depth = depth.checked_sub(1).ok_or(Broken::Wrong)?;
        match kind {
            YES | NO => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => drop(self.take(8)?),
            8 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Broken::Wrong)?;
                self.take(length)?;
            }
            9 | 10 => {
                let (kind, count) = self.list()?;
                for _ in 0..count {
                    self.skip_item(kind, depth)?;
                }
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.skip_item(kinds >> 4, depth)?;
                    self.skip_item(kinds & 15, depth)?;
                }
            }
            STRUCT => {
                let mut last = 0_i16;
                loop {
                    let head = self.byte()?;
                    if head & 15 == STOP {
                        break;
                    }
                    if head >> 4 == 0 {
                        last = i16::try_from(self.signed()?).map_err(|_| Broken::Wrong)?;
                    }
                    last = last.checked_add(i16::from(head >> 4)).ok_or(Broken::Wrong)?;
                    self.skip(head & 15, depth)?;
                }
            }
            13 => drop(self.take(16)?),
            _ => return Err(Broken::Wrong),
        }
        Ok(())
    }

    /// In a list or a map, yes and no take a byte.
    fn skip_item(&mut self, kind: u8, depth: usize) -> Read<()> {
        if matches!(kind, YES | NO) { self.byte().map(drop) } else { self.skip(kind, depth) }
    }
}

/// What became of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was read.
    Here,
    /// It is still to come.
    Not,
}

/// A value that stands in a structure once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Once<T>(Option<T>);

impl<T: Copy> Once<T> {
    /// Takes it; a second one cannot be, for readers differ in which of them they take.
    pub(super) fn set(&mut self, value: T) -> Read<Taken> {
        if self.0.replace(value).is_some() { Err(Broken::Wrong) } else { Ok(Taken::Here) }
    }

    /// The value, if it was there.
    pub(super) fn get(&self) -> Option<T> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_number_and_others_left_out() {
        // 1: i32 = 3; 3: text of 2 bytes; 4: struct { 1: yes }; 20: list of 2 i32; stop.
        let bytes = [0x15, 6, 0x28, 2, b'a', b'b', 0x1C, 0x11, 0, 0x09, 40, 0x25, 2, 4, 0, 99];
        let (mut first, mut list) = (None, None);
        let mut thrift = Thrift::new(&bytes);
        thrift
            .fields(|thrift, number, kind| match (number, kind) {
                (1, I32) => {
                    first = Some(thrift.signed()?);
                    Ok(Taken::Here)
                }
                (20, LIST) => {
                    list = Some(thrift.clone().list()?);
                    Ok(Taken::Not)
                }
                _ => Ok(Taken::Not),
            })
            .unwrap();
        assert_eq!((first, list, thrift.at()), (Some(3), Some((5, 2)), bytes.len() - 1));
    }

    #[test]
    fn what_ends_early_or_claims_too_much_is_broken() {
        let all = |bytes: &[u8]| Thrift::new(bytes).fields(|_, _, _| Ok(Taken::Not)).unwrap_err();
        assert_eq!(all(&[0x15]), Broken::Short);
        assert_eq!(all(&[0x19, 0xF5, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0]), Broken::Short);
        assert_eq!(all(&[0x1F, 0]), Broken::Wrong);
        assert_eq!(all(&[0x1C; 100]), Broken::Wrong);
        assert_eq!(Thrift::new(&[0xFF; 10]).varint(), Err(Broken::Wrong));
    }
}
