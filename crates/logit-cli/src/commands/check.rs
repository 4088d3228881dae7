//! `logit check`

use std::fmt::Write as _;

use logit_spec::Level;
use logit_zoo::RunDir;
use logit_zoo::run::Found;
use logit_zoo::telemetry::{Outcome, Verdict};
use logit_zoo::watch::{Live, Verdicts};
use serde_json::json;

use crate::args::Check;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Check, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    // What the data showed; what the steps showed is judged anew, from all that was recorded.
    let of_data: Vec<Found> = run.findings()?.into_iter().filter(|found| found.step.is_none()).collect();
    let verdicts = Live::open(run)?.verdicts()?;
    if json {
        output::json(&json!({"data": of_data, "steps": verdicts}))?;
    } else {
        output::text(&told(&of_data, verdicts.as_ref()))?;
    }
    let bad = |level: &str| [Level::Warning, Level::Error].iter().any(|bad| bad.name() == level);
    let found = of_data.iter().any(|found| bad(&found.level))
        || verdicts.and_then(|verdicts| verdicts.worst()).is_some_and(|level| level >= Level::Warning);
    if found { Err(Failure::Found) } else { Ok(()) }
}

fn told(of_data: &[Found], verdicts: Option<&Verdicts>) -> String {
    let mut out = String::new();
    for found in of_data {
        let _ = writeln!(out, "{found}\n");
    }
    let Some(Verdicts { frames, last_step, verdicts }) = verdicts else {
        out.push_str("no step was recorded, so that nothing can be said of the training: `watch.every` is 0, or it never began\n");
        return out;
    };
    for seen in verdicts.iter().filter_map(Verdict::found) {
        let _ = writeln!(out, "{}\n  seen: at step {}\n", seen.finding, seen.step);
    }
    let rows = verdicts.iter().filter_map(|verdict| {
        let name = || format!("{} {}", verdict.rule.facts().number, verdict.rule.facts().name);
        match &verdict.outcome {
            Outcome::Found(_) => None,
            Outcome::Fine { seen, .. } => Some(vec!["fine".to_owned(), name(), seen.clone()]),
            Outcome::Unclear { why } => Some(vec!["not told".to_owned(), name(), why.clone()]),
        }
    });
    out.push_str(&output::columns(&rows.collect::<Vec<_>>()));
    let last = last_step.map_or(String::new(), |step| format!(" up to step {step}"));
    let _ = writeln!(out, "\n{} rules on {frames} recorded steps{last}", verdicts.len());
    out
}
