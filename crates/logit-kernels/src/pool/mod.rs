//! Two-dimensional pooling over planes of `[height, width]`: the maximum or the average of each window.

mod average;
mod max;

pub use average::{average_backward, average_forward};
pub use max::{WindowPlace, max_backward, max_forward};

use std::ops::Range;

use crate::parallel::{Shared, map_items};
use crate::simd::vectorized;

/// Windows over planes. Pairs are of rows, then of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Planes: examples times channels.
    pub planes: usize,
    /// Height and width of a plane.
    pub input: [usize; 2],
    /// Taps of a window.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns that a plane has more of before its first and after its last number. The maximum never is one of
    /// theirs; for the average they are zeros.
    pub padding: [usize; 2],
    /// From one tap of a window to the next: 1 is the usual. The average knows no other.
    pub dilation: [usize; 2],
    /// Whether a last window counts that reaches past the end; one that starts there never does.
    pub ceil_mode: bool,
}

impl Pool2d {
    /// Windows that touch side by side: stride as kernel, no padding.
    pub fn side_by_side(planes: usize, input: [usize; 2], kernel: [usize; 2]) -> Self {
        Self { planes, input, kernel, stride: kernel, padding: [0; 2], dilation: [1; 2], ceil_mode: false }
    }

    /// Height and width of a pooled plane.
    ///
    /// # Panics
    /// When a kernel, stride or dilation is 0.
    pub fn output(&self) -> [usize; 2] {
        [self.windows(0), self.windows(1)]
    }

    fn windows(&self, axis: usize) -> usize {
        let (kernel, stride, dilation) = (self.kernel[axis], self.stride[axis], self.dilation[axis]);
        assert!(kernel > 0 && stride > 0 && dilation > 0, "no window without taps: {self:?}");
        let padded = self.input[axis] + 2 * self.padding[axis];
        let Some(room) = padded.checked_sub(dilation * (kernel - 1) + 1) else { return 0 };
        if !self.ceil_mode {
            return room / stride + 1;
        }
        let windows = room.div_ceil(stride) + 1;
        let starts_inside = (windows - 1) * stride < self.input[axis] + self.padding[axis];
        if starts_inside { windows } else { windows - 1 }
    }

    /// Numbers of a plane and of a pooled plane, which all numbers and all pooled ones must fit.
    fn check(&self, numbers: usize, pooled: usize) -> [usize; 2] {
        let sizes: [usize; 2] = [self.input.iter().product(), self.output().iter().product()];
        assert_eq!(
            [numbers, pooled],
            sizes.map(|size| size * self.planes),
            "numbers and maxima or averages of {self:?}"
        );
        sizes
    }

    /// `work` on each plane of `to`, of `size` numbers, with its number.
    fn each_plane(&self, to: &mut [f32], size: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
        let to = Shared::new(to);
        map_items(self.planes, self.input.iter().product(), |plane| {
            // SAFETY: planes lie in `to`, side by side.
            let to = unsafe { to.slice(plane * size, size) };
            vectorized(
                #[inline(always)]
                || work(plane, to),
            );
        });
    }

    /// The windows along an axis whose tap falls on a number of the plane, not on padding.
    #[inline(always)]
    fn inside(&self, axis: usize, tap: usize) -> Range<usize> {
        let offset = tap * self.dilation[axis];
        let first = self.padding[axis].saturating_sub(offset).div_ceil(self.stride[axis]);
        let end = (self.input[axis] + self.padding[axis]).saturating_sub(offset).div_ceil(self.stride[axis]);
        first..end.min(self.windows(axis)).max(first)
    }

    /// Where a tap of a window falls, which must be inside.
    #[inline(always)]
    fn place(&self, axis: usize, window: usize, tap: usize) -> usize {
        window * self.stride[axis] + tap * self.dilation[axis] - self.padding[axis]
    }

    /// Whether windows are the plane's 2×2 squares, side by side: by far the most frequent, with kernels of its own.
    fn is_squares(&self) -> bool {
        *self == Self { ceil_mode: self.ceil_mode, ..Self::side_by_side(self.planes, self.input, [2, 2]) }
            && !(self.ceil_mode && self.input.iter().any(|size| size % 2 == 1))
    }
}

/// Calls `work` with the row of the plane and the tap, for each row of taps of a row of windows that is inside.
#[inline(always)]
fn each_row(pool: &Pool2d, window: usize, mut work: impl FnMut(usize, usize)) {
    for tap in 0..pool.kernel[0] {
        if pool.inside(0, tap).contains(&window) {
            work(pool.place(0, window, tap), tap);
        }
    }
}

/// The windows that have a column of taps inside, and the column of the first one's.
#[inline(always)]
fn columns(pool: &Pool2d, tap: usize) -> Option<(Range<usize>, usize)> {
    let windows = pool.inside(1, tap);
    (!windows.is_empty()).then(|| (windows.clone(), pool.place(1, windows.start, tap)))
}

/// Calls `work` with 0, 1… and the numbers `first`, `first + stride`…, `count` of them.
///
/// The strides that occur most are compiled apart, so that they become vector loads and shuffles.
#[inline(always)]
fn strided(numbers: &[f32], first: usize, stride: usize, count: usize, mut work: impl FnMut(usize, f32)) {
    check_strided(numbers.len(), first, stride, count);
    // SAFETY: the last place, which is the greatest, is inside.
    let number = |place: usize| unsafe { *numbers.get_unchecked(place) };
    match stride {
        1 => (0..count).for_each(|step| work(step, number(first + step))),
        2 => (0..count).for_each(|step| work(step, number(first + 2 * step))),
        stride => (0..count).for_each(|step| work(step, number(first + stride * step))),
    }
}

/// As `strided`, with numbers to be changed.
#[inline(always)]
fn strided_mut(
    numbers: &mut [f32],
    first: usize,
    stride: usize,
    count: usize,
    mut work: impl FnMut(usize, &mut f32),
) {
    check_strided(numbers.len(), first, stride, count);
    // SAFETY: the last place, which is the greatest, is inside.
    let mut work = |step: usize, place: usize| work(step, unsafe { numbers.get_unchecked_mut(place) });
    match stride {
        1 => (0..count).for_each(|step| work(step, first + step)),
        2 => (0..count).for_each(|step| work(step, first + 2 * step)),
        stride => (0..count).for_each(|step| work(step, first + stride * step)),
    }
}

fn check_strided(len: usize, first: usize, stride: usize, count: usize) {
    assert!(
        count > 0 && first + (count - 1) * stride < len,
        "{count} places from {first} by {stride}, of {len}"
    );
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "a maximum is one of the numbers")]
mod tests;
