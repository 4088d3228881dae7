//! Protobuf's wire format, as far as events need it.
//!
//! A message is a row of fields, each a key (its number and how its value is laid out) and the value. What is absent is the
//! default, zero; that a number is written even so does no harm, and tells which of several values a message holds.

/// How a value is laid out: seven bits a byte, 8 bytes, a length with so many bytes after it, 4 bytes.
#[derive(Clone, Copy)]
enum Layout {
    Varint = 0,
    EightBytes = 1,
    Length = 2,
    FourBytes = 5,
}

/// A message that is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A message without fields.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds an integer that is not negative, or the number of an enum.
    pub(super) fn integer(mut self, field: u32, value: u64) -> Self {
        self.key(field, Layout::Varint);
        push_varint(&mut self.0, value);
        self
    }

    /// Adds a `float`.
    pub(super) fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, Layout::FourBytes);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Adds a `double`.
    pub(super) fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, Layout::EightBytes);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Adds a `repeated double`, packed.
    pub(super) fn doubles(self, field: u32, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(field, &bytes)
    }

    /// Adds `bytes`, or a `string`.
    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, Layout::Length);
        push_varint(&mut self.0, value.len() as u64);
        self.0.extend(value);
        self
    }

    /// Adds a message.
    pub(super) fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// The message as it is written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn key(&mut self, field: u32, layout: Layout) {
        push_varint(&mut self.0, u64::from(field) << 3 | layout as u64);
    }
}

/// Appends an integer in groups of seven bits, the lowest first; the top bit of a byte says that another follows.
fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn varint(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, value);
        bytes
    }

    #[test]
    fn varints_are_those_of_the_specification() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [0x7f]);
        assert_eq!(varint(150), [0x96, 0x01]);
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(varint(u64::MAX), [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }

    /// The first three are the examples of protobuf's own page on the encoding.
    #[test]
    fn fields_are_those_of_the_specification() {
        let inner = Message::new().integer(1, 150);
        assert_eq!(inner.as_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::new().bytes(2, b"testing").as_bytes(), b"\x12\x07testing");
        assert_eq!(Message::new().message(3, &inner).as_bytes(), [0x1a, 3, 0x08, 0x96, 0x01]);
        assert_eq!(Message::new().float(2, 1.0).as_bytes(), [0x15, 0, 0, 0x80, 0x3f]);
        assert_eq!(Message::new().double(1, 1.0).as_bytes(), [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(Message::new().doubles(6, &[0.0]).as_bytes(), [0x32, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Message::new().integer(16, 0).as_bytes(), [0x80, 0x01, 0]);
    }

    proptest! {
        #[test]
        fn a_varint_comes_back_and_is_as_short_as_can_be(bits in 0_u32..64, value: u64) {
            let value = value >> bits;
            let bytes = varint(value);
            let (last, others) = bytes.split_last().unwrap();
            prop_assert!(others.iter().all(|byte| byte & 0x80 != 0) && last & 0x80 == 0);
            let back = bytes.iter().rev().fold(0, |back, byte| back << 7 | u64::from(byte & 0x7f));
            prop_assert_eq!(back, value);
            let used = (64 - value.leading_zeros()).max(1);
            prop_assert_eq!(bytes.len() as u32, used.div_ceil(7));
        }
    }
}
