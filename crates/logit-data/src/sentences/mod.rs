//! Pairs of sentences with a score, and word vectors that somebody trained and that stay as they are.
//!
//! Floors, from the ground up: `config`, `error`, `file`, `pairs`, `vectors`, `word`, `tokenizer`, `vocabulary`, `lexicon`.
//!
//! | file | concept |
//! |---|---|
//! | `config` | [`SentenceConfig`]: what a recipe says of sentences |
//! | `pairs` | [`Pairs`]: two sentences and their score per row, from CSV or TSV |
//! | `vectors` | [`WordVectors`]: a row of numbers per word, from safetensors |
//! | `tokenizer` | a `tokenizer.json`, in a thread of its own, within limits |
//! | `vocabulary`, `word` | [`Vocabulary`]: which row a word has, from a list of words or a `tokenizer.json` |
//! | `lexicon` | [`Lexicon`]: the two together, from a folder |
//! | `file` | files of a bounded size |
//!
//! Files are taken to be hostile: sizes are checked before memory is asked for, and what is wrong is a
//! [`SentenceError`] that names the file, the row and the value.

mod config;
mod error;
mod file;
mod lexicon;
mod pairs;
mod tokenizer;
mod vectors;
mod vocabulary;
mod word;

pub use config::{HIGHEST, LOWEST, SentenceConfig};
pub use error::SentenceError;
pub use lexicon::{Lexicon, Reading};
pub use pairs::{MAX_PAIRS, MAX_PAIRS_BYTES, MAX_SENTENCE_BYTES, Pair, Pairs, SplitPairs};
pub use tokenizer::Tokenizer;
pub use vectors::{MAX_VECTORS_BYTES, WordVectors};
pub use vocabulary::{MAX_VOCABULARY_BYTES, Vocabulary};
pub use word::Word;
