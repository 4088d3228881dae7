//! Which tensors are targets for which kind, and the checks that no target escapes.

use burn::tensor::{Bool, DType, Element, Int, Tensor, kind::Basic};
use logit_kernels::loss::{Indices, Survey, survey};

use crate::error::LossError;
use crate::kind::{Classes, Grades, Kind, Labels, Values, YesNo};
use crate::ops::array::{Array, IndexArray};
use crate::ops::operation::{array_of, index_of, on_cpu};
use crate::rank::{OneMoreThan, Rank};

/// PyTorch's value for a class target that does not count, and the default of every `ignore_index` here.
pub const IGNORE_INDEX: i64 = -100;

/// How far the sum of a target distribution may lie from 1: the rounding of bf16, 2⁻⁹ of each share, twice over.
pub const DISTRIBUTION_TOLERANCE: f64 = 4e-3;

/// Tensors that are targets for logits of kind `K` and rank `D`.
///
/// | kind | targets |
/// |---|---|
/// | `Classes` | class indices `[N, d…]` (`Int`, one rank less), or a distribution `[N, K, d…]` (`Float`) |
/// | `YesNo`, `Labels` | 0/1 or soft, `[N, K, d…]` (`Float`, `Int` or `Bool`) |
/// | `Values` | real, `[N, T, d…]` (`Float`) |
/// | `Grades` | real in [low, high], `[N, d…]` (`Float`, one rank less) |
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not targets for logits of `{K}` of rank {D}",
    label = "not targets of `{K}`",
    note = "`Classes` take indices `[N, d…]` as an `Int` tensor of one rank less, or a `Float` distribution `[N, K, d…]`",
    note = "`YesNo` and `Labels` take 0/1 or soft targets of the logits' own shape: `targets.unsqueeze_dim(1)` turns `[N]` into `[N, 1]`",
    note = "a continuous target wants a `Values` or `Grades` head, not `Classes` with one-hot rows"
)]
pub trait TargetsFor<K: Kind, const D: usize>: sealed::Sealed {
    /// The targets in one of two forms, with the class axis put in.
    #[doc(hidden)]
    fn form(self) -> TargetForm<D>;
}

/// Targets with the class axis put in.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum TargetForm<const D: usize> {
    /// One whole number a position: `[N, 1, d…]`.
    Index(Tensor<D, Int>),
    /// One number a unit, or one a position with axis 1 of size 1.
    Dense(Tensor<D>),
}

impl<const D: usize> TargetForm<D> {
    /// The targets as numbers.
    pub(crate) fn dense(self) -> Tensor<D> {
        match self {
            Self::Index(index) => index.float(),
            Self::Dense(targets) => targets,
        }
    }
}

mod sealed {
    use super::{Basic, Tensor};

    pub trait Sealed {}
    impl<const M: usize, T: Basic> Sealed for Tensor<M, T> {}
}

impl<const D: usize, const M: usize> TargetsFor<Classes, D> for Tensor<M, Int>
where
    Rank<D>: OneMoreThan<M>,
{
    fn form(self) -> TargetForm<D> {
        TargetForm::Index(self.unsqueeze_dim(1))
    }
}

impl<const D: usize> TargetsFor<Classes, D> for Tensor<D> {
    fn form(self) -> TargetForm<D> {
        TargetForm::Dense(self)
    }
}

macro_rules! dense_targets {
    ($($kind:ty),*) => {$(
        impl<const D: usize> TargetsFor<$kind, D> for Tensor<D> {
            fn form(self) -> TargetForm<D> {
                TargetForm::Dense(self)
            }
        }

        impl<const D: usize> TargetsFor<$kind, D> for Tensor<D, Int> {
            fn form(self) -> TargetForm<D> {
                TargetForm::Dense(self.float())
            }
        }

        impl<const D: usize> TargetsFor<$kind, D> for Tensor<D, Bool> {
            fn form(self) -> TargetForm<D> {
                TargetForm::Dense(self.float())
            }
        }
    )*};
}

dense_targets!(YesNo, Labels);

impl<V, const D: usize> TargetsFor<Values<V>, D> for Tensor<D>
where
    Values<V>: Kind,
{
    fn form(self) -> TargetForm<D> {
        TargetForm::Dense(self)
    }
}

impl<C, const D: usize, const M: usize> TargetsFor<Grades<C>, D> for Tensor<M>
where
    Grades<C>: Kind,
    Rank<D>: OneMoreThan<M>,
{
    fn form(self) -> TargetForm<D> {
        TargetForm::Dense(self.unsqueeze_dim(1))
    }
}

/// Class indices that were checked: in range where they count.
pub(crate) struct ClassIndices<const D: usize> {
    /// `[N, 1, d…]`, with 0 where the target does not count.
    pub(crate) index: Tensor<D, Int>,
    /// True where the target does not count; `None` when all count.
    pub(crate) ignored: Option<Tensor<D, Bool>>,
    /// The same on the host.
    pub(crate) checked: CheckedIndices,
}

impl<const D: usize> ClassIndices<D> {
    /// The values with 0 where the target does not count.
    pub(crate) fn mask(&self, values: Tensor<D>) -> Tensor<D> {
        zero_where(self.ignored.as_ref(), values)
    }

    /// True at each position's own class, `[N, K, d…]`.
    pub(crate) fn own_class(&self, dims: [usize; D]) -> Tensor<D, Bool> {
        let mut along = [1; D];
        along[1] = dims[1];
        let classes = Tensor::arange(0..dims[1] as i64, &self.index.device()).reshape(along);
        (self.index.clone() - classes).equal_elem(0)
    }
}

/// Class indices that were read and checked: in range where they count.
pub(crate) struct CheckedIndices {
    /// One a position.
    pub(crate) host: IndexArray,
    /// How many count.
    pub(crate) counted: usize,
    classes: usize,
    ignore_index: Option<i64>,
}

impl CheckedIndices {
    /// How many targets of each class count.
    pub(crate) fn per_class(&self) -> Vec<usize> {
        let mut per_class = vec![0; self.classes];
        for value in self.host.numbers().iter().filter(|value| Some(*value) != self.ignore_index) {
            per_class[value as usize] += 1;
        }
        per_class
    }

    /// What a mean with these class weights divides by.
    pub(crate) fn denominator(&self, weight: Option<&[f64]>) -> f64 {
        match weight {
            Some(weight) => weight.iter().zip(self.per_class()).map(|(w, n)| w * n as f64).sum(),
            None => self.counted as f64,
        }
    }
}

/// Checks class indices `[N, 1, d…]` against logits of shape `logits`.
pub(crate) fn check_indices<const D: usize>(
    index: &Tensor<D, Int>,
    logits: [usize; D],
    ignore_index: Option<i64>,
) -> Result<CheckedIndices, LossError> {
    same_shape(index.dims(), one_a_position(logits), logits, false)?;
    let classes = logits[1];
    let indices = indices_of(index)?;
    let host = indices.numbers();
    let Survey { outside, ignored } = survey(host, classes, ignore_index);
    if outside > 0 {
        let fits = |value: i64| Some(value) == ignore_index || (0..classes as i64).contains(&value);
        let flat = host.iter().position(|value| !fits(value)).unwrap_or_default();
        let at = position(flat, &without_axis_1(index.dims()));
        let hint = class_hint(host.at(flat), host, classes, ignore_index);
        return Err(LossError::ClassOutOfRange { at, value: host.at(flat), classes, hint });
    }
    let counted = host.len() - ignored;
    Ok(CheckedIndices { host: indices, counted, classes, ignore_index })
}

/// The tensor's own numbers where they lie in the CPU's memory, a copy elsewhere.
fn indices_of<const D: usize>(index: &Tensor<D, Int>) -> Result<IndexArray, LossError> {
    match on_cpu(&index.device()).then(|| IndexArray::of(index_of(index.clone()))).flatten() {
        Some(own) => Ok(own),
        None => Ok(IndexArray::Read(read(index)?)),
    }
}

/// Checks class indices, and gives them as the composed operations take them.
pub(crate) fn class_indices<const D: usize>(
    index: Tensor<D, Int>,
    logits: [usize; D],
    ignore_index: Option<i64>,
) -> Result<ClassIndices<D>, LossError> {
    let checked = check_indices(&index, logits, ignore_index)?;
    let any_ignored = checked.counted < checked.host.numbers().len();
    let ignored = ignore_index.filter(|_| any_ignored).map(|value| index.clone().equal_elem(value));
    let index = match &ignored {
        Some(ignored) => index.mask_fill(ignored.clone(), 0),
        None => index,
    };
    // Masks come as bytes; the operations below want the device's own whole type.
    let index = index.clone().cast(index.device().settings().int_dtype);
    Ok(ClassIndices { index, ignored, checked })
}

fn class_hint(value: i64, all: Indices<'_>, classes: usize, ignore_index: Option<i64>) -> &'static str {
    let from_one = || all.iter().filter(|v| Some(*v) != ignore_index).all(|v| 1 <= v && v <= classes as i64);
    match value {
        _ if value == classes as i64 && from_one() => "; these labels count from 1: subtract 1",
        255 => "; 255 often marks pixels that do not count: set `ignore_index` to 255",
        -1 => "; -1 often marks targets that do not count: set `ignore_index` to -1",
        IGNORE_INDEX => "; -100 is PyTorch's mark of targets that do not count: set `ignore_index` to -100",
        _ => "",
    }
}

/// Checks a distribution `[N, K, d…]` over the classes.
pub(crate) fn distribution<const D: usize>(
    targets: Tensor<D>,
    logits: &Tensor<D>,
    ignore_index: Option<i64>,
) -> Result<Tensor<D>, LossError> {
    if ignore_index.is_some_and(|index| index >= 0) {
        return Err(LossError::OptionConflict {
            what: "`ignore_index` marks class indices; targets that are distributions have no index: leave it out, \
                   or give index targets",
        });
    }
    let dims = logits.dims();
    same_shape(targets.dims(), dims, dims, true)?;
    let targets = targets.cast(logits.dtype());
    let sums: Vec<f64> = read(&targets.clone().sum_dim(1))?;
    let least: Vec<f64> = read(&targets.clone().min_dim(1))?;
    // Written so that a NaN is refused too.
    let fits = |sum: f64, least: f64| (sum - 1.0).abs() <= DISTRIBUTION_TOLERANCE && least >= 0.0;
    match sums.iter().zip(&least).position(|(&sum, &least)| !fits(sum, least)) {
        None => Ok(targets),
        Some(flat) => Err(LossError::NotADistribution {
            at: position(flat, &without_axis_1(dims)),
            sum: sums[flat],
            least: least[flat],
            tolerance: DISTRIBUTION_TOLERANCE,
        }),
    }
}

/// Yes-or-no targets that were checked: in [0, 1] where they count.
pub(crate) struct BinaryTargets<const D: usize> {
    /// `[N, K, d…]`, with 0 where the entry does not count.
    pub(crate) values: Tensor<D>,
    /// True where the entry does not count; `None` when all count.
    pub(crate) ignored: Option<Tensor<D, Bool>>,
    /// How many entries count.
    pub(crate) counted: usize,
}

impl<const D: usize> BinaryTargets<D> {
    /// The values with 0 where the entry does not count.
    pub(crate) fn mask(&self, values: Tensor<D>) -> Tensor<D> {
        zero_where(self.ignored.as_ref(), values)
    }
}

fn zero_where<const D: usize>(ignored: Option<&Tensor<D, Bool>>, values: Tensor<D>) -> Tensor<D> {
    match ignored {
        Some(ignored) => values.mask_fill(ignored.clone(), 0.0),
        None => values,
    }
}

/// Checks yes-or-no targets `[N, K, d…]`.
pub(crate) fn binary<const D: usize>(
    targets: Tensor<D>,
    logits: &Tensor<D>,
    ignore_index: Option<i64>,
) -> Result<BinaryTargets<D>, LossError> {
    same_shape(targets.dims(), logits.dims(), logits.dims(), true)?;
    let host: Vec<f64> = read(&targets)?;
    let ignore = ignore_index.map(|value| value as f64);
    let fits = |value: f64| Some(value) == ignore || (0.0..=1.0).contains(&value);
    if let Some(flat) = host.iter().position(|value| !fits(*value)) {
        return Err(no_binary_target(flat, host[flat], &targets.dims()));
    }
    let counted = host.iter().filter(|value| Some(**value) != ignore).count();
    let targets = targets.cast(logits.dtype());
    let ignored = ignore.filter(|_| counted < host.len()).map(|value| targets.clone().equal_elem(value));
    let values = match &ignored {
        Some(ignored) => targets.mask_fill(ignored.clone(), 0.0),
        None => targets,
    };
    Ok(BinaryTargets { values, ignored, counted })
}

/// Yes-or-no targets that were read and checked, as our kernels take them.
#[derive(Clone, Debug)]
pub(crate) struct CheckedBinary {
    /// One an entry.
    pub(crate) numbers: Array,
    /// The number of entries that do not count.
    pub(crate) ignore: Option<f32>,
    /// How many entries count.
    pub(crate) counted: usize,
}

/// Checks yes-or-no targets `[N, K, d…]` on a device that [`fits`](crate::ops::operation::fits) holds for.
#[expect(clippy::float_cmp, reason = "the mark is that very number")]
pub(crate) fn check_binary<const D: usize>(
    targets: Tensor<D>,
    logits: &Tensor<D>,
    ignore_index: Option<i64>,
) -> Result<CheckedBinary, LossError> {
    same_shape(targets.dims(), logits.dims(), logits.dims(), true)?;
    let dims = targets.dims();
    // An index that f32 does not hold is the number of no target.
    let ignore =
        ignore_index.map(|value| value as f32).filter(|value| *value as i64 == ignore_index.unwrap_or(0));
    let numbers = array_of(targets.cast(DType::F32));
    // No number is equal to NaN, which stands for none to be ignored.
    let ignored = ignore.unwrap_or(f32::NAN);
    let (mut fitting, mut ignored_count) = (0_usize, 0_usize);
    // Without branches: a loop that runs in vectors.
    for &value in numbers.numbers() {
        let inside = (0.0..=1.0).contains(&value);
        let marked = value == ignored;
        fitting += usize::from(inside | marked);
        ignored_count += usize::from(marked);
    }
    if fitting < numbers.len() {
        let fits = |value: f32| value == ignored || (0.0..=1.0).contains(&value);
        let flat = numbers.numbers().iter().position(|value| !fits(*value)).unwrap_or_default();
        return Err(no_binary_target(flat, f64::from(numbers.numbers()[flat]), &dims));
    }
    let counted = numbers.len() - ignored_count;
    Ok(CheckedBinary { numbers, ignore, counted })
}

fn no_binary_target(flat: usize, value: f64, dims: &[usize]) -> LossError {
    let hint = "; `ignore_index` is the value that marks entries that do not count";
    LossError::TargetOutOfRange { at: position(flat, dims), value, low: 0.0, high: 1.0, hint }
}

/// Checks real targets: of shape `expected`, and finite.
pub(crate) fn real<const D: usize>(
    targets: Tensor<D>,
    expected: [usize; D],
    logits: &Tensor<D>,
) -> Result<Tensor<D>, LossError> {
    same_shape(targets.dims(), expected, logits.dims(), true)?;
    let host: Vec<f64> = read(&targets)?;
    if let Some(flat) = host.iter().position(|value| !value.is_finite()) {
        return Err(LossError::TargetNotFinite { at: position(flat, &expected), value: host[flat] });
    }
    Ok(targets.cast(logits.dtype()))
}

/// Checks grades `[N, 1, d…]` and gives them as places on the scale: 0 at the first step, K−1 at the last.
pub(crate) fn steps_of<C, const D: usize>(
    targets: Tensor<D>,
    grades: &Grades<C>,
    logits: &Tensor<D>,
) -> Result<Tensor<D>, LossError> {
    let expected = one_a_position(logits.dims());
    same_shape(targets.dims(), expected, logits.dims(), false)?;
    let host: Vec<f64> = read(&targets)?;
    if let Some(flat) = host.iter().position(|value| !(grades.low..=grades.high).contains(value)) {
        return Err(LossError::TargetOutOfRange {
            at: position(flat, &without_axis_1(expected)),
            value: host[flat],
            low: grades.low,
            high: grades.high,
            hint: "; widen the scale of the `Grades` head, or mend the target",
        });
    }
    // Multiplied first: a whole grade then has a whole place.
    let (range, last) = (grades.high - grades.low, (grades.steps - 1) as f64);
    let places: Vec<f64> = host.iter().map(|value| (value - grades.low) * last / range).collect();
    Ok(crate::math::floats(&places, expected, &logits.device(), logits.dtype()))
}

/// `[N, K, d…]` with axis 1 of size 1.
pub(crate) fn one_a_position<const D: usize>(mut dims: [usize; D]) -> [usize; D] {
    dims[1] = 1;
    dims
}

fn same_shape<const D: usize>(
    found: [usize; D],
    expected: [usize; D],
    logits: [usize; D],
    with_axis_1: bool,
) -> Result<(), LossError> {
    if found == expected {
        return Ok(());
    }
    let told = |dims: [usize; D]| if with_axis_1 { dims.to_vec() } else { without_axis_1(dims) };
    Err(LossError::TargetShape { logits: logits.to_vec(), expected: told(expected), found: told(found) })
}

fn without_axis_1<const D: usize>(dims: [usize; D]) -> Vec<usize> {
    dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, size)| *size).collect()
}

/// The index that a place in row-major order has.
fn position(flat: usize, dims: &[usize]) -> Vec<usize> {
    let mut rest = flat;
    let mut at: Vec<usize> = dims
        .iter()
        .rev()
        .map(|&size| {
            let index = rest % size.max(1);
            rest /= size.max(1);
            index
        })
        .collect();
    at.reverse();
    at
}

pub(crate) fn read<const D: usize, T: Basic, E: Element>(tensor: &Tensor<D, T>) -> Result<Vec<E>, LossError> {
    tensor.clone().try_into_vec_as::<E>().map_err(|error| LossError::Device { reason: format!("{error:?}") })
}
