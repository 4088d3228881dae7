//! Steps of the graph as operations with their weights.

use std::sync::Arc;

use logit_explain::map::{Map, Window};
use logit_explain::op::{Activation, MaxPool, Pool, Weighted};
use logit_explain::{Array, Node, Number, Op};

use super::parameters::Parameters;
use crate::graph::{self, Graph, Padding, StepKind};

/// Whole numbers up to this one are exact in `f32`, as rows of embeddings must be.
const MOST_ROWS: usize = 1 << 24;

/// Nodes so far; values beyond the graph's are between a padding and what it is for.
pub(super) struct Translation<'a, T> {
    graph: &'a Graph,
    parameters: Parameters,
    nodes: Vec<Node<T>>,
    values: usize,
}

/// Sizes that say how much of a map a window covers.
struct Sides {
    kernel: [usize; 2],
    stride: [usize; 2],
}

impl<'a, T: Number> Translation<'a, T> {
    pub(super) fn new(graph: &'a Graph, parameters: Parameters) -> Self {
        Self { graph, parameters, nodes: Vec::new(), values: graph.values().count() }
    }

    pub(super) fn into_nodes(self) -> Vec<Node<T>> {
        self.nodes
    }

    /// Adds what a node computes.
    pub(super) fn add(&mut self, node: &graph::Node) -> Result<(), String> {
        let mut inputs: Vec<usize> = node.inputs.iter().map(|id| id.number()).collect();
        let op = match node.kind {
            StepKind::Linear => self.dense(node)?,
            StepKind::Head { units, .. } => self.head(node, units)?,
            StepKind::Conv2d { kernel, stride, padding, dilation, groups } => {
                let padding = self.padded(node, &mut inputs, padding, &Sides { kernel, stride }, T::zero());
                let weight = self.parameter(node, "weight")?;
                let channels = [weight.shape[1] * groups, weight.shape[0]];
                let window = Window { channels, kernel, stride, padding, dilation, groups };
                self.weighted(node, Map::Conv(window), weight)
            }
            StepKind::ConvTranspose2d { kernel, stride, padding, output_padding, dilation, groups } => {
                let weight = self.parameter(node, "weight")?;
                let channels = [weight.shape[0], weight.shape[1] * groups];
                let window = Window { channels, kernel, stride, padding, dilation, groups };
                self.weighted(node, Map::ConvTransposed { window, output_padding }, weight)
            }
            StepKind::MaxPool2d { kernel, stride, padding, dilation, ceil_mode } => {
                let lowest = T::neg_infinity();
                let padding = self.padded(node, &mut inputs, padding, &Sides { kernel, stride }, lowest);
                Op::MaxPool(MaxPool { kernel, stride, padding, dilation, ceil_mode })
            }
            StepKind::AvgPool2d { kernel, stride, padding, count_include_pad, ceil_mode } => {
                let before = inputs[0];
                let padding = self.padded(node, &mut inputs, padding, &Sides { kernel, stride }, T::zero());
                if inputs[0] != before && !count_include_pad {
                    return Err("an average without its padding, which differs from side to side".to_owned());
                }
                let window = MaxPool { kernel, stride, padding, dilation: [1, 1], ceil_mode };
                Op::Pool(Pool::Average { window, count_include_pad })
            }
            StepKind::BatchNorm { epsilon, .. } => self.batch_norm(node, epsilon)?,
            StepKind::Embedding => {
                let weight = self.parameter(node, "weight")?;
                if weight.rows() > MOST_ROWS {
                    return Err(format!(
                        "{} rows are more than can be told apart, {MOST_ROWS}",
                        weight.rows()
                    ));
                }
                Op::Embedding { units: weight.row_len(), weight: numbers(&weight) }
            }
            _ => without_weights(&node.kind, node.outputs.len()),
        };
        let outputs = node.outputs.iter().map(|id| id.number()).collect();
        self.nodes.push(Node { name: node.name.clone(), op, inputs, outputs });
        Ok(())
    }

    fn parameter(&self, node: &graph::Node, name: &str) -> Result<Array<f32>, String> {
        let parameter = node.parameters.iter().find(|parameter| parameter.name == name);
        let known = parameter.and_then(|parameter| self.parameters.get(parameter.id));
        known.cloned().ok_or_else(|| format!("its `{name}` is none of the module's parameters"))
    }

    fn weighted(&self, node: &graph::Node, map: Map, weight: Array<f32>) -> Op<T> {
        let bias = self.parameter(node, "bias").ok().map(|bias| numbers(&bias));
        Op::Weighted(Weighted { map, weight: numbers(&weight), bias })
    }

    fn dense(&self, node: &graph::Node) -> Result<Op<T>, String> {
        let weight = self.parameter(node, "weight")?;
        let map = Map::Dense { inputs: weight.rows(), units: weight.row_len() };
        Ok(self.weighted(node, map, weight))
    }

    /// A head: dense on rows, a 1×1 convolution on maps. Where its weight is one column, all units share it.
    fn head(&self, node: &graph::Node, units: usize) -> Result<Op<T>, String> {
        let weight = self.parameter(node, "weight")?;
        let (features, columns) = (weight.rows(), weight.row_len());
        let of = |feature: usize, unit: usize| {
            weight.numbers[feature * columns + if columns == 1 { 0 } else { unit }]
        };
        let places =
            |outer: usize, inner: usize| (0..outer).flat_map(move |a| (0..inner).map(move |b| (a, b)));
        let shape = &self.graph.value(node.inputs[0]).shape;
        let (map, weight) = match shape.len() {
            2 => {
                let weight = places(features, units).map(|(feature, unit)| of(feature, unit));
                (Map::Dense { inputs: features, units }, weight.collect())
            }
            4 => {
                let weight = places(units, features).map(|(unit, feature)| of(feature, unit));
                let (kernel, stride, padding, dilation) = ([1, 1], [1, 1], [0, 0], [1, 1]);
                let channels = [features, units];
                (
                    Map::Conv(Window { channels, kernel, stride, padding, dilation, groups: 1 }),
                    weight.collect(),
                )
            }
            axes => {
                return Err(format!("a head on {axes} axes; it is known on rows and on maps [N, F, H, W]"));
            }
        };
        Ok(self.weighted(node, map, Array::new([features * units], weight)))
    }

    /// Batch norm by its running statistics, as a scale and a shift.
    fn batch_norm(&self, node: &graph::Node, epsilon: f64) -> Result<Op<T>, String> {
        let all = ["gamma", "beta", "running_mean", "running_var"].map(|name| self.parameter(node, name));
        let [gamma, beta, mean, variance] = all;
        let (gamma, beta, mean, variance) = (gamma?.numbers, beta?.numbers, mean?.numbers, variance?.numbers);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(g, v)| f64::from(*g) / (f64::from(*v) + epsilon).sqrt())
            .collect();
        let shift =
            scale.iter().zip(beta.iter().zip(&mean)).map(|(s, (b, m))| f64::from(*b) - f64::from(*m) * s);
        let shift = Arc::new(shift.map(T::of).collect());
        Ok(Op::Scale { scale: Arc::new(scale.into_iter().map(T::of).collect()), shift })
    }

    /// The padding of a window, the same on both sides; where it is not, a node before pads, and none is left.
    fn padded(
        &mut self,
        node: &graph::Node,
        inputs: &mut [usize],
        padding: Padding,
        sides: &Sides,
        value: T,
    ) -> [usize; 2] {
        let [top, left, bottom, right] = match padding {
            Padding::Explicit(sides) => sides,
            Padding::Same => {
                let shape = &self.graph.value(node.inputs[0]).shape;
                let [height, width] =
                    [0, 1].map(|axis| same(sides.kernel[axis], sides.stride[axis], shape[axis + 2]));
                [height[0], width[0], height[1], width[1]]
            }
        };
        if [top, left] == [bottom, right] {
            return [top, left];
        }
        let padded = self.values;
        self.values += 1;
        let op = Op::Pad { padding: [top, left, bottom, right], value };
        self.nodes.push(Node { name: node.name.clone(), op, inputs: vec![inputs[0]], outputs: vec![padded] });
        inputs[0] = padded;
        [0, 0]
    }
}

/// The zeros before and after an axis that make the output as large as the input over the stride.
fn same(kernel: usize, stride: usize, size: usize) -> [usize; 2] {
    let outputs = size.div_ceil(stride.max(1));
    let missing = (outputs.saturating_sub(1) * stride + kernel).saturating_sub(size);
    [missing / 2, missing - missing / 2]
}

/// What has no parameters.
fn without_weights<T: Number>(kind: &StepKind, outputs: usize) -> Op<T> {
    match *kind {
        StepKind::SumPool { size } => Op::Pool(Pool::Groups { size }),
        StepKind::GlobalAvgPool2d => Op::Pool(Pool::Global),
        StepKind::Relu => Op::Activation(Activation::Relu),
        StepKind::Tanh => Op::Activation(Activation::Tanh),
        StepKind::Dropout { .. } | StepKind::ChannelDropout { .. } => Op::Identity,
        StepKind::Flatten => Op::Flatten,
        StepKind::Concat { axis } => Op::Concat { axis },
        StepKind::Split { axis } => Op::Split { axis, pieces: outputs },
        StepKind::Sum => Op::Sum,
        StepKind::Product => Op::Product,
        StepKind::AbsDifference => Op::AbsDifference,
        StepKind::Pad2d { padding, value } => Op::Pad { padding, value: T::of(f64::from(value)) },
        StepKind::Crop2d { size } => Op::Crop { size },
        StepKind::MaxOfNamed => Op::MaxOfNamed,
        StepKind::ScaleToLength { length, epsilon } => {
            Op::ScaleToLength { length: T::of(length), epsilon: T::of(epsilon) }
        }
        ref other => Op::Unknown(other.name().to_owned()),
    }
}

fn numbers<T: Number>(array: &Array<f32>) -> Arc<Vec<T>> {
    Arc::new(array.numbers.iter().map(|number| T::of(f64::from(*number))).collect())
}
