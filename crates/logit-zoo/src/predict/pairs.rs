//! Whether pairs of pictures hold a digit of 0 to 3.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use logit::tape::Taped;
use serde::Serialize;

use crate::batch::coded;
use crate::data::{Picture, side_by_side};
use crate::error::ZooError;
use crate::recipe::PairsSetup;
use crate::run::{Checkpoint, RunDir};
use crate::task::pairs::{SIZE, decision};

/// What a run says of one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The picture on the left.
    pub left: Half,
    /// The picture on the right.
    pub right: Half,
    /// The network's output: about 100 where one of the digits is 0 to 3, about 0 where none is.
    pub value: f64,
    /// Whether the value is at least 50: a digit of 0 to 3 is there.
    pub decision: bool,
}

/// One of a pair's pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Half {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// Whether the picture was turned from dark on bright to bright on dark, as the training digits are.
    pub inverted: bool,
    /// Its size (width, height) before it was fitted to 28×28; absent if it had that size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_from: Option<(u32, u32)>,
}

/// Reads image files of one digit each, two for each pair, and predicts whether one of the two is 0 to 3.
///
/// # Errors
/// The number of files is odd; a file is no image, holds nothing, or the run has no checkpoint yet; or a value is not
/// finite.
pub(super) fn run(run: &RunDir, setup: &PairsSetup, inputs: &[PathBuf]) -> Result<Vec<Prediction>, ZooError> {
    let (pairs, []) = inputs.as_chunks::<2>() else {
        return Err(ZooError::NoPairs { found: inputs.len() });
    };
    let pictures = inputs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let digits: Vec<u8> = pictures.iter().flat_map(|picture| picture.pixels().to_vec()).collect();
    let (device, path) = (Device::flex(), run.best_path());
    let net = setup.model.init(SIZE[0] * SIZE[1], &device);
    let net = Checkpoint::load(&path)?.apply(net, &path)?;
    let images = coded(&side_by_side(&digits), [setup.data.low, setup.data.high], &device);
    let values: Vec<f32> = net.forward(images)?.into_tensor().try_into_vec_as()?;
    let (halves, _) = pictures.as_chunks::<2>();
    pairs
        .iter()
        .zip(halves)
        .zip(values)
        .map(|((files, pictures), value)| of(files, pictures, value))
        .collect()
}

fn read(path: &Path) -> Result<Picture, ZooError> {
    Ok(Picture::read(path)?.fit_digit()?)
}

fn of([left, right]: &[PathBuf; 2], pictures: &[Picture; 2], value: f32) -> Result<Prediction, ZooError> {
    let (left, right) = (left.clone(), right.clone());
    if !value.is_finite() {
        return Err(ZooError::PairValue { left, right, value });
    }
    let half = |input, picture: &Picture| Half {
        input,
        inverted: picture.inverted(),
        resized_from: picture.resized_from(),
    };
    Ok(Prediction {
        left: half(left, &pictures[0]),
        right: half(right, &pictures[1]),
        value: f64::from(value),
        decision: decision(value),
    })
}
