//! Options that do not fit are errors that name them; options are read from files.

use burn::tensor::DType;
use logit::loss::{
    BinaryCrossEntropyLoss, CoralLoss, CornLoss, CrossEntropyLoss, DiceLoss, FocalLoss, GaussianLoss,
    HuberLoss, InterpolatedKlLoss, LovaszLoss, PearsonLoss, QuantileLoss, Reduction, SquaredLoss,
    TverskyLoss,
};
use logit::{Classes, Grades, Labels, Logits, Values};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::every_loss::{floats, indices, read};

/// The error of a loss on two rows of zeros.
macro_rules! told {
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
            told!(cross_entropy().with_label_smoothing(1.5), Classes::new(3), class()),
            "`label_smoothing` is 1.5",
        ),
        (
            told!(cross_entropy().with_label_smoothing(f64::NAN), Classes::new(3), class()),
            "`label_smoothing` is NaN",
        ),
        (told!(cross_entropy().with_z_loss(-1.0), Classes::new(3), class()), "`z_loss` is -1"),
        (told!(cross_entropy().with_soft_cap(0.0), Classes::new(3), class()), "`soft_cap` is 0"),
        (told!(cross_entropy().with_weight([1.0, -1.0, 1.0]), Classes::new(3), class()), "`weight` is -1"),
        (told!(FocalLoss::new().with_gamma(-2.0), Classes::new(3), class()), "`gamma` is -2"),
        (told!(FocalLoss::new().with_alpha(2.0), Labels::new(3), share()), "`alpha` is 2"),
        (told!(DiceLoss::new().with_smooth(-1.0), Classes::new(3), class()), "`smooth` is -1"),
        (told!(TverskyLoss::new().with_alpha_beta(-1.0, 1.0), Classes::new(3), class()), "`alpha` is -1"),
        (told!(TverskyLoss::new().with_alpha_beta(1.0, -1.0), Classes::new(3), class()), "`beta` is -1"),
        (told!(HuberLoss::new().with_delta(0.0), Values::new(1), real()), "`delta` is 0"),
        (told!(GaussianLoss::new().with_eps(0.0), Values::gaussian(1), real()), "`eps` is 0"),
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
            told!(CrossEntropyLoss::new().with_weight(of_two), Classes::new(3), class),
            "`weight` has 2 entries",
            "3 classes",
        ),
        (
            told!(BinaryCrossEntropyLoss::new().with_weight(of_two), Labels::new(3), share()),
            "`weight` has 2",
            "3 units",
        ),
        (
            told!(BinaryCrossEntropyLoss::new().with_pos_weight(of_two), Labels::new(3), share()),
            "`pos_weight` has 2",
            "3 units",
        ),
        (told!(FocalLoss::new().with_weight(of_two), Labels::new(3), share()), "`weight` has 2", "3 units"),
        (
            told!(SquaredLoss::new().with_weight(of_two), Values::new(3), share()),
            "`weight` has 2",
            "3 values",
        ),
        (
            told!(CoralLoss::new().with_importance_weight(of_two), Grades::coral(0.0, 5.0, 6), grade),
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

fn round_trip<L: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(loss: &L) {
    let toml = toml::to_string(loss).unwrap();
    assert_eq!(&toml::from_str::<L>(&toml).unwrap(), loss, "{toml}");
    let json = serde_json::to_string(loss).unwrap();
    assert_eq!(&serde_json::from_str::<L>(&json).unwrap(), loss, "{json}");
}

#[test]
fn losses_are_written_and_read_back() {
    round_trip(&CrossEntropyLoss::new());
    round_trip(&CrossEntropyLoss::new().with_weight([1.0, 2.0]).with_soft_cap(30.0).with_ignore_index(255));
    round_trip(&BinaryCrossEntropyLoss::new().with_pos_weight([3.0]).with_reduction(Reduction::Sum));
    round_trip(&FocalLoss::new().with_gamma(1.0).with_alpha(0.25));
    round_trip(&DiceLoss::new().with_smooth(1.0).with_per_sample(true));
    round_trip(&TverskyLoss::new().with_alpha_beta(0.7, 0.3));
    round_trip(&LovaszLoss::new());
    round_trip(&SquaredLoss::new().with_weight([1.0, 2.0]));
    round_trip(&HuberLoss::new().with_delta(0.5));
    round_trip(&GaussianLoss::new().with_full(true));
    round_trip(&QuantileLoss::new());
    round_trip(&InterpolatedKlLoss::new());
    round_trip(&PearsonLoss::new());
    round_trip(&CoralLoss::new().with_importance_weight([1.0, 2.0]));
    round_trip(&CornLoss::new());
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
    let refused = |error: Result<(), toml::de::Error>| {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("label_smoothin"), "{error}");
    };
    let text = "label_smoothin = 0.1";
    refused(toml::from_str::<CrossEntropyLoss>(text).map(|_| ()));
    refused(toml::from_str::<BinaryCrossEntropyLoss>(text).map(|_| ()));
    refused(toml::from_str::<FocalLoss>(text).map(|_| ()));
    refused(toml::from_str::<DiceLoss>(text).map(|_| ()));
    refused(toml::from_str::<TverskyLoss>(text).map(|_| ()));
    refused(toml::from_str::<HuberLoss>(text).map(|_| ()));
    refused(toml::from_str::<SquaredLoss>(text).map(|_| ()));
    refused(toml::from_str::<PearsonLoss>(text).map(|_| ()));
}
