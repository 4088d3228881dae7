//! The class or the labels of each of some images.

use std::path::PathBuf;

use burn::tensor::Device;
use logit::tape::Taped;
use serde::Serialize;

use crate::data::labelled::read_square;
use crate::error::ZooError;
use crate::recipe::ImagesSetup;
use crate::run::{Calibration, Checkpoint, RunDir, TrainedRun as _};
use crate::task::answer::Answer;
use crate::task::images::{images, network};
use crate::task::table::{ForAnswer, schema_of, with_answer};

/// What a run says of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImagePrediction {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// The names of what was predicted: logits, probabilities, decisions.
    pub columns: Vec<String>,
    /// What was predicted, a value a name.
    pub values: Vec<String>,
}

pub(super) fn run(
    run: &RunDir,
    setup: &ImagesSetup,
    inputs: &[PathBuf],
) -> Result<Vec<ImagePrediction>, ZooError> {
    let schema = schema_of(run)?;
    let calibration = run.calibration()?;
    let predict = Predict { run, setup, calibration, inputs };
    with_answer(&schema.targets, setup.data.table.weights, &setup.loss, predict)
}

struct Predict<'a> {
    run: &'a RunDir,
    setup: &'a ImagesSetup,
    calibration: Calibration,
    inputs: &'a [PathBuf],
}

impl ForAnswer for Predict<'_> {
    type Output = Vec<ImagePrediction>;

    fn call<A: Answer>(self, answer: A) -> Result<Vec<ImagePrediction>, ZooError> {
        let (device, path, data) = (Device::flex(), self.run.best_path(), &self.setup.data);
        let net = Checkpoint::load(&path)?.apply(network(self.setup, &answer, &device)?, &path)?;
        let predict = |input: &PathBuf| {
            let pixels = read_square(input, data)?;
            let logits: Vec<f32> =
                net.forward(images(&pixels, data, &device)).into_tensor().try_into_vec_as()?;
            if let Some(class) = logits.iter().position(|logit| !logit.is_finite()) {
                return Err(ZooError::Logit { input: input.clone(), class, value: logits[class] });
            }
            let values = answer.decide(&logits, &self.calibration);
            Ok(ImagePrediction { input: input.clone(), columns: answer.columns(), values })
        };
        self.inputs.iter().map(predict).collect()
    }
}
