//! Asked wrongly: exit code 2, and a word on how to ask.

use crate::common::{Scratch, refused, stderr};

#[test]
fn an_unknown_recipe_lists_the_recipes() {
    let scratch = Scratch::new();
    for command in ["train", "recipes"] {
        refused(scratch.logit(&[command, "digitz"]), 2, &["`digitz`", "digits, digits-linear, digits-mlp"]);
    }
}

#[test]
fn a_wrong_setting_is_named() {
    let scratch = Scratch::new();
    let rows: [(&[&str], &[&str]); 10] = [
        (&["--set", "nonsense"], &["--set nonsense", "KEY=VALUE"]),
        (&["--set", "train.epoch=3"], &["`epoch`", "`epochs`"]),
        (&["--set", "train.epochs=many"], &["\"many\""]),
        (&["--set", "train.optimizer=adamw"], &["`adamw`", "`sgd`"]),
        (&["--set", "train.learning_rate=nan"], &["`train.learning_rate` is NaN"]),
        (&["--set", "data.validation=1"], &["data.validation", "1"]),
        (&["--set", "train.min_steps=9000000000000000000"], &["`train.min_steps`", "at most 100000000"]),
        (&["--epochs", "0"], &["`train.epochs` is 0"]),
        (&["--epochs", "-1"], &["'-1'"]),
        (&["--seed", "18446744073709551615"], &["--seed"]),
    ];
    for (args, parts) in rows {
        refused(scratch.logit(&[&["train", "digits-linear"], args].concat()), 2, parts);
    }
    assert!(!scratch.path("runs").exists(), "a run was made all the same");
}

#[test]
fn what_clap_refuses_shows_the_usage() {
    let scratch = Scratch::new();
    let rows: [(&[&str], &str); 9] = [
        (&["train"], "<RECIPE|FILE>"),
        (&["train", "digits", "--fast"], "--fast"),
        (&["train", "digits", "--resume", "run"], "--resume"),
        (&["eval"], "<RUN>"),
        (&["predict", "run"], "<INPUT>"),
        (&["study"], "activations"),
        (&["study", "activations", "--steps", "0"], "--steps"),
        (&["completions", "csh"], "fish"),
        (&["frobnicate"], "frobnicate"),
    ];
    for (args, part) in rows {
        let assert = scratch.logit(args).code(2);
        let told = stderr(&assert);
        assert!(told.contains(part) && told.contains("--help"), "{args:?}: {told}");
        assert!(assert.get_output().stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn no_arguments_show_the_help() {
    let assert = Scratch::new().logit(&[]).code(2);
    let told = stderr(&assert);
    assert!(told.contains("Examples:") && told.contains("predict"), "{told}");
}

#[test]
fn what_does_not_fit_leaves_no_run_behind() {
    let scratch = Scratch::new();
    let rows: [(&[&str], i32, &str); 4] = [
        (&["--data", "nowhere"], 1, "nowhere"),
        (&["--set", "loss.weight=[1]"], 2, "`weight` has 1 entries"),
        (&["--set", "loss.label_smoothing=5"], 2, "`label_smoothing` is 5"),
        (&["--set", "data.validation=1e-9"], 1, "`data.validation`"),
    ];
    for (args, code, part) in rows {
        let args = [&["train", "digits-linear", "--epochs", "1", "--out", "run"], args].concat();
        refused(scratch.logit(&args), code, &[part]);
        assert!(!scratch.path("run").exists(), "{args:?} left a run behind");
    }
}

#[cfg(unix)]
#[test]
fn a_recipe_that_would_never_end_is_refused() {
    refused(Scratch::new().logit(&["train", "/dev/zero"]), 2, &["/dev/zero", "not a regular file"]);
}
