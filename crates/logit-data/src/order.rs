//! The order in which a training run sees its images.

use std::iter::FusedIterator;
use std::num::NonZeroUsize;
use std::slice::Chunks;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::seed::{Stream, mix};

/// The rows `0..n` in the order of one epoch.
///
/// A pure function of its arguments: epoch 7 is the same whether or not epochs 0 to 6 were asked for, so a
/// run resumes at any step with this order and [`Batches`] skipped up to that step. The order is a
/// Fisher–Yates shuffle by rand's `StdRng` (`ChaCha12`), seeded with [`mix`]`(seed, Stream::Shuffle, epoch)`.
///
/// ```
/// use logit_data::{Batches, epoch_order, steps_per_epoch};
/// use std::num::NonZeroUsize;
///
/// let (n, batch_size, step) = (1000, NonZeroUsize::new(64).unwrap(), 37);
/// let steps = steps_per_epoch(n, batch_size, false);
/// let order = epoch_order(n, 42, (step / steps) as u64);
/// let rest = Batches::new(&order, batch_size, false).skip(step % steps);
/// assert_eq!((steps, rest.count()), (16, 16 - 37 % 16));
/// ```
pub fn epoch_order(n: u32, seed: u64, epoch: u64) -> Vec<u32> {
    permutation(n, mix(seed, Stream::Shuffle, epoch))
}

/// The rows `0..n` in the order of one epoch, for rows that lie in a file: shuffled among those of a few blocks at a time,
/// so that what is read next is never far.
///
/// Blocks of 4096 rows come in an order that the seed decides, and the rows of 64 blocks are shuffled together. As
/// [`epoch_order`], a pure function of its arguments.
pub fn blockwise_order(n: u32, seed: u64, epoch: u64) -> Vec<u32> {
    const BLOCK: u32 = 4096;
    const TOGETHER: usize = 64;
    let mut random = StdRng::seed_from_u64(mix(seed, Stream::Shuffle, epoch));
    let mut blocks: Vec<u32> = (0..n.div_ceil(BLOCK)).collect();
    blocks.shuffle(&mut random);
    let mut order = Vec::with_capacity(n as usize);
    for blocks in blocks.chunks(TOGETHER) {
        let start = order.len();
        for block in blocks {
            let first = block * BLOCK;
            order.extend(first..n.min(first.saturating_add(BLOCK)));
        }
        order[start..].shuffle(&mut random);
    }
    order
}

/// The number of batches, and so of training steps, in one epoch: `n / batch_size`, rounded up, or down with
/// `drop_last`.
pub fn steps_per_epoch(n: u32, batch_size: NonZeroUsize, drop_last: bool) -> usize {
    let n = n as usize;
    if drop_last { n / batch_size } else { n.div_ceil(batch_size.get()) }
}

/// The batches of an epoch: slices of its order, `batch_size` rows each.
///
/// The last batch holds what is left, or, with `drop_last`, is left out unless it is full. Skipping costs
/// nothing.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    chunks: Chunks<'a, u32>,
}

impl<'a> Batches<'a> {
    /// The batches of an [`epoch_order`], or of any other list of rows.
    pub fn new(order: &'a [u32], batch_size: NonZeroUsize, drop_last: bool) -> Self {
        let dropped = if drop_last { order.len() % batch_size } else { 0 };
        let (kept, _) = order.split_at(order.len() - dropped);
        Self { chunks: kept.chunks(batch_size.get()) }
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = &'a [u32];

    fn next(&mut self) -> Option<&'a [u32]> {
        self.chunks.next()
    }

    fn nth(&mut self, n: usize) -> Option<&'a [u32]> {
        self.chunks.nth(n)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.chunks.size_hint()
    }
}

impl ExactSizeIterator for Batches<'_> {}
impl FusedIterator for Batches<'_> {}

/// The rows `0..n` in an order that `seed` alone decides.
pub(crate) fn permutation(n: u32, seed: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(batch_size: usize) -> NonZeroUsize {
        NonZeroUsize::new(batch_size).expect("not zero")
    }

    #[test]
    fn an_order_is_decided_by_its_arguments_alone() {
        assert_eq!(epoch_order(1000, 5, 3), epoch_order(1000, 5, 3));
        assert_ne!(epoch_order(1000, 5, 3), epoch_order(1000, 5, 4));
        assert_ne!(epoch_order(1000, 5, 3), epoch_order(1000, 6, 3));
        assert!(epoch_order(0, 5, 3).is_empty());
    }

    /// `rand` may give `StdRng` another generator in a new major version; then runs no longer repeat those of
    /// an older build, which must not happen unseen.
    #[test]
    fn an_order_is_the_same_in_every_build() {
        assert_eq!(epoch_order(10, 42, 0), [6, 4, 9, 2, 7, 0, 8, 5, 3, 1]);
        assert_eq!(epoch_order(10, 42, 1), [0, 8, 4, 1, 7, 3, 5, 2, 9, 6]);
    }

    #[test]
    fn a_blockwise_order_is_an_order() {
        let order = blockwise_order(600_001, 3, 1);
        assert_eq!(order, blockwise_order(600_001, 3, 1));
        assert_ne!(order, blockwise_order(600_001, 3, 2));
        let near = order[..64 * 4096].iter().map(|row| row / 4096).collect::<std::collections::BTreeSet<_>>();
        assert!(near.len() <= 65, "{} blocks", near.len());
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..600_001).collect::<Vec<_>>());
        assert!(blockwise_order(0, 3, 1).is_empty());
    }

    #[test]
    fn every_row_visits_every_place() {
        let mut visits = [[0_u32; 8]; 8];
        for epoch in 0..8000 {
            for (place, row) in epoch_order(8, 1, epoch).into_iter().enumerate() {
                visits[row as usize][place] += 1;
            }
        }
        // 1000 expected, standard deviation 30.
        let counts: Vec<u32> = visits.into_iter().flatten().collect();
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_last_batch_is_smaller_or_left_out() {
        let order: Vec<u32> = (0..10).collect();
        let lengths =
            |drop_last| Batches::new(&order, size(4), drop_last).map(<[u32]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(false), [4, 4, 2]);
        assert_eq!(lengths(true), [4, 4]);
        assert_eq!(Batches::new(&order, size(11), true).count(), 0);
        assert_eq!(Batches::new(&[], size(4), false).count(), 0);
    }

    proptest! {
        #[test]
        fn batches_are_the_order_and_nothing_else(
            n in 0_u32..500, batch_size in 1_usize..600, drop_last: bool, seed: u64, epoch: u64,
        ) {
            let order = epoch_order(n, seed, epoch);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..n).collect::<Vec<_>>());

            let batches = Batches::new(&order, size(batch_size), drop_last);
            prop_assert_eq!(batches.len(), steps_per_epoch(n, size(batch_size), drop_last));
            let seen = batches.flatten().copied().collect::<Vec<_>>();
            prop_assert_eq!(&seen[..], &order[..seen.len()]);
            let left_out = order.len() - seen.len();
            prop_assert!(left_out == 0 || drop_last && left_out < batch_size);
        }

        #[test]
        fn a_run_resumes_at_any_step(
            n in 1_u32..300, batch_size in 1_usize..40, skipped in 0_usize..400, drop_last: bool,
        ) {
            let order = epoch_order(n, 9, 2);
            let all: Vec<&[u32]> = Batches::new(&order, size(batch_size), drop_last).collect();
            let rest: Vec<&[u32]> = Batches::new(&order, size(batch_size), drop_last).skip(skipped).collect();
            prop_assert_eq!(&rest[..], all.get(skipped..).unwrap_or_default());
        }
    }
}
