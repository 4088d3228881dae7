//! The tape: what a forward pass computed on its way, as it computed it.
//!
//! A callback that calls `predict` sees another pass: in inference mode, after the update, at the price of a forward pass
//! more. A [`Tape`] is given to the training pass itself, and comes back with what that pass computed: logits,
//! probabilities, any step's output, on request the gradient that arrived there, and the [graph](crate::graph) of the
//! steps. It is a value that a pass returns, never a hook that a framework may drop.
//!
//! A model takes part by [`Taped`]: a line per layer. A layer reaches the tape as a [step](crate::steps), with the value
//! that it takes, so that the tape knows what is computed from what.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Distribution, Int, Tensor};
//! use logit::loss::CrossEntropyLoss;
//! use logit::tape::{Extent, Tape, Taped, Watch};
//! use logit::{Classes, Head, HeadConfig, Logits, steps};
//!
//! #[derive(Module, Debug)]
//! struct Net {
//!     hidden: Linear,
//!     head: Head<Classes>,
//! }
//!
//! impl Taped for Net {
//!     type Input = Tensor<2>; // [N, 4]
//!     type Output = Logits<Classes>; // [N, 3]
//!
//!     fn forward_on(&self, x: Tensor<2>, tape: &mut Tape) -> Logits<Classes> {
//!         let x = tape.input("x", x);
//!         let x = tape.step("hidden", steps::linear(&self.hidden).relu(), x); // [N, 8]
//!         tape.head(&self.head, x)
//!     }
//! }
//!
//! let device = Device::flex().autodiff();
//! let net = Net {
//!     hidden: LinearConfig::new(4, 8).init(&device),
//!     head: HeadConfig::new(8, Classes::new(3)).init(&device)?,
//! };
//! let x = Tensor::random([16, 4], Distribution::Default, &device);
//! let targets = Tensor::<1, Int>::zeros([16], &device);
//!
//! let watch = Watch::new()
//!     .outputs("probabilities", Extent::First(2))
//!     .outputs("hidden", Extent::Statistics)
//!     .gradients("hidden", Extent::Statistics);
//! let (logits, mut tape) = net.forward_taped(x.clone(), &watch);
//! let loss = CrossEntropyLoss::new().forward(logits, targets)?;
//! let _gradients = tape.backward(loss.value); // for the optimiser
//!
//! let softmax = tape.output("probabilities").unwrap();
//! assert_eq!(softmax.shape, [16, 3]);
//! assert_eq!(softmax.numbers().unwrap().len(), 2 * 3); // of the first two samples
//! assert!(tape.output("hidden").unwrap().statistics().unwrap().low >= 0.0); // after a ReLU
//! assert!(tape.gradient("hidden").unwrap().statistics().unwrap().deviation > 0.0);
//! assert!(tape.loss().unwrap() > 0.0);
//!
//! let graph = net.graph(x); // the network, step by step
//! let table = "\
//! hidden  linear          16×4 → 16×8  40
//!         relu            16×8 → 16×8
//! head    head classes    16×8 → 16×3  27
//! ";
//! assert_eq!(graph.to_string(), table);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod recorded;
#[cfg(test)]
mod tests;
mod traced;
mod watch;

use std::fmt::Display;

use burn::tensor::kind::Basic;
use burn::tensor::{Gradients, Tensor};

pub use logit_kernels::statistics::Statistics;
use recorded::content;
pub use recorded::{Content, Recorded};
pub use traced::{Inputs, Traced};
pub use watch::{Extent, Side, Watch};

use crate::error::HeadError;
use crate::explain::{ExplainError, Pass, differs_in_training};
use crate::graph::{Graph, Kept, Trace, ValueId};
use crate::kind::Kind;
use crate::logits::Logits;
use crate::steps::{Shaped, Step};

/// A network whose forward pass can be given a tape.
///
/// Its author writes [`forward_on`](Self::forward_on), with a line per layer, and gets the other passes, which compute the
/// same.
pub trait Taped {
    /// What a pass takes.
    type Input;
    /// What it gives.
    type Output;

    /// The forward pass, told to a tape as it goes.
    fn forward_on(&self, input: Self::Input, tape: &mut Tape) -> Self::Output;

    /// The forward pass alone.
    fn forward(&self, input: Self::Input) -> Self::Output {
        self.forward_on(input, &mut Tape::off())
    }

    /// The forward pass, and what of it was to be recorded.
    fn forward_taped(&self, input: Self::Input, watch: &Watch) -> (Self::Output, Tape) {
        let mut tape = Tape::new(watch);
        let output = self.forward_on(input, &mut tape);
        (output, tape)
    }

    /// The network's steps, from a forward pass on an example of an input: zeros of the right shape will do.
    fn graph(&self, example: Self::Input) -> Graph {
        let mut tape = Tape { graph: Some(Graph::new()), ..Tape::new(&Watch::new()) };
        let _output = self.forward_on(example, &mut tape);
        tape.graph.unwrap_or_else(Graph::new)
    }
}

/// What one forward pass computed on its way: values by name, as that pass computed them, without a way back for
/// gradients; and the graph of its steps, where the watch asks for it.
///
/// A tape that is off costs a comparison per step: a name is not even put together.
#[derive(Debug, Default)]
pub struct Tape {
    watch: Option<Watch>,
    graph: Option<Graph>,
    values: Option<Kept>,
    /// Whether the pass is one of training.
    training: bool,
    recorded: Vec<Recorded>,
    arrivals: Vec<Box<dyn Arrival>>,
    loss: Option<f64>,
    bytes: usize,
    left_out: usize,
}

impl Tape {
    /// A tape that records nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// A tape that records what is watched.
    pub fn new(watch: &Watch) -> Self {
        let graph = watch.wants_graph().then(Graph::new);
        let values = watch.wants_values().then(Kept::new);
        Self { watch: Some(watch.clone()), graph, values, ..Self::default() }
    }

    /// Whether anything may be recorded.
    pub fn is_on(&self) -> bool {
        self.watch.is_some()
    }

    /// Names one of the network's inputs: floats, or whole numbers as of words or categories. It is not recorded.
    pub fn input<const D: usize, K: Basic>(
        &mut self,
        name: impl Display,
        tensor: Tensor<D, K>,
    ) -> Traced<Tensor<D, K>> {
        let id = self.graph.as_mut().map(|graph| graph.input(name.to_string(), tensor.dims().to_vec()));
        if let (Some(id), Some(values)) = (id, &mut self.values) {
            values.resize(id.number(), None);
            values.extend(tensor.arrays());
            self.training |= tensor.device().is_autodiff();
        }
        Traced::new(tensor, id)
    }

    /// Runs a step on its input, and gives its output, which is recorded by its name where that is watched.
    ///
    /// `inputs` is what the step takes: a value, an array or a list of values, or two of two kinds. A name that differs
    /// from pass to pass costs nothing where the tape is off: `format_args!("hidden{number}")`. Of a step with several
    /// outputs, as `halves`, they are recorded as `halves.1`, `halves.2`…
    ///
    /// # Panics
    /// Where the step does: the input does not fit the layer.
    pub fn step<I, S>(&mut self, name: impl Display, step: S, inputs: I) -> <S::Output as Outputs>::Traced
    where
        I: Inputs,
        S: Step<I::Tensors>,
        S::Output: Outputs,
    {
        if !self.is_on() {
            return step.forward(inputs.into_tensors()).untraced();
        }
        let name = name.to_string();
        let (output, ids) = self.run(&name, &step, inputs);
        output.traced(&name, &ids, self)
    }

    /// Runs a head, or steps of which the last is one, and gives its logits. They are recorded as `logits`, and as
    /// `probabilities` what they stand for, where the kind of answer has any.
    ///
    /// # Panics
    /// Axis 1 of the features has another size than the head has input features.
    pub fn head<I, S, K, const D: usize>(&mut self, head: S, features: I) -> Logits<K, D>
    where
        I: Inputs,
        S: Step<I::Tensors, Output = Logits<K, D>>,
        K: Kind,
    {
        if !self.is_on() {
            return head.forward(features.into_tensors());
        }
        let (logits, ids) = self.run("head", &head, features);
        self.logits(logits, ids.first().copied())
    }

    /// Runs a step whose output is the answer itself, in networks that end in something else than a head, and takes it as
    /// the logits of a kind; recorded as [`head`](Self::head) records them.
    ///
    /// # Errors
    /// The kind cannot exist, or axis 1 of the output has another size than the kind has units.
    ///
    /// # Panics
    /// Where the step does: the input does not fit the layer.
    pub fn answer<I, S, K, const D: usize>(
        &mut self,
        name: impl Display,
        step: S,
        kind: K,
        inputs: I,
    ) -> Result<Logits<K, D>, HeadError>
    where
        I: Inputs,
        S: Step<I::Tensors, Output = Tensor<D>>,
        K: Kind,
    {
        if !self.is_on() {
            return Logits::new(step.forward(inputs.into_tensors()), kind);
        }
        let (output, ids) = self.run(&name.to_string(), &step, inputs);
        Ok(self.logits(Logits::new(output, kind)?, ids.first().copied()))
    }

    /// Records a value that no step gives, the batch axis first, and gives it back.
    pub fn layer<const D: usize>(&mut self, name: &str, output: Tensor<D>) -> Tensor<D> {
        if !self.is_on() {
            return output;
        }
        self.record(Side::Output, name, &output);
        if output.is_require_grad() || output.device().is_autodiff() {
            self.await_gradient(name, output)
        } else {
            output
        }
    }

    /// The gradients of a loss, as `loss.backward()` gives them; records the loss, and the gradients that were watched.
    pub fn backward(&mut self, loss: Tensor<1>) -> Gradients {
        if self.is_on() {
            self.loss = loss.clone().try_into_scalar::<f64>().ok();
        }
        let gradients = loss.backward();
        for arrival in std::mem::take(&mut self.arrivals) {
            arrival.record(&gradients, self);
        }
        gradients
    }

    /// The loss that the pass ended in.
    pub fn loss(&self) -> Option<f64> {
        self.loss
    }

    /// All that was recorded, in the order in which it was computed.
    pub fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// What was recorded first of a step's output.
    pub fn output(&self, name: &str) -> Option<&Recorded> {
        self.recorded.iter().find(|value| value.side == Side::Output && value.name == name)
    }

    /// What was recorded first of the gradient that arrived at a step's output.
    pub fn gradient(&self, name: &str) -> Option<&Recorded> {
        self.recorded.iter().find(|value| value.side == Side::Gradient && value.name == name)
    }

    /// The steps of the pass, where the watch asked for [them](Watch::graph).
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// The values of the pass, where the watch asked for [them](Watch::values).
    ///
    /// # Errors
    /// The pass was one of training, and the network computes something else then: its values are not those of an answer.
    pub fn pass(&self) -> Option<Result<Pass<f32>, ExplainError>> {
        let (graph, values) = (self.graph.as_ref()?, self.values.as_ref()?);
        if self.training && differs_in_training(graph) {
            let reason = "the pass was one of training, where dropout and batch norm compute something else: explain a                           pass of `net.valid()`";
            return Some(Err(ExplainError::Network(reason.to_owned())));
        }
        Some(Ok(Pass::new(values.clone())))
    }

    /// How many values were left out, because they did not fit the budget or could not be read.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Runs a step, and writes it into the graph: the output, and which values it is.
    fn run<I: Inputs, S: Step<I::Tensors>>(
        &mut self,
        name: &str,
        step: &S,
        inputs: I,
    ) -> (S::Output, Vec<ValueId>) {
        let Some(graph) = &mut self.graph else { return (step.forward(inputs.into_tensors()), Vec::new()) };
        let mut ids = Vec::new();
        inputs.add_ids(graph, &mut ids);
        let mut trace = Trace::new(graph, name, ids, self.values.as_mut());
        let output = step.forward_traced(inputs.into_tensors(), &mut trace);
        (output, trace.into_values())
    }

    /// Records logits and what they stand for.
    fn logits<K: Kind, const D: usize>(&mut self, logits: Logits<K, D>, id: Option<ValueId>) -> Logits<K, D> {
        if let (Some(graph), Some(id)) = (&mut self.graph, id) {
            graph.set_answer(id, K::ANSWER);
        }
        let kind = logits.kind().clone();
        let raw = self.layer("logits", logits.into_tensor());
        if self.wants(Side::Output, "probabilities")
            && let Some(probabilities) = kind.probabilities(raw.clone().without_autodiff())
        {
            self.record(Side::Output, "probabilities", &probabilities);
        }
        Logits::of_checked(raw, kind)
    }

    fn wants(&self, side: Side, name: &str) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.wanted(side, name).next().is_some())
    }

    fn record<const D: usize>(&mut self, side: Side, name: &str, value: &Tensor<D>) {
        let Some(watch) = &self.watch else { return };
        let extents: Vec<Extent> = watch.wanted(side, name).cloned().collect();
        let most = watch.most_bytes();
        for extent in extents {
            let shape = value.dims().to_vec();
            match content(value, &extent) {
                Some(content) if self.bytes + content.bytes() <= most => {
                    self.bytes += content.bytes();
                    self.recorded.push(Recorded { name: name.to_owned(), side, shape, content });
                }
                _ => self.left_out += 1,
            }
        }
    }

    /// Where a gradient is watched, adds zeros whose gradient is the one that arrives at the output.
    fn await_gradient<const D: usize>(&mut self, name: &str, output: Tensor<D>) -> Tensor<D> {
        if !self.wants(Side::Gradient, name) {
            return output;
        }
        let zeros = output.zeros_like().detach().require_grad();
        self.arrivals.push(Box::new(Zeros { name: name.to_owned(), zeros: zeros.clone() }));
        output + zeros
    }
}

/// What steps but a head give: a tensor, or an array of them.
pub trait Outputs: Shaped {
    /// The same as values that know which step gave them.
    type Traced;

    /// The values, recorded by the step's name where that is watched; `ids` says which they are, if anything does.
    fn traced(self, name: &str, ids: &[ValueId], tape: &mut Tape) -> Self::Traced;

    /// The values where nothing is recorded.
    fn untraced(self) -> Self::Traced;
}

impl<const D: usize> Outputs for Tensor<D> {
    type Traced = Traced<Self>;

    fn traced(self, name: &str, ids: &[ValueId], tape: &mut Tape) -> Traced<Self> {
        Traced::new(tape.layer(name, self), ids.first().copied())
    }

    fn untraced(self) -> Traced<Self> {
        Traced::new(self, None)
    }
}

impl<const D: usize, const N: usize> Outputs for [Tensor<D>; N] {
    type Traced = [Traced<Tensor<D>>; N];

    fn traced(self, name: &str, ids: &[ValueId], tape: &mut Tape) -> Self::Traced {
        let mut number = 0;
        self.map(|output| {
            number += 1;
            let id = ids.get(number - 1).copied();
            Traced::new(tape.layer(&format!("{name}.{number}"), output), id)
        })
    }

    fn untraced(self) -> Self::Traced {
        self.map(Outputs::untraced)
    }
}

/// A gradient that is there once the backward pass is done.
trait Arrival: std::fmt::Debug + Send {
    fn record(&self, gradients: &Gradients, tape: &mut Tape);
}

#[derive(Debug)]
struct Zeros<const D: usize> {
    name: String,
    zeros: Tensor<D>,
}

impl<const D: usize> Arrival for Zeros<D> {
    fn record(&self, gradients: &Gradients, tape: &mut Tape) {
        match self.zeros.grad(gradients) {
            Some(gradient) => tape.record(Side::Gradient, &self.name, &gradient),
            None => tape.left_out += 1,
        }
    }
}
