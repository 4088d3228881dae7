//! What a recipe says of a pixel, and of the images.

use serde::{Deserialize, Serialize};

use crate::range::{ConfigError, Range};

/// The most values that a byte of a mask can have.
const MASK_VALUES: usize = 256;

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
    pub fn mask_values(&self) -> usize {
        match self.answer {
            PixelAnswer::Classes => self.classes.len(),
            PixelAnswer::Labels => 1 << self.labels().len(),
        }
    }

    /// What the values of a mask mean, for people.
    pub fn mask_meanings(&self) -> String {
        let meaning = |(value, name): (usize, &String)| format!("{value} {name}");
        match self.answer {
            PixelAnswer::Classes => {
                self.classes.iter().enumerate().map(meaning).collect::<Vec<_>>().join(", ")
            }
            PixelAnswer::Labels => {
                let bits = self.labels().iter().enumerate().map(|(bit, name)| meaning((1 << bit, name)));
                format!("the sum of any of: {}", bits.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// What is decided on a pixel, in the order of the network's units.
    pub fn units(&self) -> &[String] {
        match self.answer {
            PixelAnswer::Classes => &self.classes,
            PixelAnswer::Labels => self.labels(),
        }
    }

    /// How many pixels of a mask have each of the units.
    pub fn pixels_by_unit<'a>(&self, mask: impl IntoIterator<Item = &'a u8>) -> Vec<u64> {
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

    /// The values that must lie in a range.
    pub fn ranges(&self) -> Vec<Range> {
        vec![
            Range::validation(self.validation),
            Range::held_out("data.test", self.test),
            Range::finite("data.mean", self.mean),
            Range::positive("data.deviation", self.deviation),
            Range::new("data.crop", self.crop as f64, "from 8 to 2048", |value| {
                (8.0..=2048.0).contains(&value)
            }),
            Range::new("data.brightness", self.brightness, "from 0 to 3", |value| {
                (0.0..=3.0).contains(&value)
            }),
        ]
    }

    /// Whether masks can tell the classes apart, and metrics name them.
    ///
    /// # Errors
    /// Too few or too many of them, or two whose metrics would have one name.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refused = |reason: String| Err(ConfigError { key: "data.classes", reason });
        let count = self.classes.len();
        let most = match self.answer {
            PixelAnswer::Classes => MASK_VALUES,
            PixelAnswer::Labels => 1 + MASK_VALUES.ilog2() as usize,
        };
        if !(2..=most).contains(&count) {
            let answer = self.answer.name();
            return refused(format!(
                "{count} names; with `data.answer = \"{answer}\"` a mask of bytes has from 2 to {most}, background included"
            ));
        }
        let mut keys: Vec<String> = Vec::with_capacity(count);
        for name in &self.classes {
            let key = metric_key(name);
            if !key.chars().any(char::is_alphanumeric) {
                return refused(format!("the name `{name}` has no letter or digit"));
            }
            if keys.contains(&key) {
                return refused(format!(
                    "the metrics of two classes would be called `{key}`; name them apart"
                ));
            }
            keys.push(key);
        }
        Ok(())
    }
}

/// A class's name as part of a metric's.
pub fn metric_key(class: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '_' };
    class.trim().to_lowercase().chars().map(plain).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the recipe for nuclei says, with other names for the classes.
    pub(in super::super) fn data(answer: PixelAnswer, classes: &[&str]) -> SegmentationData {
        SegmentationData {
            answer,
            classes: classes.iter().map(|name| (*name).to_owned()).collect(),
            validation: 0.1,
            test: 0.2,
            stretch: true,
            mean: 0.057,
            deviation: 0.135,
            crop: 8,
            flips: false,
            rotations: false,
            brightness: 0.2,
            symmetries: true,
        }
    }

    #[test]
    fn the_bits_of_a_mask_are_labels() {
        let nuclei = ["background", "nucleus", "boundary"];
        let labels = data(PixelAnswer::Labels, &nuclei);
        assert_eq!(
            (labels.units(), labels.mask_values()),
            (&["nucleus", "boundary"].map(str::to_owned)[..], 4)
        );
        assert_eq!(labels.mask_meanings(), "the sum of any of: 1 nucleus, 2 boundary");
        assert_eq!(labels.pixels_by_unit(&[0, 1, 2, 3, 3]), [3, 3]);
        let classes = data(PixelAnswer::Classes, &nuclei);
        assert_eq!((classes.units().len(), classes.mask_values()), (3, 3));
        assert_eq!(classes.mask_meanings(), "0 background, 1 nucleus, 2 boundary");
        assert_eq!(classes.pixels_by_unit(&[0, 1, 2, 2]), [1, 1, 2]);
    }

    #[test]
    fn classes_that_cannot_be_told_apart_are_refused() {
        let refused = |classes: &[&str], answer| data(answer, classes).check().unwrap_err().to_string();
        assert!(refused(&["a"], PixelAnswer::Classes).starts_with("`data.classes`: 1 names"));
        let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        assert!(refused(&ten, PixelAnswer::Labels).contains("from 2 to 9"));
        assert!(refused(&["a b", "A_B"], PixelAnswer::Classes).contains("`a_b`"));
        assert!(refused(&["a", "--"], PixelAnswer::Classes).contains("`--`"));
        data(PixelAnswer::Classes, &ten).check().unwrap();
    }
}
