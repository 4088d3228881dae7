//! Why a network decided so: Deep Taylor decomposition, relevance propagation and gradients, from the very pass that made the
//! number.
//!
//! A pass with a tape that [keeps values](crate::tape::Watch::values) knows each step, what it took and what it gave.
//! [`network()`] reads its steps and weights, [`Tape::pass`] its values, and [`logit_explain`], whose types are
//! all here, walks back through them. It is exact where the method is, and says with figures where it is not.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Distribution, Tensor};
//! use logit::explain::{self, Composite, Explainer, Target};
//! use logit::tape::{Tape, Taped, Watch};
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
//!         let x = tape.step("hidden", steps::linear(&self.hidden).relu(), x);
//!         tape.head(&self.head, x)
//!     }
//! }
//!
//! let device = Device::flex();
//! let net = Net {
//!     hidden: LinearConfig::new(4, 8).init(&device),
//!     head: HeadConfig::new(8, Classes::new(3)).init(&device)?,
//! };
//! let x = Tensor::random([2, 4], Distribution::Default, &device);
//! let (logits, tape) = net.forward_taped(x, &Watch::new().values());
//!
//! let network = explain::network(&net, tape.graph().unwrap())?;
//! let explainer = Explainer::<f32>::new(network, Composite::epsilon_plus())?;
//! let why = explainer.explain(&tape.pass().unwrap()?, &[Target::Logit { unit: 2 }], &["hidden"])?;
//!
//! let (name, relevance) = &why.inputs[0];
//! assert_eq!((name.as_str(), &relevance.shape), ("x", &vec![2, 4]));
//! assert_eq!(why.layers[0].1.shape, [2, 8]);
//! # drop(logits);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Tape::pass`]: crate::tape::Tape::pass

mod parameters;
mod translate;

use burn::module::Module;

pub use logit_explain::*;

use crate::graph::{Graph, Origin, StepKind};
use parameters::Parameters;
use translate::Translation;

/// The network whose steps a graph has, with the weights of a module.
///
/// # Errors
/// A value that no step gave, or a graph that ends in no head; a step whose parameters are not the module's, or whose
/// padding the explanation does not know.
pub fn network<T: Number>(net: &impl Module, graph: &Graph) -> Result<Network<T>, ExplainError> {
    if let Some((node, _)) = graph.gaps().next() {
        let reason =
            "it takes a value that no step gave; name inputs by `Tape::input`, and compute by steps alone";
        return Err(ExplainError::Step { step: node.name.clone(), reason: reason.to_owned() });
    }
    let Some((output, _)) = graph.answer() else {
        let reason = "the pass ended in no head: end it in `Tape::head` or `Tape::answer`";
        return Err(ExplainError::Network(reason.to_owned()));
    };
    let mut translation = Translation::new(graph, Parameters::of(net));
    for node in graph.nodes() {
        translation.add(node).map_err(|reason| ExplainError::Step { step: node.name.clone(), reason })?;
    }
    let inputs = graph.inputs().map(|(name, value)| (name.to_owned(), value.number()));
    Network::new(translation.into_nodes(), inputs.collect(), output.number())
}

/// Whether a pass with these steps computes something else in training: its values are then not those of the network as it
/// answers.
pub(crate) fn differs_in_training(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| match node.kind {
        StepKind::BatchNorm { .. } => true,
        StepKind::Dropout { probability } | StepKind::ChannelDropout { probability } => probability > 0.0,
        _ => false,
    })
}

/// Whether two graphs have the same steps on the same values, whatever the shapes: one explainer then serves both.
pub fn same_steps(a: &Graph, b: &Graph) -> bool {
    let origins =
        |graph: &Graph| -> Vec<Origin> { graph.values().map(|(_, value)| value.origin.clone()).collect() };
    let alike = |(a, b): (&crate::graph::Node, &crate::graph::Node)| {
        let numbers = |ids: &[crate::graph::ValueId]| ids.iter().map(|id| id.number()).collect::<Vec<_>>();
        a.name == b.name && a.kind == b.kind && numbers(&a.inputs) == numbers(&b.inputs)
    };
    a.nodes().len() == b.nodes().len()
        && a.nodes().iter().zip(b.nodes()).all(alike)
        && origins(a) == origins(b)
}
