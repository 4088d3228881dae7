//! A linear layer and its cross entropy in one: the logits of all rows are never there at once.

use super::cross_entropy::{CrossEntropy, Targets};
use super::indices::Indices;
use super::pass::Pass;
use super::softmax_loss::{Scales, Sums};
use crate::buffer;
use crate::parallel::{LEAST_PIECE, Shared, map_items};
use crate::product::{Matrix, Onto, Product, transpose};
use crate::simd::vectorized;
use crate::softmax::Shape;

/// A linear layer, `x · W + b`, with cross entropy of its outputs.
///
/// A chunk of rows at a time: their logits are computed, become their own gradient in place, and go into the gradients
/// by `x`, `W` and `b`. For large vocabularies, the logits are most of the memory that training needs.
#[derive(Clone, Copy, Debug)]
pub struct LinearCrossEntropy<'a> {
    /// Rows of `x`.
    pub rows: usize,
    /// Numbers of a row.
    pub features: usize,
    /// `W`: `[features, classes]`, or `[classes, features]` when transposed.
    pub weight: &'a [f32],
    /// Whether `W` is stored transposed.
    pub transposed: bool,
    /// `b`: a number per class.
    pub bias: Option<&'a [f32]>,
    /// The loss; its shape is `[rows, classes, 1]`.
    pub loss: CrossEntropy<'a>,
    /// Bytes of logits at once, at most, though always those of one row.
    pub memory: usize,
}

/// Where the gradients of a linear layer go: every number is written.
#[derive(Debug)]
pub struct LinearGradient<'a> {
    /// By the input, of its shape.
    pub x: &'a mut [f32],
    /// By the weights, laid out as they are.
    pub weight: &'a mut [f32],
    /// By the bias.
    pub bias: Option<&'a mut [f32]>,
}

impl LinearCrossEntropy<'_> {
    /// The sums over the rows that count, against a class per row; `gradient`, if asked for, is that of
    /// `scales.surprise · surprise + scales.z · z`.
    ///
    /// # Panics
    /// When a length does not fit, or an index is none of a class.
    pub fn run(
        &self,
        x: &[f32],
        index: Indices<'_>,
        ignore_index: Option<i64>,
        scales: Scales,
        mut gradient: Option<LinearGradient<'_>>,
    ) -> Sums {
        self.check(x, index, gradient.as_ref());
        let Shape { units: classes, .. } = self.loss.shape;
        let chunk = (self.memory / size_of::<f32>() / classes.max(1)).clamp(1, self.rows.max(1));
        let mut logits = buffer::take(chunk * classes);
        let mut sums = Sums::default();
        if let Some(gradient) = &mut gradient {
            if self.rows == 0 {
                gradient.weight.fill(0.0);
            }
            gradient.bias.iter_mut().for_each(|bias| bias.fill(0.0));
        }
        for start in (0..self.rows).step_by(chunk) {
            let count = chunk.min(self.rows - start);
            let logits = &mut logits[..count * classes];
            let features = start * self.features..(start + count) * self.features;
            self.logits(count, &x[features.clone()], logits);
            let targets = Targets::Index { index: index.range(start..start + count), ignore_index };
            let loss = CrossEntropy { shape: Shape { outer: count, ..self.loss.shape }, ..self.loss };
            let pass = if gradient.is_some() { Pass::InPlace(logits) } else { Pass::Value(logits) };
            let of_chunk = loss.run(pass, targets, scales, None);
            sums = Sums { surprise: sums.surprise + of_chunk.surprise, z: sums.z + of_chunk.z };
            if let Some(gradient) = &mut gradient {
                self.add_gradient([start, count], &x[features], logits, gradient);
            }
        }
        buffer::give(logits);
        sums
    }

    fn check(&self, x: &[f32], index: Indices<'_>, gradient: Option<&LinearGradient<'_>>) {
        let Shape { outer, units, inner } = self.loss.shape;
        assert_eq!([outer, inner], [self.rows, 1], "rows of the loss {:?}", self.loss.shape);
        let sizes = [self.rows * self.features, self.rows, self.features * units];
        assert_eq!([x.len(), index.len(), self.weight.len()], sizes, "inputs, indices and weights");
        assert!(self.bias.is_none_or(|bias| bias.len() == units), "a bias per class of {units}");
        let Some(gradient) = gradient else { return };
        let lengths = [gradient.x.len(), gradient.weight.len()];
        assert_eq!(lengths, [sizes[0], sizes[2]], "gradients by inputs and weights");
        assert!(gradient.bias.as_ref().is_none_or(|bias| bias.len() == units), "a bias per class of {units}");
    }

    /// The logits of some rows.
    fn logits(&self, rows: usize, x: &[f32], logits: &mut [f32]) {
        let product = Product {
            rows,
            terms: self.features,
            columns: self.loss.shape.units,
            left: Matrix::plain(x),
            right: Matrix { numbers: self.weight, transposed: self.transposed },
            onto: self.bias.map_or(Onto::Nothing, Onto::Bias),
        };
        product.write(logits);
    }

    /// Adds what the chunk of `rows` rows from `start` on contributes; the first one's gradient by `W` is written.
    fn add_gradient(
        &self,
        [start, rows]: [usize; 2],
        x: &[f32],
        by_logits: &[f32],
        gradient: &mut LinearGradient<'_>,
    ) {
        let onto = if start == 0 { Onto::Nothing } else { Onto::Numbers };
        let by_x = &mut gradient.x[start * self.features..][..x.len()];
        if self.transposed {
            self.add_gradient_transposed(rows, x, by_logits, onto, by_x, gradient.weight);
        } else {
            self.add_gradient_plain(rows, x, by_logits, onto, by_x, gradient.weight);
        }
        if let Some(bias) = &mut gradient.bias {
            add_columns(by_logits, bias);
        }
    }

    /// The gradients where the weights are `[features, classes]`.
    fn add_gradient_plain(
        &self,
        rows: usize,
        x: &[f32],
        by_logits: &[f32],
        onto: Onto<'_>,
        by_x: &mut [f32],
        by_weight: &mut [f32],
    ) {
        let (features, classes) = (self.features, self.loss.shape.units);
        // Of the product and of its transpose, the one that reads the weights, which are most, as they are stored.
        let mut transposed = buffer::take(x.len());
        let (left, right) = (Matrix::plain(self.weight), Matrix::transposed(by_logits));
        Product { rows: features, terms: classes, columns: rows, left, right, onto: Onto::Nothing }
            .write(&mut transposed);
        transpose(&transposed, [features, rows], by_x);
        transpose(x, [rows, features], &mut transposed);
        let (left, right) = (Matrix::plain(&transposed), Matrix::plain(by_logits));
        Product { rows: features, terms: rows, columns: classes, left, right, onto }.write(by_weight);
        buffer::give(transposed);
    }

    /// The gradients where the weights are `[classes, features]`.
    fn add_gradient_transposed(
        &self,
        rows: usize,
        x: &[f32],
        by_logits: &[f32],
        onto: Onto<'_>,
        by_x: &mut [f32],
        by_weight: &mut [f32],
    ) {
        let (features, classes) = (self.features, self.loss.shape.units);
        let (left, right) = (Matrix::plain(by_logits), Matrix::plain(self.weight));
        Product { rows, terms: classes, columns: features, left, right, onto: Onto::Nothing }.write(by_x);
        let (left, right) = (Matrix::transposed(by_logits), Matrix::plain(x));
        Product { rows: classes, terms: rows, columns: features, left, right, onto }.write(by_weight);
    }
}

/// Adds the rows of a matrix to `sums`.
fn add_columns(matrix: &[f32], sums: &mut [f32]) {
    let columns = sums.len();
    if columns == 0 {
        return;
    }
    let sums = Shared::new(sums);
    let each = LEAST_PIECE.div_ceil((matrix.len() / columns).max(1)).max(64);
    map_items(columns.div_ceil(each), each * (matrix.len() / columns), |piece| {
        let start = piece * each;
        // SAFETY: pieces are columns side by side.
        let sums = unsafe { sums.slice(start, each.min(columns - start)) };
        vectorized(
            #[inline(always)]
            || {
                for row in matrix.chunks_exact(columns) {
                    sums.iter_mut().zip(&row[start..]).for_each(|(sum, number)| *sum += number);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::loss::tests::numbers;

    fn near(values: &[f32], expected: &[f32]) {
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{value} {expected}");
        }
    }

    /// A product by definition, in f64.
    fn product([rows, inner, columns]: [usize; 3], of: impl Fn(usize, usize, usize) -> f64) -> Vec<f32> {
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        places.map(|(row, column)| (0..inner).map(|term| of(row, term, column)).sum::<f64>() as f32).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_the_layer_and_the_loss_one_after_the_other(
            rows in 0..30_usize, features in 1..30_usize, classes in 1..60_usize, transposed: bool,
            memory in 0..9000_usize, label_smoothing in prop_oneof![Just(0.0), 0.0..1.0_f32],
            soft_cap in prop_oneof![Just(None), Just(Some(3.0))],
        ) {
            let (x, weight) = (numbers(rows * features, 1), numbers(features * classes, 2));
            let bias = numbers(classes, 3);
            let index: Vec<i64> =
                (0..rows).map(|row| if row % 5 == 2 { -100 } else { (row * 7 % classes) as i64 }).collect();
            let shape = Shape { outer: rows, units: classes, inner: 1 };
            let loss = CrossEntropy { label_smoothing, soft_cap, z_loss: 0.01, ..CrossEntropy::new(shape) };
            let of = |numbers: &[f32], place: usize| f64::from(numbers[place]);
            let w = |feature: usize, class: usize| {
                of(&weight, if transposed { class * features + feature } else { feature * classes + class })
            };
            let mut logits = product([rows, features, classes], |row, feature, class| {
                of(&x, row * features + feature) * w(feature, class) + of(&bias, class) / features as f64
            });
            let targets = Targets::Index { index: index.as_slice().into(), ignore_index: Some(-100) };
            let expected = loss.run(Pass::InPlace(&mut logits), targets, Scales::ONE, None);
            let by_x = product([rows, classes, features], |row, class, feature| {
                of(&logits, row * classes + class) * w(feature, class)
            });
            let by_w = product([features, rows, classes], |feature, row, class| {
                of(&x, row * features + feature) * of(&logits, row * classes + class)
            });
            let by_b = product([1, rows, classes], |_, row, class| of(&logits, row * classes + class));

            let layer = LinearCrossEntropy { rows, features, weight: &weight, transposed, bias: Some(&bias), loss, memory };
            let mut got = [x.len(), weight.len(), classes].map(|len| vec![f32::NAN; len]);
            let [x_to, weight_to, bias_to] = &mut got;
            let gradient = LinearGradient { x: x_to, weight: weight_to, bias: Some(bias_to) };
            let sums = layer.run(&x, index.as_slice().into(), Some(-100), Scales::ONE, Some(gradient));
            let value = layer.run(&x, index.as_slice().into(), Some(-100), Scales::ONE, None);
            prop_assert_eq!(sums, value);
            near(&[sums.surprise as f32, sums.z as f32], &[expected.surprise as f32, expected.z as f32]);
            near(&got[0], &by_x);
            near(&got[2], &by_b);
            for feature in 0..features {
                for class in 0..classes {
                    let at = if transposed { class * features + feature } else { feature * classes + class };
                    near(&got[1][at..=at], &by_w[feature * classes + class..][..1]);
                }
            }
        }
    }

    #[test]
    fn the_same_for_every_number_of_threads() {
        let [rows, features, classes] = [130, 70, 3000];
        let (x, weight, bias) =
            (numbers(rows * features, 1), numbers(features * classes, 2), numbers(classes, 3));
        let index: Vec<i64> = (0..rows).map(|row| (row * 23) as i64).collect();
        let loss = CrossEntropy::new(Shape { outer: rows, units: classes, inner: 1 });
        let memory = 50 * classes * size_of::<f32>();
        let layer = LinearCrossEntropy {
            rows,
            features,
            weight: &weight,
            transposed: false,
            bias: Some(&bias),
            loss,
            memory,
        };
        let run = || {
            let mut got = [x.len(), weight.len(), classes].map(|len| vec![f32::NAN; len]);
            let [x_to, weight_to, bias_to] = &mut got;
            let gradient = LinearGradient { x: x_to, weight: weight_to, bias: Some(bias_to) };
            (layer.run(&x, index.as_slice().into(), None, Scales::ONE, Some(gradient)), got)
        };
        let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
        let one = with(1);
        assert!(one == with(2));
        assert!(one == with(3));
    }
}
