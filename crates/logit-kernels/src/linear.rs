//! Linear layers: `y = x · W + b` with rows of examples, weights `[inputs, outputs]`, and the rectifier that may follow.

use gemm::Parallelism;

use crate::buffer;
use crate::parallel::{Shared, items_a_piece, map_items};
use crate::place::{Place, SharedPlace};
use crate::product::transpose;
use crate::relu::{passed, rectified};
use crate::simd::vectorized;

/// The sizes of a linear layer: `x` is `[rows, inputs]`, `W` `[inputs, outputs]` and `y` `[rows, outputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Examples.
    pub rows: usize,
    /// Features of an example.
    pub inputs: usize,
    /// Outputs of an example.
    pub outputs: usize,
}

impl Linear {
    /// Writes `x · W + b`, or with `relu` `max(0, ·)` of it, to `y`.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn forward(&self, x: &[f32], weights: &[f32], bias: Option<&[f32]>, relu: bool, y: &mut [f32]) {
        let Self { rows, inputs, outputs } = *self;
        product([rows, inputs, outputs], Factor::plain(x, inputs), Factor::plain(weights, outputs), y);
        if let Some(bias) = bias {
            assert_eq!(bias.len(), outputs, "biases, and {self:?}");
        }
        if bias.is_none() && !relu {
            return;
        }
        let y = Shared::new(y);
        self.map_rows(|start, count| {
            // SAFETY: pieces are whole rows of `y`, side by side.
            let y = unsafe { y.slice(start * outputs, count * outputs) };
            vectorized(
                #[inline(always)]
                || finish(y, outputs, bias, relu),
            );
        });
    }

    /// The gradient by the bias, which is the sum of the rows of the gradient by `y`.
    ///
    /// Where the forward had a rectifier, its output `rectified` is given, and the gradient by what went into the
    /// rectifier is written on the way: it is what the other gradients need.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn backward_bias(&self, rectified: Option<&[f32]>, gradient: Place<'_>) -> Vec<f32> {
        let len = self.rows * self.outputs;
        assert_eq!(gradient.len(), len, "gradients, and {self:?}");
        if let Some(y) = rectified {
            assert_eq!(y.len(), len, "outputs, and {self:?}");
        }
        let gradient = SharedPlace::new(gradient);
        let sums = self.map_rows(|start, count| {
            let mut sums = vec![0.0; self.outputs];
            vectorized(
                #[inline(always)]
                || {
                    for row in start..start + count {
                        let range = row * self.outputs..(row + 1) * self.outputs;
                        // SAFETY: rows lie side by side, and each belongs to one piece.
                        let gradient = unsafe { gradient.piece(range.start, range.len()) };
                        let written = match rectified {
                            Some(y) => gradient.map_with(&y[range], passed),
                            None => gradient.map(|gradient| gradient),
                        };
                        sums.iter_mut().zip(written).for_each(|(sum, gradient)| *sum += *gradient);
                    }
                },
            );
            sums
        });
        let mut total = vec![0.0; self.outputs];
        for piece in sums {
            total.iter_mut().zip(piece).for_each(|(total, sum)| *total += sum);
        }
        total
    }

    /// Writes the gradient by the input, `gradient · Wᵀ`.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn backward_input(&self, gradient: &[f32], weights: &[f32], by_x: &mut [f32]) {
        let Self { rows, inputs, outputs } = *self;
        if inputs * outputs <= (inputs + outputs) * rows {
            let sizes = [rows, outputs, inputs];
            product(sizes, Factor::plain(gradient, outputs), Factor::transposed(weights, outputs), by_x);
            return;
        }
        // To read a factor along its transpose is slow; the weights are the greatest: so the product's transpose.
        assert_eq!(by_x.len(), rows * inputs, "gradients by the input, and {self:?}");
        let mut transposed = buffer::take(by_x.len());
        let sizes = [inputs, outputs, rows];
        product(
            sizes,
            Factor::plain(weights, outputs),
            Factor::transposed(gradient, outputs),
            &mut transposed,
        );
        transpose(&transposed, [inputs, rows], by_x);
        buffer::give(transposed);
    }

    /// Writes the gradient by the weights, `xᵀ · gradient`.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn backward_weights(&self, x: &[f32], gradient: &[f32], by_weights: &mut [f32]) {
        let Self { rows, inputs, outputs } = *self;
        product(
            [inputs, rows, outputs],
            Factor::transposed(x, inputs),
            Factor::plain(gradient, outputs),
            by_weights,
        );
    }

    /// The results of `work` for the first row and the count of rows of each piece of `y`, in order.
    fn map_rows<R: Send>(&self, work: impl Fn(usize, usize) -> R + Sync) -> Vec<R> {
        let each = items_a_piece(self.outputs);
        map_items(self.rows.div_ceil(each), each * self.outputs.max(1), |piece| {
            let start = piece * each;
            work(start, each.min(self.rows - start))
        })
    }
}

/// Adds the bias to every row and rectifies.
#[inline(always)]
fn finish(y: &mut [f32], outputs: usize, bias: Option<&[f32]>, relu: bool) {
    let Some(bias) = bias else {
        Place::Over(y).map(rectified);
        return;
    };
    if outputs == 0 {
        return;
    }
    for row in y.chunks_exact_mut(outputs) {
        if relu {
            Place::Over(row).map_with(bias, |y, bias| rectified(y + bias));
        } else {
            Place::Over(row).map_with(bias, |y, bias| y + bias);
        }
    }
}

/// A factor of a matrix product, and how far its rows and its columns are apart.
#[derive(Clone, Copy)]
struct Factor<'a> {
    numbers: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Factor<'a> {
    /// A matrix as it is stored, row by row.
    fn plain(numbers: &'a [f32], columns: usize) -> Self {
        Self { numbers, row: columns, column: 1 }
    }

    /// The transpose of a matrix of `columns` columns.
    fn transposed(numbers: &'a [f32], columns: usize) -> Self {
        Self { numbers, row: 1, column: columns }
    }
}

/// Multiplications below which one thread is as fast as several.
const LEAST_SHARED: usize = 2 << 20;

/// Writes the product of a `[rows, inner]` and an `[inner, columns]` matrix.
fn product([rows, inner, columns]: [usize; 3], left: Factor<'_>, right: Factor<'_>, to: &mut [f32]) {
    let sizes = [left.numbers.len(), right.numbers.len(), to.len()];
    assert_eq!(
        sizes,
        [rows * inner, inner * columns, rows * columns],
        "[{rows}, {inner}] · [{inner}, {columns}]"
    );
    let is_small = rows * inner * columns < LEAST_SHARED;
    let parallelism = if is_small { Parallelism::None } else { Parallelism::Rayon(0) };
    // SAFETY: the strides are those of whole matrices, whose lengths were checked, and `to` is borrowed apart. How the
    // product is shared among threads does not change the order of any sum.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            to.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.numbers.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.numbers.as_ptr(),
            right.column as isize,
            right.row as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|place| ((place * 7919 + seed * 104_729 + 13) % 10_007) as f32 / 5003.0 - 1.0).collect()
    }

    fn near(value: f32, expected: f64, terms: usize) {
        let room = 1e-6 * (terms as f64 + 1.0);
        assert!((f64::from(value) - expected).abs() < room, "{value} {expected}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_f64(
            rows in 0..40_usize, inputs in 0..40_usize, outputs in 0..40_usize, relu: bool, with_bias: bool,
        ) {
            let layer = Linear { rows, inputs, outputs };
            let (x, weights) = (numbers(rows * inputs + 1, 1), numbers(inputs * outputs, 2));
            let (x, bias, gradient) = (&x[1..], numbers(outputs, 3), numbers(rows * outputs, 4));
            let mut y = vec![f32::NAN; rows * outputs];
            layer.forward(x, &weights, with_bias.then_some(&bias), relu, &mut y);
            let mut masked = vec![f32::NAN; y.len()];
            let place = Place::Apart { from: &gradient, to: &mut masked };
            let by_bias = layer.backward_bias(relu.then_some(&y), place);
            let mut over = gradient.clone();
            prop_assert_eq!(&layer.backward_bias(relu.then_some(&y), Place::Over(&mut over)), &by_bias);
            prop_assert_eq!(&over, &masked);
            let mut by_x = vec![f32::NAN; x.len()];
            layer.backward_input(&masked, &weights, &mut by_x);
            let mut by_weights = vec![f32::NAN; weights.len()];
            layer.backward_weights(x, &masked, &mut by_weights);

            let of = |numbers: &[f32], place: usize| f64::from(numbers[place]);
            let wide = |row: usize, output: usize| {
                let place = row * outputs + output;
                if relu && y[place] <= 0.0 { 0.0 } else { of(&gradient, place) }
            };
            for (output, by_bias) in by_bias.iter().enumerate() {
                near(*by_bias, (0..rows).map(|row| wide(row, output)).sum(), rows);
            }
            for row in 0..rows {
                for output in 0..outputs {
                    let products =
                        (0..inputs).map(|input| of(x, row * inputs + input) * of(&weights, input * outputs + output));
                    let sum = products.sum::<f64>() + if with_bias { of(&bias, output) } else { 0.0 };
                    near(y[row * outputs + output], if relu { sum.max(0.0) } else { sum }, inputs);
                }
                for input in 0..inputs {
                    let products = (0..outputs).map(|output| wide(row, output) * of(&weights, input * outputs + output));
                    near(by_x[row * inputs + input], products.sum(), outputs);
                }
            }
            for input in 0..inputs {
                for output in 0..outputs {
                    let products = (0..rows).map(|row| of(x, row * inputs + input) * wide(row, output));
                    near(by_weights[input * outputs + output], products.sum(), rows);
                }
            }
        }
    }

    #[test]
    fn the_same_for_every_number_of_threads() {
        for [rows, inputs, outputs] in [[128, 784, 512], [64, 320, 50], [515, 321, 51], [37, 1500, 700]] {
            let layer = Linear { rows, inputs, outputs };
            let (x, weights) = (numbers(rows * inputs, 1), numbers(inputs * outputs, 2));
            let run = || {
                let mut y = vec![0.0; rows * outputs];
                layer.forward(&x, &weights, Some(&numbers(outputs, 3)), true, &mut y);
                let mut gradient = numbers(y.len(), 4);
                let by_bias = layer.backward_bias(Some(&y), Place::Over(&mut gradient));
                let (mut by_x, mut by_weights) = (vec![0.0; x.len()], vec![0.0; weights.len()]);
                layer.backward_input(&gradient, &weights, &mut by_x);
                layer.backward_weights(&x, &gradient, &mut by_weights);
                (y, by_bias, by_x, by_weights)
            };
            let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
            let one = with(1);
            assert!(one == with(2), "{layer:?}");
            assert!(one == with(3), "{layer:?}");
        }
    }

    #[test]
    fn nan_stays_in_its_row() {
        let layer = Linear { rows: 3, inputs: 20, outputs: 5 };
        let mut x = numbers(60, 1);
        x[25] = f32::NAN;
        let mut y = vec![0.0; 15];
        layer.forward(&x, &numbers(100, 2), None, true, &mut y);
        assert!(y.iter().enumerate().all(|(place, y)| y.is_nan() == (place / 5 == 1)));
    }
}
