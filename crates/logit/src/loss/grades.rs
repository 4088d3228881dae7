//! Interpolated KL divergence: a real grade against a softmax over steps.

use burn::tensor::{Tensor, activation::log_softmax};
use logit_kernels::loss::{Place, interpolated_kl};
use logit_kernels::softmax::Shape;
use serde::{Deserialize, Serialize};

use super::fused::{self, Kernel};
use super::logits_of::LogitsOf;
use super::reduction::{Loss, Reduction, Terms, reduce};
use super::targets::{self, TargetForm, TargetsFor};
use crate::error::LossError;
use crate::kind::Grades;
use crate::logits::Logits;
use crate::math::{accumulate, along_units};
use crate::ops::array::Array;
use crate::ops::operation::{array_of, fits};

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

    /// Mean or sum.
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss as one number.
    ///
    /// # Shapes
    /// - logits: `[N, K]` or `[N, K, d…]`
    /// - targets: `[N]` or `[N, d…]`, in units of the scale
    ///
    /// # Errors
    /// A target outside the scale, shapes that do not agree.
    pub fn forward<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades, D>,
        targets: impl TargetsFor<Grades, D>,
    ) -> Result<Loss, LossError> {
        let (logits, places) = placed(logits.into_logits(), targets.form())?;
        let counted = places.dims().iter().product::<usize>();
        if fits(&logits) {
            let scale = self.reduction.factor(counted as f64) as f32;
            let value = fused::reduced(KlKernel::new(&logits, places, scale), logits);
            return Ok(Loss { value, counted, finding: self.reduction.finding(counted, counted as f64) });
        }
        Ok(reduce(terms(logits, places), self.reduction, counted))
    }

    /// The loss of each position, `[N, 1, d…]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: impl LogitsOf<Grades, D>,
        targets: impl TargetsFor<Grades, D>,
    ) -> Result<Tensor<D>, LossError> {
        let (logits, places) = placed(logits.into_logits(), targets.form())?;
        if fits(&logits) {
            let dims = places.dims();
            return Ok(fused::each(KlKernel::new(&logits, places, 1.0), logits, dims));
        }
        Ok(terms(logits, places).values)
    }
}

/// The logits in the type that the loss is computed in, and the places of the targets on the scale.
fn placed<const D: usize>(
    logits: Logits<Grades, D>,
    targets: TargetForm<D>,
) -> Result<(Tensor<D>, Tensor<D>), LossError> {
    let grades = logits.kind().clone();
    let logits = accumulate(logits.into_tensor());
    let places = targets::steps_of(targets.dense(), &grades, &logits)?;
    Ok((logits, places))
}

/// The loss with its targets, for our kernels.
#[derive(Clone, Debug)]
struct KlKernel {
    shape: Shape,
    places: Array,
    scale: f32,
}

impl KlKernel {
    fn new<const D: usize>(logits: &Tensor<D>, places: Tensor<D>, scale: f32) -> Self {
        Self { shape: fused::shape_of(logits), places: array_of(places), scale }
    }
}

impl Kernel for KlKernel {
    fn reduced(&self, place: Place<'_, f32>) -> f64 {
        interpolated_kl(self.shape, place, self.places.numbers(), self.scale, None) * f64::from(self.scale)
    }

    fn each(&self, place: Place<'_, f32>, losses: &mut [f32]) {
        interpolated_kl(self.shape, place, self.places.numbers(), 1.0, Some(losses));
    }
}

fn terms<const D: usize>(logits: Tensor<D>, places: Tensor<D>) -> Terms<D> {
    let positions = places.dims().iter().product::<usize>();
    let steps: Vec<f64> = (0..logits.dims()[1]).map(|step| step as f64).collect();
    let spread = (along_units(&steps, &logits) - places).abs().neg().add_scalar(1.0).clamp_min(0.0);
    // 0 · ln 0 counts as 0: the bound only keeps the logarithm finite where it is multiplied by 0.
    let log_spread = spread.clone().clamp_min(1e-30).log();
    let values = (spread * (log_spread - log_softmax(logits, 1))).sum_dim(1);
    Terms { values, denominator: positions as f64 }
}
