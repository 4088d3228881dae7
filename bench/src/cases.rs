//! The table of cases.

use crate::case::{Case, Failure};
use crate::{inference, losses, training};

type Prepare = fn() -> Result<Box<dyn Case>, Failure>;

const CASES: &[(&str, Prepare)] = &[
    ("cross_entropy", || Ok(losses::cross_entropy())),
    ("per_pixel", || Ok(losses::per_pixel())),
    ("multi_label", || Ok(losses::multi_label())),
    ("linear_cross_entropy", || Ok(losses::linear_cross_entropy())),
    ("mnist_step_64", || training::mnist(64)),
    ("mnist_step_512", || training::mnist(512)),
    ("mlp_step_128", || training::mlp(128)),
    ("unet_step_8", || training::unet(8)),
    ("convnet_inference_64", || inference::convnet(64)),
    ("convnet_inference_512", || inference::convnet(512)),
    ("unet_inference_8", || inference::unet(8)),
];

/// Makes the inputs of a case.
pub(crate) fn prepare(name: &str) -> Result<Box<dyn Case>, Failure> {
    if let Some((_, prepare)) = CASES.iter().find(|(known, _)| *known == name) {
        return prepare();
    }
    let known: Vec<&str> = CASES.iter().map(|(known, _)| *known).collect();
    Err(format!("there is no case `{name}`; there are {}", known.join(", ")).into())
}
