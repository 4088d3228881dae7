//! Recipes for pairs of digits.

use logit::loss::SquaredLoss;
use logit_data::pairs::PairsConfig;
use logit_data::range::Range;

use super::{Setup, TaskSetup};
use crate::models::DetectionPoolingConfig;

/// Network, data and loss of a recipe for pairs of digits.
pub type PairsSetup = Setup<DetectionPoolingConfig, PairsConfig, SquaredLoss>;

impl TaskSetup for PairsSetup {
    fn ranges(&self) -> Vec<Range> {
        let model = &self.model;
        let divides: fn(f64) -> bool =
            if model.pool > 0 && model.units.is_multiple_of(model.pool) { |_| true } else { |_| false };
        let mut ranges = vec![
            Range::at_least_one("model.units", model.units),
            Range::new("model.pool", model.pool as f64, "a divisor of `model.units`", divides),
            Range::positive("model.deviation", model.deviation),
        ];
        ranges.extend(self.data.ranges());
        ranges
    }
}
