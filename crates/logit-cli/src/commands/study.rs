//! `logit study`

use std::fmt::Write as _;

use logit_zoo::study::activations::{self, ActivationStudy, Outcome};
use serde_json::json;

use crate::args::Activations;
use crate::failure::Failure;
use crate::output;

pub(crate) fn activations(args: &Activations, json: bool) -> Result<(), Failure> {
    let told =
        |outcome: &Outcome| output::note(format_args!("{}: accuracy {:.4}", outcome.way, outcome.accuracy));
    let study = activations::run(&super::source(args.data.as_ref()), args.steps, args.seed, told)?;
    if json {
        output::json(&json!(study))?;
    } else {
        output::text(&table(&study))?;
    }
    Ok(())
}

fn table(study: &ActivationStudy) -> String {
    let head = ["way", "table", "accuracy", "steps to 0.9", "loss", "gradient first", "last", "saturated"];
    let row = |outcome: &Outcome| {
        vec![
            outcome.way.to_owned(),
            outcome.level.to_string(),
            format!("{:.4}", outcome.accuracy),
            outcome.steps_to_90.map_or("never".to_owned(), |step| step.to_string()),
            format!("{:.4}", outcome.loss),
            format!("{:.4}", outcome.gradient_norm_first),
            format!("{:.4}", outcome.gradient_norm_last),
            outcome.saturated.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share)),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(study.ways.iter().map(row)).collect();
    let mut out = output::columns(&rows);
    out.push('\n');
    for outcome in &study.ways {
        let _ = writeln!(out, "{}: {}", outcome.way, outcome.why);
    }
    let _ = writeln!(
        out,
        "\n{} steps each, seed {}, {} training and {} test digits. Gradients: norm at the head's weights, mean of the \
         first and last 20 steps.",
        study.steps, study.seed, study.train_images, study.test_images
    );
    out
}
