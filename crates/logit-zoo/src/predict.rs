//! Predictions for image files, from a run's best weights.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::Serialize;

use crate::data::{Picture, digits, images};
use crate::error::ZooError;
use crate::evaluate::argmax;
use crate::models::Classifier;
use crate::run::{Checkpoint, RunDir};
use crate::train::network::{WithNetwork, with_network};

/// What a run says of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub input: PathBuf,
    /// The raw output, a number a class.
    pub logits: Vec<f64>,
    /// Their softmax, in f64.
    pub probabilities: Vec<f64>,
    /// The class with the largest logit.
    pub decision: usize,
    /// Whether the picture was turned from dark on bright to bright on dark, as the training digits are.
    pub inverted: bool,
    /// Its size (width, height) before it was fitted to 28×28; absent if it had that size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_from: Option<(u32, u32)>,
}

/// Reads image files and predicts the digit on each.
///
/// # Errors
/// A file is no image, holds nothing, or the run has no checkpoint yet; or a logit is not finite.
pub fn run(run: &RunDir, inputs: &[PathBuf]) -> Result<Vec<Prediction>, ZooError> {
    let recipe = run.recipe()?;
    let pictures = inputs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let pixels: Vec<u8> = pictures.iter().flat_map(|picture| picture.pixels().to_vec()).collect();
    let device = Device::flex();
    let images = images(&pixels, [28, 28], &recipe.data, &device);
    let forward = Forward { run, images };
    let logits = with_network(&recipe, [28, 28], digits::CLASSES, &device, forward)?;
    let rows = logits.chunks(digits::CLASSES);
    inputs
        .iter()
        .zip(pictures)
        .zip(rows)
        .map(|((input, picture), row)| prediction(input, &picture, row))
        .collect()
}

fn read(path: &Path) -> Result<Picture, ZooError> {
    Ok(Picture::read(path)?.fit_digit()?)
}

struct Forward<'a> {
    run: &'a RunDir,
    images: burn::tensor::Tensor<4>,
}

impl WithNetwork for Forward<'_> {
    type Output = Vec<f32>;

    fn call<C: Classifier>(self, net: C) -> Result<Vec<f32>, ZooError> {
        let path = self.run.best_path();
        let net = Checkpoint::load(&path)?.apply(net, &path)?;
        Ok(net.forward(self.images).into_tensor().try_into_vec_as()?)
    }
}

fn prediction(input: &Path, picture: &Picture, row: &[f32]) -> Result<Prediction, ZooError> {
    if let Some((class, &value)) = row.iter().enumerate().find(|(_, logit)| !logit.is_finite()) {
        return Err(ZooError::Logit { input: input.to_owned(), class, value });
    }
    let logits: Vec<f64> = row.iter().map(|logit| f64::from(*logit)).collect();
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    Ok(Prediction {
        input: input.to_owned(),
        probabilities: powers.iter().map(|power| power / sum).collect(),
        decision: argmax(row),
        logits,
        inverted: picture.inverted(),
        resized_from: picture.resized_from(),
    })
}

/// A path as text; what is no UTF-8 in it is replaced.
fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
