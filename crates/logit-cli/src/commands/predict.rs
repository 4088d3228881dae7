//! `logit predict`

use std::fmt::Write as _;

use logit_zoo::RunDir;
use logit_zoo::predict::digits::Prediction;
use logit_zoo::predict::{self, Predictions, pairs};
use serde_json::json;

use crate::args::Predict;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Predict, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    match predict::run(&run, &args.inputs, None)? {
        Predictions::Digits(predictions) => digits(&predictions, json),
        Predictions::Pairs(predictions) => of_pairs(&predictions, json),
    }
}

fn digits(predictions: &[Prediction], json: bool) -> Result<(), Failure> {
    match (json, predictions) {
        (true, [only]) => output::json(&json!(only))?,
        (true, several) => output::json(&json!({"predictions": several}))?,
        (false, all) => output::text(&all.iter().map(told).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(())
}

fn of_pairs(predictions: &[pairs::Prediction], json: bool) -> Result<(), Failure> {
    match (json, predictions) {
        (true, [only]) => output::json(&json!(only))?,
        (true, several) => output::json(&json!({"predictions": several}))?,
        (false, all) => output::text(&all.iter().map(told_of_pair).collect::<String>())?,
    }
    Ok(())
}

fn told_of_pair(prediction: &pairs::Prediction) -> String {
    let pairs::Prediction { left, right, value, decision } = prediction;
    let mut out = format!(
        "{}, {}: {value:.2}, {}\n",
        left.input.display(),
        right.input.display(),
        if *decision { "at least 50: a digit of 0 to 3 is there" } else { "below 50: no digit of 0 to 3" }
    );
    for half in [left, right].into_iter().filter(|half| half.inverted) {
        let _ = writeln!(out, "  ({}: taken as dark ink on a bright ground)", half.input.display());
    }
    out
}

fn told(prediction: &Prediction) -> String {
    let mut out = format!("{}: {}\n", prediction.input.display(), prediction.decision);
    if prediction.inverted {
        out.push_str("  (taken as dark ink on a bright ground)\n");
    }
    let head = vec!["  class".to_owned(), "logit".to_owned(), "probability".to_owned()];
    let rows = prediction.logits.iter().zip(&prediction.probabilities).enumerate();
    let rows = rows.map(|(class, (logit, probability))| {
        vec![format!("  {class}"), format!("{logit:8.4}"), format!("{probability:.6}")]
    });
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let _ = write!(out, "{}", output::columns(&table));
    out
}
