//! Sums and lines: the arithmetic of a piece.

use super::BatchNorm;
use crate::place::Place;
use crate::relu;

/// Numbers that are summed in f32, lane by lane, before they join a sum in f64: they fit the first-level cache.
pub(super) const BLOCK: usize = 1024;

/// Lanes of a sum in f32: more than one vector's, so that additions need not wait for each other.
const LANES: usize = 32;

/// The sums of two functions of the numbers of a block and their fellows.
#[inline(always)]
fn block_sums(numbers: &[f32], others: &[f32], terms: impl Fn(f32, f32) -> [f32; 2]) -> [f64; 2] {
    let (mut first, mut second) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let (other_chunks, other_rest) = others.as_chunks::<LANES>();
    for (chunk, other_chunk) in chunks.iter().zip(other_chunks) {
        for lane in 0..LANES {
            let [a, b] = terms(chunk[lane], other_chunk[lane]);
            first[lane] += a;
            second[lane] += b;
        }
    }
    for (lane, (number, other)) in rest.iter().zip(other_rest).enumerate() {
        let [a, b] = terms(*number, *other);
        first[lane] += a;
        second[lane] += b;
    }
    [halved(first), halved(second)]
}

/// The sum of the lanes.
#[inline(always)]
fn halved(mut lanes: [f32; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    f64::from(lanes[0])
}

/// Count, mean and sum of the squared deviations from the mean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    count: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    #[inline(always)]
    pub(super) fn of(numbers: &[f32]) -> Self {
        numbers.chunks(BLOCK).map(Self::of_block).fold(Self::default(), Self::merge)
    }

    /// The mean first, then the deviations from it, whose own sum mends what the mean was rounded by.
    #[inline(always)]
    fn of_block(numbers: &[f32]) -> Self {
        let count = numbers.len() as f64;
        let [sum, _] = block_sums(numbers, numbers, |number, _| [number, 0.0]);
        let about = (sum / count) as f32;
        let [deviation, squares] = block_sums(numbers, numbers, |number, _| {
            let deviation = number - about;
            [deviation, deviation * deviation]
        });
        let mend = deviation / count;
        Self { count, mean: f64::from(about) + mend, squares: squares - deviation * mend }
    }

    /// Of both together (Chan, Golub and `LeVeque` 1983).
    #[inline(always)]
    pub(super) fn merge(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        let count = self.count + other.count;
        let share = other.count / count;
        let apart = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.count * share,
        }
    }

    pub(super) fn variance(&self) -> f64 {
        if self.count == 0.0 { 0.0 } else { (self.squares / self.count).max(0.0) }
    }
}

/// What a channel's numbers become: `(x - mean) · scale + shift`.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) mean: f32,
    pub(super) scale: f32,
    pub(super) shift: f32,
}

/// What the mean of a channel's gradient is, and how it tilts along `x - mean`.
#[derive(Clone, Copy)]
pub(super) struct Slope {
    pub(super) mean: f32,
    pub(super) tilt: f32,
}

impl Line {
    pub(super) fn new(layer: &BatchNorm<'_>, channel: usize, mean: f32, inverse_deviation: f32) -> Self {
        Self { mean, scale: layer.gamma[channel] * inverse_deviation, shift: layer.beta[channel] }
    }

    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        (x - self.mean) * self.scale + self.shift
    }

    #[inline(always)]
    pub(super) fn write(self, place: Place<'_>, rectify: bool) {
        if rectify {
            place.map(|x| relu::rectified(self.at(x)));
        } else {
            place.map(|x| self.at(x));
        }
    }

    /// The gradient by `at(x)` before the rectifier.
    #[inline(always)]
    fn passed(self, x: f32, gradient: f32) -> f32 {
        relu::passed(gradient, self.at(x))
    }

    /// The sums of the gradient, and of it times `x - mean`.
    #[inline(always)]
    pub(super) fn gradient_sums(self, x: &[f32], gradient: &[f32], relu: bool) -> [f64; 2] {
        let terms = |x: f32, gradient: f32| [gradient, gradient * (x - self.mean)];
        let mut sums = [0.0; 2];
        for (x, gradient) in x.chunks(BLOCK).zip(gradient.chunks(BLOCK)) {
            let block = if relu {
                block_sums(x, gradient, |x, gradient| terms(x, self.passed(x, gradient)))
            } else {
                block_sums(x, gradient, terms)
            };
            sums = [sums[0] + block[0], sums[1] + block[1]];
        }
        sums
    }

    #[inline(always)]
    pub(super) fn write_gradient(self, x: &[f32], place: Place<'_>, slope: Slope, relu: bool) {
        let through =
            |x: f32, gradient: f32| self.scale * ((gradient - slope.mean) - (x - self.mean) * slope.tilt);
        if relu {
            place.map_with(x, |gradient, x| through(x, self.passed(x, gradient)));
        } else {
            place.map_with(x, |gradient, x| through(x, gradient));
        }
    }
}
