//! Looking on: what a run's folder shows while it is trained, and afterwards.
//!
//! [`Live`] reads metrics and telemetry as they grow, and answers what a page asks for. What it gives is what JSON says of
//! it: a number that is not finite is `null`. Of a run without metrics, the curves are those of its frames.

mod past;
mod series;

use logit_spec::Level;
use serde::Serialize;

use crate::check::{Checks, RuleOutcome, Seen};
use crate::error::RunError;
use crate::finding::{Found, not_read};
use crate::folder::RunDir;
use crate::log::MetricsTail;
use crate::record::Record;
use crate::telemetry::{Frame, Telemetry};
use crate::watched::{Sample, Watched};
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
    /// Frames that the series has, where there are no metrics.
    taken: usize,
    /// What of the recording cannot be read.
    unread: Vec<Found>,
}

/// Whether a run is trained now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A process trains it.
    Training,
    /// It has come to its end.
    Finished,
    /// It was interrupted.
    Stopped,
}

/// What a run is, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The folder's name.
    pub name: String,
    /// The program that made it.
    pub program: String,
    /// The recipe's name, where it has one.
    pub recipe: Option<String>,
    /// The folder.
    pub folder: String,
    /// Where the data came from, where that is known.
    pub data: Option<String>,
    /// The seed, where that is known.
    pub seed: Option<u64>,
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
    pub fn open(run: RunDir) -> Result<Self, RunError> {
        let tail = MetricsTail::new(&run.metrics_path());
        let series = Series::default();
        let mut live =
            Self { run, watched: None, telemetry: None, tail, series, taken: 0, unread: Vec::new() };
        live.refresh()?;
        Ok(live)
    }

    /// Reads what was written since the last look.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn refresh(&mut self) -> Result<(), RunError> {
        let (from_the_start, records) = self.tail.news()?;
        if from_the_start {
            self.series = Series::default();
        }
        for record in &records {
            self.series.add(record);
        }
        self.unread.clear();
        if self.watched.is_none() {
            let watched = self.run.watched();
            self.watched = self.read(watched).flatten();
        }
        if let Some(telemetry) = &mut self.telemetry {
            telemetry.refresh()?;
        } else {
            let telemetry = Telemetry::begun(&self.run.telemetry_path());
            self.telemetry = self.read(telemetry).flatten();
        }
        if !self.run.metrics_path().exists() {
            self.take_frames();
        }
        Ok(())
    }

    /// What was read, or else a finding that says why not: the rest is shown all the same.
    fn read<T>(&mut self, read: Result<T, RunError>) -> Option<T> {
        read.map_err(|error| self.unread.push(not_read(&error))).ok()
    }

    /// Adds the frames that came since to the series.
    fn take_frames(&mut self) {
        let Some(telemetry) = &self.telemetry else { return };
        if telemetry.len() < self.taken {
            (self.series, self.taken) = (Series::default(), 0);
        }
        for frame in telemetry.whole_frames(self.taken..telemetry.len()) {
            let Frame { step, epoch, loss, learning_rate, head_gradient_norm, .. } = frame;
            self.series.add(&Record::Step { step, epoch, loss, learning_rate, head_gradient_norm });
        }
        self.taken = telemetry.len();
    }

    /// What the run is.
    ///
    /// # Errors
    /// Its folder cannot be read.
    pub fn summary(&self) -> Result<Summary, RunError> {
        let about = self.run.about()?;
        let folder = std::path::absolute(self.run.path()).unwrap_or_else(|_| self.run.path().to_owned());
        let watched = self.watched.as_ref();
        Ok(Summary {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            program: about.maker(),
            recipe: about.recipe,
            folder: folder.display().to_string(),
            data: about.data.map(|data| data.to_string()),
            seed: about.seed,
            state: self.state(),
            step: self.last_step(),
            steps: watched.map(|watched| watched.steps).filter(|steps| *steps > 0),
            answer: watched.map(|watched| watched.subject.answer.facts().name),
            names: watched.map(|watched| watched.names.clone()).unwrap_or_default(),
            samples: watched.map(|watched| watched.samples.clone()).unwrap_or_default(),
        })
    }

    /// What is new.
    pub fn news(&self) -> News {
        News {
            step: self.last_step(),
            frame: self.last_frame(),
            loss: self.series.last_loss(),
            state: self.state(),
            findings: self.findings().len(),
        }
    }

    /// Loss and metrics, thinned, and the steps of all frames.
    pub fn series(&self) -> Series {
        self.series.thinned(self.telemetry.iter().flat_map(Telemetry::steps).collect())
    }

    /// What the last frame at or before a step shows; none before the first.
    ///
    /// # Errors
    /// Telemetry cannot be read.
    pub fn at(&self, step: u64) -> Result<Option<Past>, RunError> {
        let (Some(telemetry), Some(watched)) = (&self.telemetry, &self.watched) else { return Ok(None) };
        match telemetry.at(step) {
            Some(number) => Ok(Some(Past::read(telemetry, watched, number)?)),
            None => Ok(None),
        }
    }

    /// The statistics of a layer over time, thinned.
    pub fn layer(&self, name: &str) -> LayerHistory {
        self.telemetry.as_ref().map_or_else(LayerHistory::default, |it| LayerHistory::read(it, name))
    }

    /// What the checks found, and what of the recording cannot be read.
    pub fn findings(&self) -> Vec<Found> {
        let mut all = self.run.findings().unwrap_or_else(|error| vec![not_read(&error)]);
        all.extend(self.unread.iter().cloned());
        all
    }

    /// What each run-time check comes to over all that was recorded; none where nothing was.
    pub fn check(&self) -> Option<CheckReport> {
        let (Some(telemetry), Some(watched)) = (&self.telemetry, &self.watched) else { return None };
        let (checks, Seen { frames, damaged, after, reason }) = Checks::of(watched.subject, telemetry);
        let damaged = (damaged > 0).then_some(Damaged { places: damaged, after_step: after, reason });
        Some(CheckReport { frames, last_step: self.last_frame(), damaged, verdicts: checks.report() })
    }

    /// The step of the last frame.
    fn last_frame(&self) -> Option<u64> {
        self.telemetry.as_ref().and_then(|telemetry| telemetry.steps().last())
    }

    /// The last step that the folder speaks of.
    fn last_step(&self) -> u64 {
        self.series.last_step().max(self.last_frame().unwrap_or(0))
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
pub struct CheckReport {
    /// Frames that were looked at.
    pub frames: u64,
    /// The last step that was recorded.
    pub last_step: Option<u64>,
    /// What of the recording is damaged, and was passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<Damaged>,
    /// What each rule came to.
    pub verdicts: Vec<RuleOutcome>,
}

/// Damage of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Damaged places, each of a recorded step or several.
    pub places: u64,
    /// The last whole step before the first of them; none where it is the first.
    pub after_step: Option<u64>,
    /// What is wrong with the first frame that cannot be read, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl CheckReport {
    /// The worst level that was found.
    pub fn worst(&self) -> Option<Level> {
        self.verdicts.iter().filter_map(RuleOutcome::found).map(|found| found.finding.level).max()
    }
}
