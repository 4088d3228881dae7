//! What does not fit is an error that says so, and never a panic.

use std::sync::Arc;

use logit_explain::map::{Map, Window};
use logit_explain::method::Settings;
use logit_explain::op::{Activation, MaxPool, Pool, Weighted};
use logit_explain::{Array, Composite, Explainer, Method, Network, Node, Op, Pass, Target};

fn node(name: &str, op: Op<f32>, inputs: &[usize], outputs: &[usize]) -> Node<f32> {
    Node { name: name.to_owned(), op, inputs: inputs.to_vec(), outputs: outputs.to_vec() }
}

fn weighted(map: Map, weights: usize, biases: Option<usize>) -> Op<f32> {
    let bias = biases.map(|count| Arc::new(vec![-0.1; count]));
    Op::Weighted(Weighted { map, weight: Arc::new(vec![0.5; weights]), bias })
}

fn dense(inputs: usize, units: usize) -> Op<f32> {
    weighted(Map::Dense { inputs, units }, inputs * units, Some(units))
}

fn window(kernel: usize, stride: usize) -> Window {
    Window {
        channels: [1, 2],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [0; 2],
        dilation: [1; 2],
        groups: 1,
    }
}

fn network(nodes: Vec<Node<f32>>, output: usize) -> Result<Network<f32>, String> {
    Network::new(nodes, vec![("x".to_owned(), 0)], output).map_err(|error| error.to_string())
}

fn told<T>(found: Result<T, impl ToString>, expected: &str) {
    let error = found.err().expect("an error").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn nodes_that_are_no_network_are_told() {
    let one = |op, inputs: &[usize], outputs: &[usize]| network(vec![node("fc", op, inputs, outputs)], 1);
    let map = Map::Dense { inputs: 2, units: 3 };
    told(
        one(weighted(map, 5, Some(3)), &[0], &[1]),
        "step `fc`: 5 weights and 3 biases, where 6 and 3 belong",
    );
    told(one(weighted(map, 6, Some(2)), &[0], &[1]), "6 weights and 2 biases");
    told(one(weighted(map, 6, Some(0)), &[0], &[1]), "6 weights and 0 biases");
    told(one(dense(0, 3), &[0], &[1]), "a size of 0");
    told(one(weighted(Map::Conv(window(0, 1)), 0, None), &[0], &[1]), "a size of 0");
    let grouped = Map::Conv(Window { groups: 2, ..window(3, 1) });
    told(one(weighted(grouped, 9, None), &[0], &[1]), "do not divide");
    told(one(Op::Sum, &[], &[1]), "it takes");
    told(one(Op::Product, &[0], &[1]), "2..=2");
    told(one(Op::Split { axis: 1, pieces: 2 }, &[0], &[1]), "gives 2");
    told(one(dense(2, 3), &[7], &[1]), "nothing before it gives");
    told(one(dense(2, 3), &[0], &[2]), "nothing gives the output");
    let scale =
        |scales, shifts| Op::Scale { scale: Arc::new(vec![1.0; scales]), shift: Arc::new(vec![0.0; shifts]) };
    told(one(scale(2, 3), &[0], &[1]), "2 scales and 3 shifts");
    told(one(Op::Embedding { weight: Arc::new(vec![1.0; 5]), units: 2 }, &[0], &[1]), "no rows of 2");
    let Op::Weighted(step) = dense(2, 3) else { unreachable!() };
    let mut weight = step.weight.to_vec();
    weight[4] = f32::NAN;
    let broken = Op::Weighted(Weighted { weight: Arc::new(weight), ..step });
    told(one(broken, &[0], &[1]), "weight of step `fc`, number 4 is NaN");
}

#[test]
fn inputs_that_do_not_fit_are_told() {
    let net = network(vec![node("fc", dense(2, 3), &[0], &[1])], 1).unwrap();
    let run = |shape: &[usize], number: f32| net.run(&[Array::full(shape, number)]);
    told(run(&[4, 5], 0.0), "step `fc`: it takes [N, 2], not [4, 5]");
    told(run(&[0, 2], 0.0), "input `x` of [0, 2] has 0 numbers");
    told(run(&[4, 2], f32::NAN), "number of input `x` 0 is NaN");
    told(net.run(&[]), "takes 1 inputs, not 0");
    told(net.run(&[Array { shape: vec![1, 2], numbers: vec![1.0; 3] }]), "has 3 numbers");
    told(net.value_of("fd"), "`fc`");
}

#[test]
fn maps_too_small_for_windows_are_told() {
    let pool =
        MaxPool { kernel: [3; 2], stride: [1; 2], padding: [0; 2], dilation: [1; 2], ceil_mode: false };
    let operations = [
        weighted(Map::Conv(window(3, 1)), 18, None),
        Op::MaxPool(pool),
        Op::Pool(Pool::Average { window: pool, count_include_pad: true }),
        Op::MaxPool(MaxPool { stride: [0, 1], ..pool }),
        Op::Crop { size: [3, 3] },
        Op::Pool(Pool::Groups { size: 2 }),
        Op::Pool(Pool::Groups { size: 0 }),
        Op::Concat { axis: 9 },
        Op::Scale { scale: Arc::new(vec![1.0; 4]), shift: Arc::new(vec![1.0; 4]) },
    ];
    for op in operations {
        let net = network(vec![node("small", op.clone(), &[0], &[1])], 1).unwrap();
        told(net.run(&[Array::full([1, 1, 2, 2], 1.0)]), "step `small`");
    }
}

#[test]
fn a_pass_of_another_network_is_told() {
    let pool =
        MaxPool { kernel: [2; 2], stride: [2; 2], padding: [0; 2], dilation: [1; 2], ceil_mode: false };
    let weights = Arc::new(vec![1.0; 4]);
    let operations: Vec<(Op<f32>, usize)> = vec![
        (dense(4, 3), 1),
        (weighted(Map::Conv(window(2, 1)), 8, None), 1),
        (Op::Activation(Activation::Relu), 1),
        (Op::Pool(Pool::Groups { size: 2 }), 1),
        (Op::Pool(Pool::Global), 1),
        (Op::Pool(Pool::Average { window: pool, count_include_pad: false }), 1),
        (Op::MaxPool(pool), 1),
        (Op::Flatten, 1),
        (Op::Pad { padding: [1; 4], value: 0.0 }, 1),
        (Op::Crop { size: [1, 1] }, 1),
        (Op::Embedding { weight: weights, units: 2 }, 1),
        (Op::ScaleToLength { length: 1.0, epsilon: 0.0 }, 1),
        (Op::Concat { axis: 1 }, 2),
        (Op::Sum, 2),
        (Op::Product, 2),
        (Op::AbsDifference, 2),
        (Op::MaxOfNamed, 2),
    ];
    let shapes: [&[usize]; 4] = [&[2, 3], &[2, 5, 4, 4], &[3, 2], &[2]];
    for (op, takes) in operations {
        let inputs: Vec<usize> = (0..takes).collect();
        let named = inputs.iter().map(|value| (format!("x{value}"), *value)).collect();
        let net = Network::new(vec![node("one", op.clone(), &inputs, &[2])], named, 2).unwrap();
        for composite in [Composite::gradient(), Composite::deep_taylor(None)] {
            let explainer = Explainer::new(net.clone(), composite).unwrap();
            for shape in shapes {
                for output in [&[2, 7], &[2, 2, 3, 3][..]] {
                    let input = || Some(Array::full(shape, 1.0));
                    let pass = Pass::new(vec![input(), input(), Some(Array::full(output, 1.0))]);
                    let start = Array::full(output, 1.0);
                    told(explainer.explain_from(&pass, start.clone(), &[]), "step `one`");
                    // Activations pass relevance on without a look at their input.
                    if !matches!(op, Op::Activation(_)) {
                        let empty = Pass::new(vec![None, None, Some(start.clone())]);
                        told(explainer.explain_from(&empty, start, &[]), "");
                    }
                }
            }
            told(explainer.explain(&Pass::default(), &[Target::Logit { unit: 0 }], &[]), "no output");
        }
    }
}

#[test]
fn targets_and_layers_that_are_not_there_are_told() {
    let net = network(vec![node("fc", dense(2, 3), &[0], &[1])], 1).unwrap();
    let explainer = Explainer::new(net.clone(), Composite::epsilon_plus()).unwrap();
    let pass = net.run(&[Array::full([2, 2], 1.0)]).unwrap();
    told(explainer.explain(&pass, &[Target::Logit { unit: 3 }], &[]), "there is no unit 3");
    told(explainer.explain(&pass, &vec![Target::Logit { unit: 0 }; 3], &[]), "3 targets for 2 samples");
    told(explainer.explain(&pass, &[], &[]), "0 targets");
    told(explainer.explain(&pass, &[Target::Pixel { unit: 0, row: 0, column: 0 }], &[]), "no map");
    told(explainer.explain(&pass, &[Target::Logit { unit: 0 }], &["fx"]), "`fc`");
    let nodes =
        vec![node("fc", dense(2, 3), &[0], &[1]), node("relu", Op::Activation(Activation::Relu), &[1], &[2])];
    let ruled = Composite::epsilon_plus().with_rule("relu", logit_explain::Rule::pass());
    let found = Explainer::new(network(nodes, 2).unwrap(), ruled);
    told(found.err().map_or(Ok(()), Err), "step `relu`: it has no weights");
    let unknown = network(vec![node("odd", Op::Unknown("fft".to_owned()), &[0], &[1])], 1).unwrap();
    told(
        Explainer::new(unknown, Composite::gradient()).err().map_or(Ok(()), Err),
        "step `odd` computes `fft`",
    );
    let box_of_two =
        Composite::deep_taylor(None).with_first_rule(logit_explain::Rule::z_box_of(vec![0.0; 3], vec![1.0]));
    let explainer = Explainer::new(net, box_of_two).unwrap();
    told(explainer.explain(&pass, &[Target::Logit { unit: 0 }], &[]), "3 bounds for 2 inputs");
}

#[test]
fn methods_that_cannot_do_it_say_so() {
    let weight = Arc::new(vec![0.5; 6]);
    let rows = || {
        let nodes = vec![
            node("words", Op::Embedding { weight: Arc::clone(&weight), units: 2 }, &[0], &[1]),
            node("fc", dense(2, 3), &[1], &[2]),
        ];
        network(nodes, 2).unwrap()
    };
    let named = |name: &str| Method::named(name, &Settings::default()).unwrap();
    for name in ["occlusion", "smoothgrad", "integrated-gradients"] {
        told(named(name).prepare(rows()).err().map_or(Ok(()), Err), "numbers of rows");
    }
    // A row's relevance is its sum over the row times its gradient.
    let method = named("gradient-x-input").prepare(rows()).unwrap();
    let found =
        method.explain_inputs(&[Array::new([3], vec![0.0, 2.0, 1.0])], &[Target::Logit { unit: 0 }]).unwrap();
    assert_eq!(found.inputs[0].1.numbers, [0.5; 3]);
    told(
        method.explain_inputs(&[Array::full([3], 3.0)], &[Target::Logit { unit: 0 }]),
        "3 is no number of a row",
    );
    let dense = || network(vec![node("fc", dense(2, 3), &[0], &[1])], 1).unwrap();
    let pass = dense().run(&[Array::full([2, 2], 1.0)]).unwrap();
    let occlusion = named("occlusion").prepare(dense()).unwrap();
    told(occlusion.explain(&pass, &[Target::Logit { unit: 0 }], &["fc"]), "only composites");
    told(occlusion.explain(&Pass::default(), &[Target::Logit { unit: 0 }], &[]), "no output");
    for settings in [
        Settings { window: vec![0], ..Settings::default() },
        Settings { window: vec![2, 2], ..Settings::default() },
        Settings { baseline: f64::NAN, ..Settings::default() },
    ] {
        assert!(Method::named("occlusion", &settings).is_err());
    }
    assert!(Method::named("smoothgrad", &Settings { noise: -1.0, ..Settings::default() }).is_err());
    assert!(Method::named("integrated-gradients", &Settings { steps: 0, ..Settings::default() }).is_err());
}
