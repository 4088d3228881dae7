//! A run's report: what it was started with, how it went, and what it came to.

use std::fmt::Write as _;

use logit::metrics::ReliabilityBin;

use super::{Bin, Confusion, Fact, LineChart, Metric, Picture, Pixels, Reliability, Report, Scale, Series};
use crate::data::ImageSet;
use crate::error::ZooError;
use crate::evaluate::Judgement;
use crate::recipe::Recipe;
use crate::run::{Evaluation, Record, RunDir, read_records, replace};
use crate::train::Sets;

/// The most digits shown of those that were decided wrongly.
const SHOWN_MISTAKES: usize = 24;

/// Writes the report of a finished run.
pub(crate) fn write(
    run: &RunDir,
    recipe: &Recipe,
    sets: &Sets,
    judgement: &Judgement,
    parameters: usize,
) -> Result<(), ZooError> {
    let records = read_records(&run.metrics_path())?;
    let test = &judgement.evaluation;
    let report = Report {
        title: format!("{} — {}", recipe.name, recipe.summary),
        summary: format!(
            "{:.2} % of {} test images right; log loss {:.4}, calibration error {:.4}.",
            100.0 * test.accuracy,
            test.images,
            test.log_loss,
            test.ece
        ),
        metrics: metrics(&records, test),
        charts: charts(&records),
        confusion: Some(confusion(judgement)),
        reliability: vec![reliability(judgement)],
        pictures: mistakes(judgement, &sets.test),
        facts: facts(run, recipe, sets, &records, parameters)?,
        ..Report::default()
    };
    Ok(replace(&run.report_path(), report.to_html().as_bytes())?)
}

fn metrics(records: &[Record], test: &Evaluation) -> Vec<Metric> {
    let best = records.iter().rev().find_map(|record| match record {
        Record::Epoch { best: true, validation, train_accuracy, train_loss, .. } => {
            Some((validation, *train_accuracy, *train_loss))
        }
        _ => None,
    });
    let row = |name: &str, train: Option<f64>, of: fn(&Evaluation) -> f64| Metric {
        name: name.to_owned(),
        train,
        validation: best.map(|(validation, ..)| of(validation)),
        test: Some(of(test)),
    };
    vec![
        row("accuracy", best.map(|(_, accuracy, _)| accuracy), |e| e.accuracy),
        row("log loss", best.map(|(.., loss)| loss), |e| e.log_loss),
        row("calibration error", None, |e| e.ece),
        row("Brier score", None, |e| e.brier),
        row("macro F1", None, |e| e.macro_f1),
    ]
}

fn charts(records: &[Record]) -> Vec<LineChart> {
    let steps = |of: fn(&Record) -> Option<(f64, f64)>| records.iter().filter_map(of).collect::<Vec<_>>();
    let series = |name: &str, points| Series { name: name.to_owned(), points };
    let chart = |title: &str, y_label: &str, y_scale, series, note: &str| LineChart {
        title: title.to_owned(),
        x_label: "step".to_owned(),
        y_label: y_label.to_owned(),
        y_scale,
        series,
        note: note.to_owned(),
    };
    let batch_loss = steps(|record| match record {
        Record::Step { step, loss, .. } => Some((*step as f64, *loss)),
        _ => None,
    });
    let validation_loss = steps(|record| match record {
        Record::Epoch { step, validation, .. } => Some((*step as f64, validation.log_loss)),
        _ => None,
    });
    let train_accuracy = steps(|record| match record {
        Record::Epoch { step, train_accuracy, .. } => Some((*step as f64, *train_accuracy)),
        _ => None,
    });
    let validation_accuracy = steps(|record| match record {
        Record::Epoch { step, validation, .. } => Some((*step as f64, validation.accuracy)),
        _ => None,
    });
    let gradient = steps(|record| match record {
        Record::Step { step, head_gradient_norm, .. } => Some((*step as f64, *head_gradient_norm)),
        _ => None,
    });
    let rate = steps(|record| match record {
        Record::Step { step, learning_rate, .. } => Some((*step as f64, *learning_rate)),
        _ => None,
    });
    vec![
        chart(
            "Loss",
            "cross entropy",
            Scale::Log,
            vec![series("training batch", batch_loss), series("validation", validation_loss)],
            "Training: with dropout, before the update. Validation: in inference mode, after the epoch.",
        ),
        chart(
            "Accuracy",
            "share right",
            Scale::Linear,
            vec![series("training", train_accuracy), series("validation", validation_accuracy)],
            "Training: over the epoch's own passes, with dropout and while the weights moved.",
        ),
        chart("Gradient at the head", "norm", Scale::Log, vec![series("head weights", gradient)], ""),
        chart("Learning rate", "rate", Scale::Linear, vec![series("learning rate", rate)], ""),
    ]
}

fn confusion(judgement: &Judgement) -> Confusion {
    let classes = judgement.confusion.classes();
    Confusion {
        labels: (0..classes).map(|class| class.to_string()).collect(),
        counts: judgement.confusion.counts().chunks(classes).map(<[u64]>::to_vec).collect(),
    }
}

fn reliability(judgement: &Judgement) -> Reliability {
    let bin = |bin: ReliabilityBin| Bin {
        lower: bin.lower,
        upper: bin.upper,
        count: bin.count,
        confidence: bin.mean_confidence.unwrap_or(0.0),
        accuracy: bin.accuracy.unwrap_or(0.0),
    };
    Reliability {
        title: "Test set".to_owned(),
        bins: judgement.reliability.bins().into_iter().map(bin).collect(),
        ece: judgement.evaluation.ece,
    }
}

/// The wrongly decided digits, the surest first.
fn mistakes(judgement: &Judgement, test: &ImageSet) -> Vec<Picture> {
    let mut mistakes = judgement.mistakes.clone();
    mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.row.cmp(&b.row)));
    let picture = |mistake: &crate::evaluate::Mistake| {
        Some(Picture {
            caption: format!(
                "row {}: {} taken for {} ({:.0} %)",
                mistake.row,
                mistake.truth,
                mistake.decision,
                100.0 * mistake.confidence
            ),
            width: test.width(),
            height: test.height(),
            pixels: Pixels::Grey(test.image(mistake.row)?.to_vec()),
        })
    };
    mistakes.iter().take(SHOWN_MISTAKES).filter_map(picture).collect()
}

fn facts(
    run: &RunDir,
    recipe: &Recipe,
    sets: &Sets,
    records: &[Record],
    parameters: usize,
) -> Result<Vec<Fact>, ZooError> {
    let about = run.about()?;
    let mut resumed = String::new();
    let mut end = String::new();
    for record in records {
        match record {
            Record::Resume { step } => {
                let _ = write!(resumed, "{}{step}", if resumed.is_empty() { "" } else { ", " });
            }
            Record::End { step, reason, best_epoch, .. } => {
                end = format!("step {step} ({reason}); best weights of epoch {best_epoch}");
            }
            _ => {}
        }
    }
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    Ok(vec![
        fact("recipe", recipe.name.clone()),
        fact("data", about.data.to_string()),
        fact(
            "images",
            format!(
                "{} training, {} validation, {} test",
                sets.train.len(),
                sets.validation.len(),
                sets.test.len()
            ),
        ),
        fact("parameters", parameters.to_string()),
        fact("seed", about.seed.to_string()),
        fact(
            "optimiser",
            format!("{:?}, learning rate {}", recipe.train.optimizer, recipe.train.learning_rate),
        ),
        fact("batch size", recipe.train.batch_size.to_string()),
        fact("ended at", end),
        fact("resumed after steps", if resumed.is_empty() { "never broken off".to_owned() } else { resumed }),
        fact("versions", format!("Logit {}, Burn {}", about.logit, about.burn)),
    ])
}
