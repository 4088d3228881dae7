//! Heads: the last layer, which owns the kind of answer.

use burn::module::{Content, DisplaySettings, Module, ModuleDisplay, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use crate::error::HeadError;
use crate::graph::{Described, Parameter, StepKind};
use crate::kind::{Classes, Coral, Grades, Kind, Labels, YesNo};
use crate::logits::Logits;
use crate::ops::conv::pointwise;
use crate::ops::linear::affine;
use crate::ops::operation::fits_with;

/// Configuration of a [`Head`].
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Tensor};
/// use logit::{Classes, HeadConfig};
///
/// let device = Device::flex();
/// let head = HeadConfig::new(64, Classes::new(3)).with_class_counts(&[900, 90, 10]).init(&device)?;
/// let logits = head.forward(Tensor::<2>::zeros([8, 64], &device));
/// assert_eq!(logits.dims(), [8, 3]);
/// // With no features to go by, the head answers with the share of each class.
/// let first = logits.probabilities().into_tensor().slice([0..1, 0..1]).into_scalar::<f32>();
/// assert!((first - 0.9).abs() < 1e-6);
/// # Ok::<(), logit::HeadError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct HeadConfig<K: Kind> {
    features: usize,
    kind: K,
    bias: Result<Option<Vec<f64>>, HeadError>,
}

impl<K: Kind> HeadConfig<K> {
    /// A head on `features` features, for a kind of answer.
    pub fn new(features: usize, kind: K) -> Self {
        Self { features, kind, bias: Ok(None) }
    }

    /// Builds the head, its weights drawn as PyTorch draws a linear layer's: uniform in ±1/√features.
    ///
    /// # Errors
    /// A kind that cannot exist, no features, or counts from which no prior follows.
    pub fn init(&self, device: &Device) -> Result<Head<K>, HeadError> {
        self.kind.check()?;
        if self.features == 0 {
            return Err(HeadError::NoFeatures);
        }
        let bound = 1.0 / (self.features as f64).sqrt();
        let uniform = Initializer::Uniform { min: -bound, max: bound };
        let weight = uniform.init([self.features, self.kind.weight_columns()], device);
        let bias = match self.bias.clone()? {
            Some(bias) => {
                let values: Vec<f32> = bias.iter().map(|value| *value as f32).collect();
                Param::from_tensor(Tensor::from_floats(values.as_slice(), device))
            }
            None => uniform.init([self.kind.units()], device),
        };
        Ok(Head { weight, bias, kind: self.kind.clone() })
    }

    fn with_bias(mut self, bias: Result<Vec<f64>, HeadError>) -> Self {
        self.bias = bias.map(Some);
        self
    }
}

impl HeadConfig<Classes> {
    /// Starts the bias at the logarithm of each class's share, so that the first loss is the entropy of the classes
    /// and training does not spend its first steps on learning how common each is. A class never seen counts as half an
    /// example, for the logarithm of nothing is no number.
    pub fn with_class_counts(self, counts: &[u64]) -> Self {
        let bias = log_prior(counts, self.kind.units());
        self.with_bias(bias)
    }
}

macro_rules! positive_counts {
    ($($kind:ty),*) => {$(
        impl HeadConfig<$kind> {
            /// Starts the bias of each unit at the log odds of its positives, `ln(n⁺ / n⁻)`, out of `rows` rows.
            /// A unit always or never positive counts half an example of the other.
            pub fn with_positive_counts(self, positives: &[u64], rows: u64) -> Self {
                let bias = log_odds(positives, rows, self.kind.units());
                self.with_bias(bias)
            }
        }
    )*};
}

positive_counts!(YesNo, Labels);

impl HeadConfig<Grades<Coral>> {
    /// Starts the biases evenly falling from 1 to 1/(K−1), so that the cumulative logits begin in order.
    pub fn with_ordered_bias(self) -> Self {
        let units = self.kind.units();
        self.with_bias(Ok((0..units).map(|unit| (units - unit) as f64 / units as f64).collect()))
    }
}

fn log_prior(counts: &[u64], units: usize) -> Result<Vec<f64>, HeadError> {
    if counts.len() != units {
        return Err(HeadError::Counts { found: counts.len(), units });
    }
    let seen: Vec<f64> = counts.iter().map(|count| (*count as f64).max(0.5)).collect();
    if counts.iter().all(|count| *count == 0) {
        return Err(HeadError::Prior { reason: "every count is 0".to_owned() });
    }
    let total: f64 = seen.iter().sum();
    Ok(seen.iter().map(|count| (count / total).ln()).collect())
}

fn log_odds(positives: &[u64], rows: u64, units: usize) -> Result<Vec<f64>, HeadError> {
    if positives.len() != units {
        return Err(HeadError::Counts { found: positives.len(), units });
    }
    if rows == 0 {
        return Err(HeadError::Prior { reason: "there are 0 rows".to_owned() });
    }
    if let Some(unit) = positives.iter().position(|count| *count > rows) {
        let reason = format!("unit {unit} has {} positives in {rows} rows", positives[unit]);
        return Err(HeadError::Prior { reason });
    }
    let some = |count: u64| (count as f64).max(0.5);
    Ok(positives.iter().map(|count| (some(*count) / some(rows - count)).ln()).collect())
}

/// The last layer: `logits = W x + b`, on features or, position by position, on maps.
///
/// Built by [`HeadConfig`]. The kind of answer is part of the head and of every logit that leaves it.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Head<K: Kind> {
    /// `[features, units]`; CORAL's units share one column.
    pub weight: Param<Tensor<2>>,
    /// `[units]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    kind: K,
}

impl<K: Kind> Head<K> {
    /// The kind of answer.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// The logits of a batch.
    ///
    /// # Shapes
    /// - features: `[N, F]`, or a map `[N, F, d…]`, where this is a 1×1 convolution
    /// - logits: `[N, K]` or `[N, K, d…]`
    ///
    /// # Panics
    /// Axis 1 of `features` has another size than the head has input features.
    pub fn forward<const D: usize>(&self, features: Tensor<D>) -> Logits<K, D> {
        let one_column_a_unit = self.kind.weight_columns() == self.kind.units();
        if one_column_a_unit && fits_with(&features, &self.bias.val()) {
            return Logits::of_checked(self.fused(features), self.kind.clone());
        }
        let dims = features.dims();
        let mut units = [1; D];
        units[1] = self.kind.units();
        let bias = self.bias.val().reshape(units);
        let directions = if D == 2 {
            let rows: Tensor<2> = features.reshape([dims[0], dims[1]]);
            rows.matmul(self.weight.val()).reshape(with_axis_1(dims, self.kind.weight_columns()))
        } else {
            let positions = dims[2..].iter().product::<usize>();
            let maps: Tensor<3> = features.reshape([dims[0], dims[1], positions]);
            let weight = self.weight.val().transpose().unsqueeze::<3>();
            weight.matmul(maps).reshape(with_axis_1(dims, self.kind.weight_columns()))
        };
        Logits::of_checked(directions + bias, self.kind.clone())
    }

    /// What it is as a step of a network.
    pub(crate) fn described(&self) -> Described {
        Described {
            kind: StepKind::Head { answer: K::ANSWER, units: self.kind.units() },
            parameters: vec![
                Parameter::learned("weight", &self.weight),
                Parameter::learned("bias", &self.bias),
            ],
        }
    }

    /// The logits, by our kernels.
    fn fused<const D: usize>(&self, features: Tensor<D>) -> Tensor<D> {
        let dims = features.dims();
        let logits = with_axis_1(dims, self.kind.units());
        let (bias, weight) = (self.bias.val(), self.weight.val());
        if D == 2 {
            return affine(features.reshape([dims[0], dims[1]]), weight, Some(bias), false).reshape(logits);
        }
        // A map of any rank is one of two sides: the last axis, and all between the features and it.
        let between = dims[2..D - 1].iter().product();
        let maps: Tensor<4> = features.reshape([dims[0], dims[1], between, dims[D - 1]]);
        pointwise(maps, weight.transpose(), bias).reshape(logits)
    }
}

fn with_axis_1<const D: usize>(mut dims: [usize; D], size: usize) -> [usize; D] {
    dims[1] = size;
    dims
}

impl<K: Kind> ModuleDisplay for Head<K> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new().with_new_line_after_attribute(false).optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [features, _] = self.weight.shape().dims();
        content
            .add("features", &features)
            .add("units", &self.kind.units())
            .add("kind", &format!("{:?}", self.kind))
            .optional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Values;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
        tensor.try_into_vec_as::<f64>().unwrap()
    }

    #[test]
    fn a_map_is_answered_position_by_position() {
        let device = Device::flex();
        let head = HeadConfig::new(3, Classes::new(2)).init(&device).unwrap();
        let map = Tensor::<4>::random([2, 3, 2, 2], burn::tensor::Distribution::Default, &device);
        let logits = head.forward(map.clone()).into_tensor();
        let pixel = map.slice([1..2, 0..3, 1..2, 0..1]).reshape([1, 3]);
        let alone = numbers(head.forward::<2>(pixel).into_tensor());
        let within = numbers(logits.slice([1..2, 0..2, 1..2, 0..1]));
        assert!(alone.iter().zip(&within).all(|(a, b)| (a - b).abs() < 1e-6), "{alone:?} {within:?}");
    }

    #[test]
    fn coral_units_share_one_direction() {
        let device = Device::flex();
        let head = HeadConfig::new(3, Grades::coral(0.0, 5.0, 6)).with_ordered_bias().init(&device).unwrap();
        assert_eq!(head.weight.dims(), [3, 1]);
        let logits = numbers(head.forward::<2>(Tensor::ones([1, 3], &device)).into_tensor());
        let steps: Vec<f64> = logits.windows(2).map(|pair| pair[0] - pair[1]).collect();
        assert!(steps.iter().all(|step| (step - 0.2).abs() < 1e-6), "{logits:?}");
    }

    #[test]
    fn the_prior_is_the_log_share() {
        let bias = log_prior(&[75, 25, 0], 3).unwrap();
        assert!((bias[0] - (75.0_f64 / 100.5).ln()).abs() < 1e-12);
        assert!((bias[2] - (0.5_f64 / 100.5).ln()).abs() < 1e-12);
        assert!((log_odds(&[20], 100, 1).unwrap()[0] - (0.25_f64).ln()).abs() < 1e-12);
        assert!(log_odds(&[0], 100, 1).unwrap()[0].is_finite());
    }

    #[test]
    fn a_head_that_cannot_be_says_why() {
        let device = Device::flex();
        let told = |error: HeadError| error.to_string();
        assert!(told(HeadConfig::new(8, Classes::new(1)).init(&device).unwrap_err()).contains("always 1"));
        assert!(told(HeadConfig::new(0, Values::new(1)).init(&device).unwrap_err()).contains("found 0"));
        let counts = HeadConfig::new(8, Classes::new(3)).with_class_counts(&[1, 2]);
        assert!(told(counts.init(&device).unwrap_err()).contains("2 counts"));
        let odd = HeadConfig::new(8, YesNo).with_positive_counts(&[11], 10);
        assert!(told(odd.init(&device).unwrap_err()).contains("11 positives in 10 rows"));
    }

    #[test]
    fn it_shows_what_it_is() {
        let head = HeadConfig::new(8, Classes::new(3)).init(&Device::flex()).unwrap();
        let shown = head.to_string();
        assert!(shown.contains("units: 3") && shown.contains("Classes"), "{shown}");
    }
}
