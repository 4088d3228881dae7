//! `logit explain`

use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;

use logit_run::RunDir;
use logit_zoo::explain::{self, Explained, Wish};
use logit_zoo::page::relevance::TerminalColours;
use serde_json::json;

use crate::args::Explain;
use crate::failure::Failure;
use crate::output;

/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 100;

/// Numbers of all maps that are held at a time: 400 MB.
const MOST_NUMBERS: usize = 100_000_000;

pub(crate) fn run(args: &Explain, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    let wish = Wish {
        target: args.target.clone(),
        log_odds: args.log_odds,
        pixel: args.pixel,
        rules: args.rule.clone(),
        layer: args.layer.clone(),
        measure: args.measure,
    };
    let inputs = explain::inputs(&run, &args.inputs)?;
    if let Some(out) = &args.out {
        explain::check_out(&run, &inputs, out)?;
    }
    let colours = colours();
    let keeps = json || args.out.is_some();
    let (mut all, mut numbers, mut done, mut failed) = (Vec::new(), 0, 0_usize, None);
    let mut each = |explained: Explained| {
        done += 1;
        progress(done, inputs.len());
        numbers += explained.numbers();
        let told = if json { Ok(()) } else { output::drawn(explain::lines(&explained, colours, width())) };
        failed = match told {
            Err(error) => Some(Failure::from(error)),
            Ok(()) if keeps && numbers > MOST_NUMBERS => Some(Failure::Usage(format!(
                "the maps of the first {done} inputs hold more than {MOST_NUMBERS} numbers: explain fewer at a time"
            ))),
            Ok(()) => None,
        };
        if failed.is_some() {
            return ControlFlow::Break(());
        }
        all.extend(keeps.then_some(explained));
        ControlFlow::Continue(())
    };
    explain::run(&run, &inputs, &wish, &mut each)?;
    failed.map_or(Ok(()), Err)?;
    if let Some(out) = &args.out {
        explain::write(out, &args.run.display().to_string(), &all)?;
        output::note(format_args!("drawn: {}", out.display()));
    }
    if json {
        let out = args.out.as_ref().map(|out| out.to_string_lossy());
        output::json(&json!({"explained": all, "out": out}))?;
    }
    Ok(())
}

/// How many inputs are done, where somebody watches and there are several.
fn progress(done: usize, all: usize) {
    let mut screen = io::stderr();
    if all > 1 && screen.is_terminal() && !io::stdout().is_terminal() {
        let end = if done == all { "\n" } else { "" };
        drop(write!(screen, "\rexplained {done} of {all}{end}"));
    }
}

/// The colours of the terminal that the lines go to; none where they go elsewhere, or none are wanted.
fn colours() -> TerminalColours {
    let says = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let unwanted = says("NO_COLOR").is_some() || says("TERM").is_some_and(|term| term == "dumb");
    if unwanted || !io::stdout().is_terminal() {
        return TerminalColours::None;
    }
    match says("COLORTERM") {
        Some(colours) if colours == "truecolor" || colours == "24bit" => TerminalColours::All,
        _ => TerminalColours::Palette,
    }
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.filter(|columns| (20..=400).contains(columns)).unwrap_or(WIDTH)
}
