//! Which rows a network learns from, and which are held out.
//!
//! Rows in memory are [`held_out`]: a part of each stratum, by lot. Rows of a file that may be larger than memory are
//! dealt out by a [`Dealer`] as they come by, which needs the sizes of the strata beforehand and keeps no row.
//! Either way the seed alone decides, each stratum gives its share, and none gives its last row.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::order::permutation;
use crate::seed::{Stream, mix};

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPart {
    /// What a network learns from.
    Train,
    /// What chooses its weights.
    Validation,
    /// What it is judged on.
    Test,
}

impl DataPart {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Which rows are held out, of rows that each belong to a stratum: `round(N·fraction)` of all.
///
/// Each stratum gives `n·fraction` of its `n` rows, rounded so that these add up: those with the largest remainders give
/// one more, and of equal remainders the lower stratum. No stratum gives its last row, even if fewer are held out for it.
pub fn held_out(strata: &[usize], fraction: f64, seed: u64) -> Vec<bool> {
    let mut sizes = vec![0; strata.iter().max().map_or(0, |most| most + 1)];
    for stratum in strata {
        sizes[*stratum] += 1;
    }
    let mut shares = shares(&sizes, fraction);
    let mut held = vec![false; strata.len()];
    for row in permutation(strata.len() as u32, seed) {
        let row = row as usize;
        let share = &mut shares[strata[row]];
        if *share > 0 {
            *share -= 1;
            held[row] = true;
        }
    }
    held
}

/// How many rows each stratum gives away, by the method of the largest remainders.
fn shares(sizes: &[usize], fraction: f64) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let exact: Vec<f64> = sizes.iter().map(|&size| size as f64 * fraction).collect();
    let mut shares: Vec<usize> =
        exact.iter().zip(sizes).map(|(&exact, &size)| (exact as usize).min(size.saturating_sub(1))).collect();

    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let wanted = (total as f64 * fraction).round() as usize;
    let missing = wanted.saturating_sub(shares.iter().sum());
    let can_give: Vec<usize> = by_remainder
        .into_iter()
        .filter(|&stratum| shares[stratum] + 1 < sizes[stratum])
        .take(missing)
        .collect();
    for stratum in can_give {
        shares[stratum] += 1;
    }
    shares
}

/// Deals rows out to the parts, stratum by stratum, as they come by.
///
/// Selection sampling (Knuth, volume 2, algorithm 3.4.2 S): of the rows that a stratum still has, as many as a part still
/// wants are equally likely to be its. Every part gets exactly its share, and no row is kept.
#[derive(Debug)]
pub struct Dealer {
    random: StdRng,
    strata: Vec<Stratum>,
}

#[derive(Clone, Copy, Debug)]
struct Stratum {
    left: u64,
    test: u64,
    validation: u64,
}

impl Dealer {
    /// Parts of strata whose sizes are known; `test` and `validation` are shares of the whole.
    pub fn new(strata: &[u64], test: f64, validation: f64, seed: u64) -> Self {
        let stratum = |rows: &u64| {
            let share = |of: f64| (*rows as f64 * of).round() as u64;
            // The last row of a stratum stays with training.
            let test = share(test).min(rows.saturating_sub(1));
            Stratum { left: *rows, test, validation: share(validation).min((rows - test).saturating_sub(1)) }
        };
        let random = StdRng::seed_from_u64(mix(seed, Stream::Holdout, 0));
        Self { random, strata: strata.iter().map(stratum).collect() }
    }

    /// The part of the next row, which is of a stratum.
    ///
    /// # Panics
    /// There is no such stratum.
    pub fn deal(&mut self, stratum: usize) -> DataPart {
        let of = &mut self.strata[stratum];
        if of.left == 0 {
            return DataPart::Train;
        }
        let drawn = self.random.random_range(0..of.left);
        of.left -= 1;
        if drawn < of.test {
            of.test -= 1;
            DataPart::Test
        } else if drawn < of.test + of.validation {
            of.validation -= 1;
            DataPart::Validation
        } else {
            DataPart::Train
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_follow_the_largest_remainders() {
        for (sizes, fraction, expected) in [
            (&[100, 100][..], 0.25, &[25, 25][..]),
            (&[7, 5, 3], 0.5, &[4, 3, 1]),
            (&[1, 1, 8], 0.5, &[0, 0, 5]),
            (&[4, 4, 4, 4], 0.1, &[1, 1, 0, 0]),
            (&[10, 0, 1], 0.9, &[9, 0, 0]),
        ] {
            assert_eq!(shares(sizes, fraction), expected, "{sizes:?} at {fraction}");
        }
    }

    /// A run resumes and is judged on the rows that were held out when it began, whatever build it was.
    #[test]
    fn the_same_rows_are_held_out_in_every_build() {
        let held = |seed| {
            let held = held_out(&[0, 0, 1, 1, 1, 0, 0, 1, 1, 1], 0.3, seed);
            (0..held.len()).filter(|row| held[*row]).collect::<Vec<_>>()
        };
        assert_eq!(held(1), [0, 3, 7]);
        assert_ne!(held(1), held(2));
        let mut dealer = Dealer::new(&[10], 0.2, 0.1, 1);
        let dealt: String = (0..10).map(|_| &dealer.deal(0).name()[..2]).collect();
        assert_eq!(dealt, "trvatrtrtrtetetrtrtr");
    }

    proptest! {
        #[test]
        fn each_stratum_gives_its_share_and_keeps_a_row(
            strata in proptest::collection::vec(0_usize..6, 0..250), fraction in 0.001_f64..0.999, seed: u64,
        ) {
            let held = held_out(&strata, fraction, seed);
            for stratum in 0..6 {
                let rows = || strata.iter().zip(&held).filter(|(of, _)| **of == stratum);
                let (all, out) = (rows().count(), rows().filter(|(_, held)| **held).count());
                prop_assert!((out as f64 - all as f64 * fraction).abs() <= 1.0);
                prop_assert!(out < all || all == 0);
            }
        }

        #[test]
        fn every_stratum_gives_its_exact_share(
            sizes in proptest::collection::vec(0_u64..200, 1..5), test in 0.0..0.5_f64, validation in 0.0..0.4_f64, seed: u64,
        ) {
            let mut dealer = Dealer::new(&sizes, test, validation, seed);
            for (stratum, size) in sizes.iter().enumerate() {
                let parts: Vec<DataPart> = (0..*size).map(|_| dealer.deal(stratum)).collect();
                let count = |part| parts.iter().filter(|found| **found == part).count() as f64;
                prop_assert!((count(DataPart::Test) - *size as f64 * test).abs() <= 1.0);
                prop_assert!((count(DataPart::Validation) - *size as f64 * validation).abs() <= 1.0);
                prop_assert!(*size == 0 || count(DataPart::Train) >= 1.0);
            }
        }
    }
}
