//! Logits: the raw output of a head, with the kind of answer they are for.

use burn::tensor::{Int, Tensor};

use crate::error::HeadError;
use crate::kind::{Classes, Gaussian, Kind, Quantiles, Values};
use crate::rank::{OneMoreThan, Rank};

/// The raw output of a head: what losses take, and what probabilities and decisions are read from.
///
/// The class axis comes right after the batch axis: `[N, K]` for vectors, `[N, K, d…]` for sequences, images and
/// volumes. A tensor that went through softmax or sigmoid is no `Logits`, and nothing here makes it one by accident: the
/// way back from a raw tensor is [`Logits::new`], by name and with its kind.
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Tensor};
/// use logit::{Classes, Logits};
///
/// let raw = Tensor::<2>::from_floats([[2.0, 0.0, -1.0]], &Device::flex());
/// let logits = Logits::new(raw, Classes::new(3))?;
/// assert_eq!(logits.argmax().into_scalar::<i64>(), 0);
/// let probabilities = logits.probabilities().into_tensor();
/// assert!((probabilities.sum().into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// # Ok::<(), logit::HeadError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Logits<K: Kind, const D: usize = 2> {
    tensor: Tensor<D>,
    kind: K,
}

impl<K: Kind, const D: usize> Logits<K, D> {
    /// Takes a raw tensor as logits of a kind.
    ///
    /// # Errors
    /// The kind cannot exist, or axis 1 of the tensor has another size than the kind has units.
    pub fn new(tensor: Tensor<D>, kind: K) -> Result<Self, HeadError> {
        kind.check()?;
        let dims = tensor.dims();
        if dims.get(1) != Some(&kind.units()) {
            let (units, found) = (kind.units(), dims.to_vec());
            return Err(HeadError::Units { kind: format!("{kind:?}"), units, found });
        }
        Ok(Self { tensor, kind })
    }

    /// Logits whose shape is known to fit.
    pub(crate) fn of_checked(tensor: Tensor<D>, kind: K) -> Self {
        Self { tensor, kind }
    }

    /// The kind of answer.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// `[N, K, d…]`.
    pub fn dims(&self) -> [usize; D] {
        self.tensor.dims()
    }

    /// The raw numbers.
    pub fn tensor(&self) -> &Tensor<D> {
        &self.tensor
    }

    /// The raw numbers, for good.
    pub fn into_tensor(self) -> Tensor<D> {
        self.tensor
    }

    /// The raw numbers and the kind, for good.
    pub(crate) fn into_parts(self) -> (Tensor<D>, K) {
        (self.tensor, self.kind)
    }

    /// The same numbers without a way back for gradients.
    pub fn detach(self) -> Self {
        Self { tensor: self.tensor.detach(), kind: self.kind }
    }
}

impl<const D: usize> Logits<Classes, D> {
    /// The class with the largest logit at each position, `[N, d…]`: on a map, the mask.
    pub fn argmax<const M: usize>(&self) -> Tensor<M, Int>
    where
        Rank<D>: OneMoreThan<M>,
    {
        self.tensor.clone().argmax(1).squeeze_dim(1)
    }
}

impl<const D: usize> Logits<Values, D> {
    /// The predicted values, `[N, T, d…]`: for a number, the raw output is the answer.
    pub fn values(&self) -> Tensor<D> {
        self.tensor.clone()
    }
}

impl<const D: usize> Logits<Values<Gaussian>, D> {
    /// The predicted means, `[N, T, d…]`.
    pub fn mean(&self) -> Tensor<D> {
        self.tensor.clone().narrow(1, 0, self.kind.count)
    }

    /// The predicted variances, `[N, T, d…]`: the exponential of the second half of the units.
    pub fn variance(&self) -> Tensor<D> {
        self.tensor.clone().narrow(1, self.kind.count, self.kind.count).exp()
    }
}

impl<const D: usize> Logits<Values<Quantiles>, D> {
    /// The predicted quantiles of value `value`, `[N, Q, d…]`, in the order of the levels, and never crossing: a higher
    /// level has no lower quantile.
    ///
    /// The units are trained apart, and those of one row may cross. Here they are rearranged, which is to sort them
    /// (Chernozhukov, Fernández-Val and Galichon 2010, <https://doi.org/10.3982/ECTA7880>): quantiles that do not cross
    /// stay as they are, and of those that do the quantile loss on any target never grows. The loss is of the units as they
    /// are, and [`tensor`](Self::tensor) gives them.
    ///
    /// # Panics
    /// `value` is not one of the head's values.
    pub fn quantiles_of(&self, value: usize) -> Tensor<D> {
        let levels = self.kind.form.levels.len();
        self.tensor.clone().narrow(1, value * levels, levels).sort(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::QuantileLoss;
    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;

    #[test]
    fn a_tensor_of_another_width_is_refused() {
        let tensor = Tensor::<2>::zeros([4, 3], &Device::flex());
        let error = Logits::new(tensor, Classes::new(10)).unwrap_err().to_string();
        assert!(error.contains("10 units") && error.contains("[4, 3]"), "{error}");
        let one = Tensor::<2>::zeros([4, 1], &Device::flex());
        assert!(Logits::new(one, Classes::new(1)).unwrap_err().to_string().contains("always 1"));
    }

    #[test]
    fn the_mask_of_a_map_has_no_class_axis() {
        let map = Tensor::<4>::from_floats([[[[1.0, 0.0]], [[0.0, 2.0]]]], &Device::flex());
        let mask = Logits::new(map, Classes::new(2)).unwrap().argmax();
        assert_eq!(mask.dims(), [1, 1, 2]);
        assert_eq!(mask.try_into_vec_as::<i64>().unwrap(), vec![0, 1]);
    }

    #[test]
    fn values_are_read_by_form() {
        let raw = Tensor::<2>::from_floats([[1.0, 2.0, 0.0, 3.0_f32.ln()]], &Device::flex());
        let gaussian = Logits::new(raw.clone(), Values::gaussian(2)).unwrap();
        assert_eq!(gaussian.mean().try_into_vec_as::<f32>().unwrap(), vec![1.0, 2.0]);
        let variance = gaussian.variance().try_into_vec_as::<f32>().unwrap();
        assert!((variance[0] - 1.0).abs() < 1e-6 && (variance[1] - 3.0).abs() < 1e-5);
        let quantiles = Logits::new(raw, Values::quantiles(2, &[0.1, 0.9])).unwrap();
        assert_eq!(quantiles.quantiles_of(0).try_into_vec_as::<f32>().unwrap(), vec![1.0, 2.0]);
    }

    /// Each column of `[1, Q, positions]`: the quantiles of a position.
    fn columns(quantiles: &[f32], positions: usize) -> Vec<Vec<f32>> {
        let column = |at: usize| quantiles.iter().skip(at).step_by(positions).copied().collect();
        (0..positions).map(column).collect()
    }

    proptest! {
        /// Two values of three levels at four positions, and a target of each.
        #[test]
        fn quantiles_never_cross_and_are_no_worse_for_it(
            units in prop::collection::vec(-50.0_f32..50.0, 24), targets in prop::collection::vec(-50.0_f32..50.0, 8)
        ) {
            let tensor = |numbers: &[f32], width| {
                Tensor::<3>::from_data(TensorData::new(numbers.to_vec(), [1, width, 4]), &Device::flex())
            };
            let read = |tensor: Tensor<3>| tensor.try_into_vec_as::<f32>().unwrap();
            let kind = Values::quantiles(2, &[0.1, 0.5, 0.9]);
            let logits = Logits::new(tensor(&units, 6), kind.clone()).unwrap();
            for value in 0..2 {
                let arranged = columns(&read(logits.quantiles_of(value)), 4);
                let raw = columns(&units[12 * value..][..12], 4);
                for (arranged, mut raw) in arranged.into_iter().zip(raw) {
                    prop_assert!(arranged.is_sorted(), "{arranged:?}");
                    if raw.is_sorted() {
                        prop_assert_eq!(&arranged, &raw);
                    }
                    raw.sort_by(f32::total_cmp);
                    prop_assert_eq!(arranged, raw);
                }
            }
            prop_assert_eq!(read(logits.tensor().clone()), units, "the logits stay as they are");
            let arranged = Tensor::cat(vec![logits.quantiles_of(0), logits.quantiles_of(1)], 1);
            let loss = |logits| QuantileLoss::new().forward(logits, tensor(&targets, 2)).unwrap().value;
            let [raw, arranged] = [logits, Logits::new(arranged, kind).unwrap()].map(loss);
            prop_assert!(arranged.into_scalar::<f32>() <= raw.into_scalar::<f32>() + 1e-4);
        }
    }
}
