//! Words, as the vectors know them.

/// A word of a sentence, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The row of its vector, and the word as it was looked up.
    Known(u32, String),
    /// One that has no vector.
    Unknown(String),
}
