use super::*;
use crate::kind::Classes;
use crate::loss::CrossEntropyLoss;
use crate::{Head, HeadConfig, steps};
use burn::module::Module;
use burn::nn::conv::Conv2dConfig;
use burn::nn::{BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
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

fn traced(rows: usize, columns: usize, tape: &mut Tape) -> Traced<Tensor<2>> {
    tape.input("x", Tensor::ones([rows, columns], &Device::flex()))
}

fn with_graph() -> Tape {
    Tape::new(&Watch::new().outputs("*", Extent::Whole).graph())
}

#[test]
fn a_skip_is_an_edge_past_the_steps_between() {
    let mut tape = with_graph();
    let x = traced(2, 4, &mut tape);
    let between = tape.step("between", (steps::relu(), steps::tanh()), x.clone());
    let sum = tape.step("sum", steps::sum(), [x, between]);
    assert_eq!(sum.dims(), [2, 4]);
    let graph = tape.graph().unwrap();
    let sum = graph.node("sum").unwrap();
    let (_, input) = graph.inputs().next().unwrap();
    assert_eq!(sum.inputs, [input, graph.node("between").unwrap().outputs[0]]);
    assert_eq!(graph.gaps().count(), 0);
    let table = "\
between  relu              2×4 → 2×4
         tanh              2×4 → 2×4
sum      sum   x, between  2×4, 2×4 → 2×4
";
    assert_eq!(graph.to_string(), table);
}

#[test]
fn what_no_step_gave_is_a_gap() {
    let mut tape = with_graph();
    let x = traced(2, 4, &mut tape);
    let x = tape.step("first", steps::relu(), x);
    let doubled = x.into_inner() * 2.0;
    let _ = tape.step("second", steps::tanh(), doubled);
    let graph = tape.graph().unwrap();
    let gaps: Vec<&str> = graph.gaps().map(|(node, _)| node.name.as_str()).collect();
    assert_eq!(gaps, ["second"]);
    assert_eq!(graph.rows(|_| String::new())[1][2], "?");
}

#[test]
fn a_value_of_another_tape_is_a_gap() {
    let (mut one, mut other) = (with_graph(), with_graph());
    // Both are the first value of their graphs.
    let (x, _) = (traced(2, 4, &mut one), traced(2, 4, &mut other));
    let _ = other.step("step", steps::relu(), x);
    assert_eq!(other.graph().unwrap().gaps().count(), 1);
}

#[test]
fn a_tape_that_keeps_no_graph_records_all_the_same() {
    let mut tape = Tape::new(&Watch::new().outputs("*", Extent::Whole));
    let x = traced(4, 2, &mut tape);
    let [first, second] = tape.step("halves", steps::split(0), x);
    let _ = tape.step("product", steps::product(), [first, second]);
    assert!(tape.graph().is_none());
    // Of several outputs each has a name of its own, within the step's.
    let names = |tape: &Tape| tape.recorded().iter().map(|value| value.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&tape), ["product"]);
    let mut tape = Tape::new(&Watch::new().outputs("halves.*", Extent::Whole));
    let x = traced(4, 2, &mut tape);
    let _ = tape.step("halves", steps::split::<2, 2>(0), x);
    assert_eq!(names(&tape), ["halves.1", "halves.2"]);
}

#[test]
fn a_name_is_not_put_together_where_nothing_is_recorded() {
    struct Never;

    impl Display for Never {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("nobody asked for the name")
        }
    }

    let mut tape = Tape::off();
    let x = tape.input(Never, Tensor::<2>::ones([2, 4], &Device::flex()));
    let x = tape.step(Never, steps::relu(), x);
    assert!(tape.answer(Never, steps::tanh(), Classes::new(4), x).is_ok());
}

#[test]
fn an_answer_of_another_width_is_refused() {
    for mut tape in [Tape::off(), with_graph()] {
        let x = traced(2, 4, &mut tape);
        let refused = tape.answer("sum", steps::sum_pool(2), Classes::new(3), x).unwrap_err();
        assert!(refused.to_string().contains("3 units"), "{refused}");
    }
}

#[test]
fn what_computes_as_one_is_told_as_what_it_is() {
    let device = Device::flex();
    let conv = Conv2dConfig::new([3, 4], [3, 3]).init(&device);
    let norm = BatchNormConfig::new(4).init(&device);
    let maps = [1, 2].map(|channels| Tensor::<4>::ones([2, channels, 5, 5], &device));
    let mut tape = with_graph();
    let maps = maps.map(|map| tape.input("map", map));
    let _ = tape.step("up", steps::conv2d(&conv).norm(&norm).relu(), maps);
    let table = "\
up  concat axis 1    2×1×5×5, 2×2×5×5 → 2×3×5×5
    conv2d 3×3       2×3×5×5 → 2×4×3×3           112
    batch_norm       2×4×3×3 → 2×4×3×3           16
    relu             2×4×3×3 → 2×4×3×3
";
    let graph = tape.graph().unwrap();
    assert_eq!(graph.to_string(), table);
    let learned: Vec<(&str, bool)> =
        graph.parameters().iter().map(|parameter| (parameter.name, parameter.learned)).collect();
    let expected = [
        ("weight", true),
        ("bias", true),
        ("gamma", true),
        ("beta", true),
        ("running_mean", false),
        ("running_var", false),
    ];
    assert_eq!(learned, expected);
}
