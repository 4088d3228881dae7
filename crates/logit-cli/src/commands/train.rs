//! `logit train`

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use logit_zoo::task::metric_name;
use logit_zoo::train::{self, End, Progress};
use logit_zoo::{Recipe, RunDir, Source, setting};
use serde_json::json;

use crate::args::{TableArgs, Train};
use crate::dashboard::Dashboard;
use crate::failure::Failure;
use crate::output;
use crate::progress::Lines;

/// The exit code of a program that Ctrl-C ended, as shells count.
const INTERRUPTED: i32 = 130;

pub(crate) fn run(args: Train, json: bool) -> Result<(), Failure> {
    let run = match &args.resume {
        Some(folder) => RunDir::open(folder)?,
        None => start(&args)?,
    };
    let folder = run.path().display();
    output::note(format_args!("run directory: {folder}"));
    let stop = stop_on_interrupt()?;
    let mut progress = progress(args.plain || json, &run);
    let end = train::run(&run, &stop, progress.as_mut());
    // Gives the terminal back before anything is said.
    drop(progress);
    let end = end?;
    let resume = format!("logit train --resume {folder}");
    match (&end, json) {
        (End::Finished { step, best_epoch, test }, true) => {
            let mut object = json!({
                "run": run.path().to_string_lossy(), "finished": true, "step": step, "best_epoch": best_epoch,
                "report": run.report_path().to_string_lossy(),
            });
            for (metric, value) in test.iter() {
                object[metric] = json!(value);
            }
            output::json(&object)?;
        }
        (End::Stopped { step }, true) => {
            output::json(
                &json!({"run": run.path().to_string_lossy(), "finished": false, "step": step, "resume": resume}),
            )?;
        }
        (End::Finished { test, best_epoch, .. }, false) => {
            let scores: Vec<String> =
                test.iter().map(|(metric, value)| format!("{} {value:.4}", metric_name(metric))).collect();
            output::text(&format!(
                "{}  on {} test samples, weights of epoch {best_epoch}\nreport: {}\n",
                scores.join("  "),
                test.samples,
                run.report_path().display(),
            ))?;
        }
        (End::Stopped { step }, false) => {
            output::text(&format!("stopped after step {step}, saved; go on with:\n  {resume}\n"))?;
        }
    }
    Ok(())
}

fn start(args: &Train) -> Result<RunDir, Failure> {
    let mut given = args.recipe.as_deref().unwrap_or_default();
    if let Some(preset) = &args.preset {
        given = Recipe::preset(given, preset)?;
    }
    let table = is_table(given);
    let mut settings = of_table(&args.table)?;
    if !table && !settings.is_empty() {
        return Err(Failure::Usage(format!(
            "`{given}` is no table, so that nothing can be said of its columns"
        )));
    }
    settings.extend(super::settings(&args.settings, args.epochs, args.seed, args.vectors.as_ref())?);
    settings.extend(args.head.as_deref().map(|head| setting("model.head", head)));
    if table {
        let mut recipe = Recipe::load("table", &settings)?;
        let path = PathBuf::from(given);
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        recipe.name = file.split('.').next().filter(|name| !name.is_empty()).unwrap_or("table").to_owned();
        let folder = args.out.clone().unwrap_or_else(|| unused(&recipe.name));
        return Ok(train::start(&recipe, &Source::File(path), &folder)?);
    }
    let recipe = Recipe::load(given, &settings)?;
    let folder = args.out.clone().unwrap_or_else(|| unused(&recipe.name));
    Ok(train::start(&recipe, &super::source(args.data.as_ref()), &folder)?)
}

/// Whether what is to be trained is a table's file.
fn is_table(given: &str) -> bool {
    let name = given.to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    [".csv", ".tsv", ".arff", ".parquet"].iter().any(|ending| plain.ends_with(ending))
}

/// What is said of a table, as settings of its recipe.
fn of_table(args: &TableArgs) -> Result<Vec<String>, Failure> {
    let mut settings = Vec::new();
    let mut set = |key: &str, value: serde_json::Value| settings.push(format!("{key}={value}"));
    let targets: Vec<&String> = args.target.iter().chain(&args.targets).collect();
    if !targets.is_empty() {
        set("data.targets", json!(targets));
    }
    if !args.drop.is_empty() {
        set("data.drop", json!(args.drop));
    }
    match args.grades[..] {
        [] => {}
        [low, high] => set("data.grades", json!([low, high])),
        _ => {
            return Err(Failure::Usage(
                "`--grades` takes the lowest and the highest grade: LOW,HIGH".to_owned(),
            ));
        }
    }
    if let Some(test) = &args.test {
        let test = std::path::absolute(test)?;
        set("data.test_file", json!(test.to_string_lossy()));
    }
    for (key, value) in
        [("data.answer", &args.answer), ("model.kind", &args.model), ("data.weights", &args.weights)]
    {
        if let Some(value) = value {
            set(key, json!(value));
        }
    }
    Ok(settings)
}

/// A dashboard on a terminal, lines elsewhere.
fn progress(plain: bool, run: &RunDir) -> Box<dyn Progress> {
    let terminal = io::stdout().is_terminal() && io::stderr().is_terminal();
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !plain
        && terminal
        && !dumb
        && let Ok(dashboard) = Dashboard::open(format!(" logit train — {} ", run.path().display()))
    {
        return Box::new(dashboard);
    }
    Box::new(Lines::default())
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`… that does not exist.
pub(super) fn unused(name: &str) -> PathBuf {
    let plain: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
    let folder = |number: u32| match number {
        1 => Path::new("runs").join(&plain),
        number => Path::new("runs").join(format!("{plain}-{number}")),
    };
    let mut number = 1;
    while folder(number).exists() {
        number += 1;
    }
    folder(number)
}

/// Set by the first Ctrl-C; the second ends the program at once.
pub(super) fn stop_on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        output::note(format_args!("stopping after this step; once more to stop at once"));
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::Failed(format!("Ctrl-C cannot be caught: {error}")))?;
    Ok(stop)
}
