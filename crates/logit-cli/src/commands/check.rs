//! `logit check`

use logit_run::check::{Outcome, RuleOutcome};
use logit_run::live::{CheckReport, Damaged};
use logit_run::{Found, Live, RunDir};
use logit_spec::Level;
use serde_json::json;

use crate::args::Check;
use crate::failure::Failure;
use crate::output;
use crate::record::Account;

pub(crate) fn run(args: &Check, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    let found = run.findings()?;
    // What the data showed; what the steps showed is judged anew, from all that was recorded.
    let of_steps = Live::open(run.clone())?.check();
    let account = Account::of(&run, &found)?;
    let (mut told, before): (Vec<Found>, Vec<Found>) =
        found.into_iter().partition(|found| found.place.step().is_none());
    if !account.missing.is_empty() {
        told.extend(before.into_iter().filter(|found| !is_judged_anew(found, of_steps.as_ref())));
    }
    if json {
        let mut object = json!({"data": told, "steps": of_steps});
        if !account.missing.is_empty() {
            object["missing"] = json!(account.missing);
        }
        output::json(&object)?;
    } else {
        output::lines(describe(&told, of_steps.as_ref(), &account))?;
    }
    let worst = told.iter().map(|found| found.finding.level).max();
    let damaged = of_steps.as_ref().and_then(|report| report.damaged.as_ref()).map(|_| Level::Warning);
    let worst = worst.max(of_steps.and_then(|report| report.worst())).max(damaged);
    if worst >= Some(Level::Warning) || !account.missing.is_empty() { Err(Failure::Found) } else { Ok(()) }
}

/// Whether the steps that are there show a fault as well.
fn is_judged_anew(found: &Found, of_steps: Option<&CheckReport>) -> bool {
    let mut anew =
        of_steps.into_iter().flat_map(|report| report.verdicts.iter().filter_map(RuleOutcome::found));
    anew.any(|other| other.finding.fault == found.finding.fault)
}

fn describe(told: &[Found], of_steps: Option<&CheckReport>, account: &Account) -> Vec<String> {
    let Account { missing, none } = account;
    let mut lines: Vec<String> = missing.iter().map(|what| format!("missing: {what}")).collect();
    if !missing.is_empty() {
        lines.push(
            "  fix: put the files back from a copy; what they held cannot be judged without them".to_owned(),
        );
        lines.push(String::new());
    }
    let of_steps_found =
        of_steps.into_iter().flat_map(|report| &report.verdicts).filter_map(RuleOutcome::found);
    for found in told.iter().chain(of_steps_found) {
        lines.extend(output::finding(&found.finding));
        lines.extend(found.place.step().map(|step| format!("  seen: at step {step}")));
        lines.push(String::new());
    }
    if let Some(CheckReport { frames, last_step, damaged, verdicts }) = of_steps {
        lines.extend(output::columns(&rows(verdicts)));
        let last = last_step.map_or(String::new(), |step| format!(" up to step {step}"));
        lines.push(String::new());
        lines.push(format!("{} rules on {frames} recorded steps{last}", verdicts.len()));
        lines.extend(damaged.as_ref().map(|Damaged { places, after_step, reason }| {
            let first =
                after_step.map_or("at the first step".to_owned(), |step| format!("after step {step}"));
            let places = if *places == 1 { String::new() } else { format!("at {places} places, first ") };
            let reason = reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
            format!("the recording is damaged {places}{first}: what it held there was not judged{reason}")
        }));
    }
    lines.extend(
        none.map(|why| format!("no step was recorded, so that nothing can be said of the training: {why}")),
    );
    // Nothing follows the last finding.
    lines.pop_if(|line| line.is_empty());
    lines
}

/// The rules that nothing was found by: what is fine, and what is unclear.
fn rows(verdicts: &[RuleOutcome]) -> Vec<Vec<String>> {
    let row = |verdict: &RuleOutcome| {
        let name = format!("{} {}", verdict.rule.facts().number, verdict.rule.facts().name);
        match &verdict.outcome {
            Outcome::Found(_) => None,
            Outcome::Fine { seen, .. } => Some(vec!["fine".to_owned(), name, seen.clone()]),
            Outcome::Unclear { why } => Some(vec!["unclear".to_owned(), name, why.clone()]),
        }
    };
    verdicts.iter().filter_map(row).collect()
}
