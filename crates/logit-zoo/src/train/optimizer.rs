//! From the recipe to Burn's optimisers and schedules.

use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, ModuleOptimizer, SgdConfig};

use crate::error::ZooError;
use crate::recipe::{MAX_STEPS, Optimizer, Schedule, TrainConfig};

/// The recipe's optimiser.
pub(crate) fn optimizer(config: &TrainConfig) -> ModuleOptimizer {
    let decay = (config.weight_decay > 0.0).then(|| WeightDecayConfig::new(config.weight_decay as f32));
    match config.optimizer {
        Optimizer::Adam => AdamConfig::new().with_weight_decay(decay).init(),
        Optimizer::Sgd => {
            let momentum = (config.momentum > 0.0)
                .then(|| MomentumConfig::new().with_momentum(config.momentum).with_dampening(0.0));
            SgdConfig::new().with_weight_decay(decay).with_momentum(momentum).init()
        }
    }
}

/// The learning rates of all `steps` steps, by Burn's schedules.
pub(crate) fn learning_rates(config: &TrainConfig, steps: u64) -> Result<Vec<f64>, ZooError> {
    let reason = |reason: String| ZooError::Schedule { reason };
    if steps > MAX_STEPS {
        let told = format!(
            "{steps} steps are more than {MAX_STEPS}; lower `train.epochs` or raise `train.batch_size`"
        );
        return Err(reason(told));
    }
    match config.schedule {
        Schedule::Constant => Ok(vec![config.learning_rate; steps as usize]),
        Schedule::Cosine => {
            let schedule = CosineAnnealingLrSchedulerConfig::new(config.learning_rate, steps as usize);
            let mut schedule = schedule.init().map_err(reason)?;
            Ok((0..steps).map(|_| schedule.step().base()).collect())
        }
    }
}
