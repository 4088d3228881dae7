//! The numbers that are computed in, and the linear maps on slices of them.

use std::fmt::Debug;
use std::ops::AddAssign;

use logit_kernels::conv::{self, Conv2d, Part, PartMut};
use logit_kernels::linear::Linear;
use logit_kernels::pool::{self, Pool2d};
use num_traits::Float;
use rayon::prelude::*;

/// `f32`, on the fast kernels, or `f64`, on plain loops.
pub trait Number: Float + AddAssign + Debug + Default + Send + Sync + 'static {
    /// The number nearest to a double.
    fn of(number: f64) -> Self;

    /// As a double.
    fn wide(self) -> f64;

    /// `y = x · w`: rows `[N, F]`, weights `[F, K]`.
    fn dense(size: &Linear, x: &[Self], w: &[Self], y: &mut [Self]);

    /// `x = y · wᵀ`.
    fn dense_transposed(size: &Linear, y: &[Self], w: &[Self], x: &mut [Self]);

    /// A convolution, without bias.
    fn conv(size: &Conv2d, x: &[Self], w: &[Self], y: &mut [Self]);

    /// Its transpose: what the gradient by the input is computed by.
    fn conv_transposed(size: &Conv2d, y: &[Self], w: &[Self], x: &mut [Self]);

    /// The maximum of each window, and which of the window's taps it is: the first of several, and [`NO_TAP`] of a window
    /// without a number.
    fn max_pool(size: &Pool2d, x: &[Self], y: &mut [Self], taps: &mut [u32]);

    /// What arrives at each maximum, at the tap that it is.
    fn max_pool_transposed(size: &Pool2d, y: &[Self], taps: &[u32], x: &mut [Self]);
}

/// No tap of a window.
pub const NO_TAP: u32 = u32::MAX;

impl Number for f32 {
    fn of(number: f64) -> Self {
        number as Self
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn dense(size: &Linear, x: &[Self], w: &[Self], y: &mut [Self]) {
        size.forward(x, w, None, false, y);
    }

    fn dense_transposed(size: &Linear, y: &[Self], w: &[Self], x: &mut [Self]) {
        size.backward_input(y, w, x);
    }

    fn conv(size: &Conv2d, x: &[Self], w: &[Self], y: &mut [Self]) {
        let part = Part { data: x, channels: size.in_channels };
        conv::forward(size, &[part], w, None, false, y);
    }

    fn conv_transposed(size: &Conv2d, y: &[Self], w: &[Self], x: &mut [Self]) {
        let part = PartMut { data: x, channels: size.in_channels };
        conv::backward_data(size, y, None, w, &mut [part]);
    }

    fn max_pool(size: &Pool2d, x: &[Self], y: &mut [Self], taps: &mut [u32]) {
        pool::max_forward(size, x, false, y, taps);
    }

    fn max_pool_transposed(size: &Pool2d, y: &[Self], taps: &[u32], x: &mut [Self]) {
        pool::max_backward(size, y, taps, x);
    }
}

impl Number for f64 {
    fn of(number: f64) -> Self {
        number
    }

    fn wide(self) -> f64 {
        self
    }

    fn dense(size: &Linear, x: &[Self], w: &[Self], y: &mut [Self]) {
        y.fill(0.0);
        for (row, y) in y.chunks_exact_mut(size.outputs.max(1)).enumerate() {
            for (at, x) in x[row * size.inputs..][..size.inputs].iter().enumerate() {
                let weights = &w[at * size.outputs..][..size.outputs];
                y.iter_mut().zip(weights).for_each(|(y, w)| *y += x * w);
            }
        }
    }

    fn dense_transposed(size: &Linear, y: &[Self], w: &[Self], x: &mut [Self]) {
        for (row, x) in x.chunks_exact_mut(size.inputs.max(1)).enumerate() {
            let y = &y[row * size.outputs..][..size.outputs];
            for (at, x) in x.iter_mut().enumerate() {
                let weights = &w[at * size.outputs..][..size.outputs];
                *x = y.iter().zip(weights).map(|(y, w)| y * w).sum();
            }
        }
    }

    fn conv(size: &Conv2d, x: &[Self], w: &[Self], y: &mut [Self]) {
        y.fill(0.0);
        let image = y.len() / size.batch.max(1);
        y.par_chunks_exact_mut(image.max(1)).enumerate().for_each(|(image, plane)| {
            taps(size, |[from, to, weight]| plane[to] += x[image * inputs(size) + from] * w[weight]);
        });
    }

    fn conv_transposed(size: &Conv2d, y: &[Self], w: &[Self], x: &mut [Self]) {
        x.fill(0.0);
        let outputs = y.len() / size.batch.max(1);
        x.par_chunks_exact_mut(inputs(size).max(1)).enumerate().for_each(|(image, plane)| {
            taps(size, |[from, to, weight]| plane[from] += y[image * outputs + to] * w[weight]);
        });
    }

    fn max_pool(size: &Pool2d, x: &[Self], y: &mut [Self], taps: &mut [u32]) {
        let [inputs, outputs] = [size.input, size.output()].map(|[rows, columns]| rows * columns);
        for (at, (y, best)) in y.iter_mut().zip(taps).enumerate() {
            let plane = &x[at / outputs * inputs..][..inputs];
            (*y, *best) = (Self::NEG_INFINITY, NO_TAP);
            for tap in 0..size.kernel[0] * size.kernel[1] {
                if let Some(place) = tap_place(size, at % outputs, tap)
                    && (*best == NO_TAP || plane[place] > *y)
                {
                    (*y, *best) = (plane[place], tap as u32);
                }
            }
        }
    }

    fn max_pool_transposed(size: &Pool2d, y: &[Self], taps: &[u32], x: &mut [Self]) {
        let [inputs, outputs] = [size.input, size.output()].map(|[rows, columns]| rows * columns);
        x.fill(0.0);
        for (at, (arrived, tap)) in y.iter().zip(taps).enumerate() {
            if let Some(place) = tap_place(size, at % outputs, *tap as usize) {
                x[at / outputs * inputs + place] += arrived;
            }
        }
    }
}

/// Where a tap of a window lies in the plane, if it does; the window is that of an output.
fn tap_place(size: &Pool2d, output: usize, tap: usize) -> Option<usize> {
    let columns = size.output()[1];
    let (outputs, taps) =
        ([output / columns, output % columns], [tap / size.kernel[1], tap % size.kernel[1]]);
    let along = |axis: usize| {
        let start = outputs[axis] * size.stride[axis];
        let place = (start + taps[axis] * size.dilation[axis]).checked_sub(size.padding[axis])?;
        (taps[axis] < size.kernel[axis] && place < size.input[axis]).then_some(place)
    };
    Some(along(0)? * size.input[1] + along(1)?)
}

/// Numbers of an image that goes in.
fn inputs(size: &Conv2d) -> usize {
    size.in_channels * size.input[0] * size.input[1]
}

/// Calls `each` with the places of input, output and weight of every product of an image's convolution.
fn taps(size: &Conv2d, mut each: impl FnMut([usize; 3])) {
    let [height, width] = size.output();
    let (from_group, to_group) = (size.in_channels / size.groups, size.out_channels / size.groups);
    let place = |axis: usize, output: usize, tap: usize| {
        let place =
            (output * size.stride[axis] + tap * size.dilation[axis]).checked_sub(size.padding[axis])?;
        (place < size.input[axis]).then_some(place)
    };
    for to in 0..size.out_channels {
        for (channel, row) in (0..from_group).flat_map(|c| (0..height).map(move |row| (c, row))) {
            let from = to / to_group * from_group + channel;
            for (ky, kx) in (0..size.kernel[0]).flat_map(|ky| (0..size.kernel[1]).map(move |kx| (ky, kx))) {
                let Some(y) = place(0, row, ky) else { continue };
                let weight = ((to * from_group + channel) * size.kernel[0] + ky) * size.kernel[1] + kx;
                for column in 0..width {
                    let Some(x) = place(1, column, kx) else { continue };
                    let input = (from * size.input[0] + y) * size.input[1] + x;
                    each([input, (to * height + row) * width + column, weight]);
                }
            }
        }
    }
}
