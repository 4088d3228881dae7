//! A file a command.

mod check;
mod eval;
mod explain;
mod heads;
mod inspect;
mod predict;
mod recipes;
mod serve_device;
mod study;
mod train;
mod watch;

use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use logit_run::RunDir;
use logit_spec::Finding;
use logit_zoo::recipe::Setting;
use logit_zoo::{Source, evaluate};

use crate::args::{Args, Command, Study};
use crate::failure::Failure;
use crate::output;

/// Does what was asked.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let json = args.json;
    match args.command {
        Command::Train(train) => train::run(*train, json),
        Command::Eval(eval) => eval::run(&eval, json),
        Command::Predict(predict) => predict::run(&predict, json),
        Command::Explain(args) => explain::run(&args, json),
        Command::Inspect(args) => inspect::run(&args, json),
        Command::Watch(args) => watch::run(&args, json),
        Command::Check(args) => check::run(&args, json),
        Command::Recipes { name } => recipes::run(name.as_deref(), json),
        Command::Heads => heads::run(json),
        Command::ServeDevice { listen } => serve_device::run(listen),
        Command::Study(Study::Activations(activations)) => study::activations(&activations, json),
        Command::Study(Study::Explain(explain)) => study::explain(&explain, json),
        Command::Study(Study::Sts(sts)) => study::sts(&sts, json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "logit", &mut script);
            Ok(output::script(&String::from_utf8_lossy(&script))?)
        }
    }
}

/// The settings that options stand for: those given by `--set`, and then the options of their own.
fn settings(
    given: &[String],
    epochs: Option<u64>,
    seed: Option<u64>,
    vectors: Option<&PathBuf>,
) -> Result<Vec<Setting>, Failure> {
    let mut settings = Setting::all(given)?;
    if let Some(epochs) = epochs {
        // Exactly as many: a small set is not gone through more often.
        settings.extend([Setting::whole("train.epochs", epochs), Setting::whole("train.min_steps", 0)]);
    }
    settings.extend(seed.map(|seed| Setting::whole("train.seed", seed)));
    if let Some(path) = vectors {
        settings.push(Setting::path("data.vectors", path)?);
    }
    Ok(settings)
}

/// What must be said of all that a run answers, said on standard error.
fn notes(run: &RunDir) -> Result<Vec<Finding>, Failure> {
    let notes: Vec<Finding> = evaluate::uncalibrated(run)?.into_iter().collect();
    notes.iter().for_each(output::note_finding);
    Ok(notes)
}

/// The end of a command that was told to stop and has said where it stands. Whoever reads that may have been stopped too.
fn interrupted(said: io::Result<()>) -> Result<(), Failure> {
    drop(said);
    Err(Failure::Interrupted)
}

fn source(path: Option<&PathBuf>) -> Source {
    path.map_or(Source::Embedded, |path| Source::at(path))
}
