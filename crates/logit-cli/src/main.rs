//! The command `logit`: a thin layer over `logit-zoo`.
//!
//! Floors, from the ground up: `args`, `output`, `failure`, `progress`, `dashboard`, `watch`, `commands`.

mod args;
mod commands;
mod dashboard;
mod failure;
mod output;
mod progress;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(args::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
