//! `logit eval`

use logit_run::{RunDir, metric_name};
use logit_zoo::evaluate;
use serde_json::json;

use crate::args::Eval;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Eval, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    let source = args.data.as_ref().map(|folder| super::source(Some(folder)));
    let scores = evaluate::run(&run, source.as_ref())?.scores;
    let notes = super::notes(&run)?;
    if json {
        let mut object = json!(scores);
        if !notes.is_empty() {
            object["notes"] = json!(notes);
        }
        return Ok(output::json(&object)?);
    }
    let values = scores.iter().map(|(metric, value)| vec![metric_name(metric), format!("{value:.4}")]);
    let rows: Vec<Vec<String>> =
        values.chain([vec!["test samples".to_owned(), scores.samples.to_string()]]).collect();
    Ok(output::lines(output::columns(&rows))?)
}
