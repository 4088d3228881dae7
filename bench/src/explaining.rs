//! Maps of relevance: the networks of the zoo, with weights that both sides make for themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use logit::explain::map::{Map, Window};
use logit::explain::method::{Method, PreparedMethod};
use logit::explain::op::{Activation, MaxPool, Pool, Weighted};
use logit::explain::{Array, Composite, Network, Node, Op, Target};

use crate::case::{Case, Failure};
use crate::data::{Stream, indices, uniform};

/// Pixels of a pair of digits, detection units of a layer, and units that are summed to one.
const PAIR: usize = 28 * 56;
const UNITS: usize = 400;
const GROUP: usize = 4;

/// Values of black and white pixels of pairs.
const BOX: [f64; 2] = [-0.5, 1.5];

/// The stream of the direction that maps are multiplied by.
const DIRECTION: Stream = 99;

/// Deep Taylor decomposition of the network that judges pairs.
pub(crate) fn pairs_deep_taylor(batch: usize) -> Result<Box<dyn Case>, Failure> {
    let images = numbers(1, &[batch, PAIR], 1.0).map(|pixel| pixel + 0.5);
    Explain::case(pairs()?, images, Method::Relevance(Composite::deep_taylor(Some(BOX))), vec![0; batch])
}

/// A method on the convolutional network.
pub(crate) fn digits(method: Method, batch: usize) -> Result<Box<dyn Case>, Failure> {
    let images = numbers(1, &[batch, 1, 28, 28], 1.0).map(|pixel| f32::midpoint(pixel, 1.0));
    let targets =
        indices(2, [batch], 10, &Device::flex()).try_into_vec_as::<i32>().map_err(|e| format!("{e:?}"))?;
    Explain::case(convnet()?, images, method, targets.into_iter().map(|class| class as usize).collect())
}

fn numbers(stream: Stream, shape: &[usize], scale: f32) -> Array<f32> {
    let count = shape.iter().product();
    let tensor: Tensor<1> = uniform(stream, [count], scale, &Device::flex());
    Array::new(shape, tensor.try_into_vec_as().unwrap_or_default())
}

fn dense(streams: Stream, [inputs, units]: [usize; 2], scale: f32, bias: Vec<f32>) -> Op<f32> {
    let weight = Arc::new(numbers(streams, &[inputs, units], scale).numbers);
    Op::Weighted(Weighted { map: Map::Dense { inputs, units }, weight, bias: Some(Arc::new(bias)) })
}

/// Operations one after the other.
fn chain(operations: Vec<(&str, Op<f32>)>) -> Result<Network<f32>, Failure> {
    let output = operations.len();
    let node = |(at, (name, op)): (usize, (&str, Op<f32>))| Node {
        name: name.to_owned(),
        op,
        inputs: vec![at],
        outputs: vec![at + 1],
    };
    let nodes = operations.into_iter().enumerate().map(node).collect();
    Ok(Network::new(nodes, vec![("images".to_owned(), 0)], output)?)
}

/// 1568 → 400 detection units → sums of 4 → 400 detection units → their sum. No bias is above 0.
fn pairs() -> Result<Network<f32>, Failure> {
    let scale = (0.05 * 3.0_f64.sqrt()) as f32;
    let bias = |stream| numbers(stream, &[UNITS], 0.05).map(|bias| -bias.abs()).numbers;
    chain(vec![
        ("first", dense(3, [PAIR, UNITS], scale, bias(4))),
        ("first", Op::Activation(Activation::Relu)),
        ("first", Op::Pool(Pool::Groups { size: GROUP })),
        ("second", dense(5, [UNITS / GROUP, UNITS], scale, bias(6))),
        ("second", Op::Activation(Activation::Relu)),
        ("second", Op::Pool(Pool::Groups { size: UNITS })),
    ])
}

/// Two convolutions, each pooled and rectified, and two dense layers.
fn convnet() -> Result<Network<f32>, Failure> {
    let conv = |stream, channels: [usize; 2]| {
        let window =
            Window { channels, kernel: [5, 5], stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
        let scale = (channels[0] as f32 * 25.0).powf(-0.5);
        let weight = numbers(stream, &[channels[1], channels[0], 5, 5], scale).numbers;
        let bias = Some(Arc::new(vec![0.0; channels[1]]));
        Op::Weighted(Weighted { map: Map::Conv(window), weight: Arc::new(weight), bias })
    };
    let unit = |stream, [inputs, units]: [usize; 2]| {
        let scale = (inputs as f32).powf(-0.5);
        dense(stream, [inputs, units], scale, numbers(stream + 1, &[units], scale).numbers)
    };
    let pool = || {
        let [kernel, stride] = [[2, 2]; 2];
        Op::MaxPool(MaxPool { kernel, stride, padding: [0, 0], dilation: [1, 1], ceil_mode: false })
    };
    let relu = || Op::Activation(Activation::Relu);
    chain(vec![
        ("conv1", conv(3, [1, 10])),
        ("conv1", pool()),
        ("conv1", relu()),
        ("conv2", conv(5, [10, 20])),
        ("conv2", pool()),
        ("conv2", relu()),
        ("fc1", Op::Flatten),
        ("fc1", unit(7, [320, 50])),
        ("fc1", relu()),
        ("head", unit(9, [50, 10])),
    ])
}

/// A prepared method, and inputs to explain.
struct Explain {
    method: PreparedMethod<f32>,
    images: [Array<f32>; 1],
    targets: Vec<Target>,
    parameters: usize,
}

impl Explain {
    fn case(
        network: Network<f32>,
        images: Array<f32>,
        method: Method,
        classes: Vec<usize>,
    ) -> Result<Box<dyn Case>, Failure> {
        let of = |node: &Node<f32>| match &node.op {
            Op::Weighted(step) => step.weight.len() + step.bias.as_ref().map_or(0, |bias| bias.len()),
            _ => 0,
        };
        let parameters = network.nodes().iter().map(of).sum();
        let targets = classes.into_iter().map(|unit| Target::Logit { unit }).collect();
        Ok(Box::new(Self { method: method.prepare(network)?, images: [images], targets, parameters }))
    }

    fn maps(&self) -> Result<Array<f32>, Failure> {
        Ok(self.method.explain_inputs(&self.images, &self.targets)?.inputs.swap_remove(0).1)
    }
}

impl Case for Explain {
    fn step(&mut self) -> Result<(), Failure> {
        self.maps().map(drop)
    }

    fn agreed(&mut self) -> Result<BTreeMap<&'static str, f64>, Failure> {
        let maps = self.maps()?;
        let direction = numbers(DIRECTION, &maps.shape, 1.0);
        let wide = |array: &Array<f32>| array.numbers.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (numbers, direction) = (wide(&maps), wide(&direction));
        Ok(BTreeMap::from([
            ("numbers in the model", self.parameters as f64),
            ("numbers in the maps", numbers.len() as f64),
            ("norm of the maps", numbers.iter().map(|x| x * x).sum::<f64>().sqrt()),
            ("maps times fixed numbers", numbers.iter().zip(direction).map(|(x, d)| x * d).sum()),
        ]))
    }
}
