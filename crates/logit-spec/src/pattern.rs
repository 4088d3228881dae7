//! The rows of the tables of pairings, and how a pairing of which parts may be unknown meets them.

use crate::activation::{Activation, Output};
use crate::level::Level;
use crate::loss::{Expects, Loss, Reading};
use crate::rule::Rule;
use crate::target::TargetForm;
use crate::units::Units;

/// A row of a table: what is said of the pairings that a pattern describes.
///
/// `reason` and `fix` may hold placeholders for the parts that the pattern asks for; `fill` in the module
/// `judge` replaces them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) level: Level,
    pub(crate) rule: Option<Rule>,
    pub(crate) when: Pattern,
    pub(crate) reason: &'static str,
    pub(crate) fix: &'static str,
}

pub(crate) const fn error(rule: Rule, when: Pattern, reason: &'static str, fix: &'static str) -> Row {
    Row { level: Level::Error, rule: Some(rule), when, reason, fix }
}

pub(crate) const fn warning(rule: Rule, when: Pattern, reason: &'static str, fix: &'static str) -> Row {
    Row { level: Level::Warning, ..error(rule, when, reason, fix) }
}

pub(crate) const fn advice(rule: Rule, when: Pattern, reason: &'static str, fix: &'static str) -> Row {
    Row { level: Level::Advice, ..error(rule, when, reason, fix) }
}

pub(crate) const fn unknown(when: Pattern, reason: &'static str) -> Row {
    Row { level: Level::Unknown, rule: None, when, reason, fix: "" }
}

pub(crate) const fn fine(when: Pattern, reason: &'static str) -> Row {
    Row { level: Level::Fine, rule: None, when, reason, fix: "" }
}

/// Which pairings a row is about: for every part the values it may have, where none stands for any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    units: &'static [Units],
    before: &'static [Output],
    gives: &'static [Output],
    activations: &'static [Activation],
    expects: &'static [Expects],
    reads: &'static [Reading],
    losses: &'static [Loss],
    targets: &'static [TargetForm],
    accepted: &'static [bool],
    reached: &'static [bool],
}

/// The pattern of every pairing, to be narrowed.
pub(crate) const ANY: Pattern = Pattern {
    units: &[],
    before: &[],
    gives: &[],
    activations: &[],
    expects: &[],
    reads: &[],
    losses: &[],
    targets: &[],
    accepted: &[],
    reached: &[],
};

/// The ways to narrow a pattern.
impl Pattern {
    pub(crate) const fn units(self, units: &'static [Units]) -> Self {
        Self { units, ..self }
    }

    /// What the last activation but one gives.
    pub(crate) const fn before(self, before: &'static [Output]) -> Self {
        Self { before, ..self }
    }

    /// What the last activation gives.
    pub(crate) const fn gives(self, gives: &'static [Output]) -> Self {
        Self { gives, ..self }
    }

    pub(crate) const fn activations(self, activations: &'static [Activation]) -> Self {
        Self { activations, ..self }
    }

    pub(crate) const fn expects(self, expects: &'static [Expects]) -> Self {
        Self { expects, ..self }
    }

    pub(crate) const fn reads(self, reads: &'static [Reading]) -> Self {
        Self { reads, ..self }
    }

    pub(crate) const fn losses(self, losses: &'static [Loss]) -> Self {
        Self { losses, ..self }
    }

    pub(crate) const fn targets(self, targets: &'static [TargetForm]) -> Self {
        Self { targets, ..self }
    }

    /// The loss cannot be computed on the form of target.
    pub(crate) const fn refused(self) -> Self {
        Self { accepted: &[false], ..self }
    }

    /// Every target lies within what the output can be.
    pub(crate) const fn within_reach(self) -> Self {
        Self { reached: &[true], ..self }
    }

    /// Targets lie outside what the output can be.
    pub(crate) const fn out_of_reach(self) -> Self {
        Self { reached: &[false], ..self }
    }
}

/// What is known of a pairing, in the terms of patterns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) units: Option<Units>,
    pub(crate) before: Option<Activation>,
    pub(crate) last: Option<Activation>,
    pub(crate) loss: Option<Loss>,
    pub(crate) target: Option<TargetForm>,
    /// Whether every target lies in the range of the output that the loss compares it with.
    pub(crate) reached: Option<bool>,
}

/// Whether a pairing meets a pattern. `Maybe`: it depends on a part that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meets {
    No,
    Maybe,
    Yes,
}

impl Pattern {
    pub(crate) fn meets(&self, known: Known) -> Meets {
        let loss = known.loss.map(Loss::facts);
        let gives = |activation: Option<Activation>| activation.map(|known| known.facts().output);
        let accepted = loss.zip(known.target).map(|(loss, target)| loss.accepts.contains(&target));
        [
            among(self.units, known.units),
            among(self.before, gives(known.before)),
            among(self.gives, gives(known.last)),
            among(self.activations, known.last),
            among(self.expects, loss.map(|loss| loss.expects)),
            among(self.reads, loss.map(|loss| loss.reading)),
            among(self.losses, known.loss),
            among(self.targets, known.target),
            among(self.accepted, accepted),
            among(self.reached, known.reached),
        ]
        .into_iter()
        .fold(Meets::Yes, Ord::min)
    }
}

fn among<T: PartialEq>(values: &[T], known: Option<T>) -> Meets {
    match known {
        _ if values.is_empty() => Meets::Yes,
        None => Meets::Maybe,
        Some(value) if values.contains(&value) => Meets::Yes,
        Some(_) => Meets::No,
    }
}

/// What a table says of a pairing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    /// The row that speaks of it.
    Row(&'static Row),
    /// The row that would approve of it, were it certain that no row before it objects.
    Open(Option<&'static Row>),
}

/// The first row of a table, which goes from bad to good, that a pairing certainly meets. A row before
/// it that might be met cannot make an objection untrue, but it forbids to approve.
pub(crate) fn decide(table: &'static [Row], known: Known) -> Decision {
    let mut objection_possible = false;
    for row in table {
        match row.when.meets(known) {
            Meets::No => {}
            Meets::Maybe => objection_possible |= row.level > Level::Fine,
            Meets::Yes if row.level == Level::Fine && objection_possible => return Decision::Open(Some(row)),
            Meets::Yes => return Decision::Row(row),
        }
    }
    Decision::Open(None)
}
