//! Operations with a backward pass of their own, on Burn's CPU backend and its autodiff.
//!
//! An [`Operation`] is written once, on arrays; [`run`] puts it into Burn's graph. Where the tensors live on another
//! backend, or hold another type than f32, [`runs_on`] says no, and the caller composes Burn's own operations instead.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, DispatchDevice, Flex, GradientCheckpointingStrategy};
use burn::tensor::{DType, Device, Int, Tensor};

use super::array::Array;

type Tracked = Autodiff<Flex>;

/// An operation of `N` inputs and one output.
pub(crate) trait Operation<const N: usize>: Clone + Debug + Send + 'static {
    /// What the backward pass needs of the forward pass.
    type Saved: Clone + Debug + Send + 'static;

    /// The output, and what the backward pass needs.
    fn forward(&self, inputs: [Array; N]) -> (Array, Self::Saved);

    /// The output alone, when no gradient will be asked for.
    fn infer(&self, inputs: [Array; N]) -> Array {
        self.forward(inputs).0
    }

    /// The gradients of the inputs that are `wanted`, from the gradient of the output.
    fn backward(&self, saved: Self::Saved, upstream: Array, wanted: [bool; N]) -> [Option<Array>; N];
}

/// Whether our operations run on this device and type: the CPU, in f32.
pub(crate) fn runs_on(device: &Device, dtype: DType) -> bool {
    on_cpu(device) && dtype == DType::F32
}

/// Whether our operations run on this device.
pub(crate) fn on_cpu(device: &Device) -> bool {
    match device.as_dispatch() {
        DispatchDevice::Flex(_) => true,
        DispatchDevice::Autodiff(device) => {
            matches!(**device, DispatchDevice::Flex(_))
                && device.gradient_checkpointing_strategy() == GradientCheckpointingStrategy::Disabled
        }
        #[allow(unreachable_patterns, reason = "other backends come by features of Burn")]
        _ => false,
    }
}

/// Whether our operations run on this tensor.
pub(crate) fn fits<const D: usize>(tensor: &Tensor<D>) -> bool {
    runs_on(&tensor.device(), tensor.dtype())
}

/// Whether our operations run on an input and a layer's weight: both on the CPU in f32, and both in a graph or neither.
pub(crate) fn fits_with<const D: usize, const E: usize>(input: &Tensor<D>, weight: &Tensor<E>) -> bool {
    fits(input) && fits(weight) && input.device().is_autodiff() == weight.device().is_autodiff()
}

/// The numbers of a tensor outside of any graph.
///
/// # Panics
/// [`fits`] does not hold for the tensor.
pub(crate) fn array_of<const D: usize>(tensor: Tensor<D>) -> Array {
    match Input::new(tensor) {
        Input::Plain(array) => array,
        Input::Tracked(tensor) => Array::of(tensor.into_primitive()),
    }
}

/// Whole numbers as Burn's CPU backend holds them.
///
/// # Panics
/// [`on_cpu`] does not hold for the tensor's device.
pub(crate) fn index_of<const D: usize>(index: Tensor<D, Int>) -> FlexTensor {
    const FITS: &str = "the caller asked `on_cpu`";
    if index.device().is_autodiff() {
        index.try_into_primitive::<Tracked>().expect(FITS)
    } else {
        index.try_into_primitive::<Flex>().expect(FITS)
    }
}

/// A tensor outside of any graph.
pub(crate) fn tensor_of<const D: usize>(array: Array) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(array.into_tensor())
}

/// An input whose rank is forgotten, so that inputs of several ranks stand in one list.
pub(crate) enum Input {
    Tracked(<Tracked as burn::backend::BackendTypes>::FloatTensorPrimitive),
    Plain(Array),
}

impl Input {
    /// # Panics
    /// [`fits`] does not hold for the tensor.
    pub(crate) fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        const FITS: &str = "the caller asked `fits`";
        if tensor.device().is_autodiff() {
            Self::Tracked(tensor.try_into_primitive::<Tracked>().expect(FITS))
        } else {
            Self::Plain(Array::of(tensor.try_into_primitive::<Flex>().expect(FITS)))
        }
    }
}

/// Runs an operation on inputs that all [fit](fits) and live on one device.
///
/// # Panics
/// The inputs live on several devices.
pub(crate) fn run<const N: usize, const D: usize, O: Operation<N>>(
    operation: O,
    inputs: [Input; N],
) -> Tensor<D> {
    if inputs.iter().all(|input| matches!(input, Input::Plain(_))) {
        let arrays = inputs.map(|input| match input {
            Input::Plain(array) => array,
            Input::Tracked(_) => unreachable!("every input is plain"),
        });
        return Tensor::from_primitive::<Flex>(operation.infer(arrays).into_tensor());
    }
    let parts = inputs.map(|input| match input {
        Input::Tracked(tensor) => tensor.into_parts(),
        Input::Plain(_) => panic!("one input of an operation is on an autodiff device, and another is not"),
    });
    let mut guards = Vec::with_capacity(N);
    let arrays = parts.map(|(tensor, guard)| {
        guards.push(guard);
        Array::of(tensor)
    });
    let guards = guards.try_into().unwrap_or_else(|_| unreachable!("a guard an input"));
    let prepared = Recorded(operation.clone()).prepare::<NoCheckpointing>(guards).compute_bound().stateful();
    let output = match prepared {
        OpsKind::Tracked(prepared) => {
            let (output, saved) = operation.forward(arrays);
            prepared.finish(saved, output.into_tensor())
        }
        OpsKind::UnTracked(prepared) => prepared.finish(operation.infer(arrays).into_tensor()),
    };
    Tensor::from_primitive::<Tracked>(output)
}

#[derive(Debug)]
struct Recorded<O>(O);

impl<const N: usize, O: Operation<N>> Backward<Flex, N> for Recorded<O> {
    type State = O::Saved;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = Array::of(gradients.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let computed = self.0.backward(ops.state, upstream, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(computed) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(parent.id, gradient.into_tensor());
            }
        }
    }
}
