//! What a recipe says of sentences, and the scale of their scores.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::range::Range;

/// The lowest score: the sentences have nothing in common.
pub const LOWEST: f64 = 0.0;

/// The highest score: the sentences say the same.
pub const HIGHEST: f64 = 5.0;

/// How sentences become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentenceConfig {
    /// The folder of the word vectors, or the file of vectors in it. They are frozen, and not part of a checkpoint:
    /// a run keeps the path.
    pub vectors: PathBuf,
    /// Whether a tokenizer is given sentences in lower case. A list of words always is.
    pub lowercase: bool,
    /// The most words of a sentence that are taken; what comes after is cut off.
    pub longest: usize,
}

impl SentenceConfig {
    /// The values that must lie in a range.
    pub fn ranges(&self) -> Vec<Range> {
        vec![Range::new("data.longest", self.longest as f64, "from 1 to 1000", |value| {
            (1.0..=1000.0).contains(&value)
        })]
    }

    /// The paths that are given.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        // An empty one stands for none.
        if self.vectors.as_os_str().is_empty() { Vec::new() } else { vec![&mut self.vectors] }
    }
}
