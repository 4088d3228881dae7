//! The loop: batches, steps, epochs, checkpoints.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Device};
use logit::tape::Tape;
use serde::Deserialize as _;

use super::copies::{Mixture, copied};
use super::error::TrainError;
use super::optimizer;
use super::progress::Progress;
use super::recorder::{Moment, PassRecord, Recorder};
use super::resume_point::ResumePoint;
use crate::data::{Batches, Stream, mix, steps_per_epoch};
use crate::error::ZooError;
use crate::evaluate::judge;
use crate::models::drawn;
use crate::recipe::Recipe;
use crate::report;
use crate::run::{
    Bound, Calibration, Checkpoint, Found, MetricsLog, MetricsMark, Record, RunDir, RunError, RunPlace,
    TrainedRun as _, Use, is_finished, mend_best, sum_of,
};
use crate::system::{JudgedPart, NetOf, Pass, Scores, System, Task, best, network};

/// How many batches are made ready while a step computes.
const BATCHES_AHEAD: usize = 2;

/// How training came to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All epochs are done, or the validation loss fell no more: the best weights on the test set.
    Finished {
        /// The last step.
        step: u64,
        /// The epoch whose weights are the best.
        best_epoch: u64,
        /// Those weights on the test set.
        test: Scores,
    },
    /// Someone asked it to stop; the checkpoint of this step is saved.
    Stopped {
        /// The last step.
        step: u64,
    },
}

/// A run under training.
pub(crate) struct Trainer<'a, T: Task> {
    run: &'a RunDir,
    recipe: &'a Recipe,
    task: &'a T,
    /// The first updates; the others compute parts of each batch.
    devices: &'a [Device],
    net: NetOf<T>,
    optimizer: ModuleOptimizer,
    learning_rates: Vec<f64>,
    epochs: u64,
    place: ResumePoint,
    /// What the weights belong to.
    bound: Bound,
    /// The seal of the best weights so far.
    best: Option<String>,
    /// The step of the last checkpoint.
    saved: Option<u64>,
    log: MetricsLog,
    /// What of the metrics is not what was written.
    lost: Option<Found>,
    recorder: Recorder,
}

impl<'a, T: Task> Trainer<'a, T> {
    /// Opens a run at its last checkpoint, or at its beginning.
    pub(crate) fn open(
        run: &'a RunDir,
        recipe: &'a Recipe,
        task: &'a T,
        devices: &'a [Device],
    ) -> Result<Self, ZooError> {
        let per_epoch = steps_per_epoch(task.samples(), batch_size(recipe), false) as u64;
        let epochs = recipe.train.epochs.max(recipe.train.min_steps.div_ceil(per_epoch.max(1)));
        let learning_rates = optimizer::learning_rates(&recipe.train, epochs * per_epoch)?;
        let mut optimizer = optimizer::optimizer(&recipe.train);
        let mut net = drawn(network(task.system(), &devices[0])?);
        let (mut place, mut best) = (ResumePoint::default(), None);
        let path = run.last_path();
        let resumed = path.exists();
        if !resumed && run.was_saved()? {
            return Err(RunError::Lost { path }.into());
        }
        if resumed {
            let checkpoint = Checkpoint::load(&path)?;
            place = place_of(&checkpoint, run, recipe, per_epoch)?;
            task.keep(run)?;
            mend_best(run, &checkpoint)?;
            best.clone_from(&checkpoint.best);
            net = checkpoint.apply(net, &path)?;
            let state = Bytes::from_bytes_vec(checkpoint.optimizer);
            optimizer = optimizer.from_bytes(state).map_err(|error| unusable(&path, &error))?;
        }
        let bound = Bound::of(run, recipe)?;
        let mark = MetricsMark { bytes: place.metrics_bytes, sum: place.metrics_sum };
        let (mut log, lost) = MetricsLog::resume(&run.metrics_path(), mark)?;
        if resumed && !place.finished {
            log.append(&Record::Resume { step: place.step })?;
        }
        let steps = learning_rates.len() as u64;
        let recorder = Recorder::open(run, recipe, task, place.telemetry_bytes, steps)?;
        place.watched_sum = sum_of(&run.watched_path()).ok();
        let saved = resumed.then_some(place.step);
        Ok(Self {
            run,
            recipe,
            task,
            devices,
            net,
            optimizer,
            learning_rates,
            epochs,
            place,
            bound,
            best,
            saved,
            log,
            lost,
            recorder,
        })
    }

    /// Trains to the end, or until told to stop.
    pub(crate) fn train(mut self, stop: &AtomicBool, progress: &mut dyn Progress) -> Result<End, ZooError> {
        let of_data = self.task.findings().into_iter().map(|finding| finding.at(RunPlace::DATA));
        let lost = self.lost.take();
        let is_lost = lost.is_some();
        let before = of_data.chain(lost);
        for found in self.recorder.begin(before.collect()) {
            progress.found(&found);
        }
        if is_lost {
            // What is left is what the checkpoint knows from now on.
            self.save()?;
        }
        progress.begin(self.place.step, self.learning_rates.len() as u64);
        while !self.is_over() {
            let wants_stop = |progress: &dyn Progress| stop.load(Ordering::Relaxed) || progress.wants_stop();
            if !self.epoch(&wants_stop, progress)? {
                self.save()?;
                return Ok(End::Stopped { step: self.place.step });
            }
        }
        self.finish(progress)
    }

    fn is_over(&self) -> bool {
        let patience = self.recipe.train.patience;
        self.place.epoch >= self.epochs || patience > 0 && self.place.stale_epochs() >= patience
    }

    /// Trains one epoch to its end; false if it was told to stop before.
    fn epoch(
        &mut self,
        wants_stop: &dyn Fn(&dyn Progress) -> bool,
        progress: &mut dyn Progress,
    ) -> Result<bool, ZooError> {
        let order = self.task.order(self.recipe.train.seed, self.place.epoch);
        let rest = Batches::new(&order, batch_size(self.recipe), false).skip(self.place.batch as usize);
        let first_step = self.place.step + 1;
        let (task, seed, devices) = (self.task, self.recipe.train.seed, self.devices);
        std::thread::scope(|scope| {
            let (sender, batches) = mpsc::sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                for (step, rows) in (first_step..).zip(rest) {
                    // The other end is gone when training stops early.
                    let batch = portions(task, rows, mix(seed, Stream::Augmentation, step), devices);
                    if sender.send(batch).is_err() {
                        break;
                    }
                }
            });
            for batch in batches {
                if wants_stop(progress) {
                    return Ok(false);
                }
                let (record, found) = self.step(batch?)?;
                self.log.append(&record)?;
                progress.record(&record);
                for found in found {
                    progress.found(&found);
                }
                if self.place.step.is_multiple_of(self.recipe.train.checkpoint_every) {
                    self.save()?;
                }
            }
            self.end_epoch(progress)?;
            Ok(true)
        })
    }

    /// One step of the optimiser.
    fn step(&mut self, portions: Vec<Portion<T::Batch>>) -> Result<(Record, Vec<Found>), ZooError> {
        let step = self.place.step + 1;
        let seed = mix(self.recipe.train.seed, Stream::Dropout, step);
        for (device, number) in self.devices.iter().zip(0..) {
            device.seed(seed.wrapping_add(number));
        }
        let Worked { loss, gradients, samples, decisions, record } =
            self.worked(step, portions).map_err(ZooError::in_step(step))?;
        let loss = self.finite(step, "the loss", loss)?;
        let norm = match gradients.get::<2>(self.task.system().head(&self.net)) {
            Some(gradient) => gradient.square().sum().sqrt().try_into_scalar::<f64>()?,
            None => 0.0,
        };
        let head_gradient_norm = self.finite(step, "the norm of the gradient at the head", norm)?;
        let learning_rate = self.learning_rates[self.place.step as usize];
        self.net = self.task.constrained(self.optimizer.step(learning_rate, self.net.clone(), gradients));
        self.place.step = step;
        self.place.batch += 1;
        self.place.sums.add(samples, decisions, loss);
        let epoch = self.place.epoch + 1;
        let moment = Moment { step, epoch, batch: samples as u32, loss, learning_rate, head_gradient_norm };
        let found = self.recorder.record(&moment, record);
        Ok((Record::Step { step, epoch, loss, learning_rate, head_gradient_norm }, found))
    }

    /// The passes of a step, each portion on its device.
    fn worked(&self, step: u64, portions: Vec<Portion<T::Batch>>) -> Result<Worked, ZooError> {
        let mut portions = self.devices.iter().zip(portions);
        let Some((device, first)) = portions.next() else {
            return Err(TrainError::EmptyBatch.into());
        };
        let task = self.task;
        std::thread::scope(|scope| {
            let elsewhere = portions.map(|(device, portion)| {
                let net = copied(&self.net, device);
                scope.spawn(move || {
                    let share = portion.share;
                    let worked = Worked::of(task, &net, portion, Tape::off())?;
                    Ok::<_, ZooError>((worked, share, net))
                })
            });
            let elsewhere: Vec<_> = elsewhere.collect();
            // One device's portion is enough to look at.
            let (tape, views) = self.recorder.tape(step, task, &first.rows, &first.batch);
            let mut states = Mixture::new(first.share);
            let mut all = Worked::of(task, &self.net, first, tape)?;
            all.record.views = views;
            for other in elsewhere {
                let joined = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                let (worked, share, net) = joined?;
                all = all.and(worked, &self.net, &device.clone().inner());
                states.add(&net, share);
            }
            states.mix_into(&self.net);
            Ok(all)
        })
    }

    /// Evaluates, keeps the best, and saves.
    fn end_epoch(&mut self, progress: &mut dyn Progress) -> Result<(), ZooError> {
        let device = self.devices[0].clone().inner();
        // Taken before the network is judged, they are those that it is judged with.
        let weights = self.weights()?;
        let net = self.net.valid();
        let validation = self.task.judge(&net, JudgedPart::Validation, &Calibration::None, &device)?.scores;
        self.recorder.judged(self.place.step, &validation);
        let goal = self.task.goal();
        let reached = validation.get(goal.metric).unwrap_or(f64::NAN);
        let best = goal.improves(reached, self.place.best);
        self.place.epoch += 1;
        self.place.batch = 0;
        let sums = std::mem::take(&mut self.place.sums);
        if best {
            self.place.best_epoch = self.place.epoch;
            self.place.best = Some(reached);
            self.best = Some(weights.seal());
        }
        let record = Record::Epoch {
            epoch: self.place.epoch,
            step: self.place.step,
            train_loss: sums.mean_loss(),
            train_accuracy: sums.accuracy(),
            validation,
            best,
        };
        self.log.append(&record)?;
        progress.record(&record);
        // In this order, nothing is lost in between: the best weights can be made from the last checkpoint.
        self.save()?;
        if best { Ok(weights.save(&self.run.best_path())?) } else { Ok(()) }
    }

    /// Calibrates the best weights, judges them on the test part, and writes the report.
    fn finish(mut self, progress: &mut dyn Progress) -> Result<End, ZooError> {
        let device = self.devices[0].clone().inner();
        let (best, weights) = best(self.task.system(), self.run, &device)?;
        self.run.calibrate(&self.task.calibrated(&best, &device)?, &weights)?;
        let judgement = judge(self.run, self.task, JudgedPart::Test)?;
        let (step, best_epoch, test) = (self.place.step, self.place.best_epoch, judgement.scores.clone());
        // The last line of a damaged log may be lost.
        if !self.place.finished || !is_finished(&self.run.metrics_path())? {
            let reason = if self.place.epoch >= self.epochs { "epochs" } else { "early_stop" };
            let record = Record::End { step, reason: reason.to_owned(), best_epoch, test: test.clone() };
            self.log.append(&record)?;
            progress.record(&record);
            self.place.finished = true;
            self.save()?;
        }
        let parameters = self.net.num_params();
        report::write(self.run, self.recipe, &judgement, self.task, parameters)?;
        Ok(End::Finished { step, best_epoch, test })
    }

    fn save(&mut self) -> Result<(), ZooError> {
        let MetricsMark { bytes, sum } = self.log.sync()?;
        (self.place.metrics_bytes, self.place.metrics_sum) = (bytes, sum);
        self.place.telemetry_bytes = self.recorder.flush();
        if let Ok(found) = self.run.findings() {
            self.place.findings = found.len() as u64;
        }
        let path = self.run.last_path();
        let mut checkpoint = self.weights()?;
        let state = self.optimizer.into_bytes().map_err(|error| unusable(&path, &error))?;
        checkpoint.optimizer = state.to_vec();
        checkpoint.best.clone_from(&self.best);
        checkpoint.place = serde_json::to_value(&self.place).map_err(|error| unusable(&path, &error))?;
        checkpoint.save(&path)?;
        self.saved = Some(self.place.step);
        Ok(())
    }

    /// The weights, all of them finite: an update may overflow though loss and gradient did not.
    fn weights(&self) -> Result<Checkpoint, ZooError> {
        let mut weights = Checkpoint::of(&self.net);
        weights.bound = Some(self.bound.clone());
        match weights.not_finite() {
            None => Ok(weights),
            Some((name, value)) => {
                Err(self.not_finite(self.place.step, &format!("a weight of `{name}`"), f64::from(value)))
            }
        }
    }

    fn finite(&self, step: u64, what: &str, value: f64) -> Result<f64, ZooError> {
        if value.is_finite() { Ok(value) } else { Err(self.not_finite(step, what, value)) }
    }

    fn not_finite(&self, step: u64, what: &str, value: f64) -> ZooError {
        let (saved, path) = (self.saved, self.run.path().to_owned());
        TrainError::NotFinite { step, what: what.to_owned(), value, saved, path }.into()
    }
}

/// The place of a checkpoint, if training under this recipe comes by it.
fn place_of(
    checkpoint: &Checkpoint,
    run: &RunDir,
    recipe: &Recipe,
    per_epoch: u64,
) -> Result<ResumePoint, ZooError> {
    let path = run.last_path();
    if checkpoint.place.is_null() {
        let reason =
            "it holds weights alone, as best.safetensors does, and no place in training to resume from";
        return Err(RunError::Malformed { path, reason: reason.to_owned() }.into());
    }
    let place = ResumePoint::deserialize(&checkpoint.place).map_err(|error| unusable(&path, &error))?;
    let refused = |reason: String| Err(RunError::OtherRecipe { path: path.clone(), reason }.into());
    // What was changed is named first: what follows from it says less.
    match (&checkpoint.bound, &place.recipe) {
        (Some(bound), _) => bound.check(run, recipe, &path, Use::Train)?,
        (None, Some(text)) if *text == recipe.to_toml()? => {}
        (None, _) => return refused("the recipe was changed since".to_owned()),
    }
    if !place.is_reached(per_epoch) {
        let (step, epoch, batch) = (place.step, place.epoch, place.batch);
        return refused(format!(
            "it stands at step {step}, {batch} batches into epoch {}, but an epoch has {per_epoch}: is it the data that it \
             was trained on?",
            epoch.saturating_add(1)
        ));
    }
    Ok(ResumePoint { recipe: None, ..place })
}

/// A checkpoint whose state or place cannot be used.
fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> TrainError {
    TrainError::Optimizer { path: path.to_owned(), reason: reason.to_string() }
}

/// A device's part of a step's samples.
struct Portion<B> {
    /// Its share of the samples.
    share: f64,
    rows: Vec<u32>,
    batch: B,
}

/// The samples of a step, a part for each device.
fn portions<T: Task>(
    task: &T,
    rows: &[u32],
    seed: u64,
    devices: &[Device],
) -> Result<Vec<Portion<T::Batch>>, ZooError> {
    let each = rows.len().div_ceil(devices.len()).max(1);
    let portions = rows.chunks(each).zip(devices).zip(0..).map(|((part, device), number)| {
        let batch = task.batch(part, seed.wrapping_add(number), device)?;
        Ok(Portion { share: part.len() as f64 / rows.len() as f64, rows: part.to_vec(), batch })
    });
    portions.collect()
}

/// What the pass over a portion gave: loss and gradients by its share.
struct Worked {
    loss: f64,
    gradients: GradientsParams,
    samples: u64,
    decisions: Option<[u64; 2]>,
    /// What the tape of the pass recorded.
    record: PassRecord,
}

impl Worked {
    fn of<T: Task>(
        task: &T,
        net: &NetOf<T>,
        portion: Portion<T::Batch>,
        mut tape: Tape,
    ) -> Result<Self, ZooError> {
        let Pass { loss, samples, decisions, facts } = task.pass(net, portion.batch, &mut tape)?;
        // A whole batch's loss stays as it is, to the last bit.
        let loss = if portion.share < 1.0 { loss.mul_scalar(portion.share) } else { loss };
        let value = loss.clone().try_into_scalar::<f64>()?;
        let gradients = GradientsParams::from_grads(tape.backward(loss), net);
        Ok(Self {
            loss: value,
            gradients,
            samples,
            decisions,
            record: PassRecord { rows: portion.rows, tape, facts, views: Vec::new() },
        })
    }

    /// The sum of both, where `other` was computed on another device than `device`.
    fn and<M: Module>(self, other: Self, net: &M, device: &Device) -> Self {
        let mut gradients = GradientsAccumulator::new();
        gradients.accumulate(net, self.gradients);
        gradients.accumulate(net, other.gradients.to_device(device, net));
        let sum = |[decided, right]: [u64; 2], more: [u64; 2]| [decided + more[0], right + more[1]];
        Self {
            loss: self.loss + other.loss,
            gradients: gradients.grads(),
            samples: self.samples + other.samples,
            decisions: self.decisions.zip(other.decisions).map(|(all, more)| sum(all, more)),
            record: self.record,
        }
    }
}

pub(crate) fn batch_size(recipe: &Recipe) -> NonZeroUsize {
    NonZeroUsize::new(recipe.train.batch_size).unwrap_or(NonZeroUsize::MIN)
}
