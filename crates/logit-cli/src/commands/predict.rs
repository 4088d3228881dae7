//! `logit predict`

use std::fmt::Write as _;

use logit_zoo::RunDir;
use logit_zoo::predict::digits::Prediction;
use logit_zoo::predict::sts::Similarity;
use logit_zoo::predict::{self, Predictions};
use serde::Serialize;
use serde_json::json;

use crate::args::Predict;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Predict, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    match predict::run(&run, &args.inputs, None)? {
        Predictions::Digits(predictions) => told(&predictions, digit, json),
        Predictions::Similarities(pairs) => told(&pairs, similarity, json),
    }
}

/// Tells predictions: one as an object of its own, several as a list.
fn told<P: Serialize>(predictions: &[P], text: fn(&P) -> String, json: bool) -> Result<(), Failure> {
    match (json, predictions) {
        (true, [only]) => output::json(&json!(only))?,
        (true, several) => output::json(&json!({"predictions": several}))?,
        (false, all) => output::text(&all.iter().map(text).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(())
}

fn digit(prediction: &Prediction) -> String {
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

fn similarity(pair: &Similarity) -> String {
    let [first, second] = &pair.sentences;
    let mut out = format!("{:.2} of 5  {first:?} / {second:?}\n", pair.score);
    if let Some([intercept, slope]) = pair.recalibration {
        let raw = pair.raw;
        let _ = writeln!(out, "  (recalibrated on the dev part: {intercept:.3} + {slope:.3} × {raw:.3})");
    }
    for (which, unknown) in ["first", "second"].iter().zip(&pair.unknown) {
        if !unknown.is_empty() {
            let _ = writeln!(out, "  without a vector, and left out of the {which}: {}", unknown.join(", "));
        }
    }
    for (which, cut) in ["first", "second"].iter().zip(pair.cut) {
        if cut > 0 {
            let _ = writeln!(out, "  cut off the {which}: its last {cut} words");
        }
    }
    if let Some(probabilities) = &pair.probabilities {
        let head = vec!["  step".to_owned(), "probability".to_owned()];
        let rows = probabilities.iter().enumerate();
        let rows = rows.map(|(step, share)| vec![format!("  {step}"), format!("{share:.6}")]);
        let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        let _ = write!(out, "{}", output::columns(&table));
    }
    out
}
