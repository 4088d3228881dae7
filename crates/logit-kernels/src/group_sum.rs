//! Sums over groups of neighbouring features: `[rows, groups · size]` to `[rows, groups]`.

use crate::parallel::{Shared, map_items};
use crate::simd::vectorized;

/// Writes the sum of each `size` neighbouring numbers of `x` to `sums`: feature `group · size + member` of a row counts
/// towards feature `group` of it.
///
/// # Panics
/// When `x` is not `size` times as long as `sums`.
pub fn forward(x: &[f32], size: usize, sums: &mut [f32]) {
    check(x.len(), size, sums.len());
    in_pieces(
        sums,
        size,
        #[inline(always)]
        |start, sums| {
            for (group, sum) in sums.iter_mut().enumerate() {
                let first = (start + group) * size;
                *sum = x[first..first + size].iter().sum();
            }
        },
    );
}

/// Writes the gradient by each number of a group, which is that by the group's sum, to `by_x`.
///
/// # Panics
/// When `by_x` is not `size` times as long as `by_sums`.
pub fn backward(by_sums: &[f32], size: usize, by_x: &mut [f32]) {
    check(by_x.len(), size, by_sums.len());
    if size == 0 {
        return;
    }
    let by_x = Shared::new(by_x);
    let groups = crate::parallel::items_a_piece(size);
    map_items(by_sums.len().div_ceil(groups), groups * size, |piece| {
        let range = piece * groups..by_sums.len().min((piece + 1) * groups);
        // SAFETY: pieces lie in the gradient, side by side.
        let by_x = unsafe { by_x.slice(range.start * size, range.len() * size) };
        let by_sums = &by_sums[range];
        vectorized(
            #[inline(always)]
            || {
                for (members, sum) in by_x.chunks_exact_mut(size).zip(by_sums) {
                    members.fill(*sum);
                }
            },
        );
    });
}

fn check(len: usize, size: usize, groups: usize) {
    assert_eq!(len, groups * size, "numbers, and {groups} groups of {size}");
}

/// `work` on pieces of the sums, each with the number of its first group.
fn in_pieces(sums: &mut [f32], size: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let len = sums.len();
    let groups = crate::parallel::items_a_piece(size);
    let sums = Shared::new(sums);
    map_items(len.div_ceil(groups), groups * size.max(1), |piece| {
        let start = piece * groups;
        // SAFETY: pieces lie in the sums, side by side.
        let sums = unsafe { sums.slice(start, groups.min(len - start)) };
        vectorized(
            #[inline(always)]
            || work(start, sums),
        );
    });
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sums_and_repeats(rows in 0..5_usize, groups in 0..70_usize, size in 0..9_usize) {
            let x: Vec<f32> = (0..rows * groups * size).map(|place| (place * 37 % 101) as f32).collect();
            let mut sums = vec![f32::NAN; rows * groups];
            forward(&x, size, &mut sums);
            let mut by_x = vec![f32::NAN; x.len()];
            backward(&sums, size, &mut by_x);
            for (group, sum) in sums.iter().enumerate() {
                let members = group * size..(group + 1) * size;
                prop_assert_eq!(*sum, x[members.clone()].iter().sum::<f32>());
                prop_assert!(by_x[members].iter().all(|gradient| gradient == sum));
            }
        }
    }

    #[test]
    fn many_groups_are_cut_and_nan_stays_in_its_group() {
        let mut x = vec![1.0; 60_000];
        x[30_001] = f32::NAN;
        let mut sums = vec![0.0; 20_000];
        forward(&x, 3, &mut sums);
        assert!(sums.iter().enumerate().all(|(group, sum)| if group == 10_000 {
            sum.is_nan()
        } else {
            *sum == 3.0
        }));
    }
}
