//! `logit check`

use std::fmt::Write as _;

use logit_run::check::{Outcome, RuleOutcome};
use logit_run::live::{CheckReport, Damaged};
use logit_run::{Found, Live, RunDir};
use logit_spec::Level;
use serde_json::json;

use crate::args::Check;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Check, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    // What the data showed; what the steps showed is judged anew, from all that was recorded.
    let mut of_data = run.findings()?;
    of_data.retain(|found| found.place.step().is_none());
    let of_steps = Live::open(run)?.check();
    if json {
        output::json(&json!({"data": of_data, "steps": of_steps}))?;
    } else {
        output::text(&describe(&of_data, of_steps.as_ref()))?;
    }
    let worst_of_data = of_data.iter().map(|found| found.finding.level).max();
    let damaged = of_steps.as_ref().and_then(|report| report.damaged).map(|_| Level::Warning);
    let worst = worst_of_data.max(of_steps.and_then(|report| report.worst())).max(damaged);
    if worst >= Some(Level::Warning) { Err(Failure::Found) } else { Ok(()) }
}

fn describe(of_data: &[Found], of_steps: Option<&CheckReport>) -> String {
    let mut out = String::new();
    for found in of_data {
        let _ = writeln!(out, "{}\n", found.finding);
    }
    let Some(CheckReport { frames, last_step, damaged, verdicts }) = of_steps else {
        out.push_str("no step was recorded, so that nothing can be said of the training: `watch.every` is 0, or it never began\n");
        return out;
    };
    for found in verdicts.iter().filter_map(RuleOutcome::found) {
        let step = found.place.step().unwrap_or_default();
        let _ = writeln!(out, "{}\n  seen: at step {step}\n", found.finding);
    }
    let rows = verdicts.iter().filter_map(|verdict| {
        let name = || format!("{} {}", verdict.rule.facts().number, verdict.rule.facts().name);
        match &verdict.outcome {
            Outcome::Found(_) => None,
            Outcome::Fine { seen, .. } => Some(vec!["fine".to_owned(), name(), seen.clone()]),
            Outcome::Unclear { why } => Some(vec!["unclear".to_owned(), name(), why.clone()]),
        }
    });
    out.push_str(&output::columns(&rows.collect::<Vec<_>>()));
    let last = last_step.map_or(String::new(), |step| format!(" up to step {step}"));
    let _ = writeln!(out, "\n{} rules on {frames} recorded steps{last}", verdicts.len());
    if let Some(Damaged { places, after_step }) = damaged {
        let first = after_step.map_or("the first step".to_owned(), |step| format!("step {step}"));
        let _ = writeln!(
            out,
            "the recording is damaged at {places} places, from {first} on: what it held there was not judged"
        );
    }
    out
}
