//! Binary cross entropy of sigmoids.

use pulp::Simd;

use super::entries::{Entries, EntryLoss};
use super::pass::Pass;
use crate::element::Element;
use crate::math::sides;
use crate::softmax::Shape;

/// Binary cross entropy of the sigmoid of logits `x` against targets `t` in [0, 1]:
///
/// ```text
/// weight · ( pos_weight · t · ln(1 + e^-x)  +  (1 - t) · ln(1 + e^x) )
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossEntropy<'a> {
    /// Of the logits and of the targets.
    pub shape: Shape,
    /// A factor per unit.
    pub weight: Option<&'a [f32]>,
    /// A factor per unit for its positives.
    pub pos_weight: Option<&'a [f32]>,
    /// The target of entries that do not count: their loss and gradient are 0, whatever their logit.
    pub ignore: Option<f32>,
    /// Targets become `t (1 - ε) + ε/2`.
    pub label_smoothing: f32,
}

impl BinaryCrossEntropy<'_> {
    /// Binary cross entropy without options.
    pub fn new(shape: Shape) -> Self {
        Self { shape, weight: None, pos_weight: None, ignore: None, label_smoothing: 0.0 }
    }

    /// The sum over the entries that count.
    ///
    /// The gradient is multiplied by `scale`; `of_entry`, of the logits' shape, gets the loss of each entry.
    ///
    /// # Panics
    /// When a length does not fit the shape.
    pub fn run<E: Element>(
        &self,
        pass: Pass<'_, E>,
        targets: &[f32],
        scale: f32,
        of_entry: Option<&mut [f32]>,
    ) -> f64 {
        let entries = Entries {
            shape: self.shape,
            logits: pass.numbers(self.shape.len()),
            targets,
            of_unit: [self.weight, self.pos_weight],
            ignore: self.ignore,
            scale,
            loss: Smoothed { label_smoothing: self.label_smoothing },
        };
        entries.sum(of_entry)
    }
}

struct Smoothed {
    label_smoothing: f32,
}

impl EntryLoss for Smoothed {
    #[inline(always)]
    fn of<S: Simd>(
        &self,
        simd: S,
        logit: S::f32s,
        target: S::f32s,
        [weight, pos_weight]: [S::f32s; 2],
    ) -> [S::f32s; 2] {
        let (one, rest) = (simd.splat_f32s(1.0), simd.splat_f32s(1.0 - self.label_smoothing));
        let yes = simd.mul_add_e_f32s(target, rest, simd.splat_f32s(self.label_smoothing / 2.0));
        let no = simd.mul_f32s(simd.sub_f32s(one, yes), weight);
        let yes = simd.mul_f32s(simd.mul_f32s(yes, weight), pos_weight);
        let sides = sides(simd, logit);
        let ([p, q], [if_yes, if_no]) = (sides.probability, sides.surprise);
        let loss = simd.mul_add_e_f32s(yes, if_yes, simd.mul_f32s(no, if_no));
        [loss, simd.sub_f32s(simd.mul_f32s(no, p), simd.mul_f32s(yes, q))]
    }
}
