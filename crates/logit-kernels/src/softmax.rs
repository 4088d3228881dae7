//! Softmax, its logarithm, and the logarithm of the sum of exponentials, along any axis.

pub(crate) mod tile;
pub(crate) mod tiling;

use pulp::Simd;

use crate::element::Element;
use crate::math::ln;
use crate::simd::{load, store};
use tile::{MOST_POSITIONS, OfPosition};
use tiling::{Numbers, Span, TileWork, Tiling, Workspace};

/// A tensor `[outer, units, inner]`, row-major: each of its `outer · inner` positions has a number a unit, `inner`
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
            tile.exponentials(simd, &maxima, &mut sums);
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
