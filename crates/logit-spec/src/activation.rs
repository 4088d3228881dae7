//! The activations that a network may end in.

use serde::Serialize;

use crate::catalogue::{catalogue, same_name};
use crate::range::Range;
use Output::{Bent, Floored, LogSimplex, LogUnitInterval, Raw, Simplex, Squashed, UnitInterval};

/// What the numbers after an activation are: all that a loss needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Any real numbers: logits, or values.
    Raw,
    /// Probabilities that sum to one over the units.
    Simplex,
    /// Logarithms of probabilities that sum to one over the units.
    LogSimplex,
    /// A probability for each unit, on its own.
    UnitInterval,
    /// The logarithm of a probability for each unit, on its own.
    LogUnitInterval,
    /// Numbers between two ends that are not 0 and 1.
    Squashed,
    /// Numbers with a floor and no ceiling.
    Floored,
    /// Any real numbers, with one slope below zero and another above.
    Bent,
}

/// What is known of an [`Activation`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationFacts {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// How it is written in a sentence.
    pub title: &'static str,
    /// Other names that PyTorch, Keras and ONNX have for it, beside its own.
    pub aliases: &'static [&'static str],
    /// The least and the greatest value of its output, with the parameters that PyTorch gives it.
    pub range: Range,
    /// What its output is.
    pub output: Output,
    /// Whether a greater input never gives a smaller output. Where it holds, the order of the units
    /// after the activation is that of the logits, but for ties.
    pub monotone: bool,
}

catalogue! {
    /// An activation: the function after the last layer that has weights.
    pub enum Activation: ActivationFacts {
        /// None: the output of the last linear layer or convolution as it is.
        Linear = over("linear", "no activation", &["identity", "none"], Range::REAL, Raw),
        /// `exp(z_i) / Σ_j exp(z_j)` over the units.
        Softmax = over("softmax", "softmax", &["softmax2d"], Range::UNIT, Simplex),
        /// `z_i − log Σ_j exp(z_j)` over the units.
        LogSoftmax = over("log-softmax", "log-softmax", &[], NOT_POSITIVE, LogSimplex),
        /// `1 / (1 + exp(−z))` of each unit.
        Sigmoid = over("sigmoid", "sigmoid", &["expit", "logistic"], Range::UNIT, UnitInterval),
        /// A straight line through (0, ½), cut at 0 and 1.
        HardSigmoid = over("hard-sigmoid", "hard sigmoid", &[], Range::UNIT, UnitInterval),
        /// `−log(1 + exp(−z))` of each unit.
        LogSigmoid = over("log-sigmoid", "log-sigmoid", &[], NOT_POSITIVE, LogUnitInterval),
        /// `tanh(z)`.
        Tanh = over("tanh", "tanh", &[], SIGNED_UNIT, Squashed),
        /// `z` cut at −1 and 1.
        HardTanh = over("hard-tanh", "hard tanh", &[], SIGNED_UNIT, Squashed),
        /// `z / (1 + |z|)`.
        Softsign = over("softsign", "softsign", &[], SIGNED_UNIT, Squashed),
        /// `z` cut at 0 and 6.
        Relu6 = over("relu6", "ReLU6", &[], Range::between(0.0, 6.0), Squashed),
        /// `max(z, 0)`.
        Relu = over("relu", "ReLU", &[], floor(0.0), Floored),
        /// `log(1 + exp(z))`.
        Softplus = over("softplus", "softplus", &[], floor(0.0), Floored),
        /// `exp(z)`.
        Exponential = over("exponential", "the exponential", &["exp"], floor(0.0), Floored),
        /// `z` above zero, `exp(z) − 1` below.
        Elu = over("elu", "ELU", &[], floor(-1.0), Floored),
        /// ELU with a steeper slope, scaled to keep mean and variance of a layer.
        Selu = over("selu", "SELU", &[], floor(-1.7581), Floored),
        /// ELU whose slope has no step at zero for any α.
        Celu = over("celu", "CELU", &[], floor(-1.0), Floored),
        /// `z Φ(z)`, Φ the normal distribution.
        Gelu = wavy("gelu", "GELU", &[], floor(-0.17)),
        /// `z σ(z)`.
        Silu = wavy("silu", "SiLU", &["swish"], floor(-0.2785)),
        /// `z tanh(softplus(z))`.
        Mish = wavy("mish", "Mish", &[], floor(-0.309)),
        /// `z` times the hard sigmoid.
        HardSwish = wavy("hard-swish", "hard swish", &["hard_silu"], floor(-0.375)),
        /// `z` above zero, a small slope below.
        LeakyRelu = over("leaky-relu", "leaky ReLU", &[], Range::REAL, Bent),
        /// `z` above zero, a learnt slope below.
        PRelu = over("p-relu", "PReLU", &[], Range::REAL, Bent),
    }
}

impl Activation {
    /// The activation of that name in PyTorch, Keras, ONNX or here; case, hyphens and underscores do
    /// not count. `None` for a name that the table does not have, which is not the same as
    /// [`Linear`](Self::Linear).
    ///
    /// ```
    /// use logit_spec::Activation;
    /// assert_eq!(Activation::parse("LogSoftmax"), Some(Activation::LogSoftmax));
    /// assert_eq!(Activation::parse("swish"), Some(Activation::Silu));
    /// assert_eq!(Activation::parse("my_activation"), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|activation| {
            let facts = activation.facts();
            same_name(facts.name, name) || facts.aliases.iter().any(|alias| same_name(alias, name))
        })
    }

    /// Whether the output of a unit depends on the other units.
    pub fn normalises_over_units(self) -> bool {
        matches!(self.facts().output, Simplex | LogSimplex)
    }
}

const NOT_POSITIVE: Range = Range::between(f64::NEG_INFINITY, 0.0);
const SIGNED_UNIT: Range = Range::between(-1.0, 1.0);

const fn floor(low: f64) -> Range {
    Range::between(low, f64::INFINITY)
}

type Names = &'static [&'static str];

/// A monotone activation.
const fn over(
    name: &'static str,
    title: &'static str,
    aliases: Names,
    range: Range,
    output: Output,
) -> ActivationFacts {
    ActivationFacts { name, title, aliases, range, output, monotone: true }
}

/// An activation that dips below zero before it rises.
const fn wavy(name: &'static str, title: &'static str, aliases: Names, range: Range) -> ActivationFacts {
    ActivationFacts { name, title, aliases, range, output: Floored, monotone: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sigmoid(z: f64) -> f64 {
        1.0 / (1.0 + (-z).exp())
    }

    /// The activations of one unit at a time whose formula needs nothing but `exp`.
    fn value(activation: Activation, z: f64) -> Option<f64> {
        let below = |alpha: f64| if z > 0.0 { z } else { alpha * z.exp_m1() };
        Some(match activation {
            Activation::Linear => z,
            Activation::Sigmoid => sigmoid(z),
            Activation::HardSigmoid => (z / 6.0 + 0.5).clamp(0.0, 1.0),
            Activation::LogSigmoid => sigmoid(z).ln(),
            Activation::Tanh => z.tanh(),
            Activation::HardTanh => z.clamp(-1.0, 1.0),
            Activation::Softsign => z / (1.0 + z.abs()),
            Activation::Relu6 => z.clamp(0.0, 6.0),
            Activation::Relu => z.max(0.0),
            Activation::Softplus => z.exp().ln_1p(),
            Activation::Exponential => z.exp(),
            Activation::Elu | Activation::Celu => below(1.0),
            Activation::Selu => 1.050_700_987 * below(1.673_263_242),
            Activation::Silu => z * sigmoid(z),
            Activation::Mish => z * z.exp().ln_1p().tanh(),
            Activation::HardSwish => z * (z / 6.0 + 0.5).clamp(0.0, 1.0),
            Activation::LeakyRelu | Activation::PRelu => z.max(0.25 * z),
            Activation::Softmax | Activation::LogSoftmax | Activation::Gelu => return None,
        })
    }

    #[test]
    fn ranges_and_monotony_hold_on_a_grid() {
        for &activation in Activation::ALL {
            let facts = activation.facts();
            let values: Vec<f64> =
                (-3000..=3000).filter_map(|i| value(activation, f64::from(i) / 100.0)).collect();
            if values.is_empty() {
                continue;
            }
            let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(
                facts.range.contains(Range::new(lowest, highest).unwrap()),
                "{activation}: {lowest} {highest}"
            );
            if facts.range.low().is_finite() {
                assert!(lowest - facts.range.low() < 0.04, "{activation} stays above its floor: {lowest}");
            }
            if facts.range.high().is_finite() {
                assert!(
                    facts.range.high() - highest < 0.04,
                    "{activation} stays below its ceiling: {highest}"
                );
            }
            assert_eq!(values.is_sorted(), facts.monotone, "{activation}");
        }
    }

    #[test]
    fn a_name_means_one_activation() {
        for &activation in Activation::ALL {
            let facts = activation.facts();
            for name in facts.aliases.iter().chain([&facts.name]) {
                assert_eq!(Activation::parse(name), Some(activation), "{name}");
            }
        }
    }

    #[test]
    fn the_names_of_the_frameworks_are_known() {
        for (name, activation) in [
            ("Identity", Activation::Linear),
            ("LogSigmoid", Activation::LogSigmoid),
            ("Hardsigmoid", Activation::HardSigmoid),
            ("LeakyReLU", Activation::LeakyRelu),
            ("PReLU", Activation::PRelu),
            ("log_softmax", Activation::LogSoftmax),
        ] {
            assert_eq!(Activation::parse(name), Some(activation), "{name}");
        }
    }

    #[test]
    fn softmax_alone_normalises() {
        let over_units: Vec<_> =
            Activation::ALL.iter().copied().filter(|a| a.normalises_over_units()).collect();
        assert_eq!(over_units, [Activation::Softmax, Activation::LogSoftmax]);
    }
}
