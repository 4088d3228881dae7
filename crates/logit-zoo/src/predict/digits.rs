//! The digit on each of some pictures.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use logit::tape::Taped;
use logit_kernels::row::{argmax, softmax};
use serde::Serialize;

use crate::batch::images;
use crate::data::{Picture, digits};
use crate::error::ZooError;
use crate::recipe::{DigitsSetup, ModelConfig};
use crate::run::{Checkpoint, RunDir};
use crate::task::digits::Build;

/// Height and width of a digit's picture.
const SIZE: [usize; 2] = [28, 28];

/// What a run says of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
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
pub(super) fn run(
    run: &RunDir,
    setup: &DigitsSetup,
    inputs: &[PathBuf],
) -> Result<Vec<Prediction>, ZooError> {
    let pictures = inputs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let pixels: Vec<u8> = pictures.iter().flat_map(|picture| picture.pixels().to_vec()).collect();
    let device = Device::flex();
    let images = images(&pixels, SIZE, &setup.data, &device);
    let logits = match &setup.model {
        ModelConfig::ConvNet(config) => forward(run, config, images),
        ModelConfig::Linear(config) => forward(run, config, images),
        ModelConfig::Mlp(config) => forward(run, config, images),
    }?;
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

fn forward<B: Build>(run: &RunDir, config: &B, images: Tensor<4>) -> Result<Vec<f32>, ZooError> {
    let path = run.best_path();
    let net = config.build(SIZE, digits::CLASSES, &images.device())?;
    let net = Checkpoint::load(&path)?.apply(net, &path)?;
    Ok(net.forward(images).into_tensor().try_into_vec_as()?)
}

fn prediction(input: &Path, picture: &Picture, row: &[f32]) -> Result<Prediction, ZooError> {
    if let Some((class, &value)) = row.iter().enumerate().find(|(_, logit)| !logit.is_finite()) {
        return Err(ZooError::Logit { input: input.to_owned(), class, value });
    }
    Ok(Prediction {
        input: input.to_owned(),
        probabilities: softmax(row, 1.0),
        decision: argmax(row),
        logits: row.iter().map(|logit| f64::from(*logit)).collect(),
        inverted: picture.inverted(),
        resized_from: picture.resized_from(),
    })
}
