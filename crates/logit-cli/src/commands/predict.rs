//! `logit predict`

use logit_run::RunDir;
use logit_zoo::predict::{
    self, DigitPrediction, ImagePrediction, MaskPrediction, PairPrediction, Predictions, Similarity,
    TablePrediction,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Predict;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Predict, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    let predictions = predict::run(&run, &args.inputs, args.out.as_deref())?;
    let notes = super::notes(&run)?;
    if json {
        let mut object = object(&predictions);
        if !notes.is_empty() {
            object["notes"] = json!(notes);
        }
        return Ok(output::json(&object)?);
    }
    match &predictions {
        Predictions::Digits(all) => tell(all, digit),
        Predictions::Images(all) => tell(all, image),
        Predictions::Pairs(all) => tell(all, pair),
        Predictions::Masks(all) => tell(all, mask),
        Predictions::Similarities(all) => tell(all, similarity),
        Predictions::Table(predicted) => table(predicted),
    }
}

/// The predictions as one JSON object.
fn object(predictions: &Predictions) -> Value {
    match predictions {
        Predictions::Digits(all) => listed(all),
        Predictions::Images(all) => listed(all),
        Predictions::Pairs(all) => listed(all),
        Predictions::Masks(all) => listed(all),
        Predictions::Similarities(all) => listed(all),
        Predictions::Table(predicted) => json!(predicted),
    }
}

/// One prediction as it is, several as a list.
fn listed<P: Serialize>(predictions: &[P]) -> Value {
    match predictions {
        [only] => json!(only),
        several => json!({"predictions": several}),
    }
}

fn table(predicted: &TablePrediction) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> =
        [predicted.columns.clone()].into_iter().chain(predicted.first.clone()).collect();
    let mut lines = output::columns(&rows);
    let more = predicted.rows.saturating_sub(predicted.first.len() as u64);
    match &predicted.output {
        Some(path) => lines.push(format!("{} rows, all in {}", predicted.rows, path.display())),
        None if more > 0 => lines.push(format!("and {more} more rows; `-o FILE` writes them all")),
        None => {}
    }
    Ok(output::lines(lines)?)
}

fn tell<P>(predictions: &[P], told: impl Fn(&P) -> Vec<String>) -> Result<(), Failure> {
    Ok(output::lines(predictions.iter().map(told).collect::<Vec<_>>().join(&String::new()))?)
}

fn image(prediction: &ImagePrediction) -> Vec<String> {
    let rows = prediction.columns.iter().zip(&prediction.values);
    let rows: Vec<Vec<String>> = rows.map(|(name, value)| vec![format!("  {name}"), value.clone()]).collect();
    [vec![prediction.input.display().to_string()], output::columns(&rows)].concat()
}

fn pair(prediction: &PairPrediction) -> Vec<String> {
    let PairPrediction { left, right, value, decision } = prediction;
    let mut lines = vec![format!(
        "{}, {}: {value:.2}, {}",
        left.input.display(),
        right.input.display(),
        if *decision { "at least 50: a digit of 0 to 3 is there" } else { "below 50: no digit of 0 to 3" }
    )];
    for half in [left, right].into_iter().filter(|half| half.inverted) {
        lines.push(format!("  ({}: taken as dark ink on a bright ground)", half.input.display()));
    }
    lines
}

fn digit(prediction: &DigitPrediction) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", prediction.input.display(), prediction.decision)];
    if prediction.inverted {
        lines.push("  (taken as dark ink on a bright ground)".to_owned());
    }
    let head = vec!["  class".to_owned(), "logit".to_owned(), "probability".to_owned()];
    let rows = prediction.logits.iter().zip(&prediction.probabilities).enumerate();
    let rows = rows.map(|(class, (logit, probability))| {
        vec![format!("  {class}"), format!("{logit:8.4}"), format!("{probability:.6}")]
    });
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    lines.extend(output::columns(&table));
    lines
}

fn mask(prediction: &MaskPrediction) -> Vec<String> {
    let MaskPrediction { input, width, height, shares, mask, overlay } = prediction;
    let head = vec!["  class".to_owned(), "pixels".to_owned(), "share".to_owned()];
    let rows = shares.iter().map(|share| {
        vec![format!("  {}", share.class), share.pixels.to_string(), format!("{:6.2} %", 100.0 * share.share)]
    });
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let mut lines = vec![format!("{}: {width}×{height}", input.display())];
    lines.extend(output::columns(&table));
    lines.push(format!("  mask: {}", mask.display()));
    lines.push(format!("  overlay: {}", overlay.display()));
    lines
}

fn similarity(pair: &Similarity) -> Vec<String> {
    let [first, second] = &pair.sentences;
    let mut lines = vec![format!("{:.2} of 5  {first:?} / {second:?}", pair.score)];
    if let Some([intercept, slope]) = pair.recalibration {
        let raw = pair.raw;
        lines.push(format!("  (recalibrated on the dev part: {intercept:.3} + {slope:.3} × {raw:.3})"));
    }
    for (which, unknown) in ["first", "second"].iter().zip(&pair.unknown) {
        if !unknown.is_empty() {
            lines.push(format!("  without a vector, and left out of the {which}: {}", unknown.join(", ")));
        }
    }
    for (which, cut) in ["first", "second"].iter().zip(pair.cut) {
        if cut > 0 {
            lines.push(format!("  cut off the {which}: its last {cut} words"));
        }
    }
    if let Some(probabilities) = &pair.probabilities {
        let head = vec!["  step".to_owned(), "probability".to_owned()];
        let rows = probabilities.iter().enumerate();
        let rows = rows.map(|(step, share)| vec![format!("  {step}"), format!("{share:.6}")]);
        let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        lines.extend(output::columns(&table));
    }
    lines
}
