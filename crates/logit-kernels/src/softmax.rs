//! Softmax, its logarithm, and the logarithm of the sum of exponentials, along any axis.

pub(crate) mod hit;
pub(crate) mod tile;
pub(crate) mod tiling;

use pulp::Simd;

use crate::element::Element;
use crate::math::ln;
use crate::simd::{load, store};
use tile::{MOST_POSITIONS, OfPosition, Tile};
use tiling::{Numbers, Span, TileWork, Tiling, Workspace};

/// A tensor `[outer, units, inner]`, row-major: each of its `outer · inner` positions has a number per unit, `inner`
/// numbers apart.
///
/// Logits `[N, K, d…]` are of `N`, `K` and the product of `d…`; those of `[N, K]` of `N`, `K` and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What comes before the units.
    pub outer: usize,
    /// Classes or labels.
    pub units: usize,
    /// What comes after the units.
    pub inner: usize,
}

impl Shape {
    /// How many positions there are.
    ///
    /// # Panics
    /// When they are more than memory has room for.
    pub fn positions(&self) -> usize {
        self.outer.checked_mul(self.inner).expect("a shape that fits in memory")
    }

    /// How many numbers there are.
    ///
    /// # Panics
    /// When they are more than memory has room for.
    pub fn len(&self) -> usize {
        self.positions().checked_mul(self.units).expect("a shape that fits in memory")
    }

    /// Whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Writes the softmax of each position: `exp(x) / Σ exp(x)` over its units.
///
/// A position that is all -∞, or has a NaN or ∞, is NaN.
///
/// # Panics
/// When a length does not fit the shape.
pub fn softmax<E: Element>(shape: Shape, x: &[E], y: &mut [E]) {
    run(shape, x, y, Image::Share);
}

/// Writes the logarithm of the softmax of each position: `x - ln Σ exp(x)` over its units.
///
/// # Panics
/// When a length does not fit the shape.
pub fn log_softmax<E: Element>(shape: Shape, x: &[E], y: &mut [E]) {
    run(shape, x, y, Image::LogShare);
}

/// Writes `ln Σ exp(x)` over the units of each position, `[outer, inner]`: -∞ where all are.
///
/// # Panics
/// When a length does not fit the shape.
pub fn log_sum_exp<E: Element>(shape: Shape, x: &[E], sums: &mut [f32]) {
    assert_eq!(x.len(), shape.len(), "numbers of {shape:?}");
    assert_eq!(sums.len(), shape.positions(), "sums of {shape:?}");
    let sums = crate::parallel::Shared::new(sums);
    Tiling::new(shape).each_tile(&LogSumExp { numbers: Numbers::read(x), sums });
}

fn run<E: Element>(shape: Shape, x: &[E], y: &mut [E], image: Image) {
    assert_eq!(x.len(), shape.len(), "numbers of {shape:?}");
    let numbers = Numbers::apart(x, y);
    Tiling::new(shape).each_tile(&Softmax { numbers, image });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Image {
    Share,
    LogShare,
}

struct Softmax<'a, E> {
    numbers: Numbers<'a, E>,
    image: Image,
}

impl<E: Element> TileWork for Softmax<'_, E> {
    type Sum = ();

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, tiling: &Tiling, span: Span, workspace: &mut Workspace, (): &mut ()) {
        let [mut maxima, mut sums] = [[0.0; MOST_POSITIONS]; 2];
        // SAFETY: the numbers are those of the tiling's shape, as was checked, and spans do not overlap.
        unsafe {
            let tile = tiling.open(&self.numbers, span, workspace);
            tile.maxima(simd, &mut maxima);
            // The logarithms are made of the numbers themselves, which must outlive the exponentials.
            let exponentials = match self.image {
                Image::Share => tile.to,
                Image::LogShare => tiling.spare(workspace),
            };
            Tile { to: exponentials, ..tile }.exponentials(simd, &maxima, &mut sums);
            match self.image {
                Image::Share => {
                    each_position(simd, span.count, &mut sums, |sum| {
                        simd.div_f32s(simd.splat_f32s(1.0), sum)
                    });
                    tile.finish(simd, &sums, tile::Spread::None, 0.0);
                }
                Image::LogShare => {
                    each_position(simd, span.count, &mut sums, |sum| ln(simd, sum));
                    tile.differences(simd, &maxima, &sums);
                }
            }
            tiling.close(&self.numbers, span, &tile);
        }
    }
}

struct LogSumExp<'a, E> {
    numbers: Numbers<'a, E>,
    sums: crate::parallel::Shared,
}

impl<E: Element> TileWork for LogSumExp<'_, E> {
    type Sum = ();

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, tiling: &Tiling, span: Span, workspace: &mut Workspace, (): &mut ()) {
        let [mut maxima, mut sums] = [[0.0; MOST_POSITIONS]; 2];
        // SAFETY: as for `Softmax`.
        unsafe {
            let tile = tiling.open(&self.numbers, span, workspace);
            tile.maxima(simd, &mut maxima);
            // From an infinite logit its own infinity cannot be taken off.
            maxima.iter_mut().filter(|most| !most.is_finite()).for_each(|most| *most = 0.0);
            tile.exponentials(simd, &maxima, &mut sums);
        }
        each_position(simd, span.count, &mut sums, |sum| ln(simd, sum));
        // SAFETY: positions of spans do not overlap.
        let to = unsafe { self.sums.slice(span.first, span.count) };
        for ((to, most), log) in to.iter_mut().zip(maxima).zip(sums) {
            *to = most + log;
        }
    }
}

/// Replaces the number of each position by its image.
#[inline(always)]
pub(crate) fn each_position<S: Simd>(
    simd: S,
    count: usize,
    numbers: &mut OfPosition,
    image: impl Fn(S::f32s) -> S::f32s,
) {
    for start in (0..count).step_by(S::F32_LANES) {
        // SAFETY: a tile's positions fill whole vectors.
        unsafe {
            let place = numbers.as_mut_ptr().add(start);
            store(simd, place, image(load(simd, place)));
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;
    use crate::loss::tests::{numbers, shapes};
    use crate::math::tests::with_each_width;

    fn check(shape: Shape, x: &[f32]) {
        let [mut shares, mut logs] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
        let mut sums = vec![f32::NAN; shape.positions()];
        softmax(shape, x, &mut shares);
        log_softmax(shape, x, &mut logs);
        log_sum_exp(shape, x, &mut sums);
        for (position, sum) in sums.iter().enumerate() {
            let Shape { units, inner, .. } = shape;
            let at = |unit: usize| (position / inner * units + unit) * inner + position % inner;
            let of = |unit: usize| f64::from(x[at(unit)]);
            let most = (0..units).map(of).fold(f64::NEG_INFINITY, f64::max);
            let expected = most + (0..units).map(|unit| (of(unit) - most).exp()).sum::<f64>().ln();
            assert!((f64::from(*sum) - expected).abs() < 3e-6 * (1.0 + expected.abs()));
            for unit in 0..units {
                let log = of(unit) - expected;
                assert!(
                    (f64::from(shares[at(unit)]) - log.exp()).abs() < 3e-6 * log.exp() * (1.0 + log.abs())
                );
                assert!((f64::from(logs[at(unit)]) - log).abs() < 3e-6 * (1.0 + log.abs()));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_f64(shape in shapes(), spread in 1.0..40.0_f32) {
            let x: Vec<f32> = numbers(shape.len() + 1, 1).iter().map(|number| number * spread).collect();
            with_each_width(|| check(shape, &x[1..]));
        }
    }

    #[test]
    fn half_precision_is_that_of_its_numbers() {
        for shape in [Shape { outer: 9, units: 70, inner: 1 }, Shape { outer: 2, units: 3, inner: 700 }] {
            let x: Vec<f16> = numbers(shape.len(), 1).into_iter().map(f16::from_f32).collect();
            let wide: Vec<f32> = x.iter().map(|number| number.to_f32()).collect();
            let (mut narrow, mut exact) = (vec![f16::NAN; x.len()], vec![f32::NAN; x.len()]);
            softmax(shape, &x, &mut narrow);
            softmax(shape, &wide, &mut exact);
            assert!(narrow.iter().zip(exact).all(|(narrow, exact)| *narrow == f16::from_f32(exact)));
        }
    }

    #[test]
    fn infinities_are_those_of_the_limit_or_not_a_number() {
        let least = f32::NEG_INFINITY;
        let rows = [least, least, 0.0, least, f32::INFINITY, 0.0, f32::NAN, 0.0];
        let shape = Shape { outer: 4, units: 2, inner: 1 };
        let (mut shares, mut sums) = ([0.0; 8], [0.0; 4]);
        softmax(shape, &rows, &mut shares);
        log_sum_exp(shape, &rows, &mut sums);
        assert!(shares.iter().enumerate().all(|(place, share)| share.is_nan() == (place / 2 != 1)));
        assert_eq!(shares[2..4], [1.0, 0.0]);
        assert_eq!(sums[..3], [least, 0.0, f32::INFINITY]);
        assert!(sums[3].is_nan());
    }
}
