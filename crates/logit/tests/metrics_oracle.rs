//! Every metric and calibration against the Python libraries of the field.
//!
//! `oracle/metrics.py` writes the fixtures, with the versions that they come from. The same data are read as
//! `f64` and, rounded, as `f32`.

use std::fmt::Debug;
use std::path::Path;

use logit::calibration::{Aim, CalibrationError, Temperature, Thresholds};
use logit::metrics::{
    Average, Brier, ConfusionMatrix, Counts, LabelConfusion, LogLoss, Pearson, Ranking, Real, Regression,
    Reliability, Spearman, TopK,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const BETAS: [f64; 3] = [0.5, 1.0, 2.0];
/// Relative differences allowed to numbers read as `f64` and as `f32`.
const DOUBLE: f64 = 1e-10;
const SINGLE: f64 = 1e-5;

#[derive(Deserialize)]
struct Fixture<Case> {
    cases: Vec<Case>,
}

fn cases<Case: DeserializeOwned>(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let fixture: Fixture<Case> = serde_json::from_str(&text).unwrap();
    assert!(!fixture.cases.is_empty());
    fixture.cases
}

fn read<R: Real>(numbers: &[f64]) -> Vec<R> {
    numbers.iter().map(|&number| R::from_f64(number)).collect()
}

#[track_caller]
fn close(
    found: impl Into<Option<f64>> + Debug,
    expected: impl Into<Option<f64>> + Debug,
    tolerance: f64,
    what: &str,
) {
    match (found.into(), expected.into()) {
        (Some(found), Some(expected)) => {
            assert!(
                (found - expected).abs() <= tolerance * expected.abs(),
                "{what}: {found}, expected {expected}"
            );
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

#[track_caller]
fn all_close(found: &[Option<f64>], expected: &[Option<f64>], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (&found, &expected) in found.iter().zip(expected) {
        close(found, expected, tolerance, what);
    }
}

fn values(counts: &[Counts], value: impl Fn(&Counts) -> f64) -> Vec<Option<f64>> {
    counts.iter().map(|counts| Some(value(counts))).collect()
}

#[derive(Deserialize)]
struct Averaged {
    average: String,
    precision: f64,
    recall: f64,
    f_beta: [f64; 3],
}

fn average(name: &str) -> Average {
    serde_json::from_value(name.into()).unwrap()
}

#[derive(Deserialize)]
struct PerClass {
    precision: Vec<Option<f64>>,
    recall: Vec<Option<f64>>,
    iou: Vec<Option<f64>>,
    dice: Vec<Option<f64>>,
    support: Vec<u64>,
}

#[derive(Deserialize)]
struct Confusion {
    name: String,
    classes: usize,
    targets: Vec<i64>,
    decisions: Vec<usize>,
    ignore_index: Option<i64>,
    matrix: Vec<u64>,
    accuracy: f64,
    per_class: PerClass,
    mean_iou: f64,
    mean_dice: f64,
    averages: Vec<Averaged>,
}

#[test]
fn confusion_matrix() {
    for case in cases::<Confusion>("confusion.json") {
        let name = case.name;
        let mut matrix = ConfusionMatrix::new(case.classes).unwrap();
        matrix.update(&case.decisions, &case.targets, case.ignore_index).unwrap();
        assert_eq!(matrix.counts(), case.matrix, "{name}");
        close(matrix.accuracy(), case.accuracy, DOUBLE, &name);
        close(matrix.mean_iou(), case.mean_iou, DOUBLE, &name);
        close(matrix.mean_dice(), case.mean_dice, DOUBLE, &name);

        let (classes, expected) = (matrix.per_class(), case.per_class);
        all_close(&values(&classes, Counts::precision), &expected.precision, DOUBLE, &name);
        all_close(&values(&classes, Counts::recall), &expected.recall, DOUBLE, &name);
        assert_eq!(classes.iter().map(Counts::support).collect::<Vec<_>>(), expected.support, "{name}");
        let iou: Vec<_> = classes.iter().map(Counts::iou).collect();
        let dice: Vec<_> = classes.iter().map(Counts::dice).collect();
        all_close(&iou, &expected.iou, DOUBLE, &name);
        all_close(&dice, &expected.dice, DOUBLE, &name);

        for expected in case.averages {
            let kind = average(&expected.average);
            close(matrix.precision(kind), expected.precision, DOUBLE, &name);
            close(matrix.recall(kind), expected.recall, DOUBLE, &name);
            close(matrix.f1(kind), expected.f_beta[1], DOUBLE, &name);
            for (beta, expected) in BETAS.into_iter().zip(expected.f_beta) {
                close(matrix.f_beta(beta, kind).unwrap(), expected, DOUBLE, &name);
            }
        }
    }
}

#[derive(Deserialize)]
struct Multilabel {
    name: String,
    labels: usize,
    targets: Vec<bool>,
    decisions: Vec<bool>,
    ignore: Option<Vec<bool>>,
    exact_match: f64,
    hamming_loss: f64,
    per_label: Vec<[u64; 4]>,
    mean_iou: f64,
    mean_dice: f64,
    averages: Vec<Averaged>,
}

#[test]
fn label_confusion() {
    for case in cases::<Multilabel>("labels.json") {
        let name = case.name;
        let mut labels = LabelConfusion::new(case.labels).unwrap();
        labels.update(&case.decisions, &case.targets, case.ignore.as_deref()).unwrap();
        let counts = |&[true_negatives, false_positives, false_negatives, true_positives]: &[u64; 4]| {
            Counts { true_positives, false_positives, false_negatives, true_negatives }
        };
        assert_eq!(labels.per_label(), case.per_label.iter().map(counts).collect::<Vec<_>>(), "{name}");
        close(labels.exact_match(), case.exact_match, DOUBLE, &name);
        close(labels.hamming_loss(), case.hamming_loss, DOUBLE, &name);
        close(labels.mean_iou(), case.mean_iou, DOUBLE, &name);
        close(labels.mean_dice(), case.mean_dice, DOUBLE, &name);
        for expected in case.averages {
            check_label_average(&labels, &expected, &name);
        }
    }
}

fn check_label_average(labels: &LabelConfusion, expected: &Averaged, name: &str) {
    let kind = (expected.average != "samples").then(|| average(&expected.average));
    let f_beta = |beta| kind.map_or(labels.row_f_beta(beta), |kind| labels.f_beta(beta, kind)).unwrap();
    close(
        kind.map_or(labels.row_precision(), |kind| labels.precision(kind)),
        expected.precision,
        DOUBLE,
        name,
    );
    close(kind.map_or(labels.row_recall(), |kind| labels.recall(kind)), expected.recall, DOUBLE, name);
    close(kind.map_or(labels.row_f1(), |kind| labels.f1(kind)), expected.f_beta[1], DOUBLE, name);
    for (beta, expected) in BETAS.into_iter().zip(expected.f_beta) {
        close(f_beta(beta), expected, DOUBLE, name);
    }
}

#[derive(Deserialize)]
struct Ranks {
    name: String,
    classes: usize,
    scores: Vec<f64>,
    targets: Vec<i64>,
    ignore_index: Option<i64>,
    accuracy: Vec<f64>,
}

#[test]
fn top_k() {
    fn check<R: Real>(case: &Ranks, tolerance: f64) {
        let mut ranks = TopK::new(case.classes).unwrap();
        ranks.update(&read::<R>(&case.scores), &case.targets, case.ignore_index).unwrap();
        for (k, &expected) in (1..).zip(&case.accuracy) {
            close(ranks.accuracy(k), expected, tolerance, &case.name);
        }
    }
    for case in cases("top_k.json") {
        check::<f64>(&case, DOUBLE);
        check::<f32>(&case, SINGLE);
    }
}

#[derive(Deserialize)]
struct ByColumn {
    per_column: Vec<Option<f64>>,
    micro: Option<f64>,
    r#macro: Option<f64>,
    weighted: Option<f64>,
}

#[derive(Deserialize)]
struct Ranked {
    name: String,
    kind: String,
    columns: usize,
    scores: Vec<f64>,
    #[serde(default)]
    targets: Vec<i64>,
    ignore_index: Option<i64>,
    #[serde(default)]
    positive: Vec<bool>,
    ignore: Option<Vec<bool>>,
    auroc: ByColumn,
    average_precision: ByColumn,
}

#[test]
fn ranking() {
    fn check<R: Real>(case: &Ranked, tolerance: f64) {
        let (name, scores) = (&case.name, read::<R>(&case.scores));
        let mut ranking = Ranking::new(case.columns).unwrap();
        match case.kind.as_str() {
            "classes" => ranking.update_classes(&scores, &case.targets, case.ignore_index),
            _ => ranking.update_labels(&scores, &case.positive, case.ignore.as_deref()),
        }
        .unwrap();
        all_close(&ranking.auroc_per_column(), &case.auroc.per_column, tolerance, name);
        let precision = &case.average_precision;
        all_close(&ranking.average_precision_per_column(), &precision.per_column, tolerance, name);
        for (kind, auroc, precision) in [
            (Average::Micro, case.auroc.micro, precision.micro),
            (Average::Macro, case.auroc.r#macro, precision.r#macro),
            (Average::Weighted, case.auroc.weighted, precision.weighted),
        ] {
            close(ranking.auroc(kind), auroc, tolerance, name);
            close(ranking.average_precision(kind), precision, tolerance, name);
        }
    }
    for case in cases("ranking.json") {
        check::<f64>(&case, DOUBLE);
        check::<f32>(&case, SINGLE);
    }
}

#[derive(Deserialize)]
struct Calibrated {
    bins: usize,
    expected_calibration_error: f64,
    maximum_calibration_error: f64,
    count: Vec<u64>,
    mean_confidence: Vec<Option<f64>>,
    accuracy: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Probable {
    name: String,
    columns: usize,
    logits: Vec<f64>,
    probabilities: Vec<f64>,
    /// Of classes.
    targets: Option<Vec<i64>>,
    ignore_index: Option<i64>,
    /// Of labels.
    #[serde(default)]
    positive: Vec<bool>,
    ignore: Option<Vec<bool>>,
    log_loss: f64,
    /// Where probabilities come in single precision, and are clipped to its epsilon.
    log_loss_single: f64,
    log_loss_from_logits: f64,
    brier: f64,
    reliability: Vec<Calibrated>,
}

#[test]
fn probabilities() {
    for file in ["probability_classes.json", "probability_labels.json"] {
        for case in cases::<Probable>(file) {
            check_probabilities::<f64>(&case, case.log_loss, DOUBLE);
            check_probabilities::<f32>(&case, case.log_loss_single, SINGLE);
        }
    }
}

fn check_probabilities<R: Real>(case: &Probable, expected_loss: f64, tolerance: f64) {
    let (logits, probabilities) = (read::<R>(&case.logits), read::<R>(&case.probabilities));
    let (positive, ignore) = (&case.positive, case.ignore.as_deref());
    let mut loss = LogLoss::new(case.columns).unwrap();
    let mut loss_from_logits = loss.clone();
    let mut brier = Brier::new(case.columns).unwrap();
    if let Some(targets) = &case.targets {
        loss.update_classes(&probabilities, targets, case.ignore_index).unwrap();
        loss_from_logits.update_classes_from_logits(&logits, targets, case.ignore_index).unwrap();
        brier.update_classes(&probabilities, targets, case.ignore_index).unwrap();
    } else {
        loss.update_labels(&probabilities, positive, ignore).unwrap();
        loss_from_logits.update_labels_from_logits(&logits, positive, ignore).unwrap();
        brier.update_labels(&probabilities, positive, ignore).unwrap();
    }
    close(loss.log_loss(), expected_loss, tolerance, &case.name);
    close(loss_from_logits.log_loss(), case.log_loss_from_logits, tolerance, &case.name);
    close(brier.brier(), case.brier, tolerance, &case.name);

    for expected in &case.reliability {
        let mut reliability = Reliability::with_bins(case.columns, expected.bins).unwrap();
        match &case.targets {
            Some(targets) => reliability.update_classes(&probabilities, targets, case.ignore_index),
            None => reliability.update_labels(&probabilities, positive, ignore),
        }
        .unwrap();
        check_reliability(&reliability, expected, tolerance, &case.name);
    }
}

fn check_reliability(reliability: &Reliability, expected: &Calibrated, tolerance: f64, name: &str) {
    close(reliability.expected_calibration_error(), expected.expected_calibration_error, tolerance, name);
    close(reliability.maximum_calibration_error(), expected.maximum_calibration_error, tolerance, name);
    let bins = reliability.bins();
    assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), expected.count, "{name}");
    let confidence: Vec<_> = bins.iter().map(|bin| bin.mean_confidence).collect();
    let accuracy: Vec<_> = bins.iter().map(|bin| bin.accuracy).collect();
    all_close(&confidence, &expected.mean_confidence, tolerance, name);
    all_close(&accuracy, &expected.accuracy, tolerance, name);
}

#[derive(Deserialize)]
struct Errors<Value> {
    mae: Value,
    mse: Value,
    rmse: Value,
    r2: Value,
}

#[derive(Deserialize)]
struct Regressed {
    name: String,
    /// Whether single precision can hold the data.
    single: bool,
    outputs: usize,
    predictions: Vec<f64>,
    targets: Vec<f64>,
    per_output: Errors<Vec<Option<f64>>>,
    mean: Errors<Option<f64>>,
}

#[test]
fn regression() {
    fn check<R: Real>(case: &Regressed, tolerance: f64) {
        let mut errors = Regression::new(case.outputs).unwrap();
        errors.update(&read::<R>(&case.predictions), &read::<R>(&case.targets)).unwrap();
        let (mean, outputs) = (&case.mean, errors.per_output().unwrap());
        for (i, found) in outputs.iter().enumerate() {
            close(found.mae, case.per_output.mae[i], tolerance, &case.name);
            close(found.mse, case.per_output.mse[i], tolerance, &case.name);
            close(found.rmse, case.per_output.rmse[i], tolerance, &case.name);
            close(found.r2, case.per_output.r2[i], tolerance, &case.name);
        }
        assert_eq!(outputs.len(), case.per_output.mae.len());
        close(errors.mae(), mean.mae, tolerance, &case.name);
        close(errors.mse(), mean.mse, tolerance, &case.name);
        close(errors.rmse(), mean.rmse, tolerance, &case.name);
        close(errors.r2(), mean.r2, tolerance, &case.name);
    }
    for case in cases::<Regressed>("regression.json") {
        check::<f64>(&case, DOUBLE);
        if case.single {
            check::<f32>(&case, SINGLE);
        }
    }
}

#[derive(Deserialize)]
struct Correlated {
    name: String,
    /// Whether single precision can hold the data.
    single: bool,
    predictions: Vec<f64>,
    targets: Vec<f64>,
    pearson: Option<f64>,
    spearman: Option<f64>,
}

#[test]
fn correlation() {
    fn check<R: Real>(case: &Correlated, tolerance: f64) {
        let (predictions, targets) = (read::<R>(&case.predictions), read::<R>(&case.targets));
        let (mut pearson, mut spearman) = (Pearson::new(), Spearman::new());
        pearson.update(&predictions, &targets).unwrap();
        spearman.update(&predictions, &targets).unwrap();
        close(pearson.pearson(), case.pearson, tolerance, &case.name);
        close(spearman.spearman(), case.spearman, tolerance, &case.name);
    }
    for case in cases::<Correlated>("correlation.json") {
        check::<f64>(&case, DOUBLE);
        if case.single {
            check::<f32>(&case, SINGLE);
        }
    }
}

#[derive(Deserialize)]
struct Scaled {
    name: String,
    columns: usize,
    logits: Vec<f64>,
    /// Of classes.
    targets: Option<Vec<i64>>,
    ignore_index: Option<i64>,
    /// Of labels.
    #[serde(default)]
    positive: Vec<bool>,
    ignore: Option<Vec<bool>>,
    temperatures: Vec<f64>,
}

#[test]
fn temperature() {
    fn check<R: Real>(case: &Scaled, tolerance: f64) {
        let mut logits = read::<R>(&case.logits);
        let temperature = match &case.targets {
            Some(targets) => Temperature::fit_classes(&logits, targets, case.columns, case.ignore_index),
            None => Temperature::fit_labels(&logits, &case.positive, case.columns, case.ignore.as_deref()),
        }
        .unwrap();
        assert_eq!(temperature.values().len(), case.temperatures.len());
        for (&found, &expected) in temperature.values().iter().zip(&case.temperatures) {
            close(found, expected, tolerance, &case.name);
        }
        temperature.apply(&mut logits).unwrap();
        let scales = case.temperatures.iter().cycle();
        for ((&found, logit), temperature) in logits.iter().zip(&case.logits).zip(scales) {
            close(found.into(), logit / temperature, 2.0 * tolerance, &case.name);
        }
    }
    for file in ["temperature_classes.json", "temperature_labels.json"] {
        for case in cases::<Scaled>(file) {
            check::<f64>(&case, DOUBLE);
            check::<f32>(&case, SINGLE);
        }
    }
}

#[derive(Deserialize)]
struct Aimed {
    aim: Aim,
    /// One a label, null where no threshold serves the aim.
    values: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Decided {
    name: String,
    columns: usize,
    scores: Vec<f64>,
    positive: Vec<bool>,
    aims: Vec<Aimed>,
}

#[test]
fn thresholds() {
    fn check<R: Real>(case: &Decided, tolerance: f64) {
        let mut ranking = Ranking::new(case.columns).unwrap();
        ranking.update_labels(&read::<R>(&case.scores), &case.positive, None).unwrap();
        for Aimed { aim, values } in &case.aims {
            let fitted = Thresholds::fit(&ranking, *aim);
            if let Some(impossible) = values.iter().position(Option::is_none) {
                let error = fitted.unwrap_err();
                assert!(
                    matches!(error, CalibrationError::Unreachable { label, .. } if label == impossible),
                    "{}: {error}",
                    case.name
                );
                continue;
            }
            let found: Vec<_> = fitted.unwrap().values().iter().copied().map(Some).collect();
            all_close(&found, values, tolerance, &format!("{}, {aim:?}", case.name));
        }
    }
    for case in cases("thresholds.json") {
        check::<f64>(&case, DOUBLE);
        check::<f32>(&case, SINGLE);
    }
}
