//! Losses of single entries: each unit of each position for itself, against a share of its own.

use pulp::{Simd, WithSimd};

use super::softmax_loss::wide_sum;
use crate::element::Element;
use crate::parallel::{Shared, map_items};
use crate::simd::{load, store};
use crate::softmax::Shape;
use crate::softmax::tiling::Numbers;

/// Numbers of a run: what is computed with at once, in the first-level cache.
const RUN: usize = 1024;

/// Runs of a piece of work.
const RUNS_A_PIECE: usize = 32;

/// The loss of an entry.
pub(super) trait EntryLoss: Sync {
    /// The loss and its gradient, from a logit, a target and the two numbers of its unit.
    fn of<S: Simd>(&self, simd: S, logit: S::f32s, target: S::f32s, of_unit: [S::f32s; 2]) -> [S::f32s; 2];
}

/// A loss over the entries of a tensor.
pub(super) struct Entries<'a, E, L> {
    pub(super) shape: Shape,
    pub(super) logits: Numbers<'a, E>,
    pub(super) targets: &'a [f32],
    /// Two numbers per unit, or none, for which the loss gets ones.
    pub(super) of_unit: [Option<&'a [f32]>; 2],
    /// The target of entries that do not count.
    pub(super) ignore: Option<f32>,
    pub(super) scale: f32,
    pub(super) loss: L,
}

impl<E: Element, L: EntryLoss> Entries<'_, E, L> {
    /// The sum over the entries that count; the gradient, and the losses if asked for, are written on the way.
    ///
    /// # Panics
    /// When a length does not fit the shape.
    pub(super) fn sum(&self, of_entry: Option<&mut [f32]>) -> f64 {
        let len = self.shape.len();
        assert_eq!(self.targets.len(), len, "targets of {:?}", self.shape);
        for numbers in self.of_unit.into_iter().flatten() {
            assert_eq!(numbers.len(), self.shape.units, "a number per unit of {:?}", self.shape);
        }
        let of_entry = of_entry.map(|losses| {
            assert_eq!(losses.len(), len, "losses of {:?}", self.shape);
            Shared::new(losses)
        });
        let each = RUNS_A_PIECE * RUN;
        #[cfg(test)]
        let width = crate::math::tests::width();
        let pieces = map_items(len.div_ceil(each), each, |piece| {
            let piece =
                Piece { entries: self, of_entry, start: piece * each, end: len.min((piece + 1) * each) };
            #[cfg(test)]
            return crate::math::tests::dispatch_as(width, piece);
            #[cfg(not(test))]
            crate::simd::dispatch(piece)
        });
        pieces.into_iter().sum()
    }

    /// The numbers of the units of a run of entries.
    #[inline(always)]
    fn of_units(&self, which: usize, start: usize, room: &mut [f32]) {
        let Shape { units, inner, .. } = self.shape;
        let Some(numbers) = self.of_unit[which] else { return };
        let (mut unit, mut place, mut done) = (start / inner % units, start % inner, 0);
        while done < room.len() {
            let along = if inner == 1 { units - unit } else { inner - place }.min(room.len() - done);
            let room = &mut room[done..done + along];
            if inner == 1 {
                room.copy_from_slice(&numbers[unit..unit + along]);
            } else {
                room.fill(numbers[unit]);
            }
            done += along;
            place = 0;
            unit = if inner == 1 || unit + 1 == units { 0 } else { unit + 1 };
        }
    }
}

impl<E: Element, L: EntryLoss> Entries<'_, E, L> {
    /// Losses of a run of entries, and the gradient in `logits`, to which they were copied, or in place.
    ///
    /// # Safety
    /// `from` can be read, and `to` written, as far as `losses` goes.
    #[inline(always)]
    unsafe fn run<S: Simd>(
        &self,
        simd: S,
        [from, to]: [*mut f32; 2],
        targets: &[f32],
        rooms: &[[f32; RUN]; 2],
        losses: &mut [f32; RUN],
    ) {
        let zero = simd.splat_f32s(0.0);
        let scale = simd.splat_f32s(self.scale);
        // A NaN equals no target.
        let ignore = simd.splat_f32s(self.ignore.unwrap_or(f32::NAN));
        for start in (0..targets.len()).step_by(S::F32_LANES) {
            let count = S::F32_LANES.min(targets.len() - start);
            let lanes = simd.mask_between_m32s(0, count as u32);
            // SAFETY: the lanes of the mask are inside the run, and rooms are whole vectors.
            unsafe {
                let target = simd.mask_load_ptr_f32s(lanes, targets.as_ptr().add(start));
                let logit = simd.mask_load_ptr_f32s(lanes, from.add(start));
                let of_unit = [0, 1].map(|which: usize| load(simd, rooms[which].as_ptr().add(start)));
                let ignored = simd.equal_f32s(target, ignore);
                let images = self.loss.of(simd, logit, target, of_unit);
                let [loss, gradient] = images.map(|image| simd.select_f32s(ignored, zero, image));
                store(simd, losses.as_mut_ptr().add(start), loss);
                simd.mask_store_ptr_f32s(lanes, to.add(start), simd.mul_f32s(gradient, scale));
            }
        }
    }
}

struct Piece<'a, 'b, E, L> {
    entries: &'a Entries<'b, E, L>,
    of_entry: Option<Shared>,
    start: usize,
    end: usize,
}

impl<E: Element, L: EntryLoss> WithSimd for Piece<'_, '_, E, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let mut rooms = [[1.0; RUN]; 2];
        let (mut copy, mut losses) = ([0.0; RUN], [0.0; RUN]);
        let mut sum = 0.0;
        for start in (self.start..self.end).step_by(RUN) {
            let count = RUN.min(self.end - start);
            for (which, room) in rooms.iter_mut().enumerate() {
                self.entries.of_units(which, start, &mut room[..count]);
            }
            let targets = &self.entries.targets[start..start + count];
            // SAFETY: runs lie in the logits, whose length is that of the targets, and do not overlap.
            unsafe {
                let place = self.entries.logits.open_run(start, &mut copy[..count]);
                self.entries.run(simd, place, targets, &rooms, &mut losses);
                self.entries.logits.close_run(start, &copy[..count]);
            }
            sum += wide_sum(&losses[..count]);
            if let Some(of_entry) = &self.of_entry {
                // SAFETY: runs do not overlap, and there is a loss for each entry.
                unsafe { of_entry.slice(start, count) }.copy_from_slice(&losses[..count]);
            }
        }
        sum
    }
}
