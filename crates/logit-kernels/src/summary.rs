//! What is told of many numbers: sums, range, zeros, and how they are spread.

use crate::parallel::{LEAST_PIECE, map_items};
use crate::simd::vectorized;

/// Numbers that are summed in `f32` before the sum is added up in `f64`.
const BLOCK: usize = 256;

/// Sums that run side by side, as many as the widest vector holds.
const LANES: usize = 16;

/// The bits of an exponent that numbers which are not finite have all of.
const INFINITE: u32 = f32::INFINITY.to_bits();

/// Bins of a histogram.
pub const BINS: usize = 32;

/// Sums, range and shares of some numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// The sum.
    pub sum: f64,
    /// The sum of the squares.
    pub squares: f64,
    /// How many are exactly 0.
    pub zeros: u64,
    /// How many are NaN or infinite.
    pub not_finite: u64,
    /// The smallest; 0 where there is none. Of no meaning where a number is NaN.
    pub low: f32,
    /// The largest, likewise.
    pub high: f32,
}

impl Summary {
    /// Of all numbers of a slice.
    pub fn of(numbers: &[f32]) -> Self {
        let pieces = map_items(numbers.len().div_ceil(LEAST_PIECE), LEAST_PIECE, |piece| {
            let start = piece * LEAST_PIECE;
            let piece = &numbers[start..numbers.len().min(start + LEAST_PIECE)];
            vectorized(
                #[inline(always)]
                || Self::of_piece(piece),
            )
        });
        pieces.into_iter().reduce(Self::and).unwrap_or_default()
    }

    #[inline(always)]
    fn of_piece(numbers: &[f32]) -> Self {
        let mut summary = Self { low: numbers[0], high: numbers[0], ..Self::default() };
        for block in numbers.chunks(BLOCK) {
            summary.add(block);
        }
        summary
    }

    /// Adds a block, in lanes that the compiler makes vectors of, so long as they are no fields of anything.
    #[inline(always)]
    fn add(&mut self, block: &[f32]) {
        let (mut sum, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let (mut low, mut high) = ([self.low; LANES], [self.high; LANES]);
        let (mut zeros, mut odd) = ([0_u32; LANES], [0_u32; LANES]);
        let mut take = |lane: usize, number: f32| {
            sum[lane] += number;
            squares[lane] += number * number;
            // A comparison and a choice are what vectors have; `f32::min` has NaN to think of.
            low[lane] = if number < low[lane] { number } else { low[lane] };
            high[lane] = if number > high[lane] { number } else { high[lane] };
            zeros[lane] += u32::from(number == 0.0);
            odd[lane] += u32::from(number.to_bits() & INFINITE == INFINITE);
        };
        let (whole, rest) = block.as_chunks::<LANES>();
        for part in whole {
            for (lane, number) in part.iter().enumerate() {
                take(lane, *number);
            }
        }
        for (lane, number) in rest.iter().enumerate() {
            take(lane, *number);
        }
        self.sum += sum.iter().map(|sum| f64::from(*sum)).sum::<f64>();
        self.squares += squares.iter().map(|sum| f64::from(*sum)).sum::<f64>();
        self.zeros += u64::from(zeros.iter().sum::<u32>());
        self.not_finite += u64::from(odd.iter().sum::<u32>());
        self.low = low.into_iter().fold(self.low, f32::min);
        self.high = high.into_iter().fold(self.high, f32::max);
    }

    fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            zeros: self.zeros + other.zeros,
            not_finite: self.not_finite + other.not_finite,
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }
}

/// How many of `numbers` lie in each of [`BINS`] equally wide bins from `low` to `high`, the ends of the numbers that are
/// counted; nothing where there is no width between them. Of more than `most` numbers, about so many are counted, in
/// short runs that are spread evenly.
pub fn histogram(numbers: &[f32], low: f32, high: f32, most: usize) -> Option<[u32; BINS]> {
    let width = high - low;
    if !(width > 0.0 && width.is_finite()) {
        return None;
    }
    let scale = BINS as f32 / width;
    // The largest number stands at the end of the last bin, and belongs to it.
    let bin = |number: f32| (((number - low) * scale) as u32).min(BINS as u32 - 1);
    // A count that is added to again and again, as that of a rectifier's zeros, would be waited for each time: neighbours
    // count apart.
    let mut apart = [[0_u32; BINS]; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    // An odd number of runs apart goes through all places of maps whose sides are powers of two.
    let every = numbers.len().div_ceil(most.max(1)) | 1;
    for part in whole.iter().step_by(every) {
        let places = part.map(bin);
        for (bins, place) in apart.iter_mut().zip(places) {
            bins[place as usize] += 1;
        }
    }
    for number in rest {
        apart[0][bin(*number) as usize] += 1;
    }
    Some(std::array::from_fn(|at| apart.iter().map(|bins| bins[at]).sum()))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use crate::simd::tests::in_each_width;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 7919) % 1009) as f32 / 16.0 - 20.0).collect()
    }

    fn is_summed_up(numbers: &[f32]) {
        let wide = || numbers.iter().map(|number| f64::from(*number));
        let found = Summary::of(numbers);
        let squares: f64 = wide().map(|number| number * number).sum();
        assert!((found.sum - wide().sum::<f64>()).abs() <= 1e-4 * squares.sqrt().max(1.0));
        assert!((found.squares - squares).abs() <= 1e-6 * squares);
        assert_eq!(found.zeros, wide().filter(|number| *number == 0.0).count() as u64);
        assert_eq!(f64::from(found.low), wide().reduce(f64::min).unwrap_or_default());
        assert_eq!(f64::from(found.high), wide().reduce(f64::max).unwrap_or_default());
        assert_eq!(found.not_finite, 0);
    }

    #[test]
    fn sums_range_and_shares_are_those_of_numbers_one_by_one() {
        in_each_width(|| {
            for count in [0, 1, 15, 16, 17, 255, 256, 257, LEAST_PIECE - 1, 3 * LEAST_PIECE + 5] {
                let numbers = numbers(count);
                is_summed_up(&numbers);
                is_summed_up(&numbers[1.min(count)..]);
            }
        });
    }

    #[test]
    fn what_is_not_finite_is_counted() {
        let mut numbers = numbers(1000);
        (numbers[3], numbers[500], numbers[999]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
        in_each_width(|| assert_eq!(Summary::of(&numbers).not_finite, 3));
    }

    #[test]
    fn every_number_is_in_the_bin_it_lies_in() {
        let bins = histogram(&[0.0, 0.5, 1.0, 31.0, 32.0, 31.9, 0.0], 0.0, 32.0, 100).unwrap();
        assert_eq!((bins[0], bins[1], bins[31], bins.iter().sum::<u32>()), (3, 1, 3, 7));
        assert_eq!(histogram(&[1.0, 1.0], 1.0, 1.0, 100), None);
        assert_eq!(histogram(&[], 0.0, 0.0, 100), None);
        assert_eq!(histogram(&[f32::MAX, f32::MIN], f32::MIN, f32::MAX, 100), None);
    }

    #[test]
    fn many_numbers_are_thinned_out_evenly() {
        // Eight channels of maps of 64: each of them is seen alike.
        let numbers: Vec<f32> = (0..1 << 18).map(|at| (at / 64 % 8) as f32).collect();
        let bins = histogram(&numbers, 0.0, 7.0, 1 << 14).unwrap();
        let counts: Vec<u32> = bins.into_iter().filter(|count| *count > 0).collect();
        assert_eq!(counts.len(), 8);
        assert!(counts.iter().all(|count| (1500..2200).contains(count)), "{counts:?}");
    }
}
