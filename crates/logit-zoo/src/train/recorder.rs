//! What of the training passes is recorded: which steps and values, and the frames that come of a tape.

use logit::tape::{Content, Extent, Recorded, Side, Tape, Watch};
use logit_run::telemetry::SampleSeen;
use logit_run::{Input, Sample, Scores, TelemetryWriter, Watched, spread};

use crate::error::ZooError;
use crate::recipe::{Recipe, WatchConfig};
use crate::run::{Found, RunDir};
use crate::system::{System, Task, View};
use crate::telemetry::{Facts, Frame, Layer};

/// So many first steps are recorded each: there the head and its loss show whether they fit.
const FIRST: u64 = 5;

/// Whether a step's layers are recorded, where those of every so many steps are: also those of the first few.
pub fn is_recorded(step: u64, every: u64) -> bool {
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
    /// What was shown of the chosen ones, where that differs from pass to pass.
    pub(crate) views: Vec<View>,
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
        let chosen = if config.every == 0 { Vec::new() } else { spread(task.samples(), config.samples) };
        let system = task.system();
        let mut samples = Vec::new();
        for &row in &chosen {
            let (truth, input) = match task.sample(row)? {
                Some((asked, truth)) => (truth, system.show(&asked)),
                None => (String::new(), Input::None),
            };
            samples.push(Sample { row, truth, input });
        }
        let watched = Watched { subject: system.subject(), names: system.units(), steps, samples };
        let writer = TelemetryWriter::open(run, &watched, bytes, config.tensorboard);
        Ok(Self { config, chosen, writer })
    }

    /// Adds what was found before the first step, and gives all that was found so far.
    pub(super) fn begin(&mut self, found: Vec<Found>) -> Vec<Found> {
        self.writer.begin(found)
    }

    /// A tape for the pass of a step over a batch of some samples, and what of the chosen ones is shown to that pass alone.
    pub(super) fn tape<T: Task>(
        &self,
        step: u64,
        task: &T,
        rows: &[u32],
        batch: &T::Batch,
    ) -> (Tape, Vec<View>) {
        let every = self.config.every;
        if every == 0 {
            return (Tape::off(), Vec::new());
        }
        let due = is_recorded(step, every);
        let places: Vec<usize> =
            (0..rows.len()).filter(|place| self.chosen.contains(&rows[*place])).collect();
        if !due && places.is_empty() {
            return (Tape::off(), Vec::new());
        }
        let views: Vec<View> = places.iter().filter_map(|place| task.view(batch, *place)).collect();
        let mut watch = Watch::new();
        if !places.is_empty() {
            let rows = Extent::Rows(places);
            // Of maps, which are large, no more is read than is kept of them.
            if views.iter().all(|view| view.map.is_none()) {
                watch = watch.outputs("logits", rows.clone());
            }
            watch = watch.outputs("probabilities", rows);
        }
        if due {
            watch = watch.outputs("*", Extent::Statistics);
            if self.config.gradients {
                watch = watch.gradients("*", Extent::Statistics);
            }
        }
        (Tape::new(&watch), views)
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
pub(crate) fn frame(moment: &Moment, PassRecord { rows, tape, facts, views }: PassRecord) -> Frame {
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
        samples: samples(&tape, &rows, views),
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
fn samples(tape: &Tape, rows: &[u32], views: Vec<View>) -> Vec<SampleSeen> {
    let (logits, probabilities) = (RowsSeen::of(tape, "logits"), RowsSeen::of(tape, "probabilities"));
    let Some(RowsSeen { places, .. }) = logits.as_ref().or(probabilities.as_ref()) else { return Vec::new() };
    let mut views = views.into_iter();
    let sample = |(at, place): (usize, &usize)| {
        let [logits, probabilities] =
            [&logits, &probabilities].map(|seen| seen.as_ref().map_or(&[][..], |seen| seen.row(at)));
        seen(rows[*place], logits, probabilities, views.next())
    };
    places.iter().enumerate().map(sample).collect()
}

/// Rows that were recorded of a value, and their places in the batch.
struct RowsSeen<'a> {
    places: &'a [usize],
    numbers: &'a [f32],
}

impl<'a> RowsSeen<'a> {
    fn of(tape: &'a Tape, name: &str) -> Option<Self> {
        tape.recorded().iter().find_map(|value| match &value.content {
            Content::Rows { rows, numbers } if value.name == name => Some(Self { places: rows, numbers }),
            _ => None,
        })
    }

    fn row(&self, at: usize) -> &'a [f32] {
        let each = self.numbers.len() / self.places.len().max(1);
        &self.numbers[at * each..][..each]
    }
}

/// A chosen sample as it is kept: of a map no more than the view has.
fn seen(row: u32, logits: &[f32], probabilities: &[f32], view: Option<View>) -> SampleSeen {
    let is_map = view.as_ref().is_some_and(|view| view.map.is_some());
    let shown = view.map(|view| view.shown(probabilities));
    if is_map {
        return SampleSeen { row, shown, ..SampleSeen::default() };
    }
    SampleSeen { row, logits: logits.to_vec(), probabilities: probabilities.to_vec(), shown }
}
