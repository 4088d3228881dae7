use super::*;
use crate::kind::Classes;
use crate::loss::CrossEntropyLoss;
use crate::{Head, HeadConfig, steps};
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Int};
use std::cell::Cell;

thread_local! {
    static PASSES: Cell<usize> = const { Cell::new(0) };
}

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    dropout: Dropout,
    head: Head<Classes>,
}

impl Taped for Net {
    type Input = Tensor<2>;
    type Output = Logits<Classes>;

    fn forward_on(&self, x: Tensor<2>, tape: &mut Tape) -> Logits<Classes> {
        PASSES.set(PASSES.get() + 1);
        let x = tape.input("x", x);
        let x = tape.step("hidden", steps::linear(&self.hidden).relu(), x);
        tape.head((steps::dropout(&self.dropout), &self.head), x)
    }
}

struct Setting {
    net: Net,
    x: Tensor<2>,
    targets: Tensor<1, Int>,
}

fn setting() -> Setting {
    let device = Device::flex().autodiff();
    device.seed(3);
    let net = Net {
        hidden: LinearConfig::new(6, 32).init(&device),
        dropout: DropoutConfig::new(0.5).init(),
        head: HeadConfig::new(32, Classes::new(4)).init(&device).unwrap(),
    };
    let x = Tensor::random([12, 6], Distribution::Default, &device);
    let targets = Tensor::from_ints([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3], &device);
    Setting { net, x, targets }
}

fn mean_loss(probabilities: &[f32]) -> f64 {
    let of = |(row, p): (usize, &[f32])| -f64::from(p[row % 4]).ln();
    probabilities.chunks(4).enumerate().map(of).sum::<f64>() / 12.0
}

#[test]
fn loss_and_probabilities_are_of_the_same_pass_and_there_is_just_one() {
    let Setting { net, x, targets } = setting();
    let watch = Watch::new().outputs("probabilities", Extent::Whole);
    PASSES.set(0);
    let (logits, mut tape) = net.forward_taped(x.clone(), &watch);
    let loss = CrossEntropyLoss::new().forward(logits, targets).unwrap();
    tape.backward(loss.value);
    assert_eq!(PASSES.get(), 1);
    let told = mean_loss(tape.output("probabilities").unwrap().numbers().unwrap());
    assert!((told - tape.loss().unwrap()).abs() < 1e-6, "{told}, {:?}", tape.loss());
    // Another pass draws another dropout: what a callback's second pass tells is of another network.
    let (_, again) = net.forward_taped(x, &watch);
    let other = mean_loss(again.output("probabilities").unwrap().numbers().unwrap());
    assert!((other - tape.loss().unwrap()).abs() > 1e-3, "{other}");
}

#[test]
fn the_tape_changes_nothing() {
    let pass = |watch: Option<Watch>| {
        let Setting { net, x, targets } = setting();
        let mut tape = watch.as_ref().map_or_else(Tape::off, Tape::new);
        let loss = CrossEntropyLoss::new().forward(net.forward_on(x, &mut tape), targets).unwrap().value;
        let gradients = tape.backward(loss.clone());
        let gradient = net.hidden.weight.grad(&gradients).unwrap();
        (loss.into_scalar::<f32>(), gradient.try_into_vec_as::<f32>().unwrap())
    };
    let plain = pass(None);
    assert_eq!(plain, pass(Some(Watch::default())));
    assert_eq!(plain, pass(Some(Watch::new().outputs("*", Extent::Whole).gradients("*", Extent::Whole))));
}

#[test]
fn the_gradient_at_the_logits_is_the_one_of_the_formula() {
    let Setting { net, x, targets } = setting();
    let watch = Watch::new().outputs("probabilities", Extent::Whole).gradients("logits", Extent::Whole);
    let (logits, mut tape) = net.forward_taped(x, &watch);
    tape.backward(CrossEntropyLoss::new().forward(logits, targets).unwrap().value);
    let p = tape.output("probabilities").unwrap().numbers().unwrap();
    let gradient = tape.gradient("logits").unwrap();
    assert_eq!(gradient.shape, [12, 4]);
    for (at, (p, g)) in p.iter().zip(gradient.numbers().unwrap()).enumerate() {
        let hot = f32::from(u8::from(at / 4 % 4 == at % 4));
        assert!((g - (p - hot) / 12.0).abs() < 1e-6, "{at}: {g}, {p}");
    }
}

#[test]
fn rows_are_those_asked_for() {
    let Setting { net, x, .. } = setting();
    let rows = |part: Extent| {
        let (_, tape) =
            net.valid().forward_taped(x.clone().without_autodiff(), &Watch::new().outputs("logits", part));
        let recorded = tape.output("logits").unwrap();
        let Content::Rows { rows, numbers } = recorded.content.clone() else { panic!("statistics") };
        (rows, numbers)
    };
    let (all, whole) = rows(Extent::Whole);
    assert_eq!((all.len(), whole.len()), (12, 48));
    assert_eq!(rows(Extent::First(2)), (vec![0, 1], whole[..8].to_vec()));
    assert_eq!(rows(Extent::Rows(vec![3, 4])), (vec![3, 4], whole[12..20].to_vec()));
    let odd = [&whole[28..32], &whole[4..8]].concat();
    assert_eq!(rows(Extent::Rows(vec![7, 1, 99])), (vec![7, 1], odd));
    assert_eq!(rows(Extent::Rows(vec![50])), (vec![], vec![]));
}

#[test]
fn what_does_not_fit_the_budget_is_counted() {
    let Setting { net, x, .. } = setting();
    let watch = Watch::new().outputs("*", Extent::Whole).budget(12 * 4 * 4);
    let (_, tape) = net.forward_taped(x, &watch);
    // The hidden layer does not fit; the logits do, and then the probabilities do not.
    assert_eq!((tape.recorded().len(), tape.left_out()), (1, 2));
    assert!(tape.output("logits").is_some());
}
