//! Ranks without their class axis: what lets targets of the wrong rank fail to compile.

/// Names a tensor rank in a bound.
#[derive(Debug)]
pub struct Rank<const D: usize>;

/// `Rank<D>` is one more than `M`: logits of rank `D` have their class axis at 1, targets of rank `M` do not.
#[diagnostic::on_unimplemented(
    message = "a tensor of rank {M} does not go with logits of `{Self}`",
    label = "rank {M}, where one less than the logits' is needed",
    note = "class indices, grades and decisions have no class axis: `[N, d…]` where the logits are `[N, K, d…]`",
    note = "one-hot rows become class indices by `one_hot.argmax(1).squeeze_dim(1)`, or a distribution of the logits' shape by `one_hot.float()`"
)]
pub trait OneMoreThan<const M: usize> {}

impl OneMoreThan<1> for Rank<2> {}
impl OneMoreThan<2> for Rank<3> {}
impl OneMoreThan<3> for Rank<4> {}
impl OneMoreThan<4> for Rank<5> {}
impl OneMoreThan<5> for Rank<6> {}
