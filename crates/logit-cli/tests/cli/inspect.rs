//! `inspect`: the network of a run or of a recipe, step by step.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::common::{Scratch, json, refused, set, stdout};

/// The lines of a text, with one space wherever there are several.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn assert_has(lines: &[String], wanted: &str) {
    assert!(lines.iter().any(|line| line == wanted), "no {wanted:?} in {lines:#?}");
}

/// What is told of each step under a key.
fn all<'a>(told: &'a Value, key: &str) -> Vec<&'a Value> {
    told["steps"].as_array().unwrap().iter().map(|step| &step[key]).collect()
}

#[test]
fn a_run_is_a_table_of_steps_and_what_the_output_means() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let table = "\
run: SoftmaxClassifier, recipe digits-linear

step  kind          input from  input → output     parameters
head  flatten                   N×1×28×28 → N×784
      head classes              N×784 → N×10             7850

inputs         images N×1×28×28
parameters     7850 learned; 31400 bytes
answer         one of K classes: 10 units (0, 1, 2, 3, 4, 5, 6, 7 and 2 more)
loss           cross entropy (`CrossEntropyLoss`)
probabilities  softmax over the units
decision       argmax; top-k
weights        best.safetensors, which fits
";
    assert_eq!(stdout(&scratch.logit(&["inspect", "run"]).success()), table);
}

#[test]
fn a_recipe_needs_no_run() {
    let scratch = Scratch::new();
    let told = json(&scratch.logit(&["inspect", "digits", "--json"]).success());
    assert_eq!(
        (&told["network"], &told["recipe"], &told["weights"]),
        (&json!("ConvNet"), &json!("digits"), &Value::Null)
    );
    assert_eq!(told["totals"], json!({"learned": 21840, "running": 0, "bytes": 4 * 21840}));
    let (inputs, outputs) = (all(&told, "inputs"), all(&told, "outputs"));
    assert_eq!((inputs[0], outputs.last().unwrap()), (&json!([0]), &&json!([told["logits"]])));
    assert_eq!(inputs[1..], outputs[..outputs.len() - 1], "a chain");
    assert_eq!(told["values"][0], json!({"shape": ["N", 1, 28, 28]}));
    let conv =
        json!({"kernel": [5, 5], "stride": [1, 1], "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": 1});
    assert_eq!((all(&told, "kind")[0], all(&told, "attributes")[0]), (&json!("conv2d"), &conv));
    // A recipe in a file is as good.
    let text = stdout(&scratch.logit(&["recipes", "digits"]).success());
    scratch.write("mine.toml", text);
    assert_eq!(json(&scratch.logit(&["inspect", "mine.toml", "--json"]).success())["steps"], told["steps"]);
}

/// A table with a number that is blank in places, and a text of 17 values.
fn with_table() -> Scratch {
    let scratch = Scratch::new();
    let mut table = "length,place,kind\n".to_owned();
    for row in 0..102 {
        let length = if row % 10 == 9 { String::new() } else { row.to_string() };
        let _ = writeln!(table, "{length},place {},{}", row % 17, ["a", "b"][row % 2]);
    }
    scratch.write("table.csv", table);
    let small = set(&["model.hidden=[8]", "train.batch_size=16"]);
    let train = ["train", "table.csv", "--target", "kind", "--epochs", "1", "--out", "run", "--json"];
    scratch.logit(&[&train[..], &small].concat()).success();
    scratch
}

#[test]
fn columns_of_a_table_are_embedded_and_joined() {
    let scratch = with_table();
    // What the network is, the run keeps.
    std::fs::remove_file(scratch.path("table.csv")).unwrap();
    let told = json(&scratch.logit(&["inspect", "run", "--json"]).success());
    assert_eq!(told["inputs"], json!([{"name": "numbers", "value": 0}, {"name": "category1", "value": 1}]));
    assert_eq!((&told["values"][0]["shape"], &told["values"][1]["shape"]), (&json!(["N", 2]), &json!(["N"])));
    assert_eq!(all(&told, "kind"), ["embedding", "concat", "linear", "relu", "dropout", "head"]);
    let embedding = json!([{"name": "weight", "shape": [18, 10], "learned": true}]);
    assert_eq!(told["steps"][0]["parameters"], embedding);
    let joined = &told["steps"][1];
    assert_eq!((&joined["inputs"], &joined["attributes"]), (&json!([0, 2]), &json!({"axis": 1})));
    let numbers = 18 * 10 + (12 + 1) * 8 + (8 + 1) * 2;
    assert_eq!(told["totals"], json!({"learned": numbers, "running": 0, "bytes": 4 * numbers}));
    assert_eq!((&told["answer"]["kind"], &told["answer"]["units"]), (&json!("classes"), &json!(["a", "b"])));
    assert_eq!(told["weights"], json!({"state": "fit"}));
    let lines = lines(&stdout(&scratch.logit(&["inspect", "run"]).success()));
    assert_has(&lines, "columns.joined concat axis 1 numbers, category1.embedded N×2, N×10 → N×12");
    assert_has(&lines, "inputs numbers N×2, category1 N");
}

#[test]
fn weights_that_are_missing_or_damaged_are_told_and_the_network_shown() {
    let scratch = Scratch::new();
    scratch.trained("run");
    scratch.write("run/best.safetensors", "nothing of the kind");
    let told = json(&scratch.logit(&["inspect", "run", "--json"]).success());
    assert_eq!((&told["weights"]["state"], &told["totals"]["learned"]), (&json!("unusable"), &json!(7850)));
    assert!(told["weights"]["reason"].as_str().unwrap().contains("is damaged"), "{told}");
    std::fs::remove_file(scratch.path("run/best.safetensors")).unwrap();
    let lines = lines(&stdout(&scratch.logit(&["inspect", "run"]).success()));
    assert!(lines.iter().any(|line| line.contains("best.safetensors is gone")), "{lines:?}");
    assert_has(&lines, "head classes N×784 → N×10 7850");
}

#[test]
fn the_skips_of_a_u_net_are_named() {
    let scratch = Scratch::new();
    let lines = lines(&stdout(&scratch.logit(&["inspect", "nuclei"]).success()));
    assert_eq!(lines[0], "nuclei: UNet");
    assert_has(&lines, "down1 conv2d 3×3, padding 1 N×1×256×256 → N×16×256×256 160");
    assert_has(&lines, "up1 concat axis 1 down4, up1.doubled N×128×32×32, N×128×32×32 → N×256×32×32");
    assert_has(&lines, "up4 concat axis 1 down1, up4.doubled N×16×256×256, N×16×256×256 → N×32×256×256");
    assert_has(&lines, "answer one of K classes: 3 units (background, nucleus, boundary)");
    assert!(
        lines.iter().any(|line| line.ends_with(" bytes") && line.contains(" running statistics; ")),
        "{lines:?}"
    );
}

#[test]
fn a_network_may_end_in_a_sum() {
    let scratch = Scratch::new();
    let lines = lines(&stdout(&scratch.logit(&["inspect", "digit-pairs"]).success()));
    assert_has(&lines, "first flatten N×1×28×56 → N×1568");
    assert_has(&lines, "sum_pool 4 N×400 → N×100");
    assert_has(&lines, "sum_pool 400 N×400 → N×1");
    assert_has(&lines, "parameters 668000 learned; 2672000 bytes");
    assert_has(&lines, "answer a number, or several: 1 unit (a digit of 0 to 3)");
}

#[test]
fn two_sentences_are_two_rows_of_a_sample() {
    let scratch = Scratch::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sts");
    let (data, vectors) = (format!("{fixtures}/images.tsv"), format!("{fixtures}/glove"));
    let train =
        ["train", "sts", "--data", &data, "--vectors", &vectors, "--epochs", "1", "--out", "run", "--json"];
    let small = set(&["train.batch_size=50", "model.word_units=32", "model.hidden=16"]);
    scratch.logit(&[&train[..], &small].concat()).success();
    let lines = lines(&stdout(&scratch.logit(&["inspect", "run"]).success()));
    assert_has(
        &lines,
        "sentences.halves split axis 0 2N×@ → N×@, N×@"
            .replace('@', &(32 + width(&lines)).to_string())
            .as_str(),
    );
    assert_has(
        &lines,
        "features.alike product sentences.halves.1, sentences.halves.2 N×@, N×@ → N×@"
            .replace('@', &(32 + width(&lines)).to_string())
            .as_str(),
    );
}

/// How many numbers a word's vector has, by the line of inputs.
fn width(lines: &[String]) -> usize {
    let inputs = lines.iter().find(|line| line.starts_with("inputs ")).unwrap();
    inputs.rsplit('×').next().unwrap().parse().unwrap()
}

#[test]
fn what_is_no_network_is_told() {
    let scratch = Scratch::new();
    refused(scratch.logit(&["inspect", "nothing"]), 1, &["no run `nothing`", "logit recipes"]);
    std::fs::create_dir(scratch.path("empty")).unwrap();
    refused(scratch.logit(&["inspect", "empty"]), 1, &["empty holds no run"]);
    for recipe in ["table", "images", "sts"] {
        let name = format!("the recipe `{recipe}`");
        refused(scratch.logit(&["inspect", recipe]), 2, &[&name, "logit inspect RUN"]);
    }
    refused(scratch.logit(&["inspect"]), 2, &["error: ", "RUN|RECIPE"]);
}
