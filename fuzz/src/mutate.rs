//! What is done to a file, by what it is made of.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use crate::targets::Made;

/// Bytes of a file at most.
const MOST_BYTES: usize = 1 << 16;

/// An input made of one of the seeds, and of another.
pub fn mutated(made: Made, seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let seed = |random: &mut StdRng| &seeds[random.random_range(0..seeds.len())];
    let (first, second) = (seed(random), seed(random));
    let mut bytes = match made {
        Made::Json if random.random_bool(0.8) => json(first, second, random),
        Made::Safetensors if random.random_bool(0.8) => headed(first, random),
        Made::Png if random.random_bool(0.8) => chunks(first, random),
        Made::Footed => footed(first, random),
        Made::Text => text(first, random),
        _ => first.clone(),
    };
    let times = if made == Made::Json { random.random_range(0..2) } else { random.random_range(0..6) };
    for _ in 0..times {
        change(&mut bytes, second, random);
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

/// Bytes that sizes are made of.
const TELLING: &[u8] = &[0, 1, 0x7F, 0x80, 0xFF, b'"', b'\n', b',', b'{', b'-', b'9'];

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
        return;
    }
    let at = random.random_range(0..bytes.len());
    let end = (at + random.random_range(1..20)).min(bytes.len());
    match random.random_range(0..8) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random(),
        2 => bytes[at] = TELLING[random.random_range(0..TELLING.len())],
        3 => bytes[at..end].fill([0, 0xFF, 0x80][random.random_range(0..3)]),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let twice = bytes[at..end].repeat(random.random_range(1..4));
            bytes.splice(at..at, twice);
        }
        6 => bytes.truncate(at),
        _ if other.is_empty() => {}
        _ => {
            let from = random.random_range(0..other.len());
            bytes.splice(at..end, other[from..(from + 30).min(other.len())].iter().copied());
        }
    }
}

/// Texts that readers take for something else.
const TEXTS: &[&str] = &[
    "",
    " ",
    "?",
    "NaN",
    "inf",
    "-inf",
    "1e999",
    "1e18",
    "-0",
    "0x10",
    "99999999999999999999",
    "\u{feff}",
    "\"",
    "\"\"",
    "'",
    "\r",
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "{",
    "}",
    "%",
    "@data",
    "@attribute",
    "[[",
    "=",
    "\\",
    "é",
    "1.5",
    "-1",
    "true",
];

/// A word or a number of a text replaced.
fn text(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let is_end = |byte: &u8| b",\t\n;= ".contains(byte);
    let words: Vec<(usize, usize)> = bytes
        .split(is_end)
        .scan(0, |at, word| {
            let start = *at;
            *at += word.len() + 1;
            Some((start, start + word.len()))
        })
        .collect();
    let (start, end) = words[random.random_range(0..words.len())];
    let with =
        TEXTS[random.random_range(0..TEXTS.len())].repeat(if random.random_bool(0.05) { 5_000 } else { 1 });
    [&bytes[..start], with.as_bytes(), &bytes[end..]].concat()
}

/// One value of a tree of JSON replaced, left out or put elsewhere; of several lines, of one.
fn json(bytes: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let lines: Vec<&[u8]> = if serde_json::from_slice::<Value>(bytes).is_ok() {
        vec![bytes]
    } else {
        bytes.split(|byte| *byte == b'\n').collect()
    };
    let chosen = random.random_range(0..lines.len());
    let mut all: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
    if let Ok(mut tree) = serde_json::from_slice::<Value>(lines[chosen]) {
        let donor = serde_json::from_slice(other).unwrap_or(Value::Null);
        for _ in 0..random.random_range(1..4) {
            let nodes = count(&tree);
            let with = value(&donor, random);
            let mut at = random.random_range(0..nodes);
            replace(&mut tree, &mut at, &with, random);
        }
        all[chosen] = tree.to_string().into_bytes();
    }
    all.join(&b'\n')
}

fn count(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn replace(tree: &mut Value, at: &mut usize, with: &Value, random: &mut StdRng) -> bool {
    if *at == 0 {
        match tree {
            Value::Array(items) if random.random_bool(0.3) => {
                let times = [1, 3, 70][random.random_range(0..3)];
                *items = items.iter().cycle().take(items.len() * times).cloned().collect();
            }
            Value::Object(fields) if random.random_bool(0.3) => {
                let left_out = fields.keys().nth(random.random_range(0..fields.len().max(1))).cloned();
                left_out.map(|key| fields.remove(&key));
            }
            tree => *tree = with.clone(),
        }
        return true;
    }
    *at -= 1;
    match tree {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, at, with, random)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, at, with, random)),
        _ => false,
    }
}

/// A value from elsewhere, or one at the end of a range.
fn value(donor: &Value, random: &mut StdRng) -> Value {
    match random.random_range(0..14) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(u64::MAX),
        3 => json!(1e308),
        4 => json!([]),
        5 => Value::Object(Map::new()),
        6 => json!(true),
        7 => json!("(a+)+$"),
        8 => json!("x".repeat(random.random_range(1..3_000))),
        9 => json!(random.random_range(0..70_000)),
        10..=11 => json!(TEXTS[random.random_range(0..TEXTS.len())]),
        _ => {
            let mut at = random.random_range(0..count(donor));
            node(donor, &mut at).cloned().unwrap_or_default()
        }
    }
}

fn node<'a>(tree: &'a Value, at: &mut usize) -> Option<&'a Value> {
    if *at == 0 {
        return Some(tree);
    }
    *at -= 1;
    match tree {
        Value::Array(items) => items.iter().find_map(|item| node(item, at)),
        Value::Object(fields) => fields.values().find_map(|field| node(field, at)),
        _ => None,
    }
}

/// The JSON in front of a file of tensors changed, and its length with it.
fn headed(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return bytes.to_vec() };
    let Some((header, tensors)) = rest.split_at_checked(u64::from_le_bytes(*length) as usize) else {
        return bytes.to_vec();
    };
    let header = json(header, header, random);
    [&(header.len() as u64).to_le_bytes()[..], &header, tensors].concat()
}

/// Bytes of the last part of a file, where its sizes stand, or of the first, where its first page begins.
fn footed(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..5) {
        let from = if random.random_bool(0.6) { bytes.len() / 2 } else { 0 };
        let until = if from == 0 { bytes.len().min(120) } else { bytes.len() };
        let at = random.random_range(from..until);
        bytes[at] = if random.random_bool(0.5) { random.random() } else { bytes[at].wrapping_add(2) };
    }
    bytes
}

/// A byte of a chunk of a PNG file changed, and its checksum with it.
fn chunks(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (mut at, mut places) = (8, Vec::new());
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if at + 12 + length > bytes.len() {
            break;
        }
        places.push((at, length));
        at += 12 + length;
    }
    if places.is_empty() {
        return bytes;
    }
    let (at, length) = places[random.random_range(0..places.len())];
    let within = at + 4 + random.random_range(0..length + 4);
    bytes[within] =
        if random.random_bool(0.5) { random.random() } else { TELLING[random.random_range(0..5)] };
    let mut sum = flate2::Crc::new();
    sum.update(&bytes[at + 4..at + 8 + length]);
    bytes[at + 8 + length..at + 12 + length].copy_from_slice(&sum.sum().to_be_bytes());
    bytes
}

/// A number for a generator that gives the same inputs each time.
pub fn seed_of(name: &str) -> u64 {
    name.bytes().fold(17, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
