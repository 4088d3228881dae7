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
fn files_that_the_weights_do_not_belong_to_are_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let whole = stdout(&scratch.logit(&["eval", "run", "--json"]).success());
    let files = ["run.json", "calibration.json"].map(|name| (name, scratch.text(&format!("run/{name}"))));
    for (command, input) in [("eval", None), ("predict", Some("absent.png"))] {
        let args: Vec<&str> = [command, "run"].into_iter().chain(input).collect();
        for (name, text) in &files {
            let path = format!("run/{name}");
            // Another seed, another temperature.
            scratch.write(&path, text.replacen(|c: char| c.is_ascii_digit(), "9", 1));
            assert_ne!(&scratch.text(&path), text);
            refused(scratch.logit(&args), 1, &[&path]);
            scratch.write(&path, text);
        }
        std::fs::remove_file(scratch.path("run/calibration.json")).unwrap();
        refused(scratch.logit(&args), 1, &["run/calibration.json is gone", "logit train --resume run"]);
        scratch.logit(&["train", "--resume", "run"]).success();
        assert_eq!(scratch.text("run/calibration.json"), files[1].1);
    }
    assert_eq!(stdout(&scratch.logit(&["eval", "run", "--json"]).success()), whole);
    // Those of another run, each whole in itself.
    scratch.logit(&["train", "digits-linear", "--epochs", "2", "--seed", "9", "--out", "other"]).success();
    let other = scratch.text("other/calibration.json");
    scratch.write("run/calibration.json", other);
    refused(
        scratch.logit(&["eval", "run"]),
        1,
        &[
            "run/calibration.json is not the file that belongs to run/best.safetensors",
            "train --resume run` makes it",
        ],
    );
}

#[test]
fn best_weights_that_are_gone_are_missed_where_they_cannot_be_made_again() {
    let scratch = Scratch::new();
    let run = scratch.best_before_the_end();
    let best = format!("{run}/best.safetensors");
    std::fs::remove_file(scratch.path(&best)).unwrap();
    let told = [&format!("{best} is gone"), "put it back"];
    for args in [["eval", &run].as_slice(), &["train", "--resume", &run]] {
        refused(scratch.logit(args), 1, &told);
    }
}
