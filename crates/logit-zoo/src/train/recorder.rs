//! What of the training passes is recorded: telemetry, run-time checks, and TensorBoard's files.

use std::time::SystemTime;

use logit::tape::{Content, Part, Recorded, Side, Tape, Watch};

use crate::error::ZooError;
use crate::recipe::{Recipe, WatchConfig};
use crate::run::{Found, RunDir, RunError};
use crate::task::{Scores, System, Task};
use crate::telemetry::{
    Checks, EventFile, Facts, Frame, Histogram, Layer, Sample, SampleSeen, Telemetry, TelemetryLog, Watched,
    spread,
};

/// So many first steps are recorded each: there the head and its loss show whether they fit.
const FIRST: u64 = 5;

/// Whether a step's layers are recorded, where those of every so many steps are.
pub(crate) fn is_due(step: u64, every: u64) -> bool {
    step <= FIRST || Watch::new().every(every).is_due(step)
}

/// Records the training passes of a run.
pub(super) struct Recorder {
    config: WatchConfig,
    chosen: Vec<u32>,
    checks: Checks,
    log: TelemetryLog,
    events: Option<EventFile>,
}

/// When a pass was, and what its step came to.
#[derive(Default)]
pub(crate) struct Moment {
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    pub(crate) batch: u32,
    pub(crate) loss: f64,
    pub(crate) learning_rate: f64,
    pub(crate) head_gradient_norm: f64,
}

/// What a pass recorded.
pub(crate) struct PassRecord {
    /// The samples that were in it.
    pub(crate) rows: Vec<u32>,
    pub(crate) tape: Tape,
    pub(crate) facts: Option<Facts>,
}

impl Recorder {
    /// Opens a run's telemetry where its checkpoint left it, and lets the checks see what is there.
    pub(super) fn open<T: Task>(
        run: &RunDir,
        recipe: &Recipe,
        task: &T,
        bytes: u64,
        steps: u64,
    ) -> Result<Self, ZooError> {
        let config = recipe.watch.clone();
        let mut chosen = if config.every == 0 { Vec::new() } else { spread(task.samples(), config.samples) };
        let system = task.system();
        let mut samples = Vec::new();
        for &row in &chosen {
            if let Some((asked, truth)) = task.sample(row)? {
                samples.push(Sample { row, truth, input: system.show(&asked) });
            }
        }
        chosen.retain(|row| samples.iter().any(|sample| sample.row == *row));
        let subject = system.subject();
        let watched = Watched { subject, names: system.units(), steps, samples };
        run.watch(&watched)?;
        let path = run.telemetry_path();
        let log = TelemetryLog::open_at(&path, bytes)?;
        let mut checks = Checks::new(subject);
        let telemetry = Telemetry::open(&path)?;
        for number in 0..telemetry.len() {
            let frame = telemetry.frame(number)?;
            if frame.has_layers() {
                checks.see(&frame);
            }
        }
        let next = telemetry.steps().last().map(|step| step + 1);
        let events = if config.tensorboard { Some(events(run, next, &watched.samples)?) } else { None };
        Ok(Self { config, chosen, checks, log, events })
    }

    /// A tape for the pass of a step over some samples.
    pub(super) fn tape(&self, step: u64, rows: &[u32]) -> Tape {
        let every = self.config.every;
        if every == 0 {
            return Tape::off();
        }
        let due = is_due(step, every);
        let places: Vec<usize> =
            (0..rows.len()).filter(|place| self.chosen.contains(&rows[*place])).collect();
        if !due && places.is_empty() {
            return Tape::off();
        }
        let mut watch = Watch::new();
        if !places.is_empty() {
            let rows = Part::Rows(places);
            watch = watch.outputs("logits", rows.clone()).outputs("probabilities", rows);
        }
        if due {
            watch = watch.outputs("*", Part::Statistics);
            if self.config.gradients {
                watch = watch.gradients("*", Part::Statistics);
            }
        }
        Tape::new(&watch)
    }

    /// Writes what a pass recorded, and gives what the checks newly found.
    pub(super) fn record(
        &mut self,
        run: &RunDir,
        moment: Moment,
        pass: PassRecord,
    ) -> Result<Vec<Found>, ZooError> {
        if !pass.tape.is_on() {
            return Ok(Vec::new());
        }
        let frame = frame(&moment, pass);
        self.log.append(&frame)?;
        if let Some(events) = &mut self.events {
            tell(events, &frame).map_err(|source| RunError::io("write", &run.events_path(), source))?;
        }
        let seen = if frame.has_layers() { self.checks.see(&frame) } else { Vec::new() };
        let found: Vec<Found> = seen.iter().map(Found::from).collect();
        if !found.is_empty() {
            run.find(found.iter().cloned())?;
        }
        Ok(found)
    }

    /// Tells TensorBoard what an epoch's weights are worth on the validation part.
    pub(super) fn judged(&mut self, run: &RunDir, step: u64, validation: &Scores) -> Result<(), ZooError> {
        let Some(events) = &mut self.events else { return Ok(()) };
        for (metric, value) in validation.iter() {
            let written = events.scalar(step, &format!("validation/{metric}"), value as f32);
            written.map_err(|source| RunError::io("write", &run.events_path(), source))?;
        }
        Ok(())
    }

    /// Bytes of telemetry so far; TensorBoard's files are on the disk.
    pub(super) fn flush(&mut self) -> Result<u64, ZooError> {
        if let Some(events) = &mut self.events {
            let path = events.path().to_owned();
            events.flush().map_err(|source| RunError::io("write", &path, source))?;
        }
        Ok(self.log.bytes())
    }
}

/// What of a pass is kept; its samples are those whose rows the tape recorded.
pub(crate) fn frame(moment: &Moment, PassRecord { rows, tape, facts }: PassRecord) -> Frame {
    let facts = facts.unwrap_or_default();
    Frame {
        step: moment.step,
        epoch: moment.epoch,
        batch: moment.batch,
        loss: moment.loss,
        learning_rate: moment.learning_rate,
        head_gradient_norm: moment.head_gradient_norm,
        layers: layers(&tape, Side::Output),
        gradients: layers(&tape, Side::Gradient),
        output: facts.output,
        samples: samples(&tape, &rows),
        confusion: facts.confusion,
        reliability: facts.reliability,
        shuffled_loss: facts.shuffled.map(|more| moment.loss + more),
        chance_loss: facts.chance_loss,
    }
}

/// The layers whose statistics a tape recorded.
fn layers(tape: &Tape, side: Side) -> Vec<Layer> {
    let layer = |value: &Recorded| {
        Some(Layer { name: value.name.clone(), statistics: value.statistics()?.clone() })
    };
    tape.recorded().iter().filter(|value| value.side == side).filter_map(layer).collect()
}

/// The chosen samples of a batch, from the rows that were recorded of its logits and probabilities.
fn samples(tape: &Tape, rows: &[u32]) -> Vec<SampleSeen> {
    let of = |name: &str| {
        tape.recorded().iter().find_map(|value| match &value.content {
            Content::Rows { rows, numbers } if value.name == name => {
                Some((rows, numbers.chunks(numbers.len() / rows.len().max(1)).map(<[f32]>::to_vec)))
            }
            _ => None,
        })
    };
    let Some((places, logits)) = of("logits") else { return Vec::new() };
    let mut probabilities = of("probabilities").map(|(_, each)| each);
    let sample = |(place, logits): (&usize, Vec<f32>)| SampleSeen {
        row: rows[*place],
        logits,
        probabilities: probabilities.as_mut().and_then(Iterator::next).unwrap_or_default(),
    };
    places.iter().zip(logits).map(sample).collect()
}

/// TensorBoard's file, with the pictures of the chosen samples; `next` is the step that a resumed training begins with.
fn events(run: &RunDir, next: Option<u64>, samples: &[Sample]) -> Result<EventFile, ZooError> {
    let path = run.events_path();
    let io_error = |source| RunError::io("write", &path, source);
    let mut events = EventFile::create(&path, SystemTime::now()).map_err(io_error)?;
    if let Some(step) = next {
        events.resume(step).map_err(io_error)?;
        return Ok(events);
    }
    for Sample { row, truth, input } in samples {
        if let Some(([width, height, channels], pixels)) = input.pixels() {
            let tag = format!("samples/row {row}, {truth}");
            // Pixels that fill no picture are not shown.
            let _ = events.image(0, &tag, width as u32, height as u32, channels as u8, &pixels);
        }
    }
    Ok(events)
}

/// Tells TensorBoard of a frame.
fn tell(events: &mut EventFile, frame: &Frame) -> std::io::Result<()> {
    let step = frame.step;
    events.scalar(step, "train/loss", frame.loss as f32)?;
    events.scalar(step, "train/learning_rate", frame.learning_rate as f32)?;
    events.scalar(step, "train/head_gradient_norm", frame.head_gradient_norm as f32)?;
    let sides = [("layers", &frame.layers), ("gradients", &frame.gradients)];
    for (side, layer) in
        sides.into_iter().flat_map(|(side, layers)| layers.iter().map(move |layer| (side, layer)))
    {
        let statistics = &layer.statistics;
        if statistics.histogram.is_empty() {
            continue;
        }
        // Of many numbers the bins count some, and the sums are told of as many.
        let counted = statistics.histogram.iter().map(|bin| u64::from(*bin)).sum();
        let count = counted as f64;
        let histogram = Histogram {
            low: statistics.low,
            high: statistics.high,
            count: counted,
            sum: statistics.mean * count,
            sum_of_squares: (statistics.deviation.powi(2) + statistics.mean.powi(2)) * count,
            bins: &statistics.histogram,
        };
        // Bounds that no axis has were left out above.
        let _ = events.histogram(step, &format!("{side}/{}", layer.name), &histogram);
    }
    for sample in &frame.samples {
        for (unit, probability) in sample.probabilities.iter().enumerate().take(100) {
            events.scalar(step, &format!("softmax/row {}/{unit}", sample.row), *probability)?;
        }
    }
    Ok(())
}
