//! A pass over logits.

use crate::element::Element;
use crate::softmax::tiling::Numbers;

/// A pass over logits, and where their gradient goes.
#[derive(Debug)]
pub enum Pass<'a, E> {
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

impl<'a, E: Element> Pass<'a, E> {
    /// The logits of a shape of so many numbers.
    ///
    /// # Panics
    /// When they are more or fewer.
    pub(crate) fn numbers(self, len: usize) -> Numbers<'a, E> {
        let logits = match &self {
            Pass::Value(logits) | Pass::Into { logits, .. } => logits.len(),
            Pass::InPlace(logits) => logits.len(),
        };
        assert_eq!(logits, len, "logits, and what their shape holds");
        match self {
            Pass::Value(logits) => Numbers::read(logits),
            Pass::Into { logits, gradient } => Numbers::apart(logits, gradient),
            Pass::InPlace(logits) => Numbers::over(logits),
        }
    }
}
