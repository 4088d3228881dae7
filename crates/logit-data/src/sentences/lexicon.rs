//! Word vectors and the words they belong to, from a folder.

use std::path::{Path, PathBuf};

use super::error::SentenceError;
use super::vectors::WordVectors;
use super::vocabulary::Vocabulary;
use super::word::Word;

/// The most files of a folder that are looked at.
const MAX_FILES: usize = 10_000;

/// What lies beside the vectors.
const WORDS: &str = "either a tokenizer (…tokenizer….json) or a list of words, one per line (…vocab….txt)";

/// Word vectors of unit size, and which word has which.
#[derive(Debug)]
pub struct Lexicon {
    vectors: WordVectors,
    vocabulary: Vocabulary,
    files: Files,
}

/// A sentence as a network takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The rows of its known words, in their order.
    pub rows: Vec<u32>,
    /// These words, as they were looked up.
    pub words: Vec<String>,
    /// The words that have no vector.
    pub unknown: Vec<String>,
    /// Known words at the end that were cut off.
    pub cut: usize,
}

impl Lexicon {
    /// Reads word vectors from a folder with one safetensors file and, beside it, a tokenizer or a list of words; or
    /// from that file itself. `lowercase` puts sentences into lower case before a tokenizer; a list of words is
    /// always in lower case.
    ///
    /// # Errors
    /// A file is missing, cannot be used, or there are as many words as vectors.
    pub fn read(path: &Path, lowercase: bool) -> Result<Self, SentenceError> {
        let files = Files::at(path)?;
        let Files { vectors: vectors_path, words: words_path } = &files;
        let is_tokenizer = words_path.extension().is_some_and(|ending| ending == "json");
        let (vocabulary, words) = if is_tokenizer {
            Vocabulary::read_tokenizer(words_path, lowercase)?
        } else {
            Vocabulary::read_words(words_path)?
        };
        let vectors = WordVectors::read(vectors_path)?;
        if vectors.rows() != words {
            let rows = vectors.rows();
            return Err(SentenceError::Unpaired {
                vectors: vectors_path.clone(),
                rows,
                vocabulary: words_path.clone(),
                words,
            });
        }
        Ok(Self { vectors: vectors.of_unit_size(), vocabulary, files })
    }

    /// The files that it was read from: the vectors, and the words or the tokenizer.
    pub fn files(&self) -> [&Path; 2] {
        [&self.files.vectors, &self.files.words]
    }

    /// The vectors.
    pub fn vectors(&self) -> &WordVectors {
        &self.vectors
    }

    /// Takes a sentence apart; of its known words the first `longest` are kept.
    ///
    /// # Errors
    /// The tokenizer refuses the sentence.
    pub fn reading(&self, sentence: &str, longest: usize) -> Result<Reading, SentenceError> {
        let words = self.vocabulary.words(sentence);
        let words =
            words.map_err(|reason| SentenceError::Tokenizer { path: self.files.words.clone(), reason })?;
        let mut reading = Reading::default();
        for word in words {
            match word {
                Word::Known(row, text) if reading.rows.len() < longest => {
                    reading.rows.push(row);
                    reading.words.push(text);
                }
                Word::Known(..) => reading.cut += 1,
                Word::Unknown(word) => reading.unknown.push(word),
            }
        }
        Ok(reading)
    }
}

/// The files of a lexicon.
#[derive(Debug)]
struct Files {
    vectors: PathBuf,
    words: PathBuf,
}

impl Files {
    /// Finds them: the file of vectors itself, or the only one of a folder, and the only list or tokenizer beside it.
    fn at(path: &Path) -> Result<Self, SentenceError> {
        let folder = match path.parent() {
            Some(parent) if path.is_file() && parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) if path.is_file() => parent,
            _ => path,
        };
        let files = names(folder)?;
        let ending =
            |name: &str, ending: &str| Path::new(name).extension().is_some_and(|found| found == ending);
        let vectors = if path.is_file() {
            path.to_owned()
        } else {
            folder.join(only(folder, &files, "one file of vectors", |name| ending(name, "safetensors"))?)
        };
        let words = only(folder, &files, WORDS, |name| {
            name.contains("tokenizer") && ending(name, "json")
                || name.contains("vocab") && ending(name, "txt")
        })?;
        Ok(Self { vectors, words: folder.join(words) })
    }
}

/// The names of a folder's files, in their order.
fn names(folder: &Path) -> Result<Vec<String>, SentenceError> {
    let io_error = |source| SentenceError::Read {
        what: "folder of word vectors",
        path: folder.to_owned(),
        source,
        hint: "; a run keeps their path, not the vectors: put them there, or train with `--vectors` again",
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error)?.take(MAX_FILES) {
        names.extend(entry.map_err(io_error)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// The only file that fits.
fn only<'a>(
    folder: &Path,
    files: &'a [String],
    wanted: &'static str,
    fits: impl Fn(&str) -> bool,
) -> Result<&'a str, SentenceError> {
    let fitting: Vec<&str> = files.iter().map(String::as_str).filter(|name| fits(name)).collect();
    let found = match fitting.as_slice() {
        [only] => return Ok(only),
        [] => "none".to_owned(),
        several => several.iter().take(5).copied().collect::<Vec<_>>().join(", "),
    };
    Err(SentenceError::Lexicon { folder: folder.to_owned(), found, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{Dtype, TensorView};

    fn with(files: &[(&str, &str)], rows: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let bytes: Vec<u8> = (0..2 * rows).flat_map(|number| (number as f32 + 1.0).to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![rows, 2], &bytes).unwrap();
        let file = safetensors::serialize([("e", view)], None).unwrap();
        std::fs::write(folder.path().join("x.safetensors"), file).unwrap();
        folder
    }

    #[test]
    fn a_sentence_is_read_and_cut() {
        let folder = with(&[("x.vocab.txt", "the\ncat\nsat\n")], 3);
        for path in [folder.path().to_owned(), folder.path().join("x.safetensors")] {
            let lexicon = Lexicon::read(&path, true).unwrap();
            let reading = lexicon.reading("The cat quickly sat.", 2).unwrap();
            let words = ["the", "cat"].map(str::to_owned).to_vec();
            let unknown = vec!["quickly".to_owned()];
            assert_eq!(reading, Reading { rows: vec![0, 1], words, unknown, cut: 1 });
        }
    }

    #[test]
    fn what_does_not_belong_together_is_named() {
        let message =
            |folder: &tempfile::TempDir| Lexicon::read(folder.path(), true).unwrap_err().to_string();
        let short = message(&with(&[("vocab.txt", "the\ncat\n")], 3));
        assert!(
            short.contains("x.safetensors has 3 rows") && short.contains("vocab.txt has 2 words"),
            "{short}"
        );
        assert!(message(&with(&[], 3)).contains("holds none"));
        let both = message(&with(&[("tokenizer.json", "{}"), ("vocab.txt", "a")], 1));
        assert!(both.contains("holds tokenizer.json, vocab.txt"), "{both}");
        let gone = Lexicon::read(Path::new("/nowhere/vectors"), true).unwrap_err().to_string();
        assert!(gone.contains("/nowhere/vectors") && gone.contains("keeps their path"), "{gone}");
    }
}
