//! What of the training passes is recorded: which steps and values, and the frames that come of a tape.

use logit::tape::{Content, Extent, Recorded, Side, Tape, Watch};
use logit_run::telemetry::SampleSeen;
use logit_run::{Sample, Scores, TelemetryWriter, Watched, spread};

use crate::error::ZooError;
use crate::recipe::{Recipe, WatchConfig};
use crate::run::{Found, RunDir};
use crate::system::{System, Task};
use crate::telemetry::{Facts, Frame, Layer};

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
    writer: TelemetryWriter,
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
    /// Opens a run's telemetry where its checkpoint left it.
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
        let watched = Watched { subject: system.subject(), names: system.units(), steps, samples };
        let writer = TelemetryWriter::open(run, &watched, bytes, config.tensorboard);
        Ok(Self { config, chosen, writer })
    }

    /// Adds what was found before the first step, and gives all that was found so far.
    pub(super) fn begin(&mut self, found: Vec<Found>) -> Vec<Found> {
        self.writer.begin(found)
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
            let rows = Extent::Rows(places);
            watch = watch.outputs("logits", rows.clone()).outputs("probabilities", rows);
        }
        if due {
            watch = watch.outputs("*", Extent::Statistics);
            if self.config.gradients {
                watch = watch.gradients("*", Extent::Statistics);
            }
        }
        Tape::new(&watch)
    }

    /// Writes what a pass recorded, and gives what the checks newly found.
    pub(super) fn record(&mut self, moment: &Moment, pass: PassRecord) -> Vec<Found> {
        if pass.tape.is_on() { self.writer.write(&frame(moment, pass)) } else { Vec::new() }
    }

    /// Notes what an epoch's weights are worth on the validation part.
    pub(super) fn judged(&mut self, step: u64, validation: &Scores) {
        self.writer.validation(step, validation);
    }

    /// Bytes of telemetry so far; TensorBoard's files are on the disk.
    pub(super) fn flush(&mut self) -> u64 {
        self.writer.flush()
    }
}

/// What is kept of a pass; its samples are those whose rows the tape recorded.
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
    let layer =
        |value: &Recorded| Some(Layer { name: value.name.clone(), statistics: value.statistics()?.clone() });
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
