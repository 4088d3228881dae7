//! The loop: batches, steps, epochs, checkpoints.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Device, Int, Tensor};

use super::place::Place;
use super::progress::Progress;
use super::{Sets, optimizer};
use crate::data::{Batch, Batches, Stream, epoch_order, mix, steps_per_epoch};
use crate::error::ZooError;
use crate::evaluate::{judge, judge_best};
use crate::models::Classifier;
use crate::recipe::Recipe;
use crate::report;
use crate::run::{Checkpoint, Evaluation, MetricsLog, Record, RunDir, RunError};

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
        test: Evaluation,
    },
    /// Someone asked it to stop; the checkpoint of this step is saved.
    Stopped {
        /// The last step.
        step: u64,
    },
}

/// A run under training.
pub(crate) struct Trainer<'a, C: Classifier> {
    run: &'a RunDir,
    recipe: &'a Recipe,
    sets: &'a Sets,
    device: &'a Device,
    net: C,
    optimizer: ModuleOptimizer,
    learning_rates: Vec<f64>,
    epochs: u64,
    place: Place,
    log: MetricsLog,
}

impl<'a, C: Classifier> Trainer<'a, C> {
    /// Opens a run at its last checkpoint, or at its beginning.
    pub(crate) fn open(
        run: &'a RunDir,
        recipe: &'a Recipe,
        sets: &'a Sets,
        device: &'a Device,
        net: C,
    ) -> Result<Self, ZooError> {
        let per_epoch = steps_per_epoch(sets.train.len() as u32, batch_size(recipe), false) as u64;
        let epochs = recipe.train.epochs.max(recipe.train.min_steps.div_ceil(per_epoch.max(1)));
        let learning_rates = optimizer::learning_rates(&recipe.train, epochs * per_epoch)?;
        let mut optimizer = optimizer::optimizer(&recipe.train);
        let (mut net, mut place, text) = (net, Place::default(), recipe.to_toml()?);
        let path = run.last_path();
        let resumed = path.exists();
        if resumed {
            let checkpoint = Checkpoint::load(&path)?;
            net = checkpoint.apply(net, &path)?;
            let unusable = |reason: String| ZooError::Optimizer { path: path.clone(), reason };
            let state = Bytes::from_bytes_vec(checkpoint.optimizer);
            optimizer = optimizer.from_bytes(state).map_err(|error| unusable(error.to_string()))?;
            place = serde_json::from_value(checkpoint.place).map_err(|error| unusable(error.to_string()))?;
            if !place.is_reached(per_epoch) {
                let (step, epoch, batch) = (place.step, place.epoch, place.batch);
                let reason = format!(
                    "it stands at step {step}, {batch} batches into epoch {}, but an epoch has {per_epoch}",
                    epoch.saturating_add(1)
                );
                return Err(RunError::OtherRecipe { path, reason }.into());
            }
            if place.recipe != text {
                return Err(RunError::OtherRecipe {
                    path,
                    reason: "the recipe was changed since".to_owned(),
                }
                .into());
            }
        }
        place.recipe = text;
        let mut log = MetricsLog::open_at(&run.metrics_path(), place.metrics_bytes)?;
        if resumed && !place.finished {
            log.append(&Record::Resume { step: place.step })?;
        }
        Ok(Self { run, recipe, sets, device, net, optimizer, learning_rates, epochs, place, log })
    }

    /// Trains to the end, or until told to stop.
    pub(crate) fn train(mut self, stop: &AtomicBool, progress: &mut dyn Progress) -> Result<End, ZooError> {
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
        let order = epoch_order(self.sets.train.len() as u32, self.recipe.train.seed, self.place.epoch);
        let rest = Batches::new(&order, batch_size(self.recipe), false).skip(self.place.batch as usize);
        let first_step = self.place.step + 1;
        let (sets, recipe, device) = (self.sets, self.recipe, self.device);
        std::thread::scope(|scope| {
            let (sender, batches) = mpsc::sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                for (step, rows) in (first_step..).zip(rest) {
                    // The other end is gone when training stops early.
                    if sender.send(prepare(step, rows, sets, recipe, device)).is_err() {
                        break;
                    }
                }
            });
            for batch in batches {
                if wants_stop(progress) {
                    return Ok(false);
                }
                let record = self.step(batch?)?;
                self.log.append(&record)?;
                progress.record(&record);
                if self.place.step.is_multiple_of(self.recipe.train.checkpoint_every) {
                    self.save()?;
                }
            }
            self.end_epoch(progress)?;
            Ok(true)
        })
    }

    /// One step of the optimiser.
    fn step(&mut self, batch: Batch) -> Result<Record, ZooError> {
        let step = self.place.step + 1;
        let images = batch.targets.dims()[0] as u64;
        self.device.seed(mix(self.recipe.train.seed, Stream::Dropout, step));
        let logits = self.net.forward(batch.images);
        let correct = correct(logits.argmax(), batch.targets.clone())?;
        let loss = self
            .recipe
            .loss
            .forward(logits, batch.targets)
            .map_err(|source| ZooError::Loss { step, source })?;
        let value = self.finite(step, "the loss", loss.value.clone())?;
        let gradients = GradientsParams::from_grads(loss.backward(), &self.net);
        let head = gradients.get::<2>(self.net.head().weight.id);
        let norm = match head {
            Some(gradient) => gradient.square().sum().sqrt(),
            None => Tensor::zeros([1], &self.device.clone().inner()),
        };
        let head_gradient_norm = self.finite(step, "the norm of the gradient at the head", norm)?;
        let learning_rate = self.learning_rates[self.place.step as usize];
        self.net = self.optimizer.step(learning_rate, self.net.clone(), gradients);
        self.place.step = step;
        self.place.batch += 1;
        self.place.sums.add(images, correct, value);
        Ok(Record::Step { step, epoch: self.place.epoch + 1, loss: value, learning_rate, head_gradient_norm })
    }

    /// Evaluates, keeps the best, and saves.
    fn end_epoch(&mut self, progress: &mut dyn Progress) -> Result<(), ZooError> {
        let device = self.device.clone().inner();
        let weights = self.weights()?;
        let judged = judge(&self.net.valid(), &self.sets.validation, &self.recipe.data, &device)?;
        let validation = judged.evaluation;
        let best = self.place.best_log_loss.is_none_or(|least| validation.log_loss < least);
        self.place.epoch += 1;
        self.place.batch = 0;
        let sums = std::mem::take(&mut self.place.sums);
        if best {
            self.place.best_epoch = self.place.epoch;
            self.place.best_log_loss = Some(validation.log_loss);
            weights.save(&self.run.best_path())?;
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
        self.save()
    }

    /// Judges the best weights on the test set and writes the report.
    fn finish(mut self, progress: &mut dyn Progress) -> Result<End, ZooError> {
        let judgement = judge_best(self.run, self.recipe, &self.sets.test)?;
        let (step, best_epoch, test) = (self.place.step, self.place.best_epoch, judgement.evaluation.clone());
        if !self.place.finished {
            let reason = if self.place.epoch >= self.epochs { "epochs" } else { "early_stop" };
            let record = Record::End { step, reason: reason.to_owned(), best_epoch, test: test.clone() };
            self.log.append(&record)?;
            progress.record(&record);
            self.place.finished = true;
            self.save()?;
        }
        report::of_run::write(self.run, self.recipe, self.sets, &judgement, self.net.num_params())?;
        Ok(End::Finished { step, best_epoch, test })
    }

    fn save(&mut self) -> Result<(), ZooError> {
        self.place.metrics_bytes = self.log.sync()?;
        let path = self.run.last_path();
        let unusable = |reason: String| ZooError::Optimizer { path: path.clone(), reason };
        let mut checkpoint = self.weights()?;
        let state = self.optimizer.into_bytes().map_err(|error| unusable(error.to_string()))?;
        checkpoint.optimizer = state.to_vec();
        checkpoint.place = serde_json::to_value(&self.place).map_err(|error| unusable(error.to_string()))?;
        Ok(checkpoint.save(&path)?)
    }

    /// The weights, all of them finite: an update may overflow though loss and gradient did not.
    fn weights(&self) -> Result<Checkpoint, ZooError> {
        let weights = Checkpoint::of(&self.net);
        match weights.not_finite() {
            None => Ok(weights),
            Some((name, value)) => {
                Err(self.not_finite(self.place.step, &format!("a weight of `{name}`"), f64::from(value)))
            }
        }
    }

    fn finite(&self, step: u64, what: &str, value: Tensor<1>) -> Result<f64, ZooError> {
        let value = value.try_into_scalar::<f64>()?;
        if value.is_finite() { Ok(value) } else { Err(self.not_finite(step, what, value)) }
    }

    fn not_finite(&self, step: u64, what: &str, value: f64) -> ZooError {
        // What was saved last is on the disk; the step it was saved at is read from there.
        let kept =
            Checkpoint::load(&self.run.last_path()).ok().and_then(|kept| kept.place.get("step")?.as_u64());
        let path = self.run.path().to_owned();
        ZooError::NotFinite { step, what: what.to_owned(), value, kept, path }
    }
}

/// The batch of a step, as the network takes it.
fn prepare(
    step: u64,
    rows: &[u32],
    sets: &Sets,
    recipe: &Recipe,
    device: &Device,
) -> Result<Batch, ZooError> {
    let moves = mix(recipe.train.seed, Stream::Augmentation, step);
    Ok(Batch::augmented(&sets.train.select(rows)?, &recipe.data, moves, device))
}

pub(crate) fn batch_size(recipe: &Recipe) -> NonZeroUsize {
    NonZeroUsize::new(recipe.train.batch_size).unwrap_or(NonZeroUsize::MIN)
}

fn correct(decisions: Tensor<1, Int>, targets: Tensor<1, Int>) -> Result<u64, ZooError> {
    let right = decisions.equal(targets).int().sum().try_into_scalar::<i64>()?;
    Ok(u64::try_from(right).unwrap_or(0))
}
