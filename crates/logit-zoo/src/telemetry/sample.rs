//! The chosen samples: what they are, for those who watch.

use serde::{Deserialize, Serialize};

use super::check::Subject;

/// What is watched of a run, written when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// What the last layer is for, and the loss on it.
    pub subject: Subject,
    /// The names of the units.
    pub names: Vec<String>,
    /// Steps that the training is to have.
    pub steps: u64,
    /// The chosen samples.
    pub samples: Vec<Sample>,
}

/// A chosen sample of the training part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its row in the training part.
    pub row: u32,
    /// What is true of it.
    pub truth: String,
    /// What the network is given.
    pub input: Input,
}

/// What a network is given, so that people see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Input {
    /// A picture.
    Picture {
        /// Pixels a row.
        width: usize,
        /// Rows.
        height: usize,
        /// 1, or 3 for colours.
        channels: usize,
        /// A byte a channel, pixel by pixel, in Base64.
        pixels: String,
    },
    /// Sentences.
    Text {
        /// One a line.
        lines: Vec<String>,
    },
    /// The columns of a row.
    Fields {
        /// Name and value of each.
        fields: Vec<[String; 2]>,
    },
    /// Nothing that can be shown.
    None,
}

impl Input {
    /// A picture of bytes.
    pub(crate) fn picture([width, height, channels]: [usize; 3], bytes: &[u8]) -> Self {
        use base64::Engine as _;

        let pixels = base64::engine::general_purpose::STANDARD.encode(bytes);
        Self::Picture { width, height, channels, pixels }
    }

    /// Width, height and channels of a picture, and its bytes.
    pub(crate) fn pixels(&self) -> Option<([usize; 3], Vec<u8>)> {
        use base64::Engine as _;

        let Self::Picture { width, height, channels, pixels } = self else { return None };
        let bytes = base64::engine::general_purpose::STANDARD.decode(pixels).ok()?;
        Some(([*width, *height, *channels], bytes))
    }
}

/// Some rows of so many, evenly spread.
pub(crate) fn spread(rows: u32, count: u32) -> Vec<u32> {
    let count = count.min(rows);
    (0..count).map(|at| (u64::from(at) * u64::from(rows) / u64::from(count)) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_gives_its_bytes_back() {
        let picture = Input::picture([2, 1, 3], &[1, 2, 3, 4, 5, 255]);
        assert_eq!(picture.pixels(), Some(([2, 1, 3], vec![1, 2, 3, 4, 5, 255])));
        assert_eq!(Input::None.pixels(), None);
    }

    #[test]
    fn rows_are_spread() {
        assert_eq!(spread(16, 4), [0, 4, 8, 12]);
        assert_eq!(spread(3, 8), [0, 1, 2]);
        assert!(spread(0, 8).is_empty());
    }
}
