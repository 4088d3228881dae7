//! How the command ends when it cannot do what was asked.

use std::io;
use std::process::ExitCode;

use logit_run::RunError;
use logit_zoo::{RecipeError, ZooError};

use crate::output;

/// The exit code of a program that Ctrl-C ended, as shells count.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why the command could not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked wrongly: exit code 2.
    Usage(String),
    /// It failed: exit code 1.
    Failed(String),
    /// A recipe cannot be used, some lines of which are quoted: an exit code, and what is said, line by line.
    Recipe(u8, Vec<String>),
    /// It was told to stop before its end, and what was done is kept: exit code 130, and all is said.
    Interrupted,
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
            Self::Recipe(code, lines) => {
                lines.iter().for_each(|line| output::note(format_args!("{line}")));
                ExitCode::from(code)
            }
            Self::Interrupted => ExitCode::from(INTERRUPTED),
            Self::Found => ExitCode::FAILURE,
            Self::ReaderGone => ExitCode::SUCCESS,
        }
    }
}

impl From<ZooError> for Failure {
    fn from(error: ZooError) -> Self {
        match error {
            ZooError::Recipe(error) => error.into(),
            ZooError::RunRecipe(error) => of_recipe(error, 1),
            error if error.is_usage() => Self::Usage(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        of_recipe(error, 2)
    }
}

/// The lines that an error quotes stay lines; what it says of them, as all else, is one.
fn of_recipe(error: RecipeError, code: u8) -> Failure {
    let lines = match error {
        RecipeError::Parse { origin, excerpt, message } => {
            // A tab is one column of the mark below the line that is quoted.
            let quoted = excerpt.replace('\t', " ");
            let mut lines: Vec<String> = quoted.lines().map(str::to_owned).chain([message]).collect();
            lines[0] = format!("error: {origin}: {}", lines[0]);
            lines
        }
        error => vec![format!("error: {error}")],
    };
    Failure::Recipe(code, lines)
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
