//! Multiplies gradients by what comes from upstream.

use crate::element::Element;
use crate::parallel::map_items;
use crate::simd::vectorized;
use crate::softmax::Shape;
use crate::softmax::tiling::Numbers;

/// Numbers of a run, which is a copy where they are not f32.
const RUN: usize = 1024;

/// Runs of a piece of work.
const RUNS_A_PIECE: usize = 32;

/// Multiplies every number by one factor.
pub fn scale_all<E: Element>(gradient: &mut [E], factor: f32) {
    multiply(
        gradient,
        #[inline(always)]
        |_, run| times(run, factor),
    );
}

/// Multiplies all numbers of each position by a factor of the position, `[outer, inner]`.
///
/// # Panics
/// When a length does not fit the shape.
pub fn scale_positions<E: Element>(gradient: &mut [E], shape: Shape, factors: &[f32]) {
    assert_eq!(gradient.len(), shape.len(), "numbers of {shape:?}");
    assert_eq!(factors.len(), shape.positions(), "factors of {shape:?}");
    let Shape { units, inner, .. } = shape;
    multiply(
        gradient,
        #[inline(always)]
        |start, run| {
            if inner == 1 {
                return each_stretch(
                    run,
                    start,
                    units,
                    #[inline(always)]
                    |row, _, stretch| {
                        times(stretch, factors[row]);
                    },
                );
            }
            each_stretch(
                run,
                start,
                inner,
                #[inline(always)]
                |line, place, stretch| {
                    let factors = &factors[line / units * inner + place..];
                    stretch.iter_mut().zip(factors).for_each(|(number, factor)| *number *= factor);
                },
            );
        },
    );
}

#[inline(always)]
fn times(numbers: &mut [f32], factor: f32) {
    for number in numbers {
        *number *= factor;
    }
}

/// Calls `work` with the parts of a run that lie in one line each: which line, and where in it the part starts.
#[inline(always)]
fn each_stretch(mut run: &mut [f32], start: usize, line: usize, work: impl Fn(usize, usize, &mut [f32])) {
    let mut at = start;
    while !run.is_empty() {
        let (stretch, rest) = run.split_at_mut((line - at % line).min(run.len()));
        work(at / line, at % line, stretch);
        at += stretch.len();
        run = rest;
    }
}

/// Calls `work` with the start of each run and its numbers, which it changes.
fn multiply<E: Element>(gradient: &mut [E], work: impl Fn(usize, &mut [f32]) + Sync) {
    let (len, each) = (gradient.len(), RUN * RUNS_A_PIECE);
    let numbers = Numbers::over(gradient);
    map_items(len.div_ceil(each), each, |piece| {
        vectorized(
            #[inline(always)]
            || {
                let mut copy = [0.0; RUN];
                for start in (piece * each..len.min((piece + 1) * each)).step_by(RUN) {
                    let count = RUN.min(len - start);
                    // SAFETY: runs lie in the gradient and do not overlap; of f32 they are the numbers themselves.
                    unsafe {
                        let [_, to] = numbers.open_run(start, &mut copy[..count]);
                        work(start, std::slice::from_raw_parts_mut(to, count));
                        numbers.close_run(start, &copy[..count]);
                    }
                }
            },
        );
    });
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is exact is compared as such")]
mod tests {
    use half::bf16;
    use proptest::prelude::*;

    use super::*;
    use crate::loss::tests::{numbers, shapes};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn each_number_is_multiplied_by_its_factor(shape in shapes()) {
            let gradient = numbers(shape.len(), 1);
            let of_position = numbers(shape.positions(), 2);
            let mut by_position = gradient.clone();
            scale_positions(&mut by_position, shape, &of_position);
            let mut by_one: Vec<bf16> = gradient.iter().map(|number| bf16::from_f32(*number)).collect();
            scale_all(&mut by_one, 2.0);
            for (place, number) in gradient.into_iter().enumerate() {
                let Shape { units, inner, .. } = shape;
                let position = place / inner / units * inner + place % inner;
                prop_assert_eq!(by_position[place], number * of_position[position]);
                prop_assert_eq!(by_one[place], bf16::from_f32(bf16::from_f32(number).to_f32() * 2.0));
            }
        }
    }
}
