//! Which row of the word vectors a word has.

use std::collections::HashMap;
use std::path::Path;

use super::error::SentenceError;
use super::file::{self, Wanted};
use super::tokenizer::Tokenizer;
use super::word::Word;

/// The largest vocabulary or tokenizer that is read: two million words have about 20 MB.
pub const MAX_VOCABULARY_BYTES: u64 = 64 << 20;

const WORDS: Wanted = Wanted { what: "vocabulary", most: MAX_VOCABULARY_BYTES, hint: "" };
const TOKENIZER: Wanted = Wanted { what: "tokenizer", most: MAX_VOCABULARY_BYTES, hint: "" };

/// Takes sentences apart into words that have a vector.
#[derive(Debug)]
pub enum Vocabulary {
    /// A list of words in lower case.
    Words(HashMap<String, u32>),
    /// A tokenizer in Hugging Face's format.
    Tokenizer(Tokenizer),
}

impl Vocabulary {
    /// Reads a list of words, one per line, in the order of the vectors; a word that comes again is the first one.
    /// Returns their number beside them.
    ///
    /// # Errors
    /// The file cannot be read, or is no text.
    pub fn read_words(path: &Path) -> Result<(Self, usize), SentenceError> {
        let unusable = |reason: String| SentenceError::Vocabulary { path: path.to_owned(), reason };
        let text = String::from_utf8(file::read(path, WORDS)?)
            .map_err(|error| unusable(format!("it is not UTF-8: {}", error.utf8_error())))?;
        let mut rows = HashMap::new();
        let mut count = 0;
        for (row, word) in (0..).zip(text.lines()) {
            rows.entry(word.to_owned()).or_insert(row);
            count += 1;
        }
        Ok((Self::Words(rows), count))
    }

    /// Reads a `tokenizer.json`; `lowercase` puts sentences into lower case first. Returns the number of rows that its
    /// pieces need beside it.
    ///
    /// Truncation, padding and special pieces around a sentence are left out, and so is dropout of merges, which would
    /// make a sentence read otherwise each time.
    ///
    /// # Errors
    /// The file cannot be read, or is no tokenizer.
    pub fn read_tokenizer(path: &Path, lowercase: bool) -> Result<(Self, usize), SentenceError> {
        let unusable = |reason: String| SentenceError::Tokenizer { path: path.to_owned(), reason };
        let tokenizer = Tokenizer::read(file::read(path, TOKENIZER)?, lowercase).map_err(unusable)?;
        let rows = tokenizer.rows();
        Ok((Self::Tokenizer(tokenizer), rows))
    }

    /// The words of a sentence, in their order.
    ///
    /// # Errors
    /// The tokenizer refuses the sentence; the reason.
    pub(super) fn words(&self, sentence: &str) -> Result<Vec<Word>, String> {
        match self {
            Self::Words(rows) => Ok(listed(rows, sentence)),
            Self::Tokenizer(tokenizer) => tokenizer.words(sentence),
        }
    }
}

/// The words of a sentence in a list. Lower case, as such lists are; punctuation is dropped. What an apostrophe, a
/// hyphen or a full stop joins is looked up whole first, then in its parts.
fn listed(rows: &HashMap<String, u32>, sentence: &str) -> Vec<Word> {
    let lower = sentence.to_lowercase().replace('’', "'");
    let mut words = Vec::new();
    for chunk in lower.split(|c: char| !c.is_alphanumeric() && !is_joint(c)) {
        let chunk = chunk.trim_matches(is_joint);
        match rows.get(chunk) {
            _ if chunk.is_empty() => {}
            Some(row) => words.push(Word::Known(*row, chunk.to_owned())),
            None => {
                let parts = chunk.split(is_joint).filter(|part| !part.is_empty());
                words.extend(parts.map(|part| match rows.get(part) {
                    Some(row) => Word::Known(*row, part.to_owned()),
                    None => Word::Unknown(part.to_owned()),
                }));
            }
        }
    }
    words
}

/// Whether a character may stand within a word.
fn is_joint(c: char) -> bool {
    matches!(c, '\'' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of words, or those that have none.
    fn rows(words: Vec<Word>) -> Vec<Result<u32, String>> {
        words
            .into_iter()
            .map(|word| match word {
                Word::Known(row, _) => Ok(row),
                Word::Unknown(text) => Err(text),
            })
            .collect()
    }

    fn known(words: &[&str], sentence: &str) -> Vec<Result<u32, String>> {
        let list = (0..).zip(words).map(|(row, word)| ((*word).to_owned(), row)).collect();
        rows(Vocabulary::Words(list).words(sentence).unwrap())
    }

    #[test]
    fn listed_words_are_lower_case_without_punctuation() {
        let list = ["the", "cat", "u.s", "well-known", "black", "o"];
        assert_eq!(known(&list, "The cat, the CAT."), [Ok(0), Ok(1), Ok(0), Ok(1)]);
        assert_eq!(known(&list, "the U.S. well-known"), [Ok(0), Ok(2), Ok(3)]);
        assert_eq!(known(&list, "black-cat o’neil"), [Ok(4), Ok(1), Ok(5), Err("neil".to_owned())]);
        assert_eq!(known(&list, " -- '' . "), []);
        let whole = Vocabulary::Words([("cat".to_owned(), 7)].into()).words("The CAT!").unwrap();
        assert_eq!(whole[1], Word::Known(7, "cat".to_owned()));
    }

    /// A tokenizer of whole words between spaces.
    fn tokenizer(model: &str) -> String {
        format!(
            r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                "pre_tokenizer": {{"type": "Whitespace"}}, "post_processor": null, "decoder": null, "model": {model}}}"#
        )
    }

    fn read(text: &str, lowercase: bool) -> Result<(Vocabulary, usize), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, text).unwrap();
        Vocabulary::read_tokenizer(&path, lowercase).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tokenizer_names_what_it_does_not_know() {
        let model =
            r#"{"type": "WordLevel", "vocab": {"[UNK]": 0, "cat": 1, "the": 2}, "unk_token": "[UNK]"}"#;
        let (vocabulary, count) = read(&tokenizer(model), true).unwrap();
        assert_eq!(count, 3);
        let words = vocabulary.words("The dog cat").unwrap();
        assert_eq!(words[2], Word::Known(1, "cat".to_owned()));
        assert_eq!(rows(words), [Ok(2), Err("dog".to_owned()), Ok(1)]);
        let (as_written, _) = read(&tokenizer(model), false).unwrap();
        assert_eq!(as_written.words("The").unwrap(), [Word::Unknown("The".to_owned())]);
    }

    #[test]
    fn a_tokenizer_reads_a_sentence_the_same_each_time() {
        let model = r#"{"type": "BPE", "dropout": 0.9, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}"#;
        let (vocabulary, _) = read(&tokenizer(model), false).unwrap();
        for _ in 0..20 {
            assert_eq!(rows(vocabulary.words("ab ab").unwrap()), [Ok(2), Ok(2)]);
        }
    }

    #[test]
    fn what_is_no_tokenizer_is_named() {
        assert!(read("{", false).unwrap_err().contains("no JSON"));
        assert!(read("[]", false).unwrap_err().contains("cannot be used"));
        assert!(read("{\"model\": 3}", false).unwrap_err().contains("tokenizer.json"));
        let empty = r#"{"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}"#;
        assert!(read(&tokenizer(empty), false).unwrap_err().contains("knows no word"));
    }
}
