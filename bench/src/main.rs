//! Logit's side of the comparison with PyTorch: a process that prepares one case, then answers requests on standard input
//! with one JSON object a line on standard output.
//!
//! Floors, from the ground up: `case`, `data`, `memory`, `recording`, `losses`, `training`, `inference`, `explaining`, `cases`.
//!
//! | request | answer |
//! |---|---|
//! | (none, at the start) | `{"ready": "cross_entropy", "version": "0.1.0"}` |
//! | `{"do": "time", "seconds": 2.0}` | `{"steps": [0.031, …]}`, the seconds each step took |
//! | `{"do": "agree"}` | `{"numbers": {"loss": 6.9, …}}`, what the other side must get as well |
//! | `{"do": "memory"}` | `{"before": 300000000, "peak": 600000000}`, bytes before and at the peak of one step |
//!
//! `bench/torch_side.py` speaks the same. It ends when standard input does.
//!
//! `logit-bench recording` measures Logit alone, what recording adds to a training, and ends.

mod case;
mod cases;
mod data;
mod explaining;
mod inference;
mod losses;
mod memory;
mod recording;
mod training;

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use case::{Case, Failure};
use cases::prepare;

/// A round has at least so many steps, however long they take.
const MIN_STEPS: usize = 3;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Request {
    Time { seconds: f64 },
    Agree,
    Memory,
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("logit-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Failure> {
    let name = std::env::args().nth(1).ok_or("name a case: logit-bench CASE, or logit-bench recording")?;
    if name == "recording" {
        return print(&recording::measure()?);
    }
    let mut case = prepare(&name)?;
    print(&json!({ "ready": name, "version": env!("CARGO_PKG_VERSION") }))?;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Time { seconds } => time(case.as_mut(), Duration::try_from_secs_f64(seconds)?)?,
            Request::Agree => json!({ "numbers": case.agreed()? }),
            Request::Memory => one_step_of_memory(case.as_mut())?,
        };
        print(&answer)?;
    }
    Ok(())
}

fn print(answer: &Value) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}

fn time(case: &mut dyn Case, round: Duration) -> Result<Value, Failure> {
    let begin = Instant::now();
    let mut steps = Vec::new();
    while steps.len() < MIN_STEPS || begin.elapsed() < round {
        let start = Instant::now();
        case.step()?;
        steps.push(start.elapsed().as_secs_f64());
    }
    Ok(json!({ "steps": steps }))
}

fn one_step_of_memory(case: &mut dyn Case) -> Result<Value, Failure> {
    memory::reset_peak()?;
    let before = memory::resident()?;
    case.step()?;
    Ok(json!({ "before": before, "peak": memory::peak()? }))
}
