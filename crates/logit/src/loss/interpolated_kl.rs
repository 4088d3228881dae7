//! Interpolated KL divergence: a real grade against a softmax over steps.

use burn::tensor::{Tensor, activation::log_softmax};
use logit_kernels::loss::{Shape, interpolated_kl};
use serde::{Deserialize, Serialize};

use super::plumbing::{
    Checked, Kernel, LogitsOf, Loss, LossOn, Reduction, TargetForm, TargetsFor, Terms, forward_methods,
    option_methods, places_of,
};
use crate::error::LossError;
use crate::kind::Grades;
use crate::math::along_units;
use crate::ops::operation::array_of;

/// KL divergence from the softmax to the target spread over its two neighbouring steps.
///
/// A target at place `s` on the scale (0 at the first step, K−1 at the last) becomes the distribution
/// `t_k = max(0, 1 − |k − s|)`: a grade of 2.33 on steps 0…5 is 0.67 of step 2 and 0.33 of step 3, and its expected
/// value is 2.33 again. Then `loss = Σ_k t_k (ln t_k − ln p_k)`, averaged over the positions
/// (Tai, Socher, Manning 2015, <https://arxiv.org/abs/1503.00075>, section 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct InterpolatedKlLoss {
    reduction: Reduction,
}

impl InterpolatedKlLoss {
    /// The mean divergence.
    pub fn new() -> Self {
        Self::default()
    }

    option_methods! {
        /// Mean or sum.
        with_reduction(reduction: Reduction);
    }

    forward_methods! {
        on Grades;
        /// # Shapes
        /// - logits: `[N, K]` or `[N, K, d…]`
        /// - targets: `[N]` or `[N, d…]`, in units of the scale
        ///
        /// # Errors
        /// A target outside the scale, shapes that do not agree.
        forward;
        /// The loss of each position, `[N, 1, d…]`.
        forward_no_reduction -> Tensor<D>;
    }
}

impl LossOn<Grades> for InterpolatedKlLoss {
    /// Places on the scale, `[N, 1, d…]`.
    type Targets<const D: usize> = Tensor<D>;

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_targets<const D: usize>(
        &self,
        grades: &Grades,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Tensor<D>>, LossError> {
        Ok(Checked::all(places_of(targets.dense(), grades, logits)?))
    }

    fn kernel<const D: usize>(&self, shape: Shape, places: Tensor<D>) -> Result<Kernel, Tensor<D>> {
        let places = array_of(places);
        Ok(Kernel::per_position(move |pass, scales, losses| {
            interpolated_kl(shape, pass, places.numbers(), scales.surprise, losses).into()
        }))
    }

    fn composed<const D: usize>(&self, grades: &Grades, logits: Tensor<D>, places: Tensor<D>) -> Terms<D> {
        let steps = along_units(&grades.places(), &logits);
        let spread = (steps - places).abs().neg().add_scalar(1.0).clamp_min(0.0);
        // 0 · ln 0 counts as 0: the bound only keeps the logarithm finite where it is multiplied by 0.
        let log_spread = spread.clone().clamp_min(1e-30).log();
        (spread * (log_spread - log_softmax(logits, 1))).sum_dim(1).into()
    }
}
