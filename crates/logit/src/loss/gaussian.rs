//! Gaussian likelihood: a mean and a variance for each value.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::logits_of::LogitsOf;
use super::options::positive;
use super::reduction::{Loss, Reduction, Terms, nothing_counted, reduce};
use super::targets::{self, TargetForm, TargetsFor};
use crate::error::LossError;
use crate::kind::{Gaussian, Values};
use crate::logits::Logits;
use crate::math::accumulate;

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

    /// The least variance, above 0, in squared units of the target.
    pub fn with_eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether the constant `½ ln 2π` is added.
    pub fn with_full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// Mean or sum.
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss as one number.
    ///
    /// # Shapes
    /// - logits: `[N, 2T]` or `[N, 2T, d…]`: T means, then T log variances
    /// - targets: `[N, T]` or `[N, T, d…]`
    ///
    /// # Errors
    /// A target that is not finite, shapes that do not agree, an option out of its range.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Values<Gaussian>, D>,
        targets: impl TargetsFor<Values<Gaussian>, D>,
    ) -> Result<Loss, LossError> {
        let logits = logits.into_logits();
        let counted = logits.dims().iter().product::<usize>() / 2;
        let terms = self.terms(logits.clone(), targets.form())?;
        if counted == 0 {
            // Burn does not track the halves of an empty tensor.
            return Ok(Loss::nothing(accumulate(logits.into_tensor()), nothing_counted()));
        }
        Ok(reduce(terms, self.reduction, counted))
    }

    /// The loss of each value, `[N, T, d…]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Values<Gaussian>, D>,
        targets: impl TargetsFor<Values<Gaussian>, D>,
    ) -> Result<Tensor<D>, LossError> {
        Ok(self.terms(logits.into_logits(), targets.form())?.values)
    }

    fn terms<const D: usize>(
        &self,
        logits: Logits<Values<Gaussian>, D>,
        targets: TargetForm<D>,
    ) -> Result<Terms<D>, LossError> {
        positive("eps", self.eps)?;
        let values = logits.kind().count;
        let mut expected = logits.dims();
        expected[1] = values;
        let logits = accumulate(logits.into_tensor());
        let targets = targets::real(targets.dense(), expected, &logits)?;
        let mean = logits.clone().narrow(1, 0, values);
        let log_variance = logits.narrow(1, values, values).clamp_min(self.eps.ln());
        let constant = if self.full { (2.0 * std::f64::consts::PI).ln() } else { 0.0 };
        let scaled = (targets - mean).square() * log_variance.clone().neg().exp();
        let terms = (log_variance + scaled).add_scalar(constant).mul_scalar(0.5);
        Ok(Terms { values: terms, denominator: expected.iter().product::<usize>() as f64 })
    }
}
