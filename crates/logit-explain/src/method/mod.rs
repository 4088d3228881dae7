//! What explains: relevance by a composite, or a method that asks the network at other inputs than the one explained.
//!
//! `known` has them by name; `variants` runs a network at many inputs, a bounded number at a time; the others are a method
//! each.

mod grad_cam;
mod gradient_input;
mod integrated;
mod known;
mod occlusion;
mod smooth_grad;
pub(crate) mod variants;

pub use known::{KNOWN, Known, Settings};

use crate::account::Account;
use crate::array::Array;
use crate::composite::Composite;
use crate::error::ExplainError;
use crate::explainer::{Explainer, Relevances, sums};
use crate::network::{Network, Pass};
use crate::number::Number;
use crate::op::Op;
use crate::target::Target;
use variants::Asked;

/// A way to explain what a network computed.
///
/// Inputs that hold whole numbers of rows, as of words and categories, are left as they are by those that ask the network at
/// other inputs, and have relevance 0 there: the number of a row can be neither halved nor shaken.
///
/// ```
/// use logit_explain::method::{Method, Settings};
///
/// let method = Method::named("integrated-gradients", &Settings::default())?;
/// assert_eq!(method, Method::IntegratedGradients { steps: 64, baseline: 0.0 });
/// let error = Method::named("integrated-gradient", &Settings::default()).unwrap_err();
/// assert!(error.to_string().contains("`integrated-gradients`"));
/// # Ok::<(), logit_explain::ExplainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// What a composite's rules hand down, or a gradient.
    Relevance(Composite),
    /// `x_i ∂f/∂x_i`; of the number of a row that an embedding reads, the row times its gradient, summed.
    GradientTimesInput,
    /// `(x_i − x'_i) · 1/n Σ_k ∂f/∂x_i (x' + (k + ½)/n (x − x'))` (Sundararajan et al. 2017): the sum is `f(x) − f(x')` but for
    /// the error of `n` steps, which [`Account::errors`] tells.
    IntegratedGradients {
        /// `n`.
        steps: usize,
        /// `x'`, everywhere.
        baseline: f64,
    },
    /// The mean of the gradients at inputs with normal noise added (Smilkov et al. 2017).
    SmoothGrad {
        /// How many.
        samples: usize,
        /// The noise's deviation, as a share of the sample's range `max x − min x`.
        noise: f64,
        /// From which the noise is drawn. All samples of a batch have the same, by their own ranges.
        seed: u64,
    },
    /// The maps that a step gave, weighted by their mean gradients: `Σ_c a_c · mean ∂f/∂a_c`, at least 0 if rectified
    /// (Selvaraju et al. 2017). The step's own map is a layer of what comes out; inputs have it enlarged bilinearly to their
    /// size, spread evenly over their channels.
    GradCam {
        /// The step; the last convolution if none.
        layer: Option<String>,
        /// Whether what speaks against the target is left out.
        rectified: bool,
    },
    /// By how much the value drops where a window is covered: for each number the mean of `f(x) − f(x covered)` over the windows
    /// that cover it (Zeiler and Fergus 2014). A last window reaches the edge; what no window covers has 0.
    Occlusion {
        /// The window's sizes along the last axes of a sample; along those before, it has all. `[height, width]` covers all
        /// channels.
        window: Vec<usize>,
        /// From one window to the next, as many.
        stride: Vec<usize>,
        /// What stands in the window.
        baseline: f64,
    },
}

/// A method and a network, with all that does not depend on an input computed once.
///
/// ```
/// use std::sync::Arc;
///
/// use logit_explain::map::Map;
/// use logit_explain::op::Weighted;
/// use logit_explain::{Array, Method, Network, Node, Op, Target};
///
/// let map = Map::Dense { inputs: 2, units: 1 };
/// let op = Op::Weighted(Weighted { map, weight: Arc::new(vec![3.0, 1.0]), bias: None });
/// let node = Node { name: "value".to_owned(), op, inputs: vec![0], outputs: vec![1] };
/// let network = Network::<f64>::new(vec![node], vec![("x".to_owned(), 0)], 1)?;
///
/// let occlusion = Method::Occlusion { window: vec![1], stride: vec![1], baseline: 0.0 };
/// let prepared = occlusion.prepare(network)?;
/// let x = Array::new([1, 2], vec![0.5, 2.0]);
/// let found = prepared.explain_inputs(&[x], &[Target::Logit { unit: 0 }])?;
/// assert_eq!(found.inputs[0].1.numbers, [1.5, 2.0]);
/// # Ok::<(), logit_explain::ExplainError>(())
/// ```
pub struct PreparedMethod<T> {
    method: Method,
    explainer: Explainer<T>,
}

impl Method {
    /// The method for a network.
    ///
    /// # Errors
    /// A step has no rule, a step that was named is not there, or the settings are none.
    pub fn prepare<T: Number>(self, network: Network<T>) -> Result<PreparedMethod<T>, ExplainError> {
        self.check()?;
        if let Self::GradCam { layer, .. } = &self {
            value_of(&network, layer.as_deref())?;
        }
        if self.changes_inputs() && network.row_numbers().into_iter().all(|rows| rows) {
            return Err(ExplainError::Method(
                "all inputs of the network are numbers of rows, which cannot be changed by small amounts: choose a \
                 composite, or `gradient-x-input`"
                    .to_owned(),
            ));
        }
        let composite = match &self {
            Self::Relevance(composite) => composite.clone(),
            _ => Composite::gradient(),
        };
        Ok(PreparedMethod { explainer: Explainer::new(network, composite)?, method: self })
    }

    fn changes_inputs(&self) -> bool {
        matches!(self, Self::IntegratedGradients { .. } | Self::SmoothGrad { .. } | Self::Occlusion { .. })
    }

    fn check(&self) -> Result<(), ExplainError> {
        let fault = match self {
            Self::IntegratedGradients { steps: 0, .. } => "integrated gradients need at least 1 step",
            Self::SmoothGrad { samples: 0, .. } => "SmoothGrad needs at least 1 sample",
            Self::SmoothGrad { noise, .. } if !(noise.is_finite() && *noise >= 0.0) => {
                "SmoothGrad's noise is a share of the input's range, and at least 0"
            }
            Self::IntegratedGradients { baseline, .. } | Self::Occlusion { baseline, .. }
                if !baseline.is_finite() =>
            {
                "the baseline is no finite number"
            }
            Self::Occlusion { window, stride, .. }
                if window.is_empty()
                    || window.len() != stride.len()
                    || window.iter().chain(stride).any(|size| *size == 0) =>
            {
                "occlusion needs a window and a stride of at least 1 along the same axes"
            }
            _ => return Ok(()),
        };
        Err(ExplainError::Method(fault.to_owned()))
    }
}

impl<T: Number> PreparedMethod<T> {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The network.
    pub fn network(&self) -> &Network<T> {
        self.explainer.network()
    }

    /// Runs the network and explains what it gave: a target per sample, or one for all.
    ///
    /// # Errors
    /// As [`Network::run`] and [`explain`](Self::explain).
    pub fn explain_inputs(
        &self,
        inputs: &[Array<T>],
        targets: &[Target],
    ) -> Result<Relevances<T>, ExplainError> {
        self.explain(&self.network().run(inputs)?, targets, &[])
    }

    /// Explains a pass, of this network or of the one that it stands for. Relevance is walked back through the pass itself;
    /// a method that asks at other inputs takes the pass's inputs and runs the network at those. What is kept of `layers` is as
    /// with [`Explainer::explain`]; only composites have it.
    ///
    /// # Errors
    /// A target that the output does not have, a step that is not there or has no relevance, or numbers that are not finite.
    pub fn explain(
        &self,
        pass: &Pass<T>,
        targets: &[Target],
        layers: &[&str],
    ) -> Result<Relevances<T>, ExplainError> {
        let explainer = &self.explainer;
        let asked = || Asked::new(explainer.network(), pass, targets);
        match &self.method {
            Method::Relevance(_) => explainer.explain(pass, targets, layers),
            _ if !layers.is_empty() => Err(ExplainError::Method(
                "only composites tell the relevance of steps; this method tells that of inputs".to_owned(),
            )),
            Method::GradientTimesInput => gradient_input::explain(explainer, pass, targets),
            Method::IntegratedGradients { steps, baseline } => {
                integrated::explain(explainer, &asked()?, *steps, *baseline)
            }
            Method::SmoothGrad { samples, noise, seed } => {
                smooth_grad::explain(explainer, &asked()?, *samples, *noise, *seed)
            }
            Method::GradCam { layer, rectified } => {
                grad_cam::explain(explainer, pass, targets, layer.as_deref(), *rectified)
            }
            Method::Occlusion { window, stride, baseline } => {
                occlusion::explain(&asked()?, window, stride, *baseline)
            }
        }
    }
}

/// The step of a name, or the last convolution, and what it gives.
fn value_of<'a, T: Number>(
    network: &'a Network<T>,
    name: Option<&'a str>,
) -> Result<(&'a str, usize), ExplainError> {
    let convolves = |op: &Op<T>| matches!(op.name(), "conv2d" | "conv_transpose2d");
    let last = || network.nodes().iter().rfind(|node| convolves(&node.op)).map(|node| node.name.as_str());
    let name = name.or_else(last).ok_or_else(|| {
        ExplainError::Method("Grad-CAM weighs the maps of a convolution, and the network has none".to_owned())
    })?;
    Ok((name, network.value_of(name)?))
}

/// What a method tells of a network's inputs, with how much of the values it adds up to.
fn told<T: Number>(network: &Network<T>, maps: Vec<Array<T>>, started: Vec<f64>) -> Relevances<T> {
    let names = network.inputs().iter().map(|(name, _)| name.clone());
    let inputs: Vec<_> = names.zip(maps).collect();
    let (arrived, lowest) = sums(&inputs, started.len());
    let account = Account { started, arrived, lowest, steps: Vec::new() };
    Relevances { inputs, layers: Vec::new(), account, findings: Vec::new() }
}
