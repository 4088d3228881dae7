//! What can be wrong with a kind, a shape, a target or an option, as error values.

use thiserror::Error;

/// A kind of answer that cannot exist as described.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum KindError {
    /// A softmax over one unit is always 1, whatever the network computes.
    #[error(
        "`Classes` of 1: a softmax over one unit is always 1, so nothing could be learned; use `YesNo` for one \
         yes-or-no question (one unit, binary cross entropy), or `Classes::new(2)`"
    )]
    SoftmaxOverOneUnit,
    /// Fewer units than the kind needs.
    #[error("`{kind}` needs at least {least} {what}, found {found}")]
    TooFew {
        /// The kind's name.
        kind: &'static str,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        least: usize,
    },
    /// A scale without extent.
    #[error("`Grades` need a finite low below a finite high, found low {low} and high {high}")]
    Scale {
        /// The value of the first step.
        low: f64,
        /// The value of the last step.
        high: f64,
    },
    /// Quantile levels that are none.
    #[error("quantile levels must be one or more numbers between 0 and 1, ascending; found {levels:?}")]
    QuantileLevels {
        /// The levels given.
        levels: Vec<f64>,
    },
}

/// A head that cannot be built, or logits that do not have the shape of their kind.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum HeadError {
    /// The kind itself cannot exist.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// A head without input features.
    #[error("a head needs at least one input feature, found 0")]
    NoFeatures,
    /// Counts for another number of classes or labels.
    #[error(
        "{found} counts were given for a head of {units} units; give one count per class, in their order"
    )]
    Counts {
        /// How many counts were given.
        found: usize,
        /// Units of the head.
        units: usize,
    },
    /// Thresholds for another number of labels.
    #[error(
        "{found} thresholds were given for a head of {units} units; give one threshold per unit, in their order"
    )]
    Thresholds {
        /// How many thresholds were given.
        found: usize,
        /// Units of the head.
        units: usize,
    },
    /// Counts from which no prior follows.
    #[error("no prior follows from the counts: {reason}")]
    Prior {
        /// What is wrong with them.
        reason: String,
    },
    /// A tensor whose class axis has another size than the kind has units.
    #[error(
        "logits of {kind} have {units} units on axis 1, but the tensor has shape {found:?}; \
         the class axis comes right after the batch axis: [N, K] or [N, K, d…]"
    )]
    Units {
        /// The kind, as text.
        kind: String,
        /// Units of the kind.
        units: usize,
        /// Shape of the tensor.
        found: Vec<usize>,
    },
}

/// A loss that cannot be computed from what it was given, or an option that does not fit.
///
/// Positions are written as the index into the targets, batch first: `[17]`, or `[3, 120, 64]` on a map.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LossError {
    /// Targets whose shape does not follow from the logits' shape.
    #[error(
        "targets of shape {expected:?} go with logits of shape {logits:?}, found {found:?}; nothing is broadcast"
    )]
    TargetShape {
        /// Shape of the logits.
        logits: Vec<usize>,
        /// Shape that the targets must have.
        expected: Vec<usize>,
        /// Shape that they have.
        found: Vec<usize>,
    },
    /// A class index outside the classes.
    #[error(
        "the target at {at:?} is {value}, but the {classes} classes are numbered 0 to {last}{hint}",
        last = classes - 1
    )]
    ClassOutOfRange {
        /// Where.
        at: Vec<usize>,
        /// The value found.
        value: i64,
        /// Number of classes.
        classes: usize,
        /// What it probably is, or nothing.
        hint: &'static str,
    },
    /// A distribution over the classes that does not sum to one, or has a negative entry.
    #[error(
        "the target distribution at {at:?} sums to {sum} with least entry {least}; probabilities are not negative and \
         sum to 1 (within {tolerance})"
    )]
    NotADistribution {
        /// Where, without the class axis.
        at: Vec<usize>,
        /// The sum over the classes.
        sum: f64,
        /// The smallest entry.
        least: f64,
        /// The tolerance on the sum.
        tolerance: f64,
    },
    /// A target outside the range that the loss is defined on, or not a number.
    #[error("the target at {at:?} is {value}; it must lie in [{low}, {high}]{hint}")]
    TargetOutOfRange {
        /// Where.
        at: Vec<usize>,
        /// The value found.
        value: f64,
        /// Least value allowed.
        low: f64,
        /// Largest value allowed.
        high: f64,
        /// What to do, or nothing.
        hint: &'static str,
    },
    /// A target that is not a finite number.
    #[error("the target at {at:?} is {value}; leave such rows out, or fill them in, before training")]
    TargetNotFinite {
        /// Where.
        at: Vec<usize>,
        /// The value found.
        value: f64,
    },
    /// An option of the wrong length.
    #[error("`{option}` has {found} entries, but the head has {expected} {of}")]
    OptionLength {
        /// The option's name.
        option: &'static str,
        /// Entries needed.
        expected: usize,
        /// Entries found.
        found: usize,
        /// What they are counted by.
        of: &'static str,
    },
    /// An option outside its range.
    #[error("`{option}` is {value}; it must be {range}")]
    OptionRange {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: f64,
        /// What it may be, in words.
        range: &'static str,
    },
    /// Options that do not go together.
    #[error("{what}")]
    OptionConflict {
        /// Which, and what to do.
        what: &'static str,
    },
    /// The targets could not be read from the device.
    #[error("the targets could not be read from the device: {reason}")]
    Device {
        /// What the device said.
        reason: String,
    },
}
