//! Targets that are wrong are errors that name the first place and the value; targets that do not count do not.

use burn::tensor::{DType, Device, Int, Tensor};
use logit::loss::{
    BinaryCrossEntropyLoss, CrossEntropyLoss, DiceLoss, Finding, FocalLoss, InterpolatedKlLoss, LovaszLoss,
    SquaredLoss,
};
use logit::{Classes, Grades, Labels, Logits, LossError, Values};
use logit_spec::Rule;

use super::harness::{Subject, Targets, device, floats, indices, read};
use super::table::every_loss;

/// Three rows of logits that are all different.
fn spread(subject: &Subject) -> Vec<f64> {
    (0..3 * subject.units).map(|i| (i as f64 * 0.7).sin()).collect()
}

/// What is said of three such rows and these targets.
fn refusal(subject: &Subject, targets: &[f64]) -> LossError {
    match subject.try_run(&spread(subject), targets, DType::F32) {
        Ok(outcome) => panic!("{}: no error, but {}", subject.name, outcome.value()),
        Err(error) => error,
    }
}

/// Three rows of good targets, the last number replaced.
fn with_last(subject: &Subject, last: f64) -> Vec<f64> {
    let mut numbers = vec![1.0; 3 * subject.targets.columns()];
    *numbers.last_mut().unwrap() = last;
    numbers
}

fn last_place(subject: &Subject) -> Vec<usize> {
    match subject.targets {
        Targets::Class(_) | Targets::Grade => vec![2],
        Targets::Share(columns) | Targets::Real(columns) => vec![2, columns - 1],
    }
}

#[test]
fn a_wrong_target_is_named_by_place_and_value() {
    for subject in every_loss() {
        let wrong: &[f64] = match subject.targets {
            Targets::Class(_) => &[3.0, 255.0, -1.0],
            Targets::Share(_) => &[-0.25, 1.5, f64::NAN, f64::INFINITY],
            Targets::Real(_) => &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
            Targets::Grade => &[-0.25, 5.5, f64::NAN, f64::INFINITY],
        };
        for &value in wrong {
            let error = refusal(&subject, &with_last(&subject, value)).to_string();
            let start = format!("the target at {:?} is {value}", last_place(&subject));
            assert!(error.starts_with(&start), "{}: {error}", subject.name);
        }
    }
}

#[test]
fn targets_of_another_number_of_rows_are_refused_and_never_broadcast() {
    for subject in every_loss() {
        for rows in [1, 2, 4] {
            let targets = vec![1.0; rows * subject.targets.columns()];
            let error = refusal(&subject, &targets);
            assert!(matches!(&error, LossError::TargetShape { .. }), "{}: {error}", subject.name);
            let (logits, found) = (format!("[3, {}]", subject.units), format!("found [{rows}"));
            let text = error.to_string();
            assert!(text.contains(&logits) && text.contains(&found), "{}: {text}", subject.name);
        }
    }
}

#[test]
fn a_row_of_one_more_unit_is_not_stretched() {
    let logits = Logits::new(floats([0.0; 6].as_slice(), [2, 3], DType::F32), Labels::new(3)).unwrap();
    let error = BinaryCrossEntropyLoss::new()
        .forward(logits, floats::<2>(&[1.0; 2], [2, 1], DType::F32))
        .unwrap_err();
    let text = "targets of shape [2, 3] go with logits of shape [2, 3], found [2, 1]; nothing is broadcast";
    assert_eq!(error.to_string(), text);
}

#[test]
fn the_value_of_a_class_out_of_range_says_what_it_probably_is() {
    let refused = |labels: [f64; 3], loss: CrossEntropyLoss| {
        let logits = Logits::new(floats(&[0.0; 9], [3, 3], DType::F32), Classes::new(3)).unwrap();
        loss.forward(logits, indices::<1>(&labels, [3])).unwrap_err().to_string()
    };
    let plain = CrossEntropyLoss::new;
    assert!(
        refused([1.0, 2.0, 3.0], plain()).ends_with("numbered 0 to 2; these labels count from 1: subtract 1")
    );
    assert!(refused([1.0, 255.0, 0.0], plain()).ends_with("set `ignore_index` to 255"));
    assert!(refused([1.0, -1.0, 0.0], plain()).ends_with("set `ignore_index` to -1"));
    let minus_100 = refused([0.0, -100.0, 255.0], plain().with_ignore_index(255));
    assert!(
        minus_100.starts_with("the target at [1] is -100") && minus_100.ends_with("to -100"),
        "{minus_100}"
    );
    assert!(refused([0.0, 3.0, 1.0], plain()).ends_with("numbered 0 to 2"));
}

#[test]
fn a_place_on_a_map_has_all_its_coordinates() {
    let logits = Logits::new(floats::<4>(&[0.0; 48], [2, 2, 3, 4], DType::F32), Classes::new(2)).unwrap();
    let mut mask = [0.0; 24];
    mask[12 + 2 * 4 + 1] = 7.0;
    let error = DiceLoss::new().forward(logits, indices::<3>(&mask, [2, 3, 4])).unwrap_err().to_string();
    assert!(error.starts_with("the target at [1, 2, 1] is 7"), "{error}");
}

#[test]
fn a_distribution_is_one() {
    let refused = |rows: [f64; 6]| {
        let logits = Logits::new(floats(&[0.0; 6], [2, 3], DType::F32), Classes::new(3)).unwrap();
        let targets = floats::<2>(&rows, [2, 3], DType::F32);
        let cross_entropy = CrossEntropyLoss::new().forward(logits.clone(), targets.clone());
        let dice = DiceLoss::new().forward(logits, targets);
        let refused = dice.map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(cross_entropy.map(|_| ()).map_err(|error| error.to_string()), refused);
        refused
    };
    assert_eq!(refused([1.0, 0.0, 0.0, 0.25, 0.25, 0.5]), Ok(()));
    let too_much = refused([1.0, 0.0, 0.0, 0.5, 0.5, 0.5]).unwrap_err();
    assert!(too_much.contains("at [1] sums to 1.5"), "{too_much}");
    let negative = refused([1.5, -0.5, 0.0, 0.0, 0.0, 1.0]).unwrap_err();
    assert!(negative.contains("at [0]") && negative.contains("least entry -0.5"), "{negative}");
    assert!(refused([1.0, 0.0, 0.0, f64::NAN, 0.5, 0.5]).unwrap_err().contains("at [1]"));
}

#[test]
fn a_distribution_in_half_precision_is_one_too() {
    for (dtype, classes) in [(DType::F16, 3), (DType::F16, 1000), (DType::BF16, 3), (DType::BF16, 1000)] {
        let logits = floats(&vec![0.0; classes], [1, classes], DType::F32);
        let uniform = floats::<2>(&vec![1.0 / classes as f64; classes], [1, classes], dtype);
        let loss =
            CrossEntropyLoss::new().forward(Logits::new(logits, Classes::new(classes)).unwrap(), uniform);
        let surprise = read(loss.unwrap().value)[0] / (classes as f64).ln();
        assert!((surprise - 1.0).abs() < 4e-3, "{dtype:?}, {classes} classes: {surprise}");
    }
}

#[test]
fn an_index_to_ignore_does_not_go_with_a_distribution() {
    let logits = || Logits::new(floats(&[0.0; 2], [1, 2], DType::F32), Classes::new(2)).unwrap();
    let halves = || floats::<2>(&[0.5, 0.5], [1, 2], DType::F32);
    let errors = [
        CrossEntropyLoss::new().with_ignore_index(1).forward(logits(), halves()).unwrap_err(),
        DiceLoss::new().with_ignore_index(1).forward(logits(), halves()).unwrap_err(),
        LovaszLoss::new().with_ignore_index(1).forward(logits(), halves()).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("`ignore_index` marks class indices"), "{error}");
    }
    let focal = FocalLoss::new().forward(logits(), halves()).unwrap_err().to_string();
    assert!(focal.contains("takes class indices"), "{focal}");
}

#[test]
fn when_no_target_counts_the_loss_is_zero_and_says_so() {
    for subject in every_loss().into_iter().filter(|subject| subject.targets.can_be_ignored()) {
        let logits: Vec<f64> = (0..4 * subject.units).map(|i| (i as f64).cos()).collect();
        let ignored = vec![-100.0; 4 * subject.targets.columns()];
        let outcome = subject.run(&logits, &ignored, DType::F32);
        assert_eq!((outcome.value(), outcome.loss.counted), (0.0, 0), "{}", subject.name);
        assert!(outcome.gradient.iter().all(|g| *g == 0.0), "{}: {:?}", subject.name, outcome.gradient);
        let rule = outcome.loss.finding.as_ref().and_then(Finding::rule);
        assert_eq!(rule, Some(Rule::AllTargetsIgnored), "{}", subject.name);
    }
}

#[test]
fn an_empty_batch_is_zero_and_says_so() {
    for subject in every_loss() {
        let outcome = subject.run(&[], &[], DType::F32);
        assert_eq!((outcome.value(), outcome.loss.counted), (0.0, 0), "{}", subject.name);
        let rule = outcome.loss.finding.as_ref().and_then(Finding::rule);
        assert_eq!(rule, Some(Rule::AllTargetsIgnored), "{}", subject.name);
    }
}

#[test]
fn an_empty_batch_of_distributions_is_zero_too() {
    let logits = || Logits::new(floats::<4>(&[], [0, 3, 2, 2], DType::F32), Classes::new(3)).unwrap();
    let targets = || floats::<4>(&[], [0, 3, 2, 2], DType::F32);
    let losses = [
        CrossEntropyLoss::new().with_z_loss(0.1).forward(logits(), targets()).unwrap(),
        DiceLoss::new().with_per_sample(true).forward(logits(), targets()).unwrap(),
        LovaszLoss::new().with_per_sample(true).forward(logits(), targets()).unwrap(),
    ];
    for loss in losses {
        assert!(loss.finding.is_some() && read(loss.value)[0] == 0.0);
    }
}

#[test]
fn without_any_region_the_overlap_costs_nothing() {
    let subject = every_loss().into_iter().find(|subject| subject.name == "Jaccard of labels").unwrap();
    let absent = subject.run(&[0.5; 4], &[0.0; 4], DType::F32);
    assert_eq!((absent.value(), absent.gradient), (0.0, vec![0.0; 4]));
    assert!(subject.run(&[0.5; 4], &[0.0, 0.0, 0.0, 1.0], DType::F32).value() > 0.0);
}

#[test]
fn an_ignored_row_is_a_row_that_is_not_there() {
    for subject in every_loss().into_iter().filter(|subject| subject.targets.can_be_ignored()) {
        if subject.is_per_sample() {
            continue; // A mean over the samples counts each sample, as its peers do.
        }
        let logits: Vec<f64> = (0..3 * subject.units).map(|i| (i as f64 * 1.3).sin()).collect();
        let columns = subject.targets.columns();
        let mut targets = vec![1.0; 3 * columns];
        targets[..columns].fill(-100.0);
        let with = subject.run(&logits, &targets, DType::F64);
        let without = subject.run(&logits[subject.units..], &targets[columns..], DType::F64);
        assert!((with.value() - without.value()).abs() < 1e-12, "{}", subject.name);
        assert!(with.gradient[..subject.units].iter().all(|g| *g == 0.0), "{}", subject.name);
        assert_eq!(with.loss.counted, without.loss.counted, "{}", subject.name);
    }
}

#[test]
fn class_indices_may_be_of_any_whole_type_and_on_the_plain_device() {
    use burn::tensor::IntDType;
    let run = |targets: Tensor<1, Int>| {
        let logits = Logits::new(floats(&[1.0, 0.0, 0.0, 2.0], [2, 2], DType::F32), Classes::new(2)).unwrap();
        let all = [
            CrossEntropyLoss::new().with_weight([1.0, 2.0]).forward(logits.clone(), targets.clone()),
            FocalLoss::new().forward(logits.clone(), targets.clone()),
            DiceLoss::new().forward(logits, targets),
        ];
        all.map(|loss| read(loss.unwrap().value)[0].to_bits())
    };
    let expected = run(Tensor::from_ints([0, 1], &device()));
    for dtype in [IntDType::I32, IntDType::U8] {
        assert_eq!(run(Tensor::<1, Int>::from_ints([0, 1], &device()).cast(dtype)), expected, "{dtype:?}");
    }
    assert_eq!(run(Tensor::from_ints([0, 1], &Device::flex())), expected);
}

#[test]
fn targets_may_come_from_a_device_without_gradients() {
    let targets = || Tensor::<2>::from_floats([[0.0, 1.0]], &Device::flex());
    let logits = || floats::<2>(&[1.0, 2.0], [1, 2], DType::F32).require_grad();
    let labels = Logits::new(logits(), Labels::new(2)).unwrap();
    BinaryCrossEntropyLoss::new().forward(labels.clone(), targets()).unwrap().backward();
    DiceLoss::new().forward(labels, targets()).unwrap().backward();
    let values = Logits::new(logits(), Values::new(2)).unwrap();
    SquaredLoss::new().forward(values, targets()).unwrap().backward();
    let grades = Tensor::<1>::from_floats([1.5], &Device::flex());
    let steps = Logits::new(logits(), Grades::new(0.0, 5.0, 2)).unwrap();
    InterpolatedKlLoss::new().forward(steps, grades).unwrap().backward();
}
