//! Words, as the vectors know them.

/// A word of a sentence, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The row of its vector.
    Known(u32),
    /// One that has no vector.
    Unknown(String),
}
