//! What a pixel is answered with, as the network, the loss and the masks see it.

use burn::tensor::{Device, Int, Tensor, TensorData};
use logit::calibration::{Aim, Offsets, Thresholds};
use logit::loss::{BinaryCrossEntropyLoss, CrossEntropyLoss, DiceLoss, Loss};
use logit::metrics::{ConfusionMatrix, LabelConfusion, MetricError, Ranking};
use logit::{Classes, Labels, Logits, LossError};
use logit_kernels::row::argmax;
use logit_spec::Loss as LossName;

use super::overlay::{Palette, class_palette, label_palette};
use super::tally::Decisions;
use crate::error::ZooError;
use crate::models::Output;
use crate::recipe::{SegmentationLoss, Weights};
use crate::run::Calibration;
use crate::system::answer::{sigmoid, sigmoids};
use crate::telemetry::{Truth, TruthOfTensors as _};

/// The probability from which on a label is decided for, where none was fitted.
const EVEN: f64 = 0.5;

/// A kind of answer per pixel.
pub(crate) trait MaskAnswer: Output + 'static {
    type Targets: Send;

    /// Masks `[N, H, W]` as the loss takes them.
    fn targets(&self, masks: &[u8], shape: [usize; 3], device: &Device) -> Self::Targets;

    /// What the logits of a batch are compared with.
    fn truth(&self, targets: &Self::Targets) -> Result<Truth, ZooError>;

    /// The loss of a batch.
    fn loss(&self, logits: Logits<Self::Kind, 4>, targets: Self::Targets) -> Result<Tensor<1>, LossError>;

    /// How much each unit weighs, from its pixels and all of them; none where all weigh the same.
    fn weights(how: Weights, pixels: &[u64], total: u64) -> Option<Vec<f64>>;

    /// Weighs the units: classes, or a label's positives.
    fn weigh(&mut self, weights: Vec<f64>);

    /// What decides better than logits alone, from rows of logits and the mask's values.
    fn calibrated(&self, logits: &[f32], masks: &[u8]) -> Result<Calibration, ZooError>;

    /// The mask's value that a pixel's logits decide for.
    fn decide(&self, logits: &[f32], calibration: &Calibration) -> u8;

    /// Whether a mask's value says that a unit is there.
    fn holds(value: u8, unit: usize) -> bool;

    /// Decisions, none counted yet.
    fn decisions(&self) -> Result<Decisions, MetricError>;

    /// The colours of a mask's values.
    fn palette() -> Palette;
}

/// Factors of cross entropy and Dice; a loss whose factor is 0 is not computed.
struct Factors {
    cross_entropy: f64,
    dice: f64,
}

impl Factors {
    fn of(config: &SegmentationLoss) -> Self {
        Self { cross_entropy: config.cross_entropy, dice: config.dice }
    }

    fn sum(
        &self,
        cross_entropy: impl FnOnce() -> Result<Loss, LossError>,
        dice: impl FnOnce() -> Result<Loss, LossError>,
    ) -> Result<Tensor<1>, LossError> {
        let times = |loss: Loss, factor: f64| loss.value.mul_scalar(factor);
        Ok(match (self.cross_entropy > 0.0, self.dice > 0.0) {
            (true, false) => times(cross_entropy()?, self.cross_entropy),
            (false, true) => times(dice()?, self.dice),
            _ => times(cross_entropy()?, self.cross_entropy) + times(dice()?, self.dice),
        })
    }
}

/// One class per pixel: the mask's value.
pub(crate) struct OneClass {
    classes: Vec<String>,
    factors: Factors,
    cross_entropy: CrossEntropyLoss,
}

impl OneClass {
    pub(crate) fn new(classes: &[String], config: &SegmentationLoss) -> Self {
        let cross_entropy = CrossEntropyLoss::new().with_label_smoothing(config.label_smoothing);
        Self { classes: classes.to_vec(), factors: Factors::of(config), cross_entropy }
    }
}

impl Output for OneClass {
    type Kind = Classes;

    fn kind(&self) -> Classes {
        Classes::new(self.classes.len())
    }

    fn loss_name(&self) -> LossName {
        LossName::CrossEntropy
    }

    fn units(&self) -> Vec<String> {
        self.classes.clone()
    }
}

impl MaskAnswer for OneClass {
    type Targets = Tensor<3, Int>;

    fn targets(&self, masks: &[u8], shape: [usize; 3], device: &Device) -> Self::Targets {
        let indices: Vec<i64> = masks.iter().map(|value| i64::from(*value)).collect();
        Tensor::from_data(TensorData::new(indices, shape), device)
    }

    fn truth(&self, targets: &Self::Targets) -> Result<Truth, ZooError> {
        Truth::classes(targets)
    }

    fn loss(&self, logits: Logits<Classes, 4>, targets: Self::Targets) -> Result<Tensor<1>, LossError> {
        self.factors.sum(
            || self.cross_entropy.forward(logits.clone(), targets.clone()),
            || DiceLoss::new().forward(logits.clone(), targets.clone()),
        )
    }

    fn weights(how: Weights, pixels: &[u64], _: u64) -> Option<Vec<f64>> {
        how.of_classes(pixels)
    }

    fn weigh(&mut self, weights: Vec<f64>) {
        self.cross_entropy = self.cross_entropy.clone().with_weight(weights);
    }

    /// The offsets with the highest mean IoU.
    fn calibrated(&self, logits: &[f32], masks: &[u8]) -> Result<Calibration, ZooError> {
        Ok(Calibration::Offsets(Offsets::fit_classes(logits, masks, self.classes.len(), None)?))
    }

    fn decide(&self, logits: &[f32], calibration: &Calibration) -> u8 {
        match calibration {
            Calibration::Offsets(offsets) => offsets.decide_row(logits) as u8,
            _ => argmax(logits) as u8,
        }
    }

    fn holds(value: u8, unit: usize) -> bool {
        usize::from(value) == unit
    }

    fn decisions(&self) -> Result<Decisions, MetricError> {
        Ok(Decisions::Classes(ConfusionMatrix::new(self.classes.len())?))
    }

    fn palette() -> Palette {
        class_palette()
    }
}

/// Any of some labels per pixel: the bits of the mask's value.
pub(crate) struct AnyLabels {
    labels: Vec<String>,
    factors: Factors,
    cross_entropy: BinaryCrossEntropyLoss,
}

impl AnyLabels {
    pub(crate) fn new(labels: &[String], config: &SegmentationLoss) -> Self {
        let cross_entropy = BinaryCrossEntropyLoss::new().with_label_smoothing(config.label_smoothing);
        Self { labels: labels.to_vec(), factors: Factors::of(config), cross_entropy }
    }
}

impl Output for AnyLabels {
    type Kind = Labels;

    fn kind(&self) -> Labels {
        Labels::new(self.labels.len())
    }

    fn loss_name(&self) -> LossName {
        LossName::BinaryCrossEntropy
    }

    fn units(&self) -> Vec<String> {
        self.labels.clone()
    }
}

impl MaskAnswer for AnyLabels {
    type Targets = Tensor<4>;

    fn targets(&self, masks: &[u8], [count, height, width]: [usize; 3], device: &Device) -> Self::Targets {
        let of_label = |mask: &[u8], label: usize| -> Vec<f32> {
            mask.iter().map(|value| f32::from(value >> label & 1)).collect()
        };
        let (planes, labels) = (masks.chunks((height * width).max(1)), self.labels.len());
        let values: Vec<f32> =
            planes.flat_map(|mask| (0..labels).flat_map(|label| of_label(mask, label))).collect();
        Tensor::from_data(TensorData::new(values, [count, labels, height, width]), device)
    }

    fn truth(&self, targets: &Self::Targets) -> Result<Truth, ZooError> {
        // From map after map to position after position, as rows of labels.
        let dims = targets.dims();
        let rows = targets.clone().permute([0, 2, 3, 1]).reshape([dims[0] * dims[2] * dims[3] * dims[1]]);
        Ok(Truth::Labels(rows.try_into_vec_as()?))
    }

    fn loss(&self, logits: Logits<Labels, 4>, targets: Self::Targets) -> Result<Tensor<1>, LossError> {
        self.factors.sum(
            || self.cross_entropy.forward(logits.clone(), targets.clone()),
            || DiceLoss::new().forward(logits.clone(), targets.clone()),
        )
    }

    fn weights(how: Weights, pixels: &[u64], total: u64) -> Option<Vec<f64>> {
        how.of_labels(pixels, total)
    }

    fn weigh(&mut self, weights: Vec<f64>) {
        self.cross_entropy = self.cross_entropy.clone().with_pos_weight(weights);
    }

    /// The thresholds with the highest F1, and so the highest IoU.
    fn calibrated(&self, logits: &[f32], masks: &[u8]) -> Result<Calibration, ZooError> {
        let labels = self.labels.len();
        let truth: Vec<bool> =
            masks.iter().flat_map(|mask| (0..labels).map(move |label| mask >> label & 1 == 1)).collect();
        let thresholds = best_thresholds(&sigmoids(logits, 1.0), &truth, labels)?;
        Ok(Calibration::Thresholds { temperature: None, thresholds })
    }

    fn decide(&self, logits: &[f32], calibration: &Calibration) -> u8 {
        let thresholds = calibration.thresholds().unwrap_or_default();
        let decided = |label: usize, logit: f32| match thresholds.get(label) {
            Some(threshold) => sigmoid(logit, 1.0) >= *threshold as f32,
            None => logit >= 0.0,
        };
        logits
            .iter()
            .enumerate()
            .fold(0, |mask, (label, logit)| mask | u8::from(decided(label, *logit)) << label)
    }

    fn holds(value: u8, unit: usize) -> bool {
        value >> unit & 1 == 1
    }

    fn decisions(&self) -> Result<Decisions, MetricError> {
        Ok(Decisions::Labels(LabelConfusion::new(self.labels.len())?))
    }

    fn palette() -> Palette {
        label_palette()
    }
}

/// Of each label the threshold with the highest F1; one that is never true says nothing about its own.
fn best_thresholds(probabilities: &[f32], truth: &[bool], labels: usize) -> Result<Vec<f64>, ZooError> {
    let threshold = |label: usize| {
        let column: Vec<f32> = probabilities.iter().skip(label).step_by(labels).copied().collect();
        let truth: Vec<bool> = truth.iter().skip(label).step_by(labels).copied().collect();
        let mut ranking = Ranking::new(1)?;
        ranking.update_labels(&column, &truth, None)?;
        Ok(Thresholds::fit(&ranking, Aim::MaxF { beta: 1.0 }).map_or(EVEN, |fitted| fitted.values()[0]))
    };
    (0..labels).map(threshold).collect()
}

#[cfg(test)]
mod tests {
    use logit::Kind;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|unit| unit.to_string()).collect()
    }

    fn config(cross_entropy: f64, dice: f64) -> SegmentationLoss {
        SegmentationLoss { cross_entropy, class_weights: Weights::None, label_smoothing: 0.0, dice }
    }

    fn logits<K: Kind>(kind: K, values: &[f32]) -> Logits<K, 4> {
        let units = kind.units();
        let data = TensorData::new(values.to_vec(), [1, units, 1, values.len() / units]);
        Logits::new(Tensor::from_data(data, &Device::flex()), kind).unwrap()
    }

    fn number(loss: Result<Tensor<1>, LossError>) -> f64 {
        f64::from(loss.unwrap().into_scalar::<f32>())
    }

    #[test]
    fn the_loss_is_the_weighted_sum_of_its_parts() {
        // Two classes, a pixel of each; p = 1/2 at the first and e²/(1 + e²) at the second.
        let sure = 2.0_f64.exp() / (1.0 + 2.0_f64.exp());
        let cross_entropy = (2.0_f64.ln() - sure.ln()) / 2.0;
        let dice = |hits: f64, guessed: f64| 1.0 - 2.0 * hits / (guessed + 1.0);
        let dice = f64::midpoint(dice(0.5, 0.5 + 1.0 - sure), dice(sure, 0.5 + sure));
        let loss = |first: f64, second: f64| {
            let answer = OneClass::new(&names(2), &config(first, second));
            let targets = answer.targets(&[0, 1], [1, 1, 2], &Device::flex());
            number(answer.loss(logits(answer.kind(), &[0.0, 0.0, 0.0, 2.0]), targets))
        };
        assert!((loss(1.0, 0.0) - cross_entropy).abs() < 1e-6);
        assert!((loss(0.0, 2.0) - 2.0 * dice).abs() < 1e-6);
        assert!((loss(0.5, 3.0) - (0.5 * cross_entropy + 3.0 * dice)).abs() < 1e-6);
    }

    #[test]
    fn weights_reach_the_cross_entropy() {
        let loss = |weights: Option<Vec<f64>>| {
            let mut answer = OneClass::new(&names(2), &config(1.0, 0.0));
            if let Some(weights) = weights {
                answer.weigh(weights);
            }
            let targets = answer.targets(&[0, 1], [1, 1, 2], &Device::flex());
            number(answer.loss(logits(answer.kind(), &[1.0, 0.0, 0.0, 0.0]), targets))
        };
        let first = (1.0 + (-1.0_f64).exp()).ln();
        assert!((loss(None) - f64::midpoint(first, 2.0_f64.ln())).abs() < 1e-6);
        assert!((loss(Some(vec![3.0, 1.0])) - (3.0 * first + 2.0_f64.ln()) / 4.0).abs() < 1e-6);
    }

    #[test]
    fn labels_are_the_bits_of_a_mask() {
        let mut answer = AnyLabels::new(&names(2), &config(1.0, 0.0));
        answer.weigh(vec![5.0, 1.0]);
        let targets = answer.targets(&[0, 1, 2, 3], [1, 2, 2], &Device::flex());
        assert_eq!(targets.dims(), [1, 2, 2, 2]);
        assert_eq!(targets.clone().try_into_vec_as::<f32>().unwrap(), [0., 1., 0., 1., 0., 0., 1., 1.]);
        let masks = [[-1.0, -1.0], [0.0, -1.0], [-2.0, 3.0], [1.0, 1.0]]
            .map(|row| answer.decide(&row, &Calibration::None));
        assert_eq!(masks, [0, 1, 2, 3]);
        // All logits 0: ln 2 each, five times as much for the two positives of the first label.
        let flat = logits(answer.kind(), &[0.0; 8]);
        let loss = number(answer.loss(flat, targets.reshape([1, 2, 1, 4])));
        assert!((loss - 2.0_f64.ln() * (8.0 + 2.0 * 4.0) / 8.0).abs() < 1e-6);
    }

    #[test]
    fn a_pixel_is_of_the_class_with_the_largest_logit() {
        let answer = OneClass::new(&names(3), &config(1.0, 1.0));
        assert_eq!(
            [[0.0, -1.0, 2.0], [3.0, 3.0, 1.0]].map(|row| answer.decide(&row, &Calibration::None)),
            [2, 0]
        );
    }
}
