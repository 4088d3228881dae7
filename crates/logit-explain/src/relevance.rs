//! The one step that every rule is: a weighted map, prepared for a rule, hands relevance down.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::array::Array;
use crate::map::{Map, add_bias};
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
    input: InputPart,
    weight: Arc<Vec<T>>,
    bias: Option<Vec<T>>,
    /// What ones give, for one row of a shape: it does not depend on the input.
    of_ones: Mutex<Option<OfOnes<T>>>,
}

/// The shape of a row, and what came of it.
type OfOnes<T> = (Vec<usize>, Arc<Array<T>>);

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
            if relevance.numbers.iter().all(T::is_zero) {
                continue;
            }
            let terms: Vec<&PreparedTerm<T>> =
                fraction.terms.iter().filter(|term| signs.has(&term.input) || term.bias.is_some()).collect();
            let shares = self.shares(fraction, &terms, &signs, x, &relevance)?;
            for term in terms {
                let back = self.map.transposed(&shares, &term.weight, &x.shape)?;
                term.collect(&mut handed, x, &back)?;
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
            if term.input == InputPart::One {
                shares.change_by_rows(&*term.of_ones(&self.map, &x.shape)?, |sum, ones| sum + ones);
                continue;
            }
            let mut product = self.map.forward(signs.part(x, &term.input)?.as_ref(), &term.weight)?;
            if let Some(bias) = &term.bias {
                add_bias(&mut product, bias);
            }
            shares.add(&product);
        }
        let denominator = fraction.denominator;
        shares.change_with(relevance, |d, relevance| share * denominator.divided(relevance, d));
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
        input: term.input.clone(),
        weight: weights(term.weight),
        bias: step
            .bias
            .as_ref()
            .filter(|_| term.bias)
            .map(|bias| bias.iter().map(|bias| T::of(term.weight.of(bias.wide()))).collect()),
        of_ones: Mutex::new(None),
    };
    PreparedFraction {
        share: T::of(fraction.share),
        outputs: fraction.outputs,
        denominator: fraction.denominator,
        terms: fraction.terms.iter().map(term).collect(),
    }
}

impl<T: Number> PreparedTerm<T> {
    /// What ones give with the term's weights and bias, for one row of a batch.
    fn of_ones(&self, map: &Map, shape: &[usize]) -> Result<Arc<Array<T>>, String> {
        let shape = [&[1], &shape[1..]].concat();
        let mut kept = self.of_ones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, ones)) = &*kept
            && *known == shape
        {
            return Ok(Arc::clone(ones));
        }
        let mut ones = map.forward(&Array::full(shape.clone(), T::one()), &self.weight)?;
        if let Some(bias) = &self.bias {
            add_bias(&mut ones, bias);
        }
        let ones = Arc::new(ones);
        *kept = Some((shape, Arc::clone(&ones)));
        Ok(ones)
    }

    /// Adds what the term hands back: `f(x_i)` times what its weights gave.
    fn collect(&self, handed: &mut Array<T>, x: &Array<T>, back: &Array<T>) -> Result<(), String> {
        let zero = T::zero();
        match &self.input {
            InputPart::One => handed.add(back),
            InputPart::Whole => handed.change_with_two(x, back, |sum, x, back| sum + x * back),
            InputPart::Positive => {
                handed.change_with_two(x, back, |sum, x, back| sum + x.max(zero) * back);
            }
            InputPart::Negative => {
                handed.change_with_two(x, back, |sum, x, back| sum + x.min(zero) * back);
            }
            InputPart::Beyond(bounds) => {
                handed.change_with_two(&beyond(x, bounds)?, back, |sum, x, back| sum + x * back);
            }
        }
        Ok(())
    }
}

/// How far inputs are above bounds.
fn beyond<T: Number>(x: &Array<T>, bounds: &[f64]) -> Result<Array<T>, String> {
    let (len, channels) = (x.row_len(), x.shape.get(1).copied().unwrap_or(1));
    if ![1, channels, len].contains(&bounds.len()) {
        return Err(format!("{} bounds for {len} inputs of {channels} channels", bounds.len()));
    }
    let mut beyond = x.clone();
    let run = (len / bounds.len()).max(1);
    for row in beyond.numbers.chunks_exact_mut(len.max(1)) {
        for (run, bound) in row.chunks_exact_mut(run).zip(bounds) {
            let bound = T::of(*bound);
            for x in run {
                *x = *x - bound;
            }
        }
    }
    Ok(beyond)
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
            InputPart::Whole | InputPart::One | InputPart::Beyond(_) => true,
            InputPart::Positive => self.positive,
            InputPart::Negative => self.negative,
        }
    }

    fn part<'a, T: Number>(&self, x: &'a Array<T>, part: &InputPart) -> Result<Cow<'a, Array<T>>, String> {
        Ok(match part {
            InputPart::Positive if self.negative => Cow::Owned(x.map(|x| x.max(T::zero()))),
            InputPart::Negative if self.positive => Cow::Owned(x.map(|x| x.min(T::zero()))),
            InputPart::Beyond(bounds) => Cow::Owned(beyond(x, bounds)?),
            _ => Cow::Borrowed(x),
        })
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
