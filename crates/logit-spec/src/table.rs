//! The one table of which units, activations, losses and targets go together, and the one of how a
//! model file may end. Each goes from bad to good; the first row that speaks of a pairing counts.

use crate::activation::Activation;
use crate::activation::Output::{
    self, Bent, Floored, LogSimplex, LogUnitInterval, Raw, Simplex, Squashed, UnitInterval,
};
use crate::loss::Expects::{LogProbabilities, Logits, Probabilities, RealValues};
use crate::loss::Loss;
use crate::loss::Reading::{Classes, ClassesOrEach, Cumulative, Each, Steps, Values};
use crate::pattern::{ANY, Row, advice, error, fine, unknown, warning};
use crate::rule::Rule;
use crate::target::TargetForm::{
    self, Binary, Bounded, Distribution, Index, MultiHot, OneHot, OrderedSteps, Real,
};
use crate::units::Units::{One, Several};

const ACTIVATED: &[Output] = &[Simplex, LogSimplex, UnitInterval, LogUnitInterval, Squashed, Floored, Bent];
const NUMBERS: &[TargetForm] = &[Real, Bounded, OrderedSteps];

const SOFTMAX_OVER_ONE_UNIT: Row = error(
    Rule::SoftmaxOverOneUnit,
    ANY.units(&[One]).gives(&[Simplex, LogSimplex]),
    "Softmax divides each unit by the sum over all units. With a single unit that is always 1 (its \
     logarithm 0), whatever the network learns.",
    "For yes or no: one unit, no activation, `BCEWithLogitsLoss`. For a number: one unit, no activation, \
     `MSELoss`. For K classes: K units.",
);
const NORMALISED_TWICE: Row = error(
    Rule::NormalisedTwice,
    ANY.before(&[Simplex, UnitInterval]).gives(&[Simplex, LogSimplex, UnitInterval, LogUnitInterval]),
    "{before} has made probabilities already; {activation} on top of them presses them together, so that \
     the network can never be sure.",
    "Remove {before} and keep one of the two at most.",
);
const STACKED_ACTIVATIONS: Row = warning(
    Rule::StackedActivations,
    ANY.before(ACTIVATED).gives(ACTIVATED),
    "{before} and {activation} follow each other without a layer between them: the first takes away part \
     of what the second needs.",
    "Remove {before} after the last layer.",
);

pub(crate) static PAIRINGS: &[Row] = &[
    // The number of units.
    SOFTMAX_OVER_ONE_UNIT,
    error(
        Rule::SoftmaxOverOneUnit,
        ANY.units(&[One]).reads(&[Classes, Steps]),
        "{loss} lets the units compete by a softmax. A single unit has no rival, so there is nothing to \
         learn.",
        "For yes or no use `BCEWithLogitsLoss` on the raw output. For K classes or steps give the last \
         layer K units.",
    ),
    error(
        Rule::UnitsDoNotMatchClasses,
        ANY.units(&[One]).targets(&[OneHot, MultiHot, Distribution]).reads(&[Each, ClassesOrEach, Values]),
        "The targets are {target}, K values each, and the network has one unit.",
        "Give the last layer K units, one for each class or label.",
    ),
    error(
        Rule::UnitsDoNotMatchClasses,
        ANY.units(&[One]).targets(&[Index, OrderedSteps]).reads(&[Each, ClassesOrEach]),
        "The targets number several classes, and one unit can answer only yes or no.",
        "Give the last layer K units and use `CrossEntropyLoss`. If there are two classes, make the \
         targets 0 and 1.",
    ),
    // Losses that take no logarithm themselves.
    error(
        Rule::NotLogProbabilities,
        ANY.gives(&[Simplex]).expects(&[LogProbabilities]),
        "{loss} expects log-probabilities and takes no logarithm itself. On the probabilities of a softmax \
         it is only −p: a confident mistake costs hardly more than a doubt.",
        "Use `LogSoftmax` (`F.log_softmax(x, dim=1)`) in place of {activation}; or remove it and use \
         `CrossEntropyLoss`.",
    ),
    error(
        Rule::NotLogProbabilities,
        ANY.gives(&[UnitInterval]).expects(&[LogProbabilities]),
        "{loss} expects log-probabilities of classes that compete. On a {activation} it is minus the right \
         unit alone: nothing presses the other units down, and all of them rise to 1.",
        "Remove the {activation} and use `CrossEntropyLoss`; or put `LogSoftmax(dim=1)` in its place.",
    ),
    error(
        Rule::NotLogProbabilities,
        ANY.gives(&[Raw]).expects(&[LogProbabilities]),
        "{loss} expects log-probabilities. On raw outputs it is −z, which falls without end as the outputs \
         grow.",
        "Keep the raw outputs and use `CrossEntropyLoss`; or put `LogSoftmax(dim=1)` after the last layer.",
    ),
    error(
        Rule::NotLogProbabilities,
        ANY.gives(&[LogUnitInterval, Squashed, Floored, Bent]).expects(&[LogProbabilities]),
        "{loss} expects log-probabilities of classes that compete. What {activation} gives are not: their \
         exponentials do not sum to one over the units.",
        "Remove it and use `CrossEntropyLoss`; or put `LogSoftmax(dim=1)` in its place.",
    ),
    // Losses on probabilities.
    error(
        Rule::SigmoidWithCategoricalLoss,
        ANY.gives(&[UnitInterval]).expects(&[Probabilities]).reads(&[Classes]),
        "{loss} expects probabilities of classes that compete and sum to one. Each sigmoid stands alone.",
        "One of K classes: no activation, and the loss on logits (`CrossEntropyLoss`, Keras \
         `from_logits=True`). Any of K labels: binary cross entropy.",
    ),
    error(
        Rule::NotProbabilities,
        ANY.gives(&[Raw]).expects(&[Probabilities]),
        "{loss} expects probabilities from 0 to 1. Raw outputs may be negative or above 1.",
        "Keep the raw outputs and use the loss on logits (`BCEWithLogitsLoss`, `CrossEntropyLoss`, Keras \
         `from_logits=True`); or end in {wanted}.",
    ),
    error(
        Rule::NotProbabilities,
        ANY.gives(&[LogSimplex, LogUnitInterval, Squashed, Floored, Bent]).expects(&[Probabilities]),
        "{loss} expects probabilities from 0 to 1. What {activation} gives are none.",
        "Remove it and use the loss on logits (`BCEWithLogitsLoss`, `CrossEntropyLoss`, Keras \
         `from_logits=True`); or end in {wanted}.",
    ),
    // Losses on logits.
    error(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[Simplex]).expects(&[Logits]).reads(&[Classes, Steps]),
        "{loss} applies its own softmax. On the probabilities of another softmax it sees differences of 1 \
         at most, so it can never be sure and learns slowly.",
        "Remove the softmax: give the raw outputs of the last layer to the loss, and apply softmax only to \
         read probabilities.",
    ),
    error(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[UnitInterval]).expects(&[Logits]).reads(&[Classes, Steps]),
        "{loss} applies its own softmax. A {activation} before it presses the logits into 0 to 1: the \
         softmax can never be sure, and where the {activation} saturates no gradient is left.",
        "Remove the {activation}: the raw outputs of the last layer are the logits. Apply softmax only to \
         read probabilities.",
    ),
    error(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[UnitInterval]).expects(&[Logits]).reads(&[Each, Cumulative]),
        "{loss} applies its own sigmoid. On a {activation} the probabilities lie between 0.5 and 0.73 \
         only: the network can never say no.",
        "Remove the {activation}: give the raw outputs to the loss, and apply sigmoid only to read \
         probabilities.",
    ),
    error(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[LogSimplex]).expects(&[Logits]).reads(&[Each, Cumulative]),
        "{loss} applies its own sigmoid to each unit. Log-softmax gives no number above 0, so no \
         probability can pass ½.",
        "Remove the log-softmax and give the raw outputs to the loss.",
    ),
    error(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[LogSimplex]).expects(&[Logits]).reads(&[ClassesOrEach]).targets(&[Binary, MultiHot]),
        "On {target} {loss} applies its own sigmoid to each unit. Log-softmax gives no number above 0, so \
         no probability can pass ½.",
        "Remove the log-softmax and give the raw outputs to the loss.",
    ),
    error(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[Simplex, UnitInterval, LogUnitInterval]).expects(&[Logits]),
        "{loss} applies its own {own}. {activation} has been applied already, and what comes out are no \
         longer probabilities of anything.",
        "Remove it: give the raw outputs to the loss, and apply {own} only to read probabilities.",
    ),
    error(
        Rule::HiddenActivationAtHead,
        ANY.gives(&[Squashed, Floored]).expects(&[Logits]),
        "{loss} expects logits, which may be any number. {activation} cuts part of them off, and where it \
         is flat no gradient is left.",
        "Remove it after the last layer; such activations belong between layers.",
    ),
    // Probabilities made twice on the way to the loss.
    NORMALISED_TWICE,
    // The form of the targets.
    error(
        Rule::SoftmaxOnSeveralLabels,
        ANY.gives(&[Simplex, LogSimplex]).targets(&[MultiHot]),
        "The probabilities of {activation} sum to one, and the targets are {target}: two labels can never \
         both be certain, nor none.",
        "No activation, and `BCEWithLogitsLoss`: each label is then its own yes or no.",
    ),
    error(
        Rule::SoftmaxOnSeveralLabels,
        ANY.reads(&[Classes]).targets(&[MultiHot]),
        "{loss} is for one class a row, and the targets are {target}.",
        "Use `BCEWithLogitsLoss` on the raw outputs: each label is then its own yes or no.",
    ),
    error(
        Rule::SparseOrCategorical,
        ANY.losses(&[Loss::CategoricalOnLogits, Loss::CategoricalOnProbabilities]).targets(&[Index, Binary]),
        "{loss} expects K values a row (one-hot), and the targets are {target}.",
        "Use `SparseCategoricalCrossentropy`, which takes class numbers.",
    ),
    error(
        Rule::SparseOrCategorical,
        ANY.losses(&[Loss::SparseOnLogits, Loss::SparseOnProbabilities]).targets(&[OneHot, Distribution]),
        "{loss} expects one class number a row, and the targets are {target}.",
        "Use `CategoricalCrossentropy`, which takes rows of K values.",
    ),
    error(
        Rule::ClassLossOnContinuousTarget,
        ANY.reads(&[Classes]).targets(&[Real, Bounded]),
        "{loss} is for classes without order, and the targets are {target}: 2.33 is no class, and 2 is \
         nearer to it than 5.",
        "One unit, no activation and `MSELoss`; or, for a grade between two ends, K steps with the \
         interpolated KL of Logit.",
    ),
    error(
        Rule::ClassLossOnContinuousTarget,
        ANY.reads(&[Each]).targets(&[Real, Bounded]).out_of_reach(),
        "{loss} compares probabilities from 0 to 1, and the targets lie in {target_range}.",
        "One unit for each number, no activation and `MSELoss`; or bring the targets into 0 to 1.",
    ),
    error(
        Rule::TargetBeyondOutput,
        ANY.reads(&[Values]).targets(NUMBERS).out_of_reach(),
        "The targets lie in {target_range}, and {activation} gives only {reach}.",
        "Remove the {activation}: a linear unit reaches every number. Or bring the targets into {reach}.",
    ),
    error(
        Rule::TargetDoesNotFitLoss,
        ANY.units(&[Several]).reads(&[Each]).targets(&[Binary]),
        "{loss} expects a 0 or 1 for each of the units, and a row of the targets has only one.",
        "For yes or no give the last layer one unit. For K labels give K zeros and ones a row.",
    ),
    error(
        Rule::TargetDoesNotFitLoss,
        ANY.units(&[Several]).gives(&[UnitInterval]).reads(&[ClassesOrEach]).targets(&[Binary]),
        "Each unit ends in its own {activation}, and a row of the targets has only one 0 or 1 for all of \
         them.",
        "For yes or no give the last layer one unit. For K labels give K zeros and ones a row.",
    ),
    error(
        Rule::TargetDoesNotFitLoss,
        ANY.units(&[Several]).losses(&[Loss::Squared, Loss::Absolute, Loss::Huber]).targets(&[Index, Binary]),
        "{loss} compares every unit with a value of its own, and a row of the targets has only one: \
         broadcast, it compares wrong pairs.",
        "For K classes use `CrossEntropyLoss` on the raw outputs, which takes class numbers.",
    ),
    error(
        Rule::TargetDoesNotFitLoss,
        ANY.refused(),
        "{loss} takes {accepted}. The targets are {target}.",
        "Change the form of the targets, or take the loss that `logit heads` names for them.",
    ),
    // It trains, and very likely not what is wanted.
    warning(
        Rule::SoftmaxWithBinaryLoss,
        ANY.gives(&[Simplex]).expects(&[Probabilities]).reads(&[Each]),
        "{loss} judges each unit alone, and softmax makes the units compete: what one class takes from \
         another is counted on both sides.",
        "One of K classes: no activation and `CrossEntropyLoss`. Any of K labels: no activation and \
         `BCEWithLogitsLoss`.",
    ),
    warning(
        Rule::BinaryLossOnExclusiveClasses,
        ANY.reads(&[Each]).targets(&[OneHot, Distribution]),
        "The targets are {target}, so exactly one class is right. {loss} judges each class alone and does \
         not know that.",
        "Use `CrossEntropyLoss` on the raw outputs. If a row may have several labels, or none, this is \
         right as it is.",
    ),
    warning(
        Rule::BinaryLossOnExclusiveClasses,
        ANY.gives(&[UnitInterval]).reads(&[ClassesOrEach]).targets(&[
            Index,
            OneHot,
            Distribution,
            OrderedSteps,
        ]),
        "The targets are {target}, so exactly one class is right. Each {activation} stands alone and does \
         not know that.",
        "Let the classes compete: softmax over the units in place of the {activation}.",
    ),
    warning(
        Rule::RegressionLossOnClasses,
        ANY.gives(&[Simplex, LogSimplex]).reads(&[Values]),
        "{loss} is for numbers, and {activation} gives probabilities of classes: where they are wrong and \
         certain its gradient vanishes.",
        "For classes: no activation and `CrossEntropyLoss`. For numbers: no activation and `MSELoss`.",
    ),
    warning(
        Rule::RegressionLossOnClasses,
        ANY.reads(&[Values]).targets(&[Index, OneHot, MultiHot, Distribution, Binary]),
        "{loss} is for numbers, and the targets are {target}: a class is no quantity, and distance from it \
         says little.",
        "On raw outputs: one of K classes `CrossEntropyLoss`; yes or no, or any of K labels, \
         `BCEWithLogitsLoss`.",
    ),
    warning(
        Rule::HiddenActivationAtHead,
        ANY.gives(&[Bent]).expects(&[Logits]),
        "{loss} expects logits. {activation} only gives those below zero another slope: a confident no \
         becomes a weak one.",
        "Remove it after the last layer; such activations belong between layers.",
    ),
    warning(
        Rule::FlatOrSaturatedLogits,
        ANY.activations(&[Activation::HardSigmoid]).expects(&[Probabilities]),
        "The hard sigmoid is flat beyond its two corners: a mistake there has no gradient and is never \
         mended.",
        "No activation, and the loss on logits (`BCEWithLogitsLoss`, Keras `from_logits=True`).",
    ),
    STACKED_ACTIVATIONS,
    // Right, and could be better.
    advice(
        Rule::ActivationBeforeLogitsLoss,
        ANY.gives(&[LogSimplex]).expects(&[Logits]),
        "{loss} applies its own softmax, and a softmax of log-softmax is the same softmax: it does no harm \
         and costs a pass over the logits.",
        "Remove the log-softmax.",
    ),
    advice(
        Rule::ClassLossOnContinuousTarget,
        ANY.reads(&[Classes, ClassesOrEach]).targets(&[OrderedSteps]),
        "The targets are steps with an order, and {loss} does not know it: the next step is as wrong to it \
         as the farthest.",
        "Use a head for grades (interpolated KL, CORAL or CORN on raw outputs), or one linear unit with \
         `MSELoss`.",
    ),
    // Right.
    fine(
        ANY.gives(&[Raw]).expects(&[Logits]).reads(&[Classes]),
        "The raw outputs are the logits that {loss} expects: it applies its own softmax, exactly and \
         without overflow.",
    ),
    fine(
        ANY.gives(&[Raw]).expects(&[Logits]).reads(&[Each]),
        "The raw outputs are the logits that {loss} expects: it applies its own sigmoid to each, exactly \
         and without overflow.",
    ),
    fine(
        ANY.gives(&[Raw]).expects(&[Logits]).reads(&[ClassesOrEach]),
        "The raw outputs are the logits that {loss} expects: it applies its own softmax to classes, its \
         own sigmoid to labels.",
    ),
    fine(
        ANY.gives(&[Raw]).expects(&[Logits]).reads(&[Steps]),
        "The raw outputs are the logits that {loss} expects: it applies its own softmax over the steps, \
         and their expected value is the grade.",
    ),
    fine(
        ANY.gives(&[Raw]).expects(&[Logits]).reads(&[Cumulative]),
        "The raw outputs are the logits that {loss} expects: each asks, by its own sigmoid, whether the \
         grade lies above a step.",
    ),
    fine(
        ANY.gives(&[LogSimplex]).expects(&[LogProbabilities]),
        "Log-softmax gives the log-probabilities that {loss} expects.",
    ),
    fine(
        ANY.gives(&[Simplex]).expects(&[Probabilities]).reads(&[Classes, ClassesOrEach]),
        "Softmax gives the probabilities that {loss} expects. The same loss on logits would be steadier \
         where they are near 0.",
    ),
    fine(
        ANY.gives(&[UnitInterval]).expects(&[Probabilities]).reads(&[Each, ClassesOrEach]),
        "Sigmoid gives each unit the probability that {loss} expects. The same loss on logits would be \
         steadier where it is near 0 or 1.",
    ),
    fine(
        ANY.gives(&[Raw]).expects(&[RealValues]),
        "A linear unit reaches every number, and {loss} compares numbers.",
    ),
    fine(
        ANY.expects(&[RealValues]).targets(NUMBERS).within_reach(),
        "{loss} compares numbers, and the targets, which lie in {target_range}, are within what \
         {activation} gives: {reach}.",
    ),
];

pub(crate) static MODEL_FILES: &[Row] = &[
    SOFTMAX_OVER_ONE_UNIT,
    NORMALISED_TWICE,
    STACKED_ACTIVATIONS,
    advice(
        Rule::ProbabilitiesBakedIn,
        ANY.gives(&[Simplex, LogSimplex, UnitInterval, LogUnitInterval]),
        "The model ends in {activation}, so its logits are not among its outputs: no loss, temperature or \
         threshold can be applied to them.",
        "`logit onnx expose` gives the logits beside it.",
    ),
    unknown(
        ANY.gives(&[Squashed, Floored, Bent]),
        "The model ends in {activation}. Whether that is right depends on the loss it was trained with, \
         which a model file does not hold.",
    ),
    fine(ANY.gives(&[Raw]), "The model ends in its last layer: its outputs are logits, or values."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;

    #[test]
    fn tables_go_from_bad_to_good() {
        for table in [PAIRINGS, MODEL_FILES] {
            assert!(table.is_sorted_by(|before, after| before.level >= after.level));
        }
    }

    #[test]
    fn faults_have_a_rule_and_a_fix_and_what_is_right_has_none() {
        for row in PAIRINGS.iter().chain(MODEL_FILES) {
            let fault = row.level > Level::Unknown;
            assert_eq!(row.rule.is_some(), fault, "{}", row.reason);
            assert_eq!(!row.fix.is_empty(), fault, "{}", row.reason);
        }
    }

    #[test]
    fn texts_are_one_to_three_short_sentences() {
        for text in PAIRINGS.iter().chain(MODEL_FILES).flat_map(|row| [row.reason, row.fix]) {
            assert!(text.len() <= 220, "{text}");
            assert!(text.is_empty() || text.ends_with('.'), "{text}");
        }
    }
}
