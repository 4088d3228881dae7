//! Adam.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::{AdamConfig, AdamState, AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor};
use logit_kernels::buffer;
use logit_kernels::optimizer::{AdamStep, WeightDecay, adam};

use crate::ops::array::Array;
use crate::ops::operation::{array_of, fits, tensor_of};

/// Adam (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>).
///
/// For a gradient `g` at step `t`:
///
/// ```text
/// m = β₁ m + (1 − β₁) g        v = β₂ v + (1 − β₂) g²
/// w = w − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
/// ```
///
/// `weight_decay` adds `weight_decay · w` to the gradient before, as PyTorch's `Adam` does.
#[derive(Clone, Debug)]
#[must_use]
pub struct Adam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    weight_decay: f32,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

impl Adam {
    /// Adam with the values of its authors: β₁ = 0.9, β₂ = 0.999, ε = 1e-8, no decay.
    pub fn new() -> Self {
        Self::default()
    }

    /// How slowly the means of the gradient and of its square move, each in [0, 1).
    pub fn with_betas(mut self, beta_1: f32, beta_2: f32) -> Self {
        (self.beta_1, self.beta_2) = (beta_1, beta_2);
        self
    }

    /// What keeps the division finite, above 0.
    pub fn with_epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
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

    /// The same of Burn's operations.
    fn composed(&self) -> burn::optim::Adam {
        let decay = (self.weight_decay > 0.0).then(|| WeightDecayConfig::new(self.weight_decay));
        AdamConfig::new()
            .with_beta_1(self.beta_1)
            .with_beta_2(self.beta_2)
            .with_epsilon(self.epsilon)
            .with_weight_decay(decay)
            .build()
    }
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        if !fits(&weights) || !fits(&gradient) {
            return self.composed().step(learning_rate, weights, gradient, state);
        }
        let (time, moments) = match state {
            Some(AdamState { momentum }) => (momentum.time + 1, Some((momentum.moment_1, momentum.moment_2))),
            None => (1, None),
        };
        let dims = weights.dims();
        let step = AdamStep {
            learning_rate,
            beta1: self.beta_1,
            beta2: self.beta_2,
            epsilon: self.epsilon,
            weight_decay: match self.weight_decay {
                0.0 => WeightDecay::None,
                decay => WeightDecay::Coupled(decay),
            },
            time: i32::try_from(time).unwrap_or(i32::MAX),
        };
        let (gradient, mut weights) = (array_of(gradient), array_of(weights).into_numbers());
        let zeros = || buffer::take_zeroed(weights.len());
        let (mut moment_1, mut moment_2) = match moments {
            Some((first, second)) => (array_of(first).into_numbers(), array_of(second).into_numbers()),
            None => (zeros(), zeros()),
        };
        adam(&mut weights, gradient.numbers(), &mut moment_1, &mut moment_2, &step);
        gradient.release();
        let tensor = |numbers: Vec<f32>| tensor_of(Array::new(numbers, &dims));
        let momentum = AdaptiveMomentumState::new(time, tensor(moment_1), tensor(moment_2));
        (tensor(weights), Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        <burn::optim::Adam as Optimizer>::to_device(state, device)
    }
}
