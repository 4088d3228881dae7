//! A file a command.

mod eval;
mod heads;
mod predict;
mod recipes;
mod study;
mod train;

use std::path::PathBuf;

use clap::CommandFactory;
use logit_zoo::Source;

use crate::args::{Args, Command, Study};
use crate::failure::Failure;

/// Does what was asked.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let json = args.json;
    match args.command {
        Command::Train(train) => train::run(train, json),
        Command::Eval(eval) => eval::run(&eval, json),
        Command::Predict(predict) => predict::run(&predict, json),
        Command::Recipes { name } => recipes::run(name.as_deref(), json),
        Command::Heads => heads::run(json),
        Command::Study(Study::Activations(activations)) => study::activations(&activations, json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "logit", &mut script);
            Ok(crate::output::text(&String::from_utf8_lossy(&script))?)
        }
    }
}

fn source(path: Option<&PathBuf>) -> Source {
    path.map_or(Source::Embedded, |path| Source::at(path))
}
