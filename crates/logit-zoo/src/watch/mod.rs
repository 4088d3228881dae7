//! Looking on: what a run's folder tells while it is trained, and afterwards.
//!
//! [`Live`] reads metrics and telemetry on as they grow, and answers what a page asks for. What it gives is what JSON says of
//! it: a number that is not finite is `null`.

mod past;
mod series;

use logit_spec::Level;
use serde::Serialize;

use crate::error::ZooError;
use crate::run::{Found, MetricsTail, RunDir};
use crate::telemetry::{Checks, Sample, Telemetry, Verdict, Watched};
pub use past::{Past, Sight};
pub use series::{LayerHistory, Series};

/// A run that is looked at.
#[derive(Debug)]
pub struct Live {
    run: RunDir,
    watched: Option<Watched>,
    telemetry: Option<Telemetry>,
    tail: MetricsTail,
    series: Series,
}

/// Whether a run is trained now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A process trains it.
    Training,
    /// It has come to its end.
    Finished,
    /// It was broken off.
    Stopped,
}

/// What a run is, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The folder's name.
    pub name: String,
    /// The recipe's.
    pub recipe: String,
    /// The folder.
    pub folder: String,
    /// Where the data came from.
    pub data: String,
    /// The seed.
    pub seed: u64,
    /// Whether it is trained.
    pub state: State,
    /// Steps done.
    pub step: u64,
    /// Steps that it is to have, where that is known.
    pub steps: Option<u64>,
    /// The kind of answer.
    pub answer: Option<&'static str>,
    /// The names of the units.
    pub names: Vec<String>,
    /// The chosen samples.
    pub samples: Vec<Sample>,
}

/// What is new of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct News {
    /// Steps done.
    pub step: u64,
    /// The step of the last frame.
    pub frame: Option<u64>,
    /// The loss of the last step.
    pub loss: Option<f64>,
    /// Whether it is trained.
    pub state: State,
    /// How many findings there are.
    pub findings: usize,
}

impl Live {
    /// Looks at a run.
    ///
    /// # Errors
    /// Its folder cannot be read.
    pub fn open(run: RunDir) -> Result<Self, ZooError> {
        let tail = MetricsTail::new(&run.metrics_path());
        let mut live = Self { run, watched: None, telemetry: None, tail, series: Series::default() };
        live.refresh()?;
        Ok(live)
    }

    /// Reads what was written since the last look.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn refresh(&mut self) -> Result<(), ZooError> {
        let (from_the_start, records) = self.tail.news()?;
        if from_the_start {
            self.series = Series::default();
        }
        for record in &records {
            self.series.add(record);
        }
        if self.watched.is_none() {
            self.watched = self.run.watched()?;
        }
        match &mut self.telemetry {
            Some(telemetry) => {
                telemetry.refresh()?;
            }
            None => self.telemetry = Telemetry::begun(&self.run.telemetry_path())?,
        }
        Ok(())
    }

    /// What the run is.
    ///
    /// # Errors
    /// Its folder cannot be read.
    pub fn summary(&self) -> Result<Summary, ZooError> {
        let about = self.run.about()?;
        let folder = std::path::absolute(self.run.path()).unwrap_or_else(|_| self.run.path().to_owned());
        let watched = self.watched.as_ref();
        Ok(Summary {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            recipe: about.recipe,
            folder: folder.display().to_string(),
            data: about.data.to_string(),
            seed: about.seed,
            state: self.state(),
            step: self.series.last_step(),
            steps: watched.map(|watched| watched.steps),
            answer: watched.map(|watched| watched.subject.answer.facts().name),
            names: watched.map(|watched| watched.names.clone()).unwrap_or_default(),
            samples: watched.map(|watched| watched.samples.clone()).unwrap_or_default(),
        })
    }

    /// What is new.
    ///
    /// # Errors
    /// Its folder cannot be read.
    pub fn news(&self) -> Result<News, ZooError> {
        Ok(News {
            step: self.series.last_step(),
            frame: self.telemetry.as_ref().and_then(|telemetry| telemetry.steps().last()),
            loss: self.series.last_loss(),
            state: self.state(),
            findings: self.findings()?.len(),
        })
    }

    /// Loss and metrics, thinned, and the steps of all frames.
    pub fn series(&self) -> Series {
        self.series.thinned(self.telemetry.iter().flat_map(Telemetry::steps).collect())
    }

    /// What the last frame at or before a step shows; none before the first.
    ///
    /// # Errors
    /// Telemetry cannot be read.
    pub fn at(&self, step: u64) -> Result<Option<Past>, ZooError> {
        let (Some(telemetry), Some(watched)) = (&self.telemetry, &self.watched) else { return Ok(None) };
        match telemetry.at(step) {
            Some(number) => Ok(Some(Past::read(telemetry, watched, number)?)),
            None => Ok(None),
        }
    }

    /// The statistics of a layer over time, thinned.
    ///
    /// # Errors
    /// Telemetry cannot be read.
    pub fn layer(&self, name: &str) -> Result<LayerHistory, ZooError> {
        match &self.telemetry {
            Some(telemetry) => Ok(LayerHistory::read(telemetry, name)?),
            None => Ok(LayerHistory::default()),
        }
    }

    /// What the checks found.
    ///
    /// # Errors
    /// `findings.json` cannot be read.
    pub fn findings(&self) -> Result<Vec<Found>, ZooError> {
        Ok(self.run.findings()?)
    }

    /// What each run-time check comes to over all that was recorded; none where nothing was.
    ///
    /// # Errors
    /// Telemetry cannot be read.
    pub fn verdicts(&self) -> Result<Option<Verdicts>, ZooError> {
        let (Some(telemetry), Some(watched)) = (&self.telemetry, &self.watched) else { return Ok(None) };
        let mut checks = Checks::new(watched.subject);
        let mut frames = 0;
        for number in 0..telemetry.len() {
            let frame = telemetry.frame(number)?;
            if frame.has_layers() {
                checks.see(&frame);
                frames += 1;
            }
        }
        Ok(Some(Verdicts { frames, last_step: telemetry.steps().last(), verdicts: checks.report() }))
    }

    fn state(&self) -> State {
        if self.series.is_finished() {
            State::Finished
        } else if self.run.is_busy() {
            State::Training
        } else {
            State::Stopped
        }
    }
}

/// What the run-time checks come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdicts {
    /// Frames that were looked at.
    pub frames: u64,
    /// The last step that was recorded.
    pub last_step: Option<u64>,
    /// A verdict a rule.
    pub verdicts: Vec<Verdict>,
}

impl Verdicts {
    /// The worst level that was found.
    pub fn worst(&self) -> Option<Level> {
        self.verdicts.iter().filter_map(|verdict| verdict.found()).map(|seen| seen.finding.level).max()
    }
}
