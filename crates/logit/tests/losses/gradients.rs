//! Gradients: against central differences, and what must hold of them.

use burn::tensor::DType;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::harness::Subject;
use super::table::every_loss;

/// The step of the central differences: its error is of the order of its square.
const STEP: f64 = 1e-5;

/// Few cases, the same in each run.
pub(crate) fn modest() -> ProptestConfig {
    ProptestConfig {
        cases: 24,
        rng_seed: RngSeed::Fixed(20_170_806),
        failure_persistence: None,
        ..Default::default()
    }
}

/// Numbers for three rows of any loss: logits, and targets as shares of their range.
fn three_rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (prop::collection::vec(-3.0..3.0, 18), prop::collection::vec(0.0..1.0, 9))
}

fn of_subject(subject: &Subject, logits: &[f64], units: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let targets = units[..3 * subject.targets.columns()].iter().map(|unit| subject.targets.at_share(*unit));
    (logits[..3 * subject.units].to_vec(), targets.collect())
}

fn central_difference(subject: &Subject, logits: &[f64], targets: &[f64], at: usize) -> f64 {
    let moved = |step: f64| {
        let mut logits = logits.to_vec();
        logits[at] += step;
        subject.run(&logits, targets, DType::F64).value()
    };
    (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
}

proptest! {
    #![proptest_config(modest())]

    #[test]
    fn gradients_are_central_differences((logits, units) in three_rows()) {
        for subject in every_loss() {
            let (logits, targets) = of_subject(&subject, &logits, &units);
            let gradient = subject.run(&logits, &targets, DType::F64).gradient;
            for (at, ours) in gradient.iter().enumerate() {
                let difference = central_difference(&subject, &logits, &targets, at);
                let error = (ours - difference).abs();
                prop_assert!(
                    error <= 1e-6 * difference.abs().max(1.0),
                    "{}, logit {at}: {ours}, by differences {difference}", subject.name
                );
            }
        }
    }

    #[test]
    fn a_softmax_does_not_see_a_shift((logits, units) in three_rows()) {
        for subject in every_loss().into_iter().filter(Subject::is_softmax) {
            let (logits, targets) = of_subject(&subject, &logits, &units);
            let gradient = subject.run(&logits, &targets, DType::F64).gradient;
            for row in gradient.chunks(subject.units) {
                prop_assert!(row.iter().sum::<f64>().abs() < 1e-9, "{}: {row:?}", subject.name);
            }
        }
    }

    #[test]
    fn permuted_classes_have_permuted_gradients((logits, units) in three_rows()) {
        let order = [2, 0, 1];
        for subject in every_loss().into_iter().filter(Subject::is_symmetric) {
            let (logits, targets) = of_subject(&subject, &logits, &units);
            let permuted: Vec<f64> = logits.chunks(3).flat_map(|row| order.map(|class| row[class])).collect();
            let renamed: Vec<f64> =
                targets.iter().map(|t| order.iter().position(|class| *class == *t as usize).unwrap() as f64).collect();
            let (ours, theirs) =
                (subject.run(&logits, &targets, DType::F64), subject.run(&permuted, &renamed, DType::F64));
            prop_assert!((ours.value() - theirs.value()).abs() < 1e-12, "{}", subject.name);
            let expected: Vec<f64> = ours.gradient.chunks(3).flat_map(|row| order.map(|class| row[class])).collect();
            for (a, b) in theirs.gradient.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-9, "{}: {a} {b}", subject.name);
            }
        }
    }
}

#[test]
fn at_zero_the_sigmoid_pulls_by_half_less_the_target() {
    let subject = every_loss().into_iter().find(|subject| subject.name == "binary cross entropy").unwrap();
    let targets = [0.0, 0.25, 0.5, 1.0];
    for dtype in [DType::F32, DType::F64] {
        let gradient = subject.run(&[0.0; 4], &targets, dtype).gradient;
        let expected = targets.map(|target| (0.5 - target) / 4.0);
        assert_eq!(gradient, expected, "{dtype:?}");
    }
}
