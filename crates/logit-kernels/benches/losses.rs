//! Losses with their gradients, at sizes of classification, segmentation, tagging and language models.

use divan::{Bencher, black_box};
use logit_kernels::loss::{BinaryCrossEntropy, CrossEntropy, FocalOverClasses, Pass, Scales, Targets};
use logit_kernels::softmax::{Shape, softmax};

fn main() {
    divan::main();
}

const SHAPES: [[usize; 3]; 4] = [[65_536, 1000, 1], [65_536, 10, 1], [8, 5, 256 * 256], [8, 150, 128 * 128]];

fn shape([outer, units, inner]: [usize; 3]) -> Shape {
    Shape { outer, units, inner }
}

/// Numbers of no particular pattern, about zero.
fn numbers(shape: Shape) -> Vec<f32> {
    (0..shape.len()).map(|place| ((place * 7919 + 13) % 1009) as f32 / 168.0 - 3.0).collect()
}

fn classes(shape: Shape) -> Vec<i64> {
    (0..shape.positions()).map(|position| (position * 31 % shape.units) as i64).collect()
}

#[divan::bench(args = SHAPES)]
fn cross_entropy_in_place(bencher: Bencher, sizes: [usize; 3]) {
    let shape = shape(sizes);
    let (mut logits, index) = (numbers(shape), classes(shape));
    let targets = Targets::Index { index: index.as_slice().into(), ignore_index: None };
    bencher.bench_local(|| {
        CrossEntropy::new(shape).run(Pass::InPlace(black_box(&mut logits)), targets, Scales::ONE, None)
    });
}

#[divan::bench(args = SHAPES)]
fn cross_entropy_beside(bencher: Bencher, sizes: [usize; 3]) {
    let shape = shape(sizes);
    let (logits, index) = (numbers(shape), classes(shape));
    let mut gradient = vec![0.0; logits.len()];
    let targets = Targets::Index { index: index.as_slice().into(), ignore_index: None };
    bencher.bench_local(|| {
        let pass = Pass::Into { logits: black_box(&logits), gradient: &mut gradient };
        CrossEntropy::new(shape).run(pass, targets, Scales::ONE, None)
    });
}

#[divan::bench(args = SHAPES)]
fn focal_beside(bencher: Bencher, sizes: [usize; 3]) {
    let shape = shape(sizes);
    let (logits, index) = (numbers(shape), classes(shape));
    let mut gradient = vec![0.0; logits.len()];
    let focal = FocalOverClasses { shape, gamma: 2.0, weight: None, ignore_index: None };
    bencher.bench_local(|| {
        let pass = Pass::Into { logits: black_box(&logits), gradient: &mut gradient };
        focal.run(pass, index.as_slice().into(), 1.0, None)
    });
}

#[divan::bench(args = [[4096, 1000, 1], [8, 3, 256 * 256]])]
fn binary_cross_entropy_beside(bencher: Bencher, sizes: [usize; 3]) {
    let shape = shape(sizes);
    let logits = numbers(shape);
    let targets: Vec<f32> = logits.iter().map(|logit| f32::from(u8::from(*logit > 2.0))).collect();
    let pos_weight = vec![2.0; shape.units];
    let mut gradient = vec![0.0; logits.len()];
    let loss = BinaryCrossEntropy { pos_weight: Some(&pos_weight), ..BinaryCrossEntropy::new(shape) };
    bencher.bench_local(|| {
        let pass = Pass::Into { logits: black_box(&logits), gradient: &mut gradient };
        loss.run(pass, &targets, 1.0, None)
    });
}

#[divan::bench(args = SHAPES)]
fn softmax_forward(bencher: Bencher, sizes: [usize; 3]) {
    let shape = shape(sizes);
    let x = numbers(shape);
    let mut y = vec![0.0; x.len()];
    bencher.bench_local(|| softmax(shape, black_box(&x), &mut y));
}
