//! Softmax cross entropy over classes.

use super::indices::Indices;
use super::pass::Pass;
use super::softmax_loss::{Hits, Scales, SoftmaxLoss, Spreads, Sums};
use crate::element::Element;
use crate::parallel::Shared;
use crate::softmax::Shape;

/// What logits are held against.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class per position, `[outer, inner]`.
    Index {
        /// Class indices.
        index: Indices<'a>,
        /// The index of positions that do not count: their loss and gradient are 0, whatever their logits.
        ignore_index: Option<i64>,
    },
    /// A share per entry, of the logits' shape; none is checked.
    Distribution(&'a [f32]),
}

/// Softmax cross entropy: with class weights `w`, smoothing `ε`, `K` classes and `p` the softmax of a position's
/// logits, against an index `y`
///
/// ```text
/// (1 - ε) · w_y · (-ln p_y)  +  ε/K · Σ_c w_c · (-ln p_c)
/// ```
///
/// and against a distribution `q`: `Σ_c w_c · ((1 - ε) q_c + ε/K) · (-ln p_c)`.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy<'a> {
    /// Of the logits.
    pub shape: Shape,
    /// A weight per class.
    pub weight: Option<&'a [f32]>,
    /// The share of the target that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// The factor of `lse²`, `lse = ln Σ exp(logits)`, which does not know class weights.
    pub z_loss: f32,
    /// Logits are `cap · tanh(logits / cap)` before everything.
    pub soft_cap: Option<f32>,
}

impl CrossEntropy<'_> {
    /// Cross entropy without options.
    pub fn new(shape: Shape) -> Self {
        Self { shape, weight: None, label_smoothing: 0.0, z_loss: 0.0, soft_cap: None }
    }

    /// The sums over the positions that count.
    ///
    /// The gradient written is that of `scales.surprise · surprise + scales.z · z`. `of_position`, `[outer, inner]`, gets
    /// each position's loss, surprise and z loss together.
    ///
    /// # Panics
    /// When a length does not fit the shape, or an index is none of a class.
    pub fn run<E: Element>(
        &self,
        pass: Pass<'_, E>,
        targets: Targets<'_>,
        scales: Scales,
        of_position: Option<&mut [f32]>,
    ) -> Sums {
        let Shape { units, .. } = self.shape;
        let logits = pass.numbers(self.shape.len());
        assert!(
            self.weight.is_none_or(|weight| weight.len() == units),
            "a weight per class of {:?}",
            self.shape
        );
        let of_position = of_position.map(|losses| {
            assert_eq!(losses.len(), self.shape.positions(), "losses of {:?}", self.shape);
            Shared::new(losses)
        });
        let summand: Vec<f32> = self.times_weight(self.label_smoothing / units as f32);
        let rest = 1.0 - self.label_smoothing;
        let Self { z_loss, soft_cap, .. } = *self;
        match targets {
            Targets::Index { index, ignore_index } => {
                assert_eq!(index.len(), self.shape.positions(), "indices of {:?}", self.shape);
                let spread =
                    if self.label_smoothing == 0.0 { Spreads::None } else { Spreads::Units(&summand) };
                let hits = |position: usize| {
                    let class = index.at(position);
                    if Some(class) == ignore_index {
                        return None;
                    }
                    let found = class;
                    let class = usize::try_from(class).unwrap_or(usize::MAX);
                    assert!(class < units, "class {found} of {units}, at position {position}");
                    let amount = rest * self.weight.map_or(1.0, |weight| weight[class]);
                    Some(Hits { amounts: [(class, amount)], constant: 0.0 })
                };
                SoftmaxLoss { logits, hits, spread, z_loss, soft_cap, scales, of_position }.sums(self.shape)
            }
            Targets::Distribution(shares) => {
                assert_eq!(shares.len(), self.shape.len(), "shares of {:?}", self.shape);
                let factor = self.times_weight(rest);
                let spread = Spreads::Entries { shares, factor: &factor, summand: &summand };
                let hits = |_| Some(Hits { amounts: [], constant: 0.0 });
                SoftmaxLoss { logits, hits, spread, z_loss, soft_cap, scales, of_position }.sums(self.shape)
            }
        }
    }

    /// A number times the weight of each class.
    fn times_weight(&self, number: f32) -> Vec<f32> {
        match self.weight {
            Some(weight) => weight.iter().map(|weight| weight * number).collect(),
            None => vec![number; self.shape.units],
        }
    }
}
