//! Telemetry of tensors: what [`logit_run::telemetry`] reads from slices.

use burn::tensor::{Int, Tensor};
use logit::tape::Tape;

pub use logit_run::check::{Checks, Outcome, RuleOutcome};
pub use logit_run::telemetry::{
    Facts, Frame, Layer, Map, Output, OutputSeen, SampleSeen, Shown, Telemetry, TelemetryLog, Truth,
};
pub use logit_run::{Input, Picture, Sample, Subject, Watched};

use crate::error::ZooError;

/// Facts read from tensors.
pub(crate) trait FactsOfTensors: Sized {
    /// Of what a pass gave, where its tape has statistics.
    fn on<const D: usize>(
        tape: &Tape,
        output: &Tensor<D>,
        truth: impl FnOnce() -> Result<Truth, ZooError>,
    ) -> Result<Option<Self>, ZooError>;
}

impl FactsOfTensors for Facts {
    fn on<const D: usize>(
        tape: &Tape,
        output: &Tensor<D>,
        truth: impl FnOnce() -> Result<Truth, ZooError>,
    ) -> Result<Option<Self>, ZooError> {
        // A step that is recorded for its samples alone is not looked at as a whole.
        if tape.recorded().iter().all(|value| value.statistics().is_none()) {
            return Ok(None);
        }
        let dims = output.dims();
        let numbers: Vec<f32> = output.clone().without_autodiff().try_into_vec_as()?;
        let output = Output::maps(&numbers, dims[1], dims[2..].iter().product());
        Ok(Some(Self::of(&output, &truth()?)))
    }
}

/// Truth read from tensors.
pub(crate) trait TruthOfTensors: Sized {
    /// Class indices, `[N, d…]`.
    fn classes<const D: usize>(targets: &Tensor<D, Int>) -> Result<Self, ZooError>;
}

impl TruthOfTensors for Truth {
    fn classes<const D: usize>(targets: &Tensor<D, Int>) -> Result<Self, ZooError> {
        let classes: Vec<i64> = targets.clone().try_into_vec_as()?;
        // One that is ignored is none of the classes.
        Ok(Self::Classes(
            classes.into_iter().map(|class| usize::try_from(class).unwrap_or(usize::MAX)).collect(),
        ))
    }
}
