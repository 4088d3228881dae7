//! Steps: layers as a tape takes them.
//!
//! A [`Step`] is a layer that knows what it is. [`Tape::step`](crate::tape::Tape::step) runs it on its input, and where the
//! tape keeps the graph, writes down what it computes, by which parameters, and what it takes and gives. What a step
//! computes is what the function of the same name in [`ops`](crate::ops) does, by the same kernels; without a tape the
//! functions are shorter.
//!
//! ```
//! use burn::nn::LinearConfig;
//! use burn::tensor::{Device, Distribution, Tensor};
//! use logit::steps::{self, Step};
//! use logit::ops;
//!
//! let device = Device::flex();
//! let layer = LinearConfig::new(4, 8).init(&device);
//! let x = Tensor::<2>::random([2, 4], Distribution::Default, &device);
//! let by_step = steps::linear(&layer).relu().forward(x.clone());
//! assert_eq!(by_step.into_data(), ops::linear_relu(&layer, x).into_data());
//! ```
//!
//! Several steps under one name are a tuple: `(steps::conv2d(&conv), steps::max_pool2d(&pool).relu())` convolves and then
//! pools. Of a convolution, a dense layer, batch norm and a pooling by maximum, `.relu()` is computed in the same pass over
//! memory, and `conv2d(&conv).norm(&norm)` is folded into one convolution outside of training.

mod combine;
mod conv;
mod layers;
mod shape;

use burn::tensor::Tensor;
use burn::tensor::kind::Basic;
use logit_explain::Array;

pub use combine::{abs_difference, concat, product, split, sum};
pub use conv::{Conv2d, ConvTranspose2d, NormedConv2d, conv_transpose2d, conv2d};
pub use layers::{
    BatchNorm, Linear, MaxPool2d, Rectified, Rectifies, avg_pool2d, batch_norm, dropout, embedding,
    global_avg_pool2d, linear, max_of_named, max_pool2d, relu, scale_to_length, sum_pool, tanh,
};
pub use shape::{crop2d, flatten, pad2d};

use crate::graph::{Described, Trace};
use crate::head::Head;
use crate::kind::Kind;
use crate::logits::Logits;

/// A layer, or several that compute as one, that can run on an input and say what they are.
///
/// What Logit does not know takes part by its name: see [`from_fn`].
pub trait Step<Input> {
    /// What it gives: a tensor, several, or a head's logits.
    type Output: Shaped;

    /// Computes the output.
    fn forward(&self, input: Input) -> Self::Output;

    /// The operations that it consists of, in the order in which they compute.
    fn describe(&self) -> Vec<Described>;

    /// Computes the output, and writes down what it computes.
    fn forward_traced(&self, input: Input, trace: &mut Trace<'_>) -> Self::Output {
        let output = self.forward(input);
        trace.push(self.describe(), output.shapes());
        trace.keep(|| output.arrays());
        output
    }
}

/// What has a shape, or several.
pub trait Shaped {
    /// The shapes.
    fn shapes(&self) -> Vec<Vec<usize>>;

    /// The numbers, each with its shape; none of what cannot be read.
    fn arrays(&self) -> Vec<Option<Array<f32>>>;
}

impl<const D: usize, K: Basic> Shaped for Tensor<D, K> {
    fn shapes(&self) -> Vec<Vec<usize>> {
        vec![self.dims().to_vec()]
    }

    fn arrays(&self) -> Vec<Option<Array<f32>>> {
        let numbers =
            self.clone().try_into_data().ok().and_then(|data| data.convert::<f32>().try_into_vec().ok());
        vec![numbers.map(|numbers| Array::new(self.dims(), numbers))]
    }
}

impl<T: Shaped, const N: usize> Shaped for [T; N] {
    fn shapes(&self) -> Vec<Vec<usize>> {
        self.iter().flat_map(Shaped::shapes).collect()
    }

    fn arrays(&self) -> Vec<Option<Array<f32>>> {
        self.iter().flat_map(Shaped::arrays).collect()
    }
}

impl<K: Kind, const D: usize> Shaped for Logits<K, D> {
    fn shapes(&self) -> Vec<Vec<usize>> {
        self.tensor().shapes()
    }

    fn arrays(&self) -> Vec<Option<Array<f32>>> {
        self.tensor().arrays()
    }
}

impl<Input, S: Step<Input> + ?Sized> Step<Input> for &S {
    type Output = S::Output;

    fn forward(&self, input: Input) -> Self::Output {
        S::forward(self, input)
    }

    fn describe(&self) -> Vec<Described> {
        S::describe(self)
    }

    fn forward_traced(&self, input: Input, trace: &mut Trace<'_>) -> Self::Output {
        S::forward_traced(self, input, trace)
    }
}

/// One step after the other.
impl<Input, A: Step<Input>, B: Step<A::Output>> Step<Input> for (A, B) {
    type Output = B::Output;

    fn forward(&self, input: Input) -> Self::Output {
        self.1.forward(self.0.forward(input))
    }

    fn describe(&self) -> Vec<Described> {
        [self.0.describe(), self.1.describe()].concat()
    }

    fn forward_traced(&self, input: Input, trace: &mut Trace<'_>) -> Self::Output {
        let between = self.0.forward_traced(input, trace);
        self.1.forward_traced(between, trace)
    }
}

/// One step after the other.
impl<Input, A, B, C> Step<Input> for (A, B, C)
where
    A: Step<Input>,
    B: Step<A::Output>,
    C: Step<B::Output>,
{
    type Output = C::Output;

    fn forward(&self, input: Input) -> Self::Output {
        self.2.forward(self.1.forward(self.0.forward(input)))
    }

    fn describe(&self) -> Vec<Described> {
        [self.0.describe(), self.1.describe(), self.2.describe()].concat()
    }

    fn forward_traced(&self, input: Input, trace: &mut Trace<'_>) -> Self::Output {
        let first = self.0.forward_traced(input, trace);
        let second = self.1.forward_traced(first, trace);
        self.2.forward_traced(second, trace)
    }
}

/// A head is a step: `tape.head(&self.head, x)`.
impl<K: Kind, const D: usize> Step<Tensor<D>> for Head<K> {
    type Output = Logits<K, D>;

    fn forward(&self, input: Tensor<D>) -> Logits<K, D> {
        Self::forward(self, input)
    }

    fn describe(&self) -> Vec<Described> {
        vec![self.described()]
    }
}

/// A step of one operation whose computation is a function.
struct Function<D, F> {
    describe: D,
    forward: F,
}

impl<Input, Output, D, F> Step<Input> for Function<D, F>
where
    Output: Shaped,
    D: Fn() -> Described,
    F: Fn(Input) -> Output,
{
    type Output = Output;

    fn forward(&self, input: Input) -> Output {
        (self.forward)(input)
    }

    fn describe(&self) -> Vec<Described> {
        vec![(self.describe)()]
    }
}

/// A step of one operation by a function, and what the operation is, which is asked only where a graph is written.
///
/// # Examples
/// ```
/// use burn::tensor::Tensor;
/// use logit::graph::StepKind;
/// use logit::steps::{self, Step};
///
/// fn sine() -> impl Step<Tensor<2>, Output = Tensor<2>> {
///     steps::from_fn(|| StepKind::Other { operation: "sine" }, Tensor::sin)
/// }
/// # let _ = sine();
/// ```
pub fn from_fn<Input, Output: Shaped, O: Into<Described>>(
    what: impl Fn() -> O,
    forward: impl Fn(Input) -> Output,
) -> impl Step<Input, Output = Output> {
    Function { describe: move || what().into(), forward }
}
