//! Composites: which rule a step has, by what it computes and where it stands.

use crate::map::Map;
use crate::op::{ActivationWay, Op, SumWay, Ways, Weighted};
use crate::rule::{Denominator, EPSILON, Rule};

/// A rule for every step of a network.
///
/// | composite | first step | convolutions | dense | pooling, sums |
/// |---|---|---|---|---|
/// | [`deep_taylor`](Self::deep_taylor) | z^B in a box, else w² | z⁺ | z⁺ | by share |
/// | [`epsilon_plus`](Self::epsilon_plus) | – | z⁺ | ε | by share |
/// | [`epsilon_plus_flat`](Self::epsilon_plus_flat) | flat | z⁺ | ε | by share |
/// | [`epsilon_gamma_box`](Self::epsilon_gamma_box) | z^B | γ = 0.25 | ε | by share |
/// | [`epsilon_alpha2_beta1`](Self::epsilon_alpha2_beta1) | –, or flat | αβ = 2, 1 | ε | by share |
/// | [`excitation_backprop`](Self::excitation_backprop) | – | z⁺ | z⁺ | by share; activations as a gradient |
/// | [`gradient`](Self::gradient), [`guided_backprop`](Self::guided_backprop), [`deconvnet`](Self::deconvnet) | – | gradient | gradient | gradient |
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    name: String,
    first: Option<(First, Rule)>,
    convolution: Rule,
    dense: Rule,
    ways: Ways,
    named: Vec<(String, Rule)>,
    exact: bool,
}

/// Which steps are first: those with weights that see the input itself, or what merely moved of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Any,
    Convolution,
}

/// By share, with the field's stabiliser, and relevance passes activations.
const BY_SHARE: Ways = Ways {
    activation: ActivationWay::Pass,
    pool: Some(Denominator::Stabilised(EPSILON)),
    sum: SumWay::Share(Denominator::Stabilised(EPSILON)),
    gradient: false,
};

const AS_GRADIENT: Ways =
    Ways { activation: ActivationWay::Gradient, pool: None, sum: SumWay::Gradient, gradient: true };

impl Composite {
    /// The same rule for every step with weights.
    pub fn all(rule: Rule) -> Self {
        Self::new(rule.name().to_owned(), rule.clone(), rule)
    }

    fn new(name: impl Into<String>, convolution: Rule, dense: Rule) -> Self {
        Self {
            name: name.into(),
            first: None,
            convolution,
            dense,
            ways: BY_SHARE,
            named: Vec::new(),
            exact: false,
        }
    }

    /// **Deep Taylor decomposition** (Montavon et al. 2017, <https://arxiv.org/abs/1512.02479>): z^B in the first step for
    /// inputs in a box `[low, high]` with `low ≤ 0 ≤ high`, or w² for inputs without bounds; z⁺ in the others; sums by
    /// share; no stabiliser. With biases at most 0 it conserves relevance and keeps it at least 0, to rounding.
    pub fn deep_taylor(bounds: Option<[f64; 2]>) -> Self {
        let first = bounds.map_or_else(Rule::w_square, |[low, high]| Rule::z_box(low, high));
        let exact =
            Ways { pool: Some(Denominator::Exact), sum: SumWay::Share(Denominator::Exact), ..BY_SHARE };
        Self {
            first: Some((First::Any, first)),
            ways: exact,
            exact: true,
            ..Self::new("deep-taylor", Rule::z_plus(), Rule::z_plus())
        }
    }

    /// z⁺ in convolutions, ε in dense steps.
    pub fn epsilon_plus() -> Self {
        Self::new("epsilon-plus", stabilised_z_plus(), Rule::epsilon(EPSILON))
    }

    /// The same, and flat in the first step.
    pub fn epsilon_plus_flat() -> Self {
        Self { name: "epsilon-plus-flat".to_owned(), ..Self::epsilon_plus() }
            .with_first(First::Any, Rule::flat())
    }

    /// γ in convolutions, ε in dense steps, z^B in a first convolution.
    pub fn epsilon_gamma_box(low: f64, high: f64) -> Self {
        let z_box = Rule::z_box(low, high).with_denominator(Denominator::Stabilised(EPSILON));
        Self::new("epsilon-gamma-box", Rule::gamma(0.25), Rule::epsilon(EPSILON))
            .with_first(First::Convolution, z_box)
    }

    /// αβ = 2, 1 in convolutions, ε in dense steps.
    pub fn epsilon_alpha2_beta1() -> Self {
        Self::new("epsilon-alpha2-beta1", Rule::alpha_beta(2.0, 1.0), Rule::epsilon(EPSILON))
    }

    /// The same, and flat in the first step.
    pub fn epsilon_alpha2_beta1_flat() -> Self {
        let name = "epsilon-alpha2-beta1-flat".to_owned();
        Self { name, ..Self::epsilon_alpha2_beta1() }.with_first(First::Any, Rule::flat())
    }

    /// z⁺ everywhere, with bias, and the gradient through activations (Zhang et al. 2016,
    /// <https://arxiv.org/abs/1608.00507>).
    pub fn excitation_backprop() -> Self {
        let ways = Ways { activation: ActivationWay::Gradient, ..BY_SHARE };
        Self { ways, ..Self::new("excitation-backprop", stabilised_z_plus(), stabilised_z_plus()) }
    }

    /// The gradient.
    pub fn gradient() -> Self {
        Self { ways: AS_GRADIENT, ..Self::new("gradient", Rule::gradient(), Rule::gradient()) }
    }

    /// The gradient, where rectifiers pass what is positive on both ways (Springenberg et al. 2015,
    /// <https://arxiv.org/abs/1412.6806>).
    pub fn guided_backprop() -> Self {
        let ways = Ways { activation: ActivationWay::Guided, ..AS_GRADIENT };
        Self { name: "guided-backprop".to_owned(), ways, ..Self::gradient() }
    }

    /// The gradient, where rectifiers pass what is positive on the way back (Zeiler and Fergus 2014,
    /// <https://arxiv.org/abs/1311.2901>).
    pub fn deconvnet() -> Self {
        let ways = Ways { activation: ActivationWay::Positive, ..AS_GRADIENT };
        Self { name: "deconvnet".to_owned(), ways, ..Self::gradient() }
    }

    fn with_first(self, first: First, rule: Rule) -> Self {
        Self { first: Some((first, rule)), ..self }
    }

    /// The same with another rule for the first step, as a box for each input.
    #[must_use]
    pub fn with_first_rule(self, rule: Rule) -> Self {
        let first = self.first.as_ref().map_or(First::Any, |(first, _)| *first);
        self.with_first(first, rule)
    }

    /// The same with another denominator for what goes by share: sums, and means of windows.
    #[must_use]
    pub fn with_shares(mut self, denominator: Denominator) -> Self {
        self.ways.pool = Some(denominator);
        self.ways.sum = SumWay::Share(denominator);
        self
    }

    /// The same with a rule for the steps of one name.
    #[must_use]
    pub fn with_rule(mut self, step: impl Into<String>, rule: Rule) -> Self {
        self.named.push((step.into(), rule));
        self
    }

    /// The same with sums of values, such as skips, split evenly.
    #[must_use]
    pub fn with_split_sums(mut self) -> Self {
        self.ways.sum = SumWay::Split;
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a gradient, which starts at 1 where relevance starts at the output's value.
    pub fn is_gradient(&self) -> bool {
        self.ways.gradient
    }

    /// Whether it promises to conserve relevance to rounding.
    pub(crate) fn is_exact(&self) -> bool {
        self.exact
    }

    pub(crate) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// The names of the steps that have a rule of their own.
    pub(crate) fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| name.as_str())
    }

    /// The rule of a step, if it has weights or was named.
    pub(crate) fn rule<T>(&self, name: &str, op: &Op<T>, first: bool) -> Option<&Rule> {
        if let Some((_, rule)) = self.named.iter().rfind(|(step, _)| step == name) {
            let takes = matches!(op, Op::Weighted(_)) || (matches!(op, Op::Unknown(_)) && rule.is_pass());
            return takes.then_some(rule);
        }
        let Op::Weighted(Weighted { map, .. }) = op else { return None };
        let convolves = !matches!(map, Map::Dense { .. });
        match &self.first {
            Some((First::Any, rule)) if first => Some(rule),
            Some((First::Convolution, rule)) if first && convolves => Some(rule),
            _ if convolves => Some(&self.convolution),
            _ => Some(&self.dense),
        }
    }
}

/// z⁺ as the field's programs have it: with bias, and a stabiliser.
fn stabilised_z_plus() -> Rule {
    Rule::z_plus().with_bias().with_denominator(Denominator::Stabilised(EPSILON))
}
