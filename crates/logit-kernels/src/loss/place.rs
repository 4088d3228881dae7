//! Where logits are and where their gradient goes.

use crate::element::Element;
use crate::softmax::tiling::Numbers;

/// Where logits are and where their gradient goes.
#[derive(Debug)]
pub enum Place<'a, E> {
    /// The logits, without a gradient.
    Value(&'a [E]),
    /// The gradient beside the logits.
    Into {
        /// What is read.
        logits: &'a [E],
        /// What is written, every number of it; as long as the logits.
        gradient: &'a mut [E],
    },
    /// The gradient over the logits.
    InPlace(&'a mut [E]),
}

impl<'a, E: Element> Place<'a, E> {
    /// The logits of a shape of so many numbers.
    ///
    /// # Panics
    /// When they are more or fewer.
    pub(crate) fn numbers(self, len: usize) -> Numbers<'a, E> {
        let logits = match &self {
            Place::Value(logits) | Place::Into { logits, .. } => logits.len(),
            Place::InPlace(logits) => logits.len(),
        };
        assert_eq!(logits, len, "logits, and what their shape holds");
        match self {
            Place::Value(logits) => Numbers::read(logits),
            Place::Into { logits, gradient } => Numbers::apart(logits, gradient),
            Place::InPlace(logits) => Numbers::over(logits),
        }
    }
}
