//! Handwritten digits: Q3 and Q4.

use burn::module::ParamId;
use burn::tensor::{Device, Int, Tensor, activation::softmax};
use logit::HeadError;
use logit::metrics::{Average, Brier, ConfusionMatrix, LogLoss, MetricError, Reliability};
use logit::tape::{Tape, Taped};
use logit_kernels::row::argmax;

use logit_spec::{Answer, Loss};

use super::{Goal, Judgement, Need, Part, Pass, Scores, Task, WithTask, confusion, reliability};
use crate::batch::{Batch, load};
use crate::data::{ImageSet, Stream, mix};
use crate::error::ZooError;
use crate::models::{Classifier, ConvNet, ConvNetConfig, Mlp, MlpConfig};
use crate::models::{SoftmaxClassifier, SoftmaxClassifierConfig};
use crate::recipe::{DataConfig, DigitsSetup, ModelConfig, RecipeError};
use crate::report::{Fact, Picture, Pixels};
use crate::run::{Calibration, DataSource};
use crate::telemetry::{Facts, FactsOfTensors as _, Input, Sample, Subject, Truth, TruthOfTensors as _};

/// Images judged at a time.
const BATCH: usize = 512;

/// The most digits shown of those that were decided wrongly.
const SHOWN_MISTAKES: usize = 24;

/// Reads digits and calls `then` with the task of the recipe's network.
pub(super) fn with_digits<W: WithTask>(
    setup: &DigitsSetup,
    seed: u64,
    source: &DataSource,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    let sets = Sets::load(setup, seed, source, need)?;
    setup.loss.check(sets.test.classes()).map_err(|source| RecipeError::Loss { source })?;
    match &setup.model {
        ModelConfig::ConvNet(config) => {
            fits_convnet([sets.test.height(), sets.test.width()])?;
            then.call(Digits { config, setup, sets })
        }
        ModelConfig::Linear(config) => then.call(Digits { config, setup, sets }),
        ModelConfig::Mlp(config) => then.call(Digits { config, setup, sets }),
    }
}

/// A network's configuration.
pub(crate) trait Build: Sync {
    type Net: Classifier;

    /// The network for images of a size.
    fn build(&self, size: [usize; 2], classes: usize, device: &Device) -> Result<Self::Net, HeadError>;
}

impl Build for ConvNetConfig {
    type Net = ConvNet;

    fn build(&self, _size: [usize; 2], classes: usize, device: &Device) -> Result<ConvNet, HeadError> {
        self.init(classes, device)
    }
}

impl Build for SoftmaxClassifierConfig {
    type Net = SoftmaxClassifier;

    fn build(
        &self,
        [height, width]: [usize; 2],
        classes: usize,
        device: &Device,
    ) -> Result<Self::Net, HeadError> {
        self.init(height * width, classes, device)
    }
}

impl Build for MlpConfig {
    type Net = Mlp;

    fn build(&self, [height, width]: [usize; 2], classes: usize, device: &Device) -> Result<Mlp, HeadError> {
        self.init(height * width, classes, device)
    }
}

/// # Errors
/// Images of another size than the convolutional network takes.
fn fits_convnet([height, width]: [usize; 2]) -> Result<(), ZooError> {
    if [height, width] == [28, 28] {
        return Ok(());
    }
    let what =
        format!("the convnet takes images of 28×28, not {height}×{width}; use a `linear` or `mlp` model");
    Err(ZooError::Unfit { what })
}

/// The parts of the data.
struct Sets {
    train: ImageSet,
    validation: ImageSet,
    test: ImageSet,
}

impl Sets {
    /// Reads the data and holds the validation part out.
    fn load(setup: &DigitsSetup, seed: u64, source: &DataSource, need: Need) -> Result<Self, ZooError> {
        let split = load(source)?;
        let (train, validation) =
            split.train.split_stratified(setup.data.validation, mix(seed, Stream::Holdout, 0))?;
        let sets = Self { train, validation, test: split.test };
        let parts = [("training", &sets.train), ("validation", &sets.validation), ("test", &sets.test)];
        let needed = parts.iter().skip(if need == Need::All { 0 } else { 2 });
        match needed.into_iter().find(|(_, set)| set.is_empty()) {
            None => Ok(sets),
            Some((part, _)) => Err(ZooError::Unfit {
                what: format!(
                    "the {part} part of {source} has no image; `data.validation` decides the share held out"
                ),
            }),
        }
    }
}

struct Digits<'a, B> {
    config: &'a B,
    setup: &'a DigitsSetup,
    sets: Sets,
}

impl<B: Build> Task for Digits<'_, B> {
    type Net = B::Net;
    type Batch = Batch;

    fn network(&self, device: &Device) -> Result<B::Net, ZooError> {
        let set = &self.sets.test;
        Ok(self.config.build([set.height(), set.width()], set.classes(), device)?)
    }

    fn samples(&self) -> u32 {
        self.sets.train.len() as u32
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Batch, ZooError> {
        Ok(Batch::augmented(&self.sets.train.select(rows)?, &self.setup.data, seed, device))
    }

    fn pass(&self, net: &B::Net, batch: Batch, tape: &mut Tape) -> Result<Pass, ZooError> {
        let samples = batch.targets.dims()[0] as u64;
        let logits = net.forward_on(batch.images, tape);
        let facts = Facts::on(tape, logits.tensor(), || Truth::classes(&batch.targets))?;
        let right = correct(logits.argmax(), batch.targets.clone())?;
        let loss = self.setup.loss.forward(logits, batch.targets)?;
        Ok(Pass { loss: loss.value, samples, decisions: Some([samples, right]), facts })
    }

    fn subject(&self) -> Subject {
        Subject { answer: Answer::Classes, units: self.sets.test.classes(), loss: Loss::CrossEntropy }
    }

    fn units(&self) -> Vec<String> {
        (0..self.sets.test.classes()).map(|class| class.to_string()).collect()
    }

    fn sample(&self, row: u32) -> Result<Option<Sample>, ZooError> {
        let (set, at) = (&self.sets.train, row as usize);
        let shown = set.image(at).zip(set.labels().get(at)).map(|(pixels, label)| Sample {
            row,
            truth: label.to_string(),
            input: Input::picture([set.width(), set.height(), 1], pixels),
        });
        Ok(shown)
    }

    fn head(&self, net: &B::Net) -> ParamId {
        net.head().weight.id
    }

    fn goal(&self) -> Goal {
        Goal::least("log_loss")
    }

    fn judge(
        &self,
        net: &B::Net,
        part: Part,
        _: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let set = match part {
            Part::Validation => &self.sets.validation,
            Part::Test => &self.sets.test,
        };
        judge(net, set, &self.setup.data, device)
    }

    fn facts(&self) -> Vec<Fact> {
        let Sets { train, validation, test } = &self.sets;
        let images =
            format!("{} training, {} validation, {} test", train.len(), validation.len(), test.len());
        vec![Fact::new("images", images)]
    }
}

fn correct(decisions: Tensor<1, Int>, targets: Tensor<1, Int>) -> Result<u64, ZooError> {
    let right = decisions.equal(targets).int().sum().try_into_scalar::<i64>()?;
    Ok(u64::try_from(right).unwrap_or(0))
}

/// An image that was decided wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mistake {
    /// The image's row in its set.
    row: usize,
    truth: usize,
    decision: usize,
    /// The probability that was given to the decision.
    confidence: f64,
}

/// Judges a classifier on a set, in inference mode.
///
/// # Errors
/// The classifier's logits are not finite, or the set has other classes.
pub fn judge<C: Classifier>(
    net: &C,
    set: &ImageSet,
    config: &DataConfig,
    device: &Device,
) -> Result<Judgement, ZooError> {
    let classes = set.classes();
    let told = |source: MetricError| ZooError::Metric { what: "the evaluation", source };
    let mut matrix = ConfusionMatrix::new(classes).map_err(told)?;
    let mut log_loss = LogLoss::new(classes).map_err(told)?;
    let mut brier = Brier::new(classes).map_err(told)?;
    let mut calibration = Reliability::new(classes).map_err(told)?;
    let mut mistakes = Vec::new();
    let rows: Vec<u32> = (0..set.len() as u32).collect();
    for rows in rows.chunks(BATCH) {
        let part = set.select(rows)?;
        let logits = net.forward(Batch::of(&part, config, device).images).into_tensor();
        let probabilities: Vec<f32> = softmax(logits.clone(), 1).try_into_vec_as()?;
        let logits: Vec<f32> = logits.try_into_vec_as()?;
        log_loss.update_classes_from_logits(&logits, part.labels(), None).map_err(told)?;
        brier.update_classes(&probabilities, part.labels(), None).map_err(told)?;
        calibration.update_classes(&probabilities, part.labels(), None).map_err(told)?;
        let decisions: Vec<usize> = logits.chunks(classes).map(argmax).collect();
        matrix.update(&decisions, part.labels(), None).map_err(told)?;
        for (at, (&decision, &label)) in decisions.iter().zip(part.labels()).enumerate() {
            let truth = usize::from(label);
            if decision != truth {
                let confidence = f64::from(probabilities[at * classes + decision]);
                mistakes.push(Mistake { row: rows[at] as usize, truth, decision, confidence });
            }
        }
    }
    let some = |value: Option<f64>| {
        value.ok_or_else(|| ZooError::Unfit { what: "there is no image to evaluate on".to_owned() })
    };
    let scores = Scores::new(
        matrix.total(),
        [
            ("accuracy", some(matrix.accuracy())?),
            ("log_loss", some(log_loss.log_loss())?),
            ("ece", some(calibration.expected_calibration_error())?),
            ("brier", some(brier.brier())?),
            ("macro_f1", some(matrix.f1(Average::Macro))?),
        ],
    );
    let number = |name: &str| scores.get(name).unwrap_or(f64::NAN);
    let summary = format!(
        "{:.2} % of {} test images right; log loss {:.4}, calibration error {:.4}.",
        100.0 * number("accuracy"),
        scores.samples,
        number("log_loss"),
        number("ece")
    );
    Ok(Judgement {
        summary,
        confusion: Some(confusion(&matrix, (0..classes).map(|class| class.to_string()).collect())),
        reliability: vec![reliability("Test set", &calibration)],
        pictures: pictures(mistakes, set),
        ..Judgement::of(scores, String::new())
    })
}

/// The wrongly decided digits, the surest first.
fn pictures(mut mistakes: Vec<Mistake>, set: &ImageSet) -> Vec<Picture> {
    mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.row.cmp(&b.row)));
    let picture = |mistake: &Mistake| {
        Some(Picture {
            caption: format!(
                "row {}: {} taken for {} ({:.0} %)",
                mistake.row,
                mistake.truth,
                mistake.decision,
                100.0 * mistake.confidence
            ),
            width: set.width(),
            height: set.height(),
            pixels: Pixels::Grey(set.image(mistake.row)?.to_vec()),
        })
    };
    mistakes.iter().take(SHOWN_MISTAKES).filter_map(picture).collect()
}
