//! The graph of a network: its steps in the order in which they computed, and what each took and gave.
//!
//! A forward pass that is given a tape which [keeps the graph](crate::tape::Watch::graph) writes it down. Values are
//! nodes' inputs and outputs; a value has a number, so that skips and fan-out can be followed. Operations that compute as
//! one, as a convolution with its batch norm and rectifier, are a [`Node`] each, under one name: a reader sees what is
//! computed, whatever kernel does it.
//!
//! ```
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Tensor};
//! use logit::steps;
//! use logit::tape::{Tape, Watch};
//!
//! let device = Device::flex();
//! let layer: Linear = LinearConfig::new(4, 8).init(&device);
//! let mut tape = Tape::new(&Watch::new().graph());
//! let x = tape.input("x", Tensor::<2>::zeros([2, 4], &device));
//! let x = tape.step("hidden", steps::linear(&layer).relu(), x);
//! let sum = tape.step("skip", steps::sum(), [x.clone(), x]);
//! # drop(sum);
//!
//! let graph = tape.graph().unwrap();
//! let kinds: Vec<&str> = graph.nodes().iter().map(|node| node.kind.name()).collect();
//! assert_eq!(kinds, ["linear", "relu", "sum"]);
//! let skip = graph.node("skip").unwrap();
//! assert_eq!(skip.inputs[0], skip.inputs[1]);
//! assert_eq!(graph.value(skip.inputs[0]).shape, [2, 8]);
//! assert!(graph.gaps().next().is_none()); // every value comes from an input or a step
//! ```

mod step_kind;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use burn::module::{Module, ModuleVisitor, Param, ParamId, RunningState};
use burn::tensor::Tensor;
use logit_explain::Array;
use logit_spec::Answer;

pub use step_kind::{Padding, StepKind};

/// Numbers graphs, so that a value of one is not taken for a value of another.
static GRAPHS: AtomicU32 = AtomicU32::new(0);

/// What a forward pass computed, step by step.
#[derive(Clone, Debug)]
pub struct Graph {
    number: u32,
    values: Vec<Value>,
    nodes: Vec<Node>,
    answer: Option<(ValueId, Answer)>,
}

/// Which value of which graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId {
    graph: u32,
    number: u32,
}

impl ValueId {
    /// Its number: values are counted from 0, in the order in which they came up.
    pub fn number(self) -> usize {
        self.number as usize
    }
}

/// A value: what an input or a step gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its shape in the pass that wrote the graph.
    pub shape: Vec<usize>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The network's input of this name.
    Input(String),
    /// The step of this place in [`Graph::nodes`].
    Node(usize),
    /// Nowhere that the tape saw: something else than a step made it.
    Unknown,
}

/// One operation of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The name that the network gave the step. Operations that compute as one have one name.
    pub name: String,
    /// What it computes.
    pub kind: StepKind,
    /// Its parameters, in the order in which the formula has them.
    pub parameters: Vec<Parameter>,
    /// What it takes.
    pub inputs: Vec<ValueId>,
    /// What it gives.
    pub outputs: Vec<ValueId>,
}

/// A tensor that belongs to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the layer: `weight`, `bias`, `gamma`, `running_mean`…
    pub name: &'static str,
    /// Which of the module's tensors it is.
    pub id: ParamId,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether it is learned by gradients; running statistics are not.
    pub learned: bool,
}

impl Parameter {
    /// A parameter that is learned.
    pub fn learned<const D: usize>(name: &'static str, parameter: &Param<Tensor<D>>) -> Self {
        Self { name, id: parameter.id, shape: parameter.lazy_shape().to_vec(), learned: true }
    }

    /// A statistic that training moves without gradients.
    pub fn running<const D: usize>(name: &'static str, state: &RunningState<Tensor<D>>) -> Self {
        let mut seen = Seen { name, parameter: None };
        state.visit(&mut seen);
        let nothing = || Self { name, id: ParamId::new(), shape: Vec::new(), learned: false };
        seen.parameter.unwrap_or_else(nothing)
    }

    /// How many numbers it holds.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Looks at a running statistic, which shows its number to visitors alone.
struct Seen {
    name: &'static str,
    parameter: Option<Parameter>,
}

impl ModuleVisitor for Seen {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        self.parameter = Some(Parameter { learned: false, ..Parameter::learned(self.name, parameter) });
    }
}

/// An operation as a step describes itself: what it computes, and by which parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// What it computes.
    pub kind: StepKind,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

impl From<StepKind> for Described {
    /// An operation without parameters.
    fn from(kind: StepKind) -> Self {
        Self { kind, parameters: Vec::new() }
    }
}

impl Graph {
    pub(crate) fn new() -> Self {
        let number = GRAPHS.fetch_add(1, Ordering::Relaxed);
        Self { number, values: Vec::new(), nodes: Vec::new(), answer: None }
    }

    /// The steps' operations, in the order in which they computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The last operation of the first step of a name: the one that gives what the step gives.
    pub fn node(&self, name: &str) -> Option<&Node> {
        let first = self.nodes.iter().position(|node| node.name == name)?;
        self.nodes[first..].iter().take_while(|node| node.name == name).last()
    }

    /// A value.
    ///
    /// # Panics
    /// The value is of another graph.
    pub fn value(&self, id: ValueId) -> &Value {
        assert_eq!(id.graph, self.number, "a value of another graph");
        &self.values[id.number()]
    }

    /// All values, in the order in which they came up.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, &Value)> {
        self.values.iter().zip(0..).map(|(value, number)| (ValueId { graph: self.number, number }, value))
    }

    /// The network's inputs: names and values.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, ValueId)> {
        self.values().filter_map(|(id, value)| match &value.origin {
            Origin::Input(name) => Some((name.as_str(), id)),
            _ => None,
        })
    }

    /// The logits, and the kind of answer that they are for; none where the pass told the tape of no head.
    pub fn answer(&self) -> Option<(ValueId, Answer)> {
        self.answer
    }

    /// The operations that take a value which no step gave, and that value: the graph does not say what it comes from.
    pub fn gaps(&self) -> impl Iterator<Item = (&Node, ValueId)> {
        let unknown = |id: &ValueId| self.value(*id).origin == Origin::Unknown;
        self.nodes
            .iter()
            .flat_map(move |node| node.inputs.iter().copied().filter(unknown).map(move |id| (node, id)))
    }

    /// The parameters of all operations, each once, in the order in which they first come up: layers may share them.
    pub fn parameters(&self) -> Vec<&Parameter> {
        let mut all: Vec<&Parameter> = Vec::new();
        for parameter in self.nodes.iter().flat_map(|node| &node.parameters) {
            if !all.iter().any(|known| known.id == parameter.id) {
                all.push(parameter);
            }
        }
        all
    }

    pub(crate) fn input(&mut self, name: String, shape: Vec<usize>) -> ValueId {
        self.add(shape, Origin::Input(name))
    }

    /// A value that some step is given: the one that it is known to be, if it is of this graph.
    pub(crate) fn given(&mut self, id: Option<ValueId>, shape: Vec<usize>) -> ValueId {
        match id {
            Some(id) if id.graph == self.number => id,
            _ => self.add(shape, Origin::Unknown),
        }
    }

    pub(crate) fn set_answer(&mut self, logits: ValueId, answer: Answer) {
        self.answer = Some((logits, answer));
    }

    fn add(&mut self, shape: Vec<usize>, origin: Origin) -> ValueId {
        let number = self.values.len() as u32;
        self.values.push(Value { shape, origin });
        ValueId { graph: self.number, number }
    }
}

/// A step as it is written into a graph: its name, and the values that its next operation takes.
#[derive(Debug)]
pub struct Trace<'a> {
    graph: &'a mut Graph,
    name: &'a str,
    values: Vec<ValueId>,
    kept: Option<&'a mut Kept>,
}

/// The numbers of values, by the values' numbers.
pub(crate) type Kept = Vec<Option<Array<f32>>>;

impl<'a> Trace<'a> {
    pub(crate) fn new(
        graph: &'a mut Graph,
        name: &'a str,
        inputs: Vec<ValueId>,
        kept: Option<&'a mut Kept>,
    ) -> Self {
        Self { graph, name, values: inputs, kept }
    }

    /// Keeps the numbers of what the last operation gave, where the tape keeps values.
    pub(crate) fn keep(&mut self, output: impl FnOnce() -> Kept) {
        if let Some(kept) = &mut self.kept {
            kept.resize(self.graph.values.len(), None);
            for (value, array) in self.values.iter().zip(output()) {
                kept[value.number()] = array;
            }
        }
    }

    /// Writes operations down that took the step's values one after the other, and what the last of them gave.
    ///
    /// They computed as one: what is between them was never there, and has the shape of what came out, or of what a
    /// concatenation makes of what went in.
    pub fn push(&mut self, operations: Vec<Described>, outputs: Vec<Vec<usize>>) {
        let last = operations.len().saturating_sub(1);
        for (place, Described { kind, parameters }) in operations.into_iter().enumerate() {
            let shapes = match kind {
                _ if place == last => outputs.clone(),
                StepKind::Concat { axis } => vec![self.joined(axis)],
                _ => outputs.clone(),
            };
            let origin = Origin::Node(self.graph.nodes.len());
            let given = shapes.into_iter().map(|shape| self.graph.add(shape, origin.clone())).collect();
            let inputs = std::mem::replace(&mut self.values, given);
            let (name, outputs) = (self.name.to_owned(), self.values.clone());
            self.graph.nodes.push(Node { name, kind, parameters, inputs, outputs });
        }
    }

    pub(crate) fn into_values(self) -> Vec<ValueId> {
        self.values
    }

    fn joined(&self, axis: usize) -> Vec<usize> {
        let mut shapes = self.values.iter().map(|id| &self.graph.value(*id).shape);
        let mut joined = shapes.next().cloned().unwrap_or_default();
        if let Some(size) = joined.get_mut(axis) {
            *size += shapes.filter_map(|shape| shape.get(axis)).sum::<usize>();
        }
        joined
    }
}

/// The steps as a table, a line for each operation: name, kind, where the input comes from if not from the line above, the
/// shapes of input and output, numbers in the parameters.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows(|id| shown(&self.value(id).shape));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                fmt::Write::write_fmt(&mut line, format_args!("{cell:<width$}  "))?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn shown(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

impl Graph {
    /// What [`Display`](fmt::Display) shows, a row for each operation: the step's name where it begins, the kind, where the
    /// input comes from where it is not the line above, `input → output` as `shape` writes a value's shape, and how many
    /// numbers the parameters hold.
    pub fn rows(&self, shape: impl Fn(ValueId) -> String) -> Vec<[String; 5]> {
        let listed = |ids: &[ValueId]| ids.iter().map(|id| shape(*id)).collect::<Vec<_>>().join(", ");
        let inputs: Vec<ValueId> = self.inputs().map(|(_, id)| id).collect();
        let mut rows = Vec::with_capacity(self.nodes.len());
        for (place, node) in self.nodes.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| &self.nodes[before]);
            let begins = before.is_none_or(|before| before.name != node.name);
            let above = before.map_or(inputs.as_slice(), |before| before.outputs.as_slice());
            let numbers: usize = node.parameters.iter().map(Parameter::count).sum();
            rows.push([
                if begins { node.name.clone() } else { String::new() },
                node.kind.to_string(),
                if node.inputs == above { String::new() } else { self.sources(&node.inputs) },
                format!("{} → {}", listed(&node.inputs), listed(&node.outputs)),
                if numbers == 0 { String::new() } else { numbers.to_string() },
            ]);
        }
        rows
    }

    /// The names of what gives some values.
    fn sources(&self, ids: &[ValueId]) -> String {
        ids.iter().map(|id| self.source(*id)).collect::<Vec<_>>().join(", ")
    }

    /// The name of what gives a value: an input, or a step, with the number of the output where it has several.
    pub fn source(&self, id: ValueId) -> String {
        match &self.value(id).origin {
            Origin::Input(name) => name.clone(),
            Origin::Unknown => "?".to_owned(),
            Origin::Node(place) => {
                let Node { name, outputs, .. } = &self.nodes[*place];
                match outputs.iter().position(|output| *output == id) {
                    Some(number) if outputs.len() > 1 => format!("{name}.{}", number + 1),
                    _ => name.clone(),
                }
            }
        }
    }
}
