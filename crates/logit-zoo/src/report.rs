//! A run's report: what it was started with, how it went, and what it came to.

use std::fmt::Write as _;

use crate::error::ZooError;
use crate::page::{Fact, LineChart, Metric, Report, Scale, Series};
use crate::recipe::Recipe;
use crate::run::{Record, RunDir, read_records};
use crate::system::{Goal, Judgement, Scores, Task, metric_name};

/// Writes the report of a finished run.
pub(crate) fn write<T: Task>(
    run: &RunDir,
    recipe: &Recipe,
    judgement: &Judgement,
    task: &T,
    parameters: usize,
) -> Result<(), ZooError> {
    let records = read_records(&run.metrics_path())?;
    let judgement = judgement.clone();
    let report = Report {
        title: format!("{} — {}", recipe.name, recipe.summary),
        findings: run.findings().unwrap_or_default().into_iter().map(|found| found.finding).collect(),
        metrics: metrics(&records, &judgement.scores, task.loss_metric()),
        charts: charts(&records, task.goal(), task.loss_metric()),
        facts: facts(run, recipe, task.facts(), &records, parameters)?,
        summary: judgement.summary,
        confusion: judgement.confusion,
        reliability: judgement.reliability,
        tables: judgement.tables,
        pictures: judgement.pictures,
        ..Report::default()
    };
    Ok(run.write_report(&report.to_html())?)
}

fn metrics(records: &[Record], test: &Scores, loss_metric: Option<&str>) -> Vec<Metric> {
    let best = records.iter().rev().find_map(|record| match record {
        Record::Epoch { best: true, validation, train_accuracy, train_loss, .. } => {
            Some((validation, *train_accuracy, *train_loss))
        }
        _ => None,
    });
    let row = |(metric, value): (&str, f64)| Metric {
        name: metric_name(metric),
        train: best.and_then(|(_, accuracy, loss)| match metric {
            "accuracy" => accuracy,
            metric if Some(metric) == loss_metric => Some(loss),
            _ => None,
        }),
        validation: best.and_then(|(validation, ..)| validation.get(metric)),
        test: Some(value),
    };
    test.iter().map(row).collect()
}

fn charts(records: &[Record], goal: Goal, loss_metric: Option<&str>) -> Vec<LineChart> {
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
    let of_epochs = |metric: &str| {
        let point = |record: &Record| match record {
            Record::Epoch { step, validation, .. } => Some((*step as f64, validation.get(metric)?)),
            _ => None,
        };
        records.iter().filter_map(point).collect::<Vec<_>>()
    };
    let train_accuracy = steps(|record| match record {
        Record::Epoch { step, train_accuracy, .. } => Some((*step as f64, (*train_accuracy)?)),
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
    // A loss that is below 0, such as minus a correlation, has no logarithm.
    let loss_scale = if batch_loss.iter().all(|(_, loss)| *loss > 0.0) { Scale::Log } else { Scale::Linear };
    let mut losses = vec![series("training batch", batch_loss)];
    losses.extend(loss_metric.map(|metric| series("validation", of_epochs(metric))));
    let mut charts = vec![chart(
        "Loss",
        "loss",
        loss_scale,
        losses,
        "Training: in training mode, before the update. Validation: in inference mode, after the epoch.",
    )];
    let log_loss = of_epochs("log_loss");
    if loss_metric != Some("log_loss") && !log_loss.is_empty() {
        let curve = vec![series("validation", log_loss)];
        let note = "In inference mode, after the epoch; it is not what is trained on.";
        charts.push(chart("Log loss", "log loss", Scale::Log, curve, note));
    }
    if !train_accuracy.is_empty() {
        charts.push(chart(
            "Accuracy",
            "share correct",
            Scale::Linear,
            vec![series("training", train_accuracy), series("validation", of_epochs("accuracy"))],
            "Training: over the epoch's own passes, in training mode and while the weights moved.",
        ));
    }
    if !["log_loss", "accuracy"].contains(&goal.metric) {
        let name = metric_name(goal.metric);
        let curve = vec![series("validation", of_epochs(goal.metric))];
        let note = "In inference mode, after the epoch; it decides which weights are kept.";
        charts.push(chart(&name, &name, Scale::Linear, curve, note));
    }
    charts.extend([
        chart("Gradient at the head", "norm", Scale::Log, vec![series("head weights", gradient)], ""),
        chart("Learning rate", "rate", Scale::Linear, vec![series("learning rate", rate)], ""),
    ]);
    charts
}

fn facts(
    run: &RunDir,
    recipe: &Recipe,
    of_task: Vec<Fact>,
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
    let fact = |name: &str, value: String| Fact::new(name, value);
    let known = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
    let data = about.data.map(|data| data.to_string());
    let mut facts = vec![fact("recipe", recipe.name.clone()), fact("data", known(data))];
    facts.extend(of_task);
    facts.extend([
        fact("parameters", parameters.to_string()),
        fact("seed", recipe.train.seed.to_string()),
        fact(
            "optimiser",
            format!("{:?}, learning rate {}", recipe.train.optimizer, recipe.train.learning_rate),
        ),
        fact("batch size", recipe.train.batch_size.to_string()),
        fact("ended at", end),
        fact("resumed after steps", if resumed.is_empty() { "never broken off".to_owned() } else { resumed }),
        fact("versions", format!("Logit {}, Burn {}", known(about.logit), known(about.burn))),
    ]);
    Ok(facts)
}
