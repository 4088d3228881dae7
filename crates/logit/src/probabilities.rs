//! Probabilities read from logits, and the decisions that are read from them.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, Tensor};

use crate::error::HeadError;
use crate::kind::{Classes, Grades, Kind, Probabilistic, YesNoUnits};
use crate::logits::Logits;
use crate::math::{accumulate, along_units};
use crate::rank::{OneMoreThan, Rank};

/// Probabilities of a kind of answer: for people and decisions, not for losses.
///
/// | kind | shape | sums to 1 |
/// |---|---|---|
/// | `Classes` | `[N, K, d…]` | over axis 1 |
/// | `YesNo`, `Labels` | `[N, K, d…]` | no: each for itself |
/// | `Grades`, in every coding | `[N, steps, d…]` | over axis 1 |
#[derive(Clone, Debug)]
pub struct Probabilities<K: Kind, const D: usize = 2> {
    tensor: Tensor<D>,
    kind: K,
}

impl<K: Kind, const D: usize> Probabilities<K, D> {
    /// The kind of answer.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// The probabilities as numbers in [0, 1].
    pub fn tensor(&self) -> &Tensor<D> {
        &self.tensor
    }

    /// The probabilities, for good.
    pub fn into_tensor(self) -> Tensor<D> {
        self.tensor
    }
}

impl<K: Probabilistic, const D: usize> Logits<K, D> {
    /// The probabilities that the logits stand for, as the kind's [`Link`](crate::Link) says.
    pub fn probabilities(&self) -> Probabilities<K, D> {
        let tensor = self.kind().probabilities_of(self.tensor().clone());
        Probabilities { tensor, kind: self.kind().clone() }
    }
}

impl<const D: usize> Logits<Classes, D> {
    /// `ln p_c = x_c − ln Σ_k exp(x_k)`, over axis 1: what to write where a later step wants logarithms.
    pub fn log_probabilities(&self) -> Tensor<D> {
        log_softmax(accumulate(self.tensor().clone()), 1)
    }
}

impl<const D: usize> Probabilities<Classes, D> {
    /// The most probable class at each position, `[N, d…]`.
    pub fn argmax<const M: usize>(&self) -> Tensor<M, Int>
    where
        Rank<D>: OneMoreThan<M>,
    {
        self.tensor.clone().argmax(1).squeeze_dim(1)
    }

    /// The `k` most probable classes at each position and their probabilities, each `[N, k, d…]`, the first first.
    pub fn top_k(&self, k: usize) -> (Tensor<D>, Tensor<D, Int>) {
        self.tensor.clone().topk_with_indices(k.min(self.kind.count), 1)
    }
}

impl<K: YesNoUnits, const D: usize> Probabilities<K, D> {
    /// Yes where the probability is at least `threshold`.
    pub fn at_least(&self, threshold: f64) -> Tensor<D, Bool> {
        self.tensor.clone().greater_equal_elem(threshold)
    }

    /// Yes where the probability is at least the unit's own threshold, one per unit.
    ///
    /// # Errors
    /// Another number of thresholds than units.
    pub fn at_least_each(&self, thresholds: &[f64]) -> Result<Tensor<D, Bool>, HeadError> {
        let units = self.kind.units();
        if thresholds.len() != units {
            return Err(HeadError::Thresholds { found: thresholds.len(), units });
        }
        let thresholds = along_units(thresholds, &self.tensor).expand(self.tensor.dims());
        Ok(self.tensor.clone().greater_equal(thresholds))
    }
}

impl<C, const D: usize> Probabilities<Grades<C>, D>
where
    Grades<C>: Kind,
{
    /// The expected grade at each position, `[N, d…]`, in units of the scale: `Σ_k value_k p_k`.
    pub fn expected_value<const M: usize>(&self) -> Tensor<M>
    where
        Rank<D>: OneMoreThan<M>,
    {
        self.expected_place().mul_scalar(self.kind.spacing()).add_scalar(self.kind.low).squeeze_dim(1)
    }

    /// The expected place on the scale, `[N, 1, d…]`: 0 at the first step, K−1 at the last.
    pub(crate) fn expected_place(&self) -> Tensor<D> {
        (self.tensor.clone() * along_units(&self.kind.places(), &self.tensor)).sum_dim(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Labels;
    use burn::tensor::Device;
    use proptest::prelude::*;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
        tensor.try_into_vec_as::<f64>().unwrap()
    }

    fn row(values: &[f32]) -> Tensor<2> {
        Tensor::<1>::from_floats(values, &Device::flex()).unsqueeze()
    }

    #[test]
    fn coral_and_corn_read_the_same_certain_grade() {
        let sure_of_two = [50.0, 50.0, -50.0, -50.0];
        let coral = Logits::new(row(&sure_of_two), Grades::coral(1.0, 5.0, 5)).unwrap();
        assert!((numbers(coral.probabilities().expected_value::<1>())[0] - 3.0).abs() < 1e-6);
        let corn = Logits::new(row(&sure_of_two), Grades::corn(1.0, 5.0, 5)).unwrap();
        assert!((numbers(corn.probabilities().expected_value::<1>())[0] - 3.0).abs() < 1e-6);
    }

    #[test]
    fn corn_multiplies_conditional_answers() {
        let logits = Logits::new(row(&[0.0, 0.0]), Grades::corn(0.0, 2.0, 3)).unwrap();
        let p = numbers(logits.probabilities().into_tensor());
        assert!(
            (p[0] - 0.5).abs() < 1e-6 && (p[1] - 0.25).abs() < 1e-6 && (p[2] - 0.25).abs() < 1e-6,
            "{p:?}"
        );
    }

    #[test]
    fn thresholds_are_one_per_label() {
        let p = Logits::new(row(&[0.0, 0.0]), Labels::new(2)).unwrap().probabilities();
        let yes = p.at_least_each(&[0.4, 0.6]).unwrap().try_into_vec_as::<bool>().unwrap();
        assert_eq!(yes, vec![true, false]);
        assert!(p.at_least_each(&[0.5]).unwrap_err().to_string().starts_with("1 thresholds"));
        assert_eq!(p.at_least(0.5).try_into_vec_as::<bool>().unwrap(), vec![true, true]);
    }

    #[test]
    fn top_k_is_ordered() {
        let p = Logits::new(row(&[1.0, 3.0, 2.0]), Classes::new(3)).unwrap().probabilities();
        let (shares, classes) = p.top_k(2);
        assert_eq!(classes.try_into_vec_as::<i64>().unwrap(), vec![1, 2]);
        let shares = numbers(shares);
        assert!(shares[0] > shares[1]);
    }

    proptest! {
        #[test]
        fn every_distribution_sums_to_one_and_is_never_negative(
            logits in prop::collection::vec(-1e4_f32..1e4, 4)
        ) {
            let all = [
                Logits::new(row(&logits), Classes::new(4)).unwrap().probabilities().into_tensor(),
                Logits::new(row(&logits), Grades::new(0.0, 5.0, 4)).unwrap().probabilities().into_tensor(),
                Logits::new(row(&logits), Grades::coral(0.0, 5.0, 5)).unwrap().probabilities().into_tensor(),
                Logits::new(row(&logits), Grades::corn(0.0, 5.0, 5)).unwrap().probabilities().into_tensor(),
            ];
            for tensor in all {
                let p = numbers(tensor);
                prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{p:?}");
                prop_assert!(p.iter().all(|p| (-1e-7..=1.0 + 1e-7).contains(p)), "{p:?}");
            }
        }
    }
}
