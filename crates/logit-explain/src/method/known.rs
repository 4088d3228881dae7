//! Methods by their names.

use super::Method::{self, Relevance};
use crate::composite::Composite;
use crate::error::{ExplainError, nearest};
use crate::rule::{EPSILON, Rule};

/// What methods take, where it is not said otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The bounds of the inputs, for rules of boxes; `low ≤ 0 ≤ high`.
    pub bounds: Option<[f64; 2]>,
    /// ε of the rule `epsilon`.
    pub epsilon: f64,
    /// γ of the rule `gamma`.
    pub gamma: f64,
    /// α and β of the rule `alpha-beta`.
    pub alpha_beta: [f64; 2],
    /// Steps of integrated gradients.
    pub steps: usize,
    /// Samples of `SmoothGrad`.
    pub samples: usize,
    /// Its noise, as a share of the input's range.
    pub noise: f64,
    /// From which it is drawn.
    pub seed: u64,
    /// What stands for nothing, in integrated gradients and occlusion.
    pub baseline: f64,
    /// The step of Grad-CAM; the last convolution if none.
    pub layer: Option<String>,
    /// Whether Grad-CAM leaves out what speaks against the target.
    pub rectified: bool,
    /// The window of occlusion, along the last axes of a sample.
    pub window: Vec<usize>,
    /// From one window to the next.
    pub stride: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: None,
            epsilon: EPSILON,
            gamma: 0.25,
            alpha_beta: [2.0, 1.0],
            steps: 64,
            samples: 32,
            noise: 0.15,
            seed: 0,
            baseline: 0.0,
            layer: None,
            rectified: true,
            window: vec![1],
            stride: vec![1],
        }
    }
}

/// A method that has a name.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub purpose: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// Whether its maps have both signs where the value is above 0, with the settings that are given when nothing is said.
    pub signed: bool,
    make: fn(&Settings) -> Result<Method, ExplainError>,
}

const fn known(
    name: &'static str,
    signed: bool,
    source: &'static str,
    purpose: &'static str,
    make: fn(&Settings) -> Result<Method, ExplainError>,
) -> Known {
    Known { name, purpose, source, signed, make }
}

const BACH: &str = "Bach et al. 2015, https://doi.org/10.1371/journal.pone.0130140";
const MONTAVON: &str = "Montavon et al. 2017, https://arxiv.org/abs/1512.02479";
const LAPUSCHKIN: &str = "Lapuschkin et al. 2019, https://arxiv.org/abs/1902.10178";
const OVERVIEW: &str = "Montavon et al. 2019, https://doi.org/10.1007/978-3-030-28954-6_10";
const COMPOSITES: &str = "Kohlbrenner et al. 2020, https://arxiv.org/abs/1910.09840";
const GRADIENT: &str = "Simonyan et al. 2014, https://arxiv.org/abs/1312.6034";

/// All methods by name: composites, methods of gradients and of covered inputs, then the rules that composites are made of.
pub const KNOWN: &[Known] = &[
    known(
        "deep-taylor",
        false,
        MONTAVON,
        "Conserves the value and is nowhere negative, exactly, in networks whose biases are at most 0.",
        |of| Ok(Relevance(Composite::deep_taylor(of.bounds))),
    ),
    known(
        "deep-taylor-unbounded",
        false,
        MONTAVON,
        "The same with w² in the first layer, for inputs without bounds.",
        |_| Ok(Relevance(Composite::deep_taylor(None))),
    ),
    known(
        "epsilon-plus",
        true,
        COMPOSITES,
        "What speaks for the target in convolutions, and both sides in dense layers.",
        |_| Ok(Relevance(Composite::epsilon_plus())),
    ),
    known("epsilon-plus-flat", true, COMPOSITES, "The same, smooth over what the first layer sees.", |_| {
        Ok(Relevance(Composite::epsilon_plus_flat()))
    }),
    known(
        "epsilon-gamma-box",
        true,
        OVERVIEW,
        "Favours what speaks for the target, for images in known bounds.",
        |of| {
            match of.bounds {
            Some([low, high]) => Ok(Relevance(Composite::epsilon_gamma_box(low, high))),
            None => Err(ExplainError::Method(
                "`epsilon-gamma-box` needs the bounds of the inputs, and these have none: choose `epsilon-plus`".to_owned())),
        }
        },
    ),
    known(
        "epsilon-alpha2-beta1",
        true,
        COMPOSITES,
        "Sets what speaks for the target against what speaks against it, in convolutions.",
        |_| Ok(Relevance(Composite::epsilon_alpha2_beta1())),
    ),
    known(
        "epsilon-alpha2-beta1-flat",
        true,
        COMPOSITES,
        "The same, smooth over what the first layer sees.",
        |_| Ok(Relevance(Composite::epsilon_alpha2_beta1_flat())),
    ),
    known(
        "excitation-backprop",
        false,
        "Zhang et al. 2016, https://arxiv.org/abs/1608.00507",
        "Where the units are that excited the target.",
        |_| Ok(Relevance(Composite::excitation_backprop())),
    ),
    known(
        "guided-backprop",
        true,
        "Springenberg et al. 2015, https://arxiv.org/abs/1412.6806",
        "Sharp pictures of structure; they hardly depend on what was learned.",
        |_| Ok(Relevance(Composite::guided_backprop())),
    ),
    known(
        "deconvnet",
        true,
        "Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901",
        "What pattern would excite the units; it hardly depends on what was learned.",
        |_| Ok(Relevance(Composite::deconvnet())),
    ),
    known(
        "gradient",
        true,
        GRADIENT,
        "Where a small change would change the value, not what made it.",
        |_| Ok(Relevance(Composite::gradient())),
    ),
    known(
        "gradient-x-input",
        true,
        "Shrikumar et al. 2016, https://arxiv.org/abs/1605.01713",
        "The linear part of the value; the rule ε without ε or biases gives the same.",
        |_| Ok(Method::GradientTimesInput),
    ),
    known(
        "integrated-gradients",
        true,
        "Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365",
        "What each number adds to the value, from a baseline on; sums to the difference.",
        |of| Ok(Method::IntegratedGradients { steps: of.steps, baseline: of.baseline }),
    ),
    known(
        "smoothgrad",
        true,
        "Smilkov et al. 2017, https://arxiv.org/abs/1706.03825",
        "The gradient with less noise.",
        |of| Ok(Method::SmoothGrad { samples: of.samples, noise: of.noise, seed: of.seed }),
    ),
    known(
        "grad-cam",
        false,
        "Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391",
        "Coarse regions by the maps of a convolution.",
        |of| Ok(Method::GradCam { layer: of.layer.clone(), rectified: of.rectified }),
    ),
    known(
        "occlusion",
        true,
        "Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901",
        "By how much the value drops where a part is covered; asks the network alone.",
        |of| {
            Ok(Method::Occlusion {
                window: of.window.clone(),
                stride: of.stride.clone(),
                baseline: of.baseline,
            })
        },
    ),
    known("epsilon", true, BACH, "Each input's share of what a unit computed.", |of| {
        Ok(Relevance(Composite::all(Rule::epsilon(of.epsilon))))
    }),
    known("zero", true, BACH, "The same without a stabiliser.", |_| {
        Ok(Relevance(Composite::all(Rule::zero())))
    }),
    known("z-plus", false, MONTAVON, "Shares of what speaks for a unit alone.", |_| {
        Ok(Relevance(Composite::all(Rule::z_plus())))
    }),
    known("gamma", true, OVERVIEW, "Between ε and z⁺: what speaks for a unit counts more.", |of| {
        Ok(Relevance(Composite::all(Rule::gamma(of.gamma))))
    }),
    known(
        "alpha-beta",
        true,
        BACH,
        "What speaks for a unit α times, less what speaks against it β times.",
        |of| Ok(Relevance(Composite::all(Rule::alpha_beta(of.alpha_beta[0], of.alpha_beta[1])))),
    ),
    known("w-square", false, MONTAVON, "By the weights alone, for inputs without bounds.", |_| {
        Ok(Relevance(Composite::all(Rule::w_square())))
    }),
    known("flat", false, LAPUSCHKIN, "The same to all that a unit sees.", |_| {
        Ok(Relevance(Composite::all(Rule::flat())))
    }),
];

impl Method {
    /// The method of a name.
    ///
    /// # Errors
    /// There is none of that name; the error has those that are like it. Or the settings are not what it needs.
    pub fn named(name: &str, settings: &Settings) -> Result<Self, ExplainError> {
        let known = KNOWN.iter().find(|known| known.name == name).ok_or_else(|| {
            let nearest = nearest(name, KNOWN.iter().map(|known| known.name));
            ExplainError::UnknownMethod { name: name.to_owned(), nearest }
        })?;
        let in_order = |[low, high]: [f64; 2]| low <= 0.0 && 0.0 <= high && low < high;
        if let Some([low, high]) = settings.bounds.filter(|bounds| !in_order(*bounds)) {
            let what = format!(
                "[{low}, {high}] is no box of inputs: its low must be at most 0 and its high at least 0"
            );
            return Err(ExplainError::Method(what));
        }
        let method = (known.make)(settings)?;
        method.check()?;
        Ok(method)
    }
}
