//! Options that do not fit are errors that name them; options are read from files.

use burn::tensor::DType;
use logit::loss::{
    BinaryCrossEntropyLoss, CoralLoss, CrossEntropyLoss, DiceLoss, FocalLoss, GaussianLoss, HuberLoss,
    PearsonLoss, Reduction, SquaredLoss, TverskyLoss,
};
use logit::{Classes, Grades, Labels, Logits, Values};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::harness::{floats, indices, read, round_trip};
use super::table::table;

/// The error of a loss on two rows of zeros.
macro_rules! refused {
    ($loss:expr, $kind:expr, $targets:expr) => {{
        let kind = $kind;
        let units = logit::Kind::units(&kind);
        let logits = Logits::new(floats(&vec![0.0; 2 * units], [2, units], DType::F32), kind).unwrap();
        $loss.forward(logits, $targets).unwrap_err().to_string()
    }};
}

#[test]
fn an_option_out_of_its_range_is_named_with_its_value() {
    let class = || indices::<1>(&[0.0, 1.0], [2]);
    let share = || floats::<2>(&[0.0; 6], [2, 3], DType::F32);
    let real = || floats::<2>(&[0.0; 2], [2, 1], DType::F32);
    let cross_entropy = CrossEntropyLoss::new;
    let errors = [
        (
            refused!(cross_entropy().with_label_smoothing(1.5), Classes::new(3), class()),
            "`label_smoothing` is 1.5",
        ),
        (
            refused!(cross_entropy().with_label_smoothing(f64::NAN), Classes::new(3), class()),
            "`label_smoothing` is NaN",
        ),
        (refused!(cross_entropy().with_z_loss(-1.0), Classes::new(3), class()), "`z_loss` is -1"),
        (refused!(cross_entropy().with_soft_cap(0.0), Classes::new(3), class()), "`soft_cap` is 0"),
        (refused!(cross_entropy().with_weight([1.0, -1.0, 1.0]), Classes::new(3), class()), "`weight` is -1"),
        (refused!(FocalLoss::new().with_gamma(-2.0), Classes::new(3), class()), "`gamma` is -2"),
        (refused!(FocalLoss::new().with_alpha(2.0), Labels::new(3), share()), "`alpha` is 2"),
        (refused!(DiceLoss::new().with_smooth(-1.0), Classes::new(3), class()), "`smooth` is -1"),
        (refused!(TverskyLoss::new().with_alpha_beta(-1.0, 1.0), Classes::new(3), class()), "`alpha` is -1"),
        (refused!(TverskyLoss::new().with_alpha_beta(1.0, -1.0), Classes::new(3), class()), "`beta` is -1"),
        (refused!(HuberLoss::new().with_delta(0.0), Values::new(1), real()), "`delta` is 0"),
        (refused!(GaussianLoss::new().with_eps(0.0), Values::gaussian(1), real()), "`eps` is 0"),
    ];
    for (error, start) in errors {
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn a_list_of_the_wrong_length_is_named_with_both_lengths() {
    let class = indices::<1>(&[0.0, 1.0], [2]);
    let share = || floats::<2>(&[0.0; 6], [2, 3], DType::F32);
    let grade = floats::<1>(&[0.0; 2], [2], DType::F32);
    let of_two = [1.0, 2.0];
    let errors = [
        (
            refused!(CrossEntropyLoss::new().with_weight(of_two), Classes::new(3), class),
            "`weight` has 2 entries",
            "3 classes",
        ),
        (
            refused!(BinaryCrossEntropyLoss::new().with_weight(of_two), Labels::new(3), share()),
            "`weight` has 2",
            "3 units",
        ),
        (
            refused!(BinaryCrossEntropyLoss::new().with_pos_weight(of_two), Labels::new(3), share()),
            "`pos_weight` has 2",
            "3 units",
        ),
        (
            refused!(FocalLoss::new().with_weight(of_two), Labels::new(3), share()),
            "`weight` has 2",
            "3 units",
        ),
        (
            refused!(SquaredLoss::new().with_weight(of_two), Values::new(3), share()),
            "`weight` has 2",
            "3 values",
        ),
        (
            refused!(CoralLoss::new().with_importance_weight(of_two), Grades::coral(0.0, 5.0, 6), grade),
            "`importance_weight` has 2",
            "5 questions",
        ),
    ];
    for (error, start, end) in errors {
        assert!(error.starts_with(start) && error.contains(end), "{error}");
    }
}

#[test]
fn weights_that_are_all_zero_give_a_zero_loss_that_says_so() {
    let raw = floats::<2>(&[1.0, 0.0, 0.0, 3.0], [2, 2], DType::F32).require_grad();
    let first = || indices::<1>(&[0.0, 0.0], [2]);
    for smoothing in [0.0, 0.1] {
        let loss = CrossEntropyLoss::new().with_weight([0.0, 1.0]).with_label_smoothing(smoothing);
        let loss = loss.forward(Logits::new(raw.clone(), Classes::new(2)).unwrap(), first()).unwrap();
        assert!(loss.finding.as_ref().unwrap().message.contains("weight 0"));
        let gradient = read(raw.grad(&loss.backward()).unwrap());
        assert_eq!((read(loss.value)[0], gradient), (0.0, vec![0.0; 4]), "smoothing {smoothing}");
    }
    let focal = FocalLoss::new().with_weight([0.0, 1.0]);
    let focal = focal.forward(Logits::new(raw, Classes::new(2)).unwrap(), first()).unwrap();
    assert!(focal.finding.is_some() && read(focal.value)[0] == 0.0);
}

#[test]
fn losses_are_written_and_read_back() {
    for row in table() {
        for subject in &row.subjects {
            (row.round_trip)(&subject.options).unwrap_or_else(|error| panic!("{}: {error}", subject.name));
        }
    }
    for options in [json!({ "soft_cap": 30.0, "ignore_index": 255 }), json!({ "reduction": "sum" })] {
        round_trip::<CrossEntropyLoss>(&options).unwrap();
    }
}

#[derive(serde::Deserialize)]
struct Recipe<L> {
    loss: L,
}

fn from_recipe<L: DeserializeOwned>(text: &str) -> L {
    toml::from_str::<Recipe<L>>(text).unwrap().loss
}

#[test]
fn an_option_alone_leaves_the_others_as_they_are() {
    let cross_entropy: CrossEntropyLoss = from_recipe("[loss]\nlabel_smoothing = 0.1\n");
    assert_eq!(cross_entropy, CrossEntropyLoss::new().with_label_smoothing(0.1));
    let tversky: TverskyLoss = from_recipe("[loss]\nalpha = 0.7\nbeta = 0.3\n");
    assert_eq!(tversky, TverskyLoss::new().with_alpha_beta(0.7, 0.3));
    assert_eq!(from_recipe::<TverskyLoss>("[loss]\nsmooth = 1\n"), TverskyLoss::new().with_smooth(1.0));
    assert_eq!(from_recipe::<HuberLoss>("[loss]\ndelta = 0.5\n"), HuberLoss::new().with_delta(0.5));
    let sum: SquaredLoss = from_recipe("[loss]\nreduction = \"sum\"\n");
    assert_eq!(sum, SquaredLoss::new().with_reduction(Reduction::Sum));
    assert_eq!(from_recipe::<PearsonLoss>("[loss]\n"), PearsonLoss::new());
}

#[test]
fn an_option_that_is_none_is_refused_by_name() {
    for row in table() {
        let error = (row.round_trip)(&json!({ "label_smoothin": 0.1 })).unwrap_err();
        assert!(error.contains("label_smoothin"), "{}: {error}", row.name);
    }
}
