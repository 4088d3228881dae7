//! Whether the record of a run is all there: what its files say was recorded, and what `telemetry.bin` holds.
//!
//! What cannot be looked at is not fine: a record that is gone, empty or cut is reported as missing, by what the other
//! files say of it. Only if they say that nothing was recorded is nothing missing.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use logit_run::telemetry::Telemetry;
use logit_run::{Found, MetricsTail, Record, RunDir, RunError, read_records};
use logit_zoo::recipe::MAX_STEPS;
use logit_zoo::run::{Checkpoint, TrainedRun as _, sum_of};
use logit_zoo::train::is_recorded;
use logit_zoo::{RecipeError, ZooError};
use serde_json::Value;

/// So much two losses may differ that are one: what is written as decimals is read back to the last bit but one.
const SAME: f64 = 1e-12;

/// The loss of each step.
type Losses = BTreeMap<u64, f64>;

/// What the files of a run say of its record.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// What is missing, or cannot be read, a sentence each.
    pub(crate) missing: Vec<String>,
    /// Why no step was recorded, where that is as it should be.
    pub(crate) none: Option<&'static str>,
}

impl Account {
    /// Reads what the files of a run say of each other; `found` is what its `findings.json` holds.
    ///
    /// A training that goes on writes telemetry, metrics and checkpoint in this order; here they are read in the other.
    ///
    /// # Errors
    /// `run.json`, `watched.json` or `telemetry.bin` cannot be read.
    pub(crate) fn of(run: &RunDir, found: &[Found]) -> Result<Self, RunError> {
        let mut account = Self::default();
        // What cannot be read is an error, also where nothing was to be recorded.
        run.watched()?;
        Telemetry::begun(&run.telemetry_path())?;
        match run.about()?.program {
            Some(_) => account.of_other_program(run, found)?,
            None => account.of_training(run, found)?,
        }
        Ok(account)
    }

    /// The record of a run of `logit train`, whose recipe says which steps are recorded.
    fn of_training(&mut self, run: &RunDir, found: &[Found]) -> Result<(), RunError> {
        let place = self.place(run);
        let of_checkpoint = |key: &str| place[key].as_u64().unwrap_or(0);
        let losses = self.losses(run, true)?;
        let logged = last(&losses);
        let mut taken = logged.max(of_checkpoint("step")).min(MAX_STEPS);
        if logged < taken {
            let metrics = run.metrics_path();
            self.say(&metrics, format_args!("ends at step {logged}, but the checkpoint is of step {taken}"));
        } else if taken == 0 && run.best_path().exists() {
            let metrics = run.metrics_path();
            self.say(
                &metrics,
                format_args!("holds no step, though best.safetensors was saved after an epoch"),
            );
            taken = 1;
        }
        let kept = of_checkpoint("findings");
        if (found.len() as u64) < kept {
            let path = run.path().join("findings.json");
            self.say(&path, format_args!("holds {} of the {kept} findings that there were", found.len()));
        }
        let every = match run.recipe() {
            Ok(recipe) => recipe.watch.every,
            Err(error) => {
                self.missing.push(describe(error));
                // The first few steps at least.
                u64::MAX
            }
        };
        match (every, taken) {
            (0, _) => self.none = Some("`watch.every` is 0"),
            (_, 0) => self.none = Some("it has not begun"),
            (every, taken) => {
                self.watched(run)?;
                self.is_of_checkpoint(run, &place);
                self.steps(run, taken, every)?;
                self.is_of_metrics(run, &losses)?;
            }
        }
        Ok(())
    }

    /// The record that another program made: it alone knows which steps it recorded, but files and findings speak of some.
    fn of_other_program(&mut self, run: &RunDir, found: &[Found]) -> Result<(), RunError> {
        let logged = last(&self.losses(run, false)?);
        self.watched(run)?;
        let path = run.telemetry_path();
        let Some(telemetry) = Telemetry::begun(&path)? else {
            self.say(&path, format_args!("{}, but a recording has one", state(&path)));
            return Ok(());
        };
        let there: HashSet<u64> = telemetry.steps().collect();
        let lost = found.iter().filter_map(|found| found.place.step()).find(|step| !there.contains(step));
        if let Some(step) = lost {
            self.say(&path, format_args!("does not hold step {step}, at which a check found something"));
        } else if there.is_empty() && logged > 0 {
            let metrics = run.metrics_path();
            let metrics = metrics.display();
            self.say(&path, format_args!("holds no step, but {metrics} holds steps up to {logged}"));
        } else if there.is_empty() {
            self.none = Some("it has not begun");
        }
        Ok(())
    }

    /// The place in training of the last checkpoint; `null` where there is none.
    fn place(&mut self, run: &RunDir) -> Value {
        match Checkpoint::load(&run.last_path()) {
            Ok(checkpoint) => return checkpoint.place,
            Err(RunError::NoCheckpoint { .. }) => {}
            Err(error) => self.missing.push(error.to_string()),
        }
        Value::Null
    }

    /// The loss of each step that the metrics hold.
    fn losses(&mut self, run: &RunDir, is_needed: bool) -> Result<Losses, RunError> {
        let path = run.metrics_path();
        if !path.exists() {
            if is_needed {
                self.say(&path, format_args!("does not exist, but every training writes one"));
            }
            return Ok(Losses::new());
        }
        if let Err(error) = read_records(&path) {
            self.missing.push(error.to_string());
        }
        let (_, records) = MetricsTail::new(&path).news()?;
        let steps = records.iter().filter_map(|record| match record {
            Record::Step { step, loss, .. } => Some((*step, *loss)),
            _ => None,
        });
        Ok(steps.collect())
    }

    /// Whether what is watched is what was written when training began.
    fn is_of_checkpoint(&mut self, run: &RunDir, place: &Value) {
        let path = run.watched_path();
        if let (Some(then), Ok(now)) = (place["watched_sum"].as_str(), sum_of(&path))
            && then != now
        {
            self.say(
                &path,
                format_args!(
                    "is not the file that belongs to the checkpoint: it was edited, or is of another run"
                ),
            );
        }
    }

    /// Whether the steps that were recorded are those that the metrics tell of: the loss of each stands in both.
    fn is_of_metrics(&mut self, run: &RunDir, losses: &Losses) -> Result<(), RunError> {
        let path = run.telemetry_path();
        let Some(telemetry) = Telemetry::begun(&path)? else { return Ok(()) };
        let differs = |step: u64, loss: f64| {
            let logged = *losses.get(&step)?;
            ((logged - loss).abs() > SAME * logged.abs().max(1.0)).then_some((step, loss, logged))
        };
        let mut frames = telemetry.whole_frames(0..telemetry.len());
        if let Some((step, loss, logged)) = frames.find_map(|frame| differs(frame.step, frame.loss)) {
            let metrics = run.metrics_path();
            let metrics = metrics.display();
            self.say(
                &path,
                format_args!("tells of a loss of {loss} at step {step}, but {metrics} of {logged}: one of them is of another run, or was edited"),
            );
        }
        Ok(())
    }

    /// What the steps are judged by.
    fn watched(&mut self, run: &RunDir) -> Result<(), RunError> {
        if run.watched()?.is_none() {
            let path = run.watched_path();
            self.say(&path, format_args!("does not exist, and without it no step can be judged"));
        }
        Ok(())
    }

    /// Of the steps that were taken, those that were to be recorded.
    fn steps(&mut self, run: &RunDir, taken: u64, every: u64) -> Result<(), RunError> {
        let path = run.telemetry_path();
        let telemetry = Telemetry::begun(&path)?;
        let there: HashSet<u64> = telemetry.iter().flat_map(Telemetry::steps).collect();
        let due = || (1..=taken).filter(move |step| is_recorded(*step, every));
        let Some(first) = due().find(|step| !there.contains(step)) else { return Ok(()) };
        let (all, lost) = (due().count(), due().filter(|step| !there.contains(step)).count());
        if there.is_empty() {
            let state = if telemetry.is_some() { "holds no step" } else { state(&path) };
            self.say(&path, format_args!("{state}, but {all} of the {taken} steps were to be recorded"));
        } else {
            let of_all = format_args!("{lost} of the {all} steps that were to be recorded");
            self.say(&path, format_args!("lacks {of_all}, the first of them step {first}"));
        }
        Ok(())
    }

    fn say(&mut self, path: &Path, what: std::fmt::Arguments<'_>) {
        self.missing.push(format!("{} {what}", path.display()));
    }
}

/// The last step.
fn last(losses: &Losses) -> u64 {
    losses.last_key_value().map_or(0, |(step, _)| *step)
}

/// How a record is, of which nothing can be read.
fn state(path: &Path) -> &'static str {
    if path.exists() { "holds nothing" } else { "does not exist" }
}

/// What is wrong with a recipe, without the lines that it quotes.
fn describe(error: ZooError) -> String {
    match error {
        ZooError::RunRecipe(RecipeError::Parse { origin, message, .. }) => format!("{origin}: {message}"),
        error => error.to_string(),
    }
}
