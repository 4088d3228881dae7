//! What a system has to say where its answers are explained: what is explained, and where relevance is seen.

use logit::explain::error::nearest;
use logit::explain::{Array, Target};
use logit_kernels::row::argmax;
use logit_spec::Answer;
use serde::Serialize;

use crate::error::ZooError;
use crate::models::Graded;
use crate::page::{Picture, Pixels};
use crate::telemetry::Input;

/// What is asked of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The name or number of what is explained: a class, a label, a value, a grade; what was decided if none.
    pub target: Option<String>,
    /// Whether a class is explained by its log-odds, and not by its logit.
    pub log_odds: bool,
    /// Row and column of the pixel of a mask that is explained; if none, all pixels that were decided for the target.
    pub pixel: Option<[usize; 2]>,
    /// Names of rules and methods; what suits the system if none.
    pub rules: Vec<String>,
    /// The step whose output's relevance is told, in the place of the input's; of Grad-CAM the step whose maps are weighed.
    pub layer: Option<String>,
    /// Whether the maps are measured.
    pub measure: bool,
}

/// Windows that occlusion lays along the side of a picture.
const WINDOWS: usize = 7;

/// What a network's inputs are, to those who explain it.
pub(crate) struct Inputs {
    /// The box that they lie in.
    pub(crate) bounds: Option<[f64; 2]>,
    /// What is covered at once, along the last axes of a sample.
    pub(crate) window: Vec<usize>,
    /// The method that is taken if none is asked for.
    pub(crate) usual: &'static str,
}

impl Inputs {
    /// Pictures of a size.
    pub(crate) fn pictures(bounds: Option<[f64; 2]>, sides: [usize; 2], usual: &'static str) -> Self {
        Self { bounds, window: sides.map(|side| side.div_ceil(WINDOWS).max(1)).into(), usual }
    }

    /// Rows of numbers, of which so many belong together.
    pub(crate) fn rows(together: usize, usual: &'static str) -> Self {
        Self { bounds: None, window: vec![together], usual }
    }
}

/// What a system's outputs are, and what is asked of them.
pub(crate) struct Asked<'a> {
    pub(crate) answer: Answer,
    /// The names of the output's units.
    pub(crate) units: &'a [String],
    pub(crate) wish: &'a Wish,
    /// Where the answer is a grade: the grade, and how it changes with each logit.
    pub(crate) graded: Option<Graded>,
}

/// Where an explanation starts.
pub(crate) struct Started {
    pub(crate) target: Target,
    /// Its name.
    pub(crate) name: String,
    /// What its number is, in words.
    pub(crate) what: String,
    /// Its number, where the target alone does not tell it.
    pub(crate) value: Option<f64>,
}

impl Asked<'_> {
    /// The unit that was asked for.
    pub(crate) fn unit(&self) -> Result<Option<usize>, ZooError> {
        let Some(wanted) = &self.wish.target else { return Ok(None) };
        let by_name = self.units.iter().position(|unit| unit == wanted);
        let by_number = || wanted.parse().ok().filter(|unit| *unit < self.units.len());
        by_name.or_else(by_number).map(Some).ok_or_else(|| {
            let names = nearest(wanted, self.units.iter().map(String::as_str));
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let most = self.units.len().saturating_sub(1);
            ZooError::Usage(format!(
                "the network has no output `{wanted}`: the nearest are {}; numbers from 0 to {most} name one too",
                names.join(", ")
            ))
        })
    }

    /// Where the explanation of a row of logits starts.
    pub(crate) fn started(&self, logits: &Array<f32>) -> Result<Started, ZooError> {
        if self.wish.pixel.is_some() {
            let what = "`--pixel` is for networks that answer every pixel; this one does not";
            return Err(ZooError::Usage(what.to_owned()));
        }
        if self.wish.log_odds && self.answer != Answer::Classes {
            return Err(ZooError::Usage(format!(
                "log-odds are of classes, and this network answers with {}: leave out `--log-odds`",
                self.answer.name()
            )));
        }
        let unit = match (self.unit()?, &self.graded) {
            (None, Some(Graded { grade, direction })) => {
                let target = Target::Direction { direction: direction.clone() };
                let (name, what) = ("grade".to_owned(), "expected, explained by its linear part".to_owned());
                return Ok(Started { target, name, what, value: Some(*grade) });
            }
            (Some(unit), _) => unit,
            (None, None) if self.answer == Answer::Values => 0,
            (None, None) => argmax(&logits.numbers),
        };
        let target = if self.wish.log_odds { Target::LogOdds { unit } } else { Target::Logit { unit } };
        let what = match (&target, self.answer) {
            (Target::LogOdds { .. }, _) => "log-odds, explained by their linear part",
            (_, Answer::Values) => "the network's output",
            _ => "logit",
        };
        Ok(Started { target, name: self.name(unit), what: what.to_owned(), value: None })
    }

    /// What a unit is called.
    pub(crate) fn name(&self, unit: usize) -> String {
        self.units.get(unit).cloned().unwrap_or_else(|| unit.to_string())
    }
}

/// Relevance, where people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Located {
    /// Of the places of a picture.
    Map {
        /// The picture.
        #[serde(skip)]
        picture: Picture,
        /// Columns of the map; a step's map may have fewer than the picture.
        width: usize,
        /// Rows.
        height: usize,
        /// The relevance, row by row, summed over channels.
        relevance: Vec<f32>,
    },
    /// Of the words of texts.
    Words {
        /// The texts.
        texts: Vec<Vec<Part>>,
    },
    /// Of the columns of a row, or the units of a step.
    Parts {
        /// The columns.
        parts: Vec<Part>,
    },
}

/// A word or a column with its relevance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The word, or the column's name.
    pub name: String,
    /// What the row holds in the column.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Its relevance.
    pub relevance: f64,
}

impl Located {
    /// Adds the relevance of another part of the same picture.
    pub(crate) fn add(&mut self, other: Self) {
        if let (Self::Map { relevance, .. }, Self::Map { relevance: more, .. }) = (self, other) {
            relevance.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }
}

/// A map `[1, C, H, W]` summed over its channels.
pub(crate) fn over_channels(map: &Array<f32>) -> Vec<f32> {
    let plane = map.shape.iter().skip(2).product::<usize>().max(1);
    let mut sums = vec![0.0; plane];
    for channel in map.numbers.chunks_exact(plane) {
        sums.iter_mut().zip(channel).for_each(|(sum, relevance)| *sum += relevance);
    }
    sums
}

/// Of bright drawings on black, the pixels at least half as bright as white.
pub(crate) fn ink(pixels: &[u8]) -> Vec<bool> {
    pixels.iter().map(|pixel| *pixel >= 128).collect()
}

/// A picture that people see, if it is one.
fn picture(input: &Input) -> Option<Picture> {
    let ([width, height, channels], bytes) = input.pixels()?;
    let pixels =
        if channels == 1 { Pixels::Grey(bytes) } else { Pixels::Rgb(bytes.as_chunks::<3>().0.to_vec()) };
    Some(Picture { caption: String::new(), width, height, pixels })
}

/// The relevance of a picture's pixels.
pub(crate) fn on_picture(input: &Input, relevance: &[(String, Array<f32>)]) -> Located {
    let map = relevance.first().map(|(_, map)| over_channels(map)).unwrap_or_default();
    match picture(input) {
        Some(picture) => {
            Located::Map { width: picture.width, height: picture.height, picture, relevance: map }
        }
        None => Located::Parts { parts: Vec::new() },
    }
}
