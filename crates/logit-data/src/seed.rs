//! Seeds: one number from the user, a different one for everything that is random.

/// What a seed is for. The numbers are part of the meaning of a recorded seed: a new purpose gets a new
/// number, and no number is given away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// The order of the training images; the index is the epoch.
    Shuffle = 1,
    /// The first values of the parameters; the index is free, such as the number of the run in a study.
    Initialisation = 2,
    /// The units that dropout leaves out; the index is the training step.
    Dropout = 3,
    /// The images that are held out for validation; the index is free.
    Holdout = 4,
    /// How the training images are moved; the index is the training step.
    Augmentation = 5,
    /// Which digits make pairs; the index is the part, or free under a seed of one training step.
    Pairs = 21,
}

/// A seed for one purpose and one moment, from the one `seed` of a run.
///
/// With `S(x)` the first output of the `SplitMix64` generator (Steele, Lea and Flood, 2014) of state `x`,
/// this is `S(S(S(seed) + stream) + index)`, additions modulo 2⁶⁴. `S` is a bijection that spreads every bit
/// of its input over its whole output, so two indices of one stream never share a seed, and neighbouring
/// seeds, streams or indices have nothing in common.
///
/// It is a pure function: a run that stops at any step goes on from there with the seeds that it would have
/// had.
///
/// ```
/// use logit_data::{Stream, mix};
///
/// assert_eq!(mix(7, Stream::Dropout, 1200), mix(7, Stream::Dropout, 1200));
/// assert_ne!(mix(7, Stream::Dropout, 1200), mix(7, Stream::Dropout, 1201));
/// assert_ne!(mix(7, Stream::Dropout, 1200), mix(7, Stream::Shuffle, 1200));
/// ```
pub fn mix(seed: u64, stream: Stream, index: u64) -> u64 {
    split_mix(split_mix(split_mix(seed).wrapping_add(stream as u64)).wrapping_add(index))
}

/// The first output of `SplitMix64` from the state `x`.
fn split_mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_generator_is_split_mix_64() {
        // The outputs of the reference implementation for the seed 1234567.
        let golden = 0x9E37_79B9_7F4A_7C15_u64;
        let outputs: Vec<u64> =
            (0..3_u64).map(|i| split_mix(1_234_567_u64.wrapping_add(golden.wrapping_mul(i)))).collect();
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_recorded_seed_keeps_its_meaning() {
        assert_eq!(mix(0, Stream::Shuffle, 0), 10_705_738_211_186_751_225);
        assert_eq!(mix(42, Stream::Dropout, 1000), 11_984_570_420_713_230_772);
    }

    #[test]
    fn seeds_streams_and_indices_do_not_share_values() {
        let streams = [Stream::Shuffle, Stream::Initialisation, Stream::Dropout, Stream::Holdout];
        let mixed: BTreeSet<u64> = (0..10)
            .flat_map(|seed| streams.map(|stream| (seed, stream)))
            .flat_map(|(seed, stream)| (0..1000).map(move |index| mix(seed, stream, index)))
            .collect();
        assert_eq!(mixed.len(), 10 * 4 * 1000);
    }

    #[test]
    fn a_step_in_any_argument_flips_half_of_the_bits() {
        let distance = |a: u64, b: u64| f64::from((a ^ b).count_ones());
        let mean = |flip: &dyn Fn(u64) -> f64| (0..1000).map(flip).sum::<f64>() / 1000.0;
        let by_seed = mean(&|i| distance(mix(i, Stream::Shuffle, 0), mix(i + 1, Stream::Shuffle, 0)));
        let by_index = mean(&|i| distance(mix(3, Stream::Shuffle, i), mix(3, Stream::Shuffle, i + 1)));
        let by_stream = mean(&|i| distance(mix(i, Stream::Shuffle, i), mix(i, Stream::Initialisation, i)));
        for bits in [by_seed, by_index, by_stream] {
            assert!((31.0..33.0).contains(&bits), "{bits} bits of 64");
        }
    }
}
