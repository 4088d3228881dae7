//! The end of a Parquet file, which says what lies where: checked before the library builds anything of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::thrift::{Broken, I32, LIST, STRUCT, Taken, Thrift};

/// Bytes of a footer at most.
const MOST_FOOTER_BYTES: u64 = 32 << 20;

/// Columns at most, those within others counted too.
const MOST_FIELDS: usize = 100_000;

/// Columns within columns at most.
const DEEPEST: usize = 32;

/// Chunks at most: each column has one in each group of rows.
const MOST_CHUNKS: usize = 500_000;

/// Bytes after the footer: its length, and the mark of the format.
const TAIL: u64 = 8;

/// Whether a footer claims no more than is read; the reason, if it does.
pub(super) fn check(file: &mut File, bytes: u64) -> io::Result<Result<(), String>> {
    let mut tail = [0; TAIL as usize];
    let Some(end) = bytes.checked_sub(TAIL) else {
        return Ok(Err("it is too short for a Parquet file".to_owned()));
    };
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut tail)?;
    let [length @ .., b'P', b'A', b'R', b'1'] = tail else {
        return Ok(Err("it does not end as a Parquet file does".to_owned()));
    };
    let length = u64::from(u32::from_le_bytes(length));
    let Some(start) = end.checked_sub(length) else {
        return Ok(Err(format!("its footer claims {length} bytes, and the file has {bytes}")));
    };
    if length > MOST_FOOTER_BYTES {
        let reason = format!(
            "its footer has {length} bytes; at most {MOST_FOOTER_BYTES} are read: write it with fewer columns or larger \
             groups of rows"
        );
        return Ok(Err(reason));
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut footer)?;
    Ok(claims(&footer))
}

/// What a footer claims: its columns, how deep they lie, and its chunks.
fn claims(footer: &[u8]) -> Result<(), String> {
    let mut refused = None;
    let mut refuse = |reason: String| {
        refused.get_or_insert(reason);
        Err(Broken::Wrong)
    };
    let mut chunks = 0;
    let read = Thrift::new(footer).fields(|thrift, number, kind| {
        match (number, kind) {
            (2, LIST) => {
                let (STRUCT, count) = thrift.list()? else { return Err(Broken::Wrong) };
                if count > MOST_FIELDS {
                    return refuse(format!("its schema has {count} columns; at most {MOST_FIELDS} are read"));
                }
                let deep = || format!("its columns lie more than {DEEPEST} deep within each other");
                if depth(thrift, count)? > DEEPEST {
                    return refuse(deep());
                }
            }
            (4, LIST) => {
                let (STRUCT, groups) = thrift.list()? else { return Err(Broken::Wrong) };
                for _ in 0..groups {
                    chunks += chunks_of_group(thrift)?.max(1);
                    if chunks > MOST_CHUNKS {
                        return refuse(format!(
                            "its groups of rows have more than {MOST_CHUNKS} chunks of columns together, which is all that \
                             is read; write it in larger groups"
                        ));
                    }
                }
            }
            _ => return Ok(Taken::Not),
        }
        Ok(Taken::Here)
    });
    match read {
        Ok(()) => Ok(()),
        Err(_) => Err(refused.unwrap_or_else(|| "its footer is damaged".to_owned())),
    }
}

/// How deep a list of columns goes, each of which says how many of those after it lie within it.
fn depth(thrift: &mut Thrift<'_>, count: usize) -> Result<usize, Broken> {
    let (mut deepest, mut open) = (0, Vec::new());
    for _ in 0..count {
        let mut within = 0;
        thrift.fields(|thrift, number, kind| {
            if (number, kind) != (5, I32) {
                return Ok(Taken::Not);
            }
            within = thrift.size()?;
            Ok(Taken::Here)
        })?;
        deepest = deepest.max(open.len());
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        open.push(within);
        // What has all of its columns is closed, and so is what that was the last of.
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > DEEPEST + 1 {
            return Ok(open.len());
        }
    }
    Ok(deepest)
}

fn chunks_of_group(thrift: &mut Thrift<'_>) -> Result<usize, Broken> {
    let mut chunks = 0;
    thrift.fields(|thrift, number, kind| {
        if (number, kind) == (1, LIST) {
            chunks = thrift.clone().list()?.1;
        }
        Ok(Taken::Not)
    })?;
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer of columns, each with so many within it, and of groups with so many chunks each.
    fn footer(within: &[u8], groups: &[u8]) -> Vec<u8> {
        let list = |bytes: &mut Vec<u8>, head: u8, count: usize| {
            bytes.extend([head, 0xFC]);
            bytes.extend([
                0x80 | (count & 0x7F) as u8,
                0x80 | (count >> 7 & 0x7F) as u8,
                (count >> 14) as u8,
            ]);
        };
        let mut bytes = Vec::new();
        list(&mut bytes, 0x29, within.len());
        for children in within {
            bytes.extend([0x55, 2 * children, 0]);
        }
        list(&mut bytes, 0x29, groups.len());
        for chunks in groups {
            bytes.extend([0x19, chunks << 4 | 0xC]);
            bytes.extend(vec![0; usize::from(*chunks)]);
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_footer_that_claims_too_much_is_refused() {
        assert_eq!(claims(&footer(&[2, 0, 1, 0], &[2, 2])), Ok(()));
        assert_eq!(claims(&footer(&[1; 30], &[])), Ok(()));
        for (within, groups, reason) in [
            (vec![1; 40], vec![], "more than 32 deep"),
            (vec![0; MOST_FIELDS + 1], vec![], "100001 columns"),
            (vec![1, 0], vec![14; 40_000], "more than 500000 chunks"),
        ] {
            let found = claims(&footer(&within, &groups)).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
        assert_eq!(claims(&[0x29]), Err("its footer is damaged".to_owned()));
    }
}
