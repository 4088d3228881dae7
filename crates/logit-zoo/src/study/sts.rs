//! Q5 in numbers: one encoder, seed and data, and four heads to tell a score by, with the field's figures beside them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::data::sentences::{Lexicon, Pair};
use crate::error::ZooError;
use crate::models::ScoreHeadName;
use crate::recipe::{Recipe, Setting, StsSetup, TaskConfig};
use crate::run::DataSource;
use crate::system::sts::lexicon;
use crate::system::{Scores, sts};
use crate::train::{self, Devices, End, Progress};

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// This study measured it.
    Measured,
    /// Its authors, or the benchmark's, published it.
    Published,
    /// Published, but told from memory and not looked up.
    Recalled,
}

impl Origin {
    /// The same for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Measured => "measured here",
            Self::Published => "published",
            Self::Recalled => "published, not confirmed",
        }
    }
}

/// Figures on a part of the STS benchmark; what is not known is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Pearson's correlation.
    pub pearson: Option<f64>,
    /// Spearman's correlation.
    pub spearman: Option<f64>,
    /// Mean absolute error, of a scale from 0 to 5.
    pub mae: Option<f64>,
}

impl Figures {
    const fn pearson(pearson: f64) -> Self {
        Self { pearson: Some(pearson), spearman: None, mae: None }
    }

    const NONE: Self = Self { pearson: None, spearman: None, mae: None };

    fn of(scores: &Scores) -> Self {
        let [pearson, spearman, mae] = ["pearson", "spearman", "mae"].map(|metric| scores.get(metric));
        Self { pearson, spearman, mae }
    }
}

/// A way to tell how alike two sentences are, and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The way.
    pub name: String,
    /// Where its figures come from.
    pub origin: Origin,
    /// On the dev part, on which weights are chosen.
    pub dev: Figures,
    /// On the test part.
    pub test: Figures,
    /// The mean absolute error on the test part before the recalibration, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae_before_recalibration: Option<f64>,
    /// The run that was trained for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<PathBuf>,
}

/// The whole study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimilarityStudy {
    /// The seed that all heads shared.
    pub seed: u64,
    /// The word vectors.
    pub vectors: PathBuf,
    /// Pairs learned from, chosen on, and judged on.
    pub pairs: [usize; 3],
    /// The head with the highest Pearson's correlation on the dev part.
    pub best: String,
    /// Measured rows first.
    pub rows: Vec<Row>,
}

/// Figures of others on the STS benchmark: name, origin, dev, test. Pearson's correlation, but for the first.
const PUBLISHED: [(&str, Origin, Figures, Figures); 8] = [
    (
        "averaged GloVe, no training",
        Origin::Published,
        Figures::NONE,
        Figures { pearson: None, spearman: Some(0.580), mae: None },
    ),
    ("fastText bag of vectors, trained head", Origin::Published, Figures::NONE, Figures::pearson(0.702)),
    ("InferSent, one report", Origin::Published, Figures::NONE, Figures::pearson(0.758)),
    ("InferSent, another report", Origin::Published, Figures::NONE, Figures::pearson(0.784)),
    ("HCTI rebuilt, squared error", Origin::Published, Figures::pearson(0.764), Figures::pearson(0.721)),
    ("HCTI, GloVe 840B 300d", Origin::Recalled, Figures::pearson(0.834), Figures::pearson(0.784)),
    ("ECNU, the winner", Origin::Recalled, Figures::pearson(0.847), Figures::pearson(0.810)),
    ("all-MiniLM-L6-v2, cosine", Origin::Published, Figures::NONE, Figures::pearson(0.827)),
];

/// Trains the recipe `sts` with each head, in a run directory of its own under `folder`, and judges all of them on the
/// dev and test parts; `measured` is called with each row. None if it was stopped.
///
/// # Errors
/// The data or the vectors cannot be read, a run cannot be written, or a number is not finite.
pub fn run(
    source: &DataSource,
    settings: &[Setting],
    folder: &Path,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
    mut measured: impl FnMut(&Row),
) -> Result<Option<SimilarityStudy>, ZooError> {
    let recipe = Recipe::load("sts", settings)?;
    let TaskConfig::Sts(setup) = &recipe.task else {
        return Err(ZooError::Usage(format!(
            "the study trains the task `sts`, not `{}`",
            recipe.task.name()
        )));
    };
    let mut study = cosines(&recipe, setup, source)?;
    measured(&study.rows[0]);
    for head in ScoreHeadName::ALL {
        let of_head = [Setting::new("model.head", head.name())];
        let recipe = Recipe::load("sts", &[settings, &of_head].concat())?;
        let training = train::start(&recipe, source, folder.join(head.name()))?;
        if let End::Stopped { .. } = train::run(&training, &Devices::default(), stop, progress)? {
            return Ok(None);
        }
        let [dev, test] = training.scores()?;
        let row = Row {
            name: head.name().to_owned(),
            origin: Origin::Measured,
            dev: Figures::of(&dev),
            test: Figures::of(&test),
            mae_before_recalibration: test.get("mae_before_recalibration"),
            run: Some(training.dir().path().to_owned()),
        };
        measured(&row);
        study.rows.push(row);
    }
    study.best = best(&study.rows[1..]);
    study.rows.extend(PUBLISHED.into_iter().map(|(name, origin, dev, test)| Row {
        name: name.to_owned(),
        origin,
        dev,
        test,
        mae_before_recalibration: None,
        run: None,
    }));
    Ok(Some(study))
}

/// The study before any training: the cosine of the means of both sentences' word vectors.
fn cosines(recipe: &Recipe, setup: &StsSetup, source: &DataSource) -> Result<SimilarityStudy, ZooError> {
    let pairs = sts::pairs(source, false)?;
    let lexicon = lexicon(&setup.data)?;
    let part = |pairs: &[Pair]| -> Result<Figures, ZooError> {
        let cosine = |pair: &Pair| cosine(&lexicon, pair, setup.data.longest);
        let cosines = pairs.iter().map(cosine).collect::<Result<Vec<f64>, ZooError>>()?;
        let targets: Vec<f64> = pairs.iter().map(|pair| pair.score).collect();
        // A cosine is no score from 0 to 5, so that it has no error.
        Ok(Figures { mae: None, ..Figures::of(&sts::scores(&cosines, &targets)?) })
    };
    let row = Row {
        name: "cosine of mean vectors, no training".to_owned(),
        origin: Origin::Measured,
        dev: part(&pairs.dev)?,
        test: part(&pairs.test)?,
        mae_before_recalibration: None,
        run: None,
    };
    Ok(SimilarityStudy {
        seed: recipe.train.seed,
        vectors: setup.data.vectors.clone(),
        pairs: [pairs.train.len(), pairs.dev.len(), pairs.test.len()],
        best: String::new(),
        rows: vec![row],
    })
}

/// The cosine of the means of both sentences' word vectors; 0 where one has none.
fn cosine(lexicon: &Lexicon, pair: &Pair, longest: usize) -> Result<f64, ZooError> {
    let sum = |sentence: &str| -> Result<Vec<f64>, ZooError> {
        let mut sum = vec![0.0; lexicon.vectors().width()];
        for row in lexicon.reading(sentence, longest)?.rows {
            let numbers = lexicon.vectors().row(row).iter();
            sum.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += f64::from(*number));
        }
        Ok(sum)
    };
    let [first, second] = &pair.sentences;
    let (u, v) = (sum(first)?, sum(second)?);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (product(&u, &u) * product(&v, &v)).sqrt();
    Ok(if lengths > 0.0 { product(&u, &v) / lengths } else { 0.0 })
}

/// The row with the highest correlation on the dev part, the first of equals.
fn best(rows: &[Row]) -> String {
    let dev = |row: &Row| row.dev.pearson.unwrap_or(f64::NEG_INFINITY);
    let best = rows.iter().reduce(|best, row| if dev(row) > dev(best) { row } else { best });
    best.map_or(String::new(), |row| row.name.clone())
}
