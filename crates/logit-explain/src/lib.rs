//! Why did a network decide so: relevance propagation, Deep Taylor decomposition and gradient methods, over slices.
//!
//! Floors, from the ground up: `number`, `array`, `map`, `rule`, `op`, `relevance`, `error`, `network`, `composite`, `target`,
//! `account`, `explainer`, `noise`, `method`, `measure`.
//!
//! A [`Network`] is a list of nodes, each an [`Op`] with its weights. A [`Rule`] says how a weighted step hands relevance
//! down; a [`Composite`] says which step has which rule. An [`Explainer`] has both, with all that does not depend on the
//! input computed once, and walks from the output back to the inputs through the values of a [`Pass`]. What it gives,
//! [`Relevances`], comes with its account: how much of the output arrived, and where the rest stayed.
//!
//! There is no engine here. In `f32` the linear maps run on `logit-kernels`; in `f64` they are plain loops, which are exact
//! and what the fast ones are tested by.

pub mod account;
pub mod array;
pub mod composite;
pub mod error;
pub mod explainer;
pub mod map;
pub mod measure;
pub mod method;
pub mod network;
mod noise;
pub mod number;
pub mod op;
pub mod rule;
pub mod target;

mod relevance;

pub use account::{Account, StepAccount};
pub use array::Array;
pub use composite::Composite;
pub use error::ExplainError;
pub use explainer::{Explainer, Relevances};
pub use method::{Method, PreparedMethod};
pub use network::{Network, Node, Pass};
pub use number::Number;
pub use op::Op;
pub use rule::Rule;
pub use target::Target;
