//! Targets that are a single unit a position, among few: the unit is found by comparing, in vectors.

use pulp::Simd;

use super::tile::{Of, OfPosition, Reduction, Tile};

/// A unit a position, and the amount at it.
pub(crate) struct Hit<'a> {
    /// The number of each position's unit; -1 hits none.
    pub(crate) unit: &'a OfPosition,
    /// At that unit.
    pub(crate) amount: &'a OfPosition,
}

/// The numbers of the units, which positions' units are compared with; more are not worth comparing with.
pub(crate) const UNITS: [f32; 32] = {
    let mut units = [0.0; 32];
    let mut unit = 0;
    while unit < units.len() {
        units[unit] = unit as f32;
        unit += 1;
    }
    units
};

impl Tile {
    /// Writes `shift - logit` at each position's unit.
    ///
    /// # Safety
    /// As for `maxima`; and the units are at most as many as `UNITS`.
    #[inline(always)]
    pub(crate) unsafe fn below<S: Simd>(
        &self,
        simd: S,
        shift: &OfPosition,
        hit: &Hit<'_>,
        to: &mut OfPosition,
    ) {
        let of = [Of::Entry(self.from), Of::Position(shift), Of::Position(hit.unit), Of::Unit(&UNITS)];
        // SAFETY: as the caller vouches.
        unsafe {
            self.pass(
                simd,
                (of, [0.0, 0.0, -1.0, -2.0]),
                [],
                [to],
                Reduction::Sum,
                #[inline(always)]
                |[sum]: [S::f32s; 1], [x, shift, own, unit]: [S::f32s; 4]| {
                    let here = simd.equal_f32s(own, unit);
                    // Not times 0: a logit of -∞ elsewhere would make NaN.
                    let below = simd.select_f32s(here, simd.sub_f32s(shift, x), simd.splat_f32s(0.0));
                    ([simd.add_f32s(sum, below)], [])
                },
            );
        }
    }

    /// Makes `slope · to - scale · amount at the position's unit` of what `to` holds.
    ///
    /// # Safety
    /// As for [`below`](Self::below).
    #[inline(always)]
    pub(crate) unsafe fn finish_hit<S: Simd>(&self, simd: S, slopes: &OfPosition, hit: &Hit<'_>, scale: f32) {
        let (own, amount) = (Of::Position(hit.unit), Of::Position(hit.amount));
        let of = [Of::Entry(self.to), Of::Position(slopes), own, amount, Of::Unit(&UNITS)];
        let (scale, zero) = (simd.splat_f32s(-scale), simd.splat_f32s(0.0));
        // SAFETY: as the caller vouches.
        unsafe {
            self.map(
                simd,
                of,
                self.to,
                #[inline(always)]
                |[e, slope, own, amount, unit]: [S::f32s; 5]| {
                    let amount = simd.select_f32s(simd.equal_f32s(own, unit), amount, zero);
                    simd.mul_add_e_f32s(amount, scale, simd.mul_f32s(e, slope))
                },
            );
        }
    }
}
