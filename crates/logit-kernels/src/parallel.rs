//! How work is cut into pieces: by its size alone, never by the number of threads.

use rayon::prelude::*;

/// Numbers that a piece of work touches at least: below it, handing it to another thread costs more than it gains.
pub(crate) const LEAST_PIECE: usize = 16 * 1024;

/// How many items, of `numbers_each` numbers, make a piece worth a thread's while.
pub(crate) fn items_a_piece(numbers_each: usize) -> usize {
    LEAST_PIECE.div_ceil(numbers_each.max(1)).max(1)
}

/// A pointer that pieces of one parallel loop share to write to places that no two of them have in common.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut f32);

// SAFETY: `Shared::slice` is the only access, and its callers vouch that pieces do not overlap.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn new(numbers: &mut [f32]) -> Self {
        Self(numbers.as_mut_ptr())
    }

    /// Where a number is, or would be.
    pub(crate) fn place(&self, at: usize) -> *const f32 {
        self.0.wrapping_add(at)
    }

    /// # Safety
    /// The range lies in the slice that was given to `new`, which outlives the use, and nobody else reads or writes it.
    #[expect(clippy::mut_from_ref, reason = "the caller vouches that ranges do not overlap")]
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &mut [f32] {
        // SAFETY: the caller vouches for the range.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// Does work for the items 0 to `items`: by the pool's threads if that is worth it, on this thread otherwise.
pub(crate) fn for_items(items: usize, in_parallel: bool, work: impl Fn(usize) + Sync) {
    if in_parallel {
        (0..items).into_par_iter().for_each(&work);
    } else {
        (0..items).for_each(work);
    }
}

/// The results of `work` for the items 0 to `items`, each of which touches `numbers_each` numbers, in order: on this
/// thread when there is little to do, by the pool's threads otherwise.
pub(crate) fn map_items<R: Send>(
    items: usize,
    numbers_each: usize,
    work: impl Fn(usize) -> R + Sync,
) -> Vec<R> {
    let at_least = items_a_piece(numbers_each);
    if items <= at_least {
        return (0..items).map(work).collect();
    }
    (0..items).into_par_iter().with_min_len(at_least).map(&work).collect()
}
