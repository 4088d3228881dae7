//! Batch norm, pooling, linear layers and optimizer steps at the sizes of the example networks.

use divan::{Bencher, black_box};
use logit_kernels::batch_norm::{BatchNorm, Shape, apply};
use logit_kernels::linear::Linear;
use logit_kernels::optimizer::{AdamStep, Momentum, SgdStep, Velocity, WeightDecay, adam, sgd};
use logit_kernels::place::Place;
use logit_kernels::pool::{Pool2d, average_backward, average_forward, max_backward, max_forward};

fn main() {
    divan::main();
}

/// Numbers of no particular pattern, about zero.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|place| ((place * 7919 + 13) % 1009) as f32 / 504.0 - 1.0).collect()
}

const BATCH_NORMS: [[usize; 3]; 3] = [[8, 16, 128 * 128], [8, 32, 64 * 64], [8, 256, 8 * 8]];

fn shape([batch, channels, inner]: [usize; 3]) -> Shape {
    Shape { batch, channels, inner }
}

#[divan::bench(args = BATCH_NORMS)]
fn batch_norm_forward(bencher: Bencher, sizes: [usize; 3]) {
    let (x, ones) = (numbers(sizes.iter().product()), vec![1.0; sizes[1]]);
    let layer = BatchNorm { shape: shape(sizes), gamma: &ones, beta: &ones, epsilon: 1e-5, relu: true };
    let mut y = vec![0.0; x.len()];
    bencher.bench_local(|| layer.forward_train(black_box(&x), &mut y));
}

#[divan::bench(args = BATCH_NORMS)]
fn batch_norm_backward(bencher: Bencher, sizes: [usize; 3]) {
    let (x, ones) = (numbers(sizes.iter().product()), vec![1.0; sizes[1]]);
    let layer = BatchNorm { shape: shape(sizes), gamma: &ones, beta: &ones, epsilon: 1e-5, relu: true };
    let mut y = vec![0.0; x.len()];
    let statistics = layer.forward_train(&x, &mut y);
    let gradient = x.clone();
    bencher.bench_local(|| {
        layer.backward(black_box(&x), &statistics, Place::Apart { from: &gradient, to: &mut y })
    });
}

#[divan::bench(args = BATCH_NORMS)]
fn batch_norm_inference(bencher: Bencher, sizes: [usize; 3]) {
    let (x, ones) = (numbers(sizes.iter().product()), vec![1.0; sizes[1]]);
    let mut y = vec![0.0; x.len()];
    bencher.bench_local(|| {
        apply(shape(sizes), &ones, &ones, true, Place::Apart { from: black_box(&x), to: &mut y });
    });
}

const POOLS: [[usize; 3]; 3] = [[8 * 16, 128, 128], [64 * 10, 24, 24], [128 * 32, 12, 12]];

fn squares([planes, height, width]: [usize; 3]) -> Pool2d {
    Pool2d::side_by_side(planes, [height, width], [2, 2])
}

/// Windows of 3×3 two apart, over one more row and column on each side.
fn overlapping(sizes: [usize; 3]) -> Pool2d {
    Pool2d { kernel: [3, 3], padding: [1, 1], ..squares(sizes) }
}

fn max_pool(bencher: Bencher, pool: Pool2d, backward: bool) {
    let x = numbers(pool.planes * pool.input[0] * pool.input[1]);
    let [height, width] = pool.output();
    let mut y = vec![0.0; pool.planes * height * width];
    let mut places = vec![0_u8; y.len()];
    max_forward(&pool, &x, false, &mut y, &mut places);
    let mut by_x = vec![0.0; x.len()];
    if backward {
        return bencher.bench_local(|| max_backward(&pool, black_box(&y), &places, &mut by_x));
    }
    bencher.bench_local(|| max_forward(&pool, black_box(&x), false, &mut y, &mut places));
}

#[divan::bench(args = POOLS)]
fn max_pool_forward(bencher: Bencher, sizes: [usize; 3]) {
    max_pool(bencher, squares(sizes), false);
}

#[divan::bench(args = POOLS)]
fn max_pool_backward(bencher: Bencher, sizes: [usize; 3]) {
    max_pool(bencher, squares(sizes), true);
}

#[divan::bench(args = [POOLS[0]])]
fn max_pool_overlapping_forward(bencher: Bencher, sizes: [usize; 3]) {
    max_pool(bencher, overlapping(sizes), false);
}

#[divan::bench(args = [POOLS[0]])]
fn max_pool_overlapping_backward(bencher: Bencher, sizes: [usize; 3]) {
    max_pool(bencher, overlapping(sizes), true);
}

#[divan::bench(args = POOLS)]
fn average_pool_forward(bencher: Bencher, sizes: [usize; 3]) {
    let (pool, x) = (squares(sizes), numbers(sizes.iter().product()));
    let mut y = vec![0.0; x.len() / 4];
    bencher.bench_local(|| average_forward(&pool, true, black_box(&x), &mut y));
}

#[divan::bench(args = POOLS)]
fn average_pool_backward(bencher: Bencher, sizes: [usize; 3]) {
    let pool = squares(sizes);
    let mut by_x = vec![0.0; sizes.iter().product()];
    let by_y = numbers(by_x.len() / 4);
    bencher.bench_local(|| average_backward(&pool, true, black_box(&by_y), &mut by_x));
}

const LINEARS: [[usize; 3]; 5] =
    [[128, 784, 512], [128, 512, 512], [128, 512, 10], [64, 320, 50], [512, 320, 50]];

fn linear([rows, inputs, outputs]: [usize; 3]) -> (Linear, [Vec<f32>; 4]) {
    let of = [rows * inputs, inputs * outputs, outputs, rows * outputs];
    (Linear { rows, inputs, outputs }, of.map(numbers))
}

#[divan::bench(args = LINEARS)]
fn linear_forward(bencher: Bencher, sizes: [usize; 3]) {
    let (layer, [x, weights, bias, mut y]) = linear(sizes);
    bencher.bench_local(|| layer.forward(black_box(&x), &weights, Some(&bias), true, &mut y));
}

#[divan::bench(args = LINEARS)]
fn linear_backward_bias(bencher: Bencher, sizes: [usize; 3]) {
    let (layer, [_, _, _, y]) = linear(sizes);
    let mut gradient = y.clone();
    bencher.bench_local(|| layer.backward_bias(Some(black_box(&y)), Place::Over(&mut gradient)));
}

#[divan::bench(args = LINEARS)]
fn linear_backward_input(bencher: Bencher, sizes: [usize; 3]) {
    let (layer, [mut x, weights, _, y]) = linear(sizes);
    bencher.bench_local(|| layer.backward_input(black_box(&y), &weights, &mut x));
}

#[divan::bench(args = LINEARS)]
fn linear_backward_weights(bencher: Bencher, sizes: [usize; 3]) {
    let (layer, [x, mut weights, _, y]) = linear(sizes);
    bencher.bench_local(|| layer.backward_weights(black_box(&x), &y, &mut weights));
}

#[divan::bench(args = [784 * 512, 1 << 20])]
fn adam_step(bencher: Bencher, len: usize) {
    let mut state = [numbers(len), vec![0.0; len], vec![0.0; len]];
    let gradient = numbers(len);
    let weight_decay = WeightDecay::None;
    let step =
        AdamStep { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay, time: 5 };
    bencher.bench_local(|| {
        let [weights, moment1, moment2] = &mut state;
        adam(weights, black_box(&gradient), moment1, moment2, &step);
    });
}

#[divan::bench(args = [784 * 512, 1 << 20])]
fn sgd_step(bencher: Bencher, len: usize) {
    let [mut weights, mut velocity, gradient] = [(); 3].map(|()| numbers(len));
    let momentum = Momentum { factor: 0.9, dampening: 0.0, nesterov: false };
    let step = SgdStep { learning_rate: 1e-3, momentum, weight_decay: WeightDecay::None };
    bencher.bench_local(|| sgd(&mut weights, black_box(&gradient), Velocity::Next(&mut velocity), &step));
}
