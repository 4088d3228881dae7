//! Losses that are linear in the logarithm of the softmax: cross entropy against whatever target.
//!
//! With `p` the softmax of a position's logits and `t` its target, an amount per unit that need not sum to 1, the loss is
//! `Σ t (-ln p)` and its gradient `p · Σ t - t`. A target has two parts: hits, which are amounts at a few units, and a
//! spread over all of them.

use pulp::Simd;

use crate::element::Element;
use crate::math::ln;
use crate::parallel::Shared;
use crate::simd::{load, store};
use crate::softmax::Shape;
use crate::softmax::hit::{Hit, UNITS};
use crate::softmax::tile::{MOST_POSITIONS, OfPosition, Spread, Tile};
use crate::softmax::tiling::{Numbers, Span, TileWork, Tiling, Workspace};

/// The sum of a loss over the positions that count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Of the surprise, `Σ t (-ln p)`.
    pub surprise: f64,
    /// Of the z loss.
    pub z: f64,
}

/// The sum of a loss that has no z loss.
impl From<f64> for Sums {
    fn from(surprise: f64) -> Self {
        Self { surprise, z: 0.0 }
    }
}

/// What the two parts of a loss are multiplied by before the gradient is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Of the surprise.
    pub surprise: f32,
    /// Of the z loss.
    pub z: f32,
}

impl Scales {
    /// The gradient of the sum.
    pub const ONE: Self = Self { surprise: 1.0, z: 1.0 };
}

/// The amounts of a target at single units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hits<const N: usize> {
    /// A unit, and the amount at it.
    pub(super) amounts: [(usize, f32); N],
    /// Added to the loss.
    pub(super) constant: f32,
}

impl<const N: usize> Hits<N> {
    /// Those that are not zero.
    #[inline(always)]
    fn each(&self) -> impl Iterator<Item = (usize, f32)> {
        self.amounts.into_iter().filter(|(_, amount)| *amount != 0.0)
    }
}

/// The spread of a target, as it is given.
#[derive(Clone, Copy)]
pub(super) enum Spreads<'a> {
    None,
    Units(&'a [f32]),
    /// A share per entry, and a factor and a summand per unit.
    Entries {
        shares: &'a [f32],
        factor: &'a [f32],
        summand: &'a [f32],
    },
}

/// A loss over the positions of a tensor.
pub(super) struct SoftmaxLoss<'a, E, H> {
    pub(super) logits: Numbers<'a, E>,
    /// The hits of a position, or none when it does not count.
    pub(super) hits: H,
    pub(super) spread: Spreads<'a>,
    pub(super) z_loss: f32,
    pub(super) soft_cap: Option<f32>,
    pub(super) scales: Scales,
    pub(super) of_position: Option<Shared>,
}

impl<E: Element, const N: usize, H: Fn(usize) -> Option<Hits<N>> + Sync> SoftmaxLoss<'_, E, H> {
    /// The sums over all positions; the gradient is written on the way.
    ///
    /// The lengths must be checked.
    pub(super) fn sums(&self, shape: Shape) -> Sums {
        let pieces = Tiling::new(shape).each_tile(self);
        pieces.into_iter().fold(Sums::default(), |sums, piece| Sums {
            surprise: sums.surprise + piece.surprise,
            z: sums.z + piece.z,
        })
    }

    /// # Safety
    /// The tile is a span's.
    #[inline(always)]
    unsafe fn spread<'s>(
        &'s self,
        tiling: &Tiling,
        span: Span,
        tile: &Tile,
        workspace: &mut Workspace,
    ) -> Spread<'s> {
        match self.spread {
            Spreads::None => Spread::None,
            Spreads::Units(shares) => Spread::Units(shares),
            Spreads::Entries { shares, factor, summand } => {
                // SAFETY: there is a share per entry.
                let shares = unsafe { tiling.fellow(shares, span, tile, workspace) };
                Spread::Entries { shares, factor, summand }
            }
        }
    }

    /// The losses and gradients where every target is one unit, among few.
    ///
    /// # Safety
    /// The tile is a span's.
    #[inline(always)]
    unsafe fn single_hits<S: Simd>(&self, simd: S, span: Span, tile: &Tile, of: &mut Positions) {
        let mut unit = [-1.0; MOST_POSITIONS];
        let mut ignored = false;
        let places = unit.iter_mut().zip(&mut of.masses).take(span.count);
        for (position, (unit, mass)) in places.enumerate() {
            let hits = (self.hits)(span.first + position);
            ignored |= hits.is_none();
            (*unit, *mass) = hits.map_or((-1.0, 0.0), |hits| (hits.amounts[0].0 as f32, hits.amounts[0].1));
        }
        let mut below = [0.0; MOST_POSITIONS];
        // SAFETY: as the caller vouches; units are few, which the caller asked.
        unsafe {
            let amount = of.masses;
            let hit = Hit { unit: &unit, amount: &amount };
            tile.below(simd, &of.maxima, &hit, &mut below);
            for ((surprise, mass), below) in of.surprises.iter_mut().zip(of.masses).zip(below) {
                *surprise = if mass == 0.0 { 0.0 } else { mass * below };
            }
            tile.exponentials(simd, &of.maxima, &mut of.sums);
            of.conclude(simd, span.count, self.z_loss, self.scales);
            if self.logits.writes() {
                tile.finish_hit(simd, &of.slopes, &hit, self.scales.surprise);
            }
            if ignored {
                self.clear_ignored(span, tile, of);
            }
        }
    }

    /// Clears gradient and losses where positions do not count.
    ///
    /// # Safety
    /// The tile is a span's.
    #[inline(always)]
    unsafe fn clear_ignored(&self, span: Span, tile: &Tile, of: &mut Positions) {
        let units = if self.logits.writes() { tile.units } else { 0 };
        for position in (0..span.count).filter(|position| (self.hits)(span.first + position).is_none()) {
            [of.surprises[position], of.zs[position]] = [0.0; 2];
            // SAFETY: the tile can be written, and the entry is in it.
            (0..units).for_each(|unit| unsafe { *tile.entry(tile.to, position, unit) = 0.0 });
        }
    }

    /// Adds the hits to the masses and surprises.
    ///
    /// # Safety
    /// The tile is a span's.
    #[inline(always)]
    unsafe fn aim(&self, span: Span, tile: &Tile, of: &mut Positions) {
        for position in 0..span.count {
            let Some(hits) = (self.hits)(span.first + position) else { continue };
            for (unit, amount) in hits.each() {
                // SAFETY: the tile can be read, and the entry is in it.
                let below = of.maxima[position] - unsafe { *tile.entry(tile.from, position, unit) };
                of.masses[position] += amount;
                of.surprises[position] += amount * below;
            }
            of.surprises[position] += hits.constant;
        }
    }

    /// Takes the hits off the gradient, and clears it and the losses where positions do not count.
    ///
    /// # Safety
    /// The tile is a span's.
    #[inline(always)]
    unsafe fn take_off(&self, span: Span, tile: &Tile, of: &mut Positions) {
        if self.logits.writes() {
            for position in 0..span.count {
                let Some(hits) = (self.hits)(span.first + position) else { continue };
                hits.each().for_each(|(unit, amount)| {
                    // SAFETY: the tile can be written, and the entry is in it.
                    unsafe { *tile.entry(tile.to, position, unit) -= self.scales.surprise * amount }
                });
            }
        }
        // SAFETY: as the caller vouches.
        unsafe { self.clear_ignored(span, tile, of) };
    }
}

impl<E: Element, const N: usize, H: Fn(usize) -> Option<Hits<N>> + Sync> TileWork for SoftmaxLoss<'_, E, H> {
    type Sum = Sums;

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, tiling: &Tiling, span: Span, workspace: &mut Workspace, sums: &mut Sums) {
        let mut of = Positions::new();
        // SAFETY: the logits are those of the tiling's shape, as was checked, and spans do not overlap.
        unsafe {
            let mut tile = tiling.open(&self.logits, span, workspace);
            if let Some(cap) = self.soft_cap {
                let capped = tiling.spare(workspace);
                tile.cap(simd, cap, capped);
                tile.from = capped;
            }
            let spread = self.spread(tiling, span, &tile, workspace);
            tile.maxima(simd, &mut of.maxima);
            if N == 1 && matches!(spread, Spread::None) && tile.units <= UNITS.len() {
                self.single_hits(simd, span, &tile, &mut of);
            } else {
                tile.weigh(simd, &of.maxima, spread, [&mut of.masses, &mut of.surprises]);
                self.aim(span, &tile, &mut of);
                tile.exponentials(simd, &of.maxima, &mut of.sums);
                of.conclude(simd, span.count, self.z_loss, self.scales);
                if self.logits.writes() {
                    tile.finish(simd, &of.slopes, spread, self.scales.surprise);
                }
                self.take_off(span, &tile, &mut of);
            }
            if let (Some(cap), true) = (self.soft_cap, self.logits.writes()) {
                tile.uncap(simd, cap, tile.from);
            }
            tiling.close(&self.logits, span, &tile);
        }
        sums.surprise += wide_sum(&of.surprises[..span.count]);
        if self.z_loss != 0.0 {
            sums.z += wide_sum(&of.zs[..span.count]);
        }
        if let Some(losses) = &self.of_position {
            // SAFETY: positions of spans do not overlap, and there is a loss for each, as was checked.
            let losses = unsafe { losses.slice(span.first, span.count) };
            for ((loss, surprise), z) in losses.iter_mut().zip(of.surprises).zip(of.zs) {
                *loss = surprise + z;
            }
        }
    }
}

/// What is known of each position of a tile.
struct Positions {
    /// The greatest logit.
    maxima: OfPosition,
    /// Of `exp(logit - maximum)`.
    sums: OfPosition,
    /// Of the target.
    masses: OfPosition,
    /// Of target times `maximum - logit`; then the loss.
    surprises: OfPosition,
    zs: OfPosition,
    /// What the exponentials are multiplied by to become the gradient.
    slopes: OfPosition,
}

impl Positions {
    #[inline(always)]
    fn new() -> Self {
        let zeros = [0.0; MOST_POSITIONS];
        Self { maxima: zeros, sums: zeros, masses: zeros, surprises: zeros, zs: zeros, slopes: zeros }
    }

    /// The losses and slopes of the first `count` positions.
    #[inline(always)]
    fn conclude<S: Simd>(&mut self, simd: S, count: usize, z_loss: f32, scales: Scales) {
        let splat = |number: f32| simd.splat_f32s(number);
        for start in (0..count).step_by(S::F32_LANES) {
            // SAFETY: a tile's positions fill whole vectors.
            unsafe {
                let at = |numbers: &OfPosition| load(simd, numbers.as_ptr().add(start));
                let (sum, mass) = (at(&self.sums), at(&self.masses));
                let log = ln(simd, sum);
                let surprise = simd.mul_add_e_f32s(mass, log, at(&self.surprises));
                store(simd, self.surprises.as_mut_ptr().add(start), surprise);
                let mut slope = simd.mul_f32s(mass, splat(scales.surprise));
                if z_loss != 0.0 {
                    let log_sum_exp = simd.add_f32s(at(&self.maxima), log);
                    let half = simd.mul_f32s(log_sum_exp, splat(z_loss));
                    store(simd, self.zs.as_mut_ptr().add(start), simd.mul_f32s(half, log_sum_exp));
                    slope = simd.mul_add_e_f32s(half, splat(2.0 * scales.z), slope);
                }
                store(simd, self.slopes.as_mut_ptr().add(start), simd.div_f32s(slope, sum));
            }
        }
    }
}

/// A sum in f64, of several partial sums so that none waits for the other.
pub(super) fn wide_sum(numbers: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let (chunks, rest) = numbers.as_chunks::<8>();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, number)| *sum += f64::from(*number));
    }
    sums.iter().sum::<f64>() + rest.iter().map(|number| f64::from(*number)).sum::<f64>()
}
