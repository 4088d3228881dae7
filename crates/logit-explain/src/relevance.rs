//! The one step that every rule is: a weighted map, prepared for a rule, hands relevance down.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::array::Array;
use crate::map::Map;
use crate::number::Number;
use crate::op::Weighted;
use crate::rule::{Denominator, Fraction, InputPart, Outputs, Rule, Term, WeightPart};

/// A rule with the parts of a step's weights that it takes, made once.
pub(crate) struct Prepared<T> {
    map: Map,
    whole: Weighted<T>,
    fractions: Vec<PreparedFraction<T>>,
}

struct PreparedFraction<T> {
    share: T,
    outputs: Outputs,
    denominator: Denominator,
    terms: Vec<PreparedTerm<T>>,
}

struct PreparedTerm<T> {
    factor: T,
    input: InputPart,
    weight: Arc<Vec<T>>,
    bias: Option<Vec<T>>,
    /// What a constant in the place of the input gives, for one row of a shape.
    of_constant: Mutex<Option<(Vec<usize>, Arc<Array<T>>)>>,
}

impl<T: Number> Prepared<T> {
    pub(crate) fn new(step: &Weighted<T>, rule: &Rule) -> Self {
        let mut parts: Vec<(WeightPart, Arc<Vec<T>>)> = vec![(WeightPart::Whole, Arc::clone(&step.weight))];
        let fractions = rule.fractions.iter().map(|fraction| prepared(fraction, step, &mut parts)).collect();
        Self { map: step.map, whole: step.clone(), fractions }
    }

    /// The relevance of the inputs, by the inputs and the relevance of the outputs.
    ///
    /// # Errors
    /// They do not fit; in words.
    pub(crate) fn hand_down(&self, x: &Array<T>, relevance: &Array<T>) -> Result<Array<T>, String> {
        let expected = self.map.output(&x.shape)?;
        if relevance.shape != expected {
            return Err(format!(
                "relevance of {:?} arrived, where {expected:?} was computed",
                relevance.shape
            ));
        }
        let signs = Signs::of(x);
        let mut handed = Array::zeros(x.shape.clone());
        let computed = self.computed(x)?;
        for fraction in &self.fractions {
            let relevance = match (&computed, fraction.outputs) {
                (Some(computed), Outputs::Positive) => {
                    Cow::Owned(where_sign(relevance, computed, |z| z > T::zero()))
                }
                (Some(computed), Outputs::Negative) => {
                    Cow::Owned(where_sign(relevance, computed, |z| z < T::zero()))
                }
                _ => Cow::Borrowed(relevance),
            };
            if relevance.numbers.iter().all(|relevance| relevance.is_zero()) {
                continue;
            }
            let terms: Vec<&PreparedTerm<T>> =
                fraction.terms.iter().filter(|term| signs.has(&term.input) || term.bias.is_some()).collect();
            let shares = self.shares(fraction, &terms, &signs, x, &relevance)?;
            for term in terms {
                let back = self.map.transposed(&shares, &term.weight, &x.shape)?;
                term.collect(&mut handed, x, back)?;
            }
        }
        Ok(handed)
    }

    /// What the step computes, where a fraction asks for its sign.
    fn computed(&self, x: &Array<T>) -> Result<Option<Array<T>>, String> {
        if self.fractions.iter().all(|fraction| fraction.outputs == Outputs::All) {
            return Ok(None);
        }
        self.whole.forward(x).map(Some)
    }

    /// `share · R_j / d_j`.
    fn shares(
        &self,
        fraction: &PreparedFraction<T>,
        terms: &[&PreparedTerm<T>],
        signs: &Signs,
        x: &Array<T>,
        relevance: &Array<T>,
    ) -> Result<Array<T>, String> {
        let share = fraction.share;
        if fraction.denominator == Denominator::None {
            return Ok(relevance.map(|relevance| share * relevance));
        }
        let mut shares = Array::zeros(relevance.shape.clone());
        for term in terms {
            let factor = term.factor;
            if let InputPart::One | InputPart::Given(_) = term.input {
                let constant = term.of_constant(&self.map, &x.shape)?;
                shares.change_by_rows(&constant, |sum, constant| sum + factor * constant);
                continue;
            }
            let mut product = self.map.forward(&signs.part(x, &term.input), &term.weight)?;
            if let Some(bias) = &term.bias {
                self.map.add_bias(&mut product, bias);
            }
            shares.change_with(&product, |sum, product| sum + factor * product);
        }
        let denominator = fraction.denominator;
        shares.change_with(relevance, |d, relevance| share * divided(relevance, d, denominator));
        Ok(shares)
    }
}

/// The terms and parts of a fraction; equal parts of the weights are made once.
fn prepared<T: Number>(
    fraction: &Fraction,
    step: &Weighted<T>,
    parts: &mut Vec<(WeightPart, Arc<Vec<T>>)>,
) -> PreparedFraction<T> {
    let mut weights = |part: WeightPart| {
        if let Some((_, weights)) = parts.iter().find(|(known, _)| *known == part) {
            return Arc::clone(weights);
        }
        let weights = Arc::new(step.weight.iter().map(|weight| T::of(part.of(weight.wide()))).collect());
        parts.push((part, Arc::clone(&weights)));
        weights
    };
    let term = |term: &Term| PreparedTerm {
        factor: T::of(term.factor),
        input: term.input.clone(),
        weight: weights(term.weight),
        bias: step
            .bias
            .as_ref()
            .filter(|_| term.bias)
            .map(|bias| bias.iter().map(|bias| T::of(term.weight.of(bias.wide()))).collect()),
        of_constant: Mutex::new(None),
    };
    PreparedFraction {
        share: T::of(fraction.share),
        outputs: fraction.outputs,
        denominator: fraction.denominator,
        terms: fraction.terms.iter().map(term).collect(),
    }
}

impl<T: Number> PreparedTerm<T> {
    /// What stands in the place of an input, for one row of a batch.
    fn constant(&self, shape: &[usize]) -> Result<Array<T>, String> {
        let mut row = Array::full([&[1], &shape[1..]].concat(), T::one());
        if let InputPart::Given(numbers) = &self.input {
            let (len, channels) = (row.row_len(), shape[1]);
            let fits = [1, channels, len].contains(&numbers.len());
            if !fits {
                let count = numbers.len();
                return Err(format!("{count} bounds for {len} inputs of {channels} channels"));
            }
            let run = (len / numbers.len()).max(1);
            let places = row.numbers.iter_mut().enumerate();
            places.for_each(|(at, number)| *number = T::of(numbers[at / run]));
        }
        Ok(row)
    }

    /// What that gives with the term's weights and bias.
    fn of_constant(&self, map: &Map, shape: &[usize]) -> Result<Arc<Array<T>>, String> {
        let constant = self.constant(shape)?;
        let mut kept = self.of_constant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, found)) = &*kept
            && *known == constant.shape
        {
            return Ok(Arc::clone(found));
        }
        let mut found = map.forward(&constant, &self.weight)?;
        if let Some(bias) = &self.bias {
            map.add_bias(&mut found, bias);
        }
        let found = Arc::new(found);
        *kept = Some((constant.shape, Arc::clone(&found)));
        Ok(found)
    }

    /// Adds what the term hands back: `± f(x_i)` times what its weights gave.
    fn collect(&self, handed: &mut Array<T>, x: &Array<T>, mut back: Array<T>) -> Result<(), String> {
        let (factor, zero) = (self.factor, T::zero());
        match self.input {
            InputPart::One => handed.change_with(&back, |sum, back| sum + factor * back),
            InputPart::Given(_) => {
                back.change_by_rows(&self.constant(&x.shape)?, |back, constant| factor * constant * back);
                handed.add(&back);
            }
            InputPart::Whole => handed.change_with_two(x, &back, |sum, x, back| sum + factor * x * back),
            InputPart::Positive => {
                handed.change_with_two(x, &back, |sum, x, back| sum + factor * x.max(zero) * back);
            }
            InputPart::Negative => {
                handed.change_with_two(x, &back, |sum, x, back| sum + factor * x.min(zero) * back);
            }
        }
        Ok(())
    }
}

/// `R / d`, as a denominator wants it.
pub(crate) fn divided<T: Number>(relevance: T, d: T, denominator: Denominator) -> T {
    match denominator {
        Denominator::None => relevance,
        Denominator::Exact if relevance.is_zero() || d.is_zero() => T::zero(),
        Denominator::Exact => relevance / d,
        Denominator::Stabilised(epsilon) => {
            let epsilon = T::of(epsilon);
            relevance / if d < T::zero() { d - epsilon } else { d + epsilon }
        }
    }
}

/// Which signs an input has: parts that are 0 everywhere need no pass.
struct Signs {
    negative: bool,
    positive: bool,
}

impl Signs {
    fn of<T: Number>(x: &Array<T>) -> Self {
        let zero = T::zero();
        Self { negative: x.numbers.iter().any(|x| *x < zero), positive: x.numbers.iter().any(|x| *x > zero) }
    }

    fn has(&self, part: &InputPart) -> bool {
        match part {
            InputPart::Whole | InputPart::One | InputPart::Given(_) => true,
            InputPart::Positive => self.positive,
            InputPart::Negative => self.negative,
        }
    }

    fn part<'a, T: Number>(&self, x: &'a Array<T>, part: &InputPart) -> Cow<'a, Array<T>> {
        match part {
            InputPart::Positive if self.negative => Cow::Owned(x.map(|x| x.max(T::zero()))),
            InputPart::Negative if self.positive => Cow::Owned(x.map(|x| x.min(T::zero()))),
            _ => Cow::Borrowed(x),
        }
    }
}

/// The relevance of outputs whose sign is right, and 0 elsewhere.
fn where_sign<T: Number>(
    relevance: &Array<T>,
    computed: &Array<T>,
    right: impl Fn(T) -> bool + Sync,
) -> Array<T> {
    let mut relevance = relevance.clone();
    relevance.change_with(computed, |relevance, z| if right(z) { relevance } else { T::zero() });
    relevance
}
