//! `logit study`

use logit_run::{RunDir, unused_folder};
use logit_zoo::Source;
use logit_zoo::study::activations::{self, ActivationStudy, Outcome};
use logit_zoo::study::explain;
use logit_zoo::study::sts::{self, Figures, Row, SimilarityStudy};
use serde_json::json;

use super::train;
use crate::args::{Activations, Sts, StudyExplain};
use crate::failure::Failure;
use crate::output;
use crate::progress::Lines;

pub(crate) fn activations(args: &Activations, json: bool) -> Result<(), Failure> {
    let print_outcome =
        |outcome: &Outcome| output::note(format_args!("{}: accuracy {:.4}", outcome.way, outcome.accuracy));
    let study = activations::run(&super::source(args.data.as_ref()), args.steps, args.seed, print_outcome)?;
    if json {
        output::json(&json!(study))?;
    } else {
        output::lines(table(&study))?;
    }
    Ok(())
}

fn table(study: &ActivationStudy) -> Vec<String> {
    let head =
        ["way", "table", "accuracy", "steps to 0.9", "loss", "gradient first", "last", "saturated", "caught"];
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
            outcome.caught.as_ref().map_or("–".to_owned(), |found| {
                let rule = found.finding.rule().map_or(0, logit_spec::Rule::number);
                format!("step {}, rule {rule}", found.place.step().unwrap_or_default())
            }),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(study.ways.iter().map(row)).collect();
    let mut lines = output::columns(&rows);
    lines.push(String::new());
    lines.extend(study.ways.iter().map(|outcome| format!("{}: {}", outcome.way, outcome.why)));
    lines.push(String::new());
    lines.push(format!(
        "{} steps each, seed {}, {} training and {} test digits. Gradients: norm at the head's weights, mean of the \
         first and last 20 steps.",
        study.steps, study.seed, study.train_images, study.test_images
    ));
    lines
}

pub(crate) fn sts(args: &Sts, json: bool) -> Result<(), Failure> {
    let settings = super::settings(&args.settings, args.epochs, args.seed, args.vectors.as_ref())?;
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => unused_folder("study-sts")?,
    };
    let print_row = |row: &Row| {
        let pearson = |figures: &Figures| number(figures.pearson);
        let (dev, test) = (pearson(&row.dev), pearson(&row.test));
        output::note(format_args!("{}: Pearson {dev} on dev, {test} on test", row.name));
    };
    let stop = train::stop_on_interrupt()?;
    let source = super::source(args.data.as_ref());
    let studied = sts::run(&source, &settings, &folder, &stop, &mut Lines::default(), print_row);
    if studied.is_err() && args.out.is_none() {
        // Each goes only if it is empty.
        folder.ancestors().take(2).for_each(|folder| drop(std::fs::remove_dir(folder)));
    }
    match studied? {
        Some(study) if json => Ok(output::json(&json!(study))?),
        Some(study) => Ok(output::lines(similarities(&study))?),
        None if json => {
            super::interrupted(output::json(&json!({"finished": false, "runs": folder.to_string_lossy()})))
        }
        None => super::interrupted(output::lines([format!(
            "stopped; the runs so far are in {}",
            folder.display()
        )])),
    }
}

pub(crate) fn explain(args: &StudyExplain, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    let data = args.data.as_ref().map(|data| Source::at(data));
    let print = |row: &explain::Row| {
        output::note(format_args!("{}: {} samples in {:.1} s", row.rule, row.explained, row.seconds));
    };
    let study = explain::run(&run, data.as_ref(), &args.rule, args.samples as usize, &mut { print })?;
    if json {
        return Ok(output::json(&json!(study))?);
    }
    Ok(output::lines(rules(&study))?)
}

fn rules(study: &explain::ExplanationStudy) -> Vec<String> {
    let mut masks: Vec<&str> = study.rows.iter().flat_map(|row| row.mass.keys().copied()).collect();
    masks.dedup();
    masks.truncate(study.rows.first().map_or(0, |row| row.mass.len()));
    let head = ["rule", "worst |ΣR−f|/|f|", "lowest R"].map(str::to_owned);
    let on = masks.iter().flat_map(|mask| [format!("on {mask}"), format!("rank {mask}")]);
    let measured = ["flipping", "infidelity", "max-sensitivity"].map(str::to_owned);
    let mut rows: Vec<Vec<String>> = vec![head.into_iter().chain(on).chain(measured).collect()];
    for row in &study.rows {
        let error = row.worst_error.map_or("–".to_owned(), |error| format!("{error:.1e}"));
        let on = masks.iter().flat_map(|mask| [row.mass.get(mask), row.rank.get(mask)]);
        let on = on.map(|mean| number(mean.and_then(explain::Mean::value)));
        let measured = [row.flipping, row.infidelity, row.max_sensitivity].map(|mean| number(mean.value()));
        let first = [row.rule.clone(), error, format!("{:.4}", row.lowest)];
        rows.push(first.into_iter().chain(on).chain(measured).collect());
    }
    let mut lines = output::columns(&rows);
    lines.push(String::new());
    lines.push(format!(
        "{} samples of the test part. On a mask: the share of positive relevance there; rank: the share of the most relevant \
         pixels, as many as the mask has, that lie there. Flipping: the value's mean while relevant pixels are taken away, as a \
         share of the value; lower is better, as are infidelity and max-sensitivity.",
        study.samples
    ));
    lines.extend(study.left_out.iter().map(|(rule, why)| format!("{rule}: left out, {why}")));
    lines
}

fn similarities(study: &SimilarityStudy) -> Vec<String> {
    let head = ["way", "dev Pearson", "Spearman", "MAE", "test Pearson", "Spearman", "MAE", "where from"];
    let row = |row: &Row| {
        let figures = |figures: &Figures| [figures.pearson, figures.spearman, figures.mae].map(number);
        let cells = [vec![row.name.clone()], figures(&row.dev).to_vec(), figures(&row.test).to_vec()];
        cells.into_iter().flatten().chain([row.origin.describe().to_owned()]).collect()
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(study.rows.iter().map(row)).collect();
    let mut lines = output::columns(&rows);
    let [train, dev, test] = study.pairs;
    lines.push(String::new());
    lines.push(format!(
        "{train} training, {dev} dev and {test} test pairs, seed {}, word vectors {}. The weights of each head are those \
         of its best epoch on dev; best on dev: {}.",
        study.seed,
        study.vectors.display(),
        study.best
    ));
    for row in &study.rows {
        if let (Some(before), Some(after)) = (row.mae_before_recalibration, row.test.mae) {
            lines.push(format!(
                "{}: its loss sees neither scale nor shift; a line fitted on dev takes the MAE on test from {before:.4} to \
                 {after:.4}.",
                row.name
            ));
        }
    }
    lines
}

fn number(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.4}"))
}
