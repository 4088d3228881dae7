//! `logit train`, undisturbed.

use crate::common::{Scratch, json, set, shared_data, stderr, stdout};
use serde_json::Value;

fn metrics(scratch: &Scratch, run: &str) -> String {
    scratch.text(&format!("{run}/metrics.jsonl"))
}

#[test]
fn a_run_holds_all_of_its_files() {
    let scratch = Scratch::new();
    let told = json(&scratch.logit(&["train", "digits-linear", "--epochs", "6", "--json"]).success());
    let keys: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    let scores = [
        "accuracy",
        "best_epoch",
        "brier",
        "ece",
        "finished",
        "log_loss",
        "macro_f1",
        "report",
        "run",
        "step",
    ];
    assert_eq!(keys, scores);
    assert_eq!(
        (&told["run"], &told["report"]),
        (&"runs/digits-linear".into(), &"runs/digits-linear/report.html".into())
    );
    assert_eq!((&told["finished"], &told["step"]), (&true.into(), &90.into()));
    assert!(told["accuracy"].as_f64().unwrap() > 0.7, "{told}");
    assert!(told["log_loss"].as_f64().unwrap() > 0.0 && told["ece"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(
        scratch.names("runs/digits-linear"),
        [
            "best.safetensors",
            "calibration.json",
            "last.safetensors",
            "lock",
            "metrics.jsonl",
            "recipe.toml",
            "report.html",
            "run.json",
            "telemetry.bin",
            "watched.json"
        ]
    );
}

#[test]
fn a_line_a_step_and_an_epoch_is_written() {
    let scratch = Scratch::new();
    scratch.logit(&["train", "digits-linear", "--epochs", "2", "--out", "run"]).success();
    let lines: Vec<Value> =
        metrics(&scratch, "run").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("step"), of("epoch"), of("end"), lines.len()), (30, 2, 1, 33));
    let steps: Vec<u64> = lines
        .iter()
        .filter(|line| line["event"] == "step")
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (1..=30).collect::<Vec<_>>());
    assert!(lines[31]["validation"]["accuracy"].as_f64() > lines[15]["validation"]["accuracy"].as_f64());
}

#[test]
fn plain_output_tells_the_result_and_each_epoch() {
    let scratch = Scratch::new();
    let assert = scratch.logit(&["train", "digits-linear", "--epochs", "2", "--out", "run"]).success();
    assert!(stdout(&assert).starts_with("accuracy 0."), "{}", stdout(&assert));
    assert!(stdout(&assert).contains("report: run/report.html"), "{}", stdout(&assert));
    assert_eq!(
        stderr(&assert).lines().filter(|line| line.starts_with("epoch ")).count(),
        2,
        "{}",
        stderr(&assert)
    );
}

#[test]
fn the_report_is_one_file_that_loads_nothing() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let report = scratch.text("run/report.html");
    assert!(report.starts_with("<!DOCTYPE html>") && report.trim_end().ends_with("</html>"));
    let addresses: Vec<&str> =
        ["http://", "https://"].iter().flat_map(|scheme| report.split(scheme).skip(1)).collect();
    assert!(addresses.iter().all(|address| address.starts_with("www.w3.org/")), "an address of the network");
    for loader in ["<script src", "<link", "@import", "url(//", "src=\"//", "src=\"."] {
        assert!(!report.contains(loader), "{loader}");
    }
    assert!(report.contains("<svg") && report.contains("test images"));
}

#[test]
fn the_same_seed_writes_the_same_metrics_and_another_does_not() {
    let scratch = Scratch::new();
    for (run, seed) in [("first", "7"), ("second", "7"), ("other", "8")] {
        scratch.logit(&["train", "digits-linear", "--epochs", "2", "--seed", seed, "--out", run]).success();
    }
    assert_eq!(metrics(&scratch, "first"), metrics(&scratch, "second"));
    assert_ne!(metrics(&scratch, "first"), metrics(&scratch, "other"));
}

#[test]
fn dropout_and_moved_digits_follow_from_the_seed() {
    let scratch = Scratch::new();
    for run in ["first", "second"] {
        scratch.logit(&["train", "digits-mlp", "--epochs", "1", "--out", run]).success();
    }
    assert_eq!(metrics(&scratch, "first"), metrics(&scratch, "second"));
}

#[test]
fn a_second_run_gets_a_folder_of_its_own() {
    let scratch = Scratch::new();
    for folder in ["runs/digits-linear", "runs/digits-linear-2", "runs/digits-linear-3"] {
        let told = json(&scratch.logit(&["train", "digits-linear", "--epochs", "1", "--json"]).success());
        assert_eq!(told["run"], folder);
    }
}

#[test]
fn settings_are_used_and_kept_in_the_run() {
    let scratch = Scratch::new();
    let settings = [
        "train.batch_size=600",
        "train.optimizer=sgd",
        "train.schedule=constant",
        "train.learning_rate=0.25",
    ];
    let args = [&["train", "digits-linear", "--epochs", "1", "--out", "run"][..], &set(&settings)].concat();
    scratch.logit(&args).success();
    let recipe = scratch.text("run/recipe.toml");
    for line in
        ["batch_size = 600", "optimizer = \"sgd\"", "learning_rate = 0.25", "epochs = 1", "min_steps = 0"]
    {
        assert!(recipe.contains(line), "no {line} in:\n{recipe}");
    }
    let metrics = metrics(&scratch, "run");
    assert_eq!(metrics.matches("\"learning_rate\":0.25").count(), 3, "{metrics}");
}

#[test]
#[ignore = "needs real data, in $LOGIT_DATA or in shared/data above the workspace"]
fn on_real_data_all_of_mnist_is_learned_from_a_folder() {
    let folder = shared_data("mnist");
    let scratch = Scratch::new();
    let folder = folder.to_str().unwrap();
    let args = ["train", "digits-linear", "--epochs", "1", "--data", folder, "--out", "run", "--json"];
    let told = json(&scratch.logit(&args).success());
    assert!(told["accuracy"].as_f64().unwrap() > 0.88, "{told}");
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    assert_eq!((&judged["samples"], &judged["accuracy"]), (&10_000.into(), &told["accuracy"]));
}
