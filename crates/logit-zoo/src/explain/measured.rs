//! What measures say of maps.

use logit::explain::measure::{
    Flipping, Perturbations, Question, flipped, infidelity, localised, max_sensitivity,
};
use logit::explain::method::PreparedMethod;
use logit::explain::{ExplainError, Pass, Relevances, Target};
use serde::Serialize;

/// Measures of a map; those that the input does not allow are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Mean of the value while the most relevant pixels are taken away, as a share of the value: lower is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flipping: Option<f64>,
    /// Infidelity of the map at its best scale (Yeh et al. 2019): lower is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infidelity: Option<f64>,
    /// The largest change of the map, relative to it, when the input is shaken a little: lower is steadier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sensitivity: Option<f64>,
    /// Share of the positive relevance that lies on ink: pixels at least half as bright as white.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_ink: Option<f64>,
}

/// Steps in which pixels are taken away.
const STEPS: usize = 20;

/// Perturbations of the measures that draw them, and the seed that they are drawn from.
const PERTURBATIONS: usize = 16;
const SEED: u64 = 0;

/// Perturbations' size, as a share of the input's range.
const SHAKEN: f64 = 0.1;

/// The measures of a method's maps, one per sample, by the network's first input; none are had of inputs that are no rows of
/// samples.
pub(super) fn measured(
    method: &PreparedMethod<f32>,
    pass: &Pass<f32>,
    targets: &[Target],
    found: &Relevances<f32>,
    ink: &[Option<Vec<bool>>],
) -> Result<Vec<Measures>, ExplainError> {
    let network = method.network();
    let mut measures = vec![Measures::default(); ink.len()];
    let (Some((_, map)), Some((_, value))) = (found.inputs.first(), network.inputs().first()) else {
        return Ok(measures);
    };
    let Some(input) = pass.value(*value).filter(|input| input.rows() == targets.len().max(ink.len())) else {
        return Ok(measures);
    };
    let (low, high) = input.numbers.iter().fold((f32::MAX, f32::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
    let size = SHAKEN * f64::from(high - low);
    let question = Question { network, pass, targets, input: 0 };
    let pixels = if input.shape.len() == 4 { input.shape[2] * input.shape[3] } else { input.row_len() };
    let flipping =
        Flipping { baseline: f64::from(low), pixels_per_step: pixels.div_ceil(STEPS).max(1), steps: None };
    for (measures, flipped) in measures.iter_mut().zip(flipped(&question, map, &flipping)?) {
        measures.flipping = flipped.relative;
    }
    let normal = Perturbations::Normal { count: PERTURBATIONS, deviation: size, seed: SEED };
    for (measures, infidelity) in measures.iter_mut().zip(infidelity(&question, map, &normal)?) {
        measures.infidelity = Some(infidelity.scaled);
    }
    let uniform = Perturbations::Uniform { count: PERTURBATIONS, radius: size, seed: SEED };
    for (measures, most) in measures.iter_mut().zip(max_sensitivity(method, &question, &uniform)?) {
        measures.max_sensitivity = most;
    }
    if let Some(masks) = ink.iter().cloned().collect::<Option<Vec<_>>>() {
        for (measures, on) in measures.iter_mut().zip(localised(map, &masks)?) {
            measures.on_ink = on.mass;
        }
    }
    Ok(measures)
}
