//! Windows, groups and means.

use logit_kernels::pool::Pool2d;
use rayon::prelude::*;

use super::MaxPool;
use crate::array::Array;
use crate::number::{NO_TAP, Number};

/// A mean, or a sum, of windows or groups: a linear map whose weights are constants, nowhere negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The average of each window of a map.
    Average {
        /// The windows.
        window: MaxPool,
        /// Whether zeros around the map count.
        count_include_pad: bool,
    },
    /// The average of each channel over the whole map: `[N, C, H, W]` to `[N, C]`.
    Global,
    /// The sum of each group of neighbours along axis 1: `[N, G · size]` to `[N, G]`.
    Groups {
        /// Numbers of a group.
        size: usize,
    },
}

impl MaxPool {
    fn over<T: Number>(&self, x: &Array<T>) -> Result<(Pool2d, Vec<usize>), String> {
        let &[batch, channels, height, width] = &x.shape[..] else {
            return Err(format!("it takes [N, C, H, W], not {:?}", x.shape));
        };
        let Self { kernel, stride, padding, dilation, ceil_mode } = *self;
        if [kernel, stride, dilation].iter().flatten().any(|size| *size == 0) {
            return Err("a window, stride or dilation of 0".to_owned());
        }
        let pool = Pool2d {
            planes: batch * channels,
            input: [height, width],
            kernel,
            stride,
            padding,
            dilation,
            ceil_mode,
        };
        let [rows, columns] = pool.output();
        if rows * columns == 0 {
            return Err(format!("no window of {kernel:?} fits into a map of {height} × {width}"));
        }
        Ok((pool, vec![batch, channels, rows, columns]))
    }

    /// The maximum of each window.
    pub(super) fn forward<T: Number>(&self, x: &Array<T>) -> Result<Array<T>, String> {
        let (pool, shape) = self.over(x)?;
        let mut y = Array::zeros(shape);
        let mut taps = vec![NO_TAP; y.numbers.len()];
        T::max_pool(&pool, &x.numbers, &mut y.numbers, &mut taps);
        Ok(y)
    }

    /// The shape of what it gives.
    pub(super) fn shape<T: Number>(&self, x: &Array<T>) -> Result<Vec<usize>, String> {
        Ok(self.over(x)?.1)
    }

    /// What arrives at each maximum, at the place in the window where it was first found.
    pub(super) fn to_winners<T: Number>(self, x: &Array<T>, arrived: &Array<T>) -> Result<Array<T>, String> {
        let (pool, shape) = self.over(x)?;
        let mut maxima = Array::<T>::zeros(shape);
        let mut taps = vec![NO_TAP; maxima.numbers.len()];
        T::max_pool(&pool, &x.numbers, &mut maxima.numbers, &mut taps);
        let mut back = Array::zeros(x.shape.clone());
        T::max_pool_transposed(&pool, &arrived.numbers, &taps, &mut back.numbers);
        Ok(back)
    }
}

/// Works on each plane of input and output.
fn each_plane<T: Number>(pool: &Pool2d, x: &[T], y: &mut [T], work: impl Fn(&[T], &mut [T]) + Sync) {
    let (inputs, outputs) = (pool.input.iter().product::<usize>(), pool.output().iter().product::<usize>());
    y.par_chunks_exact_mut(outputs.max(1))
        .enumerate()
        .for_each(|(plane, y)| work(&x[plane * inputs..][..inputs], y));
}

/// Calls `each` with the place of every output of a plane, and those of the inputs in its window.
fn windows(pool: &Pool2d, mut each: impl FnMut(usize, &[usize])) {
    let [rows, columns] = pool.output();
    let mut places = Vec::with_capacity(pool.kernel[0] * pool.kernel[1]);
    let inside = |axis: usize, output: usize, tap: usize| {
        let place =
            (output * pool.stride[axis] + tap * pool.dilation[axis]).checked_sub(pool.padding[axis])?;
        (place < pool.input[axis]).then_some(place)
    };
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        places.clear();
        for y in (0..pool.kernel[0]).filter_map(|tap| inside(0, row, tap)) {
            let along = (0..pool.kernel[1]).filter_map(|tap| inside(1, column, tap));
            places.extend(along.map(|x| y * pool.input[1] + x));
        }
        each(row * columns + column, &places);
    }
}

impl Pool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Average { .. } => "avg_pool2d",
            Self::Global => "global_avg_pool2d",
            Self::Groups { .. } => "sum_pool",
        }
    }

    /// The shape of what it gives.
    pub(super) fn shape<T: Number>(&self, x: &Array<T>) -> Result<Vec<usize>, String> {
        match self {
            Self::Average { window, .. } => window.shape(x),
            Self::Global | Self::Groups { .. } => Ok(self.runs(&x.shape)?.1),
        }
    }

    /// What it gives.
    pub(super) fn forward<T: Number>(&self, x: &Array<T>) -> Result<Array<T>, String> {
        match *self {
            Self::Average { window, count_include_pad } => {
                let (pool, shape) = window.over(x)?;
                let mut y = Array::zeros(shape);
                each_plane(&pool, &x.numbers, &mut y.numbers, |x, y| {
                    windows(&pool, |output, places| {
                        let sum = places.iter().fold(T::zero(), |sum, at| sum + x[*at]);
                        y[output] = sum / T::of(divisor(&pool, output, places.len(), count_include_pad));
                    });
                });
                Ok(y)
            }
            Self::Global | Self::Groups { .. } => {
                let (size, shape, factor) = self.runs(&x.shape)?;
                let sums = x.numbers.chunks_exact(size.max(1));
                let sums = sums.map(|group| group.iter().fold(T::zero(), |sum, x| sum + *x) * T::of(factor));
                Ok(Array::new(shape, sums.collect()))
            }
        }
    }

    /// The transposed map.
    pub(super) fn transposed<T: Number>(&self, arrived: &Array<T>, x: &Array<T>) -> Result<Array<T>, String> {
        let mut back = Array::zeros(x.shape.clone());
        match *self {
            Self::Average { window, count_include_pad } => {
                let (pool, _) = window.over(x)?;
                let (inputs, outputs) =
                    (pool.input.iter().product::<usize>(), pool.output().iter().product::<usize>());
                back.numbers.par_chunks_exact_mut(inputs.max(1)).enumerate().for_each(|(plane, back)| {
                    let arrived = &arrived.numbers[plane * outputs..][..outputs];
                    windows(&pool, |output, places| {
                        let share =
                            arrived[output] / T::of(divisor(&pool, output, places.len(), count_include_pad));
                        for at in places {
                            back[*at] += share;
                        }
                    });
                });
            }
            Self::Global | Self::Groups { .. } => {
                let (size, _, factor) = self.runs(&x.shape)?;
                let groups = back.numbers.chunks_exact_mut(size.max(1)).zip(&arrived.numbers);
                groups.for_each(|(group, arrived)| group.fill(*arrived * T::of(factor)));
            }
        }
        Ok(back)
    }

    /// Of sums over runs of numbers: the length of a run, the output's shape, and what a sum is multiplied by.
    fn runs(&self, shape: &[usize]) -> Result<(usize, Vec<usize>, f64), String> {
        match (*self, shape) {
            (Self::Global, &[batch, channels, height, width]) if height * width > 0 => {
                Ok((height * width, vec![batch, channels], 1.0 / (height * width) as f64))
            }
            (Self::Groups { size }, &[batch, features]) if size > 0 && features % size == 0 => {
                Ok((size, vec![batch, features / size], 1.0))
            }
            (Self::Groups { size }, _) => Err(format!("groups of {size} are not made of {shape:?}")),
            _ => Err(format!("it takes [N, C, H, W], not {shape:?}")),
        }
    }
}

/// What the sum of a window is divided by.
fn divisor(pool: &Pool2d, output: usize, inside: usize, count_include_pad: bool) -> f64 {
    if !count_include_pad {
        return inside.max(1) as f64;
    }
    let columns = pool.output()[1];
    let place = [output / columns.max(1), output % columns.max(1)];
    // Rows and columns past the padding, which a last window may reach in ceil mode, do not count.
    let along = |axis: usize| {
        let start = place[axis] * pool.stride[axis];
        (start + pool.kernel[axis]).min(pool.input[axis] + 2 * pool.padding[axis]) - start
    };
    (along(0) * along(1)).max(1) as f64
}
