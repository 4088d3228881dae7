//! Rules: how a weighted step hands the relevance of its outputs down to its inputs.
//!
//! Every rule is a sum of fractions, and every fraction computes the same: with `f` a part of the input, `g` a part of the
//! weights and `h` of the bias,
//!
//! ```text
//! d_j = Σ_terms ( Σ_i f(x_i) g(w_ij) + h(b_j) )
//! R_i += share · Σ_terms f(x_i) Σ_j g(w_ij) R_j / d_j
//! ```
//!
//! A rule is thus a small value: which parts its terms take, which bias counts, and what is done about denominators near 0.

use std::fmt;
use std::sync::Arc;

use crate::number::Number;

/// How a weighted step hands relevance down.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) fractions: Vec<Fraction>,
}

/// A share of the relevance, handed down in proportion to its terms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fraction {
    pub(crate) share: f64,
    /// To which outputs it applies, by the sign of what the step computed.
    pub(crate) outputs: Outputs,
    pub(crate) terms: Vec<Term>,
    pub(crate) denominator: Denominator,
}

/// A product of a part of the input with a part of the weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    pub(crate) input: InputPart,
    pub(crate) weight: WeightPart,
    /// Whether the same part of the bias counts in the denominator.
    pub(crate) bias: bool,
}

/// Outputs by their sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outputs {
    All,
    Positive,
    Negative,
}

/// A part of the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InputPart {
    Whole,
    Positive,
    Negative,
    /// 1 in the place of every input.
    One,
    /// How far it is above a bound: one for each input, for each channel, or for all.
    Beyond(Arc<Vec<f64>>),
}

/// A part of the weights, or of the bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WeightPart {
    Whole,
    Positive,
    Negative,
    Square,
    One,
    /// `w + γ w⁺`.
    Above(f64),
    /// `w + γ w⁻`.
    Below(f64),
}

impl WeightPart {
    /// The part of a weight.
    pub(crate) fn of(self, weight: f64) -> f64 {
        match self {
            Self::Whole => weight,
            Self::Positive => weight.max(0.0),
            Self::Negative => weight.min(0.0),
            Self::Square => weight * weight,
            Self::One => 1.0,
            Self::Above(gamma) => weight + gamma * weight.max(0.0),
            Self::Below(gamma) => weight + gamma * weight.min(0.0),
        }
    }
}

/// What relevance is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Denominator {
    /// What was computed, as it is. Units without relevance are passed over; relevance of a unit whose denominator is 0 goes
    /// nowhere, and the account says how much that was.
    Exact,
    /// `d + ε · sign(d)`, with `sign(0) = 1`. It keeps some of the relevance.
    Stabilised(f64),
    /// Nothing: the fraction is a gradient.
    None,
}

impl Denominator {
    /// `R / d`.
    pub(crate) fn divided<T: Number>(self, relevance: T, d: T) -> T {
        match self {
            Self::None => relevance,
            Self::Exact if relevance.is_zero() || d.is_zero() => T::zero(),
            Self::Exact => relevance / d,
            Self::Stabilised(epsilon) => {
                let epsilon = T::of(epsilon);
                relevance / if d < T::zero() { d - epsilon } else { d + epsilon }
            }
        }
    }
}

/// What the field's programs add to denominators unless told otherwise.
pub const EPSILON: f64 = 1e-6;

impl Fraction {
    fn new(terms: Vec<Term>) -> Self {
        Self { share: 1.0, outputs: Outputs::All, terms, denominator: Denominator::Stabilised(EPSILON) }
    }
}

impl Term {
    fn new(input: InputPart, weight: WeightPart, bias: bool) -> Self {
        Self { input, weight, bias }
    }
}

/// Positive and negative contributions of inputs of either sign: `x⁺ · above + x⁻ · below`. Bias counts once.
fn by_sign(above: WeightPart, below: WeightPart) -> Vec<Term> {
    vec![Term::new(InputPart::Positive, above, true), Term::new(InputPart::Negative, below, false)]
}

impl Rule {
    fn new(name: impl Into<String>, fractions: Vec<Fraction>) -> Self {
        Self { name: name.into(), fractions }
    }

    /// **ε**: `R_i = Σ_j x_i w_ij / (z_j + ε sign z_j) R_j` with `z_j = Σ_i x_i w_ij + b_j` (Bach et al. 2015).
    pub fn epsilon(epsilon: f64) -> Self {
        let whole = Fraction::new(vec![Term::new(InputPart::Whole, WeightPart::Whole, true)]);
        Self::new(format!("epsilon {epsilon}"), vec![whole])
            .with_denominator(Denominator::Stabilised(epsilon))
    }

    /// **0**: ε without any ε.
    pub fn zero() -> Self {
        Self { name: "zero".to_owned(), ..Self::epsilon(0.0).with_denominator(Denominator::Exact) }
    }

    /// **z⁺**: `R_i = Σ_j (x_i w_ij)⁺ / Σ_i' (x_i' w_i'j)⁺ R_j`, exact and without bias (Montavon et al. 2017). On inputs that
    /// are nowhere negative it is the deep Taylor rule of hidden layers.
    pub fn z_plus() -> Self {
        let positive = Fraction::new(by_sign(WeightPart::Positive, WeightPart::Negative));
        Self::new("z+", vec![positive]).without_bias().with_denominator(Denominator::Exact)
    }

    /// **αβ**: `α` times the share of positive contributions minus `β` times that of negative ones; `α − β = 1` conserves
    /// (Bach et al. 2015).
    pub fn alpha_beta(alpha: f64, beta: f64) -> Self {
        let positive = by_sign(WeightPart::Positive, WeightPart::Negative);
        let negative = by_sign(WeightPart::Negative, WeightPart::Positive);
        let fractions = [(alpha, positive), (-beta, negative)]
            .map(|(share, terms)| Fraction { share, ..Fraction::new(terms) })
            .into_iter()
            .filter(|fraction| fraction.share != 0.0);
        Self::new(format!("alpha-beta {alpha}, {beta}"), fractions.collect())
    }

    /// **γ**, generalised to inputs and outputs of either sign: contributions of the output's sign count `1 + γ` times
    /// (Andéol et al. 2021).
    pub fn gamma(gamma: f64) -> Self {
        let (above, below) = (WeightPart::Above(gamma), WeightPart::Below(gamma));
        let fractions =
            [(Outputs::Positive, by_sign(above, below)), (Outputs::Negative, by_sign(below, above))]
                .map(|(outputs, terms)| Fraction { outputs, ..Fraction::new(terms) });
        Self::new(format!("gamma {gamma}"), fractions.into())
    }

    /// **w²**: `R_i = Σ_j w_ij² / Σ_i' w_i'j² R_j`, whatever the input is: the deep Taylor rule for inputs without bounds.
    pub fn w_square() -> Self {
        let squares = Fraction::new(vec![Term::new(InputPart::One, WeightPart::Square, true)]);
        Self::new("w²", vec![squares]).without_bias().with_denominator(Denominator::Exact)
    }

    /// **flat**: every input that a unit sees gets the same.
    pub fn flat() -> Self {
        let ones = Fraction::new(vec![Term::new(InputPart::One, WeightPart::One, false)]);
        Self::new("flat", vec![ones])
    }

    /// **z^B**: `R_i = Σ_j (x_i w_ij − l w_ij⁺ − h w_ij⁻) / Σ_i'(…) R_j` for inputs in the box `[l, h]`: the deep Taylor rule
    /// for pixels. It is computed as `(x_i − l) w_ij⁺ + (x_i − h) w_ij⁻`, whose terms are at least 0 in the box whatever is
    /// rounded.
    pub fn z_box(low: f64, high: f64) -> Self {
        Self { name: format!("z^B {low} to {high}"), ..Self::z_box_of(vec![low], vec![high]) }
    }

    /// **z^B** with a box for each input: `low` and `high` have a number for each input of a sample, for each channel, as of
    /// images that were normalised by channel, or for all.
    pub fn z_box_of(low: Vec<f64>, high: Vec<f64>) -> Self {
        let beyond = |bounds: Vec<f64>, weight: WeightPart| {
            Term::new(InputPart::Beyond(Arc::new(bounds)), weight, false)
        };
        let terms = vec![beyond(low, WeightPart::Positive), beyond(high, WeightPart::Negative)];
        Self::new("z^B by input", vec![Fraction::new(terms)]).with_denominator(Denominator::Exact)
    }

    /// **pass**: input and output are of one shape, and the relevance is handed on as it is.
    pub fn pass() -> Self {
        Self::new("pass", Vec::new())
    }

    /// The gradient: `R_i = Σ_j w_ij R_j`.
    pub fn gradient() -> Self {
        let weights = Fraction::new(vec![Term::new(InputPart::One, WeightPart::Whole, false)]);
        Self::new("gradient", vec![weights]).with_denominator(Denominator::None)
    }

    /// The same without bias in any denominator: bias then takes no share.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.terms_mut().for_each(|term| term.bias = false);
        self
    }

    /// The same with the bias in the denominator of the first term of each fraction: it then keeps its share.
    #[must_use]
    pub fn with_bias(mut self) -> Self {
        for fraction in &mut self.fractions {
            fraction.terms.iter_mut().take(1).for_each(|term| term.bias = true);
        }
        self
    }

    /// The same with another denominator.
    #[must_use]
    pub fn with_denominator(mut self, denominator: Denominator) -> Self {
        self.fractions.iter_mut().for_each(|fraction| fraction.denominator = denominator);
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn terms_mut(&mut self) -> impl Iterator<Item = &mut Term> {
        self.fractions.iter_mut().flat_map(|fraction| &mut fraction.terms)
    }

    /// Whether relevance is handed on as it is.
    pub(crate) fn is_pass(&self) -> bool {
        self.fractions.is_empty()
    }

    /// The box that it takes its inputs to be in: lows and highs, as many as [`z_box_of`](Self::z_box_of) takes.
    pub(crate) fn bounds(&self) -> Option<[&[f64]; 2]> {
        let given = |part: WeightPart| {
            let mut terms = self.fractions.iter().flat_map(|fraction| &fraction.terms);
            terms.find_map(|term| match &term.input {
                InputPart::Beyond(bounds) if term.weight == part && !bounds.is_empty() => Some(&bounds[..]),
                _ => None,
            })
        };
        Some([given(WeightPart::Positive)?, given(WeightPart::Negative)?])
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}
