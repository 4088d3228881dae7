//! Networks and maps that were written by other programs.

use std::path::Path;
use std::sync::Arc;

use logit_explain::map::{Map, Window};
use logit_explain::op::{Activation, MaxPool, Pool, Weighted};
use logit_explain::{Array, Network, Node, Number, Op, Target};
use serde_json::Value;

/// A file of fixtures.
pub(crate) fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn integer(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or_else(|| panic!("{value}"))).unwrap()
}

pub(crate) fn integers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(integer).collect()
}

pub(crate) fn doubles(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|x| x.as_f64().unwrap()).collect()
}

pub(crate) fn array<T: Number>(value: &Value) -> Array<T> {
    let numbers = doubles(&value["values"]).into_iter().map(T::of).collect();
    Array::new(integers(&value["shape"]), numbers)
}

pub(crate) fn targets(file: &Value) -> Vec<Target> {
    integers(&file["targets"]).into_iter().map(|unit| Target::Logit { unit }).collect()
}

fn pair(value: &Value) -> [usize; 2] {
    integers(value).try_into().unwrap()
}

fn parameters<T: Number>(value: &Value) -> Arc<Vec<T>> {
    Arc::new(array(value).numbers)
}

fn bias<T: Number>(step: &Value) -> Option<Arc<Vec<T>>> {
    step.get("bias").map(parameters)
}

fn weighted<T: Number>(step: &Value, kind: &str) -> Op<T> {
    let shape = integers(&step["weight"]["shape"]);
    let mut weight: Arc<Vec<T>> = parameters(&step["weight"]);
    let map = if kind == "dense" {
        let (units, inputs) = (shape[0], shape[1]);
        weight = Arc::new((0..inputs * units).map(|at| weight[at % units * inputs + at / units]).collect());
        Map::Dense { inputs, units }
    } else {
        let groups = integer(&step["groups"]);
        let transposed = kind == "conv_transpose2d";
        let channels = if transposed { [shape[0], shape[1] * groups] } else { [shape[1] * groups, shape[0]] };
        let window = Window {
            channels,
            kernel: [shape[2], shape[3]],
            stride: pair(&step["stride"]),
            padding: pair(&step["padding"]),
            dilation: pair(&step["dilation"]),
            groups,
        };
        if transposed {
            Map::ConvTransposed { window, output_padding: pair(&step["output_padding"]) }
        } else {
            Map::Conv(window)
        }
    };
    Op::Weighted(Weighted { map, weight, bias: bias(step) })
}

fn window(step: &Value) -> MaxPool {
    let [kernel, stride, padding] = ["kernel", "stride", "padding"].map(|key| pair(&step[key]));
    MaxPool { kernel, stride, padding, dilation: [1, 1], ceil_mode: false }
}

/// Batch norm as a scale and a shift, computed in double precision.
fn batch_norm<T: Number>(step: &Value) -> Op<T> {
    let [gamma, beta, mean, variance] =
        ["gamma", "beta", "running_mean", "running_var"].map(|key| doubles(&step[key]["values"]));
    let epsilon = step["epsilon"].as_f64().unwrap();
    let scale: Vec<f64> = gamma.iter().zip(&variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
    let shift = scale.iter().zip(beta).zip(mean).map(|((scale, beta), mean)| T::of(beta - mean * scale));
    let shift = Arc::new(shift.collect());
    Op::Scale { scale: Arc::new(scale.into_iter().map(T::of).collect()), shift }
}

fn op<T: Number>(step: &Value) -> Op<T> {
    match step["kind"].as_str().unwrap() {
        kind @ ("dense" | "conv2d" | "conv_transpose2d") => weighted(step, kind),
        "relu" => Op::Activation(Activation::Relu),
        "tanh" => Op::Activation(Activation::Tanh),
        "max_pool2d" => Op::MaxPool(window(step)),
        "avg_pool2d" => Op::Pool(Pool::Average { window: window(step), count_include_pad: true }),
        "global_avg_pool2d" => Op::Pool(Pool::Global),
        "sum_pool" => Op::Pool(Pool::Groups { size: integer(&step["size"]) }),
        "flatten" => Op::Flatten,
        "batch_norm" => batch_norm(step),
        "sum" => Op::Sum,
        kind => panic!("`{kind}` is not known to the test"),
    }
}

/// The network of a file.
pub(crate) fn network<T: Number>(file: &Value) -> Network<T> {
    let steps = file["steps"].as_array().unwrap();
    let node = |(at, step): (usize, &Value)| Node {
        name: step["name"].as_str().unwrap().to_owned(),
        op: op(step),
        inputs: integers(&step["inputs"]),
        outputs: vec![at + 1],
    };
    let nodes = steps.iter().enumerate().map(node).collect();
    Network::new(nodes, vec![("x".to_owned(), 0)], steps.len()).unwrap()
}

/// The greatest difference, relative to the greatest number expected.
pub(crate) fn apart<T: Number>(found: &Array<T>, expected: &Value) -> f64 {
    assert_eq!(found.shape, integers(&expected["shape"]));
    let expected = doubles(&expected["values"]);
    let most = expected.iter().map(|number| number.abs()).fold(0.0, f64::max);
    assert!(most > 0.0, "a map of nothing");
    let apart = found.numbers.iter().zip(&expected).map(|(found, expected)| (found.wide() - expected).abs());
    // A number that is none is as far apart as can be.
    apart.fold(0.0, |most: f64, apart| if apart.is_nan() { f64::INFINITY } else { most.max(apart) }) / most
}
