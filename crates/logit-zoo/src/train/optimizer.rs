//! From the recipe to optimisers and Burn's schedules.

use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::ModuleOptimizer;
use logit::optim::{Adam, Sgd};

use super::error::TrainError;
use crate::recipe::{MAX_STEPS, Optimizer, Schedule, TrainConfig};

/// Burn's own value, kept where Adam's authors and PyTorch have 1e-8: the recipes' figures were reached with it.
const EPSILON: f32 = 1e-5;

/// The recipe's optimiser.
pub(crate) fn optimizer(config: &TrainConfig) -> ModuleOptimizer {
    let decay = config.weight_decay as f32;
    match config.optimizer {
        Optimizer::Adam => Adam::new().with_epsilon(EPSILON).with_weight_decay(decay).init(),
        Optimizer::Sgd => Sgd::new().with_momentum(config.momentum as f32).with_weight_decay(decay).init(),
    }
}

/// The learning rates of all `steps` steps, by Burn's schedules.
pub(crate) fn learning_rates(config: &TrainConfig, steps: u64) -> Result<Vec<f64>, TrainError> {
    let impossible = |reason: String| TrainError::Schedule { reason };
    if steps > MAX_STEPS {
        return Err(impossible(format!(
            "{steps} steps are more than {MAX_STEPS}; lower `train.epochs` or raise `train.batch_size`"
        )));
    }
    match config.schedule {
        Schedule::Constant => Ok(vec![config.learning_rate; steps as usize]),
        Schedule::Cosine => {
            let schedule = CosineAnnealingLrSchedulerConfig::new(config.learning_rate, steps as usize);
            let mut schedule = schedule.init().map_err(impossible)?;
            Ok((0..steps).map(|_| schedule.step().base()).collect())
        }
    }
}
