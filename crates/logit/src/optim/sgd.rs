//! Stochastic gradient descent.

use burn::optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use logit_kernels::buffer;
use logit_kernels::optimizer::{Momentum, SgdStep, Velocity, WeightDecay, sgd};

use crate::ops::array::Array;
use crate::ops::operation::{array_of, fits, tensor_of};

/// Stochastic gradient descent, with momentum if wanted: PyTorch's `SGD`.
///
/// For a gradient `g`:
///
/// ```text
/// v = momentum · v + (1 − dampening) g        (the first step: v = g)
/// w = w − lr · v                              (Nesterov: w − lr · (g + momentum · v))
/// ```
///
/// `weight_decay` adds `weight_decay · w` to the gradient before.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Sgd {
    momentum: f32,
    dampening: f64,
    nesterov: bool,
    weight_decay: f32,
}

impl Sgd {
    /// Plain descent: no momentum, no decay.
    pub fn new() -> Self {
        Self::default()
    }

    /// The share of the velocity that is kept, in [0, 1); 0 keeps none.
    pub fn with_momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// The share of the gradient that does not enter the velocity, in [0, 1).
    pub fn with_dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }

    /// Whether the step looks ahead along the velocity.
    pub fn with_nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// The share of the weights added to their gradient, not negative.
    pub fn with_weight_decay(mut self, weight_decay: f32) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// The optimiser of a whole module.
    pub fn init(&self) -> ModuleOptimizer {
        ModuleOptimizer::from(self.clone())
    }

    fn fused<const D: usize>(
        &self,
        learning_rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        velocity: Option<Tensor<D>>,
    ) -> (Tensor<D>, Option<Tensor<D>>) {
        let dims = weights.dims();
        let step = SgdStep {
            learning_rate,
            momentum: Momentum { factor: self.momentum, dampening: self.dampening, nesterov: self.nesterov },
            weight_decay: match self.weight_decay {
                0.0 => WeightDecay::None,
                decay => WeightDecay::Coupled(decay),
            },
        };
        let (gradient, mut weights) = (array_of(gradient), array_of(weights).into_numbers());
        let tensor = |numbers: Vec<f32>| tensor_of(Array::new(numbers, &dims));
        let velocity = match velocity {
            _ if self.momentum == 0.0 => {
                sgd(&mut weights, gradient.numbers(), Velocity::None, &step);
                None
            }
            Some(velocity) => {
                let mut velocity = array_of(velocity).into_numbers();
                sgd(&mut weights, gradient.numbers(), Velocity::Next(&mut velocity), &step);
                Some(tensor(velocity))
            }
            None => {
                let mut velocity = buffer::take(weights.len());
                sgd(&mut weights, gradient.numbers(), Velocity::First(&mut velocity), &step);
                Some(tensor(velocity))
            }
        };
        gradient.release();
        (tensor(weights), velocity)
    }

    fn composed<const D: usize>(
        &self,
        learning_rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        velocity: Option<Tensor<D>>,
    ) -> (Tensor<D>, Option<Tensor<D>>) {
        let gradient = match self.weight_decay {
            0.0 => gradient,
            decay => gradient + weights.clone().mul_scalar(decay),
        };
        if self.momentum == 0.0 {
            return (weights - gradient.mul_scalar(learning_rate), None);
        }
        let velocity = match velocity {
            Some(velocity) => {
                velocity.mul_scalar(self.momentum) + gradient.clone().mul_scalar(1.0 - self.dampening)
            }
            None => gradient.clone(),
        };
        let direction = if self.nesterov {
            gradient + velocity.clone().mul_scalar(self.momentum)
        } else {
            velocity.clone()
        };
        (weights - direction.mul_scalar(learning_rate), Some(velocity))
    }
}

/// What [`Sgd`] keeps of a parameter.
#[derive(Clone, Debug)]
pub struct SgdState<const D: usize> {
    /// Of the parameter's shape, where there is momentum.
    pub velocity: Option<Tensor<D>>,
}

/// Where records hold the velocity: where Burn's own `Sgd` has it.
const VELOCITY: &str = "momentum.velocity";

impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        if let Some(velocity) = &self.velocity {
            out.push_tensor(prefix, VELOCITY, velocity.clone().into_data());
        }
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let velocity = source.take_tensor(prefix, VELOCITY).map(|data| Tensor::from_data(data, device));
        Some(Self { velocity })
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let velocity = state.and_then(|state| state.velocity);
        let (weights, velocity) = if fits(&weights) && fits(&gradient) {
            self.fused(learning_rate, weights, gradient, velocity)
        } else {
            self.composed(learning_rate, weights, gradient, velocity)
        };
        (weights, Some(SgdState { velocity }))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.velocity = state.velocity.map(|velocity| velocity.to_device(device));
        state
    }
}
