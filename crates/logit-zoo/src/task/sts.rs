//! Sentence similarity: Q5.

use std::fmt::Write as _;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use logit::Head;
use logit::Kind;
use logit::metrics::{MetricError, Pearson, Regression, Spearman};
use logit::tape::{Tape, Taped};
use logit_spec::Answer;

use super::{Goal, Judgement, Need, Part, Pass, Scores, Task, WithTask};
use crate::data::sentences::{HIGHEST, LOWEST, Lexicon, Pair, Reading, SplitPairs};
use crate::error::ZooError;
use crate::models::{
    Answers, CoralHead, CornHead, Cumulative, ExpectedHead, PairEncoder, PearsonHead, ScoreHead,
    ScoreHeadName, SentencePairs, ValueHead,
};
use crate::recipe::{SentenceConfig, StsSetup};
use crate::report::{Fact, Table};
use crate::run::{Calibration, DataSource};
use crate::telemetry::{Facts, FactsOfTensors as _, Input, Sample, Subject, Truth};

/// Pairs judged at a time.
const BATCH: usize = 256;

/// The most pairs shown of those whose score was missed.
const SHOWN_MISSES: usize = 12;

/// Reads pairs of sentences and calls `then` with the task of the recipe's head.
pub(super) fn with_sts<W: WithTask>(
    setup: &StsSetup,
    source: &DataSource,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    let pairs = pairs(source, need == Need::Test)?;
    let lexicon = lexicon(&setup.data)?;
    let parts = Parts::read(&pairs, &lexicon, setup.data.longest)?;
    with_head(setup, WithSts { setup, lexicon: &lexicon, pairs: &pairs, parts, then })
}

/// The pairs of a source; with `test_alone`, those of the test part at least.
pub(crate) fn pairs(source: &DataSource, test_alone: bool) -> Result<SplitPairs, ZooError> {
    match source {
        DataSource::Folder(folder) => Ok(SplitPairs::from_folder(folder, test_alone)?),
        DataSource::File(file) => Ok(SplitPairs::from_file(file, test_alone)?),
        DataSource::Embedded => {
            let what = "`sts` has no data of its own: give `--data` a folder with stsb-en-train.csv, stsb-en-dev.csv \
                        and stsb-en-test.csv, or a TSV file of pairs";
            Err(ZooError::Usage { what: what.to_owned() })
        }
    }
}

/// The recipe's word vectors.
pub(crate) fn lexicon(config: &SentenceConfig) -> Result<Lexicon, ZooError> {
    if config.vectors.as_os_str().is_empty() {
        let what = "`sts` needs word vectors: give `--vectors` a folder with a .safetensors file and a tokenizer.json \
                    or a list of words beside it";
        return Err(ZooError::Usage { what: what.to_owned() });
    }
    Ok(Lexicon::read(&config.vectors, config.lowercase)?)
}

/// Something to do with a head, whatever its type.
pub(crate) trait WithHead {
    type Output;

    fn call<H: ScoreHead>(self, head: H) -> Result<Self::Output, ZooError>;
}

/// Calls `then` with the recipe's head.
pub(crate) fn with_head<W: WithHead>(setup: &StsSetup, then: W) -> Result<W::Output, ZooError> {
    match (setup.model.head, setup.model.ordinal) {
        (ScoreHeadName::Values, _) => then.call(ValueHead),
        (ScoreHeadName::Expected, _) => then.call(ExpectedHead),
        (ScoreHeadName::Pearson, _) => then.call(PearsonHead),
        (ScoreHeadName::Ordinal, Cumulative::Coral) => then.call(CoralHead),
        (ScoreHeadName::Ordinal, Cumulative::Corn) => then.call(CornHead),
    }
}

struct WithSts<'a, W> {
    setup: &'a StsSetup,
    lexicon: &'a Lexicon,
    pairs: &'a SplitPairs,
    parts: Parts,
    then: W,
}

impl<W: WithTask> WithHead for WithSts<'_, W> {
    type Output = W::Output;

    fn call<H: ScoreHead>(self, head: H) -> Result<W::Output, ZooError> {
        let Self { setup, lexicon, pairs, parts, then } = self;
        then.call(Sts { setup, lexicon, pairs, parts, head })
    }
}

/// A pair as the network takes it.
#[derive(Clone, Debug)]
pub(crate) struct ReadPair {
    pub(crate) sentences: [Reading; 2],
    pub(crate) score: f64,
}

/// The parts of the data, taken apart into words.
struct Parts {
    train: Vec<ReadPair>,
    dev: Vec<ReadPair>,
    test: Vec<ReadPair>,
}

impl Parts {
    fn read(pairs: &SplitPairs, lexicon: &Lexicon, longest: usize) -> Result<Self, ZooError> {
        let read = |pair: &Pair| {
            let [first, second] = &pair.sentences;
            let sentences = [lexicon.reading(first, longest)?, lexicon.reading(second, longest)?];
            Ok(ReadPair { sentences, score: pair.score })
        };
        let part = |pairs: &[Pair]| pairs.iter().map(read).collect::<Result<Vec<_>, ZooError>>();
        Ok(Self { train: part(&pairs.train)?, dev: part(&pairs.dev)?, test: part(&pairs.test)? })
    }

    /// All sentences.
    fn sentences(&self) -> impl Iterator<Item = &Reading> {
        let parts = [&self.train, &self.dev, &self.test].into_iter();
        parts.flat_map(|part| part.iter().flat_map(|pair| &pair.sentences))
    }
}

struct Sts<'a, H> {
    setup: &'a StsSetup,
    lexicon: &'a Lexicon,
    pairs: &'a SplitPairs,
    parts: Parts,
    head: H,
}

/// A batch to learn from.
pub(crate) struct ScoredPairs {
    pairs: SentencePairs,
    /// `[N]`.
    scores: Tensor<1>,
}

impl<H: ScoreHead> Task for Sts<'_, H> {
    type Net = PairEncoder<Head<H::Kind>>;
    type Batch = ScoredPairs;

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        Ok(self.setup.model.init(&self.head, self.lexicon.vectors().width(), device)?)
    }

    fn samples(&self) -> u32 {
        self.parts.train.len() as u32
    }

    fn batch(&self, rows: &[u32], _seed: u64, device: &Device) -> Result<ScoredPairs, ZooError> {
        let pairs: Vec<&ReadPair> = rows.iter().map(|row| &self.parts.train[*row as usize]).collect();
        let scores: Vec<f32> = pairs.iter().map(|pair| pair.score as f32).collect();
        Ok(ScoredPairs {
            pairs: sentence_pairs(&pairs, self.lexicon, device),
            scores: Tensor::from_floats(scores.as_slice(), device),
        })
    }

    fn pass(&self, net: &Self::Net, batch: ScoredPairs, tape: &mut Tape) -> Result<Pass, ZooError> {
        let samples = batch.scores.dims()[0] as u64;
        let logits = net.forward_on(batch.pairs, tape);
        let truth = || match H::Kind::ANSWER {
            Answer::Values => Ok(Truth::Values(batch.scores.clone().try_into_vec_as()?)),
            _ => Ok(Truth::Other),
        };
        let facts = Facts::on(tape, logits.tensor(), truth)?;
        let loss = self.head.loss(logits, batch.scores)?;
        Ok(Pass { loss: loss.value, samples, decisions: None, facts })
    }

    fn subject(&self) -> Subject {
        Subject { answer: H::Kind::ANSWER, units: self.head.units().len(), loss: H::LOSS }
    }

    fn units(&self) -> Vec<String> {
        self.head.units()
    }

    fn sample(&self, row: u32) -> Result<Option<Sample>, ZooError> {
        let shown = self.pairs.train.get(row as usize).map(|pair| Sample {
            row,
            truth: pair.score.to_string(),
            input: Input::Text { lines: pair.sentences.to_vec() },
        });
        Ok(shown)
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn goal(&self) -> Goal {
        Goal::most("pearson")
    }

    /// A straight line fitted on the dev part, where the loss does not see the scale.
    fn calibrated(&self, net: &Self::Net, device: &Device) -> Result<Calibration, ZooError> {
        if self.head.sees_scale() {
            return Ok(Calibration::default());
        }
        let raw = answers(net, &self.head, &self.parts.dev, self.lexicon, device)?.scores;
        let targets: Vec<f64> = self.parts.dev.iter().map(|pair| pair.score).collect();
        Ok(Calibration { linear: line(&raw, &targets), ..Calibration::default() })
    }

    fn judge(
        &self,
        net: &Self::Net,
        part: Part,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let (parts, texts) = match part {
            Part::Validation => (&self.parts.dev, &self.pairs.dev),
            Part::Test => (&self.parts.test, &self.pairs.test),
        };
        let raw = answers(net, &self.head, parts, self.lexicon, device)?.scores;
        judgement(&raw, texts, calibration)
    }

    fn facts(&self) -> Vec<Fact> {
        let Parts { train, dev, test } = &self.parts;
        let pairs = format!("{} training, {} dev, {} test", train.len(), dev.len(), test.len());
        let vectors = self.lexicon.vectors();
        let about = format!(
            "{}, {} words of {} numbers, frozen",
            self.setup.data.vectors.display(),
            vectors.rows(),
            vectors.width()
        );
        let (mut known, mut unknown, mut cut, mut blank) = (0, 0, 0, 0);
        for sentence in self.parts.sentences() {
            known += sentence.rows.len();
            unknown += sentence.unknown.len();
            cut += usize::from(sentence.cut > 0);
            blank += usize::from(sentence.rows.is_empty());
        }
        vec![
            Fact::new("head", self.setup.model.head.name()),
            Fact::new("pairs", pairs),
            Fact::new("word vectors", about),
            Fact::new("words without a vector", format!("{unknown} of {}", known + unknown)),
            Fact::new("sentences cut off", cut.to_string()),
            Fact::new("sentences without a known word", blank.to_string()),
        ]
    }
}

/// Pairs as the network takes them. A sentence without a known word is one word of zeros.
pub(crate) fn sentence_pairs(pairs: &[&ReadPair], lexicon: &Lexicon, device: &Device) -> SentencePairs {
    let vectors = lexicon.vectors();
    let width = vectors.width();
    let sentences = || (0..2).flat_map(|which| pairs.iter().map(move |pair| &pair.sentences[which].rows));
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

/// What a network answers for pairs, before any recalibration.
pub(crate) fn answers<H: ScoreHead>(
    net: &PairEncoder<Head<H::Kind>>,
    head: &H,
    pairs: &[ReadPair],
    lexicon: &Lexicon,
    device: &Device,
) -> Result<Answers, ZooError> {
    let mut all = Answers::default();
    for pairs in pairs.chunks(BATCH) {
        let pairs: Vec<&ReadPair> = pairs.iter().collect();
        let logits = net.forward(sentence_pairs(&pairs, lexicon, device));
        let answers = head.answers(logits).map_err(told)?;
        all.scores.extend(answers.scores);
        all.probabilities.extend(answers.probabilities);
    }
    Ok(all)
}

/// A score on the scale: recalibrated where a line was fitted, and held to the ends of the scale.
pub(crate) fn on_scale(raw: f64, calibration: &Calibration) -> f64 {
    let [intercept, slope] = calibration.linear.unwrap_or([0.0, 1.0]);
    (intercept + slope * raw).clamp(LOWEST, HIGHEST)
}

/// Intercept and slope of the line with the least squared error; none where `raw` is constant.
fn line(raw: &[f64], targets: &[f64]) -> Option<[f64; 2]> {
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
    let (raw_mean, target_mean) = (mean(raw), mean(targets));
    let spread: f64 = raw.iter().map(|raw| (raw - raw_mean).powi(2)).sum();
    let together: f64 =
        raw.iter().zip(targets).map(|(raw, target)| (raw - raw_mean) * (target - target_mean)).sum();
    let slope = together / spread;
    (spread > 0.0 && slope.is_finite()).then_some([target_mean - slope * raw_mean, slope])
}

fn told(source: MetricError) -> ZooError {
    ZooError::Metric { what: "the evaluation", source }
}

/// What scores are worth against those of the data.
pub(crate) fn scores(answers: &[f64], targets: &[f64]) -> Result<Scores, ZooError> {
    let (mut pearson, mut spearman) = (Pearson::new(), Spearman::new());
    let mut errors = Regression::new(1).map_err(told)?;
    pearson.update(answers, targets).map_err(told)?;
    spearman.update(answers, targets).map_err(told)?;
    errors.update(answers, targets).map_err(told)?;
    // Answers that are all the same go up and down with nothing.
    let values = [
        ("pearson", pearson.pearson().unwrap_or(0.0)),
        ("spearman", spearman.spearman().unwrap_or(0.0)),
        ("mae", errors.mae().unwrap_or(f64::NAN)),
        ("mse", errors.mse().unwrap_or(f64::NAN)),
    ];
    Ok(Scores::new(answers.len() as u64, values))
}

/// Judges raw answers, with and without the recalibration if there is one.
fn judgement(raw: &[f64], pairs: &[Pair], calibration: &Calibration) -> Result<Judgement, ZooError> {
    let targets: Vec<f64> = pairs.iter().map(|pair| pair.score).collect();
    let answers: Vec<f64> = raw.iter().map(|raw| on_scale(*raw, calibration)).collect();
    let found = scores(&answers, &targets)?;
    let number = |scores: &Scores, name: &str| scores.get(name).unwrap_or(f64::NAN);
    let mut summary = format!(
        "Pearson {:.4}, Spearman {:.4} on {} test pairs; the mean absolute error is {:.3} of a scale from 0 to 5",
        number(&found, "pearson"),
        number(&found, "spearman"),
        found.samples,
        number(&found, "mae")
    );
    let mut tables = Vec::new();
    let mut values: Vec<(String, f64)> = found.iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if let Some(line) = calibration.linear {
        let before = scores(
            &raw.iter().map(|raw| on_scale(*raw, &Calibration::default())).collect::<Vec<_>>(),
            &targets,
        )?;
        let _ = write!(summary, " ({:.3} before the recalibration)", number(&before, "mae"));
        values.extend(
            ["mae", "mse"].map(|name| (format!("{name}_before_recalibration"), number(&before, name))),
        );
        tables.push(recalibration(line, &before, &found));
    }
    tables.push(misses(&answers, pairs));
    summary.push('.');
    Ok(Judgement { tables, ..Judgement::of(Scores::new(found.samples, values), summary) })
}

/// The scores without and with the line.
fn recalibration([intercept, slope]: [f64; 2], before: &Scores, after: &Scores) -> Table {
    let row = |(name, after): (&str, f64)| {
        let before = before.get(name).unwrap_or(f64::NAN);
        vec![super::metric_name(name), format!("{before:.4}"), format!("{after:.4}")]
    };
    Table {
        title: "Linear recalibration".to_owned(),
        columns: ["Measure", "Before", "After"].map(str::to_owned).to_vec(),
        rows: after.iter().map(row).collect(),
        note: format!(
            "Pearson's correlation sees neither scale nor shift, so a head trained by it is not calibrated. The line \
             {intercept:.3} + {slope:.3} × score has the least squared error on the dev part, and is applied to every \
             score of this run."
        ),
    }
}

/// The pairs whose score was missed by most.
fn misses(answers: &[f64], pairs: &[Pair]) -> Table {
    let miss = |at: usize| (answers[at] - pairs[at].score).abs();
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| miss(*b).total_cmp(&miss(*a)).then(a.cmp(b)));
    let row = |at: &usize| {
        let Pair { sentences: [first, second], score } = &pairs[*at];
        vec![
            format!("{}", at + 1),
            format!("{score:.2}"),
            format!("{:.2}", answers[*at]),
            first.clone(),
            second.clone(),
        ]
    };
    Table {
        title: "Furthest off".to_owned(),
        columns: ["Pair", "Score", "Answer", "First sentence", "Second sentence"].map(str::to_owned).to_vec(),
        rows: order.iter().take(SHOWN_MISSES).map(row).collect(),
        note: "Pairs of the test part, counted from 1.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_one_of_least_squares() {
        let [intercept, slope] = line(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]).unwrap();
        assert!((slope - 2.0).abs() < 1e-12 && intercept.abs() < 1e-12);
        assert_eq!(line(&[1.0, 1.0], &[2.0, 4.0]), None);
        let (raw, targets) = ([1.0, 2.0, 4.0, 4.5], [0.0, 3.0, 3.5, 5.0]);
        let squares = |[intercept, slope]: [f64; 2]| -> f64 {
            raw.iter().zip(targets).map(|(raw, target)| (intercept + slope * raw - target).powi(2)).sum()
        };
        let best @ [intercept, slope] = line(&raw, &targets).unwrap();
        for other in [
            [intercept + 0.01, slope],
            [intercept - 0.01, slope],
            [intercept, slope + 0.01],
            [intercept, slope - 0.01],
        ] {
            assert!(squares(best) < squares(other));
        }
    }

    #[test]
    fn a_recalibrated_score_stays_on_the_scale() {
        let calibration = Calibration { linear: Some([-2.0, 3.0]), ..Calibration::default() };
        for (raw, scaled) in [(0.0, 0.0), (1.0, 1.0), (2.0, 4.0), (4.0, 5.0)] {
            assert!((on_scale(raw, &calibration) - scaled).abs() < 1e-12, "{raw}");
        }
        assert!((on_scale(5.5, &Calibration::default()) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn recalibration_lowers_the_error_and_keeps_the_correlation() {
        let pair = |score| Pair { sentences: ["a".to_owned(), "b".to_owned()], score };
        let pairs = [0.0, 1.0, 3.0, 5.0].map(pair);
        let raw = [2.1, 2.4, 2.9, 3.4];
        let targets = [0.0, 1.0, 3.0, 5.0];
        let calibration = Calibration { linear: line(&raw, &targets), ..Calibration::default() };
        let after = judgement(&raw, &pairs, &calibration).unwrap().scores;
        let before = judgement(&raw, &pairs, &Calibration::default()).unwrap().scores;
        assert!(after.get("mae").unwrap() < 0.3 && before.get("mae").unwrap() > 1.0);
        assert_eq!(after.get("mae_before_recalibration"), before.get("mae"));
        assert!((after.get("pearson").unwrap() - before.get("pearson").unwrap()).abs() < 1e-2);
        assert_eq!(before.get("mae_before_recalibration"), None);
    }
}
