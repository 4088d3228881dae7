//! The rules that an output layer is checked by.

use serde::Serialize;

use crate::catalogue::{catalogue, same_name};
use crate::level::Level::{self, Advice, Error, Warning};
use Evidence::{Logits, Source, Targets, Training};

/// What a check must see to judge by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The source of the program, or the graph of a model file.
    Source,
    /// The targets of the data.
    Targets,
    /// The logits of a batch.
    Logits,
    /// A few steps of training.
    Training,
}

impl Evidence {
    /// Its letter in tables: S, T, L or R (a run).
    pub fn letter(self) -> char {
        match self {
            Source => 'S',
            Targets => 'T',
            Logits => 'L',
            Training => 'R',
        }
    }
}

/// What is known of a [`Rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleFacts {
    /// Its number, from 1.
    pub number: u8,
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// The fault in a few words.
    pub title: &'static str,
    /// The kinds of evidence by which the fault shows.
    pub evidence: &'static [Evidence],
    /// How much the fault matters as a rule. A single finding may matter more or less.
    pub level: Level,
}

/// The catalogue of rules, whose titles are also the documentation of the variants.
macro_rules! rules {
    ($($number:literal $variant:ident $name:literal $level:ident [$($evidence:ident),*] $title:literal)*) => {
        catalogue! {
            /// A rule, named after the fault that breaks it.
            pub enum Rule: RuleFacts {
                $(
                    #[doc = concat!("Rule ", $number, ": ", $title, ".")]
                    $variant = RuleFacts {
                        number: $number, name: $name, title: $title, evidence: &[$($evidence),*], level: $level,
                    }
                ),*
            }
        }
    };
}

rules! {
    1 SoftmaxOverOneUnit "softmax-over-one-unit" Error [Source]
        "softmax over a single unit is always 1"
    2 ActivationBeforeLogitsLoss "activation-before-logits-loss" Error [Source, Logits]
        "softmax or sigmoid before a loss that applies its own"
    3 NotLogProbabilities "not-log-probabilities" Error [Source, Logits]
        "a loss on log-probabilities is given something else"
    4 NotProbabilities "not-probabilities" Error [Source, Logits]
        "a loss on probabilities is given something else"
    5 SigmoidWithCategoricalLoss "sigmoid-with-categorical-loss" Error [Source]
        "sigmoids, each on its own, before a loss over competing classes"
    6 BinaryLossOnExclusiveClasses "binary-loss-on-exclusive-classes" Warning [Targets]
        "sigmoids trained on classes of which exactly one is right"
    7 SoftmaxOnSeveralLabels "softmax-on-several-labels" Error [Targets]
        "softmax trained on rows with no label or several"
    8 SoftmaxWithBinaryLoss "softmax-with-binary-loss" Warning [Source]
        "softmax before a loss that judges each unit alone"
    9 RegressionLossOnClasses "regression-loss-on-classes" Warning [Source, Targets]
        "a loss for numbers on classes or probabilities"
    10 ClassLossOnContinuousTarget "class-loss-on-continuous-target" Error [Source, Targets]
        "a loss for classes on a continuous or ordered target"
    11 HiddenActivationAtHead "hidden-activation-at-head" Error [Source, Logits]
        "an activation for hidden layers before a loss on logits"
    12 TargetBeyondOutput "target-beyond-output" Error [Targets]
        "targets that the last activation cannot reach"
    13 UnitsDoNotMatchClasses "units-do-not-match-classes" Error [Targets]
        "labels that do not number the units from 0"
    14 TargetDoesNotFitLoss "target-does-not-fit-loss" Error [Source, Targets]
        "targets of a shape or type that the loss does not take"
    15 SparseOrCategorical "sparse-or-categorical" Error [Source, Targets]
        "class numbers for a loss on rows, or rows for a loss on class numbers"
    16 ClassImbalance "class-imbalance" Warning [Targets]
        "one class ten times as frequent as another, or weights that do not fit the classes"
    17 WeightForPosWeight "weight-for-pos-weight" Advice [Source]
        "`weight` where `pos_weight` is meant"
    18 AllTargetsIgnored "all-targets-ignored" Error [Targets]
        "every target of a batch is ignored, or the ignored value is a class"
    19 PaddingInMean "padding-in-mean" Warning [Source]
        "padding counts in the mean of the loss"
    20 SummedLoss "summed-loss" Warning [Source, Training]
        "the loss is summed, so the step grows with the batch"
    21 OddFirstLoss "odd-first-loss" Warning [Logits]
        "the first loss is far from that of a guess"
    22 FlatOrSaturatedLogits "flat-or-saturated-logits" Warning [Logits, Training]
        "outputs that are all alike, or stuck at an end"
    23 ZeroGradientAtHead "zero-gradient-at-head" Error [Training]
        "no gradient arrives at the last layer"
    24 SoftmaxAxis "softmax-axis" Error [Source, Logits]
        "softmax over an axis that is not the units', or over none named"
    25 ShuffledApart "shuffled-apart" Warning [Training]
        "inputs and labels do not belong together"
    26 ThresholdOnLogits "threshold-on-logits" Error [Source]
        "a threshold for probabilities used on logits"
    27 UnfitAccuracy "unfit-accuracy" Warning [Source]
        "an accuracy that counts something else than right answers"
    28 SmoothingWithWeights "smoothing-with-weights" Advice [Source]
        "label smoothing with class weights or ignored targets, where frameworks differ"
    29 HeadBiasFarFromPrior "head-bias-far-from-prior" Advice [Targets]
        "the last bias starts far from the log frequencies of unbalanced classes"
    30 Miscalibrated "miscalibrated" Advice [Logits]
        "probabilities that are not the frequencies of being right"
    31 LargeVocabulary "large-vocabulary" Advice [Source]
        "logits of very many classes fill the memory"
    32 HalfPrecisionOverflow "half-precision-overflow" Warning [Logits]
        "logits beyond what half precision can hold"
    33 ProbabilitiesBakedIn "probabilities-baked-in" Advice [Source]
        "a model file ends in a softmax or sigmoid and hides its logits"
    34 NormalisedTwice "normalised-twice" Error [Source]
        "outputs made into probabilities twice"
    35 StackedActivations "stacked-activations" Warning [Source]
        "two activations in a row at the end of the network"
    36 AttributeIsNone "attribute-is-none" Error [Source]
        "a layer assigned from a call that returns None"
    37 UnfitPooling "unfit-pooling" Error [Source]
        "a pooling that averages where a sum is meant, or that the framework does not have"
    38 TrainingModeMixedUp "training-mode-mixed-up" Warning [Source]
        "measured in training mode, or a second pass taken for the training pass"
    39 UnseenTestLabel "unseen-test-label" Warning [Targets]
        "a label in the test set that training never saw"
    40 ActivationOutsideModel "activation-outside-model" Error [Source]
        "softmax or sigmoid between model and loss, in another function or file"
}

impl Rule {
    /// Its number, from 1.
    pub fn number(self) -> u8 {
        self.facts().number
    }

    /// The rule of that name or number; case, hyphens and underscores do not count.
    ///
    /// ```
    /// use logit_spec::Rule;
    /// assert_eq!(Rule::parse("softmax-over-one-unit"), Some(Rule::SoftmaxOverOneUnit));
    /// assert_eq!(Rule::parse("1"), Some(Rule::SoftmaxOverOneUnit));
    /// assert_eq!(Rule::parse("41"), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|rule| same_name(rule.name(), name) || rule.number().to_string() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules() {
        let lines: Vec<_> = Rule::ALL
            .iter()
            .map(|rule| {
                let RuleFacts { number, name, title, evidence, level } = rule.facts();
                let letters: String = evidence.iter().map(|evidence| evidence.letter()).collect();
                format!("{number:>2} {level:<7} {letters:<2} {name}: {title}")
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn names_and_numbers_mean_one_rule() {
        for (&rule, number) in Rule::ALL.iter().zip(1..) {
            assert_eq!(rule.number(), number);
            assert_eq!(Rule::parse(rule.name()), Some(rule));
            assert_eq!(Rule::parse(&number.to_string()), Some(rule));
            assert!(!rule.facts().evidence.is_empty());
        }
        assert_eq!(Rule::ALL.len(), 40);
    }
}
