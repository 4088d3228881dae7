//! Recipes that answer every pixel of an image.

use logit_data::Weights;
use logit_data::range::{ConfigError, Range};
use logit_data::segmentation::SegmentationData;
use serde::{Deserialize, Serialize};

use super::{Setup, TaskSetup};
use crate::models::UNetConfig;

/// Network, data and loss of a recipe for segmentation.
pub type SegmentationSetup = Setup<SegmentationModel, SegmentationData, SegmentationLoss>;

/// The size of a [`UNet`](crate::models::UNet) over grey images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentationModel {
    /// Channels of the first level, from 1 to 256; each level further down has twice as many.
    pub width: usize,
    /// How often the map is halved, from 1 to 6.
    pub depth: usize,
}

impl SegmentationModel {
    /// The network's configuration.
    pub(crate) fn unet(&self) -> UNetConfig {
        UNetConfig { channels: 1, width: self.width, depth: self.depth }
    }
}

/// The loss: cross entropy and Dice, added as weighted.
///
/// Of classes it is the cross entropy of the softmax, of labels the binary cross entropy of the sigmoids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentationLoss {
    /// Factor of the cross entropy, not negative.
    pub cross_entropy: f64,
    /// How the cross entropy weighs classes, from their pixels in the training masks.
    pub class_weights: Weights,
    /// Share of the target that is spread over all classes, in [0, 1].
    #[serde(default)]
    pub label_smoothing: f64,
    /// Factor of the Dice loss, not negative; above 0 where the cross entropy's is 0.
    pub dice: f64,
}

impl SegmentationLoss {
    /// Whether the loss is the plain cross entropy, which the metric `log_loss` is too.
    pub(crate) fn is_log_loss(&self) -> bool {
        (self.cross_entropy, self.label_smoothing, self.dice) == (1.0, 0.0, 0.0)
            && self.class_weights == Weights::None
    }
}

impl TaskSetup for SegmentationSetup {
    fn ranges(&self) -> Vec<Range> {
        let Setup { model, data, loss } = self;
        let mut ranges = vec![
            Range::new("model.width", model.width as f64, "from 1 to 256", |value| {
                (1.0..=256.0).contains(&value)
            }),
            Range::new("model.depth", model.depth as f64, "from 1 to 6", |value| {
                (1.0..=6.0).contains(&value)
            }),
        ];
        ranges.extend(data.ranges());
        ranges.extend([
            Range::not_negative("loss.cross_entropy", loss.cross_entropy),
            Range::not_negative("loss.dice", loss.dice),
            Range::new("loss.label_smoothing", loss.label_smoothing, "in [0, 1]", |value| {
                (0.0..=1.0).contains(&value)
            }),
        ]);
        if loss.cross_entropy == 0.0 {
            let wanted = "above 0 where `loss.cross_entropy` is 0";
            ranges.push(Range::new("loss.dice", loss.dice, wanted, |value| value > 0.0));
        }
        ranges
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.data.check()
    }
}
