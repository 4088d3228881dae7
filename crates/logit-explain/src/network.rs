//! A network as a list of nodes, and the values of a pass over it.

use crate::array::Array;
use crate::error::ExplainError;
use crate::number::Number;
use crate::op::Op;

/// A network: nodes in the order in which they compute, over numbered values.
///
/// ```
/// use std::sync::Arc;
///
/// use logit_explain::map::Map;
/// use logit_explain::op::{Activation, Weighted};
/// use logit_explain::{Array, Network, Node, Op};
///
/// let map = Map::Dense { inputs: 2, units: 2 };
/// let weight = Arc::new(vec![1.0, -1.0, 0.5, 2.0]);
/// let dense = Op::Weighted(Weighted { map, weight, bias: None });
/// let node = |op, at: usize| Node { name: "hidden".to_owned(), op, inputs: vec![at], outputs: vec![at + 1] };
/// let nodes = vec![node(dense, 0), node(Op::Activation(Activation::Relu), 1)];
/// let network = Network::<f64>::new(nodes, vec![("x".to_owned(), 0)], 2)?;
/// assert_eq!(network.logits(&[Array::new([1, 2], vec![1.0, -1.0])])?.numbers, [0.5, 0.0]);
/// # Ok::<(), logit_explain::ExplainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Network<T> {
    nodes: Vec<Node<T>>,
    /// Steps that were folded into others, and what they gave.
    folded: Vec<(String, usize)>,
    inputs: Vec<(String, usize)>,
    output: usize,
    values: usize,
}

/// One operation of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<T> {
    /// The step that it belongs to. Operations that compute as one have one name.
    pub name: String,
    /// What it computes.
    pub op: Op<T>,
    /// The numbers of the values that it takes.
    pub inputs: Vec<usize>,
    /// Those that it gives.
    pub outputs: Vec<usize>,
}

/// The values of a pass, by their numbers; those that were never there, as between operations that compute as one, are
/// absent.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pass<T> {
    values: Vec<Option<Array<T>>>,
}

impl<T: Number> Pass<T> {
    /// Values by their numbers.
    pub fn new(values: Vec<Option<Array<T>>>) -> Self {
        Self { values }
    }

    /// A value.
    pub fn value(&self, number: usize) -> Option<&Array<T>> {
        self.values.get(number)?.as_ref()
    }

    pub(crate) fn set(&mut self, number: usize, value: Array<T>) {
        if self.values.len() <= number {
            self.values.resize(number + 1, None);
        }
        self.values[number] = Some(value);
    }
}

impl<T: Number> Network<T> {
    /// A network of nodes; `inputs` are names and values, `output` the value that holds the logits.
    ///
    /// Batch norm right after a step with weights is folded into it: `w' = w·s`, `b' = (b − μ)·s + β` with
    /// `s = γ/√(σ² + ε)`, which [`Op::Scale`] has as scale and shift.
    ///
    /// # Errors
    /// A value is given twice, or taken before it is given; the output is given by nothing; weights are not finite, or not as
    /// many as a map takes.
    pub fn new(
        nodes: Vec<Node<T>>,
        inputs: Vec<(String, usize)>,
        output: usize,
    ) -> Result<Self, ExplainError> {
        nodes.iter().try_for_each(check_node)?;
        let (nodes, folded) = folded(nodes, output);
        let values = nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs)).copied();
        let values = values.chain(inputs.iter().map(|(_, value)| *value)).max().map_or(0, |most| most + 1);
        let mut known = vec![false; values];
        for (name, value) in &inputs {
            given(&mut known, *value, name)?;
        }
        for node in &nodes {
            if let Some(value) = node.inputs.iter().find(|value| !known[**value]) {
                let reason = format!("it takes value {value}, which nothing before it gives");
                return Err(ExplainError::Step { step: node.name.clone(), reason });
            }
            for value in &node.outputs {
                given(&mut known, *value, &node.name)?;
            }
        }
        if !known.get(output).copied().unwrap_or(false) {
            return Err(ExplainError::Network(format!("nothing gives the output, value {output}")));
        }
        Ok(Self { nodes, folded, inputs, output, values })
    }

    /// The operations, in the order in which they compute.
    pub fn nodes(&self) -> &[Node<T>] {
        &self.nodes
    }

    /// Names and values of the inputs.
    pub fn inputs(&self) -> &[(String, usize)] {
        &self.inputs
    }

    /// The value that holds the logits.
    pub fn output(&self) -> usize {
        self.output
    }

    /// Of each input whether it holds whole numbers of rows, as of words and categories: an embedding or a maximum over named
    /// vectors reads rows by them.
    pub fn row_numbers(&self) -> Vec<bool> {
        let mut rows = vec![false; self.values];
        for node in self.nodes.iter().rev() {
            let moved = node.op.moves() && node.outputs.iter().any(|value| rows[*value]);
            for (place, value) in node.inputs.iter().enumerate() {
                let read = match node.op {
                    Op::Embedding { .. } => true,
                    Op::MaxOfNamed => place == 1,
                    _ => moved,
                };
                rows[*value] |= read;
            }
        }
        self.inputs.iter().map(|(_, value)| rows[*value]).collect()
    }

    /// How many values there are.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// The value that a step gives, or that an input is.
    ///
    /// # Errors
    /// There is no such step; the error names those that are like it.
    pub fn value_of(&self, name: &str) -> Result<usize, ExplainError> {
        let input = self.inputs.iter().find(|(input, _)| input == name).map(|(_, value)| *value);
        let step = || {
            self.nodes.iter().rfind(|node| node.name == name).and_then(|node| node.outputs.first().copied())
        };
        let folded = || self.folded.iter().find(|(step, _)| step == name).map(|(_, value)| *value);
        input.or_else(step).or_else(folded).ok_or_else(|| {
            let names = self.nodes.iter().map(|node| node.name.as_str());
            let names = names.chain(self.inputs.iter().map(|(name, _)| name.as_str()));
            ExplainError::UnknownStep { name: name.to_owned(), nearest: crate::error::nearest(name, names) }
        })
    }

    /// Computes all values.
    ///
    /// # Errors
    /// An input is missing, does not fit, or holds something that is no number; a step cannot be computed.
    pub fn run(&self, inputs: &[Array<T>]) -> Result<Pass<T>, ExplainError> {
        if inputs.len() != self.inputs.len() {
            let reason = format!("the network takes {} inputs, not {}", self.inputs.len(), inputs.len());
            return Err(ExplainError::Network(reason));
        }
        let mut pass = Pass::new(vec![None; self.values]);
        for ((name, value), input) in self.inputs.iter().zip(inputs) {
            if input.numbers.is_empty() || input.shape.iter().product::<usize>() != input.numbers.len() {
                let (shape, count) = (&input.shape, input.numbers.len());
                let reason =
                    format!("input `{name}` of {shape:?} has {count} numbers: there is nothing to explain");
                return Err(ExplainError::Network(reason));
            }
            finite(input, &format!("number of input `{name}`"))?;
            pass.set(*value, input.clone());
        }
        for node in &self.nodes {
            node.compute(&mut pass)?;
        }
        Ok(pass)
    }

    /// The logits of a pass.
    ///
    /// # Errors
    /// The pass has none, or one is not finite.
    pub(crate) fn logits_of<'a>(&self, pass: &'a Pass<T>) -> Result<&'a Array<T>, ExplainError> {
        let logits = pass.value(self.output);
        let logits = logits.ok_or_else(|| ExplainError::Network("the pass has no output".to_owned()))?;
        finite(logits, "logit")?;
        Ok(logits)
    }

    /// The logits of some inputs.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn logits(&self, inputs: &[Array<T>]) -> Result<Array<T>, ExplainError> {
        let mut pass = self.run(inputs)?;
        Ok(pass.values[self.output].take().unwrap_or_default())
    }
}

impl<T: Number> Node<T> {
    /// Computes the node's outputs from the values of a pass, and sets those that are absent.
    pub(crate) fn compute(&self, pass: &mut Pass<T>) -> Result<(), ExplainError> {
        let inputs: Option<Vec<&Array<T>>> = self.inputs.iter().map(|value| pass.value(*value)).collect();
        let computed = match inputs {
            Some(inputs) => self.op.forward(&inputs),
            None => Err("a value that it takes is missing".to_owned()),
        };
        let outputs = computed.map_err(|reason| self.fault(reason))?;
        for (value, output) in self.outputs.iter().zip(outputs) {
            if pass.value(*value).is_none() {
                pass.set(*value, output);
            }
        }
        Ok(())
    }

    pub(crate) fn fault(&self, reason: String) -> ExplainError {
        ExplainError::Step { step: self.name.clone(), reason }
    }
}

/// Whether all numbers are finite.
pub(crate) fn finite<T: Number>(array: &Array<T>, what: &str) -> Result<(), ExplainError> {
    match array.not_finite() {
        Some(at) => {
            Err(ExplainError::NotFinite { what: what.to_owned(), at, number: array.numbers[at].wide() })
        }
        None => Ok(()),
    }
}

fn given(known: &mut [bool], value: usize, by: &str) -> Result<(), ExplainError> {
    if std::mem::replace(&mut known[value], true) {
        return Err(ExplainError::Network(format!("`{by}` gives value {value}, which was given before")));
    }
    Ok(())
}

/// That a node has as many inputs, outputs and numbers as its operation takes.
fn check_node<T: Number>(node: &Node<T>) -> Result<(), ExplainError> {
    let fault = |reason: String| Err(node.fault(reason));
    if matches!(node.op, Op::Unknown(_)) {
        return Ok(());
    }
    let (inputs, outputs) = node.op.arity();
    if !inputs.contains(&node.inputs.len()) || node.outputs.len() != outputs {
        let (found, gives) = (node.inputs.len(), node.outputs.len());
        return fault(format!("it takes {inputs:?} values and gives {outputs}, not {found} and {gives}"));
    }
    let parameters: Vec<(&str, &[T])> = match &node.op {
        Op::Weighted(step) => {
            step.check().or_else(fault)?;
            let bias = step.bias.as_ref().map(|bias| ("bias", &bias[..]));
            [("weight", &step.weight[..])].into_iter().chain(bias).collect()
        }
        Op::Scale { scale, shift } if scale.len() != shift.len() => {
            return fault(format!("{} scales and {} shifts", scale.len(), shift.len()));
        }
        Op::Scale { scale, shift } => vec![("scale", &scale[..]), ("shift", &shift[..])],
        Op::Embedding { weight, units } if *units == 0 || !weight.len().is_multiple_of(*units) => {
            return fault(format!("{} weights are no rows of {units}", weight.len()));
        }
        Op::Embedding { weight, .. } => vec![("weight", &weight[..])],
        _ => Vec::new(),
    };
    for (name, numbers) in parameters {
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            let what = format!("{name} of step `{}`, number", node.name);
            return Err(ExplainError::NotFinite { what, at, number: numbers[at].wide() });
        }
    }
    Ok(())
}

/// The nodes with each scale right after weights, whose output nothing else takes, folded into them; and the names of those
/// scales with what they gave.
fn folded<T: Number>(nodes: Vec<Node<T>>, output: usize) -> (Vec<Node<T>>, Vec<(String, usize)>) {
    let mut uses = std::collections::HashMap::new();
    nodes.iter().flat_map(|node| &node.inputs).for_each(|value| *uses.entry(*value).or_insert(0) += 1);
    let mut kept: Vec<Node<T>> = Vec::with_capacity(nodes.len());
    let mut folded = Vec::new();
    for node in nodes {
        let before = node.inputs.first().and_then(|value| {
            let alone = uses.get(value) == Some(&1) && *value != output;
            kept.iter_mut().find(|before| alone && before.outputs == [*value])
        });
        match (before, &node.op) {
            (Some(Node { op: Op::Weighted(step), outputs, .. }), Op::Scale { scale, shift })
                if step.map.units() == scale.len() && shift.len() == scale.len() =>
            {
                *step = step.scaled(scale, shift);
                folded.extend(node.outputs.first().map(|value| (node.name, *value)));
                *outputs = node.outputs;
            }
            _ => kept.push(node),
        }
    }
    (kept, folded)
}
