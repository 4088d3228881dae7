//! `logit inspect`

use std::path::Path;

use logit_run::RunDir;
use logit_spec::Answer;
use logit_zoo::inspect::{self, Summary, Weights};
use logit_zoo::{RECIPES, Recipe};
use serde_json::{Value, json};

use crate::args::Inspect;
use crate::failure::Failure;
use crate::output;

/// The most units whose names are printed.
const NAMED: usize = 8;

pub(crate) fn run(args: &Inspect, json: bool) -> Result<(), Failure> {
    let given = &args.network;
    let folder = Path::new(given);
    let is_recipe = RECIPES.iter().any(|(name, _)| name == given) || folder.is_file();
    let summary = match RunDir::open(folder) {
        Ok(run) => inspect::run(&run)?,
        Err(_) if is_recipe => inspect::recipe(&Recipe::load(given, &[])?)?,
        Err(error) if folder.is_dir() => return Err(error.into()),
        Err(_) => {
            return Err(Failure::Failed(format!(
                "there is no run `{given}`, and no recipe of that name; `logit recipes` lists the recipes"
            )));
        }
    };
    if json {
        output::json(&data(given, &summary))?;
    } else {
        output::lines(lines(given, &summary))?;
    }
    Ok(())
}

fn lines(given: &str, summary: &Summary) -> Vec<String> {
    let Summary { recipe, network, graph, .. } = summary;
    let of = if recipe == given { String::new() } else { format!(", recipe {recipe}") };
    let head = ["step", "kind", "input from", "input → output", "parameters"].map(str::to_owned);
    let rows = graph.rows(|value| summary.shown(value)).into_iter();
    let mut rows: Vec<Vec<String>> = [head].into_iter().chain(rows).map(Vec::from).collect();
    let width = rows.iter().map(|row| row[4].chars().count()).max().unwrap_or(0);
    for row in &mut rows {
        row[4] = format!("{:>width$}", row[4]);
    }
    let facts: Vec<Vec<String>> = facts(summary).map(|(name, fact)| vec![name.to_owned(), fact]).collect();
    [
        vec![format!("{given}: {network}{of}"), String::new()],
        output::columns(&rows),
        vec![String::new()],
        output::columns(&facts),
    ]
    .concat()
}

/// What is said below the steps.
fn facts(summary: &Summary) -> impl Iterator<Item = (&'static str, String)> {
    let inputs: Vec<String> =
        summary.graph.inputs().map(|(name, value)| format!("{name} {}", summary.shown(value))).collect();
    let [learned, others] = summary.numbers();
    let others = if others == 0 { String::new() } else { format!(", {others} running statistics") };
    let (answer, loss) = (summary.subject.answer.facts(), summary.subject.loss);
    [
        ("inputs", inputs.join(", ")),
        ("parameters", format!("{learned} learned{others}; {} bytes", summary.bytes())),
        ("answer", format!("{}: {}", answer.title, units(&summary.units))),
        ("loss", loss.label()),
        ("probabilities", answer.probabilities.to_owned()),
        ("decision", answer.decision.to_owned()),
    ]
    .into_iter()
    .chain(summary.weights.as_ref().map(|weights| ("weights", describe(weights))))
}

fn units(names: &[String]) -> String {
    let count = if names.len() == 1 { "1 unit".to_owned() } else { format!("{} units", names.len()) };
    let more = names.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{count} ({}{more})", names[..names.len().min(NAMED)].join(", "))
}

fn describe(weights: &Weights) -> String {
    match weights {
        Weights::Missing => "none yet".to_owned(),
        Weights::Fit => "best.safetensors, which fits".to_owned(),
        Weights::Unusable { reason } => format!("cannot be used: {reason}"),
    }
}

fn data(given: &str, summary: &Summary) -> Value {
    let Summary { recipe, task, network, graph, subject, units, .. } = summary;
    let [learned, others] = summary.numbers();
    let answer: Answer = subject.answer;
    json!({
        "name": given, "recipe": recipe, "task": task, "network": network,
        "inputs": graph.inputs().map(|(name, value)| json!({"name": name, "value": value.number()})).collect::<Vec<_>>(),
        "steps": steps(summary),
        "values": graph.values().map(|(value, _)| json!({"shape": summary.shape(value)})).collect::<Vec<_>>(),
        "logits": graph.answer().map(|(value, _)| value.number()),
        "totals": {"learned": learned, "running": others, "bytes": summary.bytes()},
        "answer": {
            "kind": answer.name(), "units": units, "loss": subject.loss.name(),
            "probabilities": answer.facts().probabilities, "decision": answer.facts().decision,
        },
        "weights": summary.weights.as_ref().map(|weights| match weights {
            Weights::Missing => json!({"state": "missing"}),
            Weights::Fit => json!({"state": "fit"}),
            Weights::Unusable { reason } => json!({"state": "unusable", "reason": reason}),
        }),
    })
}

/// The operations of all steps; inputs and outputs are places in `values`.
fn steps(summary: &Summary) -> Vec<Value> {
    let nodes = summary.graph.nodes().iter();
    nodes
        .map(|node| {
            let mut attributes = json!(node.kind);
            let kind = attributes.as_object_mut().and_then(|attributes| attributes.remove("kind"));
            let parameters = node.parameters.iter().map(
                |parameter| json!({"name": parameter.name, "shape": parameter.shape, "learned": parameter.learned}),
            );
            json!({
                "step": node.name, "kind": kind, "attributes": attributes,
                "parameters": parameters.collect::<Vec<_>>(),
                "inputs": node.inputs.iter().map(|value| value.number()).collect::<Vec<_>>(),
                "outputs": node.outputs.iter().map(|value| value.number()).collect::<Vec<_>>(),
            })
        })
        .collect()
}
