//! Recipes from files.

use crate::common::{Scratch, json, refused, stdout};

/// A recipe file, as `logit recipes` prints one.
fn with_file() -> Scratch {
    let scratch = Scratch::new();
    let text = stdout(&scratch.logit(&["recipes", "digits-linear"]).success());
    scratch.write("mine.toml", text);
    scratch
}

#[test]
fn a_recipe_file_trains_as_the_recipe_that_it_was_copied_from() {
    let scratch = with_file();
    scratch.edit("mine.toml", "name = \"digits-linear\"", "name = \"mine\"");
    let mine = json(&scratch.logit(&["train", "mine.toml", "--epochs", "1", "--json"]).success());
    assert_eq!(mine["run"], "runs/mine");
    scratch.trained("run");
    assert_eq!(scratch.text("runs/mine/metrics.jsonl"), scratch.text("run/metrics.jsonl"));
}

#[test]
fn a_wrong_key_is_named_with_its_line() {
    let scratch = with_file();
    scratch.edit("mine.toml", "epochs = 12", "epoch = 12");
    let text = scratch.text("mine.toml");
    let line = text.lines().position(|line| line.starts_with("epoch =")).unwrap() + 1;
    refused(scratch.logit(&["train", "mine.toml"]), 2, &["mine.toml", &format!("line {line}"), "epoch = 12"]);
    refused(scratch.logit(&["train", "mine.toml", "--epochs", "1"]), 2, &["mine.toml", "`epoch`"]);
}

#[test]
fn a_value_out_of_range_is_named_with_its_file() {
    let scratch = with_file();
    scratch.edit("mine.toml", "batch_size = 128", "batch_size = 0");
    refused(scratch.logit(&["train", "mine.toml"]), 2, &["mine.toml", "`train.batch_size` is 0"]);
}

#[test]
fn what_is_no_recipe_is_named() {
    let scratch = Scratch::new();
    scratch.write("broken.toml", "name = ");
    refused(scratch.logit(&["train", "broken.toml"]), 2, &["broken.toml", "line 1"]);
    scratch.write("binary.toml", [0xFF, 0xFE, 0x00]);
    refused(scratch.logit(&["train", "binary.toml"]), 2, &["binary.toml"]);
    scratch.write("huge.toml", vec![b'#'; 2 << 20]);
    refused(scratch.logit(&["train", "huge.toml"]), 2, &["huge.toml: it has 2097152 bytes"]);
    std::fs::create_dir(scratch.path("folder")).unwrap();
    refused(
        scratch.logit(&["train", "folder"]),
        1,
        &["folder has 0 folders; it must have one for each class"],
    );
    assert!(!scratch.path("runs").exists(), "a run of a recipe that cannot be used");
}
