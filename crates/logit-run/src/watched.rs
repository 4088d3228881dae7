//! What is watched of a run: its head, its units, and chosen samples, for people to look at. `watched.json`.

use base64::Engine as _;
use logit_spec::{Answer, Loss};
use serde::{Deserialize, Serialize};

use crate::bounded::at_most;

/// The most units whose names are read.
const MOST_UNITS: usize = 1 << 20;

/// The most samples, or the most lines and fields of one, that are read.
const MOST_SAMPLES: usize = 1 << 12;

/// The head that is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The kind of answer.
    pub answer: Answer,
    /// Units of the head.
    pub units: usize,
    /// The loss, and so what it takes: logits, log-probabilities, probabilities or values.
    pub loss: Loss,
}

/// What is watched of a run, written when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// What the last layer is for, and the loss on it.
    pub subject: Subject,
    /// The names of the units.
    #[serde(default, deserialize_with = "at_most::<MOST_UNITS, _, _>")]
    pub names: Vec<String>,
    /// Steps that the training is to have; 0 where that is not known.
    #[serde(default)]
    pub steps: u64,
    /// The chosen samples.
    #[serde(default, deserialize_with = "at_most::<MOST_SAMPLES, _, _>")]
    pub samples: Vec<Sample>,
}

impl Watched {
    /// A head whose units have these names; no samples, and as many steps as will come.
    pub fn of<N: Into<String>>(subject: Subject, names: impl IntoIterator<Item = N>) -> Self {
        Self { subject, names: names.into_iter().map(Into::into).collect(), steps: 0, samples: Vec::new() }
    }
}

/// A chosen sample of the training part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its row in the training part.
    pub row: u32,
    /// What is true of it; empty where that differs from pass to pass.
    pub truth: String,
    /// What the network is given: of an image from which each pass is shown a part, the whole. [`Input::None`] where another
    /// sample stands in the row at each pass.
    pub input: Input,
}

/// What a network is given, so that people see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Input {
    /// A picture.
    Picture(Picture),
    /// Sentences.
    Text {
        /// One per line.
        #[serde(deserialize_with = "at_most::<MOST_SAMPLES, _, _>")]
        lines: Vec<String>,
    },
    /// The columns of a row.
    Fields {
        /// Name and value of each.
        #[serde(deserialize_with = "at_most::<MOST_SAMPLES, _, _>")]
        fields: Vec<[String; 2]>,
    },
    /// Nothing that can be shown.
    None,
}

impl Input {
    /// A picture of bytes.
    pub fn picture(size: [usize; 3], bytes: &[u8]) -> Self {
        Self::Picture(Picture::of(size, bytes))
    }

    /// Width, height and channels of a picture, and its bytes.
    pub fn pixels(&self) -> Option<([usize; 3], Vec<u8>)> {
        let Self::Picture(Picture { width, height, channels, pixels }) = self else { return None };
        Some(([*width, *height, *channels], from_base64(pixels)?))
    }
}

/// A picture, so that people see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1, or 3 for colours.
    pub channels: usize,
    /// A byte per channel, pixel by pixel, in Base64.
    pub pixels: String,
}

impl Picture {
    /// Of width, height and channels, and its bytes.
    pub fn of([width, height, channels]: [usize; 3], bytes: &[u8]) -> Self {
        Self { width, height, channels, pixels: to_base64(bytes) }
    }
}

/// Bytes as text.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The bytes of a text; none where it is no Base64.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// At most `count` of `rows` rows, evenly spread.
pub fn spread(rows: u32, count: u32) -> Vec<u32> {
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
    fn what_is_not_known_is_passed_over_or_absent() {
        let text = r#"{"subject":{"answer":"classes","units":2,"loss":"cross-entropy","axis":1},"since":3}"#;
        let watched: Watched = serde_json::from_str(text).unwrap();
        let subject = Subject { answer: Answer::Classes, units: 2, loss: Loss::CrossEntropy };
        assert_eq!(watched, Watched::of::<String>(subject, []));
        let many = format!(
            r#"{{"subject":{{"answer":"classes","units":2,"loss":"cross-entropy"}},"samples":[{}]}}"#,
            vec![r#"{"row":0,"truth":"","input":{"kind":"none"}}"#; MOST_SAMPLES + 1].join(",")
        );
        assert!(serde_json::from_str::<Watched>(&many).unwrap_err().to_string().contains("more than 4096"));
    }

    #[test]
    fn rows_are_spread() {
        assert_eq!(spread(16, 4), [0, 4, 8, 12]);
        assert_eq!(spread(3, 8), [0, 1, 2]);
        assert!(spread(0, 8).is_empty());
    }
}
