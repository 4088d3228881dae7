//! Losses that are each other in a special case.

use burn::tensor::{DType, Tensor};
use logit::loss::{BinaryCrossEntropyLoss, CrossEntropyLoss, DiceLoss, FocalLoss, Loss, TverskyLoss};
use logit::{Classes, Kind, Labels, Logits, LossError, YesNo};
use proptest::prelude::*;

use super::gradients::modest;
use super::harness::{floats, indices, read};

/// Value and gradient of a loss on logits `[N, K]` in f64.
fn run<K: Kind>(
    numbers: &[f64],
    kind: K,
    loss: impl FnOnce(Logits<K>) -> Result<Loss, LossError>,
) -> (f64, Vec<f64>) {
    let raw: Tensor<2> =
        floats(numbers, [numbers.len() / kind.units(), kind.units()], DType::F64).require_grad();
    let loss = loss(Logits::new(raw.clone(), kind).unwrap()).unwrap();
    let gradient = read(raw.grad(&loss.backward()).unwrap());
    (read(loss.value)[0], gradient)
}

fn same(a: &(f64, Vec<f64>), b: &(f64, Vec<f64>)) -> Result<(), TestCaseError> {
    prop_assert!((a.0 - b.0).abs() < 1e-9, "{} {}", a.0, b.0);
    for (a, b) in a.1.iter().zip(&b.1) {
        prop_assert!((a - b).abs() < 1e-7, "{a} {b}");
    }
    Ok(())
}

/// Logits of four rows of three, and a class a row.
fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (prop::collection::vec(-5.0..5.0, 12), prop::collection::vec((0..3).prop_map(f64::from), 4))
}

proptest! {
    #![proptest_config(modest())]

    #[test]
    fn focal_without_focus_is_cross_entropy((logits, classes) in rows()) {
        let weight = [1.0, 0.5, 2.0];
        let focal = FocalLoss::new().with_gamma(0.0).with_weight(weight);
        let plain = CrossEntropyLoss::new().with_weight(weight);
        let focal = run(&logits, Classes::new(3), |x| focal.forward(x, indices::<1>(&classes, [4])));
        let plain = run(&logits, Classes::new(3), |x| plain.forward(x, indices::<1>(&classes, [4])));
        same(&focal, &plain)?;
    }

    #[test]
    fn focal_without_focus_is_binary_cross_entropy((logits, classes) in rows()) {
        let soft: Vec<f64> = logits.iter().enumerate().map(|(i, x)| (x.abs() + classes[i / 3]) / 7.0).collect();
        let focal = FocalLoss::new().with_gamma(0.0);
        let focal = run(&logits, Labels::new(3), |x| focal.forward(x, floats::<2>(&soft, [4, 3], DType::F64)));
        let plain = BinaryCrossEntropyLoss::new();
        let plain = run(&logits, Labels::new(3), |x| plain.forward(x, floats::<2>(&soft, [4, 3], DType::F64)));
        same(&focal, &plain)?;
    }

    #[test]
    fn tversky_of_halves_is_dice((logits, classes) in rows()) {
        let tversky = TverskyLoss::new().with_alpha_beta(0.5, 0.5);
        let tversky = run(&logits, Classes::new(3), |x| tversky.forward(x, indices::<1>(&classes, [4])));
        let dice = run(&logits, Classes::new(3), |x| DiceLoss::new().forward(x, indices::<1>(&classes, [4])));
        same(&tversky, &dice)?;
    }

    #[test]
    fn a_softmax_of_two_is_a_sigmoid_of_the_difference(
        logits in prop::collection::vec(-20.0..20.0, 8), yes in prop::collection::vec(any::<bool>(), 4)
    ) {
        let answers: Vec<f64> = yes.iter().map(|yes| f64::from(u8::from(*yes))).collect();
        let difference: Vec<f64> = logits.chunks(2).map(|pair| pair[1] - pair[0]).collect();
        let two = run(&logits, Classes::new(2), |x| CrossEntropyLoss::new().forward(x, indices::<1>(&answers, [4])));
        let one = run(&difference, YesNo, |x| {
            BinaryCrossEntropyLoss::new().forward(x, floats::<2>(&answers, [4, 1], DType::F64))
        });
        let of_second: Vec<f64> = two.1.chunks(2).map(|pair| pair[1]).collect();
        same(&(two.0, of_second), &one)?;
    }

    #[test]
    fn an_index_is_a_distribution_that_is_sure((logits, classes) in rows()) {
        let one_hot: Vec<f64> =
            classes.iter().flat_map(|class| (0..3).map(move |c| f64::from(u8::from(c == *class as u8)))).collect();
        for smoothing in [0.0, 0.2] {
            let loss = CrossEntropyLoss::new().with_label_smoothing(smoothing);
            let index = run(&logits, Classes::new(3), |x| loss.forward(x, indices::<1>(&classes, [4])));
            let sure = run(&logits, Classes::new(3), |x| loss.forward(x, floats::<2>(&one_hot, [4, 3], DType::F64)));
            same(&index, &sure)?;
        }
    }
}
