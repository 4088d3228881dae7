//! Run folders of earlier versions: what `tests/fixtures/runs` holds is still opened by every command.

use std::path::Path;

use serde_json::Value;

use crate::common::{Scratch, json, stdout};
use crate::watch::Server;

/// Copies a run of the fixtures, and gives its path in the scratch folder.
fn run_of<'a>(scratch: &Scratch, name: &'a str) -> &'a str {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs");
    std::fs::create_dir(scratch.path(name)).unwrap();
    for entry in std::fs::read_dir(fixtures.join(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), scratch.path(name).join(entry.file_name())).unwrap();
    }
    let table = scratch.path("flowers.csv");
    std::fs::copy(fixtures.join("flowers.csv"), &table).unwrap();
    if name == "table" {
        scratch.edit("table/run.json", "flowers.csv", table.to_str().unwrap());
    }
    name
}

/// The losses of all steps of a file of metrics.
fn losses(metrics: &str) -> Vec<f64> {
    let records = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .filter(|record| record["event"] == "step")
        .map(|record| record["loss"].as_f64().unwrap())
        .collect()
}

#[test]
fn a_finished_run_on_a_table_is_evaluated_predicted_with_watched_and_checked() {
    let scratch = Scratch::new();
    let run = run_of(&scratch, "table");
    let scores = json(&scratch.logit(&["eval", run, "--json"]).success());
    let kept: Value =
        scratch.text("table/metrics.jsonl").lines().last().map(serde_json::from_str).unwrap().unwrap();
    for metric in ["accuracy", "log_loss"] {
        let (now, then) = (scores[metric].as_f64().unwrap(), kept["test"][metric].as_f64().unwrap());
        assert!((now - then).abs() < 1e-4, "{metric}: {now}, not {then}");
    }
    scratch.logit(&["predict", run, "flowers.csv"]).success();
    let report = json(&scratch.logit(&["check", run, "--json"]).success());
    assert_eq!(report["steps"]["verdicts"].as_array().unwrap().len(), 10);
    let server = Server::of(&scratch, &[run]);
    let summary = &server.json("/api/runs")[0];
    assert_eq!((&summary["recipe"], &summary["state"]), (&"flowers".into(), &"finished".into()));
    let frame = server.json("/api/runs/0/frame?step=1");
    assert_eq!(frame["layers"][0]["name"], "logits");
}

#[test]
fn a_run_that_was_stopped_is_resumed_and_its_telemetry_stays_whole() {
    let scratch = Scratch::new();
    let run = run_of(&scratch, "stopped");
    let before = std::fs::read(scratch.path("stopped/telemetry.bin")).unwrap();
    let metrics = scratch.text("stopped/metrics.jsonl");
    scratch.logit(&["train", "--resume", run, "--plain"]).success();
    let after = std::fs::read(scratch.path("stopped/telemetry.bin")).unwrap();
    assert!(after.starts_with(&before) && after.len() > before.len());
    let resumed = scratch.text("stopped/metrics.jsonl");
    assert!(resumed.starts_with(&metrics), "the metrics up to the checkpoint have changed");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs");
    let whole = losses(&std::fs::read_to_string(fixtures.join("uninterrupted.jsonl")).unwrap());
    let resumed = losses(&resumed);
    assert_eq!(resumed.len(), whole.len());
    // Other processors round otherwise.
    assert!(resumed.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-3), "{resumed:?}\n{whole:?}");
    let told = stdout(&scratch.logit(&["check", run]).success());
    assert!(told.contains("recorded steps up to step 57"), "{told}");
    let series = Server::of(&scratch, &[run]).json("/api/runs/0/series");
    assert_eq!(series["steps"]["step"].as_array().unwrap().len(), 60);
    assert!(series["frames"].as_array().unwrap().iter().any(|step| step.as_u64() > Some(20)));
}
