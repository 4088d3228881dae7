//! Optimizer steps: one pass over a parameter, its gradient and its moments.
//!
//! Each number goes through the operations of the textbook formula, in its order and in f32; only the passes are
//! fewer. Parameters, gradients and moments are slices of one length.

use crate::parallel::{LEAST_PIECE, Shared, map_items};
use crate::simd::vectorized;

/// How a weight decays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WeightDecay {
    /// Not at all.
    #[default]
    None,
    /// `penalty · weight` is added to the gradient (L2 regularisation).
    Coupled(f32),
    /// The weight is multiplied by `1 - learning_rate · rate` before the step (Loshchilov and Hutter 2019).
    Decoupled(f32),
}

/// One step of Adam (Kingma and Ba 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The step's size.
    pub learning_rate: f64,
    /// Decay of the first moment, 0 to 1.
    pub beta1: f32,
    /// Decay of the second moment, 0 to 1.
    pub beta2: f32,
    /// Added to the root of the second moment, after its bias is corrected.
    pub epsilon: f32,
    /// Decoupled, it is `AdamW`.
    pub weight_decay: WeightDecay,
    /// The number of this step: 1 is the first.
    pub time: i32,
}

/// One step of stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// The step's size.
    pub learning_rate: f64,
    /// Of the velocity, when there is one.
    pub momentum: Momentum,
    /// How the weights decay.
    pub weight_decay: WeightDecay,
}

/// How a velocity follows the gradient: `velocity · factor + gradient · (1 - dampening)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Momentum {
    /// What is kept of the velocity, 0 to 1.
    pub factor: f32,
    /// What is left out of the gradient, 0 to 1.
    pub dampening: f64,
    /// Whether the step looks ahead: `velocity · factor + gradient` (Nesterov).
    pub nesterov: bool,
}

/// A velocity, and whether it has one yet.
#[derive(Debug)]
pub enum Velocity<'a> {
    /// The step is the gradient; nothing is kept.
    None,
    /// The first step: the velocity is written, and is the gradient.
    First(&'a mut [f32]),
    /// A later step.
    Next(&'a mut [f32]),
}

/// Steps `weights` against `gradient`; `moment1` and `moment2` are zeros at first.
///
/// `m₁ ← β₁·m₁ + (1-β₁)·g`, `m₂ ← β₂·m₂ + (1-β₂)·g²`, and the weights go down by
/// `learning_rate · m₁·c / (√m₂ + ε·√(1-β₂ᵗ))` with `c = √(1-β₂ᵗ) / (1-β₁ᵗ)`, which is
/// `learning_rate · m̂₁ / (√m̂₂ + ε)` of the unbiased moments.
///
/// # Panics
/// When the lengths differ.
pub fn adam(
    weights: &mut [f32],
    gradient: &[f32],
    moment1: &mut [f32],
    moment2: &mut [f32],
    step: &AdamStep,
) {
    let len = weights.len();
    assert_eq!(
        [gradient.len(), moment1.len(), moment2.len()],
        [len; 3],
        "gradients and moments, and {len} weights"
    );
    let root = (1.0 - step.beta2.powi(step.time)).sqrt();
    let factor = root / (1.0 - step.beta1.powi(step.time));
    let epsilon = step.epsilon * root;
    let learning_rate = step.learning_rate as f32;
    let (keep1, take1, keep2, take2) = (step.beta1, 1.0 - step.beta1, step.beta2, 1.0 - step.beta2);
    let decay = Decay::new(step.weight_decay, step.learning_rate);
    let (moment1, moment2) = (Shared::new(moment1), Shared::new(moment2));
    in_pieces(
        weights,
        #[inline(always)]
        |start, weights| {
            let gradient = &gradient[start..start + weights.len()];
            // SAFETY: pieces do not overlap, and moments are as long as the weights.
            let moment1 = unsafe { moment1.slice(start, weights.len()) };
            // SAFETY: as above.
            let moment2 = unsafe { moment2.slice(start, weights.len()) };
            for (((weight, gradient), moment1), moment2) in
                weights.iter_mut().zip(gradient).zip(moment1).zip(moment2)
            {
                let gradient = decay.penalized(*weight, *gradient);
                *moment1 = *moment1 * keep1 + gradient * take1;
                *moment2 = *moment2 * keep2 + gradient * gradient * take2;
                let update = *moment1 * factor / (moment2.sqrt() + epsilon);
                *weight = *weight * decay.kept - update * learning_rate;
            }
        },
    );
}

/// Steps `weights` against `gradient`.
///
/// The step is the gradient, or the velocity when there is one, or ahead of it with Nesterov's momentum.
///
/// # Panics
/// When the lengths differ.
pub fn sgd(weights: &mut [f32], gradient: &[f32], velocity: Velocity<'_>, step: &SgdStep) {
    let len = weights.len();
    assert_eq!(gradient.len(), len, "gradients, and weights");
    let learning_rate = step.learning_rate as f32;
    let decay = Decay::new(step.weight_decay, step.learning_rate);
    let Momentum { factor, dampening, nesterov } = step.momentum;
    let (velocity, keep, take) = match velocity {
        Velocity::None => {
            in_pieces(
                weights,
                #[inline(always)]
                |start, weights| {
                    for (weight, gradient) in weights.iter_mut().zip(&gradient[start..]) {
                        let gradient = decay.penalized(*weight, *gradient);
                        *weight = *weight * decay.kept - gradient * learning_rate;
                    }
                },
            );
            return;
        }
        Velocity::First(velocity) => {
            velocity.fill(0.0);
            (velocity, 0.0, 1.0)
        }
        Velocity::Next(velocity) => (velocity, factor, (1.0 - dampening) as f32),
    };
    assert_eq!(velocity.len(), len, "velocities, and weights");
    let velocity = Shared::new(velocity);
    in_pieces(
        weights,
        #[inline(always)]
        |start, weights| {
            // SAFETY: pieces do not overlap, and the velocity is as long as the weights.
            let velocity = unsafe { velocity.slice(start, weights.len()) };
            for ((weight, gradient), velocity) in weights.iter_mut().zip(&gradient[start..]).zip(velocity) {
                let gradient = decay.penalized(*weight, *gradient);
                *velocity = gradient * take + *velocity * keep;
                let update = if nesterov { *velocity * factor + gradient } else { *velocity };
                *weight = *weight * decay.kept - update * learning_rate;
            }
        },
    );
}

/// What a weight adds to its gradient, and how much of it a step keeps.
#[derive(Clone, Copy)]
struct Decay {
    penalty: f32,
    kept: f32,
}

impl Decay {
    fn new(decay: WeightDecay, learning_rate: f64) -> Self {
        match decay {
            WeightDecay::None => Self { penalty: 0.0, kept: 1.0 },
            WeightDecay::Coupled(penalty) => Self { penalty, kept: 1.0 },
            WeightDecay::Decoupled(rate) => {
                Self { penalty: 0.0, kept: (1.0 - learning_rate * f64::from(rate)) as f32 }
            }
        }
    }

    /// The gradient with the penalty; without one it is left alone, whatever the weight is.
    #[inline(always)]
    fn penalized(self, weight: f32, gradient: f32) -> f32 {
        if self.penalty == 0.0 { gradient } else { weight * self.penalty + gradient }
    }
}

/// `work` on pieces of the weights, each with the place where it starts.
fn in_pieces(weights: &mut [f32], work: impl Fn(usize, &mut [f32]) + Sync) {
    let len = weights.len();
    let weights = Shared::new(weights);
    map_items(len.div_ceil(LEAST_PIECE), LEAST_PIECE, |piece| {
        let start = piece * LEAST_PIECE;
        // SAFETY: pieces lie in the weights, side by side.
        let weights = unsafe { weights.slice(start, LEAST_PIECE.min(len - start)) };
        vectorized(
            #[inline(always)]
            || work(start, weights),
        );
    });
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|place| ((place * 7919 + seed * 104_729 + 13) % 10_007) as f32 / 5003.0 - 1.0).collect()
    }

    fn near(value: &[f32], expected: &[f64]) {
        for (value, expected) in value.iter().zip(expected) {
            assert!(
                (f64::from(*value) - expected).abs() < 2e-5 * (1.0 + expected.abs()),
                "{value} {expected}"
            );
        }
    }

    fn wide(numbers: &[f32]) -> Vec<f64> {
        numbers.iter().map(|number| f64::from(*number)).collect()
    }

    fn decays() -> impl Strategy<Value = WeightDecay> {
        prop_oneof![
            Just(WeightDecay::None),
            (0.0..0.5_f32).prop_map(WeightDecay::Coupled),
            (0.0..0.5_f32).prop_map(WeightDecay::Decoupled),
        ]
    }

    /// The gradient with the penalty, and the weight that the step starts from.
    fn decayed(decay: WeightDecay, rate: f64, weight: f64, gradient: f64) -> (f64, f64) {
        match decay {
            WeightDecay::None => (gradient, weight),
            WeightDecay::Coupled(penalty) => (gradient + f64::from(penalty) * weight, weight),
            WeightDecay::Decoupled(decay) => (gradient, weight * (1.0 - rate * f64::from(decay))),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn adam_is_the_textbook_formula(len in 0..100_usize, decay in decays()) {
            let (mut weights, mut moment1, mut moment2) = (numbers(len, 1), vec![0.0; len], vec![0.0; len]);
            let (mut w, mut m, mut v) = (wide(&weights), vec![0.0; len], vec![0.0; len]);
            for time in 1..6 {
                let gradient = numbers(len, 10 + time as usize);
                let (beta1, beta2, epsilon) = (0.9, 0.99, 1e-5);
                let step = AdamStep { learning_rate: 0.02, beta1, beta2, epsilon, weight_decay: decay, time };
                adam(&mut weights, &gradient, &mut moment1, &mut moment2, &step);
                let (beta1, beta2) = (f64::from(beta1), f64::from(beta2));
                for place in 0..len {
                    let (g, kept) = decayed(decay, 0.02, w[place], f64::from(gradient[place]));
                    m[place] = beta1 * m[place] + (1.0 - beta1) * g;
                    v[place] = beta2 * v[place] + (1.0 - beta2) * g * g;
                    let unbiased = (m[place] / (1.0 - beta1.powi(time)), v[place] / (1.0 - beta2.powi(time)));
                    w[place] = kept - 0.02 * unbiased.0 / (unbiased.1.sqrt() + f64::from(epsilon));
                }
            }
            near(&weights, &w);
            near(&moment1, &m);
            near(&moment2, &v);
        }

        #[test]
        fn sgd_is_the_textbook_formula(
            len in 0..100_usize, decay in decays(), nesterov: bool, with_velocity: bool, dampening in 0.0..0.5_f64,
        ) {
            let momentum = Momentum { factor: 0.75, dampening, nesterov };
            let step = SgdStep { learning_rate: 0.05, momentum, weight_decay: decay };
            let (mut weights, mut velocity) = (numbers(len, 1), vec![f32::NAN; len]);
            let (mut w, mut expected) = (wide(&weights), vec![0.0; len]);
            for time in 0..4 {
                let gradient = numbers(len, 20 + time);
                let place = match (with_velocity, time) {
                    (false, _) => Velocity::None,
                    (true, 0) => Velocity::First(&mut velocity),
                    (true, _) => Velocity::Next(&mut velocity),
                };
                sgd(&mut weights, &gradient, place, &step);
                for place in 0..len {
                    let (g, kept) = decayed(decay, 0.05, w[place], f64::from(gradient[place]));
                    expected[place] =
                        if time == 0 { g } else { 0.75 * expected[place] + (1.0 - dampening) * g };
                    let ahead = if nesterov { 0.75 * expected[place] + g } else { expected[place] };
                    w[place] = kept - 0.05 * if with_velocity { ahead } else { g };
                }
            }
            near(&weights, &w);
        }
    }

    #[test]
    fn nan_and_infinity_stay_in_their_place() {
        let step =
            SgdStep { learning_rate: 0.1, momentum: Momentum::default(), weight_decay: WeightDecay::None };
        let mut weights = vec![1.0; 40];
        let mut gradient = vec![0.0; 40];
        (gradient[7], gradient[9]) = (f32::NAN, f32::INFINITY);
        sgd(&mut weights, &gradient, Velocity::None, &step);
        assert!(weights[7].is_nan() && weights[9] == f32::NEG_INFINITY);
        assert_eq!(weights.iter().filter(|weight| **weight == 1.0).count(), 38);
    }

    #[test]
    fn the_same_for_every_number_of_threads() {
        let len = 3 * LEAST_PIECE + 5;
        let decay = WeightDecay::Coupled(0.1);
        let step = AdamStep {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: decay,
            time: 3,
        };
        let run = || {
            let (mut weights, mut moment1, mut moment2) = (numbers(len, 1), numbers(len, 2), vec![0.5; len]);
            adam(&mut weights, &numbers(len, 3), &mut moment1, &mut moment2, &step);
            (weights, moment1, moment2)
        };
        let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
        assert_eq!(with(1), with(2));
        assert_eq!(with(1), with(3));
    }
}
