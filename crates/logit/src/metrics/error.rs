//! What can be wrong with the numbers given to a metric.

/// Why a metric could not be made, updated or merged. Rows and columns are counted from 0, rows within the
/// batch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// A tensor that could not be read.
    #[error("the tensor could not be read from its device: {reason}")]
    Device {
        /// What the device said.
        reason: String,
    },
    /// A metric over no columns.
    #[error("a metric needs at least one class, label or output, and was made for none")]
    NoColumns,
    /// A confusion matrix that would not fit in memory.
    #[error(
        "a confusion matrix of {classes} classes is too large: at most {limit}; \
         use the top-k accuracy, which keeps one count a class"
    )]
    TooManyClasses {
        /// The classes asked for.
        classes: usize,
        /// The most that a matrix may have.
        limit: usize,
    },
    /// A number of bins that makes no sense.
    #[error("a reliability diagram of {bins} bins: it must have between 1 and {limit}")]
    Bins {
        /// The bins asked for.
        bins: usize,
        /// The most that a diagram may have.
        limit: usize,
    },
    /// A slice whose length does not fit the others.
    #[error(
        "{found} {what}, where {expected} were expected: the batch's slices must agree on rows and columns"
    )]
    Length {
        /// What the slice holds.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that the other slices ask for.
        expected: usize,
    },
    /// A slice that is not a whole number of rows.
    #[error("{found} {what} are not a whole number of rows of {columns}")]
    Rows {
        /// What the slice holds.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The numbers in a row.
        columns: usize,
    },
    /// A class index below 0, or not below the number of classes.
    #[error(
        "the {what} of row {row} is {value}, outside the {classes} classes, which count from 0; \
         if it marks rows to leave out, give it as `ignore_index`"
    )]
    ClassOutOfRange {
        /// `target` or `decision`.
        what: &'static str,
        /// The row.
        row: usize,
        /// The index found.
        value: i128,
        /// The number of classes.
        classes: usize,
    },
    /// A number that is not finite, or too large to be summed exactly.
    #[error("row {row}, column {column} is {value}: numbers must be finite and at most 2^448 in magnitude")]
    Number {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The number found.
        value: f64,
    },
    /// A number that is not a probability.
    #[error(
        "row {row}, column {column} is {value}, not a probability in [0, 1]; \
         if these are logits, apply a softmax or sigmoid, or use the functions for logits"
    )]
    Probability {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The number found.
        value: f64,
    },
    /// A row of class probabilities that do not sum to one.
    #[error(
        "the class probabilities of row {row} sum to {sum}, not 1: they may be a sigmoid's; \
         apply a softmax to the logits, or treat the columns as labels"
    )]
    Distribution {
        /// The row.
        row: usize,
        /// Their sum.
        sum: f64,
    },
    /// An F-beta with a weight that makes no sense.
    #[error("beta is {beta}: the weight of recall against precision must be finite, and 0 or above")]
    Beta {
        /// The weight found.
        beta: f64,
    },
    /// One metric fed with classes and with labels.
    #[error("the metric counts {counted} and cannot take {given} as well: make one metric for each")]
    Kind {
        /// What it counts so far.
        counted: &'static str,
        /// What it was given.
        given: &'static str,
    },
    /// Two metrics of different shape.
    #[error("a metric over {left} {what} cannot be merged with one over {right}")]
    Merge {
        /// What differs.
        what: &'static str,
        /// How many this metric has.
        left: usize,
        /// How many the other has.
        right: usize,
    },
}
