//! Digits as they are learned and judged.

use burn::tensor::{Device, Int, Tensor, activation::softmax};
use logit::tape::{Tape, Taped};
use logit_kernels::row::argmax;

use super::{Build, DigitPicture, DigitSystem};
use crate::batch::{Batch, load};
use crate::data::{ImageSet, Stream, mix};
use crate::error::ZooError;
use crate::models::Classifier;
use crate::page::{Fact, Picture, Pixels};
use crate::recipe::{DataConfig, DigitsSetup, ModelConfig, RecipeError};
use crate::run::Calibration;
use crate::system::answer::ClassMeasures;
use crate::system::{
    Explicable, Goal, JudgedPart, Judgement, NetOf, Pass, Reading, Scores, System as _, SystemError, Task,
    WithSystem, confusion, reliability,
};
use crate::telemetry::{Facts, FactsOfTensors as _, Truth, TruthOfTensors as _};

/// Images judged at a time.
const BATCH: usize = 512;

/// The most digits shown of those that were decided wrongly.
const SHOWN_MISTAKES: usize = 24;

/// Calls `then` with the system of the recipe's network.
pub(crate) fn with_digits<W: WithSystem>(setup: DigitsSetup, then: W) -> Result<W::Output, ZooError> {
    match setup.model.clone() {
        ModelConfig::ConvNet(config) => then.call::<Digits<_>>(DigitSystem::new(config, setup)),
        ModelConfig::Linear(config) => then.call::<Digits<_>>(DigitSystem::new(config, setup)),
        ModelConfig::Mlp(config) => then.call::<Digits<_>>(DigitSystem::new(config, setup)),
    }
}

struct Digits<B> {
    system: DigitSystem<B>,
    train: ImageSet,
    validation: ImageSet,
    test: ImageSet,
}

impl<B: Build> Task for Digits<B> {
    type System = DigitSystem<B>;
    type Batch = Batch;

    /// Reads the data and holds the validation part out; its images and classes are the network's.
    fn read(mut system: DigitSystem<B>, from: &Reading<'_>) -> Result<Self, ZooError> {
        let split = load(from.source)?;
        let held_out = mix(from.seed, Stream::Holdout, 0);
        let (train, validation) = split.train.split_stratified(system.setup.data.validation, held_out)?;
        let test = split.test;
        if let Some(part) = from.need.missing([train.len(), validation.len(), test.len()]) {
            let hint = "`data.validation` decides the share held out";
            return Err(SystemError::EmptyPart { part, data: from.source.to_string(), hint }.into());
        }
        system.setup.loss.check(test.classes()).map_err(|source| RecipeError::Loss { source })?;
        (system.size, system.classes) = ([test.height(), test.width()], test.classes());
        system.config.fits(system.size)?;
        Ok(Self { system, train, validation, test })
    }

    fn system(&self) -> &DigitSystem<B> {
        &self.system
    }

    fn samples(&self) -> u32 {
        self.train.len() as u32
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Batch, ZooError> {
        Ok(Batch::augmented(&self.train.select(rows)?, &self.system.setup.data, seed, device))
    }

    fn pass(&self, net: &B::Net, batch: Batch, tape: &mut Tape) -> Result<Pass, ZooError> {
        let samples = batch.targets.dims()[0] as u64;
        let logits = net.forward_on(batch.images, tape);
        let facts = Facts::on(tape, logits.tensor(), || Truth::classes(&batch.targets))?;
        let right = correct(logits.argmax(), batch.targets.clone())?;
        let loss = self.system.setup.loss.forward(logits, batch.targets)?;
        Ok(Pass { loss: loss.value, samples, decisions: Some([samples, right]), facts })
    }

    fn sample(&self, row: u32) -> Result<Option<(DigitPicture, String)>, ZooError> {
        let shown = self.train.image(row as usize).zip(self.train.labels().get(row as usize));
        Ok(shown.map(|(pixels, label)| {
            let (file, pixels) = (format!("row {row}").into(), pixels.to_vec());
            (DigitPicture { file, pixels, inverted: false, resized_from: None }, label.to_string())
        }))
    }

    /// Ink.
    fn explicable(&self, count: usize) -> Result<Vec<Explicable<DigitPicture>>, ZooError> {
        let explicable = |row: usize| {
            let pixels = self.test.image(row)?.to_vec();
            let asked = DigitPicture {
                file: format!("row {row}").into(),
                pixels,
                ..DigitPicture::blank(self.system.size)
            };
            let masks = self.system.ink(&asked).map(|ink| ("ink", ink)).into_iter().collect();
            Some(Explicable { asked, masks })
        };
        Ok((0..self.test.len()).map_while(explicable).take(count).collect())
    }

    fn goal(&self) -> Goal {
        Goal::least("log_loss")
    }

    fn judge(
        &self,
        net: &NetOf<Self>,
        part: JudgedPart,
        _: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let set = match part {
            JudgedPart::Validation => &self.validation,
            JudgedPart::Test => &self.test,
        };
        judge(net, set, &self.system.setup.data, device)
    }

    fn facts(&self) -> Vec<Fact> {
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(ImageSet::len);
        vec![Fact::new("images", format!("{train} training, {validation} validation, {test} test"))]
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
    let mut measures = ClassMeasures::new(classes)?;
    let mut mistakes = Vec::new();
    let rows: Vec<u32> = (0..set.len() as u32).collect();
    for rows in rows.chunks(BATCH) {
        let part = set.select(rows)?;
        let logits = net.forward(Batch::of(&part, config, device).images).into_tensor();
        let probabilities: Vec<f32> = softmax(logits.clone(), 1).try_into_vec_as()?;
        let logits: Vec<f32> = logits.try_into_vec_as()?;
        let decisions: Vec<usize> = logits.chunks(classes).map(argmax).collect();
        measures.add(&logits, &probabilities, &decisions, part.labels())?;
        for (at, (&decision, &label)) in decisions.iter().zip(part.labels()).enumerate() {
            let truth = usize::from(label);
            if decision != truth {
                let confidence = f64::from(probabilities[at * classes + decision]);
                mistakes.push(Mistake { row: rows[at] as usize, truth, decision, confidence });
            }
        }
    }
    let mut values = Vec::new();
    for (metric, value) in measures.scores() {
        values.push((metric, value.ok_or(SystemError::NothingToJudge)?));
    }
    let scores = Scores::new(measures.matrix.total(), values);
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
        confusion: Some(confusion(&measures.matrix, (0..classes).map(|class| class.to_string()).collect())),
        reliability: vec![reliability("Test set", &measures.reliability)],
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
