//! Q3 in numbers: the same network, seed and data, trained with six ways to end it.
//!
//! Three of the ways are right and three are the mistakes that cost people days. The wrong ones exist here alone, by
//! name: everywhere else a loss takes logits, and they do not compile.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::{log_softmax, sigmoid, softmax};
use burn::tensor::{Device, Int, Tensor};
use logit::loss::{BinaryCrossEntropyLoss, CrossEntropyLoss};
use logit::tape::{Extent, Tape, Taped, Watch};
use logit::{Classes, Labels, Logits, LossError};
use logit_spec::{Activation, Answer, Level, Loss as SpecLoss, Pairing, TargetForm, judge};
use serde::Serialize;

use crate::batch::{Batch, load};
use crate::data::{Batches, ImageSet, Stream, epoch_order, mix};
use crate::error::ZooError;
use crate::models::{Classifier, ConvNet, drawn};
use crate::recipe::{DataConfig, ModelConfig, Recipe, Setup, TaskConfig};
use crate::run::{DataSource, Found};
use crate::system::digits;
use crate::telemetry::{Checks, Facts, FactsOfTensors as _, Subject, Truth, TruthOfTensors as _};
use crate::train::optimizer;
use crate::train::recorder::{self, Moment, PassRecord, is_recorded};

/// Steps between two looks at the test set.
const LOOK_EVERY: u64 = 20;

/// Steps over which the first and last numbers are averaged.
const AVERAGED: usize = 20;

/// An output this close to an end of its range counts as saturated.
const SATURATED: f64 = 1e-3;

/// The accuracy whose step tells how fast a way learns.
const GOOD: f64 = 0.9;

/// A way to end the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Its name.
    pub name: &'static str,
    /// The last activation.
    pub activation: Activation,
    /// The loss that the activation's output is fed to, by its name in PyTorch.
    pub loss: &'static str,
    /// The form of the targets.
    pub target: TargetForm,
    /// What happens, in one sentence.
    pub why: &'static str,
}

/// All the ways, the right ones first.
pub const WAYS: [Way; 6] = [
    Way {
        name: "logits + cross entropy",
        activation: Activation::Linear,
        loss: "CrossEntropyLoss",
        target: TargetForm::Index,
        why: "The loss applies log-softmax itself, so its gradient at the logits is p − y: as large as the mistake.",
    },
    Way {
        name: "log-softmax + NLL",
        activation: Activation::LogSoftmax,
        loss: "NLLLoss",
        target: TargetForm::Index,
        why: "NLL picks the log-probability of the true class: the same function as above, in two parts.",
    },
    Way {
        name: "sigmoid + binary cross entropy",
        activation: Activation::Linear,
        loss: "BCEWithLogitsLoss",
        target: TargetForm::OneHot,
        why: "Each unit learns yes or no for itself: sound, though it does not know that just one class is right.",
    },
    Way {
        name: "softmax into NLL",
        activation: Activation::Softmax,
        loss: "NLLLoss",
        target: TargetForm::Index,
        why: "Without the logarithm the loss is −p, whose gradient carries a factor p: it vanishes where the network is \
              most wrong.",
    },
    Way {
        name: "sigmoid into NLL",
        activation: Activation::Sigmoid,
        loss: "NLLLoss",
        target: TargetForm::Index,
        why: "The loss is −sigmoid of the true unit and nothing pushes the others down: all units rise to 1, and tell \
              nothing.",
    },
    Way {
        name: "softmax into cross entropy",
        activation: Activation::Softmax,
        loss: "CrossEntropyLoss",
        target: TargetForm::Index,
        why: "Softmax is applied twice: its inputs lie in [0, 1], so the loss cannot fall below ln(e + K − 1) − 1 and the \
              gradient is squeezed twice.",
    },
];

impl Way {
    /// What the table of pairings says of it.
    pub fn level(&self) -> Level {
        let activations: &[Activation] = match &self.activation {
            Activation::Linear => &[],
            activation => std::slice::from_ref(activation),
        };
        match SpecLoss::of_pytorch(self.loss) {
            Some(loss) => judge(&Pairing::new(10, activations, loss, self.target)).level,
            None => Level::Unknown,
        }
    }

    /// What the checks are to expect: the loss says what it takes.
    fn subject(&self, units: usize) -> Subject {
        let answer = if self.target == TargetForm::OneHot { Answer::Labels } else { Answer::Classes };
        Subject { answer, units, loss: SpecLoss::of_pytorch(self.loss).unwrap_or(SpecLoss::CrossEntropy) }
    }

    /// What the output is compared with.
    fn truth(&self, targets: &Tensor<1, Int>, classes: usize) -> Result<Truth, ZooError> {
        if self.target != TargetForm::OneHot {
            return Truth::classes(targets);
        }
        let one_hot: Tensor<2, Int> = targets.clone().one_hot(classes);
        Ok(Truth::Labels(one_hot.try_into_vec_as()?))
    }

    /// What the loss is fed: the logits through the activation.
    fn output(&self, logits: Tensor<2>) -> Tensor<2> {
        match self.activation {
            Activation::LogSoftmax => log_softmax(logits, 1),
            Activation::Softmax => softmax(logits, 1),
            Activation::Sigmoid => sigmoid(logits),
            _ => logits,
        }
    }

    /// The loss on the output, as the framework computes it: right or wrong.
    fn loss(&self, output: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>, LossError> {
        let classes = output.dims()[1];
        match self.loss {
            "NLLLoss" => Ok(output.gather(1, targets.unsqueeze_dim(1)).mean().neg()),
            "BCEWithLogitsLoss" => {
                let one_hot: Tensor<2, Int> = targets.one_hot(classes);
                let logits = Logits::new(output, Labels::new(classes)).map_err(shape)?;
                Ok(BinaryCrossEntropyLoss::new().forward(logits, one_hot)?.value)
            }
            _ => {
                let logits = Logits::new(output, Classes::new(classes)).map_err(shape)?;
                Ok(CrossEntropyLoss::new().forward(logits, targets)?.value)
            }
        }
    }
}

fn shape(error: logit::HeadError) -> LossError {
    LossError::Device { reason: error.to_string() }
}

/// What a way came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The way's name.
    pub way: &'static str,
    /// The last activation.
    pub activation: &'static str,
    /// The loss, by its name in PyTorch.
    pub loss_name: &'static str,
    /// What the table of pairings says of it.
    pub level: Level,
    /// Share of right decisions on the test set, by the largest output.
    pub accuracy: f64,
    /// The first step, of those looked at, with an accuracy of 0.9; none if it never came to it.
    pub steps_to_90: Option<u64>,
    /// The way's own loss, averaged over the last steps. Losses of different ways have different scales.
    pub loss: f64,
    /// Norm of the gradient of the head's weights, averaged over the first steps.
    pub gradient_norm_first: f64,
    /// The same over the last steps.
    pub gradient_norm_last: f64,
    /// Share of the test set's outputs within 0.001 of 0 or 1; none where the output has no bounds.
    pub saturated: Option<f64>,
    /// What the run-time checks said first that is an error: at which step, and by which rule.
    pub caught: Option<Found>,
    /// What happened, in one sentence.
    pub why: &'static str,
}

/// The whole study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActivationStudy {
    /// Steps that each way was trained for.
    pub steps: u64,
    /// The seed that all ways shared.
    pub seed: u64,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// A row per way.
    pub ways: Vec<Outcome>,
}

/// Trains all ways for `steps` steps and judges them on the test set; `done` is called with each.
///
/// # Errors
/// The data cannot be read, or a number is not finite.
pub fn run(
    source: &DataSource,
    steps: u64,
    seed: u64,
    mut done: impl FnMut(&Outcome),
) -> Result<ActivationStudy, ZooError> {
    let split = load(source)?;
    let mut recipe = Recipe::load("digits", &[])?;
    recipe.train.seed = seed;
    let mut ways = Vec::new();
    for way in WAYS {
        let outcome = Trial::new(way, &recipe, &split.train, &split.test, steps)?.train()?;
        done(&outcome);
        ways.push(outcome);
    }
    Ok(ActivationStudy { steps, seed, train_images: split.train.len(), test_images: split.test.len(), ways })
}

/// One way under training.
struct Trial<'a> {
    way: Way,
    recipe: &'a Recipe,
    data: &'a DataConfig,
    train: &'a ImageSet,
    test: &'a ImageSet,
    device: Device,
    net: ConvNet,
    learning_rates: Vec<f64>,
    losses: Vec<f64>,
    norms: Vec<f64>,
    steps_to_90: Option<u64>,
    checks: Checks,
    caught: Option<Found>,
}

impl<'a> Trial<'a> {
    fn new(
        way: Way,
        recipe: &'a Recipe,
        train: &'a ImageSet,
        test: &'a ImageSet,
        steps: u64,
    ) -> Result<Self, ZooError> {
        let TaskConfig::Digits(Setup { model: ModelConfig::ConvNet(config), data, .. }) = &recipe.task else {
            return Err(ZooError::Usage("the study takes the convnet of Q3".to_owned()));
        };
        let device = Device::flex().autodiff();
        device.seed(mix(recipe.train.seed, Stream::Initialisation, 0));
        let net = drawn(config.init(train.classes(), &device)?);
        let learning_rates = optimizer::learning_rates(&recipe.train, steps)?;
        let (losses, norms) = (Vec::new(), Vec::new());
        Ok(Self {
            way,
            recipe,
            data,
            train,
            test,
            device,
            net,
            learning_rates,
            losses,
            norms,
            steps_to_90: None,
            checks: Checks::new(way.subject(train.classes())),
            caught: None,
        })
    }

    fn train(mut self) -> Result<Outcome, ZooError> {
        let mut optimizer = optimizer::optimizer(&self.recipe.train);
        let batch_size = crate::train::batch_size(self.recipe);
        let steps = self.learning_rates.len();
        let mut epoch = 0;
        while self.losses.len() < steps {
            let order = epoch_order(self.train.len() as u32, self.recipe.train.seed, epoch);
            for rows in Batches::new(&order, batch_size, false).take(steps - self.losses.len()) {
                let rate = self.learning_rates[self.losses.len()];
                let gradients = self.pass(rows)?;
                self.net = optimizer.step(rate, self.net, gradients);
                self.look()?;
            }
            epoch += 1;
        }
        self.outcome()
    }

    /// A training pass, and its gradients.
    fn pass(&mut self, rows: &[u32]) -> Result<GradientsParams, ZooError> {
        let step = self.losses.len() as u64 + 1;
        self.device.seed(mix(self.recipe.train.seed, Stream::Dropout, step));
        let batch = Batch::of(&self.train.select(rows)?, self.data, &self.device);
        let mut tape = if is_recorded(step, LOOK_EVERY) {
            Tape::new(&Watch::new().outputs("*", Extent::Statistics))
        } else {
            Tape::off()
        };
        let output = self.way.output(self.net.forward_on(batch.images, &mut tape).into_tensor());
        let facts = Facts::on(&tape, &output, || self.way.truth(&batch.targets, output.dims()[1]))?;
        let loss =
            self.way.loss(output, batch.targets).map_err(|source| ZooError::in_step(step)(source.into()))?;
        self.losses.push(loss.clone().try_into_scalar::<f64>()?);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.net);
        let norm = match gradients.get::<2>(self.net.head().weight.id) {
            Some(gradient) => gradient.square().sum().sqrt().try_into_scalar::<f64>()?,
            None => 0.0,
        };
        self.norms.push(norm);
        if facts.is_some() {
            self.check(step, PassRecord { rows: rows.to_vec(), tape, facts, views: Vec::new() });
        }
        Ok(gradients)
    }

    /// Shows a pass to the run-time checks.
    fn check(&mut self, step: u64, pass: PassRecord) {
        let (Some(&loss), Some(&head_gradient_norm)) = (self.losses.last(), self.norms.last()) else {
            return;
        };
        let moment = Moment { step, loss, head_gradient_norm, ..Moment::default() };
        let frame = recorder::frame(&moment, pass);
        let seen = self.checks.see(&frame);
        let first = seen.iter().find(|seen| seen.finding.level == Level::Error);
        self.caught = self.caught.take().or_else(|| first.cloned());
    }

    /// Notes the first step at which the accuracy is good.
    fn look(&mut self) -> Result<(), ZooError> {
        let step = self.losses.len() as u64;
        if self.steps_to_90.is_none() && step.is_multiple_of(LOOK_EVERY) && self.accuracy()? >= GOOD {
            self.steps_to_90 = Some(step);
        }
        Ok(())
    }

    fn accuracy(&self) -> Result<f64, ZooError> {
        let device = self.device.clone().inner();
        let judged = digits::judge(&self.net.valid(), self.test, self.data, &device)?;
        Ok(judged.scores.get("accuracy").unwrap_or(f64::NAN))
    }

    fn saturated(&self) -> Result<Option<f64>, ZooError> {
        if !matches!(self.way.activation, Activation::Softmax | Activation::Sigmoid) {
            return Ok(None);
        }
        let device = self.device.clone().inner();
        let images = Batch::of(self.test, self.data, &device).images;
        let outputs: Vec<f64> =
            self.way.output(self.net.valid().forward(images).into_tensor()).try_into_vec_as()?;
        let stuck = outputs.iter().filter(|output| output.min(1.0 - **output) < SATURATED).count();
        Ok(Some(stuck as f64 / outputs.len() as f64))
    }

    fn outcome(self) -> Result<Outcome, ZooError> {
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
        let averaged = AVERAGED.min(self.losses.len());
        Ok(Outcome {
            way: self.way.name,
            activation: self.way.activation.name(),
            loss_name: self.way.loss,
            level: self.way.level(),
            accuracy: self.accuracy()?,
            steps_to_90: self.steps_to_90,
            loss: mean(&self.losses[self.losses.len() - averaged..]),
            gradient_norm_first: mean(&self.norms[..averaged]),
            gradient_norm_last: mean(&self.norms[self.norms.len() - averaged..]),
            saturated: self.saturated()?,
            caught: self.caught,
            why: self.way.why,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_pairings_knows_right_from_wrong() {
        for (way, right) in WAYS.iter().zip([true, true, true, false, false, false]) {
            assert_eq!(way.level() < Level::Error, right, "{}: {:?}", way.name, way.level());
        }
    }

    #[test]
    fn log_softmax_and_nll_is_cross_entropy() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]], &device);
        let targets = Tensor::<1, Int>::from_ints([0, 2], &device);
        let loss =
            |way: Way| way.loss(way.output(logits.clone()), targets.clone()).unwrap().into_scalar::<f32>();
        assert!((loss(WAYS[0]) - loss(WAYS[1])).abs() < 1e-6);
    }

    #[test]
    fn each_wrong_way_is_caught_within_100_steps_and_no_right_one() {
        let study = run(&DataSource::Embedded, 100, 1, |_| {}).unwrap();
        for (outcome, right) in study.ways.iter().zip([true, true, true, false, false, false]) {
            let caught = outcome.caught.as_ref().and_then(|found| found.place.step());
            assert_eq!(caught.is_none(), right, "{}: {:?}", outcome.way, outcome.caught);
            assert!(caught.is_none_or(|step| step <= 100));
        }
    }
}
