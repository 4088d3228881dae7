//! The commands that print what Logit knows: heads, recipes, completions, help.

use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;

use crate::common::{Scratch, json, stderr, stdout};

#[test]
fn recipes_are_listed_and_printed() {
    let scratch = Scratch::new();
    let listed = stdout(&scratch.logit(&["recipes"]).success());
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let expected = [
        "digits",
        "digits-linear",
        "digits-mlp",
        "digit-pairs",
        "digit-pairs-paper",
        "images",
        "nuclei",
        "sts",
        "table",
    ];
    assert_eq!(names, expected);
    let told = json(&scratch.logit(&["recipes", "--json"]).success());
    let recipes = told["recipes"].as_array().unwrap();
    for (recipe, name) in recipes.iter().zip(names) {
        assert_eq!(recipe["name"], name);
        let one = json(&scratch.logit(&["recipes", name, "--json"]).success());
        assert_eq!(one, *recipe);
        let text = stdout(&scratch.logit(&["recipes", name]).success());
        assert!(text.contains("[train]") && text.contains(" # "), "{text}");
    }
}

#[test]
fn heads_are_text_or_one_object() {
    let scratch = Scratch::new();
    let text = stdout(&scratch.logit(&["heads"]).success());
    let told = json(&scratch.logit(&["heads", "--json"]).success());
    let names: Vec<&str> =
        told["heads"].as_array().unwrap().iter().map(|head| head["name"].as_str().unwrap()).collect();
    let blocks: Vec<&str> = text.split("\n\n").filter_map(|block| block.lines().next()).collect();
    assert_eq!(names, blocks);
    assert!(names.contains(&"classes") && text.contains("softmax over the units"), "{text}");
}

#[test]
fn completions_are_written_for_each_shell() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&scratch.logit(&["completions", shell]).success());
        assert!(script.contains("logit") && script.contains("predict"), "{shell}: {script}");
    }
}

#[test]
fn every_help_has_examples() {
    let scratch = Scratch::new();
    for command in ["", "train", "eval", "predict", "inspect", "recipes", "study activations", "completions"]
    {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = stdout(&scratch.logit(&args).success());
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(help.contains("  logit "), "{command}: {help}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for args in
        [vec!["heads"], vec!["recipes", "digits"], vec!["completions", "bash"], vec!["heads", "--json"]]
    {
        let mut child = Command::new(cargo_bin!("logit"))
            .args(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closes the pipe before anything is read from it.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn training_goes_on_when_nobody_reads_its_progress() {
    let scratch = Scratch::new();
    let mut child = scratch.start(&["train", "digits-linear", "--epochs", "1", "--out", "run", "--json"]);
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(scratch.path("run/report.html").is_file());
}

#[test]
fn the_version_is_told() {
    let assert = Scratch::new().logit(&["--version"]).success();
    assert_eq!(stdout(&assert), format!("logit {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(stderr(&assert), "");
}
