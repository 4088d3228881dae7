//! How much two sentences say the same.

use std::ffi::OsString;

use burn::tensor::Device;
use serde::Serialize;

use crate::error::ZooError;
use crate::models::ScoreHead;
use crate::recipe::StsSetup;
use crate::run::{Calibration, Checkpoint, RunDir, TrainedRun as _};
use crate::task::sts::{ReadPair, WithHead, answers, lexicon, on_scale, with_head};

/// The longest sentence that is taken.
const MAX_BYTES: usize = crate::data::sentences::MAX_SENTENCE_BYTES;

/// What a run says of two sentences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Similarity {
    /// The sentences.
    pub sentences: [String; 2],
    /// How much they say the same, from 0 to 5: recalibrated where the run fitted a line, and held to the scale.
    pub score: f64,
    /// The head's own score.
    pub raw: f64,
    /// Intercept and slope of the line that `raw` was mapped by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalibration: Option<[f64; 2]>,
    /// The probability of each step from 0 to 5; none where the head tells a value alone. Their expected value is
    /// `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<Vec<f64>>,
    /// The words of each sentence that have no vector, and were left out.
    pub unknown: [Vec<String>; 2],
    /// The words at the end of each sentence that were cut off.
    pub cut: [usize; 2],
}

/// Reads sentences, two by two, and tells how alike they are.
///
/// # Errors
/// An odd number of sentences, one that is blank, no text or too long, one without a known word; the run has no
/// checkpoint yet, or its word vectors are gone; an answer is not finite.
pub(super) fn run(run: &RunDir, setup: &StsSetup, inputs: &[OsString]) -> Result<Vec<Similarity>, ZooError> {
    let texts = inputs.iter().map(|input| sentence(input)).collect::<Result<Vec<_>, _>>()?;
    if texts.is_empty() || texts.len() % 2 != 0 {
        let what = format!(
            "sentences are compared two by two, and {} given: as in `logit predict RUN \"a sentence\" \"another\"`",
            match texts.len() {
                1 => "1 was".to_owned(),
                count => format!("{count} were"),
            }
        );
        return Err(ZooError::Usage { what });
    }
    let pairs: Vec<[String; 2]> =
        texts.chunks_exact(2).map(|pair| [pair[0].to_owned(), pair[1].to_owned()]).collect();
    with_head(setup, Predict { run, setup, pairs })
}

/// A sentence, if it is one.
fn sentence(input: &OsString) -> Result<&str, ZooError> {
    let wrong = |what: &str| ZooError::Usage { what: format!("the sentence {} {what}", shown(input)) };
    match input.to_str() {
        None => Err(wrong("is not UTF-8")),
        Some(text) if text.trim().is_empty() => Err(wrong("is empty; give two sentences")),
        Some(text) if text.len() > MAX_BYTES => Err(wrong(&format!("has more than {MAX_BYTES} bytes"))),
        Some(text) => Ok(text),
    }
}

/// The beginning of a sentence, for an error.
fn shown(input: &OsString) -> String {
    format!("{:?}", input.to_string_lossy().chars().take(60).collect::<String>())
}

struct Predict<'a> {
    run: &'a RunDir,
    setup: &'a StsSetup,
    pairs: Vec<[String; 2]>,
}

impl WithHead for Predict<'_> {
    type Output = Vec<Similarity>;

    fn call<H: ScoreHead>(self, head: H) -> Result<Vec<Similarity>, ZooError> {
        let (device, path) = (Device::flex(), self.run.best_path());
        let checkpoint = Checkpoint::load(&path)?;
        let lexicon = lexicon(&self.setup.data)?;
        let net = self.setup.model.init(&head, lexicon.vectors().width(), &device)?;
        let net = checkpoint.apply(net, &path)?;
        let calibration = self.run.calibration()?;
        let mut read = Vec::new();
        for [first, second] in &self.pairs {
            let longest = self.setup.data.longest;
            let sentences = [lexicon.reading(first, longest)?, lexicon.reading(second, longest)?];
            for (text, reading) in [first, second].into_iter().zip(&sentences) {
                if reading.rows.is_empty() {
                    let words = reading.unknown.join(", ");
                    let what =
                        format!("no word of {text:?} has a vector ({words}), so nothing can be said of it");
                    return Err(ZooError::Unfit { what });
                }
            }
            read.push(ReadPair { sentences, score: 0.0 });
        }
        let answers = answers(&net, &head, &read, &lexicon, &device)?;
        let steps = answers.probabilities.len() / read.len();
        let all = self.pairs.into_iter().zip(read).zip(answers.scores).enumerate();
        all.map(|(at, ((sentences, read), raw))| {
            let probabilities =
                (steps > 0).then(|| answers.probabilities[at * steps..(at + 1) * steps].to_vec());
            similarity(sentences, read, raw, probabilities, &calibration)
        })
        .collect()
    }
}

fn similarity(
    sentences: [String; 2],
    read: ReadPair,
    raw: f64,
    probabilities: Option<Vec<f64>>,
    calibration: &Calibration,
) -> Result<Similarity, ZooError> {
    let score = on_scale(raw, calibration);
    if !score.is_finite() {
        let what =
            format!("the score of {:?} is {raw}; the weights of this run cannot be used", sentences[0]);
        return Err(ZooError::Unfit { what });
    }
    let [first, second] = read.sentences;
    Ok(Similarity {
        sentences,
        score,
        raw,
        recalibration: calibration.linear,
        probabilities,
        cut: [first.cut, second.cut],
        unknown: [first.unknown, second.unknown],
    })
}
