//! Which tensors are targets for which kind, and the checks that no target escapes.

use burn::tensor::{Bool, DType, Element, Int, Tensor, kind::Basic};
use logit_kernels::loss::{Indices, Survey, survey};

use crate::error::LossError;
use crate::kind::{Classes, Grades, Kind, Labels, Values, YesNo};
use crate::math::floats;
use crate::ops::array::{Array, IndexArray};
use crate::ops::operation::{array_of, fits, index_of, on_cpu};
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
    /// One whole number per position: `[N, 1, d…]`.
    Index(Tensor<D, Int>),
    /// One number per unit, or one per position with axis 1 of size 1.
    Dense(Tensor<D>),
}

impl<const D: usize> TargetForm<D> {
    /// The targets as numbers.
    pub(in crate::loss) fn dense(self) -> Tensor<D> {
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

/// Targets that were checked.
pub(in crate::loss) struct Checked<T> {
    /// As the loss takes them.
    pub(in crate::loss) targets: T,
    /// How many count.
    pub(in crate::loss) counted: usize,
    /// What a mean divides by.
    pub(in crate::loss) denominator: f64,
}

impl<T> Checked<T> {
    /// Targets of which `counted` count, all alike.
    pub(in crate::loss) fn alike(targets: T, counted: usize) -> Self {
        Self { targets, counted, denominator: counted as f64 }
    }

    /// The targets after another step.
    pub(in crate::loss) fn map<U>(self, with: impl FnOnce(T) -> U) -> Checked<U> {
        let Self { targets, counted, denominator } = self;
        Checked { targets: with(targets), counted, denominator }
    }
}

impl<const D: usize> Checked<Tensor<D>> {
    /// Targets that all count, all alike.
    pub(in crate::loss) fn all(targets: Tensor<D>) -> Self {
        let counted = targets.dims().iter().product();
        Self::alike(targets, counted)
    }
}

/// Class indices that were read and checked: in range where they count.
pub(in crate::loss) struct ClassIndices<const D: usize> {
    /// `[N, 1, d…]`, as they came.
    index: Tensor<D, Int>,
    /// The same on the host, one per position.
    pub(in crate::loss) host: IndexArray,
    /// The index that marks those that do not count.
    pub(in crate::loss) ignore_index: Option<i64>,
    /// How many count.
    pub(in crate::loss) counted: usize,
    classes: usize,
}

impl<const D: usize> ClassIndices<D> {
    /// How many targets of each class count.
    fn per_class(&self) -> Vec<usize> {
        let mut per_class = vec![0; self.classes];
        for value in self.host.numbers().iter().filter(|value| Some(*value) != self.ignore_index) {
            per_class[value as usize] += 1;
        }
        per_class
    }

    /// What a mean with these class weights divides by.
    pub(in crate::loss) fn denominator(&self, weight: Option<&[f64]>) -> f64 {
        match weight {
            Some(weight) => weight.iter().zip(self.per_class()).map(|(w, n)| w * n as f64).sum(),
            None => self.counted as f64,
        }
    }

    /// The targets of a loss with these class weights.
    pub(in crate::loss) fn weighted(self, weight: Option<&[f64]>) -> Checked<Self> {
        Checked { counted: self.counted, denominator: self.denominator(weight), targets: self }
    }

    /// As Burn's operations take them.
    pub(in crate::loss) fn masked(self) -> MaskedIndices<D> {
        let any_ignored = self.counted < self.host.numbers().len();
        let ignored =
            self.ignore_index.filter(|_| any_ignored).map(|mark| self.index.clone().equal_elem(mark));
        let index = match &ignored {
            Some(ignored) => self.index.mask_fill(ignored.clone(), 0),
            None => self.index,
        };
        // Masks come as bytes; the operations below want the device's own whole type.
        let index = index.clone().cast(index.device().settings().int_dtype);
        MaskedIndices { index, ignored }
    }
}

/// Class indices for Burn's operations.
pub(in crate::loss) struct MaskedIndices<const D: usize> {
    /// `[N, 1, d…]`, with 0 where the target does not count.
    pub(in crate::loss) index: Tensor<D, Int>,
    /// True where the target does not count; `None` when all count.
    pub(in crate::loss) ignored: Option<Tensor<D, Bool>>,
}

impl<const D: usize> MaskedIndices<D> {
    /// The values with 0 where the target does not count.
    pub(in crate::loss) fn mask(&self, values: Tensor<D>) -> Tensor<D> {
        zero_where(self.ignored.as_ref(), values)
    }

    /// True at each position's own class, `[N, K, d…]`.
    pub(in crate::loss) fn own_class(&self, dims: [usize; D]) -> Tensor<D, Bool> {
        let mut along = [1; D];
        along[1] = dims[1];
        let classes = Tensor::arange(0..dims[1] as i64, &self.index.device()).reshape(along);
        (self.index.clone() - classes).equal_elem(0)
    }

    /// The weight of each position's own class, `[N, 1, d…]`.
    pub(in crate::loss) fn weights(&self, weight: &[f64], like: &Tensor<D>) -> Tensor<D> {
        let weight: Tensor<1> = floats(weight, [weight.len()], &like.device(), like.dtype());
        weight.select(0, self.index.clone().flatten(0, D - 1)).reshape(self.index.dims())
    }
}

/// Checks class indices `[N, 1, d…]` against logits of shape `logits`.
pub(in crate::loss) fn class_indices<const D: usize>(
    index: Tensor<D, Int>,
    logits: [usize; D],
    ignore_index: Option<i64>,
) -> Result<ClassIndices<D>, LossError> {
    same_shape(index.dims(), one_per_position(logits), logits, false)?;
    let classes = logits[1];
    let host = indices_of(&index)?;
    let all = host.numbers();
    let Survey { outside, ignored } = survey(all, classes, ignore_index);
    if outside > 0 {
        let fits = |value: i64| Some(value) == ignore_index || (0..classes as i64).contains(&value);
        let flat = all.iter().position(|value| !fits(value)).unwrap_or_default();
        let at = position(flat, &without_axis_1(index.dims()));
        let hint = class_hint(all.at(flat), all, classes, ignore_index);
        return Err(LossError::ClassOutOfRange { at, value: all.at(flat), classes, hint });
    }
    let counted = all.len() - ignored;
    Ok(ClassIndices { index, host, ignore_index, counted, classes })
}

/// The tensor's own numbers where they lie in the CPU's memory, a copy elsewhere.
fn indices_of<const D: usize>(index: &Tensor<D, Int>) -> Result<IndexArray, LossError> {
    match on_cpu(&index.device()).then(|| IndexArray::of(index_of(index.clone()))).flatten() {
        Some(own) => Ok(own),
        None => Ok(IndexArray::Read(read(index)?)),
    }
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
pub(in crate::loss) fn distribution<const D: usize>(
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

/// Yes-or-no targets that were checked: shares in [0, 1] where they count.
pub(in crate::loss) struct Shares<const D: usize> {
    /// `[N, K, d…]`, in the logits' type.
    targets: Tensor<D>,
    /// The share that marks entries that do not count.
    ignore: Option<f64>,
    /// How many entries count.
    pub(in crate::loss) counted: usize,
}

impl<const D: usize> Shares<D> {
    /// The targets of a loss of entries that all weigh the same in a mean.
    pub(in crate::loss) fn checked(self) -> Checked<Self> {
        let counted = self.counted;
        Checked::alike(self, counted)
    }

    /// The shares on the host, where [`fits`] holds for the logits, and the mark of those that do not count.
    pub(in crate::loss) fn into_host(self) -> (Array, Option<f32>) {
        (array_of(self.targets), self.ignore.map(|mark| mark as f32))
    }

    /// As Burn's operations take them.
    pub(in crate::loss) fn masked(self) -> MaskedShares<D> {
        let any_ignored = self.counted < self.targets.dims().iter().product();
        let ignored = self.ignore.filter(|_| any_ignored).map(|mark| self.targets.clone().equal_elem(mark));
        MaskedShares { values: zero_where(ignored.as_ref(), self.targets), ignored }
    }
}

/// Yes-or-no targets for Burn's operations.
pub(in crate::loss) struct MaskedShares<const D: usize> {
    /// `[N, K, d…]`, with 0 where the entry does not count.
    pub(in crate::loss) values: Tensor<D>,
    /// True where the entry does not count; `None` when all count.
    pub(in crate::loss) ignored: Option<Tensor<D, Bool>>,
}

impl<const D: usize> MaskedShares<D> {
    /// The values with 0 where the entry does not count.
    pub(in crate::loss) fn mask(&self, values: Tensor<D>) -> Tensor<D> {
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
pub(in crate::loss) fn shares<const D: usize>(
    targets: Tensor<D>,
    logits: &Tensor<D>,
    ignore_index: Option<i64>,
) -> Result<Shares<D>, LossError> {
    same_shape(targets.dims(), logits.dims(), logits.dims(), true)?;
    let dims = targets.dims();
    let targets = targets.cast(logits.dtype());
    // An index that the type does not hold is the number of no target.
    let held = |index: i64| targets.dtype() != DType::F32 || (index as f32) as i64 == index;
    let ignore = ignore_index.filter(|index| held(*index)).map(|index| index as f64);
    // No number is equal to NaN, which stands for none to be ignored.
    let mark = ignore.unwrap_or(f64::NAN);
    let marked = if fits(&targets) {
        count_marked(array_of(targets.clone()).numbers(), [0.0, 1.0, mark as f32])
    } else {
        count_marked(&read::<D, _, f64>(&targets)?, [0.0, 1.0, mark])
    };
    match marked {
        Ok(marked) => Ok(Shares { targets, ignore, counted: dims.iter().product::<usize>() - marked }),
        Err((flat, value)) => Err(no_share(flat, value, &dims)),
    }
}

/// How many numbers are the mark, or the first that is neither it nor a share, with its place.
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator would be a branch")]
fn count_marked<T: Copy + PartialOrd + Into<f64>>(
    numbers: &[T],
    [least, most, mark]: [T; 3],
) -> Result<usize, (usize, f64)> {
    let fits = |value: T| ((least <= value) & (value <= most)) | (value == mark);
    let (mut fitting, mut marked) = (0_usize, 0_usize);
    // Without branches: a loop that runs in vectors.
    for &value in numbers {
        fitting += usize::from(fits(value));
        marked += usize::from(value == mark);
    }
    if fitting < numbers.len() {
        let flat = numbers.iter().position(|value| !fits(*value)).unwrap_or_default();
        return Err((flat, numbers[flat].into()));
    }
    Ok(marked)
}

fn no_share(flat: usize, value: f64, dims: &[usize]) -> LossError {
    let hint = "; `ignore_index` is the value that marks entries that do not count";
    LossError::TargetOutOfRange { at: position(flat, dims), value, low: 0.0, high: 1.0, hint }
}

/// Checks real targets `[N, T, d…]`, `values` of them per position: that they are finite.
pub(in crate::loss) fn real<const D: usize>(
    targets: Tensor<D>,
    values: usize,
    logits: &Tensor<D>,
) -> Result<Tensor<D>, LossError> {
    let mut expected = logits.dims();
    expected[1] = values;
    same_shape(targets.dims(), expected, logits.dims(), true)?;
    let host: Vec<f64> = read(&targets)?;
    if let Some(flat) = host.iter().position(|value| !value.is_finite()) {
        return Err(LossError::TargetNotFinite { at: position(flat, &expected), value: host[flat] });
    }
    Ok(targets.cast(logits.dtype()))
}

/// Checks grades `[N, 1, d…]` and gives them as places on the scale: 0 at the first step, K−1 at the last.
pub(in crate::loss) fn places_of<C, const D: usize>(
    targets: Tensor<D>,
    grades: &Grades<C>,
    logits: &Tensor<D>,
) -> Result<Tensor<D>, LossError> {
    let expected = one_per_position(logits.dims());
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
    Ok(floats(&places, expected, &logits.device(), logits.dtype()))
}

/// `[N, K, d…]` with axis 1 of size 1.
pub(in crate::loss) fn one_per_position<const D: usize>(mut dims: [usize; D]) -> [usize; D] {
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
    let as_given = |dims: [usize; D]| if with_axis_1 { dims.to_vec() } else { without_axis_1(dims) };
    let (expected, found) = (as_given(expected), as_given(found));
    Err(LossError::TargetShape { logits: logits.to_vec(), expected, found })
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

pub(in crate::loss) fn read<const D: usize, T: Basic, E: Element>(
    tensor: &Tensor<D, T>,
) -> Result<Vec<E>, LossError> {
    tensor.clone().try_into_vec_as::<E>().map_err(|error| LossError::Device { reason: format!("{error:?}") })
}
