use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::pieces::LONGEST_PIECE;
use super::sums::BLOCK;
use super::*;

/// Numbers of no particular pattern in -1 to 1.
fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|place| ((place * 7919 + seed * 104_729 + 13) % 10_007) as f32 / 5003.0 - 1.0).collect()
}

/// The places of a channel's numbers.
fn places(shape: Shape, channel: usize) -> impl Iterator<Item = usize> + Clone {
    (0..shape.batch).flat_map(move |example| {
        let start = (example * shape.channels + channel) * shape.inner;
        start..start + shape.inner
    })
}

/// Forward and backward in f64, against the kernels; the mask is that of the kernel's output.
fn check(shape: Shape, relu: bool, offset: f32, tolerance: f64) {
    let len = shape.batch * shape.channels * shape.inner;
    let padded: Vec<f32> = numbers(len + 1, 1).iter().map(|number| number + offset).collect();
    let (x, gradient) = (&padded[1..], numbers(len, 2));
    let (gamma, beta) = (numbers(shape.channels, 3), numbers(shape.channels, 4));
    let layer = BatchNorm { shape, gamma: &gamma, beta: &beta, epsilon: 1e-5, relu };
    let mut y = vec![f32::NAN; len];
    let statistics = layer.forward_train(x, &mut y);
    let mut by_x = vec![f32::NAN; len];
    let by_parameters = layer.backward(x, &statistics, Place::Apart { from: &gradient, to: &mut by_x });
    let mut over = gradient.clone();
    assert_eq!(layer.backward(x, &statistics, Place::Over(&mut over)), by_parameters);
    assert_eq!(over, by_x);
    let near = |value: f32, expected: f64, what: &str| {
        assert!(
            (f64::from(value) - expected).abs() <= tolerance * (1.0 + expected.abs()),
            "{what} of {shape:?}: {value} {expected}"
        );
    };
    for channel in 0..shape.channels {
        let count = (shape.batch * shape.inner) as f64;
        let of = |numbers: &[f32], place: usize| f64::from(numbers[place]);
        let mean = places(shape, channel).map(|place| of(x, place)).sum::<f64>() / count;
        let squares = places(shape, channel).map(|place| (of(x, place) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / count + f64::from(1e-5_f32)).sqrt();
        let h = |place: usize| (of(x, place) - mean) / deviation;
        let passed = |place: usize| if relu && y[place] <= 0.0 { 0.0 } else { of(&gradient, place) };
        let sum: f64 = places(shape, channel).map(passed).sum();
        let product: f64 = places(shape, channel).map(|place| passed(place) * h(place)).sum();
        let (gamma, beta) = (of(&gamma, channel), of(&beta, channel));
        for place in places(shape, channel) {
            let line = h(place) * gamma + beta;
            near(y[place], if relu { line.max(0.0) } else { line }, "output");
            let slope = passed(place) - sum / count - h(place) * product / count;
            near(by_x[place], gamma / deviation * slope, "gradient by the input");
        }
        if count > 0.0 {
            near(statistics.mean[channel], mean, "mean");
            near(statistics.variance[channel], squares / count, "variance");
        }
        let room = count.max(1.0).sqrt();
        near(by_parameters.beta[channel] / room as f32, sum / room, "gradient by the summand");
        near(by_parameters.gamma[channel] / room as f32, product / room, "gradient by the factor");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn agrees_with_f64(batch in 0..5_usize, channels in 1..6_usize, inner in 0..90_usize, relu: bool) {
        // A channel of few numbers may have a deviation near zero, which magnifies what is rounded.
        let tolerance = if batch * inner < 8 { 1e-2 } else { 1e-4 };
        check(Shape { batch, channels, inner }, relu, 0.0, tolerance);
    }
}

#[test]
fn agrees_with_f64_at_sizes_that_are_cut() {
    for inner in [BLOCK - 1, BLOCK, BLOCK + 1, LONGEST_PIECE + 3] {
        check(Shape { batch: 3, channels: 2, inner }, true, 0.0, 1e-4);
    }
    check(Shape { batch: 3000, channels: 3, inner: 1 }, true, 0.0, 1e-4);
}

#[test]
fn a_mean_far_from_zero_costs_only_what_the_input_was_rounded_by() {
    check(Shape { batch: 4, channels: 2, inner: 5000 }, false, 1e4, 4e-3);
}

#[test]
fn the_same_for_every_number_of_threads() {
    let shape = Shape { batch: 3, channels: 5, inner: LONGEST_PIECE + 77 };
    let x = numbers(shape.batch * shape.channels * shape.inner, 5);
    let ones = [1.0; 5];
    let layer = BatchNorm { shape, gamma: &ones, beta: &ones, epsilon: 1e-5, relu: true };
    let run = || {
        let mut y = vec![0.0; x.len()];
        let statistics = layer.forward_train(&x, &mut y);
        let by_parameters = layer.backward(&x, &statistics, Place::Over(&mut y));
        (statistics, by_parameters, y)
    };
    let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

#[test]
fn the_same_for_every_vector_width() {
    let (x, gradient) = (numbers(5000, 6), numbers(5000, 7));
    let line = Line { mean: 0.1, scale: 0.7, shift: 0.2 };
    let run = || {
        let moments = Moments::of(&x);
        (moments.mean, moments.squares, line.gradient_sums(&x, &gradient, true))
    };
    assert_eq!(run(), vectorized(run));
}

#[test]
fn nan_stays_in_its_channel() {
    let shape = Shape { batch: 2, channels: 3, inner: 50 };
    let mut x = numbers(300, 8);
    x[60] = f32::NAN;
    let (ones, mut y) = ([1.0; 3], vec![0.0; 300]);
    let layer = BatchNorm { shape, gamma: &ones, beta: &ones, epsilon: 1e-5, relu: true };
    layer.forward_train(&x, &mut y);
    for (channel, is_nan) in [(0, false), (1, true), (2, false)] {
        assert!(places(shape, channel).all(|place| y[place].is_nan() == is_nan));
    }
}

#[test]
fn inference_is_a_line_a_channel() {
    let shape = Shape { batch: 2, channels: 2, inner: 3 };
    let x = numbers(12, 9);
    let (scale, shift) = ([2.0, -1.0], [0.25, 0.5]);
    let mut y = vec![f32::NAN; 12];
    apply(shape, &scale, &shift, true, Place::Apart { from: &x, to: &mut y });
    for channel in 0..2 {
        for place in places(shape, channel) {
            assert_eq!(y[place], (x[place] * scale[channel] + shift[channel]).max(0.0));
        }
    }
    let mut over = x.clone();
    apply(shape, &scale, &shift, true, Place::Over(&mut over));
    assert_eq!(over, y);
}
