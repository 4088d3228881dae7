//! Losses over classes against plain f64.

use half::{bf16, f16};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::element::Element;
use crate::math::tests::with_each_width;

/// Numbers in [-1, 1).
pub(crate) fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|place| ((place * 7919 + seed * 104_729 + 13) % 10_007) as f32 / 5003.5 - 1.0).collect()
}

#[derive(Clone, Debug)]
struct Case {
    shape: Shape,
    weighted: bool,
    label_smoothing: f32,
    z_loss: f32,
    soft_cap: Option<f32>,
    /// 0: indices; 1: a distribution; 2: places on a scale.
    target: usize,
    spread: f32,
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let rows = (0..40_usize, 1..70_usize).prop_map(|(outer, units)| Shape { outer, units, inner: 1 });
    let long = (1..4_usize, 500..2100_usize).prop_map(|(outer, units)| Shape { outer, units, inner: 1 });
    let planes = (0..4_usize, 1..40_usize, 0..90_usize).prop_map(|(outer, units, inner)| Shape {
        outer,
        units,
        inner,
    });
    let wide = (1..3_usize, 1..6_usize, 500..1200_usize).prop_map(|(outer, units, inner)| Shape {
        outer,
        units,
        inner,
    });
    prop_oneof![rows, long, planes, wide]
}

fn cases() -> impl Strategy<Value = Case> {
    let options = (any::<bool>(), prop_oneof![Just(0.0), 0.0..1.0_f32], prop_oneof![Just(0.0), 0.0..0.1_f32]);
    let cap = prop_oneof![Just(None), (1.0..30.0_f32).prop_map(Some)];
    (shapes(), options, cap, 0..3_usize, 1.0..40.0_f32).prop_map(
        |(shape, (weighted, label_smoothing, z_loss), soft_cap, target, spread)| Case {
            shape,
            weighted,
            label_smoothing,
            z_loss,
            soft_cap,
            target,
            spread,
        },
    )
}

/// What a loss should be: surprise and z of each position, and the gradient.
struct Expected {
    surprise: Vec<f64>,
    z: Vec<f64>,
    gradient: Vec<f64>,
}

/// Weights and targets of every kind.
struct Inputs {
    weight: Vec<f32>,
    index: Vec<i64>,
    distribution: Vec<f32>,
    places: Vec<f32>,
}

const IGNORE: i64 = -3;
const SCALES: Scales = Scales { surprise: 0.5, z: 2.0 };

impl Case {
    fn inputs(&self) -> Inputs {
        Inputs {
            weight: self.weight(),
            index: self.index(),
            distribution: self.distribution(),
            places: self.places(),
        }
    }

    fn weight(&self) -> Vec<f32> {
        numbers(self.shape.units, 5).iter().map(|number| number + 1.0).collect()
    }

    fn index(&self) -> Vec<i64> {
        let units = self.shape.units as i64;
        let of = |position: i64| if position % 7 == 3 { IGNORE } else { position * 31 % units };
        (0..self.shape.positions() as i64).map(of).collect()
    }

    fn distribution(&self) -> Vec<f32> {
        numbers(self.shape.len(), 6).iter().map(|number| (number + 1.0) / self.shape.units as f32).collect()
    }

    fn places(&self) -> Vec<f32> {
        let last = (self.shape.units - 1) as f32;
        let of = |number: &f32| ((number + 1.0) / 2.0 * last).min(last);
        numbers(self.shape.positions(), 8).iter().map(of).collect()
    }

    /// The target of an entry: an amount of surprise; none where the position does not count.
    fn amount(&self, inputs: &Inputs, position: usize, unit: usize) -> Option<f64> {
        let Shape { units, inner, .. } = self.shape;
        let weight = if self.weighted { f64::from(inputs.weight[unit]) } else { 1.0 };
        let smoothing = f64::from(self.label_smoothing);
        let share = match self.target {
            0 => {
                let class = inputs.index[position];
                if class == IGNORE {
                    return None;
                }
                f64::from(u8::from(class == unit as i64))
            }
            1 => f64::from(inputs.distribution[(position / inner * units + unit) * inner + position % inner]),
            _ => return Some((1.0 - (unit as f64 - f64::from(inputs.places[position])).abs()).max(0.0)),
        };
        Some(weight * ((1.0 - smoothing) * share + smoothing / units as f64))
    }

    fn expected(&self, logits: &[f32]) -> Expected {
        let Shape { units, inner, .. } = self.shape;
        let positions = self.shape.positions();
        let inputs = self.inputs();
        let mut expected = Expected {
            surprise: vec![0.0; positions],
            z: vec![0.0; positions],
            gradient: vec![0.0; logits.len()],
        };
        let (cap, z_loss) = if self.target == 2 { (None, 0.0) } else { (self.soft_cap, self.z_loss.into()) };
        for position in 0..positions {
            let at = |unit: usize| (position / inner * units + unit) * inner + position % inner;
            let slopes =
                (0..units).map(|unit| cap.map(|cap| (f64::from(logits[at(unit)]) / f64::from(cap)).tanh()));
            let slopes: Vec<Option<f64>> = slopes.collect();
            let logit = |unit: usize| match slopes[unit] {
                Some(tanh) => tanh * f64::from(cap.unwrap()),
                None => f64::from(logits[at(unit)]),
            };
            let most = (0..units).map(logit).fold(f64::NEG_INFINITY, f64::max);
            let lse = (0..units).map(|unit| (logit(unit) - most).exp()).sum::<f64>().ln() + most;
            let Some(amounts) =
                (0..units).map(|unit| self.amount(&inputs, position, unit)).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let mass: f64 = amounts.iter().sum();
            for (unit, amount) in amounts.into_iter().enumerate() {
                let entropy = if self.target == 2 && amount > 0.0 { amount * amount.ln() } else { 0.0 };
                expected.surprise[position] += amount * (lse - logit(unit)) + entropy;
                let p = (logit(unit) - lse).exp();
                let by_capped = f64::from(SCALES.surprise) * (mass * p - amount)
                    + f64::from(SCALES.z) * 2.0 * z_loss * lse * p;
                expected.gradient[at(unit)] = by_capped * slopes[unit].map_or(1.0, |tanh| 1.0 - tanh * tanh);
            }
            expected.z[position] = z_loss * lse * lse;
        }
        expected
    }

    fn run<E: Element>(&self, pass: Pass<'_, E>, of_position: Option<&mut [f32]>) -> Sums {
        let weight = self.weight();
        let (index, distribution) = (self.index(), self.distribution());
        if self.target == 2 {
            let surprise = interpolated_kl(self.shape, pass, &self.places(), SCALES.surprise, of_position);
            return Sums { surprise, z: 0.0 };
        }
        let loss = CrossEntropy {
            shape: self.shape,
            weight: self.weighted.then_some(&weight),
            label_smoothing: self.label_smoothing,
            z_loss: self.z_loss,
            soft_cap: self.soft_cap,
        };
        let targets = match self.target {
            0 => Targets::Index { index: index.as_slice().into(), ignore_index: Some(IGNORE) },
            _ => Targets::Distribution(&distribution),
        };
        loss.run(pass, targets, SCALES, of_position)
    }

    /// Checks the loss by every pass; `room` is that of the gradient beyond f32.
    fn check<E: Element + PartialEq + std::fmt::Debug>(&self, room: f64) {
        let padded: Vec<E> =
            numbers(self.shape.len() + 1, 1).iter().map(|number| E::of(number * self.spread)).collect();
        let logits = &padded[1..];
        let wide: Vec<f32> = logits.iter().map(|logit| logit.get()).collect();
        let expected = self.expected(&wide);
        let mut gradient = vec![E::of(f32::NAN); logits.len() + 1];
        let mut of_position = vec![f32::NAN; self.shape.positions()];
        let pass = Pass::Into { logits, gradient: &mut gradient[1..] };
        let sums = self.run(pass, Some(&mut of_position));
        for (place, (value, expected)) in gradient[1..].iter().zip(&expected.gradient).enumerate() {
            let value = f64::from(value.get());
            let near = 1e-5 + room * expected.abs();
            assert!((value - expected).abs() <= near, "{place}: {value} {expected} {self:?}");
        }
        for (position, loss) in of_position.iter().enumerate() {
            let expected = expected.surprise[position] + expected.z[position];
            assert!(
                (f64::from(*loss) - expected).abs() <= 3e-5 * (1.0 + expected.abs()),
                "{loss} {expected}"
            );
        }
        for (sum, all) in [(sums.surprise, &expected.surprise), (sums.z, &expected.z)] {
            let all: f64 = all.iter().sum();
            assert!((sum - all).abs() <= 1e-5 * (1.0 + all.abs()), "{sum} {all} {self:?}");
        }
        assert_eq!(self.run(Pass::Value(logits), None), sums);
        let mut over = logits.to_vec();
        assert_eq!(self.run(Pass::InPlace(&mut over), None), sums);
        assert_eq!(over, gradient[1..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn agrees_with_f64(case in cases()) {
        with_each_width(|| case.check::<f32>(1e-5));
    }

    #[test]
    fn agrees_with_f64_in_half_precision(case in cases()) {
        case.check::<f16>(2e-3);
        case.check::<bf16>(2e-2);
    }
}

fn plain(shape: Shape) -> Case {
    Case { shape, weighted: false, label_smoothing: 0.0, z_loss: 0.0, soft_cap: None, target: 0, spread: 3.0 }
}

#[test]
fn the_same_for_every_number_of_threads() {
    for [outer, units, inner] in [[700, 300, 1], [3, 7, 30_000], [40_000, 5, 1]] {
        let case = Case { z_loss: 0.01, label_smoothing: 0.1, ..plain(Shape { outer, units, inner }) };
        let run = || {
            let mut logits = numbers(case.shape.len(), 1);
            let sums = case.run(Pass::InPlace(&mut logits), None);
            (sums, logits)
        };
        let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
        let one = with(1);
        assert!(one == with(2));
        assert!(one == with(3));
    }
}

#[test]
fn huge_logits_have_exact_losses_and_gradients() {
    with_each_width(|| {
        for most in [1e4, 1e30, f32::MAX / 2.0] {
            let mut logits = vec![-most; 40];
            logits[11] = most;
            let targets = Targets::Index { index: Indices::I64(&[11]), ignore_index: None };
            let loss = CrossEntropy::new(Shape { outer: 1, units: 40, inner: 1 });
            let mut right = logits.clone();
            assert_eq!(loss.run(Pass::InPlace(&mut right), targets, Scales::ONE, None).surprise, 0.0);
            assert!(right.iter().all(|gradient| *gradient == 0.0));
            let wrong = Targets::Index { index: Indices::I64(&[12]), ignore_index: None };
            let surprise = loss.run(Pass::InPlace(&mut logits), wrong, Scales::ONE, None).surprise;
            assert_eq!(surprise, 2.0 * f64::from(most));
            assert_eq!([logits[11], logits[12], logits[13]], [1.0, -1.0, 0.0]);
        }
    });
}

#[test]
fn nan_stays_in_its_position_and_does_not_count_where_ignored() {
    with_each_width(|| {
        for shape in [Shape { outer: 9, units: 50, inner: 1 }, Shape { outer: 1, units: 5, inner: 90 }] {
            let position = 4;
            let mut logits = numbers(shape.len(), 1);
            logits[if shape.inner == 1 { position * shape.units + 7 } else { 2 * shape.inner + position }] =
                f32::NAN;
            let mut index = vec![1; shape.positions()];
            let loss = CrossEntropy::new(shape);
            for ignored in [false, true] {
                let mut gradient = logits.clone();
                let mut losses = vec![0.0; shape.positions()];
                index[position] = if ignored { -100 } else { 1 };
                let targets = Targets::Index { index: index.as_slice().into(), ignore_index: Some(-100) };
                let sums = loss.run(Pass::InPlace(&mut gradient), targets, Scales::ONE, Some(&mut losses));
                assert_eq!(sums.surprise.is_nan(), !ignored);
                for (of, loss) in losses.iter().enumerate() {
                    assert_eq!(loss.is_nan(), of == position && !ignored);
                }
                let nans = gradient.iter().filter(|gradient| gradient.is_nan()).count();
                assert_eq!(nans, if ignored { 0 } else { shape.units });
            }
        }
    });
}

#[test]
fn infinite_logits_are_shares_of_nothing_or_not_a_number() {
    let loss = CrossEntropy::new(Shape { outer: 1, units: 3, inner: 1 });
    let targets = Targets::Index { index: Indices::I64(&[0]), ignore_index: None };
    let mut logits = [1.0, f32::NEG_INFINITY, 1.0];
    let sums = loss.run(Pass::InPlace(&mut logits), targets, Scales::ONE, None);
    assert!((sums.surprise - 2.0_f64.ln()).abs() < 1e-6);
    assert_eq!(logits, [-0.5, 0.0, 0.5]);
    for mut logits in [[f32::NEG_INFINITY; 3], [0.0, f32::INFINITY, 0.0]] {
        assert!(loss.run(Pass::InPlace(&mut logits), targets, Scales::ONE, None).surprise.is_nan());
        assert!(logits.iter().all(|gradient| gradient.is_nan()));
    }
}

#[test]
fn the_mean_over_many_is_right() {
    let shape = Shape { outer: 20_000, units: 100, inner: 1 };
    let case = Case { spread: 1.0, ..plain(shape) };
    let logits = numbers(shape.len(), 1);
    let counted = case.index().iter().filter(|class| **class != IGNORE).count() as f64;
    let mut expected = 0.0;
    for (row, class) in logits.chunks(100).zip(case.index()).filter(|(_, class)| *class != IGNORE) {
        let lse = row.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln();
        expected += lse - f64::from(row[class as usize]);
    }
    let sums = case.run(Pass::Value(&logits), None);
    assert!(((sums.surprise - expected) / counted).abs() < 1e-6);
}

#[test]
#[should_panic(expected = "class 3 of 3, at position 1")]
fn an_index_out_of_range_is_refused() {
    let targets = Targets::Index { index: Indices::I64(&[0, 3]), ignore_index: None };
    CrossEntropy::new(Shape { outer: 2, units: 3, inner: 1 }).run(
        Pass::Value(&[0.0_f32; 6]),
        targets,
        Scales::ONE,
        None,
    );
}
