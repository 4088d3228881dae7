//! Pairs of sentences as they are learned and judged.

use std::fmt::Write as _;

use burn::tensor::{Device, Tensor};
use logit::Kind;
use logit::metrics::{Pearson, Regression, Spearman};
use logit::tape::{Tape, Taped};
use logit_spec::Answer;

use super::{BATCH, SentencePair, StsSystem, lexicon, on_scale};
use crate::data::sentences::{Lexicon, Pair, Reading as Words, SplitPairs};
use crate::error::ZooError;
use crate::models::{
    CoralHead, CornHead, Cumulative, ExpectedHead, PearsonHead, ScoreHead, ScoreHeadName, SentencePairs,
    ValueHead,
};
use crate::page::{Fact, Table};
use crate::recipe::StsSetup;
use crate::run::{Calibration, DataSource, check_outside};
use crate::system::{
    Goal, JudgedPart, Judgement, Need, NetOf, Origin, Pass, Reading, Scores, System as _, Task, WithSystem,
    metric_name,
};
use crate::telemetry::{Facts, FactsOfTensors as _, Truth};

/// The most pairs shown of those whose score was missed.
const SHOWN_MISSES: usize = 12;

/// Calls `then` with the system of the recipe's head.
pub(crate) fn with_sts<W: WithSystem>(
    setup: StsSetup,
    origin: Origin<'_>,
    then: W,
) -> Result<W::Output, ZooError> {
    if let Origin::Data(DataSource::Embedded) = origin {
        return Err(no_pairs());
    }
    let lexicon = lexicon(&setup.data)?;
    match (setup.model.head, setup.model.ordinal) {
        (ScoreHeadName::Values, _) => call(setup, lexicon, origin, ValueHead, then),
        (ScoreHeadName::Expected, _) => call(setup, lexicon, origin, ExpectedHead, then),
        (ScoreHeadName::Pearson, _) => call(setup, lexicon, origin, PearsonHead, then),
        (ScoreHeadName::Ordinal, Cumulative::Coral) => call(setup, lexicon, origin, CoralHead, then),
        (ScoreHeadName::Ordinal, Cumulative::Corn) => call(setup, lexicon, origin, CornHead, then),
    }
}

fn call<H: ScoreHead + 'static, W: WithSystem>(
    setup: StsSetup,
    lexicon: Lexicon,
    origin: Origin<'_>,
    head: H,
    then: W,
) -> Result<W::Output, ZooError> {
    let system = StsSystem { setup, lexicon, head };
    if let Origin::Run(run) = origin {
        check_outside(run, &system.outside())?;
    }
    then.call::<Sts<H>>(system)
}

/// The pairs of a source; with `test_alone`, those of the test part at least.
pub(crate) fn pairs(source: &DataSource, test_alone: bool) -> Result<SplitPairs, ZooError> {
    match source {
        DataSource::Folder(folder) => Ok(SplitPairs::from_folder(folder, test_alone)?),
        DataSource::File(file) => Ok(SplitPairs::from_file(file, test_alone)?),
        DataSource::Embedded => Err(no_pairs()),
    }
}

fn no_pairs() -> ZooError {
    ZooError::Usage(
        "`sts` has no data of its own: give `--data` a folder with stsb-en-train.csv, stsb-en-dev.csv and \
         stsb-en-test.csv, or a TSV file of pairs"
            .to_owned(),
    )
}

struct Sts<H> {
    system: StsSystem<H>,
    pairs: SplitPairs,
    /// The words of each part's pairs.
    train: Vec<[Words; 2]>,
    dev: Vec<[Words; 2]>,
    test: Vec<[Words; 2]>,
}

/// A batch to learn from.
pub(crate) struct ScoredPairs {
    pairs: SentencePairs,
    /// `[N]`.
    scores: Tensor<1>,
}

impl<H: ScoreHead + 'static> Task for Sts<H> {
    type System = StsSystem<H>;
    type Batch = ScoredPairs;

    fn read(system: StsSystem<H>, from: &Reading<'_>) -> Result<Self, ZooError> {
        let pairs = pairs(from.source, from.need == Need::Test)?;
        let part = |pairs: &[Pair]| pairs.iter().map(|pair| system.words(&pair.sentences)).collect();
        let (train, dev, test): (Result<_, _>, Result<_, _>, Result<_, _>) =
            (part(&pairs.train), part(&pairs.dev), part(&pairs.test));
        let (train, dev, test) = (train?, dev?, test?);
        Ok(Self { system, pairs, train, dev, test })
    }

    fn system(&self) -> &StsSystem<H> {
        &self.system
    }

    fn samples(&self) -> u32 {
        self.train.len() as u32
    }

    fn batch(&self, rows: &[u32], _seed: u64, device: &Device) -> Result<ScoredPairs, ZooError> {
        let words: Vec<&[Words; 2]> = rows.iter().map(|row| &self.train[*row as usize]).collect();
        let scores: Vec<f32> = rows.iter().map(|row| self.pairs.train[*row as usize].score as f32).collect();
        Ok(ScoredPairs {
            pairs: self.system.encoded(&words, device),
            scores: Tensor::from_floats(scores.as_slice(), device),
        })
    }

    fn pass(&self, net: &NetOf<Self>, batch: ScoredPairs, tape: &mut Tape) -> Result<Pass, ZooError> {
        let samples = batch.scores.dims()[0] as u64;
        let logits = net.forward_on(batch.pairs, tape);
        let truth = || match H::Kind::ANSWER {
            Answer::Values => Ok(Truth::Values(batch.scores.clone().try_into_vec_as()?)),
            _ => Ok(Truth::Other),
        };
        let facts = Facts::on(tape, logits.tensor(), truth)?;
        let loss = self.system.head.loss(logits, batch.scores)?;
        Ok(Pass { loss: loss.value, samples, decisions: None, facts })
    }

    fn sample(&self, row: u32) -> Result<Option<(SentencePair, String)>, ZooError> {
        let shown = self.pairs.train.get(row as usize).zip(self.train.get(row as usize));
        Ok(shown.map(|(pair, words)| {
            let (sentences, words) = (pair.sentences.clone(), words.clone());
            (SentencePair { sentences, words }, pair.score.to_string())
        }))
    }

    fn goal(&self) -> Goal {
        Goal::most("pearson")
    }

    /// A straight line fitted on the dev part, where the loss does not see the scale.
    fn calibrated(&self, net: &NetOf<Self>, device: &Device) -> Result<Calibration, ZooError> {
        if self.system.head.sees_scale() {
            return Ok(Calibration::None);
        }
        let raw = self.scores(net, &self.dev, device)?;
        let targets: Vec<f64> = self.pairs.dev.iter().map(|pair| pair.score).collect();
        Ok(line(&raw, &targets).map_or(Calibration::None, Calibration::Line))
    }

    fn judge(
        &self,
        net: &NetOf<Self>,
        part: JudgedPart,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let (words, pairs) = match part {
            JudgedPart::Validation => (&self.dev, &self.pairs.dev),
            JudgedPart::Test => (&self.test, &self.pairs.test),
        };
        judgement(&self.scores(net, words, device)?, pairs, calibration)
    }

    fn facts(&self) -> Vec<Fact> {
        let Self { train, dev, test, .. } = self;
        let pairs = format!("{} training, {} dev, {} test", train.len(), dev.len(), test.len());
        let (setup, vectors) = (&self.system.setup, self.system.lexicon.vectors());
        let about = format!(
            "{}, {} words of {} numbers, frozen",
            setup.data.vectors.display(),
            vectors.rows(),
            vectors.width()
        );
        let (mut known, mut unknown, mut cut, mut blank) = (0, 0, 0, 0);
        for sentence in [train, dev, test].into_iter().flatten().flatten() {
            known += sentence.rows.len();
            unknown += sentence.unknown.len();
            cut += usize::from(sentence.cut > 0);
            blank += usize::from(sentence.rows.is_empty());
        }
        vec![
            Fact::new("head", setup.model.head.name()),
            Fact::new("pairs", pairs),
            Fact::new("word vectors", about),
            Fact::new("words without a vector", format!("{unknown} of {}", known + unknown)),
            Fact::new("sentences cut off", cut.to_string()),
            Fact::new("sentences without a known word", blank.to_string()),
        ]
    }
}

impl<H: ScoreHead + 'static> Sts<H> {
    /// The scores that a network tells of pairs, before any recalibration.
    fn scores(&self, net: &NetOf<Self>, pairs: &[[Words; 2]], device: &Device) -> Result<Vec<f64>, ZooError> {
        let mut scores = Vec::with_capacity(pairs.len());
        for pairs in pairs.chunks(BATCH) {
            let pairs: Vec<&[Words; 2]> = pairs.iter().collect();
            let logits = net.forward(self.system.encoded(&pairs, device));
            scores.extend(self.system.head.answers(logits)?.scores);
        }
        Ok(scores)
    }
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

/// What scores are worth against those of the data.
pub(crate) fn scores(answers: &[f64], targets: &[f64]) -> Result<Scores, ZooError> {
    let (mut pearson, mut spearman) = (Pearson::new(), Spearman::new());
    let mut errors = Regression::new(1)?;
    pearson.update(answers, targets)?;
    spearman.update(answers, targets)?;
    errors.update(answers, targets)?;
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
    if let Some(line) = calibration.line() {
        let before =
            scores(&raw.iter().map(|raw| on_scale(*raw, &Calibration::None)).collect::<Vec<_>>(), &targets)?;
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
        vec![metric_name(name), format!("{before:.4}"), format!("{after:.4}")]
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
        let calibration = Calibration::Line([-2.0, 3.0]);
        for (raw, scaled) in [(0.0, 0.0), (1.0, 1.0), (2.0, 4.0), (4.0, 5.0)] {
            assert!((on_scale(raw, &calibration) - scaled).abs() < 1e-12, "{raw}");
        }
        assert!((on_scale(5.5, &Calibration::None) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn recalibration_lowers_the_error_and_keeps_the_correlation() {
        let pair = |score| Pair { sentences: ["a".to_owned(), "b".to_owned()], score };
        let pairs = [0.0, 1.0, 3.0, 5.0].map(pair);
        let raw = [2.1, 2.4, 2.9, 3.4];
        let targets = [0.0, 1.0, 3.0, 5.0];
        let calibration = Calibration::Line(line(&raw, &targets).unwrap());
        let after = judgement(&raw, &pairs, &calibration).unwrap().scores;
        let before = judgement(&raw, &pairs, &Calibration::None).unwrap().scores;
        assert!(after.get("mae").unwrap() < 0.3 && before.get("mae").unwrap() > 1.0);
        assert_eq!(after.get("mae_before_recalibration"), before.get("mae"));
        assert!((after.get("pearson").unwrap() - before.get("pearson").unwrap()).abs() < 1e-2);
        assert_eq!(before.get("mae_before_recalibration"), None);
    }
}
