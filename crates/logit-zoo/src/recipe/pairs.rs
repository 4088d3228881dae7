//! Recipes for pairs of digits.

use logit::loss::SquaredLoss;
use serde::{Deserialize, Serialize};

use super::ranges::Range;
use super::{Ranges, Setup};
use crate::data::Sampling;
use crate::models::DetectionPoolingConfig;

/// Network, data and loss of a recipe for pairs of digits.
pub type PairsSetup = Setup<DetectionPoolingConfig, PairsConfig, SquaredLoss>;

/// How pairs are made of digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairsConfig {
    /// Share of the training digits held out for validation, in (0, 1).
    pub validation: f64,
    /// How pairs are drawn, in every part.
    pub sampling: Sampling,
    /// What a black pixel is coded as, at most 0.
    pub low: f64,
    /// What a white pixel is coded as, above 0.
    pub high: f64,
    /// Pixels by which each training digit is moved at random in its half, each way, at each step; 0 for none.
    #[serde(default)]
    pub shift: usize,
    /// Training pairs an epoch, drawn anew for each step.
    pub pairs: usize,
    /// Validation pairs, the same after each epoch.
    pub validation_pairs: usize,
    /// Test pairs.
    pub test_pairs: usize,
    /// What decides the test pairs; apart from the run's seed, so that runs are judged on the same pairs.
    pub test_seed: u64,
}

impl Ranges for PairsSetup {
    fn ranges(&self) -> Vec<Range> {
        let (model, data) = (&self.model, &self.data);
        let divides: fn(f64) -> bool =
            if model.pool > 0 && model.units.is_multiple_of(model.pool) { |_| true } else { |_| false };
        let pairs = |key, count: usize| {
            Range::new(key, count as f64, "from 1 to 10000000", |value| (1.0..=1e7).contains(&value))
        };
        vec![
            Range::at_least_one("model.units", model.units),
            Range::new("model.pool", model.pool as f64, "a divisor of `model.units`", divides),
            Range::new("model.deviation", model.deviation, "finite and above 0", |value| {
                value.is_finite() && value > 0.0
            }),
            Range::validation(data.validation),
            Range::new("data.low", data.low, "finite and at most 0", |value| {
                value.is_finite() && value <= 0.0
            }),
            Range::new("data.high", data.high, "finite and above 0", |value| {
                value.is_finite() && value > 0.0
            }),
            Range::new("data.shift", data.shift as f64, "at most 28", |value| value <= 28.0),
            pairs("data.pairs", data.pairs),
            pairs("data.validation_pairs", data.validation_pairs),
            pairs("data.test_pairs", data.test_pairs),
        ]
    }
}
