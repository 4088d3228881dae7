//! `logit train`

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use logit_run::{RunAt, RunDir, Scores, metric_name};
use logit_zoo::recipe::Setting;
use logit_zoo::system::table::{Chosen, chosen};
use logit_zoo::train::{self, DeviceName, Devices, End, Progress, Training};
use logit_zoo::{RECIPES, Recipe, Source};
use serde_json::json;

use crate::args::{TableArgs, Train};
use crate::dashboard::Dashboard;
use crate::failure::{Failure, INTERRUPTED};
use crate::output;
use crate::progress::Lines;

pub(crate) fn run(args: Train, json: bool) -> Result<(), Failure> {
    let devices = open(&args.devices)?;
    let training = match &args.resume {
        Some(folder) => train::resume(RunDir::open(folder)?)?,
        None => start(&args)?,
    };
    let run = training.dir();
    output::note(format_args!("run directory: {}", run.path().display()));
    let chosen = chosen(run)?;
    if let Some(chosen) = &chosen {
        output::note(format_args!("{chosen}"));
    }
    let stop = stop_on_interrupt()?;
    let mut progress = progress(args.plain || json, run);
    let end = train::run(&training, &devices, &stop, progress.as_mut());
    // Gives the terminal back before anything is said.
    drop(progress);
    match end? {
        End::Finished { step, best_epoch, test } => {
            finished(run, (step, best_epoch), &test, chosen.as_ref(), json)
        }
        End::Stopped { step } => stopped(run, step, json),
    }
}

/// Says what a training came to: the last step, the best epoch, and what its weights are worth.
fn finished(
    run: &RunDir,
    (step, best_epoch): (u64, u64),
    test: &Scores,
    chosen: Option<&Chosen>,
    json: bool,
) -> Result<(), Failure> {
    if json {
        let mut object = json!({
            "run": run.path().to_string_lossy(), "finished": true, "step": step, "best_epoch": best_epoch,
            "report": run.report_path().to_string_lossy(),
        });
        for (metric, value) in test.iter() {
            object[metric] = json!(value);
        }
        if let Some(chosen) = chosen {
            object["answer"] = json!(chosen);
        }
        return Ok(output::json(&object)?);
    }
    let scores: Vec<String> =
        test.iter().map(|(metric, value)| format!("{} {value:.4}", metric_name(metric))).collect();
    let scores = scores.join("  ");
    Ok(output::lines([
        format!("{scores}  on {} test samples, weights of epoch {best_epoch}", test.samples),
        format!("report: {}", run.report_path().display()),
    ])?)
}

/// Says after which step a training was told to stop, and how to resume it.
fn stopped(run: &RunDir, step: u64, json: bool) -> Result<(), Failure> {
    let resume = format!("logit train --resume {}", run.path().display());
    super::interrupted(if json {
        output::json(
            &json!({"run": run.path().to_string_lossy(), "finished": false, "step": step, "resume": resume}),
        )
    } else {
        output::lines([format!("stopped after step {step}, saved; resume it with:"), format!("  {resume}")])
    })
}

fn open(names: &[DeviceName]) -> Result<Devices, Failure> {
    if names.iter().any(|name| matches!(name, DeviceName::Remote(_))) {
        // A lost connection ends in a panic deep inside of Burn, and is reported as the error it is.
        std::panic::set_hook(Box::new(|_| {}));
    }
    Ok(Devices::open(names)?)
}

fn start(args: &Train) -> Result<Training, Failure> {
    let mut given = args.recipe.as_deref().unwrap_or_default();
    if let Some(preset) = &args.preset {
        given = Recipe::preset(given, preset)?;
    }
    let own = OwnData::of(given, &args.table);
    if let (Some(own), Some(data)) = (&own, &args.data) {
        return Err(Failure::Usage(format!(
            "`--data {}` is for recipes; {} is the data itself: leave `--data` out (give test rows with `--test FILE`)",
            data.display(),
            own.path.display()
        )));
    }
    let mut settings = of_table(&args.table, own.as_ref())?;
    if own.is_none() && !settings.is_empty() {
        return Err(Failure::Usage(format!(
            "`{given}` is no table, so that nothing can be said of its columns"
        )));
    }
    settings.extend(super::settings(&args.settings, args.epochs, args.seed, args.vectors.as_ref())?);
    settings.extend(args.head.as_deref().map(|head| Setting::new("model.head", head)));
    if let Some(own) = own {
        let mut recipe = Recipe::load(own.recipe, &settings)?;
        recipe.name = own.name();
        let at = place(args.out.as_ref(), &recipe.name);
        return Ok(train::start(&recipe, &Source::at(&own.path), at)?);
    }
    let recipe = Recipe::load(given, &settings)?;
    let at = place(args.out.as_ref(), &recipe.name);
    Ok(train::start(&recipe, &super::source(args.data.as_ref()), at)?)
}

/// What stands in a recipe's place: a table, or images.
struct OwnData {
    path: PathBuf,
    /// The recipe for it.
    recipe: &'static str,
    /// Where the recipe says what its columns are.
    columns: &'static str,
}

impl OwnData {
    fn of(given: &str, args: &TableArgs) -> Option<Self> {
        const ENDINGS: [&str; 4] = [".csv", ".tsv", ".arff", ".parquet"];
        let path = PathBuf::from(given);
        let name = given.to_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let list = ENDINGS.iter().any(|ending| plain.ends_with(ending));
        let known = RECIPES.iter().any(|(name, _)| *name == given);
        if list && args.images.is_none() {
            Some(Self { path, recipe: "table", columns: "data" })
        } else if list || path.is_dir() && !known {
            Some(Self { path, recipe: "images", columns: "data.table" })
        } else {
            None
        }
    }

    /// The name of the file or folder, without its ending.
    fn name(&self) -> String {
        let whole = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let file = whole.file_name().unwrap_or_default().to_string_lossy();
        file.split('.').next().filter(|name| !name.is_empty()).unwrap_or(self.recipe).to_owned()
    }
}

/// What is said of a table, as settings of its recipe.
fn of_table(args: &TableArgs, own: Option<&OwnData>) -> Result<Vec<Setting>, Failure> {
    let columns = own.map_or("data", |own| own.columns);
    let of_columns = |key: &str| format!("{columns}.{key}");
    let trimmed = |names: &[String]| names.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let text = |key: String, value: &Option<String>| value.as_deref().map(|value| Setting::new(key, value));
    let targets = [args.target.iter().cloned().collect(), trimmed(&args.targets)].concat();
    let lists = [("targets", targets), ("drop", trimmed(&args.drop))];
    let mut settings: Vec<Setting> = lists
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(key, names)| Setting::new(of_columns(key), names))
        .collect();
    settings.extend(text("data.path_column".to_owned(), &args.images));
    settings.extend(text("model.kind".to_owned(), &args.model));
    settings.extend(text(of_columns("answer"), &args.answer));
    settings.extend(text(of_columns("weights"), &args.weights));
    if !args.grades.is_empty() {
        settings.push(Setting::new(of_columns("grades"), args.grades.clone()));
    }
    if let Some(test) = &args.test {
        settings.push(Setting::path(of_columns("test_file"), test)?);
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

/// Where a new run goes: to the folder that was named, or to one of its own.
fn place(out: Option<&PathBuf>, name: &str) -> RunAt {
    out.map_or_else(|| RunAt::Unused(name.to_owned()), RunAt::from)
}

/// Set by the first Ctrl-C; the second ends the program at once.
pub(super) fn stop_on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        output::note(format_args!("stopping after this step; once more to stop at once"));
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::Failed(format!("Ctrl-C cannot be caught: {error}")))?;
    Ok(stop)
}
