mod reference;

use proptest::prelude::*;

use self::reference::{each, random, sizes};
use super::*;
use crate::simd::tests::in_each_width;

const PLAIN: Conv2d = Conv2d {
    batch: 2,
    in_channels: 3,
    out_channels: 8,
    input: [12, 12],
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
};

const TRANSPOSED: ConvTransposed2d = ConvTransposed2d {
    batch: 2,
    in_channels: 6,
    out_channels: 4,
    input: [5, 9],
    kernel: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
    output_padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
};

fn assert_close(what: &str, conv: impl std::fmt::Debug, ours: &[f32], exact: &[f64]) {
    assert_eq!(ours.len(), exact.len());
    let largest = exact.iter().fold(1e-3_f64, |a, b| a.max(b.abs()));
    for (at, (ours, exact)) in ours.iter().zip(exact).enumerate() {
        let close = (f64::from(*ours) - exact).abs() <= 1e-5 * largest;
        assert!(close, "{what} of {conv:?} at {at}: {ours}, not {exact}");
    }
}

/// Some channels of every image.
fn channels<T: Copy>(conv: &Conv2d, range: std::ops::Range<usize>, x: &[T]) -> Vec<T> {
    let plane = conv.input[0] * conv.input[1];
    let images = (0..conv.batch).map(|image| image * conv.in_channels * plane);
    images.flat_map(|image| x[image + range.start * plane..image + range.end * plane].to_vec()).collect()
}

/// Compares forward and gradients with the reference, the input in two parts.
fn check(conv: &Conv2d) {
    let sizes = sizes(conv);
    let (x, w) = (random(sizes.input, 1), random(sizes.weight, 2));
    let (b, g) = (random(conv.out_channels, 3), random(sizes.output, 4));
    let first = conv.in_channels / 2;
    let [low, high] = [0..first, first..conv.in_channels].map(|range| channels(conv, range, &x));
    let parts =
        [Part { data: &low, channels: first }, Part { data: &high, channels: conv.in_channels - first }];

    let exact = reference::forward(conv, &x, &w, &b);
    let mut y = vec![f32::NAN; sizes.output];
    forward(conv, &parts, &w, Some(&b), false, &mut y);
    assert_close("forward", conv, &y, &exact);
    let mut activated = vec![f32::NAN; sizes.output];
    forward(conv, &parts, &w, Some(&b), true, &mut activated);
    assert!(
        activated.iter().zip(&y).all(|(activated, y)| (*activated - y.max(0.0)).abs() < f32::MIN_POSITIVE),
        "relu of {conv:?}"
    );
    check_gradients(conv, [&x, &w, &g], None);
    check_gradients(conv, [&x, &w, &g], Some(&activated));
}

fn check_gradients(conv: &Conv2d, [x, w, g]: [&[f32]; 3], mask: Option<&[f32]>) {
    let mut passed = g.to_vec();
    if let Some(mask) = mask {
        passed.iter_mut().zip(mask).filter(|(_, activated)| **activated <= 0.0).for_each(|(g, _)| *g = 0.0);
    }
    let [dx, dw, db] = reference::backward(conv, x, w, &passed);
    let first = conv.in_channels / 2;
    let [low, high] = [0..first, first..conv.in_channels].map(|range| channels(conv, range, x));
    let [mut by_low, mut by_high] = [&low, &high].map(|part| vec![f32::NAN; part.len()]);
    let mut by_parts = [
        PartMut { data: &mut by_low, channels: first },
        PartMut { data: &mut by_high, channels: conv.in_channels - first },
    ];
    backward_data(conv, g, mask, w, &mut by_parts);
    assert_close("gradient by the first part", conv, &by_low, &channels(conv, 0..first, &dx));
    assert_close(
        "gradient by the second part",
        conv,
        &by_high,
        &channels(conv, first..conv.in_channels, &dx),
    );
    let parts =
        [Part { data: &low, channels: first }, Part { data: &high, channels: conv.in_channels - first }];
    let (mut by_w, mut by_b) = (vec![f32::NAN; w.len()], vec![f32::NAN; conv.out_channels]);
    backward_weight(conv, &parts, g, mask, &mut by_w, Some(&mut by_b));
    assert_close("gradient by the weight", conv, &by_w, &dw);
    assert_close("gradient by the bias", conv, &by_b, &db);
}

fn check_transposed(conv: &ConvTransposed2d) {
    let inner = conv.convolution();
    let inner_sizes = sizes(&inner);
    let (x, w, b) =
        (random(inner_sizes.output, 1), random(inner_sizes.weight, 2), random(conv.out_channels, 3));
    let g = random(inner_sizes.input, 4);
    let mut y = vec![f32::NAN; inner_sizes.input];
    transposed_forward(conv, &x, &w, Some(&b), &mut y);
    assert_close("forward", conv, &y, &reference::transposed(conv, &x, &w, &b));
    let [dx, dw, db] = reference::transposed_backward(conv, &x, &w, &g);
    let mut by_x = vec![f32::NAN; x.len()];
    transposed_backward_data(conv, &g, &w, &mut by_x);
    assert_close("gradient by the input", conv, &by_x, &dx);
    let (mut by_w, mut by_b) = (vec![f32::NAN; w.len()], vec![f32::NAN; b.len()]);
    transposed_backward_weight(conv, &x, &g, &mut by_w, Some(&mut by_b));
    assert_close("gradient by the weight", conv, &by_w, &dw);
    assert_close("gradient by the bias", conv, &by_b, &db);
}

#[test]
fn every_width_of_map_and_block() {
    in_each_width(|| {
        for width in [1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33] {
            check(&Conv2d { input: [5, width], ..PLAIN });
        }
        for out_channels in 1..20 {
            check(&Conv2d { out_channels, input: [4, 18], ..PLAIN });
        }
    });
}

#[test]
fn large_enough_to_be_cut() {
    for conv in [
        Conv2d { batch: 9, in_channels: 10, out_channels: 20, kernel: [5, 5], padding: [0, 0], ..PLAIN },
        Conv2d { in_channels: 40, input: [64, 64], out_channels: 5, ..PLAIN },
        Conv2d { batch: 1, in_channels: 64, out_channels: 72, input: [8, 8], ..PLAIN },
    ] {
        check(&conv);
    }
}

/// Tasks of unlike numbers of channels, one after the other, over several images at once.
#[test]
fn channels_that_tasks_do_not_share_evenly() {
    for in_channels in [9, 11, 17, 20] {
        for (batch, side) in [(2, 5), (3, 4)] {
            let kernel = [1, 1];
            check(&Conv2d {
                batch,
                in_channels,
                out_channels: 33,
                input: [side; 2],
                kernel,
                padding: [0, 0],
                ..PLAIN
            });
        }
    }
}

#[test]
fn every_option() {
    in_each_width(|| {
        check(&Conv2d { stride: [2, 3], input: [11, 17], ..PLAIN });
        check(&Conv2d { stride: [2, 2], kernel: [2, 2], padding: [0, 0], input: [9, 9], ..PLAIN });
        check(&Conv2d { stride: [3, 3], kernel: [1, 2], padding: [0, 0], input: [9, 9], ..PLAIN });
        check(&Conv2d { dilation: [2, 3], padding: [3, 1], ..PLAIN });
        check(&Conv2d { dilation: [2, 2], stride: [3, 2], padding: [4, 4], ..PLAIN });
        check(&Conv2d { in_channels: 6, out_channels: 9, groups: 3, ..PLAIN });
        check(&Conv2d { in_channels: 6, out_channels: 6, groups: 6, stride: [2, 1], ..PLAIN });
        check(&Conv2d { kernel: [1, 1], padding: [0, 0], in_channels: 16, ..PLAIN });
        check(&Conv2d { kernel: [1, 1], padding: [2, 2], ..PLAIN });
        check(&Conv2d { input: [0, 4], padding: [2, 2], ..PLAIN });
        check(&Conv2d { batch: 0, ..PLAIN });
        check_transposed(&TRANSPOSED);
        check_transposed(&ConvTransposed2d { input: [7, 16], out_channels: 3, ..TRANSPOSED });
        check_transposed(&ConvTransposed2d { kernel: [3, 2], stride: [3, 2], groups: 2, ..TRANSPOSED });
        check_transposed(&ConvTransposed2d { kernel: [2, 3], stride: [2, 3], ..TRANSPOSED });
        check_transposed(&ConvTransposed2d {
            kernel: [3, 3],
            padding: [1, 1],
            output_padding: [1, 0],
            ..TRANSPOSED
        });
        check_transposed(&ConvTransposed2d { output_padding: [1, 1], ..TRANSPOSED });
        check_transposed(&ConvTransposed2d { kernel: [1, 1], stride: [3, 2], ..TRANSPOSED });
        check_transposed(&ConvTransposed2d { batch: 0, ..TRANSPOSED });
    });
}

/// The sizes of an axis: input, kernel, stride, padding, dilation.
fn axis() -> impl Strategy<Value = [usize; 5]> {
    (1_usize..6, 1_usize..4, 0_usize..4, 1_usize..4, 0_usize..12).prop_map(
        |(kernel, stride, padding, dilation, more)| {
            let least = ((kernel - 1) * dilation + 1).saturating_sub(2 * padding).max(1);
            [least + more, kernel, stride, padding, dilation]
        },
    )
}

fn channel_sizes() -> impl Strategy<Value = [usize; 3]> {
    (1_usize..4, 1_usize..5, 1_usize..12)
        .prop_map(|(groups, inputs, outputs)| [groups, groups * inputs, groups * outputs])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_convolution(batch in 0_usize..4, [groups, in_channels, out_channels] in channel_sizes(), y in axis(), x in axis()) {
        let [input, kernel, stride, padding, dilation] = std::array::from_fn(|size| [y[size], x[size]]);
        let conv = Conv2d { batch, in_channels, out_channels, input, kernel, stride, padding, dilation, groups };
        prop_assert_eq!(conv.check(), Ok(()));
        check(&conv);
    }

    #[test]
    fn any_transposed_convolution(
        batch in 0_usize..3,
        [groups, out_channels, in_channels] in channel_sizes(),
        y in axis(),
        x in axis(),
        more in [0_usize..3, 0_usize..3],
    ) {
        let [input, kernel, stride, padding, dilation] = std::array::from_fn(|size| [y[size], x[size]]);
        let input = input.map(|input| input.min(9));
        let output_padding = [0, 1].map(|axis| more[axis].min(stride[axis].max(dilation[axis]) - 1));
        let conv = ConvTransposed2d {
            batch, in_channels, out_channels, input, kernel, stride, padding, output_padding, dilation, groups,
        };
        prop_assume!(conv.check().is_ok());
        check_transposed(&conv);
    }
}

#[test]
fn sizes_of_outputs() {
    assert_eq!(
        Conv2d { input: [28, 27], kernel: [5, 3], stride: [1, 2], padding: [0, 1], ..PLAIN }.output(),
        [24, 14]
    );
    assert_eq!(Conv2d { input: [12, 9], dilation: [2, 3], padding: [0, 0], ..PLAIN }.output(), [8, 3]);
    let conv = ConvTransposed2d { kernel: [3, 3], padding: [1, 1], output_padding: [1, 0], ..TRANSPOSED };
    assert_eq!(conv.output(), [10, 17]);
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |conv: Conv2d| conv.check().is_err();
    assert!(refused(Conv2d { kernel: [0, 3], ..PLAIN }));
    assert!(refused(Conv2d { stride: [1, 0], ..PLAIN }));
    assert!(refused(Conv2d { groups: 2, ..PLAIN }));
    assert!(refused(Conv2d { groups: 0, ..PLAIN }));
    assert!(refused(Conv2d { kernel: [15, 3], ..PLAIN }));
    assert!(refused(Conv2d { kernel: [3, usize::MAX], dilation: [1, usize::MAX], ..PLAIN }));
    assert!(refused(Conv2d { batch: usize::MAX / 2, ..PLAIN }));
    assert!(refused(Conv2d { padding: [usize::MAX, 1], ..PLAIN }));
    assert!(ConvTransposed2d { padding: [9, 9], ..TRANSPOSED }.check().is_err());
    assert!(ConvTransposed2d { output_padding: [2, 0], ..TRANSPOSED }.check().is_err());
    assert!(ConvTransposed2d { input: [usize::MAX, 1], ..TRANSPOSED }.check().is_err());
}

/// All that the functions compute, for buffers that begin in the middle of a vector.
fn bits(conv: &Conv2d, x: &[f32], w: &[f32], g: &[f32]) -> Vec<u32> {
    let mut results = [x.len(), w.len(), g.len(), conv.out_channels].map(|len| vec![f32::NAN; len + 1]);
    let [dx, dw, y, db] = &mut results;
    let input = [Part { data: x, channels: conv.in_channels }];
    forward(conv, &input, w, None, true, &mut y[1..]);
    backward_data(conv, g, None, w, &mut [PartMut { data: &mut dx[1..], channels: conv.in_channels }]);
    backward_weight(conv, &input, g, None, &mut dw[1..], Some(&mut db[1..]));
    results.iter().flat_map(|numbers| numbers[1..].iter().map(|number| number.to_bits())).collect()
}

#[test]
fn every_number_of_threads_computes_the_same() {
    for conv in [
        Conv2d { batch: 5, in_channels: 16, out_channels: 24, input: [33, 40], ..PLAIN },
        Conv2d { batch: 1, in_channels: 64, out_channels: 64, input: [7, 9], ..PLAIN },
    ] {
        let sizes = sizes(&conv);
        let [x, w, g] = [sizes.input, sizes.weight, sizes.output].map(|len| random(len + 1, len as u32));
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| bits(&conv, &x[1..], &w[1..], &g[1..]))
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{conv:?}");
    }
}

#[test]
fn nan_goes_where_it_is_read_and_nowhere_else() {
    let conv = Conv2d { input: [6, 11], ..PLAIN };
    let sizes = sizes(&conv);
    let (mut x, w) = (random(sizes.input, 1), random(sizes.weight, 2));
    let place = 2 * 66 + 4 * 11 + 10;
    x[place] = f32::NAN;
    let mut read = vec![false; sizes.output];
    each(&conv, |output, input, _| read[output] |= input == place);
    in_each_width(|| {
        let mut y = vec![0.0; sizes.output];
        forward(&conv, &[Part { data: &x, channels: 3 }], &w, None, true, &mut y);
        assert!(y.iter().map(|y| y.is_nan()).eq(read.iter().copied()));
        let (g, mut dw) = (random(sizes.output, 3), vec![0.0; sizes.weight]);
        backward_weight(&conv, &[Part { data: &x, channels: 3 }], &g, None, &mut dw, None);
        assert!(dw.iter().enumerate().all(|(at, dw)| dw.is_nan() <= (at / 9 % 3 == 2)));
        assert!(dw[2 * 9 + 4].is_nan());
    });
}

#[test]
fn the_largest_numbers_are_taken() {
    let sizes = sizes(&PLAIN);
    let first = |number: f32| {
        let [x, w, g] = [sizes.input, sizes.weight, sizes.output].map(|len| vec![number; len]);
        f32::from_bits(bits(&PLAIN, &x, &w, &g)[0])
    };
    // A corner is read through four taps, into eight channels.
    assert!((first(-1e4) - 32e8).abs() < 1.0);
    assert!(first(f32::MAX).is_infinite());
    // The zeros around a map meet infinite weights.
    assert!(first(f32::INFINITY).is_nan());
}
