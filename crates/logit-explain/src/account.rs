//! What became of the relevance.

use serde::Serialize;

/// How much relevance started, how much arrived, and where the rest stayed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// What started, per sample: the value that is explained.
    pub started: Vec<f64>,
    /// What arrived at the network's inputs, per sample. A network whose inputs are not rows of samples has one sum over all.
    pub arrived: Vec<f64>,
    /// The lowest relevance of an input, per sample as above.
    pub lowest: Vec<f64>,
    /// The steps in the order in which relevance passed them: what came in from above, and what was handed down.
    pub steps: Vec<StepAccount>,
}

/// The relevance that passed a step, summed over the batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepAccount {
    /// The step.
    pub step: String,
    /// What it computes.
    pub kind: String,
    /// The rule that it had, where it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What arrived at its outputs.
    pub arrived: f64,
    /// What was handed down to its inputs; the rest went to biases, stabilisers, or zeros that nothing feeds.
    pub handed: f64,
}

impl Account {
    /// `|Σ R − f| / |f|` of each sample; 0 where both are 0, and infinite where relevance came from nothing.
    pub fn errors(&self) -> Vec<f64> {
        let starts: Vec<f64> = if self.arrived.len() == self.started.len() {
            self.started.clone()
        } else {
            vec![self.started.iter().sum()]
        };
        self.arrived.iter().zip(starts).map(|(arrived, started)| apart(*arrived, started)).collect()
    }

    /// The greatest of the errors.
    pub fn worst_error(&self) -> f64 {
        self.errors().into_iter().fold(0.0, f64::max)
    }

    /// The lowest relevance of all samples.
    pub fn lowest(&self) -> f64 {
        self.lowest.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// `|Σ R − f| / |f|` of what arrived and what started; 0 where both are 0, and infinite where relevance came from nothing.
pub fn apart(arrived: f64, started: f64) -> f64 {
    let apart = (arrived - started).abs();
    if apart == 0.0 { 0.0 } else { apart / started.abs() }
}
