//! The detection-pooling network of Q2.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear};
use burn::tensor::{Device, Tensor};
use logit::steps::{self, Step};
use logit::tape::{Tape, Taped};
use logit::{HeadError, Logits, Values};
use serde::{Deserialize, Serialize};

/// Configuration of a [`DetectionPooling`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectionPoolingConfig {
    /// Detection units of each of the two layers.
    pub units: usize,
    /// How many neighbouring units of the first layer are summed to one; it divides `units`.
    pub pool: usize,
    /// Standard deviation of the first weights, whose mean is 0.
    pub deviation: f64,
}

impl DetectionPoolingConfig {
    /// Builds the network on `inputs` inputs: weights normal, biases 0.
    ///
    /// # Panics
    /// `pool` is 0.
    pub fn init(&self, inputs: usize, device: &Device) -> DetectionPooling {
        let stage = |inputs, pool| Stage::new([inputs, self.units], pool, self.deviation, device);
        DetectionPooling {
            first: stage(inputs, self.pool),
            second: stage(self.units / self.pool, self.units),
        }
    }
}

/// Two stages of detection and pooling, the second of which ends in one number (Montavon, Bach, Binder, Samek and Müller
/// 2017, section 4.C, <https://arxiv.org/abs/1512.02479>).
///
/// There is no dense layer at the end: the last pooling is a sum, and the sum is the answer. It is never negative. With
/// every bias at most 0, as [`hold_biases`](Self::hold_biases) keeps them, the network's deep Taylor decomposition is
/// consistent: relevance is not negative and is conserved.
#[derive(Module, Debug)]
pub struct DetectionPooling {
    first: Stage,
    second: Stage,
}

impl DetectionPooling {
    /// The two stages, in the order in which they compute.
    pub fn stages(&self) -> [&Stage; 2] {
        [&self.first, &self.second]
    }

    /// The same network with 0 in the place of every bias above it.
    #[must_use]
    pub fn hold_biases(self) -> Self {
        Self { first: self.first.hold_biases(), second: self.second.hold_biases() }
    }
}

impl Taped for DetectionPooling {
    /// `[N, C, H, W]`, with as many numbers per image as the network has inputs.
    type Input = Tensor<4>;
    /// The value of each image, `[N, 1]`; no error of a network that [`DetectionPoolingConfig`] built, whose second stage
    /// sums all units to one value.
    type Output = Result<Logits<Values>, HeadError>;

    /// Records `first`, the sums of the first stage's groups.
    ///
    /// # Panics
    /// The images have another size, or the first stage's units are no whole groups.
    fn forward_on(&self, images: Tensor<4>, tape: &mut Tape) -> Result<Logits<Values>, HeadError> {
        let images = tape.input("images", images);
        let first = tape.step("first", (steps::flatten(), self.first.step()), images);
        tape.answer("second", self.second.step(), Values::new(1), first)
    }
}

/// Detection units, and the sums of their groups.
///
/// A detection unit is `max(0, Σ_i x_i w_ij + b_j)`; pooling sums, it does not average.
#[derive(Module, Debug)]
pub struct Stage {
    /// Weights `[inputs, units]` and biases `[units]` of the detection units.
    pub detection: Linear,
    /// How many neighbouring units are summed to one.
    pub pool: usize,
}

impl Stage {
    fn new([inputs, units]: [usize; 2], pool: usize, deviation: f64, device: &Device) -> Self {
        let weight = Initializer::Normal { mean: 0.0, std: deviation }.init([inputs, units], device);
        let bias = Initializer::Zeros.init([units], device);
        Self { detection: Linear { weight, bias: Some(bias) }, pool }
    }

    /// Detects and sums, as a step.
    ///
    /// # Shapes
    /// `[N, inputs]` → `[N, units / pool]`
    ///
    /// # Panics
    /// When it runs: the input has another number of features, or the units are no whole groups.
    pub fn step(&self) -> impl Step<Tensor<2>, Output = Tensor<2>> {
        (steps::linear(&self.detection).relu(), steps::sum_pool(self.pool))
    }

    fn hold_biases(mut self) -> Self {
        self.detection.bias = self.detection.bias.map(held);
        self
    }
}

/// A bias whose values are at most 0; still a parameter that learns, if it was one.
fn held(bias: Param<Tensor<1>>) -> Param<Tensor<1>> {
    bias.map(|bias| {
        let (learns, tracked) = (bias.is_require_grad(), bias.is_autodiff());
        let held = bias.without_autodiff().clamp_max(0.0);
        if tracked { held.autodiff().set_require_grad(learns) } else { held }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection<const I: usize, const U: usize>(
        weight: [[f32; U]; I],
        bias: [f32; U],
        device: &Device,
    ) -> Linear {
        Linear {
            weight: Param::from_tensor(Tensor::from_floats(weight, device)),
            bias: Some(Param::from_tensor(Tensor::from_floats(bias, device))),
        }
    }

    /// A network small enough to be computed by hand: 4 inputs, 4 units in pairs, 2 units to one value.
    fn by_hand(device: &Device) -> DetectionPooling {
        let first = detection(
            [[0.6, -0.4, 0.2, -0.1], [0.5, 0.3, -0.6, 0.4], [-0.2, 0.7, 0.1, -0.3], [0.1, -0.5, 0.4, 0.2]],
            [0.0, -0.1, 0.0, -0.2],
            device,
        );
        let second = detection([[0.9, -0.3], [-0.5, 0.8]], [0.0, -0.05], device);
        DetectionPooling {
            first: Stage { detection: first, pool: 2 },
            second: Stage { detection: second, pool: 2 },
        }
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[track_caller]
    fn close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, not {expected:?}");
    }

    #[test]
    fn each_step_is_what_a_hand_computes() {
        let device = Device::flex();
        for net in [by_hand(&device), by_hand(&device).hold_biases()] {
            let x = Tensor::<2>::from_floats([[-0.5, 1.5, 0.3, 1.1]], &device);
            let [first, second] = net.stages();
            close(&numbers(logit::ops::linear_relu(&first.detection, x.clone())), &[0.5, 0.21, 0.0, 0.58]);
            let pooled = first.step().forward(x.clone());
            close(&numbers(pooled.clone()), &[0.71, 0.58]);
            close(&numbers(logit::ops::linear_relu(&second.detection, pooled)), &[0.349, 0.201]);
            let value = net.forward(x.reshape([1, 1, 2, 2])).unwrap();
            assert_eq!(value.dims(), [1, 1]);
            close(&numbers(value.into_tensor()), &[0.55]);
        }
    }

    #[test]
    fn the_network_of_the_paper_has_668_000_parameters_and_starts_at_an_output_of_its_targets_order() {
        let device = Device::flex();
        device.seed(1);
        let net = DetectionPoolingConfig { units: 400, pool: 4, deviation: 0.05 }.init(28 * 56, &device);
        assert_eq!(net.num_params(), 668_000);
        let value = net.forward(Tensor::full([2, 1, 28, 56], -0.5, &device)).unwrap();
        assert_eq!(value.dims(), [2, 1]);
        let value = numbers(value.into_tensor())[0];
        assert!((20.0..500.0).contains(&value), "{value}");
    }

    #[test]
    fn biases_above_0_are_held_at_it_and_go_on_learning() {
        let device = Device::flex().autodiff();
        let mut net = by_hand(&device);
        net.first.detection.bias =
            Some(Param::from_tensor(Tensor::from_floats([0.3, -0.1, 0.0, 1e-30], &device)));
        let id = net.first.detection.bias.as_ref().unwrap().id;
        let net = net.hold_biases();
        let bias = net.first.detection.bias.as_ref().unwrap();
        assert_eq!((numbers(bias.val()), bias.id), (vec![0.0, -0.1, 0.0, 0.0], id));
        let x = Tensor::<4>::from_floats([[[[-0.5, 1.5], [0.3, 1.1]]]], &device);
        let gradients = net.forward(x).unwrap().into_tensor().sum().backward();
        // By the first unit: 0.9 − 0.3, where both units of the second stage are at work.
        close(&numbers(bias.val().grad(&gradients).unwrap()), &[0.6, 0.6, 0.0, 0.3]);
    }
}
