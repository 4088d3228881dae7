//! A loss on a kind of answer: what each loss gives, and what follows from it for all of them.

use burn::tensor::Tensor;
use logit_kernels::loss::{Scales, Shape};

use super::kernel::{self, Kernel};
use super::reduction::{Loss, Reduction};
use super::targets::{Checked, TargetForm};
use crate::error::LossError;
use crate::kind::Kind;
use crate::logits::Logits;
use crate::math::accumulate;
use crate::ops::operation::fits;

/// A loss of each position or entry of logits of kind `K`.
///
/// A loss says what its targets are and gives its formula in Burn's operations; it may give a kernel too, which then
/// computes it on the CPU in f32. [`reduced`](Self::reduced) and [`unreduced`](Self::unreduced) follow.
pub(in crate::loss) trait LossOn<K: Kind> {
    /// The targets that the formula and the kernel take.
    type Targets<const D: usize>;

    /// How the losses become one number.
    fn reduction(&self) -> Reduction;

    /// Whether the options are in range and fit the kind.
    fn check_options(&self, _kind: &K) -> Result<(), LossError> {
        Ok(())
    }

    /// Checks the targets against logits `[N, K, d…]`, and counts them.
    fn check_targets<const D: usize>(
        &self,
        kind: &K,
        logits: &Tensor<D>,
        targets: TargetForm<D>,
    ) -> Result<Checked<Self::Targets<D>>, LossError>;

    /// The loss for our kernels, or the targets back where there is no kernel.
    fn kernel<const D: usize>(
        &self,
        _shape: Shape,
        targets: Self::Targets<D>,
    ) -> Result<Kernel, Self::Targets<D>> {
        Err(targets)
    }

    /// The formula in Burn's operations.
    fn composed<const D: usize>(&self, kind: &K, logits: Tensor<D>, targets: Self::Targets<D>) -> Terms<D>;

    /// The loss as one number.
    fn reduced<const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: TargetForm<D>,
    ) -> Result<Loss, LossError> {
        let (kind, logits, targets) = checked(self, logits, targets)?;
        let Checked { targets, counted, denominator } = targets;
        let reduction = self.reduction();
        let finding = reduction.finding(counted, denominator);
        if logits.dims().contains(&0) {
            // Burn does not track the parts of an empty tensor.
            return Ok(Loss { value: logits.sum(), counted, finding });
        }
        let [factor, of_unweighted] = [denominator, counted as f64].map(|by| reduction.factor(by));
        let value = match by_kernel_or_formula(self, &kind, logits, targets) {
            Way::Kernel(kernel, logits) => {
                let scales = Scales { surprise: factor as f32, z: of_unweighted as f32 };
                kernel::reduced(kernel, logits, scales)
            }
            Way::Formula(terms) => {
                // Products, for Burn differentiates the division by a number in f32.
                let sum = terms.values.sum().mul_scalar(factor);
                match terms.unweighted {
                    Some(unweighted) => sum + unweighted.sum().mul_scalar(of_unweighted),
                    None => sum,
                }
            }
        };
        Ok(Loss { value, counted, finding })
    }

    /// The loss of each position (`[N, 1, d…]`) or entry, 0 where the target does not count.
    fn unreduced<const D: usize>(
        &self,
        logits: Logits<K, D>,
        targets: TargetForm<D>,
    ) -> Result<Tensor<D>, LossError> {
        let (kind, logits, targets) = checked(self, logits, targets)?;
        Ok(match by_kernel_or_formula(self, &kind, logits, targets.targets) {
            Way::Kernel(kernel, logits) => kernel::each(kernel, logits),
            Way::Formula(Terms { values, unweighted: Some(unweighted) }) => values + unweighted,
            Way::Formula(Terms { values, unweighted: None }) => values,
        })
    }
}

/// The losses of the positions or entries, 0 where the target does not count.
pub(in crate::loss) struct Terms<const D: usize> {
    /// Those whose mean divides by the denominator of the targets.
    pub(in crate::loss) values: Tensor<D>,
    /// What is added to them, whose mean divides by the number of targets that count, whatever these weigh.
    pub(in crate::loss) unweighted: Option<Tensor<D>>,
}

impl<const D: usize> From<Tensor<D>> for Terms<D> {
    fn from(values: Tensor<D>) -> Self {
        Self { values, unweighted: None }
    }
}

/// What computes a loss: a kernel of ours on these logits, or Burn's operations, which did.
#[expect(clippy::large_enum_variant, reason = "it is matched where it is made, and never kept")]
enum Way<const D: usize> {
    Kernel(Kernel, Tensor<D>),
    Formula(Terms<D>),
}

/// The kind, the logits in the type that the loss is computed in, and the targets, if all of them go together.
fn checked<K: Kind, L: LossOn<K> + ?Sized, const D: usize>(
    loss: &L,
    logits: Logits<K, D>,
    targets: TargetForm<D>,
) -> Result<(K, Tensor<D>, Checked<L::Targets<D>>), LossError> {
    let (logits, kind) = logits.into_parts();
    loss.check_options(&kind)?;
    let logits = accumulate(logits);
    let targets = loss.check_targets(&kind, &logits, targets)?;
    Ok((kind, logits, targets))
}

fn by_kernel_or_formula<K: Kind, L: LossOn<K> + ?Sized, const D: usize>(
    loss: &L,
    kind: &K,
    logits: Tensor<D>,
    targets: L::Targets<D>,
) -> Way<D> {
    let targets = if fits(&logits) {
        match loss.kernel(kernel::shape_of(&logits), targets) {
            Ok(kernel) => return Way::Kernel(kernel, logits),
            Err(targets) => targets,
        }
    } else {
        targets
    };
    Way::Formula(loss.composed(kind, logits, targets))
}
