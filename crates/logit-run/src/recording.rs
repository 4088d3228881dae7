//! Making a recording: by `logit train`, frame by frame, and by any other program, from slices of numbers.

use std::fs::File;
use std::path::Path;

use logit_kernels::row::{sigmoid, softmax};
use logit_kernels::statistics::Statistics;
use logit_spec::{Answer, Reading};

use crate::about::About;
use crate::check::Checks;
use crate::error::RunError;
use crate::finding::{Found, not_recorded};
use crate::folder::RunDir;
use crate::log::MetricsLog;
use crate::new_run::{NewRun, RunAt};
use crate::record::Record;
use crate::scores::Scores;
use crate::telemetry::{Facts, Frame, Layer, Output, SampleSeen, Telemetry, TelemetryLog, Truth};
use crate::tensorboard::EventFile;
use crate::watched::{Subject, Watched};

/// Writes the frames of a training into its folder, and runs the checks along. What cannot be written is said once, as a
/// finding, and then left: recording never stops a training.
#[derive(Debug)]
pub struct TelemetryWriter {
    run: RunDir,
    log: Option<TelemetryLog>,
    bytes: u64,
    checks: Checks,
    events: Option<EventFile>,
    /// What could not be kept, and was not said yet.
    unsaid: Vec<Found>,
}

impl TelemetryWriter {
    /// Opens a run's telemetry where it had `bytes` bytes, and lets the checks see what is there.
    pub fn open(run: &RunDir, watched: &Watched, bytes: u64, tensorboard: bool) -> Self {
        let checks = Checks::new(watched.subject);
        let (run, unsaid) = (run.clone(), Vec::new());
        let mut writer = Self { run, log: None, bytes, checks, events: None, unsaid };
        let kept = writer.run.write_watched(watched);
        writer.kept(kept);
        let next = writer.open_log(watched.subject, bytes);
        if tensorboard {
            let folder = writer.run.events_path();
            let events = EventFile::of_training(&folder, next, &watched.samples);
            writer.events = writer.kept(events.map_err(|source| RunError::io("write", &folder, source)));
        }
        writer
    }

    /// Opens the log, and gives the step after the last that is there.
    fn open_log(&mut self, subject: Subject, bytes: u64) -> Option<u64> {
        let path = self.run.telemetry_path();
        let log = self.kept(TelemetryLog::open_at(&path, bytes))?;
        self.bytes = log.bytes();
        let telemetry = self.kept(Telemetry::open(&path))?;
        let (checks, seen) = Checks::of(subject, &telemetry);
        let damage = log.damage().map(str::to_owned).or_else(|| seen.damage());
        self.unsaid.extend(damage.map(|damage| not_recorded(format!("{}: {damage}", path.display()))));
        (self.checks, self.log) = (checks, Some(log));
        telemetry.steps().last().map(|step| step + 1)
    }

    /// What was done, or else a finding that says why not.
    fn kept<T>(&mut self, done: Result<T, RunError>) -> Option<T> {
        done.map_err(|error| self.unsaid.push(not_recorded(format!("{error}; it is left out")))).ok()
    }

    /// Writes a frame, and gives what the checks newly found.
    pub fn write(&mut self, frame: &Frame) -> Vec<Found> {
        if let Some(mut log) = self.log.take() {
            let appended = log.append(frame);
            self.bytes = log.bytes();
            self.log = self.kept(appended).map(|()| log);
        }
        self.tell(|events| events.frame(frame));
        let mut found = if frame.is_whole() { self.checks.see(frame) } else { Vec::new() };
        found.append(&mut self.unsaid);
        if !found.is_empty() {
            self.add(&found);
            found.append(&mut self.unsaid);
        }
        found
    }

    /// What was found before the first step: of the data, and of a recording that could not be opened as it was. All that
    /// was found so far is given back.
    pub fn begin(&mut self, mut found: Vec<Found>) -> Vec<Found> {
        found.append(&mut self.unsaid);
        let mut all = self.add(&found).unwrap_or(found);
        all.append(&mut self.unsaid);
        all
    }

    /// Adds to what is found; all of it, where it can be read and written.
    fn add(&mut self, found: &[Found]) -> Option<Vec<Found>> {
        let added = self.run.add_findings(found.iter().cloned());
        self.kept(added)
    }

    /// Notes for TensorBoard what an epoch's weights are worth on the validation part.
    pub fn validation(&mut self, step: u64, scores: &Scores) {
        self.tell(|events| events.validation(step, scores));
    }

    /// Bytes of telemetry so far; TensorBoard's files are on the disk.
    pub fn flush(&mut self) -> u64 {
        self.tell(EventFile::flush);
        self.bytes
    }

    fn tell(&mut self, write: impl FnOnce(&mut EventFile) -> std::io::Result<()>) {
        let Some(mut events) = self.events.take() else { return };
        let written = write(&mut events).map_err(|source| RunError::io("write", events.path(), source));
        self.events = self.kept(written).map(|()| events);
    }
}

/// A recording that a program makes of its own training: [`create`](Self::create), a [`step`](Self::step) for each step of
/// the optimiser, [`finish`](Self::finish). See the example at the top of this crate.
///
/// A folder that was left without `finish` can be watched and checked like a finished one.
#[derive(Debug)]
pub struct Recording {
    run: RunDir,
    subject: Subject,
    metrics: MetricsLog,
    telemetry: TelemetryWriter,
    last: u64,
    /// Tells those who look on that the run is under way.
    _lock: File,
}

impl Recording {
    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// The folder holds a run already, or cannot be written.
    pub fn create(path: &Path, about: &About, watched: &Watched) -> Result<Self, RunError> {
        let new = NewRun::claim(&RunAt::from(path))?;
        let metrics = MetricsLog::open_at(&new.dir().metrics_path(), 0)?;
        let telemetry = TelemetryWriter::open(new.dir(), watched, 0, false);
        let (run, lock) = new.finish(about)?;
        Ok(Self { run, subject: watched.subject, metrics, telemetry, last: 0, _lock: lock })
    }

    /// The folder.
    pub fn run(&self) -> &RunDir {
        &self.run
    }

    /// A step of the optimiser, from 1, and its epoch, from 1; `loss` is the mean loss of its batch.
    ///
    /// What is added to it must be of the very pass that the loss is of. A step to which nothing is added costs a line: add
    /// the rest at the first few steps, and then every twentieth or so.
    pub fn step(&mut self, step: u64, epoch: u64, loss: f64, learning_rate: f64) -> StepRecord<'_> {
        let head_gradient_norm = f64::NAN;
        let frame = Frame { step, epoch, loss, learning_rate, head_gradient_norm, ..Frame::default() };
        let fault = (step <= self.last)
            .then(|| format!("it comes after step {}; the steps of a recording rise", self.last));
        StepRecord { recording: self, frame, more: None, fault }
    }

    /// The end of an epoch, counted from 1: the mean loss over its training passes, and what the weights are worth on data
    /// held back; `best` where they are the best so far.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn epoch(
        &mut self,
        epoch: u64,
        train_loss: f64,
        validation: Scores,
        best: bool,
    ) -> Result<(), RunError> {
        let step = self.last;
        self.metrics.append(&Record::Epoch {
            epoch,
            step,
            train_loss,
            train_accuracy: None,
            validation,
            best,
        })
    }

    /// The end of the training.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn finish(self) -> Result<(), RunError> {
        self.finish_with(0, Scores::default())
    }

    /// The end of the training, with what the weights of the best epoch are worth on the test data.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn finish_with(mut self, best_epoch: u64, test: Scores) -> Result<(), RunError> {
        let reason = "finished".to_owned();
        self.metrics.append(&Record::End { step: self.last, reason, best_epoch, test })?;
        self.metrics.sync().map(drop)
    }
}

/// A step that is being recorded; nothing is written before [`write`](Self::write).
#[derive(Debug)]
#[must_use = "a step is recorded by `write`"]
pub struct StepRecord<'a> {
    recording: &'a mut Recording,
    frame: Frame,
    /// How much higher the loss is with targets of other rows.
    more: Option<f64>,
    fault: Option<String>,
}

impl StepRecord<'_> {
    /// What the loss was fed, `[N, K]` row after row, and the targets of the rows: the run-time checks judge by it.
    ///
    /// That is the logits where the loss takes logits. Where an activation stands between, as a log-softmax, it is what
    /// comes out of it, and the logits are a [`layer`](Self::layer) of the name `logits`.
    pub fn output(self, numbers: &[f32], truth: &Truth) -> Self {
        self.output_maps(numbers, 1, truth)
    }

    /// The same of maps, `[N, K, positions]`; the targets are those of the first sample's positions, then of the second's.
    pub fn output_maps(mut self, numbers: &[f32], positions: usize, truth: &Truth) -> Self {
        let output = Output::maps(numbers, self.recording.subject.units, positions);
        if let Some(fault) = unfit(&output, numbers.len(), truth) {
            self.fault.get_or_insert(fault);
            return self;
        }
        let Facts { output: seen, confusion, reliability, shuffled, chance_loss } = Facts::of(&output, truth);
        self.frame = Frame {
            batch: output.samples() as u32,
            output: seen,
            confusion,
            reliability,
            chance_loss,
            ..self.frame
        };
        self.more = shuffled;
        self
    }

    /// The output of a layer, all its numbers in any order; layers come in the order in which they computed.
    pub fn layer(mut self, name: &str, numbers: &[f32]) -> Self {
        self.frame.layers.push(layer(name, numbers));
        self
    }

    /// The gradient of the loss that arrived at the output of a layer.
    pub fn gradient(mut self, name: &str, numbers: &[f32]) -> Self {
        self.frame.gradients.push(layer(name, numbers));
        self
    }

    /// The Euclidean norm of the gradient of the head's weights.
    pub fn head_gradient_norm(mut self, norm: f64) -> Self {
        self.frame.head_gradient_norm = norm;
        self
    }

    /// The logits of one of the chosen samples ([`Watched::samples`]), by its row in the training data.
    pub fn sample(mut self, row: u32, logits: &[f32]) -> Self {
        let units = self.recording.subject.units;
        if logits.len() != units {
            let fault =
                format!("the sample of row {row} has {} logits, but the head {units} units", logits.len());
            self.fault.get_or_insert(fault);
            return self;
        }
        let probabilities = probabilities(&self.recording.subject, logits);
        let seen = SampleSeen { row, logits: logits.to_vec(), probabilities, ..SampleSeen::default() };
        self.frame.samples.push(seen);
        self
    }

    /// Writes the step, and gives what the run-time checks newly found.
    ///
    /// # Errors
    /// The numbers do not fit each other, the step is not after the last, or the folder cannot be written.
    pub fn write(self) -> Result<Vec<Found>, RunError> {
        let Self { recording, mut frame, more, fault } = self;
        let Frame { step, epoch, loss, learning_rate, head_gradient_norm, .. } = frame;
        if let Some(reason) = fault {
            return Err(RunError::Step { step, reason });
        }
        recording.last = step;
        // JSON has no other numbers; the frame tells.
        // What is not known is 0 there.
        let head_gradient_norm = if head_gradient_norm.is_nan() { 0.0 } else { head_gradient_norm };
        if [loss, learning_rate, head_gradient_norm].iter().all(|number| number.is_finite()) {
            let record = Record::Step { step, epoch, loss, learning_rate, head_gradient_norm };
            recording.metrics.append(&record)?;
        }
        frame.shuffled_loss = more.map(|more| loss + more);
        if frame.is_whole() || !frame.samples.is_empty() || !frame.gradients.is_empty() {
            Ok(recording.telemetry.write(&frame))
        } else {
            Ok(Vec::new())
        }
    }
}

fn layer(name: &str, numbers: &[f32]) -> Layer {
    Layer { name: name.to_owned(), statistics: Statistics::of(numbers) }
}

/// Why an output is not judged against targets, if so.
fn unfit(output: &Output<'_>, count: usize, truth: &Truth) -> Option<String> {
    let (rows, units) = (output.row_count(), output.units());
    if rows == 0 || !output.is_whole() {
        return Some(format!("an output of {count} numbers has no whole rows of {units} units"));
    }
    let (found, wanted) = match truth {
        Truth::Classes(classes) => (classes.len(), rows),
        Truth::Labels(numbers) | Truth::Values(numbers) => (numbers.len(), rows * units),
        Truth::Other => return None,
    };
    (found != wanted)
        .then(|| format!("{found} targets for {rows} rows of {units} units, where {wanted} are needed"))
}

/// What logits stand for, where the kind of answer has probabilities.
fn probabilities(subject: &Subject, logits: &[f32]) -> Vec<f32> {
    let each = |logits: &[f32]| logits.iter().map(|logit| sigmoid(f64::from(*logit)) as f32).collect();
    match subject.answer {
        Answer::Values => Vec::new(),
        Answer::YesNo | Answer::Labels => each(logits),
        Answer::Grades if subject.loss.facts().reading == Reading::Cumulative => each(logits),
        Answer::Classes | Answer::Grades => {
            softmax(logits, 1.0).into_iter().map(|probability| probability as f32).collect()
        }
    }
}
