//! Which rows a table's network learns from, and which it is judged on.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::data::{Stream, mix};

/// A part of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartOf {
    Train,
    Validation,
    Test,
}

impl PartOf {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Deals rows out to the parts, stratum by stratum, as they come by.
///
/// Selection sampling (Knuth, volume 2, algorithm 3.4.2 S): of the rows that a stratum still has, as many as a part still
/// wants are equally likely to be its. Every part gets exactly its share, and no row is kept.
#[derive(Debug)]
pub(crate) struct Dealer {
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
    pub(crate) fn new(strata: &[u64], test: f64, validation: f64, seed: u64) -> Self {
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
    pub(crate) fn deal(&mut self, stratum: usize) -> PartOf {
        let of = &mut self.strata[stratum];
        if of.left == 0 {
            return PartOf::Train;
        }
        let drawn = self.random.random_range(0..of.left);
        of.left -= 1;
        if drawn < of.test {
            of.test -= 1;
            PartOf::Test
        } else if drawn < of.test + of.validation {
            of.validation -= 1;
            PartOf::Validation
        } else {
            PartOf::Train
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_stratum_gives_its_exact_share(
            sizes in proptest::collection::vec(0_u64..200, 1..5), test in 0.0..0.5_f64, validation in 0.0..0.4_f64, seed: u64,
        ) {
            let mut dealer = Dealer::new(&sizes, test, validation, seed);
            for (stratum, size) in sizes.iter().enumerate() {
                let parts: Vec<PartOf> = (0..*size).map(|_| dealer.deal(stratum)).collect();
                let count = |part| parts.iter().filter(|found| **found == part).count() as f64;
                prop_assert!((count(PartOf::Test) - *size as f64 * test).abs() <= 1.0);
                prop_assert!((count(PartOf::Validation) - *size as f64 * validation).abs() <= 1.0);
                prop_assert!(*size == 0 || count(PartOf::Train) >= 1.0);
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let parts = |seed| {
            let mut dealer = Dealer::new(&[100], 0.2, 0.1, seed);
            (0..100).map(|_| dealer.deal(0)).collect::<Vec<_>>()
        };
        assert_eq!(parts(1), parts(1));
        assert_ne!(parts(1), parts(2));
    }
}
