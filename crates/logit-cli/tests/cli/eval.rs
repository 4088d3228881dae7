//! `logit eval`

use crate::common::{Scratch, json, refused, shared_data, stdout};

#[test]
fn it_tells_what_training_told() {
    let scratch = Scratch::new();
    let trained = json(&scratch.trained("run"));
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    let keys: Vec<&str> = judged.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["accuracy", "brier", "ece", "log_loss", "macro_f1", "samples"]);
    for key in ["accuracy", "log_loss", "ece"] {
        assert_eq!(judged[key], trained[key], "{key}");
    }
    assert_eq!(judged["samples"], 1000);
}

#[test]
fn plain_output_has_a_line_a_metric() {
    let scratch = Scratch::new();
    let accuracy = json(&scratch.trained("run"))["accuracy"].as_f64().unwrap();
    let told = stdout(&scratch.logit(&["eval", "run"]).success());
    let names: Vec<&str> = told.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(
        names,
        ["accuracy", "log loss", "calibration error", "Brier score", "macro F1", "test samples"]
    );
    assert!(told.lines().next().unwrap().ends_with(&format!("{accuracy:.4}")), "{told}");
}

#[test]
fn it_leaves_the_run_as_it_is() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let before = (scratch.names("run"), scratch.text("run/metrics.jsonl"), scratch.text("run/report.html"));
    scratch.logit(&["eval", "run"]).success();
    assert_eq!(
        before,
        (scratch.names("run"), scratch.text("run/metrics.jsonl"), scratch.text("run/report.html"))
    );
}

#[test]
#[ignore = "needs real data, in $LOGIT_DATA or in shared/data above the workspace"]
fn on_real_data_another_folder_is_judged() {
    let folder = shared_data("mnist");
    let scratch = Scratch::new();
    scratch.trained("run");
    let judged =
        json(&scratch.logit(&["eval", "run", "--data", folder.to_str().unwrap(), "--json"]).success());
    assert_eq!(judged["samples"], 10_000);
}

#[test]
fn a_folder_that_is_no_run_is_named() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("photos")).unwrap();
    refused(scratch.logit(&["eval", "photos", "--json"]), 1, &["photos holds no run", "run.json"]);
    refused(scratch.logit(&["eval", "nowhere"]), 1, &["nowhere holds no run"]);
}

#[test]
fn best_weights_that_are_gone_are_missed() {
    let scratch = Scratch::new();
    scratch.trained("run");
    std::fs::remove_file(scratch.path("run/best.safetensors")).unwrap();
    refused(scratch.logit(&["eval", "run"]), 1, &["run/best.safetensors is gone", "put it back"]);
}
