//! What a system cannot do with the data or the inputs that it is given.

use std::path::PathBuf;

use crate::error::ZooError;

/// Data, inputs and network that do not fit each other.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// Images of another size than the convolutional network takes.
    #[error("the convnet takes images of 28×28, not {height}×{width}; use a `linear` or `mlp` model")]
    ConvNetSize {
        /// Their rows.
        height: usize,
        /// Their columns.
        width: usize,
    },
    /// A part of the data without an image.
    #[error("the {part} part of {data} has no image; {hint}")]
    EmptyPart {
        /// The part's name.
        part: &'static str,
        /// Where the data comes from.
        data: String,
        /// What decides how much it holds.
        hint: &'static str,
    },
    /// A set without an image.
    #[error("there is no image to evaluate on")]
    NothingToJudge,
    /// Pairs to judge on that are all of one kind.
    #[error(
        "the {pairs} pairs to judge on all hold a digit of 0 to 3, or none does; raise `data.test_pairs` or \
         `data.validation_pairs`"
    )]
    PairsOfOneKind {
        /// How many they are.
        pairs: usize,
    },
    /// A class without a pixel, which cannot be weighed.
    #[error(
        "no training mask has a pixel of `{class}`, so that `loss.class_weights` cannot weigh it; take it out of \
         `data.classes`, or set `loss.class_weights` to \"none\""
    )]
    AbsentClass {
        /// Its name.
        class: String,
    },
    /// A folder where a table is needed.
    #[error("{} is no file; a table is one", path.display())]
    NoFile {
        /// The folder.
        path: PathBuf,
    },
    /// No data where a table is needed.
    #[error("a table is needed: `logit train FILE.csv --target COLUMN`")]
    NoTable,
    /// Images too small for the network's stages.
    #[error("an image of {size}×{size} cannot be halved {stages} times; lower `model.stages`")]
    TooManyStages {
        /// The images' side.
        size: usize,
        /// The network's stages.
        stages: usize,
    },
    /// A sentence of which nothing can be said.
    #[error("no word of {sentence:?} has a vector ({}), so nothing can be said of it", words.join(", "))]
    WithoutVectors {
        /// The sentence.
        sentence: String,
        /// Its words.
        words: Vec<String>,
    },
    /// A network's answer to an input that is not finite.
    #[error("{input}: {what} is {value}; the weights of this run cannot be used")]
    NotFinite {
        /// The input.
        input: String,
        /// Which number of the answer it is.
        what: String,
        /// The number.
        value: f32,
    },
    /// A mask that cannot be written as PNG.
    #[error("the mask of {}: {source}", input.display())]
    Mask {
        /// The image.
        input: PathBuf,
        /// What the encoder said.
        source: png::EncodingError,
    },
}

impl From<SystemError> for ZooError {
    fn from(error: SystemError) -> Self {
        Self::Other(Box::new(error))
    }
}
