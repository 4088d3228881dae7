//! The average of each window.

use super::{Pool2d, columns, each_row, strided, strided_mut};

/// Writes the average of each window to `y`.
///
/// With `count_include_pad` the sum is divided by the taps inside the padded plane, otherwise by those on a number of the
/// plane itself. A window without any has the average 0.
///
/// # Panics
/// When a length does not fit, or the dilation is not 1.
pub fn average_forward(pool: &Pool2d, count_include_pad: bool, x: &[f32], y: &mut [f32]) {
    let [plane, pooled] = check(pool, x.len(), y.len());
    if pooled == 0 {
        return;
    }
    let taps = Taps::new(pool, count_include_pad);
    pool.each_plane(
        y,
        pooled,
        #[inline(always)]
        |number, y| {
            let x = &x[number * plane..][..plane];
            if pool.is_squares() { squares_forward(pool, x, y) } else { plane_forward(pool, &taps, x, y) }
        },
    );
}

/// Writes the gradient by the input to `by_x`, every number of it.
///
/// # Panics
/// As [`average_forward`].
pub fn average_backward(pool: &Pool2d, count_include_pad: bool, by_y: &[f32], by_x: &mut [f32]) {
    let [plane, pooled] = check(pool, by_x.len(), by_y.len());
    if pooled == 0 {
        return by_x.fill(0.0);
    }
    let taps = Taps::new(pool, count_include_pad);
    pool.each_plane(
        by_x,
        plane,
        #[inline(always)]
        |number, by_x| {
            let by_y = &by_y[number * pooled..][..pooled];
            if pool.is_squares() {
                squares_backward(pool, by_y, by_x);
            } else {
                plane_backward(pool, &taps, by_y, by_x);
            }
        },
    );
}

fn check(pool: &Pool2d, x: usize, y: usize) -> [usize; 2] {
    assert_eq!(pool.dilation, [1, 1], "the average knows no dilation");
    pool.check(x, y)
}

/// How many rows and how many columns of each window count.
struct Taps {
    rows: Vec<f32>,
    columns: Vec<f32>,
}

impl Taps {
    fn new(pool: &Pool2d, count_include_pad: bool) -> Self {
        let along = |axis: usize| {
            let [size, padding, kernel] = [pool.input[axis], pool.padding[axis], pool.kernel[axis]];
            let (first, end) =
                if count_include_pad { (0, size + 2 * padding) } else { (padding, size + padding) };
            let count = |window: usize| {
                let start = window * pool.stride[axis];
                (start + kernel).min(end).saturating_sub(start.max(first)).max(1) as f32
            };
            (0..pool.output()[axis]).map(count).collect()
        };
        Self { rows: along(0), columns: along(1) }
    }
}

#[inline(always)]
fn plane_forward(pool: &Pool2d, taps: &Taps, x: &[f32], y: &mut [f32]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    for (window, y) in y.chunks_exact_mut(windows).enumerate() {
        y.fill(0.0);
        each_row(pool, window, |row, _| {
            let x = &x[row * width..][..width];
            for tap in 0..pool.kernel[1] {
                let Some((windows, first)) = columns(pool, tap) else { continue };
                let y = &mut y[windows];
                strided(x, first, pool.stride[1], y.len(), |step, number| y[step] += number);
            }
        });
        for (sum, columns) in y.iter_mut().zip(&taps.columns) {
            *sum /= taps.rows[window] * columns;
        }
    }
}

#[inline(always)]
fn squares_forward(pool: &Pool2d, x: &[f32], y: &mut [f32]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    for (x, y) in x.chunks_exact(2 * width).zip(y.chunks_exact_mut(windows)) {
        let (top, bottom) = x.split_at(width);
        let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        for (y, (top, bottom)) in y.iter_mut().zip(pairs) {
            *y = (top[0] + top[1] + bottom[0] + bottom[1]) * 0.25;
        }
    }
}

#[inline(always)]
fn plane_backward(pool: &Pool2d, taps: &Taps, by_y: &[f32], by_x: &mut [f32]) {
    let ([_, width], [_, windows]) = (pool.input, pool.output());
    by_x.fill(0.0);
    let mut shares = vec![0.0; windows];
    for (window, by_y) in by_y.chunks_exact(windows).enumerate() {
        for ((share, gradient), columns) in shares.iter_mut().zip(by_y).zip(&taps.columns) {
            *share = gradient / (taps.rows[window] * columns);
        }
        each_row(pool, window, |row, _| {
            let by_x = &mut by_x[row * width..][..width];
            for tap in 0..pool.kernel[1] {
                let Some((windows, first)) = columns(pool, tap) else { continue };
                let shares = &shares[windows];
                strided_mut(by_x, first, pool.stride[1], shares.len(), |step, number| {
                    *number += shares[step];
                });
            }
        });
    }
}

#[inline(always)]
fn squares_backward(pool: &Pool2d, by_y: &[f32], by_x: &mut [f32]) {
    let ([_, width], [rows, windows]) = (pool.input, pool.output());
    let (squares, rest) = by_x.split_at_mut(rows * 2 * width);
    rest.fill(0.0);
    for (by_x, by_y) in squares.chunks_exact_mut(2 * width).zip(by_y.chunks_exact(windows)) {
        for row in by_x.chunks_exact_mut(width) {
            let (pairs, rest) = row.as_chunks_mut::<2>();
            rest.fill(0.0);
            for (pair, gradient) in pairs.iter_mut().zip(by_y) {
                *pair = [gradient * 0.25; 2];
            }
        }
    }
}
