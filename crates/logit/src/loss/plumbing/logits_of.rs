//! What losses take for logits, and what the compiler tells whoever hands them something else.

use crate::kind::Kind;
use crate::logits::Logits;

/// The raw logits of kind `K` and rank `D`: [`Logits`], and nothing else.
///
/// Losses ask for this trait instead of naming [`Logits`] for the sake of the message alone: probabilities, or a
/// tensor that went through an activation, are answered with what a loss takes and how to get it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not the raw logits that this loss takes",
    label = "expected `Logits<{K}, {D}>`",
    note = "the loss applies its own softmax or sigmoid: pass the raw logits that `head.forward(features)` returns, before `probabilities()`, `softmax` or `sigmoid`",
    note = "raw numbers that come from elsewhere are made logits by name and kind: `Logits::new(tensor, kind)?`",
    note = "each kind of answer has its losses: cross entropy for `Classes`, binary cross entropy for `YesNo` and `Labels`; for all see the table of `logit::loss`"
)]
pub trait LogitsOf<K: Kind, const D: usize>: sealed::Sealed {
    /// The logits.
    fn into_logits(self) -> Logits<K, D>;
}

impl<K: Kind, const D: usize> LogitsOf<K, D> for Logits<K, D> {
    fn into_logits(self) -> Self {
        self
    }
}

mod sealed {
    use super::{Kind, Logits};

    pub trait Sealed {}
    impl<K: Kind, const D: usize> Sealed for Logits<K, D> {}
}
