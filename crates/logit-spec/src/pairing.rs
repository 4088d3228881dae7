//! The parts that have to go together: units, activations, loss and targets.

use serde::Serialize;

use crate::activation::Activation;
use crate::loss::{Loss, Reading};
use crate::pattern::Known;
use crate::range::Range;
use crate::target::TargetForm;
use crate::units::Units;

/// The end of a network, its loss and its targets, as far as they are known: `None` is *not known*, and
/// [`judge`](crate::judge) takes it for nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pairing<'a> {
    /// How many units the last layer has.
    pub units: Option<Units>,
    /// The activations after the last layer with weights, in the order in which they are applied. Known to be
    /// none: an empty slice, or [`Activation::Linear`].
    pub activations: Option<&'a [Activation]>,
    /// The loss.
    pub loss: Option<Loss>,
    /// The form of the targets.
    pub target: Option<TargetForm>,
    /// From the least to the greatest target, where targets are numbers. For class numbers, rows of
    /// classes and the like it does not count.
    pub target_range: Option<Range>,
}

impl<'a> Pairing<'a> {
    /// A pairing of which all is known but the range of the targets.
    pub fn new(units: usize, activations: &'a [Activation], loss: Loss, target: TargetForm) -> Self {
        Self {
            units: Units::of(units),
            activations: Some(activations),
            loss: Some(loss),
            target: Some(target),
            target_range: None,
        }
    }

    /// The same with the range of the targets.
    #[must_use]
    pub fn with_target_range(self, range: Range) -> Self {
        Self { target_range: Some(range), ..self }
    }
}

/// A part of a pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The number of units.
    Units,
    /// The activation after the last layer.
    Activation,
    /// The loss.
    Loss,
    /// The form of the targets.
    Target,
    /// The range of the targets.
    TargetRange,
}

impl Part {
    /// The part in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Units => "the number of units",
            Self::Activation => "the last activation",
            Self::Loss => "the loss",
            Self::Target => "the form of the targets",
            Self::TargetRange => "the range of the targets",
        }
    }
}

impl Pairing<'_> {
    /// The pairing in the terms of the tables. Of a chain of activations the last two count; a linear
    /// one does nothing.
    pub(crate) fn known(&self) -> Known {
        let mut chain = self
            .activations
            .unwrap_or_default()
            .iter()
            .rev()
            .copied()
            .filter(|&activation| activation != Activation::Linear);
        let mut next = || self.activations.map(|_| chain.next().unwrap_or(Activation::Linear));
        let (last, before) = (next(), next());
        Known {
            units: self.units,
            before,
            last,
            loss: self.loss,
            target: self.target,
            reached: self.reach(last).and_then(|reach| self.reached(reach)),
        }
    }

    /// The range of what the loss compares with numbers: the output itself, or the probabilities made
    /// of it. Losses on steps bring grades onto their own scale, and losses on classes take no numbers.
    pub(crate) fn reach(&self, last: Option<Activation>) -> Option<Range> {
        match self.loss?.facts().reading {
            Reading::Values => Some(last?.facts().range),
            Reading::Each => Some(Range::UNIT),
            Reading::Classes | Reading::ClassesOrEach | Reading::Steps | Reading::Cumulative => {
                Some(Range::REAL)
            }
        }
    }

    fn reached(&self, reach: Range) -> Option<bool> {
        if reach == Range::REAL {
            return Some(true);
        }
        Some(reach.contains(self.target_range?))
    }

    /// The parts that are not known; the range only where the targets are numbers that might lie
    /// outside.
    pub(crate) fn unknown_parts(&self) -> Vec<Part> {
        let numbers =
            matches!(self.target, Some(TargetForm::Real | TargetForm::Bounded | TargetForm::OrderedSteps));
        [
            (Part::Units, self.units.is_none()),
            (Part::Activation, self.activations.is_none()),
            (Part::Loss, self.loss.is_none()),
            (Part::Target, self.target.is_none()),
            (Part::TargetRange, numbers && self.known().reached.is_none()),
        ]
        .into_iter()
        .filter_map(|(part, unknown)| unknown.then_some(part))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Known;

    fn known(activations: Option<&[Activation]>) -> Known {
        Pairing { activations, ..Pairing::default() }.known()
    }

    #[test]
    fn a_layer_without_units_is_not_known() {
        assert_eq!(Units::of(0), None);
        assert_eq!(Units::of(1), Some(Units::One));
        assert_eq!(Units::of(usize::MAX), Some(Units::Several));
    }

    #[test]
    fn the_last_two_activations_count_and_linear_ones_do_not() {
        let chain = [Activation::Relu, Activation::Tanh, Activation::Linear, Activation::Softmax];
        let known_chain = known(Some(&chain));
        assert_eq!(known_chain.before, Some(Activation::Tanh));
        assert_eq!(known_chain.last, Some(Activation::Softmax));
    }

    #[test]
    fn no_activation_is_known_to_be_linear_and_no_knowledge_is_none() {
        assert_eq!(known(Some(&[])).last, Some(Activation::Linear));
        assert_eq!(known(Some(&[])).before, Some(Activation::Linear));
        assert_eq!(known(None).last, None);
        assert_eq!(known(None).before, None);
    }

    #[test]
    fn the_range_is_missed_only_where_it_could_matter() {
        let pairing = Pairing::new(1, &[Activation::Sigmoid], Loss::Squared, TargetForm::Real);
        assert_eq!(pairing.unknown_parts(), [Part::TargetRange]);
        assert_eq!(Pairing { activations: Some(&[]), ..pairing }.unknown_parts(), []);
        assert_eq!(Pairing { loss: Some(Loss::Coral), ..pairing }.unknown_parts(), []);
        assert_eq!(pairing.with_target_range(Range::UNIT).unknown_parts(), []);
    }
}
