//! What holds for every network: conservation and positivity where they are proven, equal rules by other names, naive matrix
//! forms, gradients by differences.

use std::sync::Arc;

use logit_explain::map::{Map, Window};
use logit_explain::op::{Activation, MaxPool, Pool, Weighted};
use logit_explain::{Array, Composite, Explainer, Network, Node, Number, Op, Rule, Target};
use proptest::prelude::*;

const LOW: f64 = -0.5;
const HIGH: f64 = 1.5;

/// Numbers from −1 to 1 that depend on a seed alone.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    fn many<T: Number>(&mut self, count: usize, of: impl Fn(f64) -> f64) -> Arc<Vec<T>> {
        Arc::new((0..count).map(|_| T::of(of(self.next()))).collect())
    }

    /// A step with biases that are at most 0.
    fn weighted<T: Number>(&mut self, map: Map) -> Op<T> {
        let weight = self.many(map.weights(), |x| x * 0.6);
        Op::Weighted(Weighted { map, weight, bias: Some(self.many(map.units(), |x| -0.1 * x.abs())) })
    }

    /// Inputs that are nowhere equal, so that none of two is the greater by chance.
    fn apart<T: Number>(&mut self, shape: &[usize]) -> Array<T> {
        Array::new(shape, self.many(shape.iter().product(), |x| x).to_vec())
    }

    /// Inputs in the box.
    fn input<T: Number>(&mut self, shape: &[usize]) -> Array<T> {
        let count = shape.iter().product();
        // Some lie on the bounds, as black and white do.
        let numbers = self.many(count, |x| (LOW + (0.5 + 0.7 * x) * (HIGH - LOW)).clamp(LOW, HIGH));
        Array::new(shape, numbers.to_vec())
    }
}

fn conv(channels: [usize; 2], kernel: usize, stride: usize, padding: usize, groups: usize) -> Window {
    Window {
        channels,
        kernel: [kernel; 2],
        stride: [stride, 1],
        padding: [padding; 2],
        dilation: [1, 1],
        groups,
    }
}

fn max_pool(kernel: usize, stride: usize) -> MaxPool {
    MaxPool { kernel: [kernel; 2], stride: [stride; 2], padding: [0, 0], dilation: [1, 1], ceil_mode: false }
}

/// Operations one after the other, each on what the one before gave.
fn chain<T: Number>(operations: Vec<Op<T>>) -> Network<T> {
    let count = operations.len();
    let node = |(at, op): (usize, Op<T>)| Node {
        name: format!("step{at}"),
        op,
        inputs: vec![at],
        outputs: vec![at + 1],
    };
    let nodes = operations.into_iter().enumerate().map(node).collect();
    Network::new(nodes, vec![("x".to_owned(), 0)], count).unwrap()
}

fn relu<T>() -> Op<T> {
    Op::Activation(Activation::Relu)
}

/// Detection units, pooled by sums.
fn dense_net<T: Number>(draw: &mut Draw) -> (Network<T>, Array<T>) {
    let layer = |draw: &mut Draw, inputs, units| draw.weighted(Map::Dense { inputs, units });
    let operations = vec![
        layer(draw, 5, 8),
        relu(),
        Op::Pool(Pool::Groups { size: 2 }),
        layer(draw, 4, 6),
        relu(),
        Op::Pool(Pool::Groups { size: 6 }),
    ];
    (chain(operations), draw.input(&[3, 5]))
}

/// Convolutions with batch norm, strides, padding, groups, a skip, and all poolings.
fn conv_net<T: Number>(draw: &mut Draw) -> (Network<T>, Array<T>) {
    let scale = draw.many(4, |x| 1.0 + x / 2.0);
    let shift = draw.many(4, |x| -0.05 * x.abs());
    let operations = [
        (draw.weighted(Map::Conv(conv([2, 4], 3, 2, 1, 1))), vec![0], 1),
        (Op::Scale { scale, shift }, vec![1], 2),
        (relu(), vec![2], 3),
        (draw.weighted(Map::Conv(conv([4, 4], 3, 1, 1, 2))), vec![3], 4),
        (relu(), vec![4], 5),
        (Op::Sum, vec![3, 5], 6),
        (Op::MaxPool(max_pool(2, 1)), vec![6], 7),
        (Op::Pool(Pool::Average { window: max_pool(2, 2), count_include_pad: true }), vec![7], 8),
        (draw.weighted(Map::Conv(conv([4, 3], 1, 1, 0, 1))), vec![8], 9),
        (relu(), vec![9], 10),
        (Op::Pool(Pool::Global), vec![10], 11),
        (draw.weighted(Map::Dense { inputs: 3, units: 2 }), vec![11], 12),
        (relu(), vec![12], 13),
        (Op::Pool(Pool::Groups { size: 2 }), vec![13], 14),
    ];
    let node = |(at, (op, inputs, output)): (usize, (Op<T>, Vec<usize>, usize))| Node {
        name: format!("step{at}"),
        op,
        inputs,
        outputs: vec![output],
    };
    let nodes = operations.into_iter().enumerate().map(node).collect();
    (Network::new(nodes, vec![("x".to_owned(), 0)], 14).unwrap(), draw.input(&[3, 2, 6, 7]))
}

fn first<T: Number>(network: &Network<T>, composite: Composite, x: &Array<T>) -> Array<T> {
    let explainer = Explainer::new(network.clone(), composite).unwrap();
    let found = explainer.explain_inputs(std::slice::from_ref(x), &[Target::Logit { unit: 0 }]).unwrap();
    found.inputs.into_iter().next().unwrap().1
}

/// Relevance is conserved and nowhere negative, and nothing comes of nothing.
fn exact<T: Number>(network: &Network<T>, x: &Array<T>, within: f64) {
    for bounds in [Some([LOW, HIGH]), None] {
        let explainer = Explainer::new(network.clone(), Composite::deep_taylor(bounds)).unwrap();
        let found = explainer.explain_inputs(std::slice::from_ref(x), &[Target::Logit { unit: 0 }]).unwrap();
        let (account, map) = (&found.account, &found.inputs[0].1);
        for sample in 0..x.rows() {
            let value = account.started[sample];
            assert!(value >= 0.0);
            let apart = (account.arrived[sample] - value).abs();
            assert!(apart <= within * value, "{apart} of {value} is missing, {bounds:?}: {account:?}");
            assert!(account.lowest[sample] >= 0.0, "{account:?}, {bounds:?}");
            if value == 0.0 {
                assert!(map.row(sample).iter().all(T::is_zero));
            }
        }
        let told: Vec<&str> = found.findings.iter().map(|found| found.finding.fault.name()).collect();
        assert!(told.is_empty(), "{told:?}");
    }
}

fn same<T: Number>(a: &Array<T>, b: &Array<T>, within: f64) {
    assert_eq!(a.shape, b.shape);
    let most = b.numbers.iter().map(|number| number.wide().abs()).fold(1e-3, f64::max);
    for (at, (a, b)) in a.numbers.iter().zip(&b.numbers).enumerate() {
        assert!((a.wide() - b.wide()).abs() <= within * most, "{a:?}, not {b:?}, at {at}");
    }
}

/// A linear map as a matrix `[inputs][outputs]`, by what it makes of each unit vector.
fn matrix(map: Map, weight: &Arc<Vec<f64>>, shape: &[usize]) -> Vec<Vec<f64>> {
    let op = Op::Weighted(Weighted { map, weight: Arc::clone(weight), bias: None });
    let count: usize = shape.iter().product();
    let row = |at: usize| {
        let mut unit = Array::zeros(shape);
        unit.numbers[at] = 1.0;
        op.forward(&[&unit]).unwrap().swap_remove(0).numbers
    };
    (0..count).map(row).collect()
}

/// `R_i = Σ_j share_ij / (Σ_i' share_i'j + rest_j) R_j`; relevance of denominators of 0 goes nowhere.
fn naive(
    matrix: &[Vec<f64>],
    share: impl Fn(usize, f64) -> f64,
    rest: &[f64],
    relevance: &[f64],
    stabiliser: f64,
) -> Vec<f64> {
    let sums = relevance.iter().enumerate().map(|(j, relevance)| {
        let d = matrix.iter().enumerate().map(|(i, row)| share(i, row[j])).sum::<f64>() + rest[j];
        let d = if d < 0.0 { d - stabiliser } else { d + stabiliser };
        if d == 0.0 { 0.0 } else { relevance / d }
    });
    let sums: Vec<f64> = sums.collect();
    let of = |(i, row): (usize, &Vec<f64>)| row.iter().zip(&sums).map(|(w, sum)| share(i, *w) * sum).sum();
    matrix.iter().enumerate().map(of).collect()
}

/// What of a product is an input's share.
type Share = Box<dyn Fn(f64, f64) -> f64>;

/// A rule, its shares, what of a bias is in the denominator, and a stabiliser.
type Known = (Rule, Share, fn(f64) -> f64, f64);

/// Rules of one share, with what else is in the denominator: a number per unit, by its bias, and a stabiliser.
fn shares() -> Vec<Known> {
    let whole = || Box::new(|x: f64, w: f64| x * w) as Share;
    let positive = || Box::new(|x: f64, w: f64| (x * w).max(0.0)) as Share;
    let square = || Box::new(|_: f64, w: f64| w * w) as Share;
    // A tap that is outside of the map has no weight in the matrix, and neither has one that is not in the group.
    let one = Box::new(|_: f64, w: f64| if w == 0.0 { 0.0 } else { 1.0 });
    let boxed = || Box::new(|x: f64, w: f64| x * w - LOW * w.max(0.0) - HIGH * w.min(0.0)) as Share;
    vec![
        (Rule::epsilon(0.1), whole(), |b| b, 0.1),
        (Rule::zero().without_bias(), whole(), |_| 0.0, 0.0),
        (Rule::z_plus(), positive(), |_| 0.0, 0.0),
        (Rule::z_plus().with_bias(), positive(), |b| b.max(0.0), 0.0),
        (Rule::alpha_beta(1.0, 0.0), positive(), |b| b.max(0.0), 1e-6),
        (Rule::w_square(), square(), |_| 0.0, 0.0),
        (Rule::w_square().with_bias(), square(), |b| b * b, 0.0),
        (Rule::flat(), one, |_| 0.0, 1e-6),
        (Rule::z_box(LOW, HIGH), boxed(), |_| 0.0, 0.0),
        (Rule::z_box_of(vec![LOW], vec![HIGH]), boxed(), |_| 0.0, 0.0),
    ]
}

/// Every rule of one share, against its matrix form.
fn by_matrices(map: Map, shape: &[usize], draw: &mut Draw) {
    let Op::Weighted(mut step) = draw.weighted::<f64>(map) else { unreachable!() };
    step.bias = Some(draw.many(map.units(), |x| x / 5.0));
    let x = draw.input(shape);
    let network = chain(vec![Op::Weighted(step.clone())]);
    let pass = network.run(std::slice::from_ref(&x)).unwrap();
    let mut start = Array::zeros(pass.value(1).unwrap().shape.clone());
    start.numbers.fill_with(|| draw.next());
    let matrix = matrix(map, &step.weight, &[&[1], &shape[1..]].concat());
    let (bias, units) = (step.bias.unwrap(), start.row_len());
    for (rule, share, of_bias, stabiliser) in shares() {
        let explainer = Explainer::new(network.clone(), Composite::all(rule)).unwrap();
        let found = explainer.explain_from(&pass, start.clone(), &[]).unwrap();
        let rest: Vec<f64> = (0..units).map(|at| of_bias(bias[at * bias.len() / units])).collect();
        let expected = (0..x.rows()).flat_map(|sample| {
            let x = x.row(sample);
            naive(&matrix, |i, w| share(x[i], w), &rest, start.row(sample), stabiliser)
        });
        same(&found.inputs[0].1, &Array::new(x.shape.clone(), expected.collect()), 1e-7);
    }
}

/// The gradient by central differences; NaN where there is a kink within them.
fn differences(network: &Network<f64>, inputs: &[Array<f64>], of: usize, unit: usize) -> Array<f64> {
    let step = 1e-6;
    let mut gradient = Array::zeros(inputs[of].shape.clone());
    for at in 0..gradient.numbers.len() {
        let value = |change: f64| {
            let mut inputs = inputs.to_vec();
            inputs[of].numbers[at] += change;
            network.logits(&inputs).unwrap().numbers.iter().skip(unit).step_by(2).sum::<f64>()
        };
        let [below, here, above] = [-step, 0.0, step].map(value);
        let bend = (above - 2.0 * here + below).abs() / step;
        gradient.numbers[at] = if bend > 1e-4 { f64::NAN } else { (above - below) / (2.0 * step) };
    }
    gradient
}

/// The gradient of the sum over samples of one of two outputs, for each input given.
fn differs(network: &Network<f64>, inputs: &[Array<f64>], by: &[usize]) {
    let explainer = Explainer::new(network.clone(), Composite::gradient()).unwrap();
    for unit in [0, 1] {
        let found = explainer.explain_inputs(inputs, &[Target::Logit { unit }]).unwrap();
        for of in by {
            let found = &found.inputs[*of].1;
            let mut expected = differences(network, inputs, *of, unit);
            let kinks = expected.numbers.iter().filter(|number| number.is_nan()).count();
            assert!(kinks * 10 <= expected.numbers.len(), "{kinks} kinks");
            expected.change_with(found, |expected, found| if expected.is_nan() { found } else { expected });
            same(found, &expected, 1e-3);
        }
    }
}

fn to_two(draw: &mut Draw, operations: Vec<Op<f64>>, features: usize) -> Network<f64> {
    let head = draw.weighted(Map::Dense { inputs: features, units: 2 });
    chain(operations.into_iter().chain([Op::Flatten, head]).collect())
}

#[test]
fn nothing_comes_of_nothing() {
    let mut draw = Draw(5);
    let (network, x) = dense_net::<f64>(&mut draw);
    // Nodes whose last weights are nowhere positive give 0, whatever the input is.
    let mut nodes = network.nodes().to_vec();
    let Op::Weighted(last) = &mut nodes[3].op else { unreachable!() };
    last.weight = Arc::new(last.weight.iter().map(|weight| -weight.abs()).collect());
    let network = Network::new(nodes, network.inputs().to_vec(), network.output()).unwrap();
    for bounds in [Some([LOW, HIGH]), None] {
        let map = first(&network, Composite::deep_taylor(bounds), &x);
        assert!(map.numbers.iter().all(|relevance| *relevance == 0.0), "{map:?}");
    }
}

// By fixed seeds: where rounding decides which of two numbers is greater, the precisions differ.
#[test]
fn single_precision_is_double_precision() {
    for seed in 0..20 {
        let (wide, x) = conv_net::<f64>(&mut Draw(seed));
        let (narrow, y) = conv_net::<f32>(&mut Draw(seed));
        for composite in [Composite::deep_taylor(None), Composite::epsilon_plus(), Composite::gradient()] {
            let found = first(&narrow, composite.clone(), &y);
            let found =
                Array::new(found.shape.clone(), found.numbers.iter().map(|x| f64::from(*x)).collect());
            same(&found, &first(&wide, composite, &x), 1e-3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn deep_taylor_conserves_and_is_nowhere_negative(seed: u64) {
        let (network, x) = dense_net::<f64>(&mut Draw(seed));
        exact(&network, &x, 1e-12);
        let (network, x) = conv_net::<f64>(&mut Draw(seed));
        exact(&network, &x, 1e-12);
        let (network, x) = dense_net::<f32>(&mut Draw(seed));
        exact(&network, &x, 1e-4);
        let (network, x) = conv_net::<f32>(&mut Draw(seed));
        exact(&network, &x, 1e-4);
    }

    #[test]
    fn rules_that_are_equal_by_formula_are_equal(seed: u64) {
        let (network, x) = conv_net::<f64>(&mut Draw(seed));
        let all = |rule| first(&network, Composite::all(rule), &x);
        same(&all(Rule::gamma(0.0)), &all(Rule::epsilon(1e-6)), 1e-9);
        same(&all(Rule::gamma(1e-9)), &all(Rule::epsilon(1e-6)), 1e-3);
        let plus = Rule::z_plus().with_bias().with_denominator(logit_explain::rule::Denominator::Stabilised(1e-6));
        same(&all(Rule::alpha_beta(1.0, 0.0)), &all(plus), 1e-12);
        let one = first(&network, Composite::deep_taylor(Some([LOW, HIGH])), &x);
        let each = Composite::deep_taylor(None).with_first_rule(Rule::z_box_of(vec![LOW; 2], vec![HIGH; 84]));
        same(&first(&network, each, &x), &one, 1e-9);
    }

    #[test]
    fn the_one_step_is_its_matrix_form(seed: u64) {
        let mut draw = Draw(seed);
        by_matrices(Map::Dense { inputs: 5, units: 4 }, &[2, 5], &mut draw);
        by_matrices(Map::Conv(conv([4, 6], 3, 2, 1, 2)), &[2, 4, 5, 4], &mut draw);
        let window = conv([2, 3], 3, 2, 1, 1);
        by_matrices(Map::ConvTransposed { window, output_padding: [1, 0] }, &[2, 2, 3, 4], &mut draw);
    }

    #[test]
    fn a_folded_batch_norm_is_one_that_was_folded_by_hand(seed: u64) {
        let mut draw = Draw(seed);
        let Op::Weighted(step) = draw.weighted::<f64>(Map::Conv(conv([2, 4], 3, 1, 1, 2))) else { unreachable!() };
        let (scale, shift) = (draw.many(4, |x| 1.0 + x / 2.0), draw.many::<f64>(4, |x| x / 3.0));
        let x = draw.input(&[2, 2, 4, 4]);
        let head = draw.weighted(Map::Dense { inputs: 64, units: 2 });
        // Weights of a channel of the output are 9, for each has one channel of the input.
        let weight = step.weight.iter().enumerate().map(|(at, w)| w * scale[at / 9]).collect();
        let bias = step.bias.as_ref().unwrap();
        let bias = (0..4).map(|at| bias[at] * scale[at] + shift[at]).collect();
        let by_hand = Weighted { map: step.map, weight: Arc::new(weight), bias: Some(Arc::new(bias)) };
        let tail = || vec![relu(), Op::Flatten, head.clone()];
        let folded = chain([vec![Op::Weighted(step), Op::Scale { scale, shift }], tail()].concat());
        let by_hand = chain([vec![Op::Weighted(by_hand)], tail()].concat());
        for composite in [Composite::deep_taylor(None), Composite::all(Rule::gamma(0.3)), Composite::gradient()] {
            same(&first(&folded, composite.clone(), &x), &first(&by_hand, composite, &x), 1e-12);
        }
    }

    #[test]
    fn gradients_are_differences(seed: u64) {
        let mut draw = Draw(seed);
        let map = draw.apart(&[2, 2, 4, 5]);
        let tanh = || Op::Activation(Activation::Tanh);
        let window = conv([2, 3], 3, 2, 1, 1);
        let transposed = draw.weighted(Map::ConvTransposed { window, output_padding: [1, 0] });
        let net = to_two(&mut draw, vec![transposed, tanh()], 3 * 8 * 5);
        differs(&net, std::slice::from_ref(&map), &[0]);
        let average = Op::Pool(Pool::Average {
            window: MaxPool { padding: [1, 1], ceil_mode: true, ..max_pool(3, 2) },
            count_include_pad: false,
        });
        let convolution = draw.weighted(Map::Conv(conv([2, 2], 3, 1, 1, 2)));
        let scale = Op::Scale { scale: draw.many(2, |x| x), shift: draw.many(2, |x| x) };
        let pad = Op::Pad { padding: [1, 0, 2, 1], value: 0.5 };
        let net = to_two(
            &mut draw,
            vec![scale, convolution, relu(), pad, average, Op::Crop { size: [3, 2] }, tanh()],
            12,
        );
        differs(&net, std::slice::from_ref(&map), &[0]);
        let length = Op::ScaleToLength { length: 3.0, epsilon: 0.01 };
        let net = to_two(&mut draw, vec![Op::MaxPool(max_pool(2, 1)), Op::Flatten, length], 24);
        differs(&net, &[map], &[0]);
    }

    #[test]
    fn gradients_of_two_inputs_are_differences(seed: u64) {
        let mut draw = Draw(seed);
        let node = |name: &str, op, inputs: &[usize], outputs: &[usize]| Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
        };
        let nodes = vec![
            node("named", Op::MaxOfNamed, &[0, 1], &[3]),
            node("split", Op::Split { axis: 1, pieces: 2 }, &[2], &[4, 5]),
            node("product", Op::Product, &[3, 4], &[6]),
            node("difference", Op::AbsDifference, &[3, 5], &[7]),
            node("concat", Op::Concat { axis: 1 }, &[6, 7, 4], &[8]),
            node("embedding", Op::Embedding { weight: draw.many(12, |x| x), units: 3 }, &[9], &[10]),
            node("sum", Op::Sum, &[4, 10], &[11]),
            node("all", Op::Concat { axis: 1 }, &[8, 11], &[12]),
            node("head", draw.weighted(Map::Dense { inputs: 12, units: 2 }), &[12], &[13]),
        ];
        let inputs = [("vectors", 0), ("places", 1), ("numbers", 2), ("rows", 9)];
        let inputs = inputs.map(|(name, value)| (name.to_owned(), value));
        let network = Network::new(nodes, inputs.to_vec(), 13).unwrap();
        let given = [
            draw.apart(&[5, 3]),
            Array::new([2, 3], vec![1.0, 4.0, 0.0, 5.0, 2.0, 3.0]),
            draw.apart(&[2, 6]),
            Array::new([2], vec![3.0, 1.0]),
        ];
        differs(&network, &given, &[0, 2]);
        assert_eq!(network.row_numbers(), [false, true, false, true]);
    }
}
