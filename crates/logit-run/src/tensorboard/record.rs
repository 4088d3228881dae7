//! The frame around an event in a file: its length, its bytes, and a checksum of each.

/// Added to a rotated checksum, so that the checksum of bytes that hold checksums is no weaker.
const MASK: u32 = 0xa282_ead8;

/// Appends a record: 8 bytes of length, their checksum, the payload, its checksum; all little-endian.
pub(super) fn append(file: &mut Vec<u8>, payload: &[u8]) {
    let length = (payload.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked_checksum(&length).to_le_bytes());
    file.extend(payload);
    file.extend(masked_checksum(payload).to_le_bytes());
}

/// The CRC-32C (Castagnoli's polynomial), masked as the format asks.
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

/// The payloads of whole records, and how many bytes they took with their frames.
#[cfg(test)]
pub(super) fn read(mut file: &[u8]) -> (Vec<&[u8]>, usize) {
    let (mut payloads, all) = (Vec::new(), file.len());
    while let Some((head, rest)) = file.split_first_chunk::<12>() {
        let length = u64::from_le_bytes(head[..8].try_into().unwrap());
        assert_eq!(head[8..], masked_checksum(&head[..8]).to_le_bytes());
        let Some((payload, rest)) = rest.split_at_checked(length as usize) else { break };
        let Some((checksum, rest)) = rest.split_first_chunk::<4>() else { break };
        assert_eq!(*checksum, masked_checksum(payload).to_le_bytes());
        payloads.push(payload);
        file = rest;
    }
    (payloads, all - file.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unmasked(masked: u32) -> u32 {
        masked.wrapping_sub(MASK).rotate_left(15)
    }

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        let vectors: [(&[u8], u32); 6] = [
            (b"", 0),
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (&descending, 0x113f_db5c),
        ];
        for (bytes, checksum) in vectors {
            assert_eq!(unmasked(masked_checksum(bytes)), checksum, "{bytes:?}");
        }
    }

    /// The first twelve bytes of every file whose first event has 24 bytes, TensorFlow's among them.
    #[test]
    fn a_head_is_that_of_tensorflow() {
        let mut file = Vec::new();
        append(&mut file, &[0; 24]);
        assert_eq!(file[..12], [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(masked_checksum(b""), MASK);
    }

    proptest! {
        #[test]
        fn records_come_back_and_a_torn_one_does_not(payload: Vec<u8>, torn in 1_usize..16) {
            let mut file = Vec::new();
            append(&mut file, &payload);
            let whole = file.len();
            append(&mut file, &payload);
            prop_assert_eq!(read(&file), (vec![&payload[..]; 2], 2 * whole));
            prop_assert_eq!(read(&file[..file.len() - torn]), (vec![&payload[..]], whole));
        }
    }
}
