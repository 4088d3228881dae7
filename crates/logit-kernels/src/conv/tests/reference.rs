//! Convolutions in f64, by their definition.

use super::super::{Conv2d, ConvTransposed2d};

/// Numbers between −½ and ½.
pub(super) fn random(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        })
        .collect()
}

/// Every (output place, input place, weight place) of a convolution whose product is part of the output.
pub(super) fn each(conv: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
    let [out_height, out_width] = conv.output();
    let [height, width] = conv.input;
    let inputs = conv.in_channels / conv.groups;
    let outputs = conv.batch * conv.out_channels * out_height * out_width;
    for output in 0..outputs {
        let (x, y) = (output % out_width, output / out_width % out_height);
        let channel = output / (out_width * out_height) % conv.out_channels;
        let image = output / (out_width * out_height * conv.out_channels);
        let group = channel / (conv.out_channels / conv.groups);
        for weight in 0..inputs * conv.kernel[0] * conv.kernel[1] {
            let [ky, kx] = [weight / conv.kernel[1] % conv.kernel[0], weight % conv.kernel[1]];
            let of_group = weight / (conv.kernel[0] * conv.kernel[1]);
            let row = (y * conv.stride[0] + ky * conv.dilation[0]).wrapping_sub(conv.padding[0]);
            let column = (x * conv.stride[1] + kx * conv.dilation[1]).wrapping_sub(conv.padding[1]);
            if row < height && column < width {
                let plane = image * conv.in_channels + group * inputs + of_group;
                let weights = inputs * conv.kernel[0] * conv.kernel[1];
                visit(output, (plane * height + row) * width + column, channel * weights + weight);
            }
        }
    }
}

/// The numbers of a convolution's tensors.
pub(super) struct Sizes {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) weight: usize,
    pub(super) output_plane: usize,
}

pub(super) fn sizes(conv: &Conv2d) -> Sizes {
    let output_plane = conv.output().iter().product::<usize>();
    Sizes {
        input: conv.batch * conv.in_channels * conv.input[0] * conv.input[1],
        output: conv.batch * conv.out_channels * output_plane,
        weight: conv.out_channels * conv.in_channels / conv.groups * conv.kernel[0] * conv.kernel[1],
        output_plane,
    }
}

pub(super) fn forward(conv: &Conv2d, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f64> {
    let sizes = sizes(conv);
    let channel = |at: usize| at / sizes.output_plane % conv.out_channels;
    let mut y: Vec<f64> = (0..sizes.output).map(|at| f64::from(b[channel(at)])).collect();
    each(conv, |output, input, weight| y[output] += f64::from(x[input]) * f64::from(w[weight]));
    y
}

/// The gradients by input, weight and bias.
pub(super) fn backward(conv: &Conv2d, x: &[f32], w: &[f32], g: &[f32]) -> [Vec<f64>; 3] {
    let sizes = sizes(conv);
    let mut gradients = [vec![0.0; sizes.input], vec![0.0; sizes.weight], vec![0.0; conv.out_channels]];
    let [dx, dw, db] = &mut gradients;
    each(conv, |output, input, weight| {
        dx[input] += f64::from(g[output]) * f64::from(w[weight]);
        dw[weight] += f64::from(g[output]) * f64::from(x[input]);
    });
    for (at, g) in g.iter().enumerate() {
        db[at / sizes.output_plane % conv.out_channels] += f64::from(*g);
    }
    gradients
}

/// A transposed convolution: the outputs are where the convolution from them would read its inputs.
pub(super) fn transposed(conv: &ConvTransposed2d, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f64> {
    let inner = conv.convolution();
    let plane = conv.output().iter().product::<usize>();
    let numbers = conv.batch * conv.out_channels * plane;
    let mut y: Vec<f64> = (0..numbers).map(|at| f64::from(b[at / plane % conv.out_channels])).collect();
    each(&inner, |from, to, weight| y[to] += f64::from(x[from]) * f64::from(w[weight]));
    y
}

/// The gradients of a transposed convolution by input, weight and bias.
pub(super) fn transposed_backward(conv: &ConvTransposed2d, x: &[f32], w: &[f32], g: &[f32]) -> [Vec<f64>; 3] {
    let plane = conv.output().iter().product::<usize>();
    let mut gradients = [vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; conv.out_channels]];
    let [dx, dw, db] = &mut gradients;
    each(&conv.convolution(), |from, to, weight| {
        dx[from] += f64::from(g[to]) * f64::from(w[weight]);
        dw[weight] += f64::from(g[to]) * f64::from(x[from]);
    });
    for (at, g) in g.iter().enumerate() {
        db[at / plane % conv.out_channels] += f64::from(*g);
    }
    gradients
}
