//! Large logits, half precision, and batches without spread.

use burn::tensor::DType;
use logit::loss::{PearsonLoss, Reduction};
use logit::{Grades, Logits};
use logit_spec::Rule;

use super::harness::{Subject, floats, read};
use super::table::every_loss;

fn rows(subject: &Subject, count: usize) -> (Vec<f64>, Vec<f64>) {
    let logits = (0..count * subject.units).map(|i| 3.0 * (i as f64 * 1.7).sin()).collect();
    let columns = subject.targets.columns();
    let targets = (0..count * columns).map(|i| subject.targets.at_share((i as f64 * 0.37).fract())).collect();
    (logits, targets)
}

#[test]
fn logits_of_ten_thousand_give_finite_losses_and_gradients() {
    for subject in every_loss() {
        for sign in [1.0, -1.0] {
            let (logits, targets) = rows(&subject, 4);
            let far: Vec<f64> = logits.iter().map(|logit| sign * 1e4_f64.copysign(*logit)).collect();
            let outcome = subject.run(&far, &targets, DType::F32);
            assert!(outcome.value().is_finite(), "{}: {}", subject.name, outcome.value());
            let finite = outcome.gradient.iter().all(|g| g.is_finite());
            assert!(finite, "{}: {:?}", subject.name, outcome.gradient);
        }
    }
}

#[test]
fn equal_logits_of_any_size_give_the_same_gradient() {
    for subject in
        every_loss().into_iter().filter(|s| s.name == "cross entropy" || s.name == "focal of classes")
    {
        let (_, targets) = rows(&subject, 4);
        let near = subject.run(&vec![0.0; 4 * subject.units], &targets, DType::F32);
        let far = subject.run(&vec![-1e4; 4 * subject.units], &targets, DType::F32);
        assert_eq!(near.gradient, far.gradient, "{}", subject.name);
    }
}

#[test]
fn half_precision_is_summed_in_single() {
    for subject in every_loss() {
        for (half, rounding) in [(DType::F16, 1e-3), (DType::BF16, 8e-3)] {
            let (logits, targets) = rows(&subject, 300);
            let rounded = read(floats([logits.as_slice()].concat().as_slice(), [logits.len()], half));
            let single = subject.run(&rounded, &targets, DType::F32);
            let outcome = subject.run(&logits, &targets, half);
            assert_eq!(outcome.loss.value.dtype(), DType::F32, "{}", subject.name);
            let error = (outcome.value() - single.value()).abs();
            assert!(error <= 1e-6 * single.value().abs().max(1.0), "{} {half:?}: {error:e}", subject.name);
            let largest = single.gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            for (a, b) in outcome.gradient.iter().zip(&single.gradient) {
                assert!((a - b).abs() <= rounding * largest, "{} {half:?}: {a} {b}", subject.name);
            }
        }
    }
}

#[test]
fn a_sum_is_the_mean_times_what_it_divides_by() {
    use logit::{Classes, loss::CrossEntropyLoss};
    let logits = Logits::new(floats(&[1.0, 0.0, -2.0, 0.5], [2, 2], DType::F64), Classes::new(2)).unwrap();
    let targets = super::harness::indices::<1>(&[0.0, 1.0], [2]);
    let loss = CrossEntropyLoss::new().with_weight([3.0, 5.0]);
    let mean = read(loss.forward(logits.clone(), targets.clone()).unwrap().value)[0];
    let sum = read(loss.with_reduction(Reduction::Sum).forward(logits, targets).unwrap().value)[0];
    assert!((sum - 8.0 * mean).abs() < 1e-12);
}

#[test]
fn pearson_without_spread_is_zero_and_says_of_what() {
    let run = |logits: &[f64], targets: &[f64]| {
        let raw = floats(logits, [targets.len(), 2], DType::F32).require_grad();
        let grades = floats::<1>(targets, [targets.len()], DType::F32);
        let logits = Logits::new(raw.clone(), Grades::new(0.0, 5.0, 2)).unwrap();
        let loss = PearsonLoss::new().forward(logits, grades).unwrap();
        let gradient = read(raw.grad(&loss.backward()).unwrap());
        assert!(gradient.iter().all(|g| *g == 0.0) && read(loss.value)[0] == 0.0, "{gradient:?}");
        assert_eq!(loss.counted, targets.len());
        let finding = loss.finding.unwrap();
        assert_eq!(finding.fault, Rule::FlatOrSaturatedLogits);
        finding.message
    };
    let varied = [1.0, 0.0, 0.0, 1.0, 0.5, 0.0];
    assert!(run(&[0.3; 6], &[0.0, 2.0, 5.0]).contains("expected grades"));
    assert!(run(&varied, &[2.0; 3]).contains("targets"));
    assert!(run(&[1.0, 0.0], &[2.0]).contains("all the same"));
}
