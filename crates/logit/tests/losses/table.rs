//! Every loss in one table: the promises of all losses, the oracle's numbers and the reading from files are tried on
//! each row. A new loss is a new row.

use logit::loss::{
    AbsoluteLoss, BinaryCrossEntropyLoss, CoralLoss, CornLoss, CrossEntropyLoss, DiceLoss, FocalLoss,
    GaussianLoss, HuberLoss, InterpolatedKlLoss, JaccardLoss, LovaszLoss, PearsonLoss, QuantileLoss,
    SquaredLoss, TverskyLoss,
};
use logit_spec::Loss as Spec;

use super::harness::Kind::{self, Classes, Coral, Corn, Gaussian, Grades, Labels, Quantiles, Values, YesNo};
use super::harness::{Row, Subject, row};

/// A row: the loss, the kinds it is on, its entries in logit-spec, its file of the oracle, and its options under test,
/// each with a kind. Every option is in some row.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Row> {
    const OF_SIX: Kind = Grades { low: 0.0, high: 5.0, steps: 6 };
    vec![
        row!(CrossEntropyLoss on classes, [CrossEntropy], "cross_entropy", [
            "cross entropy": {}, Classes(3);
            "cross entropy with every option":
                { "weight": [1.0, 0.5, 2.0], "label_smoothing": 0.1, "z_loss": 1e-2, "soft_cap": 30.0 }, Classes(3);
        ]),
        row!(BinaryCrossEntropyLoss on labels, [BinaryCrossEntropy], "binary_cross_entropy", [
            "binary cross entropy": {}, YesNo;
            "binary cross entropy with every option":
                { "pos_weight": [3.0, 1.0], "weight": [1.0, 2.0], "label_smoothing": 0.1 }, Labels(2);
        ]),
        row!(FocalLoss on regions, [Focal, BinaryFocal], "focal", [
            "focal of classes": { "weight": [1.0, 0.5, 2.0] }, Classes(3);
            "focal of labels": { "alpha": 0.25 }, Labels(2);
            "focal with a broken gamma": { "gamma": 0.5 }, YesNo;
        ]),
        row!(DiceLoss on regions, [Dice], "dice", [
            "Dice of classes": {}, Classes(3);
            "Dice of labels with every option":
                { "per_sample": true, "include_absent": true, "smooth": 1.0 }, Labels(2);
            "Dice of a yes or no": {}, YesNo;
        ]),
        row!(TverskyLoss on regions, [Tversky], "tversky", [
            "Tversky of classes": { "alpha": 0.7, "beta": 0.3 }, Classes(3);
            "Tversky of labels": { "alpha": 0.3, "beta": 0.7 }, Labels(2);
            "Tversky of a yes or no": { "smooth": 1.0 }, YesNo;
        ]),
        row!(JaccardLoss on regions, [Jaccard], "jaccard", [
            "Jaccard of classes": {}, Classes(3);
            "Jaccard of labels": {}, Labels(2);
            "Jaccard of a yes or no": {}, YesNo;
        ]),
        row!(LovaszLoss on regions, [Lovasz], "lovasz", [
            "Lovász of classes": {}, Classes(3);
            "Lovász of labels": {}, Labels(2);
            "Lovász of each sample": { "per_sample": true }, YesNo;
        ]),
        row!(SquaredLoss on values, [Squared], "squared", [
            "squared": { "weight": [1.0, 2.0] }, Values(2);
        ]),
        row!(AbsoluteLoss on values, [Absolute], "absolute", [
            "absolute": {}, Values(1);
        ]),
        row!(HuberLoss on values, [Huber], "huber", [
            "Huber": { "delta": 0.5 }, Values(2);
        ]),
        row!(GaussianLoss on gaussian, [GaussianNll], "gaussian_nll", [
            "Gaussian": { "full": true, "eps": 1e-3 }, Gaussian(1);
        ]),
        row!(QuantileLoss on quantiles, [Quantile], "quantile", [
            "quantile": {}, Quantiles(2, vec![0.1, 0.5, 0.9]);
        ]),
        row!(InterpolatedKlLoss on grades, [InterpolatedKl], "interpolated_kl", [
            "interpolated KL": {}, OF_SIX;
        ]),
        row!(PearsonLoss on whole_batch, [MinusPearson], "minus_pearson", [
            "minus Pearson": {}, OF_SIX;
        ]),
        row!(CoralLoss on coral, [Coral], "coral", [
            "CORAL": { "importance_weight": [1.0, 2.0, 1.0] }, Coral { low: 0.0, high: 5.0, steps: 4 };
        ]),
        row!(CornLoss on corn, [Corn], "corn", [
            "CORN": {}, Corn { low: 0.0, high: 5.0, steps: 4 };
        ]),
    ]
}

/// Every loss with each of its options under test.
pub(crate) fn every_loss() -> Vec<Subject> {
    table().into_iter().flat_map(|row| row.subjects).collect()
}

/// The losses that `logit_spec` says this crate has, and that it exports, are those of the table.
#[test]
fn the_table_has_the_losses_of_the_spec_and_of_the_crate() {
    let rows = table();
    for &spec in Spec::ALL {
        let found = rows.iter().filter(|row| row.specs.contains(&spec)).count();
        assert_eq!(found, usize::from(spec.facts().native), "`native` of {spec}, and rows for it");
    }
    for row in &rows {
        let answers: Vec<_> = row.specs.iter().flat_map(|spec| spec.answers()).collect();
        for answer in &answers {
            let taken = row.subjects.iter().any(|subject| subject.kind.answer() == **answer);
            assert!(taken, "{} is a loss of {answer}, says the spec", row.name);
        }
        for subject in &row.subjects {
            assert!(answers.contains(&&subject.kind.answer()), "{} on {}", row.name, subject.kind.answer());
        }
    }
    let mut exported: Vec<&str> = include_str!("../../src/loss/mod.rs")
        .lines()
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.ends_with("Loss") && !["Loss", "OverlapLoss", "ErrorLoss"].contains(word))
        .collect();
    let mut named: Vec<&str> = rows.iter().map(|row| row.name).collect();
    named.sort_unstable();
    exported.sort_unstable();
    assert_eq!(named, exported, "the rows, and what `logit::loss` exports");
}
