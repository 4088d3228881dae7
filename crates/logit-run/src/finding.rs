//! Findings of checks, as they are kept in a run's folder.

use std::path::Path;

use logit_spec::{At, Fault, Finding, Level};
use serde::{Deserialize, Serialize};

use crate::error::RunError;

/// Where in a run a check found something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RunPlace {
    /// In a training step.
    Step {
        /// The step from which on it was certain.
        step: u64,
    },
    /// In the data, before training; what is not known is absent.
    Data {
        /// The row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<u64>,
        /// The column, by its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<String>,
    },
}

impl RunPlace {
    /// The data as a whole.
    pub const DATA: Self = Self::Data { row: None, column: None };

    /// The training step, if it is one.
    pub fn step(&self) -> Option<u64> {
        match self {
            Self::Step { step } => Some(*step),
            Self::Data { .. } => None,
        }
    }
}

/// What a check found, and where in the run.
pub type Found = At<RunPlace>;

/// What is said where a recording, or what was found, cannot be read.
pub(crate) fn not_read(error: &RunError) -> Found {
    let finding = Finding {
        level: Level::Error,
        fault: Fault::Named("not-read".to_owned()),
        message: error.to_string(),
        reason: "what cannot be read was not judged: nothing is known of the training from it".to_owned(),
        fix: "put the file back from a copy, or have it written as docs/recording-format.md says".to_owned(),
    };
    finding.at(RunPlace::DATA)
}

/// What is said where a recording, or what was found, cannot be kept: training goes on without.
pub(crate) fn not_recorded(message: impl Into<String>) -> Found {
    let finding = Finding {
        level: Level::Warning,
        fault: Fault::Named("not-recorded".to_owned()),
        message: message.into(),
        reason: "no number of the training depends on what is recorded of it: training goes on".to_owned(),
        fix: "nothing is to be done for the training; `logit check` and `logit watch` see what is whole"
            .to_owned(),
    };
    finding.at(RunPlace::DATA)
}

/// What is said where a file of metrics is not what was written: training goes on.
pub(crate) fn metrics_lost(path: &Path, reason: &str) -> Found {
    let finding = Finding {
        level: Level::Warning,
        fault: Fault::Named("metrics-damaged".to_owned()),
        message: format!("{} is damaged: {reason}", path.display()),
        reason: "the curves of the report are drawn from it; weights and scores do not depend on it, and training goes on"
            .to_owned(),
        fix: "do not trust the curves up to here; train a new run if you need them".to_owned(),
    };
    finding.at(RunPlace::DATA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_are_read_back() {
        let of_data = r#"{"level":"warning","name":"unreadable-cells","message":"m","reason":"r","fix":"f"}"#;
        let of_step = r#"{"step":3,"level":"error","rule":2,"name":"activation-before-logits-loss","message":"m","reason":"r","fix":"f"}"#;
        let of_column =
            r#"{"column":"age","level":"warning","name":"n","message":"m","reason":"r","fix":"f"}"#;
        for (text, step) in [(of_data, None), (of_step, Some(3)), (of_column, None)] {
            let found: Found = serde_json::from_str(text).unwrap();
            assert_eq!(found.place.step(), step);
            assert_eq!(serde_json::to_string(&found).unwrap(), text);
        }
    }
}
