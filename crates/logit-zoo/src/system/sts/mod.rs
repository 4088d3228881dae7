//! Sentence similarity: Q5.

mod task;

use std::ffi::{OsStr, OsString};

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use logit::explain::Array;
use logit::{Head, Kind, Logits};
use serde::Serialize;

pub(crate) use self::task::{pairs, scores, with_sts};
use crate::data::sentences::{HIGHEST, LOWEST, Lexicon, MAX_SENTENCE_BYTES, Reading};
use crate::error::ZooError;
use crate::models::{Graded, PairEncoder, ScoreHead, SentencePairs};
use crate::recipe::{SentenceConfig, StsSetup};
use crate::run::{Calibration, Outside};
use crate::system::explained::{Inputs, Located, Part};
use crate::system::{Answers, Batches, Kept, Predictions, Request, System, SystemError};
use crate::telemetry::{Input, Subject};

/// Pairs that the network is shown at a time.
pub(crate) const BATCH: usize = 256;

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

/// The recipe's word vectors.
pub(crate) fn lexicon(config: &SentenceConfig) -> Result<Lexicon, ZooError> {
    if config.vectors.as_os_str().is_empty() {
        return Err(ZooError::Usage(
            "`sts` needs word vectors: give `--vectors` a folder with a .safetensors file and a tokenizer.json or a list \
             of words beside it"
                .to_owned(),
        ));
    }
    Ok(Lexicon::read(&config.vectors, config.lowercase)?)
}

/// A network that compares sentences.
pub(crate) struct StsSystem<H> {
    pub(crate) setup: StsSetup,
    pub(crate) lexicon: Lexicon,
    pub(crate) head: H,
}

/// Two sentences, and what the network takes of them.
#[derive(Clone, Debug)]
pub(crate) struct SentencePair {
    pub(crate) sentences: [String; 2],
    pub(crate) words: [Reading; 2],
}

impl<H> StsSystem<H> {
    /// Takes two sentences apart into words.
    pub(crate) fn words(&self, [first, second]: &[String; 2]) -> Result<[Reading; 2], ZooError> {
        let longest = self.setup.data.longest;
        Ok([self.lexicon.reading(first, longest)?, self.lexicon.reading(second, longest)?])
    }

    /// Reads two sentences that somebody asks about: each must have a known word.
    fn asked(&self, sentences: [String; 2]) -> Result<SentencePair, ZooError> {
        let words = self.words(&sentences)?;
        for (sentence, words) in sentences.iter().zip(&words) {
            if words.rows.is_empty() {
                let (sentence, words) = (sentence.clone(), words.unknown.clone());
                return Err(SystemError::WithoutVectors { sentence, words }.into());
            }
        }
        Ok(SentencePair { sentences, words })
    }

    /// What each word has of the relevance of its sentence's mean: number by number, in proportion to its part of the sum.
    fn shares_of_mean(&self, reading: &Reading, relevance: &[f32]) -> Vec<f64> {
        let vectors = self.lexicon.vectors();
        let row = |row: &u32| vectors.row(*row).iter().map(|number| f64::from(*number));
        let mut sums = vec![0.0; vectors.width()];
        for word in &reading.rows {
            sums.iter_mut().zip(row(word)).for_each(|(sum, number)| *sum += number);
        }
        let share = |((number, sum), relevance): ((f64, &f64), &f32)| {
            if *sum == 0.0 { 0.0 } else { number / sum * f64::from(*relevance) }
        };
        reading.rows.iter().map(|word| row(word).zip(&sums).zip(relevance).map(share).sum()).collect()
    }

    /// Words as the network takes them. A sentence without a known word is one word of zeros.
    pub(crate) fn encoded(&self, pairs: &[&[Reading; 2]], device: &Device) -> SentencePairs {
        let vectors = self.lexicon.vectors();
        let width = vectors.width();
        let sentences = || (0..2).flat_map(|which| pairs.iter().map(move |pair| &pair[which].rows));
        let count = 2 * pairs.len();
        let longest = sentences().map(Vec::len).max().unwrap_or(0).max(1);
        let (mut words, mut places, mut means) =
            (Vec::new(), vec![0_i64; count * longest], vec![0.0_f32; count * width]);
        let mut word = 0;
        for (sentence, rows) in sentences().enumerate() {
            let mean = &mut means[sentence * width..(sentence + 1) * width];
            let share = 1.0 / rows.len().max(1) as f32;
            for row in rows {
                words.extend_from_slice(vectors.row(*row));
                mean.iter_mut().zip(vectors.row(*row)).for_each(|(mean, number)| *mean += number * share);
            }
            if rows.is_empty() {
                words.resize(words.len() + width, 0.0);
            }
            for place in 0..rows.len().max(1) {
                word += 1;
                places[sentence * longest + place] = word;
            }
        }
        let total = words.len() / width;
        SentencePairs {
            words: Tensor::from_data(TensorData::new(words, [total, width]), device),
            places: Tensor::from_data(TensorData::from(places.as_slice()), device),
            means: Tensor::from_data(TensorData::new(means, [count, width]), device),
        }
    }
}

impl<H: ScoreHead + 'static> System for StsSystem<H> {
    type Net = PairEncoder<Head<H::Kind>>;
    type Asked = SentencePair;
    type Answer = Similarity;

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        Ok(self.setup.model.init(&self.head, self.lexicon.vectors().width(), device)?)
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn subject(&self) -> Subject {
        Subject { answer: H::Kind::ANSWER, units: self.head.units().len(), loss: self.head.loss_name() }
    }

    fn units(&self) -> Vec<String> {
        self.head.units()
    }

    fn outside(&self) -> Vec<Outside<'_>> {
        let [vectors, words] = self.lexicon.files();
        vec![("vectors", vectors), ("words", words)]
    }

    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError> {
        let texts = inputs.iter().map(|input| sentence(input)).collect::<Result<Vec<_>, _>>()?;
        if texts.is_empty() || texts.len() % 2 != 0 {
            let given = match texts.len() {
                1 => "1 was".to_owned(),
                count => format!("{count} were"),
            };
            return Err(ZooError::Usage(format!(
                "sentences are compared two by two, and {given} given: as in `logit predict RUN \"a sentence\" \"another\"`"
            )));
        }
        let pairs = texts.chunks_exact(2).map(|pair| [pair[0].to_owned(), pair[1].to_owned()]);
        let pairs: Vec<[String; 2]> = pairs.collect();
        let batches: Vec<Vec<[String; 2]>> = pairs.chunks(BATCH).map(<[_]>::to_vec).collect();
        let asked = |batch: Vec<_>| batch.into_iter().map(|pair| self.asked(pair)).collect();
        Ok(Box::new(batches.into_iter().map(asked)))
    }

    /// Two sentences without a known word.
    fn blank(&self) -> SentencePair {
        SentencePair { sentences: Default::default(), words: Default::default() }
    }

    fn tensors(&self, batch: &[SentencePair], device: &Device) -> SentencePairs {
        let words: Vec<&[Reading; 2]> = batch.iter().map(|pair| &pair.words).collect();
        self.encoded(&words, device)
    }

    fn answer(
        &self,
        asked: &SentencePair,
        logits: &[f32],
        calibration: &Calibration,
    ) -> Result<Similarity, ZooError> {
        let row = TensorData::new(logits.to_vec(), [1, logits.len()]);
        let row = Logits::new(Tensor::<2>::from_data(row, &Device::flex()), self.head.kind())?;
        let answers = self.head.answers(row)?;
        let (raw, [first, second]) = (answers.scores[0], &asked.words);
        Ok(Similarity {
            sentences: asked.sentences.clone(),
            score: on_scale(raw, calibration),
            raw,
            recalibration: calibration.line(),
            probabilities: (!answers.probabilities.is_empty()).then_some(answers.probabilities),
            unknown: [first.unknown.clone(), second.unknown.clone()],
            cut: [first.cut, second.cut],
        })
    }

    fn name(&self, asked: &SentencePair) -> String {
        format!("{:?}, {:?}", asked.sentences[0], asked.sentences[1])
    }

    fn show(&self, asked: &SentencePair) -> Input {
        Input::Text { lines: asked.sentences.to_vec() }
    }

    /// Words of all sentences lie one after the other: two sentences are explained at a time.
    const TOGETHER: bool = false;

    fn inputs(&self) -> Inputs {
        Inputs::rows(self.lexicon.vectors().width(), "epsilon")
    }

    fn graded(&self, logits: &[f32]) -> Option<Graded> {
        Some(self.head.graded(logits))
    }

    /// The relevance of each word: of its own vector, and its share of that of the sentence's mean.
    fn located(&self, asked: &SentencePair, relevance: &[(String, Array<f32>)]) -> Located {
        let of = |name: &str| relevance.iter().find(|(input, _)| input == name).map(|(_, array)| array);
        let (Some(words), Some(means)) = (of("words"), of("means")) else {
            return Located::Words { texts: Vec::new() };
        };
        let mut own = words.each_row();
        let text = |(sentence, reading): (usize, &Reading)| {
            let shares = self.shares_of_mean(reading, means.row(sentence));
            let part = |(name, share): (&String, f64)| {
                let own: f64 = own.next().into_iter().flatten().map(|relevance| f64::from(*relevance)).sum();
                Part { name: name.clone(), value: String::new(), relevance: own + share }
            };
            reading.words.iter().zip(shares).map(part).collect()
        };
        Located::Words { texts: asked.words.iter().enumerate().map(text).collect() }
    }

    fn is_calibrated(&self) -> bool {
        !self.head.sees_scale()
    }

    fn answers<'a>(&'a self, _: &Request<'a>) -> Result<Box<dyn Answers<Self> + 'a>, ZooError> {
        Ok(Box::new(Kept::new(Predictions::Similarities)))
    }
}

/// A sentence, if it is one.
fn sentence(input: &OsStr) -> Result<&str, ZooError> {
    let wrong = |what: &str| Err(ZooError::Usage(format!("the sentence {} {what}", beginning(input))));
    match input.to_str() {
        None => wrong("is not UTF-8"),
        Some(text) if text.trim().is_empty() => wrong("is empty; give two sentences"),
        Some(text) if text.len() > MAX_SENTENCE_BYTES => {
            wrong(&format!("has more than {MAX_SENTENCE_BYTES} bytes"))
        }
        Some(text) => Ok(text),
    }
}

/// The beginning of a sentence, for an error.
fn beginning(input: &OsStr) -> String {
    format!("{:?}", input.to_string_lossy().chars().take(60).collect::<String>())
}

/// A score on the scale: recalibrated where a line was fitted, and held to the ends of the scale.
pub(crate) fn on_scale(raw: f64, calibration: &Calibration) -> f64 {
    let [intercept, slope] = calibration.line().unwrap_or([0.0, 1.0]);
    (intercept + slope * raw).clamp(LOWEST, HIGHEST)
}
