//! Values that know which step gave them.

use std::ops::Deref;

use burn::tensor::Tensor;
use burn::tensor::kind::Basic;

use crate::graph::{Graph, ValueId};

/// A tensor that knows which value of a tape's graph it is.
///
/// [`Tape::input`](super::Tape::input) and [`Tape::step`](super::Tape::step) give them. It can be looked at as the tensor
/// that it is; what is computed from it by anything else than a step is a plain tensor, of which the graph does not know
/// where it comes from. Where no graph is kept, it is the tensor and nothing more.
#[derive(Clone, Debug)]
pub struct Traced<T> {
    tensor: T,
    id: Option<ValueId>,
}

impl<T> Traced<T> {
    pub(super) fn new(tensor: T, id: Option<ValueId>) -> Self {
        Self { tensor, id }
    }

    /// The tensor, for anything else than a step.
    pub fn into_inner(self) -> T {
        self.tensor
    }
}

impl<T> Deref for Traced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.tensor
    }
}

/// What steps take: a value, an array or a list of them, or two of two kinds. A plain tensor is a value that comes from
/// nowhere.
pub trait Inputs {
    /// The same as tensors.
    type Tensors;

    /// The tensors.
    fn into_tensors(self) -> Self::Tensors;

    /// Adds the values to `ids`; those that `graph` does not know become values of it that come from nowhere.
    fn add_ids(&self, graph: &mut Graph, ids: &mut Vec<ValueId>);
}

impl<const D: usize, K: Basic> Inputs for Tensor<D, K> {
    type Tensors = Self;

    fn into_tensors(self) -> Self {
        self
    }

    fn add_ids(&self, graph: &mut Graph, ids: &mut Vec<ValueId>) {
        ids.push(graph.given(None, self.dims().to_vec()));
    }
}

impl<const D: usize, K: Basic> Inputs for Traced<Tensor<D, K>> {
    type Tensors = Tensor<D, K>;

    fn into_tensors(self) -> Tensor<D, K> {
        self.tensor
    }

    fn add_ids(&self, graph: &mut Graph, ids: &mut Vec<ValueId>) {
        ids.push(graph.given(self.id, self.tensor.dims().to_vec()));
    }
}

impl<I: Inputs, const N: usize> Inputs for [I; N] {
    type Tensors = [I::Tensors; N];

    fn into_tensors(self) -> Self::Tensors {
        self.map(Inputs::into_tensors)
    }

    fn add_ids(&self, graph: &mut Graph, ids: &mut Vec<ValueId>) {
        for value in self {
            value.add_ids(graph, ids);
        }
    }
}

impl<I: Inputs> Inputs for Vec<I> {
    type Tensors = Vec<I::Tensors>;

    fn into_tensors(self) -> Self::Tensors {
        self.into_iter().map(Inputs::into_tensors).collect()
    }

    fn add_ids(&self, graph: &mut Graph, ids: &mut Vec<ValueId>) {
        for value in self {
            value.add_ids(graph, ids);
        }
    }
}

impl<A: Inputs, B: Inputs> Inputs for (A, B) {
    type Tensors = (A::Tensors, B::Tensors);

    fn into_tensors(self) -> Self::Tensors {
        (self.0.into_tensors(), self.1.into_tensors())
    }

    fn add_ids(&self, graph: &mut Graph, ids: &mut Vec<ValueId>) {
        self.0.add_ids(graph, ids);
        self.1.add_ids(graph, ids);
    }
}
