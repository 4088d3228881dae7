//! Recipes that answer every pixel of an image.

use serde::{Deserialize, Serialize};

use super::ranges::Range;
use super::{Ranges, RecipeError, Setup};
use crate::models::UNetConfig;

/// Network, data and loss of a recipe for segmentation.
pub type SegmentationSetup = Setup<SegmentationModel, SegmentationData, SegmentationLoss>;

/// The most values that a byte of a mask can have.
const MASK_VALUES: usize = 256;

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

/// What is said of a pixel, and what is done to the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as recipes write it")]
pub struct SegmentationData {
    /// Whether a pixel is of one class or has any of several labels.
    pub answer: PixelAnswer,
    /// What the values of a mask are called, from 0; the first is the background, which as labels is a pixel without any.
    pub classes: Vec<String>,
    /// Share of the training images held out for validation, in (0, 1).
    pub validation: f64,
    /// Share of the images held out for the test where the folder has no `test` of its own, in (0, 1).
    pub test: f64,
    /// Whether each image's grey values are stretched so that its quantiles of 1 % and 99.8 % become 0 and 1, instead of
    /// the darkest and the brightest value that a pixel can have.
    pub stretch: bool,
    /// Subtracted from pixels, which then lie about [0, 1].
    pub mean: f64,
    /// What they are then divided by, above 0.
    pub deviation: f64,
    /// Side of the square that is cut out of a training image at each step; smaller images are mirrored at their edges.
    pub crop: usize,
    /// Whether squares are mirrored, left to right and top to bottom, half of the time each.
    pub flips: bool,
    /// Whether squares are turned by a random number of quarters.
    pub rotations: bool,
    /// Largest logarithm of the factor that brightens or darkens a square, both ways as likely; 0 for none.
    pub brightness: f64,
    /// Whether test images, and those that are predicted on, are answered by the mean logits over the square's eight
    /// symmetries (turned by quarters, mirrored); eight passes instead of one.
    #[serde(default)]
    pub symmetries: bool,
}

/// What a pixel is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelAnswer {
    /// One of the classes: the mask's value is its index.
    Classes,
    /// Any of the labels: bit `k` of the mask's value is the label `k + 1` of `data.classes`.
    Labels,
}

impl PixelAnswer {
    /// Its name in recipes.
    fn name(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Labels => "labels",
        }
    }
}

impl SegmentationData {
    /// How many values a mask may have, from 0.
    pub(crate) fn mask_values(&self) -> usize {
        match self.answer {
            PixelAnswer::Classes => self.classes.len(),
            PixelAnswer::Labels => 1 << self.labels().len(),
        }
    }

    /// What the values of a mask mean, for people.
    pub(crate) fn mask_told(&self) -> String {
        let told = |(value, name): (usize, &String)| format!("{value} {name}");
        match self.answer {
            PixelAnswer::Classes => self.classes.iter().enumerate().map(told).collect::<Vec<_>>().join(", "),
            PixelAnswer::Labels => {
                let bits = self.labels().iter().enumerate().map(|(bit, name)| told((1 << bit, name)));
                format!("the sum of any of: {}", bits.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// What is decided on a pixel, in the order of the network's units.
    pub(crate) fn units(&self) -> &[String] {
        match self.answer {
            PixelAnswer::Classes => &self.classes,
            PixelAnswer::Labels => self.labels(),
        }
    }

    /// How many pixels of a mask have each of the units.
    pub(crate) fn pixels_by_unit<'a>(&self, mask: impl IntoIterator<Item = &'a u8>) -> Vec<u64> {
        let mut values = [0_u64; MASK_VALUES];
        for value in mask {
            values[usize::from(*value)] += 1;
        }
        let with_bit = |bit: usize| {
            values
                .iter()
                .enumerate()
                .filter(move |(value, _)| value >> bit & 1 == 1)
                .map(|(_, count)| count)
                .sum()
        };
        let unit = |unit: usize| match self.answer {
            PixelAnswer::Classes => values[unit],
            PixelAnswer::Labels => with_bit(unit),
        };
        (0..self.units().len()).map(unit).collect()
    }

    fn labels(&self) -> &[String] {
        self.classes.get(1..).unwrap_or_default()
    }

    /// Whether masks can tell the classes apart, and metrics name them.
    ///
    /// # Errors
    /// Too few or too many of them, or two whose metrics would have one name.
    pub(crate) fn check(&self) -> Result<(), RecipeError> {
        let told = |reason: String| Err(RecipeError::Value { key: "data.classes", reason });
        let count = self.classes.len();
        let most = match self.answer {
            PixelAnswer::Classes => MASK_VALUES,
            PixelAnswer::Labels => 1 + MASK_VALUES.ilog2() as usize,
        };
        if !(2..=most).contains(&count) {
            let answer = self.answer.name();
            return told(format!(
                "{count} names; with `data.answer = \"{answer}\"` a mask of bytes has from 2 to {most}, background included"
            ));
        }
        let mut keys: Vec<String> = Vec::with_capacity(count);
        for name in &self.classes {
            let key = metric_key(name);
            if !key.chars().any(char::is_alphanumeric) {
                return told(format!("the name `{name}` has no letter or digit"));
            }
            if keys.contains(&key) {
                return told(format!("the metrics of two classes would be called `{key}`; name them apart"));
            }
            keys.push(key);
        }
        Ok(())
    }
}

/// A class's name as part of a metric's.
pub(crate) fn metric_key(class: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '_' };
    class.trim().to_lowercase().chars().map(plain).collect()
}

/// The loss: cross entropy and Dice, added as weighted.
///
/// Of classes it is the cross entropy of the softmax, of labels the binary cross entropy of the sigmoids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentationLoss {
    /// Factor of the cross entropy, not negative.
    pub cross_entropy: f64,
    /// How the cross entropy weighs the classes.
    pub class_weights: ClassWeights,
    /// Share of the target that is spread over all classes, in [0, 1].
    #[serde(default)]
    pub label_smoothing: f64,
    /// Factor of the Dice loss, not negative; above 0 where the cross entropy's is 0.
    pub dice: f64,
}

/// How the cross entropy weighs classes, from their pixels in the training masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeights {
    /// All the same.
    None,
    /// Inversely to their number: `N / (K n)`, and `(N − n) / n` for a label's positives.
    Balanced,
    /// The square root of the balanced weight, between the two.
    Root,
}

impl ClassWeights {
    /// Weights from `counts` pixels of each unit among `total`; nothing where all weigh the same. A unit without any
    /// pixel is told by its index.
    pub(crate) fn of(
        self,
        answer: PixelAnswer,
        counts: &[u64],
        total: u64,
    ) -> Result<Option<Vec<f64>>, usize> {
        if self == Self::None {
            return Ok(None);
        }
        if let Some(absent) = counts.iter().position(|count| *count == 0) {
            return Err(absent);
        }
        let balanced = |count: &u64| match answer {
            PixelAnswer::Classes => total as f64 / (counts.len() as f64 * *count as f64),
            PixelAnswer::Labels => (total - count) as f64 / *count as f64,
        };
        let weight = |count: &u64| match self {
            Self::Root => balanced(count).sqrt(),
            _ => balanced(count),
        };
        Ok(Some(counts.iter().map(weight).collect()))
    }
}

impl SegmentationLoss {
    /// Whether the loss is the plain cross entropy, which the metric `log_loss` is too.
    pub(crate) fn is_log_loss(&self) -> bool {
        (self.cross_entropy, self.label_smoothing, self.dice) == (1.0, 0.0, 0.0)
            && self.class_weights == ClassWeights::None
    }
}

impl Ranges for SegmentationSetup {
    fn ranges(&self) -> Vec<Range> {
        let Setup { model, data, loss } = self;
        let not_negative = |key, value| {
            Range::new(key, value, "finite and not negative", |value: f64| value.is_finite() && value >= 0.0)
        };
        let mut ranges = vec![
            Range::new("model.width", model.width as f64, "from 1 to 256", |value| {
                (1.0..=256.0).contains(&value)
            }),
            Range::new("model.depth", model.depth as f64, "from 1 to 6", |value| {
                (1.0..=6.0).contains(&value)
            }),
            Range::validation(data.validation),
            Range::new("data.test", data.test, "above 0 and below 1", |value| value > 0.0 && value < 1.0),
            Range::new("data.mean", data.mean, "finite", f64::is_finite),
            Range::new("data.deviation", data.deviation, "finite and above 0", |value| {
                value.is_finite() && value > 0.0
            }),
            Range::new("data.crop", data.crop as f64, "from 8 to 2048", |value| {
                (8.0..=2048.0).contains(&value)
            }),
            Range::new("data.brightness", data.brightness, "from 0 to 3", |value| {
                (0.0..=3.0).contains(&value)
            }),
            not_negative("loss.cross_entropy", loss.cross_entropy),
            not_negative("loss.dice", loss.dice),
            Range::new("loss.label_smoothing", loss.label_smoothing, "in [0, 1]", |value| {
                (0.0..=1.0).contains(&value)
            }),
        ];
        if loss.cross_entropy == 0.0 {
            ranges.push(Range::new(
                "loss.dice",
                loss.dice,
                "above 0 where `loss.cross_entropy` is 0",
                |value| value > 0.0,
            ));
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, TaskConfig};

    fn setup(settings: &[&str]) -> SegmentationSetup {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let recipe = Recipe::load("nuclei", &settings).unwrap();
        let TaskConfig::Segmentation(setup) = recipe.task else { panic!("{:?}", recipe.task) };
        setup
    }

    #[test]
    fn weights_even_out_what_is_rare() {
        let counts = [900, 75, 25];
        let of = |weights: ClassWeights, answer| weights.of(answer, &counts, 1000).unwrap();
        assert_eq!(of(ClassWeights::None, PixelAnswer::Classes), None);
        let balanced = of(ClassWeights::Balanced, PixelAnswer::Classes).unwrap();
        for (weight, count) in balanced.iter().zip(counts) {
            assert!((weight * count as f64 - 1000.0 / 3.0).abs() < 1e-9, "{balanced:?}");
        }
        let root = of(ClassWeights::Root, PixelAnswer::Classes).unwrap();
        assert!(root.iter().zip(&balanced).all(|(root, whole)| (root * root - whole).abs() < 1e-9));
        assert!((of(ClassWeights::Balanced, PixelAnswer::Labels).unwrap()[2] - 39.0).abs() < 1e-12);
        assert_eq!(ClassWeights::Root.of(PixelAnswer::Classes, &[5, 0], 5), Err(1));
    }

    #[test]
    fn the_bits_of_a_mask_are_labels() {
        let data = setup(&["data.answer=labels"]).data;
        assert_eq!((data.units(), data.mask_values()), (&["nucleus", "boundary"].map(str::to_owned)[..], 4));
        assert_eq!(data.mask_told(), "the sum of any of: 1 nucleus, 2 boundary");
        let data = setup(&[]).data;
        assert_eq!((data.units().len(), data.mask_values()), (3, 3));
        assert_eq!(data.mask_told(), "0 background, 1 nucleus, 2 boundary");
    }

    #[test]
    fn classes_that_cannot_be_told_apart_are_refused() {
        let refused = |classes: &str, answer: &str| {
            let setup = setup(&[&format!("data.classes={classes}"), &format!("data.answer={answer}")]);
            setup.data.check().unwrap_err().to_string()
        };
        assert!(refused("['a']", "classes").contains("1 names"));
        assert!(refused("['a','b','c','d','e','f','g','h','i','j']", "labels").contains("from 2 to 9"));
        assert!(refused("['a b','A_B']", "classes").contains("`a_b`"));
        assert!(refused("['a','--']", "classes").contains("`--`"));
    }
}
