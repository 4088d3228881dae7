//! Each rule on frames made by hand, and right frames made by chance.

use logit_spec::{Answer, Level, Loss, Rule};
use proptest::prelude::*;

use super::frames::{Matrix, Random, confusion, each, each_row, frame, layer, reliability, softmax};
use super::{found, kinds, outcome};
use crate::check::{Checks, Outcome};
use crate::telemetry::Frame;
use crate::watched::Subject;

fn checks_of(answer: Answer, units: usize, loss: Loss) -> Checks {
    Checks::new(Subject { answer, units, loss })
}

fn classifier() -> Checks {
    checks_of(Answer::Classes, 4, Loss::CrossEntropy)
}

/// Frames of random numbers that differ from step to step, changed by a function.
fn frames(
    steps: impl IntoIterator<Item = u64>,
    scale: f64,
    change: impl Fn(&Matrix) -> Matrix,
) -> Vec<Frame> {
    let mut random = Random::new(7);
    steps.into_iter().map(|step| frame(step, &change(&random.matrix(32, 4, scale)))).collect()
}

fn with(frames: Vec<Frame>, change: impl Fn(&mut Frame)) -> Vec<Frame> {
    frames.into_iter().map(|mut frame| (change(&mut frame), frame).1).collect()
}

fn same(numbers: &Matrix) -> Matrix {
    numbers.clone()
}

#[test]
fn one_or_two_frames_are_no_evidence() {
    let mut checks = classifier();
    let doubled = frames(0..3, 1.0, |logits| each_row(logits, softmax));
    assert!(found(&mut checks, &doubled[..2]).is_empty());
    assert!(matches!(outcome(&checks, Rule::ActivationBeforeLogitsLoss), Outcome::Unclear { .. }));
    let seen = checks.see(&doubled[2]);
    assert_eq!(kinds(&seen), [(Rule::ActivationBeforeLogitsLoss, Level::Error)]);
    assert_eq!(seen[0].place.step(), Some(2));
    assert!(
        seen[0].finding.message.contains("each row sums to 1 (on 3 frames, steps 0 to 2): as after softmax")
    );
}

#[test]
fn a_fault_is_reported_once() {
    let mut checks = classifier();
    let seen = found(&mut checks, &frames(0..50, 1.0, |logits| each_row(logits, softmax)));
    assert_eq!(seen.len(), 1);
    assert_eq!(outcome(&checks, Rule::ActivationBeforeLogitsLoss), Outcome::Found(seen[0].clone()));
}

#[test]
fn half_precision_probabilities_are_probabilities() {
    let rounded = |logits: &Matrix| each(&each_row(logits, softmax), |p| (p * 256.0).round() / 256.0);
    let plain = frames(0..3, 0.3, |logits| each(&each_row(logits, softmax), |p| p * 1.001));
    assert_eq!(found(&mut classifier(), &plain).len(), 1);
    let coarse = frames(0..3, 0.3, rounded);
    assert!(kinds(&found(&mut classifier(), &coarse)).iter().all(|(_, level)| *level == Level::Error));
}

#[test]
fn a_loss_on_probabilities_takes_a_softmax() {
    let mut checks = checks_of(Answer::Classes, 4, Loss::SparseOnProbabilities);
    assert!(found(&mut checks, &frames(0..50, 2.0, |logits| each_row(logits, softmax))).is_empty());
    assert!(matches!(outcome(&checks, Rule::ActivationBeforeLogitsLoss), Outcome::Unclear { .. }));
    assert!(matches!(outcome(&checks, Rule::SoftmaxAxis), Outcome::Fine { frames: 50, .. }));
}

#[test]
fn small_logits_between_0_and_1_are_no_sigmoid() {
    let mut checks = checks_of(Answer::YesNo, 1, Loss::BinaryCrossEntropy);
    let mut random = Random::new(1);
    let small: Vec<Frame> = (0..500)
        .map(|step| frame(step, &each(&random.matrix(32, 1, 1.0), |z| 0.5 + 0.3 * z.tanh())))
        .collect();
    assert!(found(&mut checks, &small).is_empty());
    assert!(matches!(outcome(&checks, Rule::ActivationBeforeLogitsLoss), Outcome::Unclear { .. }));
}

#[test]
fn a_head_that_starts_at_the_prior_is_no_log_softmax() {
    let prior = [0.9f64, 0.05, 0.03, 0.02].map(f64::ln);
    let near = |scale: f64| {
        move |logits: &Matrix| {
            each_row(logits, |row| row.iter().zip(prior).map(|(z, b)| b + scale * z).collect())
        }
    };
    for scale in [0.0, 1e-6, 1e-3, 0.05] {
        assert!(found(&mut classifier(), &frames(0..10, 1.0, near(scale))).is_empty(), "{scale}");
    }
}

#[test]
fn log_sigmoids_are_no_log_probabilities() {
    let below = frames(0..3, 1.0, |logits| each(logits, |z| -(-z).exp().ln_1p()));
    let mut checks = checks_of(Answer::Classes, 4, Loss::NllOnLogProbabilities);
    assert_eq!(kinds(&found(&mut checks, &below)), [(Rule::NotLogProbabilities, Level::Error)]);
}

#[test]
fn hidden_activations_show_at_their_ends() {
    let every = (0..20).map(|frame| frame * 10);
    for (scale, function, level) in [
        (2.0, (|z| z.max(0.0)) as fn(f64) -> f64, Level::Error),
        (4.0, f64::tanh, Level::Error),
        (2.0, |z| z.clamp(-1.0, 1.0), Level::Error),
        (2.0, |z| z / (1.0 + (-z).exp()), Level::Warning),
        (4.0, |z| z * (z / 6.0 + 0.5).clamp(0.0, 1.0), Level::Warning),
    ] {
        let mut random = Random::new(9);
        let frames: Vec<Frame> =
            every.clone().map(|step| frame(step, &each(&random.matrix(256, 4, scale), function))).collect();
        let seen = found(&mut classifier(), &frames);
        assert_eq!(kinds(&seen), [(Rule::HiddenActivationAtHead, level)]);
    }
}

#[test]
fn sparse_logits_that_start_at_zero_are_no_rectifier() {
    let mut checks = classifier();
    assert!(found(&mut checks, &frames(0..10, 0.0, same)).is_empty());
    let sparse = frames(10..40, 3.0, |logits| each(logits, |z| if z.abs() < 1.0 { 0.0 } else { z }));
    assert!(found(&mut checks, &sparse).is_empty());
    assert!(matches!(outcome(&checks, Rule::HiddenActivationAtHead), Outcome::Fine { .. }));
}

#[test]
fn a_map_whose_softmax_runs_over_its_height_has_equal_columns() {
    let by_four = |logits: &Matrix| {
        let mut out = logits.clone();
        for group in out.chunks_mut(8) {
            for unit in 0..4 {
                let column: Vec<f64> = group.iter().map(|row| row[unit]).collect();
                softmax(&column).iter().zip(group.iter_mut()).for_each(|(p, row)| row[unit] = *p);
            }
        }
        out
    };
    let seen = found(&mut classifier(), &frames(0..3, 1.0, by_four));
    assert_eq!(kinds(&seen), [(Rule::SoftmaxAxis, Level::Error)]);
    assert!(seen[0].finding.message.contains("each unit sums to 4 over the 32 rows"));
}

#[test]
fn first_losses() {
    let first = |loss: f64, chance: f64| {
        with(frames(0..1, 0.3, same), |frame| (frame.loss, frame.chance_loss) = (loss, Some(chance)))
    };
    let guess = 4.0f64.ln();
    for (loss, expected) in [
        (guess, vec![]),
        (0.2, vec![]),
        (2.4 * guess, vec![]),
        (2.6 * guess, vec![(Rule::OddFirstLoss, Level::Warning)]),
        (-0.25, vec![(Rule::OddFirstLoss, Level::Warning)]),
        (32.0 * guess, vec![(Rule::SummedLoss, Level::Warning)]),
        (f64::NAN, vec![]),
    ] {
        assert_eq!(kinds(&found(&mut classifier(), &first(loss, guess))), expected, "{loss}");
    }
    let mut values = checks_of(Answer::Values, 4, Loss::Squared);
    assert!(found(&mut values, &first(9.0, 1.0)).is_empty());
    let mut values = checks_of(Answer::Values, 4, Loss::Squared);
    assert_eq!(kinds(&found(&mut values, &first(32.0, 1.0))), [(Rule::OddFirstLoss, Level::Warning)]);
}

#[test]
fn a_training_that_was_joined_late_has_no_first_loss() {
    let mut checks = classifier();
    let late = with(frames(400..410, 0.3, same), |frame| {
        (frame.loss, frame.chance_loss) = (44.0, Some(1.386));
    });
    assert!(found(&mut checks, &late).is_empty());
    let why = "the first frame is of step 400".to_owned();
    assert_eq!(outcome(&checks, Rule::OddFirstLoss), Outcome::Unclear { why });
}

#[test]
fn a_start_that_is_sure_and_wrong_is_no_sum() {
    let mut checks = classifier();
    let loud = with(frames(0..1, 40.0, same), |frame| (frame.loss, frame.chance_loss) = (44.0, Some(1.386)));
    assert_eq!(kinds(&found(&mut checks, &loud)), [(Rule::OddFirstLoss, Level::Warning)]);
}

#[test]
fn constant_outputs_are_found_once_training_is_on_its_way() {
    let flat = |steps: [u64; 5]| frames(steps, 0.0, |logits| each_row(logits, |_| vec![0.1, -0.4, 0.2, 0.1]));
    assert!(found(&mut classifier(), &flat([0, 1, 2, 3, 4])).is_empty());
    let seen = found(&mut classifier(), &flat([0, 1, 20, 40, 60]));
    assert_eq!(kinds(&seen), [(Rule::FlatOrSaturatedLogits, Level::Warning)]);
    assert_eq!(seen[0].place.step(), Some(60));
}

#[test]
fn certain_outputs_are_found_while_the_loss_is_high() {
    let certain = |loss: f64| {
        with(frames((0..10).map(|frame| frame * 20), 300.0, same), move |frame| {
            frame.reliability = vec![[32.0, 31.99, 20.0]];
            (frame.loss, frame.chance_loss) = (loss, Some(1.386));
        })
    };
    assert_eq!(
        kinds(&found(&mut classifier(), &certain(0.9))),
        [(Rule::FlatOrSaturatedLogits, Level::Warning)]
    );
    assert!(found(&mut classifier(), &certain(0.01)).is_empty());
}

#[test]
fn a_gradient_of_zero_is_an_error_while_there_is_something_to_learn() {
    let still = |norm: f64, loss: f64| {
        with(frames(0..5, 1.0, same), move |frame| (frame.head_gradient_norm, frame.loss) = (norm, loss))
    };
    for (norm, loss) in [(0.0, 1.4), (1e-12, 1.4)] {
        let seen = found(&mut classifier(), &still(norm, loss));
        assert_eq!(kinds(&seen), [(Rule::ZeroGradientAtHead, Level::Error)]);
    }
    for (norm, loss) in [(0.0, 0.0), (0.0, 1e-7), (1e-6, 1.4), (0.0, f64::NAN), (f64::NAN, 1.4)] {
        let seen = found(&mut classifier(), &still(norm, loss));
        assert!(!kinds(&seen).contains(&(Rule::ZeroGradientAtHead, Level::Error)), "{norm} {loss}");
    }
}

#[test]
fn a_training_at_its_end_has_a_small_gradient() {
    let mut checks = classifier();
    let ends =
        with(frames(0..60, 1.0, same), |frame| frame.head_gradient_norm = 0.5f64.powf(frame.step as f64));
    assert!(found(&mut checks, &ends).is_empty());
}

#[test]
fn sorted_samples_do_not_look_shuffled_apart() {
    let sorted = with(frames((0..20).map(|frame| frame * 20), 3.0, same), |frame| {
        frame.output.spread = 0.1 + frame.step as f64;
        frame.loss = 1.386 * (-(frame.step as f64) / 40.0).exp();
        (frame.shuffled_loss, frame.chance_loss) = (Some(frame.loss), Some(1.386));
    });
    let mut checks = classifier();
    assert!(found(&mut checks, &sorted).is_empty());
    assert!(matches!(outcome(&checks, Rule::ShuffledApart), Outcome::Unclear { .. }));
}

#[test]
fn logits_that_grow_are_warned_of_before_they_overflow() {
    let grow =
        |step: u64| frames([step], 1.0, |logits| each(logits, |z| z.signum() * 4000.0 * (step + 1) as f64));
    let mut checks = classifier();
    let seen: Vec<_> = (0..20).flat_map(|step| found(&mut checks, &grow(step))).collect();
    let rule = Rule::HalfPrecisionOverflow;
    assert_eq!(kinds(&seen), [(rule, Level::Warning), (rule, Level::Error)]);
    assert_eq!([&seen[0], &seen[1]].map(|found| found.place.step()), [Some(4), Some(16)]);
    assert_eq!(outcome(&checks, rule), Outcome::Found(seen[1].clone()));
}

#[test]
fn values_may_be_large() {
    let mut checks = checks_of(Answer::Values, 4, Loss::Squared);
    assert!(found(&mut checks, &frames(0..10, 1e6, same)).is_empty());
}

#[test]
fn outputs_that_are_not_numbers_are_errors() {
    let mut fed = Random::new(3).matrix(8, 4, 1.0);
    fed[2][1] = f64::NAN;
    let mut lost = frame(5, &fed);
    lost.layers = vec![layer("logits", &fed)];
    assert_eq!(kinds(&classifier().see(&lost)), [(Rule::HalfPrecisionOverflow, Level::Error)]);
    let mut infinite = frame(5, &fed);
    infinite.output.high = f64::INFINITY;
    assert_eq!(kinds(&classifier().see(&infinite)), [(Rule::HalfPrecisionOverflow, Level::Error)]);
}

#[test]
fn the_report_speaks_of_every_rule() {
    let mut checks = classifier();
    let rules: Vec<u8> = checks.report().iter().map(|verdict| verdict.rule.number()).collect();
    assert_eq!(rules, [2, 3, 11, 20, 21, 22, 23, 24, 25, 32]);
    assert!(checks.report().iter().all(|verdict| matches!(verdict.outcome, Outcome::Unclear { .. })));
    found(&mut checks, &frames(0..200, 3.0, |logits| each_row(logits, softmax)));
    let written = serde_json::to_value(checks.report()).unwrap();
    let doubled = &written[0];
    assert_eq!(doubled["rule"], "activation-before-logits-loss");
    let found = &doubled["outcome"]["found"];
    assert_eq!((&found["step"], &found["finding"]["level"]), (&2.into(), &"error".into()));
    assert_eq!(found["finding"]["rule"], doubled["rule"]);
    assert!(written[1]["outcome"]["unclear"]["why"].is_string());
}

fn entropy_loss(logits: &Matrix, classes: &[usize]) -> f64 {
    let rows = logits.iter().zip(classes).map(|(row, class)| -softmax(row)[*class].max(1e-300).ln());
    rows.sum::<f64>() / classes.len() as f64
}

/// A frame of right logits with their true loss and gradient.
fn right(step: u64, logits: &Matrix, classes: &[usize]) -> Frame {
    let count = classes.len();
    let next: Vec<usize> = (0..count).map(|row| classes[(row + 1) % count]).collect();
    let probabilities = each_row(logits, softmax);
    let by = probabilities.iter().zip(classes).map(|(p, class)| 1.0 - p[*class]).sum::<f64>();
    Frame {
        loss: entropy_loss(logits, classes),
        shuffled_loss: Some(entropy_loss(logits, &next)),
        chance_loss: Some((logits[0].len() as f64).ln()),
        head_gradient_norm: by / count as f64,
        layers: vec![layer("logits", logits)],
        confusion: confusion(logits, classes),
        reliability: reliability(&probabilities, classes),
        ..frame(step, logits)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn right_logits_are_never_an_error(
        seed in any::<u64>(), scale in -2.0..1.3f64, units in 2usize..=100, rows in 1usize..48, offset in -1.0..1.0f64,
        fixed in any::<bool>(),
    ) {
        let mut random = Random::new(seed);
        let mut checks = checks_of(Answer::Classes, units, Loss::CrossEntropy);
        let first = random.matrix(rows, units, 10f64.powf(scale));
        for step in (0..5).chain((1..20).map(|frame| frame * 20)) {
            let fresh = random.matrix(rows, units, 10f64.powf(scale));
            let logits = each(if fixed { &first } else { &fresh }, |z| z + offset);
            let classes: Vec<usize> = (0..rows).map(|_| random.below(units)).collect();
            for seen in checks.see(&right(step, &logits, &classes)) {
                prop_assert!(seen.finding.level < Level::Error, "{:?}", seen);
            }
        }
    }

    #[test]
    fn right_log_probabilities_are_never_found(
        seed in any::<u64>(), scale in -2.0..1.0f64, units in 2usize..=100, rows in 2usize..48,
    ) {
        let mut random = Random::new(seed);
        let mut checks = checks_of(Answer::Classes, units, Loss::NllOnLogProbabilities);
        for step in 0..5 {
            let logits = random.matrix(rows, units, 10f64.powf(scale));
            let fed = each_row(&logits, |row| softmax(row).iter().map(|p| p.ln()).collect());
            let seen = checks.see(&frame(step, &fed));
            prop_assert!(seen.is_empty(), "{:?}", seen);
        }
    }

    #[test]
    fn any_numbers_are_read_without_a_panic(
        numbers in prop::collection::vec(any::<f64>(), 24), steps in prop::collection::vec(any::<u64>(), 6),
    ) {
        let mut checks = classifier();
        for (step, numbers) in steps.into_iter().zip(numbers.chunks(4)) {
            let mut frame = frame(step, &vec![numbers.to_vec(); 3]);
            (frame.loss, frame.learning_rate, frame.head_gradient_norm) = (numbers[0], numbers[1], numbers[2]);
            (frame.shuffled_loss, frame.chance_loss) = (Some(numbers[3]), Some(numbers[0]));
            checks.see(&frame);
            prop_assert_eq!(checks.report().len(), 10);
        }
    }
}
