//! Gradients through softmax and its logarithm, over the units of each position.

use crate::parallel::{Shared, map_items};
use crate::simd::vectorized;
use crate::softmax::Shape;

/// From the gradient by the softmax `y` to that by its input, over it: `y · (g − Σ g · y)`.
///
/// # Panics
/// A length does not fit the shape.
pub fn softmax(shape: Shape, y: &[f32], gradient: &mut [f32]) {
    each_outer(
        shape,
        y,
        gradient,
        #[inline(always)]
        |g, y| g * y,
        #[inline(always)]
        |g, y, sum| y * (g - sum),
    );
}

/// From the gradient by the logarithm of the softmax `y` to that by its input, over it: `g − e^y · Σ g`.
///
/// # Panics
/// A length does not fit the shape.
pub fn log_softmax(shape: Shape, y: &[f32], gradient: &mut [f32]) {
    each_outer(
        shape,
        y,
        gradient,
        #[inline(always)]
        |g, _| g,
        #[inline(always)]
        |g, y, sum| g - y.exp() * sum,
    );
}

/// `image` of each gradient and output, and the sum of `term` over the units of its position.
fn each_outer(
    shape: Shape,
    y: &[f32],
    gradient: &mut [f32],
    term: impl Fn(f32, f32) -> f32 + Sync,
    image: impl Fn(f32, f32, f32) -> f32 + Sync,
) {
    assert_eq!([y.len(), gradient.len()], [shape.len(); 2], "outputs and gradients of {shape:?}");
    let Shape { outer, units, inner } = shape;
    let size = units * inner;
    let gradient = Shared::new(gradient);
    map_items(outer, size, |at| {
        let y = &y[at * size..][..size];
        // SAFETY: the outermost items lie side by side.
        let gradient = unsafe { gradient.slice(at * size, size) };
        vectorized(
            #[inline(always)]
            || {
                if inner == 1 {
                    row(y, gradient, &term, &image);
                } else {
                    planes(inner, y, gradient, &term, &image);
                }
            },
        );
    });
}

/// Partial sums that a row is summed by: as many as the widest vectors have lanes.
const LANES: usize = 16;

#[inline(always)]
fn row(
    y: &[f32],
    gradient: &mut [f32],
    term: impl Fn(f32, f32) -> f32,
    image: impl Fn(f32, f32, f32) -> f32,
) {
    let mut sums = [0.0; LANES];
    for (gradient, y) in gradient.chunks(LANES).zip(y.chunks(LANES)) {
        sums.iter_mut().zip(gradient.iter().zip(y)).for_each(|(sum, (g, y))| *sum += term(*g, *y));
    }
    let sum = sums.iter().sum();
    gradient.iter_mut().zip(y).for_each(|(g, y)| *g = image(*g, *y, sum));
}

#[inline(always)]
fn planes(
    inner: usize,
    y: &[f32],
    gradient: &mut [f32],
    term: impl Fn(f32, f32) -> f32,
    image: impl Fn(f32, f32, f32) -> f32,
) {
    let mut sums = vec![0.0; inner];
    for (gradient, y) in gradient.chunks_exact(inner.max(1)).zip(y.chunks_exact(inner.max(1))) {
        sums.iter_mut().zip(gradient.iter().zip(y)).for_each(|(sum, (g, y))| *sum += term(*g, *y));
    }
    for (gradient, y) in gradient.chunks_exact_mut(inner.max(1)).zip(y.chunks_exact(inner.max(1))) {
        gradient.iter_mut().zip(y).zip(&sums).for_each(|((g, y), sum)| *g = image(*g, *y, *sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Jacobian of the softmax of each position times the gradient, by its definition.
    fn exact(shape: Shape, y: &[f32], g: &[f32], log: bool) -> Vec<f64> {
        let Shape { outer, units, inner } = shape;
        let mut exact = vec![0.0; y.len()];
        for o in 0..outer {
            for i in 0..inner {
                let place = |unit: usize| (o * units + unit) * inner + i;
                for a in 0..units {
                    for b in 0..units {
                        let own = f64::from(u8::from(a == b));
                        let share = |at: usize| if log { f64::from(y[at]).exp() } else { f64::from(y[at]) };
                        let slope = if log {
                            own - share(place(a))
                        } else {
                            share(place(b)) * (own - share(place(a)))
                        };
                        exact[place(a)] += f64::from(g[place(b)]) * slope;
                    }
                }
            }
        }
        exact
    }

    #[test]
    fn they_are_the_jacobian_times_the_gradient() {
        for (outer, units, inner) in [(3, 5, 1), (2, 37, 1), (2, 4, 7), (1, 1, 3), (0, 3, 2), (2, 3, 0)] {
            let shape = Shape { outer, units, inner };
            let wave = |k: f32| (0..shape.len()).map(|at| (at as f32 * k).sin()).collect::<Vec<f32>>();
            let (x, g) = (wave(0.7), wave(1.3));
            for log in [false, true] {
                let mut y = vec![0.0; shape.len()];
                let forward = if log { crate::softmax::log_softmax } else { crate::softmax::softmax };
                forward(shape, &x, &mut y);
                let mut ours = g.clone();
                if log {
                    log_softmax(shape, &y, &mut ours);
                } else {
                    softmax(shape, &y, &mut ours);
                }
                for (ours, exact) in ours.iter().zip(exact(shape, &y, &g, log)) {
                    assert!(
                        (f64::from(*ours) - exact).abs() < 1e-5,
                        "{shape:?}, log {log}: {ours} and {exact}"
                    );
                }
            }
        }
    }
}
