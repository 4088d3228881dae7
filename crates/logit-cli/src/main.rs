//! The command `logit`: a thin layer over `logit-zoo`.
//!
//! Floors, from the ground up: `output`, `args`, `failure`, `progress`, `dashboard`, `record`, `watch`, `commands`.

mod args;
mod commands;
mod dashboard;
mod failure;
mod output;
mod progress;
mod record;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(output::note_panic));
    match commands::run(args::Args::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
