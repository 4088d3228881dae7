//! What a tokenizer's file may ask of the library: checked before any of it is built.

use serde_json::{Map, Value};

/// Bytes of a piece, a prefix or a suffix at most. The library holds a piece as so many structures within each other.
const MOST_PIECE_BYTES: usize = 1_000;

/// Steps of a normaliser or a splitter at most, and lists of them within lists.
const MOST_STEPS: usize = 64;
const DEEPEST: usize = 8;

/// Bytes of a regular expression at most.
const MOST_PATTERN_BYTES: usize = 4_096;

/// What the counts of a regular expression multiply to at most, times its bytes: how large the library makes it.
const MOST_REPEATED: u64 = 2_000_000;

/// Tokens beside the vocabulary at most.
const MOST_ADDED: usize = 100_000;

/// Letters of a word at most that is taken apart into pieces: it takes time with their cube.
const MOST_LETTERS: u64 = 1_000;

type Checked = Result<(), String>;

/// Whether the vocabulary and what belongs to it fit together.
pub(super) fn check_model(model: &Value) -> Checked {
    for key in ["continuing_subword_prefix", "end_of_word_suffix", "unk_token"] {
        short(key, text(model, key))?;
    }
    if let Some(letters) = model.get("max_input_chars_per_word").and_then(Value::as_u64)
        && letters > MOST_LETTERS
    {
        return Err(format!("`max_input_chars_per_word` is {letters}; it may be {MOST_LETTERS} at most"));
    }
    match model.get("vocab") {
        Some(Value::Object(pieces)) => pieces.keys().try_for_each(|piece| short("a piece", piece))?,
        Some(Value::Array(pieces)) => {
            let mut pieces = pieces.iter().filter_map(|piece| piece.get(0)?.as_str());
            pieces.try_for_each(|piece| short("a piece", piece))?;
        }
        _ => {}
    }
    let prefix = text(model, "continuing_subword_prefix");
    let merges = model.get("merges").and_then(Value::as_array).into_iter().flatten();
    merges.enumerate().try_for_each(|(at, merge)| check_merge(at, merge, prefix))
}

/// The second part of a merge is joined to the first without the prefix that stands before it.
fn check_merge(at: usize, merge: &Value, prefix: &str) -> Checked {
    let second = match merge {
        Value::String(both) => both.split(' ').nth(1).unwrap_or_default(),
        parts => parts.get(1).and_then(Value::as_str).unwrap_or_default(),
    };
    if second.is_char_boundary(prefix.len()) {
        return Ok(());
    }
    Err(format!(
        "merge {at} (from 0) has no room in its second part for the prefix of `continuing_subword_prefix`"
    ))
}

/// Whether tokens beside the vocabulary are few and short enough.
pub(super) fn check_added(tokens: &[Value]) -> Checked {
    if tokens.len() > MOST_ADDED {
        return Err(format!("it adds {} tokens; at most {MOST_ADDED} are read", tokens.len()));
    }
    tokens.iter().try_for_each(|token| short("an added token", text(token, "content")))
}

/// The steps of a normaliser or of a splitter, one after the other; `within` names the list of steps of one that is such a
/// list itself. Each is checked.
pub(super) fn steps<'a>(part: &'a Value, within: &str) -> Result<Vec<&'a Map<String, Value>>, String> {
    let mut steps = Vec::new();
    flatten(part, within, DEEPEST, &mut steps)?;
    steps.iter().try_for_each(|step| check_step(step))?;
    Ok(steps)
}

fn flatten<'a>(
    part: &'a Value,
    within: &str,
    depth: usize,
    steps: &mut Vec<&'a Map<String, Value>>,
) -> Checked {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| format!("`{within}` lie more than {DEEPEST} deep within each other"))?;
    let step = match part {
        Value::Null => return Ok(()),
        Value::Object(step) => step,
        _ => return Err(format!("one of its `{within}` is no object")),
    };
    if let Some(Value::Array(parts)) = step.get(within) {
        return parts.iter().try_for_each(|part| flatten(part, within, depth, steps));
    }
    steps.push(step);
    if steps.len() > MOST_STEPS {
        return Err(format!("it has more than {MOST_STEPS} `{within}`"));
    }
    Ok(())
}

fn check_step(step: &Map<String, Value>) -> Checked {
    if let Some(pattern) = step.get("pattern").and_then(|pattern| text_of(pattern.get("Regex")?)) {
        check_pattern(pattern)?;
    }
    for key in ["content", "prepend"] {
        short(key, step.get(key).and_then(text_of).unwrap_or_default())?;
    }
    if let Some(length) = step.get("length").and_then(Value::as_u64)
        && length == 0
    {
        return Err("it cuts text into pieces of length 0".to_owned());
    }
    match step.get("precompiled_charsmap") {
        Some(map) => check_characters(text_of(map).unwrap_or_default()),
        None => Ok(()),
    }
}

/// A regular expression that does not become far larger than it is written.
fn check_pattern(pattern: &str) -> Checked {
    if pattern.len() > MOST_PATTERN_BYTES {
        return Err(format!(
            "a regular expression has {} bytes; at most {MOST_PATTERN_BYTES} are read",
            pattern.len()
        ));
    }
    let counts = pattern.split('{').skip(1).filter_map(|counts| counts.split('}').next());
    let largest = |counts: &str| counts.split(',').filter_map(|count| count.trim().parse::<u64>().ok()).max();
    let repeated =
        counts.filter_map(largest).fold(pattern.len() as u64, |all, count| all.saturating_mul(count.max(1)));
    if repeated > MOST_REPEATED {
        return Err("a regular expression repeats its parts too often".to_owned());
    }
    Ok(())
}

/// A map of characters begins with the size of a table, for which the library makes room before it looks what is there.
fn check_characters(map: &str) -> Checked {
    replacements(&decoded(map).ok_or("its `precompiled_charsmap` is no Base64")?)
        .map(drop)
        .ok_or_else(|| "its `precompiled_charsmap` is cut short".to_owned())
}

/// What a map of characters puts in place of one, each behind the last with a zero between: behind the table.
fn replacements(map: &[u8]) -> Option<&[u8]> {
    let (size, rest) = map.split_first_chunk::<4>()?;
    rest.get(u32::from_le_bytes(*size) as usize..)
}

/// Bytes of the text that a step may put in place of a letter, or between two.
pub(super) fn puts(step: &Map<String, Value>) -> usize {
    let text = |key: &str| step.get(key).and_then(text_of).unwrap_or_default();
    let map = decoded(text("precompiled_charsmap")).unwrap_or_default();
    let replacements = replacements(&map).unwrap_or_default().split(|byte| *byte == 0).map(<[u8]>::len);
    replacements.chain(["content", "prepend"].map(|key| text(key).len())).max().unwrap_or(0)
}

/// The bytes of a text in Base64.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for digits in text.as_bytes().chunks(4) {
        let digit = |at: usize| digits.get(at).map_or(Some(0), |digit| sextet(*digit));
        let bits = (0..4).try_fold(0, |bits, at| Some(bits << 6 | digit(at)?))?;
        bytes.extend(bits.to_be_bytes()[1..].iter().take(digits.len().saturating_sub(1)));
    }
    Some(bytes)
}

/// A digit of Base64.
fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

fn text_of(value: &Value) -> Option<&str> {
    value.as_str()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(text_of).unwrap_or_default()
}

fn short(what: &str, text: &str) -> Checked {
    if text.len() <= MOST_PIECE_BYTES {
        return Ok(());
    }
    Err(format!("{what} has {} bytes; at most {MOST_PIECE_BYTES} are read", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_steps_are_laid_flat() {
        let part = json!({"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"normalizers": [{"type": "Lowercase"}, {"type": "Strip"}]}]});
        assert_eq!(steps(&part, "normalizers").unwrap().len(), 3);
        let mut deep = json!({"type": "NFC"});
        for _ in 0..DEEPEST {
            deep = json!({"type": "Sequence", "normalizers": [deep]});
        }
        assert!(steps(&deep, "normalizers").unwrap_err().contains("deep"));
        let many = json!({"normalizers": vec![json!({"type": "NFC"}); MOST_STEPS + 1]});
        assert!(steps(&many, "normalizers").unwrap_err().contains("more than 64"));
        assert!(steps(&json!(3), "normalizers").is_err());
    }

    #[test]
    fn a_map_of_characters_has_room_for_its_table() {
        // 8 in four bytes, the lowest first, and 8 bytes of a table.
        assert_eq!(check_characters("CAAAAAAAAAAAAAAA"), Ok(()));
        for cut in ["", "AA==", "CAAAAAAA", "/////wAAAAAAAAAA"] {
            assert!(check_characters(cut).unwrap_err().contains("cut short"), "{cut}");
        }
        assert!(check_characters("A!").unwrap_err().contains("no Base64"));
        assert_eq!(decoded("TWFueQ=="), Some(b"Many".to_vec()));
        // No table, and behind it `abc`, a zero and `de`.
        let step = json!({"type": "Precompiled", "precompiled_charsmap": "AAAAAGFiYwBkZQ=="});
        assert_eq!(puts(step.as_object().unwrap()), 3);
    }

    #[test]
    fn regular_expressions_stay_small() {
        assert_eq!(check_pattern(r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+(?!\S)"), Ok(()));
        assert!(check_pattern("(?=a){1000}{1000}").is_err());
        assert!(check_pattern(&"a".repeat(MOST_PATTERN_BYTES + 1)).is_err());
    }
}
