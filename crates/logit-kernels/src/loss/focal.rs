//! Focal loss: cross entropy that turns away from what is already sure (Lin et al. 2017).

use pulp::Simd;

use super::entries::{Entries, EntryLoss};
use super::indices::Indices;
use super::pass::Pass;
use super::softmax_loss::wide_sum;
use crate::element::Element;
use crate::math::{exp, ln, ln_1p_of_share, sides};
use crate::parallel::Shared;
use crate::simd::{load, store};
use crate::softmax::Shape;
use crate::softmax::tile::{MOST_POSITIONS, OfPosition, Spread, Tile};
use crate::softmax::tiling::{Numbers, Span, TileWork, Tiling, Workspace};

/// Focal loss over classes: with `p` the softmax probability of the class `y` of a position, `w_y (1 - p)^γ (-ln p)`.
#[derive(Clone, Copy, Debug)]
pub struct FocalOverClasses<'a> {
    /// Of the logits.
    pub shape: Shape,
    /// `γ`, not negative.
    pub gamma: f32,
    /// A weight per class.
    pub weight: Option<&'a [f32]>,
    /// The index of positions that do not count: their loss and gradient are 0, whatever their logits.
    pub ignore_index: Option<i64>,
}

impl FocalOverClasses<'_> {
    /// The sum over the positions that count, against a class per position, `[outer, inner]`.
    ///
    /// The gradient is multiplied by `scale`; `of_position` gets the loss of each position.
    ///
    /// # Panics
    /// When a length does not fit the shape, or an index is none of a class.
    pub fn run<E: Element>(
        &self,
        pass: Pass<'_, E>,
        index: Indices<'_>,
        scale: f32,
        of_position: Option<&mut [f32]>,
    ) -> f64 {
        assert_eq!(index.len(), self.shape.positions(), "indices of {:?}", self.shape);
        let weighted = self.weight.is_none_or(|weight| weight.len() == self.shape.units);
        assert!(weighted, "a weight per class of {:?}", self.shape);
        let of_position = of_position.map(|losses| {
            assert_eq!(losses.len(), index.len(), "losses of {:?}", self.shape);
            Shared::new(losses)
        });
        let logits = pass.numbers(self.shape.len());
        let work = Classes { loss: self, logits, index, scale, of_position };
        Tiling::new(self.shape).each_tile(&work).into_iter().sum()
    }
}

/// Focal loss over labels, each for itself: with `p` the sigmoid of the logit, `t` the target, and
/// `r = p (1 - t) + (1 - p) t` the probability given to the wrong side,
/// `weight · α_t · r^γ · (-t ln p - (1 - t) ln(1 - p))`, where `α_t = α t + (1 - α) (1 - t)`, or 1 without α.
#[derive(Clone, Copy, Debug)]
pub struct FocalOverLabels<'a> {
    /// Of the logits and of the targets.
    pub shape: Shape,
    /// `γ`, not negative.
    pub gamma: f32,
    /// `α`, in [0, 1].
    pub alpha: Option<f32>,
    /// A factor per unit.
    pub weight: Option<&'a [f32]>,
    /// The target of entries that do not count: their loss and gradient are 0, whatever their logit.
    pub ignore: Option<f32>,
}

impl FocalOverLabels<'_> {
    /// The sum over the entries that count, against targets in [0, 1] of the logits' shape.
    ///
    /// The gradient is multiplied by `scale`; `of_entry` gets the loss of each entry.
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
            of_unit: [self.weight, None],
            ignore: self.ignore,
            scale,
            loss: Labels {
                gamma: self.gamma,
                alpha: self.alpha.map_or([1.0; 2], |alpha| [alpha, 1.0 - alpha]),
            },
        };
        entries.sum(of_entry)
    }
}

/// `share^γ` for a share in [0, 1], and 1 for γ = 0.
#[inline(always)]
fn power<S: Simd>(simd: S, share: S::f32s, gamma: f32) -> S::f32s {
    let least = simd.splat_f32s(f32::MIN_POSITIVE);
    let small = simd.less_than_f32s(share, least);
    let log = ln(simd, simd.select_f32s(small, least, share));
    exp(simd, simd.mul_f32s(log, simd.splat_f32s(gamma)))
}

struct Labels {
    gamma: f32,
    /// Of positives and of negatives.
    alpha: [f32; 2],
}

impl EntryLoss for Labels {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, logit: S::f32s, yes: S::f32s, [weight, _]: [S::f32s; 2]) -> [S::f32s; 2] {
        let mul = |a: S::f32s, b: S::f32s| simd.mul_f32s(a, b);
        let no = simd.sub_f32s(simd.splat_f32s(1.0), yes);
        let sides = sides(simd, logit);
        let ([p, q], [if_yes, if_no]) = (sides.probability, sides.surprise);
        let wrong = simd.mul_add_e_f32s(p, no, mul(q, yes));
        let surprise = simd.mul_add_e_f32s(yes, if_yes, mul(no, if_no));
        let alpha = self.alpha.map(|alpha| simd.splat_f32s(alpha));
        let factor = simd.mul_add_e_f32s(yes, alpha[0], mul(no, alpha[1]));
        let factor = mul(mul(factor, weight), power(simd, wrong, self.gamma));
        // d(wrong)/dx = p q (1 - 2t), which is at most `wrong`: their ratio is finite.
        let least = simd.splat_f32s(f32::MIN_POSITIVE);
        let some = simd.select_f32s(simd.less_than_f32s(wrong, least), least, wrong);
        let ratio = simd.div_f32s(mul(mul(p, q), simd.sub_f32s(no, yes)), some);
        let turning = mul(mul(simd.splat_f32s(self.gamma), ratio), surprise);
        let turning = simd.select_f32s(simd.equal_f32s(ratio, simd.splat_f32s(0.0)), ratio, turning);
        let slope = simd.add_f32s(turning, simd.sub_f32s(mul(p, no), mul(q, yes)));
        [mul(factor, surprise), mul(factor, slope)]
    }
}

struct Classes<'a, 'b, E> {
    loss: &'a FocalOverClasses<'b>,
    logits: Numbers<'a, E>,
    index: Indices<'a>,
    scale: f32,
    of_position: Option<Shared>,
}

/// What is known of each position of a tile.
struct Positions {
    weight: OfPosition,
    /// Of the class: how far its logit is below the greatest, and its exponential.
    below: OfPosition,
    own: OfPosition,
    /// The sum of the other classes' exponentials; then what they are multiplied by to become the gradient.
    rest: OfPosition,
    /// Minus the class's gradient.
    slope: OfPosition,
    loss: OfPosition,
}

impl<E: Element> Classes<'_, '_, E> {
    /// The class of a position, or none when it does not count.
    #[inline(always)]
    fn class(&self, position: usize) -> Option<usize> {
        let class = self.index.at(position);
        if Some(class) == self.loss.ignore_index {
            return None;
        }
        let units = self.loss.shape.units;
        let known = usize::try_from(class).ok().filter(|class| *class < units);
        assert!(known.is_some(), "class {class} of {units}, at position {position}");
        known
    }

    /// Writes the gradient of the class, and clears what does not count.
    ///
    /// # Safety
    /// The tile is a span's.
    #[inline(always)]
    unsafe fn conclude(&self, span: Span, tile: &Tile, of: &mut Positions) {
        let units = if self.logits.writes() { tile.units } else { 0 };
        for position in 0..span.count {
            if let Some(class) = self.class(span.first + position) {
                // SAFETY: the tile can be written, and the entry is in it.
                unsafe { *tile.entry(tile.to, position, class) = -of.slope[position] };
                continue;
            }
            of.loss[position] = 0.0;
            // SAFETY: as above.
            (0..units).for_each(|unit| unsafe { *tile.entry(tile.to, position, unit) = 0.0 });
        }
    }
}

impl<E: Element> TileWork for Classes<'_, '_, E> {
    type Sum = f64;

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, tiling: &Tiling, span: Span, workspace: &mut Workspace, sum: &mut f64) {
        let zeros = [0.0; MOST_POSITIONS];
        let [mut maxima, mut sums] = [zeros; 2];
        let mut of =
            Positions { weight: zeros, below: zeros, own: zeros, rest: zeros, slope: zeros, loss: zeros };
        // SAFETY: the logits are those of the tiling's shape, as was checked, and spans do not overlap.
        unsafe {
            let tile = tiling.open(&self.logits, span, workspace);
            tile.maxima(simd, &mut maxima);
            let class = |position: usize| self.class(span.first + position);
            for (position, class) in (0..span.count).filter_map(|at| Some((at, class(at)?))) {
                of.below[position] = maxima[position] - *tile.entry(tile.from, position, class);
            }
            tile.exponentials(simd, &maxima, &mut sums);
            for (position, class) in (0..span.count).filter_map(|at| Some((at, class(at)?))) {
                // Without the class, the sum of the others is exact even where they hold next to nothing.
                of.own[position] = std::mem::take(&mut *tile.entry(tile.to, position, class));
                of.weight[position] = self.loss.weight.map_or(1.0, |weight| weight[class]);
            }
            tile.sums(simd, &mut of.rest);
            of.run(simd, span.count, self.loss.gamma, self.scale);
            if self.logits.writes() {
                tile.finish(simd, &of.rest, Spread::None, 0.0);
            }
            self.conclude(span, &tile, &mut of);
            tiling.close(&self.logits, span, &tile);
        }
        *sum += wide_sum(&of.loss[..span.count]);
        if let Some(losses) = &self.of_position {
            // SAFETY: positions of spans do not overlap, and there is a loss for each, as was checked.
            unsafe { losses.slice(span.first, span.count) }.copy_from_slice(&of.loss[..span.count]);
        }
    }
}

impl Positions {
    /// Losses and slopes: with `r = 1 - p`, the gradient by the class's logit is `-g` and by another's `g · p_j / r`,
    /// where `g = w r^γ (r - γ p ln p)`.
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S, count: usize, gamma: f32, scale: f32) {
        let mul = |a: S::f32s, b: S::f32s| simd.mul_f32s(a, b);
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let least = simd.splat_f32s(f32::MIN_POSITIVE);
        for start in (0..count).step_by(S::F32_LANES) {
            // SAFETY: a tile's positions fill whole vectors.
            unsafe {
                let at = |numbers: &OfPosition| load(simd, numbers.as_ptr().add(start));
                let (own, others) = (at(&self.own), at(&self.rest));
                let all = simd.add_f32s(own, others);
                let (p, r) = (simd.div_f32s(own, all), simd.div_f32s(others, all));
                let sure = simd.greater_than_f32s(own, others);
                let near = ln_1p_of_share(simd, simd.div_f32s(others, own));
                let far = simd.add_f32s(at(&self.below), ln(simd, all));
                let surprise = simd.select_f32s(sure, near, far);
                let factor = mul(at(&self.weight), power(simd, r, gamma));
                let shared = simd.select_f32s(simd.greater_than_f32s(p, zero), mul(p, surprise), p);
                let slope = simd.mul_add_e_f32s(simd.splat_f32s(gamma), shared, r);
                let slope = mul(mul(factor, slope), simd.splat_f32s(scale));
                // Where the others' exponentials are 0, so is their gradient.
                let none = simd.less_than_f32s(others, least);
                let of_others = simd.div_f32s(slope, simd.select_f32s(none, one, others));
                store(simd, self.loss.as_mut_ptr().add(start), mul(factor, surprise));
                store(simd, self.slope.as_mut_ptr().add(start), slope);
                store(simd, self.rest.as_mut_ptr().add(start), of_others);
            }
        }
    }
}
