//! Convolutions at the sizes of the example networks: an MNIST classifier's and a U-Net's.

use std::fmt;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use logit_kernels::conv::{
    Conv2d, ConvTransposed2d, Part, PartMut, backward_data, backward_weight, forward,
    transposed_backward_data, transposed_backward_weight, transposed_forward,
};

fn main() {
    divan::main();
}

/// Numbers of no particular pattern, about zero.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|place| ((place * 7919 + 13) % 1009) as f32 / 504.0 - 1.0).collect()
}

/// Batch, channels of the input and the output, height and width, kernel, padding.
#[derive(Clone, Copy)]
struct Layer([usize; 6]);

impl fmt::Display for Layer {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [batch, inputs, outputs, size, kernel, _] = self.0;
        write!(to, "{batch} of {inputs}→{outputs} at {size}², kernel {kernel}²")
    }
}

const LAYERS: [Layer; 13] = [
    Layer([64, 1, 10, 28, 5, 0]),
    Layer([64, 10, 20, 12, 5, 0]),
    Layer([8, 3, 16, 128, 3, 1]),
    Layer([8, 16, 16, 128, 3, 1]),
    Layer([8, 32, 16, 128, 3, 1]),
    Layer([8, 32, 32, 64, 3, 1]),
    Layer([8, 64, 32, 64, 3, 1]),
    Layer([8, 64, 64, 32, 3, 1]),
    Layer([8, 128, 128, 16, 3, 1]),
    Layer([8, 256, 256, 8, 3, 1]),
    Layer([8, 16, 5, 128, 1, 0]),
    Layer([1, 64, 64, 32, 3, 1]),
    Layer([1, 256, 256, 8, 3, 1]),
];

impl Layer {
    fn conv(self) -> Conv2d {
        let [batch, in_channels, out_channels, size, kernel, padding] = self.0;
        Conv2d {
            batch,
            in_channels,
            out_channels,
            input: [size; 2],
            kernel: [kernel; 2],
            stride: [1, 1],
            padding: [padding; 2],
            dilation: [1, 1],
            groups: 1,
        }
    }
}

/// Input, weight, bias and output of a layer, and its floating-point operations.
fn tensors(conv: &Conv2d) -> ([Vec<f32>; 4], ItemsCount) {
    let plane: usize = conv.output().iter().product();
    let input = conv.batch * conv.in_channels * conv.input[0] * conv.input[1];
    let weight = conv.out_channels * conv.in_channels * conv.kernel[0] * conv.kernel[1];
    let output = conv.batch * conv.out_channels * plane;
    (
        [input, weight, conv.out_channels, output].map(numbers),
        ItemsCount::new(2 * weight * conv.batch * plane),
    )
}

#[divan::bench(args = LAYERS)]
fn conv_forward(bencher: Bencher, layer: Layer) {
    let conv = layer.conv();
    let ([x, w, b, mut y], operations) = tensors(&conv);
    let input = [Part { data: &x, channels: conv.in_channels }];
    bencher
        .counter(operations)
        .bench_local(|| forward(&conv, black_box(&input), &w, Some(&b), false, &mut y));
}

#[divan::bench(args = LAYERS)]
fn conv_backward_data(bencher: Bencher, layer: Layer) {
    let conv = layer.conv();
    let ([mut x, w, _, y], operations) = tensors(&conv);
    bencher.counter(operations).bench_local(|| {
        let mut by_input = [PartMut { data: &mut x, channels: conv.in_channels }];
        backward_data(&conv, black_box(&y), None, &w, &mut by_input);
    });
}

#[divan::bench(args = LAYERS)]
fn conv_backward_weight(bencher: Bencher, layer: Layer) {
    let conv = layer.conv();
    let ([x, mut w, mut b, y], operations) = tensors(&conv);
    let input = [Part { data: &x, channels: conv.in_channels }];
    bencher
        .counter(operations)
        .bench_local(|| backward_weight(&conv, &input, black_box(&y), None, &mut w, Some(&mut b)));
}

/// Channels of the input and the output, height and width; the kernel is 2×2, and moves by 2.
const TRANSPOSED: [[usize; 3]; 4] = [[256, 128, 8], [128, 64, 16], [64, 32, 32], [32, 16, 64]];

fn transposed(
    [in_channels, out_channels, size]: [usize; 3],
) -> (ConvTransposed2d, [Vec<f32>; 4], ItemsCount) {
    let conv = ConvTransposed2d {
        batch: 8,
        in_channels,
        out_channels,
        input: [size; 2],
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output_padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let (input, weight) = (8 * in_channels * size * size, 4 * in_channels * out_channels);
    let sizes = [input, weight, out_channels, 8 * out_channels * 4 * size * size];
    (conv, sizes.map(numbers), ItemsCount::new(2 * weight * 8 * size * size))
}

#[divan::bench(args = TRANSPOSED)]
fn transposed_conv_forward(bencher: Bencher, sizes: [usize; 3]) {
    let (conv, [x, w, b, mut y], operations) = transposed(sizes);
    bencher
        .counter(operations)
        .bench_local(|| transposed_forward(&conv, black_box(&x), &w, Some(&b), &mut y));
}

#[divan::bench(args = TRANSPOSED)]
fn transposed_conv_backward_data(bencher: Bencher, sizes: [usize; 3]) {
    let (conv, [mut x, w, _, y], operations) = transposed(sizes);
    bencher.counter(operations).bench_local(|| transposed_backward_data(&conv, black_box(&y), &w, &mut x));
}

#[divan::bench(args = TRANSPOSED)]
fn transposed_conv_backward_weight(bencher: Bencher, sizes: [usize; 3]) {
    let (conv, [x, mut w, mut b, y], operations) = transposed(sizes);
    bencher
        .counter(operations)
        .bench_local(|| transposed_backward_weight(&conv, &x, black_box(&y), &mut w, Some(&mut b)));
}
