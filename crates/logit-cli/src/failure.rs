//! How the command ends when it cannot do what was asked.

use std::io;
use std::process::ExitCode;

use logit_run::RunError;
use logit_zoo::{RecipeError, ZooError};

use crate::output;

/// Why the command could not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked wrongly: exit code 2.
    Usage(String),
    /// It failed: exit code 1.
    Failed(String),
    /// What was looked at is not right: exit code 1, and all is said.
    Found,
    /// The reader of the output went away: no failure.
    ReaderGone,
}

impl Failure {
    /// Tells it on standard error, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                output::note(format_args!("error: {message}"));
                ExitCode::from(2)
            }
            Self::Failed(message) => {
                output::note(format_args!("error: {message}"));
                ExitCode::FAILURE
            }
            Self::Found => ExitCode::FAILURE,
            Self::ReaderGone => ExitCode::SUCCESS,
        }
    }
}

impl From<ZooError> for Failure {
    fn from(error: ZooError) -> Self {
        if error.is_usage() { Self::Usage(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!("standard output: {error}")),
        }
    }
}
