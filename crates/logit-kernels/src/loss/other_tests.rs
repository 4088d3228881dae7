//! Binary cross entropy and focal losses against plain f64, their gradients against finite differences of it.

use half::f16;
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::tests::{numbers, shapes};
use super::*;
use crate::math::tests::with_each_width;

const SCALE: f32 = 0.7;
const IGNORE: f32 = -5.0;

/// The derivative of a smooth function, to about ten digits.
fn derivative(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let step = 1e-4;
    (8.0 * (f(x + step) - f(x - step)) - (f(x + 2.0 * step) - f(x - 2.0 * step))) / (12.0 * step)
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn near(value: f32, expected: f64, what: impl std::fmt::Debug) {
    let value = f64::from(value);
    assert!((value - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{value} {expected} {what:?}");
}

/// Hard, soft and ignored targets.
fn targets(len: usize) -> Vec<f32> {
    let of = |(place, soft): (usize, f32)| match place % 5 {
        0 | 1 => 0.0,
        2 => 1.0,
        3 => f32::midpoint(soft, 1.0),
        _ => IGNORE,
    };
    numbers(len, 3).into_iter().enumerate().map(of).collect()
}

/// Checks a loss of entries by every pass: `run` is the loss, `expected` that of a logit, a target and a unit.
fn check_entries(
    shape: Shape,
    spread: f32,
    run: impl Fn(Pass<'_, f32>, &[f32], Option<&mut [f32]>) -> f64,
    expected: impl Fn(f64, f64, usize) -> f64,
) {
    let padded: Vec<f32> = numbers(shape.len() + 1, 1).iter().map(|number| number * spread).collect();
    let (logits, targets) = (&padded[1..], targets(shape.len()));
    let (mut gradient, mut losses) = (vec![f32::NAN; logits.len()], vec![f32::NAN; logits.len()]);
    let sum = run(Pass::Into { logits, gradient: &mut gradient }, &targets, Some(&mut losses));
    let mut all = 0.0;
    for (place, (logit, target)) in logits.iter().zip(&targets).enumerate() {
        let unit = place / shape.inner % shape.units;
        let (logit, target) = (f64::from(*logit), f64::from(*target));
        if target < 0.0 {
            assert_eq!([losses[place], gradient[place]], [0.0; 2]);
            continue;
        }
        let loss = |logit: f64| expected(logit, target, unit);
        near(losses[place], loss(logit), (logit, target));
        near(gradient[place], f64::from(SCALE) * derivative(loss, logit), (logit, target));
        all += loss(logit);
    }
    assert!((sum - all).abs() <= 1e-5 * (1.0 + all.abs()), "{sum} {all}");
    assert_eq!(run(Pass::Value(logits), &targets, None).to_bits(), sum.to_bits());
    let mut over = logits.to_vec();
    run(Pass::InPlace(&mut over), &targets, None);
    assert_eq!(over, gradient);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn binary_cross_entropy_agrees_with_f64(
        shape in shapes(), weighted: [bool; 2], label_smoothing in prop_oneof![Just(0.0), 0.0..1.0_f32],
        spread in 1.0..60.0_f32,
    ) {
        let weights = [7, 9].map(|seed| numbers(shape.units, seed).iter().map(|number| number + 1.0).collect::<Vec<f32>>());
        let of = |which: usize, unit: usize| if weighted[which] { f64::from(weights[which][unit]) } else { 1.0 };
        let loss = BinaryCrossEntropy {
            shape,
            weight: weighted[0].then_some(&weights[0]),
            pos_weight: weighted[1].then_some(&weights[1]),
            ignore: Some(IGNORE),
            label_smoothing,
        };
        let smoothing = f64::from(label_smoothing);
        with_each_width(|| check_entries(
            shape,
            spread,
            |pass, targets, losses| loss.run(pass, targets, SCALE, losses),
            |logit, target, unit| {
                let yes = target * (1.0 - smoothing) + smoothing / 2.0;
                of(0, unit) * (of(1, unit) * yes * softplus(-logit) + (1.0 - yes) * softplus(logit))
            },
        ));
    }

    #[test]
    fn focal_loss_over_labels_agrees_with_f64(
        shape in shapes(), gamma in 0.0..4.0_f32, with_alpha: bool, weighted: bool, spread in 1.0..20.0_f32,
    ) {
        let weight: Vec<f32> = numbers(shape.units, 7).iter().map(|number| number + 1.0).collect();
        let alpha = with_alpha.then_some(0.25);
        let loss =
            FocalOverLabels { shape, gamma, alpha, weight: weighted.then_some(&weight), ignore: Some(IGNORE) };
        with_each_width(|| check_entries(
            shape,
            spread,
            |pass, targets, losses| loss.run(pass, targets, SCALE, losses),
            |logit, yes, unit| {
                let (p, q) = ((-softplus(-logit)).exp(), (-softplus(logit)).exp());
                let alpha = if with_alpha { 0.25 * yes + 0.75 * (1.0 - yes) } else { 1.0 };
                let weight = if weighted { f64::from(weight[unit]) } else { 1.0 };
                let surprise = yes * softplus(-logit) + (1.0 - yes) * softplus(logit);
                weight * alpha * (p * (1.0 - yes) + q * yes).powf(gamma.into()) * surprise
            },
        ));
    }

    #[test]
    fn focal_loss_over_classes_agrees_with_f64(
        shape in shapes(), gamma in 0.0..4.0_f32, weighted: bool, spread in 1.0..15.0_f32,
    ) {
        let weight: Vec<f32> = numbers(shape.units, 7).iter().map(|number| number + 1.0).collect();
        let loss = FocalOverClasses { shape, gamma, weight: weighted.then_some(&weight), ignore_index: Some(-100) };
        with_each_width(|| check_focal(&loss, spread));
    }
}

fn check_focal(loss: &FocalOverClasses<'_>, spread: f32) {
    let Shape { units, inner, .. } = loss.shape;
    let logits: Vec<f32> = numbers(loss.shape.len(), 1).iter().map(|number| number * spread).collect();
    let class = |position: usize| if position % 5 == 2 { -100 } else { (position * 13 % units) as i64 };
    let index: Vec<i64> = (0..loss.shape.positions()).map(class).collect();
    let (mut gradient, mut losses) = (vec![f32::NAN; logits.len()], vec![f32::NAN; index.len()]);
    let pass = Pass::Into { logits: &logits, gradient: &mut gradient };
    let sum = loss.run(pass, index.as_slice().into(), SCALE, Some(&mut losses));
    let mut all = 0.0;
    for (position, class) in index.iter().enumerate() {
        let at = |unit: usize| (position / inner * units + unit) * inner + position % inner;
        if *class < 0 {
            assert_eq!(losses[position], 0.0);
            assert!((0..units).all(|unit| gradient[at(unit)] == 0.0));
            continue;
        }
        let class = *class as usize;
        let exponentials: Vec<f64> = (0..units).map(|unit| f64::from(logits[at(unit)]).exp()).collect();
        let total: f64 = exponentials.iter().sum();
        let value = |moved: usize, logit: f64| {
            let own = if moved == class { logit.exp() } else { exponentials[class] };
            let others = total + logit.exp() - exponentials[moved] - own;
            let others = if moved == class { total - exponentials[class] } else { others };
            let weight = loss.weight.map_or(1.0, |weight| f64::from(weight[class]));
            let rest = (others / (others + own)).max(0.0);
            weight * rest.powf(loss.gamma.into()) * (others / own).ln_1p()
        };
        near(losses[position], value(class, f64::from(logits[at(class)])), (position, loss));
        all += value(class, f64::from(logits[at(class)]));
        for unit in 0..units.min(12) {
            let expected = derivative(|logit| value(unit, logit), logits[at(unit)].into());
            near(gradient[at(unit)], f64::from(SCALE) * expected, (position, unit, loss));
        }
    }
    assert!((sum - all).abs() <= 1e-5 * (1.0 + all.abs()), "{sum} {all}");
    assert_eq!(loss.run(Pass::Value(&logits), index.as_slice().into(), SCALE, None).to_bits(), sum.to_bits());
    let mut over = logits;
    loss.run(Pass::InPlace(&mut over), index.as_slice().into(), SCALE, None);
    assert_eq!(over, gradient);
}

#[test]
fn focal_losses_are_finite_for_every_gamma_and_finite_logit() {
    with_each_width(|| {
        for gamma in [0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, 50.0] {
            for most in [0.0, 1e-30, 1.0, 20.0, 88.0, 104.0, 1e4] {
                let mut logits = [most, -most, 0.0, -most];
                let shape = Shape { outer: 1, units: 4, inner: 1 };
                let classes = FocalOverClasses { shape, gamma, weight: None, ignore_index: None };
                for class in 0..4 {
                    let mut logits = logits;
                    let loss = classes.run(Pass::InPlace(&mut logits), Indices::I64(&[class]), 1.0, None);
                    assert!(loss.is_finite() && logits.iter().all(|gradient| gradient.is_finite()));
                }
                let labels = FocalOverLabels { shape, gamma, alpha: None, weight: None, ignore: None };
                for targets in [[0.0; 4], [1.0; 4], [0.5; 4], [1e-30, 0.1, 1.0, 1.0]] {
                    let mut logits = logits;
                    let loss = labels.run(Pass::InPlace(&mut logits), &targets, 1.0, None);
                    assert!(loss.is_finite(), "{gamma} {most} {targets:?}");
                    assert!(logits.iter().all(|gradient| gradient.is_finite()), "{gamma} {most} {logits:?}");
                }
                logits.fill(0.0);
            }
        }
    });
}

#[test]
fn nan_stays_in_its_entry() {
    with_each_width(|| {
        let shape = Shape { outer: 7, units: 6, inner: 5 };
        let (mut logits, mut targets) = (numbers(shape.len(), 1), vec![1.0; shape.len()]);
        [logits[17], logits[100]] = [f32::NAN; 2];
        targets[100] = IGNORE;
        let bce = BinaryCrossEntropy { ignore: Some(IGNORE), ..BinaryCrossEntropy::new(shape) };
        let focal = FocalOverLabels { shape, gamma: 0.5, alpha: None, weight: None, ignore: Some(IGNORE) };
        let mut gradients = [logits.clone(), logits.clone()];
        assert!(bce.run(Pass::InPlace(&mut gradients[0]), &targets, 1.0, None).is_nan());
        assert!(focal.run(Pass::InPlace(&mut gradients[1]), &targets, 1.0, None).is_nan());
        for gradient in gradients {
            assert!(gradient.iter().enumerate().all(|(place, gradient)| gradient.is_nan() == (place == 17)));
            assert_eq!(gradient[100], 0.0);
        }
    });
}

#[test]
fn huge_logits_have_exact_losses_and_gradients() {
    let mut logits = [f32::MAX, -f32::MAX, 1e4, -1e4];
    let bce = BinaryCrossEntropy::new(Shape { outer: 1, units: 4, inner: 1 });
    let mut losses = [0.0; 4];
    bce.run(Pass::InPlace(&mut logits), &[1.0, 1.0, 0.0, 0.0], 1.0, Some(&mut losses));
    assert_eq!(losses, [0.0, f32::MAX, 1e4, 0.0]);
    assert_eq!(logits, [0.0, -1.0, 1.0, 0.0]);
}

#[test]
fn half_precision_is_that_of_its_numbers() {
    let shape = Shape { outer: 40, units: 70, inner: 1 };
    let logits: Vec<f16> = numbers(shape.len(), 1).iter().map(|number| f16::from_f32(number * 5.0)).collect();
    let wide: Vec<f32> = logits.iter().map(|logit| logit.to_f32()).collect();
    let bce = BinaryCrossEntropy { ignore: Some(IGNORE), ..BinaryCrossEntropy::new(shape) };
    let targets = targets(shape.len());
    let (mut narrow, mut exact) = (vec![f16::NAN; logits.len()], wide.clone());
    let sum = bce.run(Pass::Into { logits: &logits, gradient: &mut narrow }, &targets, 1.0, None);
    assert_eq!(sum.to_bits(), bce.run(Pass::InPlace(&mut exact), &targets, 1.0, None).to_bits());
    assert!(narrow.iter().zip(exact).all(|(narrow, exact)| *narrow == f16::from_f32(exact)));
}

#[test]
fn the_same_for_every_number_of_threads() {
    let shape = Shape { outer: 900, units: 130, inner: 1 };
    let (logits, targets) = (numbers(shape.len(), 1), targets(shape.len()));
    let classes: Vec<i64> = (0..900).map(|row| row % 130).collect();
    let run = || {
        let mut gradients = [logits.clone(), logits.clone()];
        let [by_label, by_class] = &mut gradients;
        let bce = BinaryCrossEntropy { ignore: Some(IGNORE), ..BinaryCrossEntropy::new(shape) };
        let focal = FocalOverClasses { shape, gamma: 2.0, weight: None, ignore_index: None };
        let sums = [
            bce.run(Pass::InPlace(by_label), &targets, 1.0, None),
            focal.run(Pass::InPlace(by_class), classes.as_slice().into(), 1.0, None),
        ];
        (sums, gradients)
    };
    let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    let one = with(1);
    assert!(one == with(2));
    assert!(one == with(3));
}
