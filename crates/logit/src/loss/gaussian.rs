//! Gaussian likelihood: a mean and a variance for each value.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, LogitsOf, Loss, LossOn, Reduction, TargetForm, TargetsFor, Terms, forward_methods,
    option_methods, positive, real,
};
use crate::error::LossError;
use crate::kind::{Gaussian, Values};

/// Negative log likelihood of a normal distribution whose mean and log variance `s` the network gives:
///
/// ```text
/// loss = ½ ( s + (y − mean)² · e^−s ) [ + ½ ln 2π ]
/// ```
///
/// PyTorch's `GaussianNLLLoss` with `var = e^s`: the network gives the log variance, so no activation has to keep
/// the variance positive. `eps` (1e-6) bounds the variance from below; where it binds, the gradient of `s` is 0.
/// `full` (false) adds the constant. (Nix and Weigend 1994.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct GaussianLoss {
    eps: f64,
    full: bool,
    reduction: Reduction,
}

impl Default for GaussianLoss {
    fn default() -> Self {
        Self { eps: 1e-6, full: false, reduction: Reduction::Mean }
    }
}

impl GaussianLoss {
    /// The mean negative log likelihood, without its constant.
    pub fn new() -> Self {
        Self::default()
    }

    option_methods! {
        /// The least variance, above 0, in squared units of the target.
        with_eps(eps: f64);
        /// Whether the constant `½ ln 2π` is added.
        with_full(full: bool);
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Values<Gaussian>;
        /// # Shapes
        /// - logits: `[N, 2T]` or `[N, 2T, d…]`: T means, then T log variances
        /// - targets: `[N, T]` or `[N, T, d…]`
        ///
        /// # Errors
        /// A target that is not finite, shapes that do not agree, an option out of its range.
        forward;
        /// The loss of each value, `[N, T, d…]`.
        forward_no_reduction -> Tensor<D>;
    }
}

impl LossOn<Values<Gaussian>> for GaussianLoss {
    /// `[N, T, d…]`.
    type Targets<const D: usize> = Tensor<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self, _: &Values<Gaussian>) -> Result<(), LossError> {
        positive("eps", self.eps)
    }

    fn check_targets<const D: usize>(
        &self,
        kind: &Values<Gaussian>,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Tensor<D>>, LossError> {
        Ok(Checked::all(real(targets.dense(), kind.count, logits)?))
    }

    fn composed<const D: usize>(
        &self,
        kind: &Values<Gaussian>,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Terms<D> {
        let mean = logits.clone().narrow(1, 0, kind.count);
        let log_variance = logits.narrow(1, kind.count, kind.count).clamp_min(self.eps.ln());
        let constant = if self.full { (2.0 * std::f64::consts::PI).ln() } else { 0.0 };
        let scaled = (targets - mean).square() * log_variance.clone().neg().exp();
        (log_variance + scaled).add_scalar(constant).mul_scalar(0.5).into()
    }
}
