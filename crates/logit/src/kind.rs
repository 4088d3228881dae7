//! The kinds of answer an output layer can give: what a head owns, and what everything else follows from.

use std::fmt::Debug;

use burn::tensor::Tensor;
use logit_spec::Answer;
use serde::{Deserialize, Serialize};

use crate::error::KindError;
use crate::link::Link;

/// A kind of answer: how many units it needs, and which losses, probabilities and decisions fit them.
///
/// The kind is a value carried by the head and by every [`Logits`](crate::Logits) that comes out of it, and a type
/// that the losses name: a loss for another kind does not compile.
pub trait Kind: Clone + Debug + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// The row of the table of answers (`logit heads`) that this kind is.
    const ANSWER: Answer;

    /// How probabilities are read from the raw outputs; none where the answer is a number.
    const LINK: Option<Link>;

    /// Units of the output layer: the size of the class axis of the logits.
    fn units(&self) -> usize;

    /// Columns of the head's weight matrix: one per unit, unless the units share one direction (CORAL).
    fn weight_columns(&self) -> usize {
        self.units()
    }

    /// Whether the kind can exist as described.
    ///
    /// # Errors
    /// Fewer units than the kind needs, or a scale without extent.
    fn check(&self) -> Result<(), KindError>;

    /// The probabilities that raw outputs stand for; none where the answer is a number.
    ///
    /// # Shapes
    /// - logits: `[N, K, d…]`
    /// - probabilities: as [`Probabilities`](crate::Probabilities) says
    fn probabilities<const D: usize>(&self, logits: Tensor<D>) -> Option<Tensor<D>> {
        Self::LINK.map(|link| link.probabilities(logits))
    }
}

/// A kind whose raw outputs are read as probabilities: all but the [`Values`].
pub trait Probabilistic: Kind {
    /// The probabilities that raw outputs stand for: [`Kind::probabilities`], which this kind has.
    fn probabilities_of<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D> {
        const { Self::LINK.expect("a kind that is probabilistic says how") }.probabilities(logits)
    }
}

impl Probabilistic for Classes {}
impl Probabilistic for YesNo {}
impl Probabilistic for Labels {}
impl<C> Probabilistic for Grades<C> where Self: Kind {}

/// Kinds whose units are yes or no each for itself.
#[diagnostic::on_unimplemented(
    message = "binary cross entropy is not a loss of `{Self}`",
    label = "the units of `{Self}` are not yes or no each for itself",
    note = "binary cross entropy puts a sigmoid on each unit, and fits `YesNo` and `Labels`; `Classes` exclude each other, which is `CrossEntropyLoss`; for the others see the table of `logit::loss`"
)]
pub trait YesNoUnits: Probabilistic {}

impl YesNoUnits for YesNo {}
impl YesNoUnits for Labels {}

mod sealed {
    pub trait Sealed {}
}

/// One of K classes that exclude each other: softmax over K units, cross entropy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// Number of classes K, at least 2.
    pub count: usize,
}

impl Classes {
    /// One of `count` classes.
    pub fn new(count: usize) -> Self {
        Self { count }
    }
}

impl sealed::Sealed for Classes {}

impl Kind for Classes {
    const ANSWER: Answer = Answer::Classes;
    const LINK: Option<Link> = Some(Link::Softmax);

    fn units(&self) -> usize {
        self.count
    }

    fn check(&self) -> Result<(), KindError> {
        match self.count {
            1 => Err(KindError::SoftmaxOverOneUnit),
            count => at_least("Classes", "classes", count, 2),
        }
    }
}

/// Yes or no: one unit, sigmoid, binary cross entropy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YesNo;

impl sealed::Sealed for YesNo {}

impl Kind for YesNo {
    const ANSWER: Answer = Answer::YesNo;
    const LINK: Option<Link> = Some(Link::Sigmoid);

    fn units(&self) -> usize {
        1
    }

    fn check(&self) -> Result<(), KindError> {
        Ok(())
    }
}

/// Any of K labels, each yes or no for itself: sigmoid on K units, binary cross entropy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Number of labels K, at least 1.
    pub count: usize,
}

impl Labels {
    /// Any of `count` labels.
    pub fn new(count: usize) -> Self {
        Self { count }
    }
}

impl sealed::Sealed for Labels {}

impl Kind for Labels {
    const ANSWER: Answer = Answer::Labels;
    const LINK: Option<Link> = Some(Link::Sigmoid);

    fn units(&self) -> usize {
        self.count
    }

    fn check(&self) -> Result<(), KindError> {
        at_least("Labels", "labels", self.count, 1)
    }
}

/// Real numbers, T of them: T linear units and squared, absolute or Huber error (`Values`), 2·T units and a
/// Gaussian likelihood (`Values<Gaussian>`), or T·Q units and the quantile loss (`Values<Quantiles>`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Values<V = Point> {
    /// Number of values T, at least 1.
    pub count: usize,
    /// What is said of each value.
    pub form: V,
}

/// One number per value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point;

/// Mean and log variance of each value: the first T units are means, the next T log variances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaussian;

/// Q quantiles of each value: unit `t·Q + q` is quantile `levels[q]` of value `t`. The units of a row may cross; what is
/// [read from them](crate::Logits::quantiles_of) never does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The levels, each in (0, 1), ascending.
    pub levels: Vec<f64>,
}

impl Values {
    /// `count` real numbers.
    pub fn new(count: usize) -> Self {
        Self { count, form: Point }
    }
}

impl Values<Gaussian> {
    /// `count` real numbers, each with its variance.
    pub fn gaussian(count: usize) -> Self {
        Self { count, form: Gaussian }
    }
}

impl Values<Quantiles> {
    /// `count` real numbers, each with its quantiles at `levels`.
    pub fn quantiles(count: usize, levels: &[f64]) -> Self {
        Self { count, form: Quantiles { levels: levels.to_vec() } }
    }
}

impl<V> sealed::Sealed for Values<V> {}

impl Kind for Values {
    const ANSWER: Answer = Answer::Values;
    const LINK: Option<Link> = None;

    fn units(&self) -> usize {
        self.count
    }

    fn check(&self) -> Result<(), KindError> {
        at_least("Values", "values", self.count, 1)
    }
}

impl Kind for Values<Gaussian> {
    const ANSWER: Answer = Answer::Values;
    const LINK: Option<Link> = None;

    fn units(&self) -> usize {
        2 * self.count
    }

    fn check(&self) -> Result<(), KindError> {
        at_least("Values", "values", self.count, 1)
    }
}

impl Kind for Values<Quantiles> {
    const ANSWER: Answer = Answer::Values;
    const LINK: Option<Link> = None;

    fn units(&self) -> usize {
        self.count * self.form.levels.len()
    }

    fn check(&self) -> Result<(), KindError> {
        at_least("Values", "values", self.count, 1)?;
        let levels = &self.form.levels;
        let inside = levels.iter().all(|q| 0.0 < *q && *q < 1.0);
        let ascending = levels.windows(2).all(|pair| pair[0] < pair[1]);
        if levels.is_empty() || !inside || !ascending {
            return Err(KindError::QuantileLevels { levels: levels.clone() });
        }
        Ok(())
    }
}

/// A grade between two ends, on K equally spaced steps from `low` to `high`, both included: softmax over the K
/// steps (`Grades`), or K−1 cumulative logits (`Grades<Coral>`, `Grades<Corn>`). The target may lie between steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grades<C = Steps> {
    /// The value of the first step.
    pub low: f64,
    /// The value of the last step.
    pub high: f64,
    /// Number of steps K, at least 2.
    pub steps: usize,
    /// How the units tell the grade.
    pub coding: C,
}

/// A unit per step; softmax over them is the distribution of the grade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps;

/// Unit k is the log odds of "above step k"; all units share one weight vector and differ in their bias, so their
/// order is kept (Cao, Mirjalili, Raschka 2020, <https://arxiv.org/abs/1901.07884>).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coral;

/// Unit k is the log odds of "above step k, given above step k−1"
/// (Shi, Cao, Raschka 2023, <https://arxiv.org/abs/2111.08851>).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corn;

impl Grades {
    /// A grade on `steps` steps from `low` to `high`, by a softmax over the steps.
    pub fn new(low: f64, high: f64, steps: usize) -> Self {
        Self { low, high, steps, coding: Steps }
    }
}

impl Grades<Coral> {
    /// A grade on `steps` steps from `low` to `high`, by CORAL's cumulative logits.
    pub fn coral(low: f64, high: f64, steps: usize) -> Self {
        Self { low, high, steps, coding: Coral }
    }
}

impl Grades<Corn> {
    /// A grade on `steps` steps from `low` to `high`, by CORN's conditional logits.
    pub fn corn(low: f64, high: f64, steps: usize) -> Self {
        Self { low, high, steps, coding: Corn }
    }
}

impl<C> Grades<C> {
    /// The distance between two neighbouring steps.
    pub fn spacing(&self) -> f64 {
        (self.high - self.low) / (self.steps - 1) as f64
    }

    /// The place of each step on the scale, 0 to K−1.
    pub(crate) fn places(&self) -> Vec<f64> {
        (0..self.steps).map(|step| step as f64).collect()
    }

    fn check_scale(&self) -> Result<(), KindError> {
        at_least("Grades", "steps", self.steps, 2)?;
        if !(self.low.is_finite() && self.high.is_finite() && self.low < self.high) {
            return Err(KindError::Scale { low: self.low, high: self.high });
        }
        Ok(())
    }
}

impl<C> sealed::Sealed for Grades<C> {}

impl Kind for Grades {
    const ANSWER: Answer = Answer::Grades;
    const LINK: Option<Link> = Some(Link::Softmax);

    fn units(&self) -> usize {
        self.steps
    }

    fn check(&self) -> Result<(), KindError> {
        self.check_scale()
    }
}

impl Kind for Grades<Coral> {
    const ANSWER: Answer = Answer::Grades;
    const LINK: Option<Link> = Some(Link::CumulativeSigmoid);

    fn units(&self) -> usize {
        self.steps.saturating_sub(1)
    }

    fn weight_columns(&self) -> usize {
        1
    }

    fn check(&self) -> Result<(), KindError> {
        self.check_scale()
    }
}

impl Kind for Grades<Corn> {
    const ANSWER: Answer = Answer::Grades;
    const LINK: Option<Link> = Some(Link::ConditionalSigmoid);

    fn units(&self) -> usize {
        self.steps.saturating_sub(1)
    }

    fn check(&self) -> Result<(), KindError> {
        self.check_scale()
    }
}

fn at_least(kind: &'static str, what: &'static str, found: usize, least: usize) -> Result<(), KindError> {
    if found < least {
        return Err(KindError::TooFew { kind, what, found, least });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_from_the_kind() {
        assert_eq!(Classes::new(10).units(), 10);
        assert_eq!(YesNo.units(), 1);
        assert_eq!(Labels::new(3).units(), 3);
        assert_eq!(Values::new(2).units(), 2);
        assert_eq!(Values::gaussian(2).units(), 4);
        assert_eq!(Values::quantiles(2, &[0.1, 0.5, 0.9]).units(), 6);
        assert_eq!(Grades::new(0.0, 5.0, 6).units(), 6);
        assert_eq!(Grades::coral(0.0, 5.0, 6).units(), 5);
        assert_eq!(Grades::coral(0.0, 5.0, 6).weight_columns(), 1);
        assert_eq!(Grades::corn(0.0, 5.0, 6).weight_columns(), 5);
    }

    #[test]
    fn impossible_kinds_are_named() {
        let text = |result: Result<(), KindError>| result.unwrap_err().to_string();
        assert!(text(Classes::new(1).check()).contains("always 1"));
        assert!(text(Classes::new(0).check()).contains("at least 2"));
        assert!(text(Labels::new(0).check()).contains("at least 1"));
        assert!(text(Grades::new(5.0, 5.0, 6).check()).contains("low 5 and high 5"));
        assert!(text(Grades::new(0.0, 5.0, 1).check()).contains("at least 2"));
        assert!(text(Values::quantiles(1, &[0.5, 0.1]).check()).contains("[0.5, 0.1]"));
        assert!(text(Values::quantiles(1, &[0.0, 0.5]).check()).contains("[0.0, 0.5]"));
    }
}
