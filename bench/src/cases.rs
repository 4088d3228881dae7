//! The table of cases.

use logit::explain::Composite;
use logit::explain::method::Method;

use crate::case::{Case, Failure};
use crate::{explaining, inference, losses, training};

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
    ("explain_pairs_deep_taylor_1", || explaining::pairs_deep_taylor(1)),
    ("explain_pairs_deep_taylor_64", || explaining::pairs_deep_taylor(64)),
    ("explain_pairs_deep_taylor_256", || explaining::pairs_deep_taylor(256)),
    ("explain_digits_deep_taylor_64", || explaining::digits(by(Composite::deep_taylor(PIXELS)), 64)),
    ("explain_digits_epsilon_plus_1", || explaining::digits(by(Composite::epsilon_plus()), 1)),
    ("explain_digits_epsilon_plus_64", || explaining::digits(by(Composite::epsilon_plus()), 64)),
    ("explain_digits_epsilon_plus_256", || explaining::digits(by(Composite::epsilon_plus()), 256)),
    ("explain_digits_epsilon_gamma_box_64", || {
        explaining::digits(by(Composite::epsilon_gamma_box(0.0, 1.0)), 64)
    }),
    ("explain_digits_gradient_x_input_64", || explaining::digits(Method::GradientTimesInput, 64)),
];

/// The box that pixels of digits lie in.
const PIXELS: Option<[f64; 2]> = Some([0.0, 1.0]);

fn by(composite: Composite) -> Method {
    Method::Relevance(composite)
}

/// Makes the inputs of a case.
pub(crate) fn prepare(name: &str) -> Result<Box<dyn Case>, Failure> {
    if let Some((_, prepare)) = CASES.iter().find(|(known, _)| *known == name) {
        return prepare();
    }
    let known: Vec<&str> = CASES.iter().map(|(known, _)| *known).collect();
    Err(format!("there is no case `{name}`; there are {}", known.join(", ")).into())
}
