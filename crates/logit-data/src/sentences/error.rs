//! What can be wrong with pairs of sentences and with word vectors.

use std::path::PathBuf;

use super::config::{HIGHEST, LOWEST};

/// What can be wrong: which file, which row, what was found there, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SentenceError {
    /// A file that is not there, or that the system does not let be read.
    #[error("cannot read the {what} {}: {source}{hint}", path.display())]
    Read {
        /// What the file should hold.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// What to do; begins with a semicolon, or is empty.
        hint: &'static str,
    },
    /// A file that is larger than what is read.
    #[error("the {what} {} has {bytes} bytes; at most {most} are read", path.display())]
    TooLarge {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// More pairs than are read.
    #[error("{} has more than {most} pairs; take a part of them", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The limit.
        most: usize,
    },
    /// A folder that lacks the file of a part.
    #[error(
        "{} holds no {file}; give a folder with stsb-en-train.csv, stsb-en-dev.csv and stsb-en-test.csv, or a TSV file \
         with the columns split, score, sentence1 and sentence2", folder.display()
    )]
    MissingPart {
        /// The folder.
        folder: PathBuf,
        /// The file that was looked for.
        file: &'static str,
    },
    /// A TSV file that begins otherwise than with the names of its columns.
    #[error(
        "{} begins with {found:?}; a TSV file of pairs begins with the line `split`, `score`, `sentence1`, `sentence2`, \
         with tabs between", path.display()
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// Its first row.
        found: String,
    },
    /// A row with more or fewer columns than the others should have.
    #[error("{}, row {row}: {found} columns instead of {expected} ({columns}){}", path.display(), quoting(*found, *expected))]
    Columns {
        /// The file.
        path: PathBuf,
        /// The row, from 1, a header counted.
        row: u64,
        /// Its columns.
        found: usize,
        /// As many as there should be.
        expected: usize,
        /// Their names.
        columns: &'static str,
    },
    /// A row that is no text.
    #[error("{}, row {row}: it is not UTF-8; save the file as UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The row, from 1, a header counted.
        row: u64,
    },
    /// A score that is no number on the scale.
    #[error("{}, row {row}: the score is {found:?}; it must be a number from {LOWEST} to {HIGHEST}", path.display())]
    Score {
        /// The file.
        path: PathBuf,
        /// The row, from 1, a header counted.
        row: u64,
        /// What stands there.
        found: String,
    },
    /// A part that is none.
    #[error("{}, row {row}: the split is {found:?}; it must be train, dev or test", path.display())]
    Split {
        /// The file.
        path: PathBuf,
        /// The row, from 1, a header counted.
        row: u64,
        /// What stands there.
        found: String,
    },
    /// A sentence that is none.
    #[error("{}, row {row}: the {which} sentence {what}", path.display())]
    Sentence {
        /// The file.
        path: PathBuf,
        /// The row, from 1, a header counted.
        row: u64,
        /// Which of the two.
        which: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A part of the data without pairs, or whose scores are all the same.
    #[error("the {part} part of {} {what}", path.display())]
    Part {
        /// The part.
        part: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: &'static str,
    },
    /// A folder in which the vectors, or the words that they belong to, cannot be found.
    #[error("{} holds {found}; word vectors are one .safetensors file and beside it {wanted}", folder.display())]
    Lexicon {
        /// The folder.
        folder: PathBuf,
        /// What was found.
        found: String,
        /// What should lie there.
        wanted: &'static str,
    },
    /// A file of vectors that cannot be used.
    #[error("the word vectors {} cannot be used: {reason}", path.display())]
    Vectors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A number of a word vector that is not finite.
    #[error("{}: number {column} of row {row} is {value} (both counted from 0); get the file again", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// Its place in the row, from 0.
        column: usize,
        /// What it is.
        value: f32,
    },
    /// A vocabulary that cannot be used.
    #[error("the vocabulary {} cannot be used: {reason}", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tokenizer that cannot be used.
    #[error("the tokenizer {} cannot be used: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Vectors and words that do not belong together.
    #[error(
        "{} has {rows} rows, but {} has {words} words; take both from one source",
        vectors.display(), vocabulary.display()
    )]
    Unpaired {
        /// The file of vectors.
        vectors: PathBuf,
        /// Its rows.
        rows: usize,
        /// The file of words.
        vocabulary: PathBuf,
        /// Its words.
        words: usize,
    },
}

/// The usual reason for too many columns.
fn quoting(found: usize, expected: usize) -> &'static str {
    if found > expected { "; quote a sentence with a comma in it" } else { "" }
}
