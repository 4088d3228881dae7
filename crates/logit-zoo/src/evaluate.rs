//! What a classifier is worth on a set of images, in inference mode.

use burn::tensor::{Device, activation::softmax};
use logit::metrics::{Average, Brier, ConfusionMatrix, LogLoss, MetricError, Reliability};

use crate::data::{self, Batch, ImageSet};
use crate::error::ZooError;
use crate::models::Classifier;
use crate::recipe::{DataConfig, Recipe};
use crate::run::{Checkpoint, DataSource, Evaluation, RunDir};
use crate::train::network::{WithNetwork, with_network};

/// Images evaluated at a time.
const BATCH: usize = 512;

/// The metrics of a set, with what the report draws of them.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The numbers.
    pub evaluation: Evaluation,
    /// Decisions by true class.
    pub confusion: ConfusionMatrix,
    /// Confidence against accuracy.
    pub reliability: Reliability,
    /// The images that were decided wrongly, in their order: row, true class, decision, probability of the decision.
    pub mistakes: Vec<Mistake>,
}

/// An image that was decided wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mistake {
    /// The image's row in its set.
    pub row: usize,
    /// Its class.
    pub truth: usize,
    /// What was decided.
    pub decision: usize,
    /// The probability that was given to the decision.
    pub confidence: f64,
}

/// Judges a classifier on a set.
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
    let mut confusion = ConfusionMatrix::new(classes).map_err(told)?;
    let mut log_loss = LogLoss::new(classes).map_err(told)?;
    let mut brier = Brier::new(classes).map_err(told)?;
    let mut reliability = Reliability::new(classes).map_err(told)?;
    let mut mistakes = Vec::new();
    let rows: Vec<u32> = (0..set.len() as u32).collect();
    for rows in rows.chunks(BATCH) {
        let part = set.select(rows)?;
        let logits = net.forward(Batch::of(&part, config, device).images).into_tensor();
        let probabilities: Vec<f32> = softmax(logits.clone(), 1).try_into_vec_as()?;
        let logits: Vec<f32> = logits.try_into_vec_as()?;
        log_loss.update_classes_from_logits(&logits, part.labels(), None).map_err(told)?;
        brier.update_classes(&probabilities, part.labels(), None).map_err(told)?;
        reliability.update_classes(&probabilities, part.labels(), None).map_err(told)?;
        let decisions: Vec<usize> = logits.chunks(classes).map(argmax).collect();
        confusion.update(&decisions, part.labels(), None).map_err(told)?;
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
    let evaluation = Evaluation {
        accuracy: some(confusion.accuracy())?,
        log_loss: some(log_loss.log_loss())?,
        ece: some(reliability.expected_calibration_error())?,
        brier: some(brier.brier())?,
        macro_f1: some(confusion.f1(Average::Macro))?,
        images: confusion.total(),
    };
    Ok(Judgement { evaluation, confusion, reliability, mistakes })
}

/// The first of the largest numbers.
pub(crate) fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold(0, |best, (at, value)| if *value > row[best] { at } else { best })
}

/// Judges a run's best weights on the test set, of the run's own data or of another folder.
///
/// # Errors
/// The run has no checkpoint yet, or the data cannot be read.
pub fn run(run: &RunDir, data: Option<&DataSource>) -> Result<Judgement, ZooError> {
    let recipe = run.recipe()?;
    let source = match data {
        Some(source) => source.clone(),
        None => run.about()?.data,
    };
    let test = data::load(&source)?.test;
    judge_best(run, &recipe, &test)
}

/// Judges a run's best weights on a set.
pub(crate) fn judge_best(run: &RunDir, recipe: &Recipe, set: &ImageSet) -> Result<Judgement, ZooError> {
    struct Judge<'a> {
        run: &'a RunDir,
        recipe: &'a Recipe,
        set: &'a ImageSet,
        device: Device,
    }

    impl WithNetwork for Judge<'_> {
        type Output = Judgement;

        fn call<C: Classifier>(self, net: C) -> Result<Judgement, ZooError> {
            let path = self.run.best_path();
            let net = Checkpoint::load(&path)?.apply(net, &path)?;
            judge(&net, self.set, &self.recipe.data, &self.device)
        }
    }

    let device = Device::flex();
    let judge = Judge { run, recipe, set, device: device.clone() };
    with_network(recipe, [set.height(), set.width()], set.classes(), &device, judge)
}
