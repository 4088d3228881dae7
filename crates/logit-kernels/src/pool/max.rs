//! The maximum of each window.

use rayon::prelude::*;

use super::{Pool2d, columns, each_row, strided};
use crate::parallel::items_a_piece;
use crate::simd::vectorized;

/// The place of the maximum in its window, row by row, or none, where no gradient goes back: `u8` for windows of up to
/// 255 taps, `u16`, `u32`, or `()` for inference, which records nothing.
pub trait WindowPlace: Copy + PartialEq + Send + Sync {
    /// No place.
    const NONE: Self;

    /// How many taps a window may have.
    const MOST_TAPS: usize;

    /// The place as this type.
    fn new(place: usize) -> Self;

    /// The place, when there is one.
    fn get(self) -> Option<usize>;
}

macro_rules! window_places {
    ($($number:ty),*) => {$(
        impl WindowPlace for $number {
            const NONE: Self = Self::MAX;
            const MOST_TAPS: usize = Self::MAX as usize;

            #[inline(always)]
            fn new(place: usize) -> Self {
                place as Self
            }

            #[inline(always)]
            fn get(self) -> Option<usize> {
                (self != Self::NONE).then_some(self as usize)
            }
        }
    )*};
}

window_places!(u8, u16, u32);

impl WindowPlace for () {
    const NONE: Self = ();
    const MOST_TAPS: usize = usize::MAX;

    #[inline(always)]
    fn new(_place: usize) -> Self {}

    #[inline(always)]
    fn get(self) -> Option<usize> {
        Some(0)
    }
}

/// Writes the maximum of each window to `y`, or with `relu` `max(0, ·)` of it, and its place in the window to `places`.
///
/// The first of several maxima counts, row by row; NaN is above every number. A window without a number of the plane has
/// the maximum -∞. With `relu`, a maximum that is not above zero has no place.
///
/// # Panics
/// When a length does not fit, or a window has more taps than a `P` can tell apart.
pub fn max_forward<P: WindowPlace>(pool: &Pool2d, x: &[f32], relu: bool, y: &mut [f32], places: &mut [P]) {
    let [plane, pooled] = pool.check(x.len(), y.len());
    assert_eq!(places.len(), y.len(), "places, and {pool:?}");
    assert!(pool.kernel[0] * pool.kernel[1] <= P::MOST_TAPS, "a smaller window, or a longer place: {pool:?}");
    if pooled == 0 {
        return;
    }
    let squares = pool.is_squares();
    let work = |(plane_number, (y, places)): (usize, (&mut [f32], &mut [P]))| {
        let x = &x[plane_number * plane..][..plane];
        vectorized(
            #[inline(always)]
            || {
                if squares {
                    squares_forward(pool, x, relu, y, places);
                } else {
                    plane_forward(pool, x, relu, y, places);
                }
            },
        );
    };
    let at_least = items_a_piece(plane + pooled);
    if pool.planes <= at_least {
        return y.chunks_exact_mut(pooled).zip(places.chunks_exact_mut(pooled)).enumerate().for_each(work);
    }
    let planes = y.par_chunks_exact_mut(pooled).zip(places.par_chunks_exact_mut(pooled));
    planes.enumerate().with_min_len(at_least).for_each(work);
}

/// Writes the gradient by the input to `by_x`, every number of it: that by each maximum goes to the maximum's place.
///
/// # Panics
/// When a length does not fit, a place is none of a window's, or no places were recorded.
pub fn max_backward<P: WindowPlace>(pool: &Pool2d, by_y: &[f32], places: &[P], by_x: &mut [f32]) {
    let [plane, pooled] = pool.check(by_x.len(), by_y.len());
    assert_eq!(places.len(), by_y.len(), "places, and {pool:?}");
    assert!(size_of::<P>() > 0, "the gradient needs the places");
    if pooled == 0 {
        return by_x.fill(0.0);
    }
    let squares = pool.is_squares();
    pool.each_plane(
        by_x,
        plane,
        #[inline(always)]
        |number, by_x| {
            let range = number * pooled..(number + 1) * pooled;
            let (by_y, places) = (&by_y[range.clone()], &places[range]);
            if squares {
                squares_backward(pool, by_y, places, by_x);
            } else {
                plane_backward(pool, by_y, places, by_x);
            }
        },
    );
}

/// Whether a number takes the place of the greatest so far.
#[inline(always)]
fn is_above(number: f32, greatest: f32) -> bool {
    number > greatest || number.is_nan()
}

#[inline(always)]
fn plane_forward<P: WindowPlace>(pool: &Pool2d, x: &[f32], relu: bool, y: &mut [f32], places: &mut [P]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    for (window, (y, places)) in y.chunks_exact_mut(windows).zip(places.chunks_exact_mut(windows)).enumerate()
    {
        y.fill(f32::NEG_INFINITY);
        places.fill(P::NONE);
        each_row(pool, window, |row, row_tap| {
            let x = &x[row * width..][..width];
            for tap in 0..pool.kernel[1] {
                let Some((windows, first)) = columns(pool, tap) else { continue };
                let (y, places) = (&mut y[windows.clone()], &mut places[windows]);
                let place = P::new(row_tap * pool.kernel[1] + tap);
                strided(x, first, pool.stride[1], y.len(), |step, number| {
                    if is_above(number, y[step]) || places[step].get().is_none() {
                        y[step] = number;
                        places[step] = place;
                    }
                });
            }
        });
        if relu {
            for (greatest, place) in y.iter_mut().zip(places) {
                (*greatest, *place) = rectified(*greatest, *place);
            }
        }
    }
}

#[inline(always)]
fn rectified<P: WindowPlace>(greatest: f32, place: P) -> (f32, P) {
    if greatest <= 0.0 { (0.0, P::NONE) } else { (greatest, place) }
}

#[inline(always)]
fn squares_forward<P: WindowPlace>(pool: &Pool2d, x: &[f32], relu: bool, y: &mut [f32], places: &mut [P]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    let rows = y.chunks_exact_mut(windows).zip(places.chunks_exact_mut(windows));
    for (x, (y, places)) in x.chunks_exact(2 * width).zip(rows) {
        let (top, bottom) = x.split_at(width);
        let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        for ((y, place), (top, bottom)) in y.iter_mut().zip(places).zip(pairs) {
            let (mut greatest, mut at) = (top[0], 0_u32);
            for (number, tap) in [(top[1], 1), (bottom[0], 2), (bottom[1], 3)] {
                let above = is_above(number, greatest);
                greatest = if above { number } else { greatest };
                at = if above { tap } else { at };
            }
            let found = (greatest, P::new(at as usize));
            (*y, *place) = if relu { rectified(found.0, found.1) } else { found };
        }
    }
}

#[inline(always)]
fn plane_backward<P: WindowPlace>(pool: &Pool2d, by_y: &[f32], places: &[P], by_x: &mut [f32]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    by_x.fill(0.0);
    for (number, (gradient, place)) in by_y.iter().zip(places).enumerate() {
        if let Some(place) = place.get() {
            let row = pool.place(0, number / windows, place / pool.kernel[1]);
            let column = pool.place(1, number % windows, place % pool.kernel[1]);
            by_x[row * width + column] += gradient;
        }
    }
}

#[inline(always)]
fn squares_backward<P: WindowPlace>(pool: &Pool2d, by_y: &[f32], places: &[P], by_x: &mut [f32]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    let rows = by_y.chunks_exact(windows).zip(places.chunks_exact(windows));
    let (squares, rest) = by_x.split_at_mut(pool.output()[0] * 2 * width);
    rest.fill(0.0);
    for (by_x, (by_y, places)) in squares.chunks_exact_mut(2 * width).zip(rows) {
        let (top, bottom) = by_x.split_at_mut(width);
        for (tap, row) in [(0, top), (2, bottom)] {
            let (pairs, rest) = row.as_chunks_mut::<2>();
            rest.fill(0.0);
            for (pair, (gradient, place)) in pairs.iter_mut().zip(by_y.iter().zip(places)) {
                let at = |tap| if *place == P::new(tap) { *gradient } else { 0.0 };
                *pair = [at(tap), at(tap + 1)];
            }
        }
    }
}
