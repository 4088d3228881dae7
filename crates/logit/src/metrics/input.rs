//! The reading of rows: shapes, classes, labels and numbers are checked here, once, before anything is
//! counted.

use super::error::MetricError;
use super::exact_sum::LARGEST;

/// How far a row of class probabilities may sum from 1: a softmax in half precision is within it.
const DISTRIBUTION_TOLERANCE: f64 = 1e-2;

/// A number that metrics read: `f32` or `f64`.
pub trait Real: Copy + Into<f64> + sealed::Sealed {
    /// The gap between 1 and the next number: the smallest probability that a log loss believes.
    const EPSILON: f64;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;

    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    const EPSILON: f64 = f64::EPSILON;

    fn from_f64(value: f64) -> Self {
        value
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A class index, in any of Rust's integers: `u8` masks, `i64` targets and `usize` decisions are read in
/// place.
pub trait ClassIndex: Copy + TryInto<i128> {}

impl<T: Copy + TryInto<i128>> ClassIndex for T {}

/// The columns of a metric, and whether they are classes or labels, which the first update settles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    count: usize,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Classes,
    Labels,
}

/// What is asked of one number at a row and column.
pub(crate) type ElementCheck = fn(usize, usize, f64) -> Result<(), MetricError>;

impl Columns {
    pub(crate) fn new(count: usize) -> Result<Self, MetricError> {
        if count == 0 {
            return Err(MetricError::NoColumns);
        }
        Ok(Self { count, kind: None })
    }

    pub(crate) fn count(self) -> usize {
        self.count
    }

    /// The rows that count, with their class, after a look at all of them.
    pub(crate) fn class_rows<'a, R: Real, C: ClassIndex>(
        &mut self,
        scores: &'a [R],
        targets: &'a [C],
        ignore_index: Option<i64>,
        check: fn(usize, &[R]) -> Result<(), MetricError>,
    ) -> Result<impl Iterator<Item = (&'a [R], usize)> + Clone + use<'a, R, C>, MetricError> {
        let kind = self.of_kind(Kind::Classes)?;
        let classes = self.count;
        check_length("scores", scores.len(), targets.len().saturating_mul(classes))?;
        for (row, (scores, &target)) in scores.chunks_exact(classes).zip(targets).enumerate() {
            if class_index("target", row, target, classes, ignore_index)?.is_some() {
                check(row, scores)?;
            }
        }
        self.kind = Some(kind);
        let ignored = ignore_index.map(i128::from);
        Ok(scores.chunks_exact(classes).zip(targets).filter_map(move |(scores, &target)| {
            let target = whole(target);
            (Some(target) != ignored).then_some((scores, target as usize))
        }))
    }

    /// The elements that count: column, number and target, after a look at all of them.
    pub(crate) fn label_elements<'a, R: Real>(
        &mut self,
        scores: &'a [R],
        targets: &'a [bool],
        ignore: Option<&'a [bool]>,
        check: ElementCheck,
    ) -> Result<impl Iterator<Item = (usize, f64, bool)> + Clone + use<'a, R>, MetricError> {
        let kind = self.of_kind(Kind::Labels)?;
        let labels = self.count;
        check_labels("scores", scores.len(), targets, ignore, labels)?;
        let counted = (0..targets.len()).filter(move |&i| !ignore.is_some_and(|ignore| ignore[i]));
        for i in counted.clone() {
            check(i / labels, i % labels, scores[i].into())?;
        }
        self.kind = Some(kind);
        Ok(counted.map(move |i| (i % labels, scores[i].into(), targets[i])))
    }

    pub(crate) fn merge(&mut self, other: Self) -> Result<(), MetricError> {
        check_merge("columns", self.count, other.count)?;
        if let Some(kind) = other.kind {
            self.kind = Some(self.of_kind(kind)?);
        }
        Ok(())
    }

    fn of_kind(self, given: Kind) -> Result<Kind, MetricError> {
        let name = |kind| match kind {
            Kind::Classes => "classes",
            Kind::Labels => "labels",
        };
        match self.kind {
            Some(counted) if counted != given => {
                Err(MetricError::Kind { counted: name(counted), given: name(given) })
            }
            _ => Ok(given),
        }
    }
}

/// The class that an index names, or `None` where it is the one to ignore.
pub(crate) fn class_index<C: ClassIndex>(
    what: &'static str,
    row: usize,
    index: C,
    classes: usize,
    ignore_index: Option<i64>,
) -> Result<Option<usize>, MetricError> {
    let value = whole(index);
    if ignore_index.is_some_and(|ignored| i128::from(ignored) == value) {
        return Ok(None);
    }
    match usize::try_from(value) {
        Ok(class) if class < classes => Ok(Some(class)),
        _ => Err(MetricError::ClassOutOfRange { what, row, value, classes }),
    }
}

/// The slices of labels agree, and are whole rows.
pub(crate) fn check_labels(
    what: &'static str,
    length: usize,
    targets: &[bool],
    ignore: Option<&[bool]>,
    labels: usize,
) -> Result<(), MetricError> {
    check_rows("targets", targets.len(), labels)?;
    check_length(what, length, targets.len())?;
    check_length("ignore marks", ignore.map_or(targets.len(), <[bool]>::len), targets.len())
}

pub(crate) fn check_rows(what: &'static str, found: usize, columns: usize) -> Result<(), MetricError> {
    if found.is_multiple_of(columns) { Ok(()) } else { Err(MetricError::Rows { what, found, columns }) }
}

pub(crate) fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), MetricError> {
    if found == expected { Ok(()) } else { Err(MetricError::Length { what, found, expected }) }
}

pub(crate) fn check_merge(what: &'static str, left: usize, right: usize) -> Result<(), MetricError> {
    if left == right { Ok(()) } else { Err(MetricError::Merge { what, left, right }) }
}

/// The row holds finite numbers whose squares can be summed.
pub(crate) fn check_numbers<R: Real>(row: usize, numbers: &[R]) -> Result<(), MetricError> {
    numbers.iter().enumerate().try_for_each(|(column, &value)| check_number(row, column, value.into()))
}

/// A finite number whose square can be summed.
pub(crate) fn check_number(row: usize, column: usize, value: f64) -> Result<(), MetricError> {
    if value.abs() <= LARGEST { Ok(()) } else { Err(MetricError::Number { row, column, value }) }
}

/// The row is a distribution over the classes.
pub(crate) fn check_distribution<R: Real>(row: usize, probabilities: &[R]) -> Result<(), MetricError> {
    let mut sum = 0.0;
    for (column, &value) in probabilities.iter().enumerate() {
        check_probability(row, column, value.into())?;
        sum += value.into();
    }
    if (sum - 1.0_f64).abs() <= DISTRIBUTION_TOLERANCE {
        Ok(())
    } else {
        Err(MetricError::Distribution { row, sum })
    }
}

/// A number in [0, 1].
pub(crate) fn check_probability(row: usize, column: usize, value: f64) -> Result<(), MetricError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(MetricError::Probability { row, column, value }) }
}

/// The index as a whole number that holds all of Rust's integers but the upper half of `u128`.
fn whole(index: impl ClassIndex) -> i128 {
    index.try_into().unwrap_or(i128::MAX)
}
