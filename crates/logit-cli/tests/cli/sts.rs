//! Sentence similarity: `train sts`, `eval`, `predict` and `study sts`, on a few captions and a few word vectors.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Scratch, json, refused, set, stderr, stdout};

/// The files of the tests; `NOTICE` beside them says where they come from.
fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sts").join(name);
    path.to_str().unwrap().to_owned()
}

/// Trains on the captions for a few epochs, in `run`.
fn train(scratch: &Scratch, args: &[&str]) -> Value {
    let (data, vectors) = (fixture("images.tsv"), fixture("glove"));
    let given = ["train", "sts", "--data", &data, "--vectors", &vectors, "--out", "run", "--json"];
    let small = set(&["train.batch_size=50", "model.word_units=32", "model.hidden=16"]);
    json(&scratch.logit(&[&given[..], &small, args].concat()).success())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A folder in the benchmark's form, with a row in one of its files replaced.
fn folder_with(scratch: &Scratch, file: &str, row: &str) -> String {
    let folder = scratch.path("stsb");
    std::fs::create_dir_all(&folder).unwrap();
    let good = "A dog runs.,A dog is running.,4.8\n\"A cat, asleep.\",A man plays a flute.,0.2\n";
    for part in ["train", "dev", "test"] {
        let name = format!("stsb-en-{part}.csv");
        let text = if name == file { format!("{good}{row}\n") } else { good.to_owned() };
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

/// A folder of word vectors, with files added or replaced.
fn vectors_with(scratch: &Scratch, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = scratch.path("vectors");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["glove.safetensors", "glove.vocab.txt"] {
        std::fs::copy(fixture(&format!("glove/{name}")), folder.join(name)).unwrap();
    }
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn a_head_learns_from_captions_and_is_judged_on_others() {
    let scratch = Scratch::new();
    let trained = train(&scratch, &["--epochs", "12", "--head", "expected"]);
    assert!(number(&trained["pearson"]) > 0.5, "{trained}");
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    let keys: Vec<&str> = judged.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["mae", "mse", "pearson", "samples", "spearman"]);
    for key in ["pearson", "spearman", "mae", "mse"] {
        assert_eq!(judged[key], trained[key], "{key}");
    }
    assert_eq!(judged["samples"], 40);
    let report = scratch.text("run/report.html");
    for part in ["Furthest off", "words without a vector", "40 test", "glove"] {
        assert!(report.contains(part), "no {part} in the report");
    }
}

#[test]
fn frozen_vectors_are_no_part_of_the_checkpoint() {
    let scratch = Scratch::new();
    train(&scratch, &["--epochs", "1"]);
    let trained = std::fs::metadata(scratch.path("run/best.safetensors")).unwrap().len();
    // 32·100 + 32 of the words, 100² of the mean, 264·16 + 16 of the pair, 16·6 + 6 of the head, in f32.
    let numbers = 32 * 100 + 32 + 100 * 100 + 264 * 16 + 16 + 16 * 6 + 6;
    assert!((4 * numbers..4 * numbers + 4000).contains(&trained), "{trained} bytes");
}

#[test]
fn the_pearson_head_is_recalibrated_on_dev_and_shows_what_that_changes() {
    let scratch = Scratch::new();
    let trained = train(&scratch, &["--epochs", "6", "--head", "pearson"]);
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    assert_eq!(judged["mae"], trained["mae"]);
    assert!(number(&judged["mae"]) < number(&judged["mae_before_recalibration"]), "{judged}");
    let calibration: Value = serde_json::from_str(&scratch.text("run/calibration.json")).unwrap();
    let line = [number(&calibration["linear"][0]), number(&calibration["linear"][1])];
    assert!(scratch.text("run/report.html").contains("Linear recalibration"));
    let told = json(&scratch.logit(&["predict", "run", "two dogs", "two dogs run", "--json"]).success());
    let mapped = (line[0] + line[1] * number(&told["raw"])).clamp(0.0, 5.0);
    assert!((number(&told["score"]) - mapped).abs() < 1e-9, "{told}");
    // Without the line the scores are the head's own.
    scratch.unbind("run");
    scratch.write("run/calibration.json", "{}");
    let raw = json(&scratch.logit(&["eval", "run", "--json"]).success());
    assert_eq!(raw["mae"], judged["mae_before_recalibration"]);
}

#[test]
fn two_sentences_get_a_score_and_the_steps_their_probabilities() {
    let scratch = Scratch::new();
    train(&scratch, &["--epochs", "6", "--head", "ordinal"]);
    let args = ["predict", "run", "A zyzzyx dog runs.", "A dog is running.", "--json"];
    let told = json(&scratch.logit(&args).success());
    let shares: Vec<f64> = told["probabilities"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(shares.len(), 6);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{told}");
    let expected: f64 = shares.iter().enumerate().map(|(step, share)| step as f64 * share).sum();
    assert!((number(&told["score"]) - expected).abs() < 1e-5, "{told}");
    assert_eq!(told["unknown"], serde_json::json!([["a", "zyzzyx"], ["a"]]));
    let text = stdout(&scratch.logit(&args[..4]).success());
    assert!(text.contains(" of 5") && text.contains("left out of the first: a, zyzzyx"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  ")).count(), 9, "{text}");
}

#[test]
fn two_pairs_of_sentences_are_answered_in_their_order() {
    let scratch = Scratch::new();
    train(&scratch, &["--epochs", "6", "--head", "values"]);
    let args = ["predict", "run", "a dog", "a dog", "a man on a horse", "two trains", "--json"];
    let told = json(&scratch.logit(&args).success());
    let pairs = told["predictions"].as_array().unwrap();
    assert_eq!(pairs[1]["sentences"][1], "two trains");
    assert!(pairs.iter().all(|pair| pair.get("probabilities").is_none()), "{told}");
    // The order of the two does not matter.
    let turned =
        json(&scratch.logit(&["predict", "run", "two trains", "a man on a horse", "--json"]).success());
    assert!((number(&turned["score"]) - number(&pairs[1]["score"])).abs() < 1e-4, "{turned}");
}

#[test]
fn a_run_is_started_by_relative_paths_and_gone_on_with_elsewhere() {
    let scratch = Scratch::new();
    vectors_with(&scratch, &[]);
    std::fs::copy(fixture("images.tsv"), scratch.path("pairs.tsv")).unwrap();
    let args =
        ["train", "sts", "--data", "pairs.tsv", "--vectors", "vectors", "--epochs", "1", "--out", "run"];
    scratch.logit(&args).success();
    let elsewhere = Scratch::new();
    let run = scratch.path("run");
    let run = run.to_str().unwrap();
    let first = json(&elsewhere.logit(&["eval", run, "--json"]).success());
    let again = json(&elsewhere.logit(&["train", "--resume", run, "--json"]).success());
    assert_eq!(first["pearson"], again["pearson"]);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let metrics = |seed: &str| {
        let scratch = Scratch::new();
        train(&scratch, &["--epochs", "2", "--seed", seed]);
        scratch.text("run/metrics.jsonl")
    };
    let first = metrics("7");
    assert_eq!(first, metrics("7"));
    assert_ne!(first, metrics("8"));
}

#[test]
fn what_is_not_given_is_asked_for() {
    let scratch = Scratch::new();
    let (data, vectors) = (fixture("images.tsv"), fixture("glove"));
    refused(scratch.logit(&["train", "sts", "--vectors", &vectors]), 2, &["--data", "stsb-en-train.csv"]);
    refused(scratch.logit(&["train", "sts", "--data", &data]), 2, &["--vectors", "safetensors"]);
    let args = ["train", "sts", "--data", &data, "--vectors", &vectors, "--head", "softmax"];
    refused(scratch.logit(&args), 2, &["`softmax`", "`values`", "`ordinal`"]);
    refused(scratch.logit(&["train", "digits", "--head", "pearson"]), 2, &["digits", "`head`"]);
    refused(scratch.logit(&["study", "sts", "--data", &data]), 2, &["--vectors"]);
    refused(scratch.logit(&["study", "sts", "--vectors", &vectors]), 2, &["--data"]);
    assert!(!scratch.path("runs").exists() && !scratch.path("run").exists(), "a run was made all the same");
}

#[test]
fn a_row_that_cannot_be_used_is_named() {
    let scratch = Scratch::new();
    let vectors = fixture("glove");
    let rows = [
        ("stsb-en-train.csv", "only,two", "stsb-en-train.csv, row 3: 2 columns instead of 3"),
        ("stsb-en-dev.csv", "one, two,three,1", "stsb-en-dev.csv, row 3: 4 columns instead of 3"),
        ("stsb-en-test.csv", "a,b,5.5", "stsb-en-test.csv, row 3: the score is \"5.5\""),
        ("stsb-en-train.csv", "a,b,alike", "row 3: the score is \"alike\"; it must be a number from 0 to 5"),
        ("stsb-en-train.csv", "a,b,nan", "row 3: the score is \"nan\""),
        ("stsb-en-train.csv", ",b,1", "row 3: the first sentence is empty"),
        ("stsb-en-train.csv", "a, ,1", "row 3: the second sentence is empty"),
    ];
    for (file, row, part) in rows {
        let data = folder_with(&scratch, file, row);
        let args = ["train", "sts", "--data", &data, "--vectors", &vectors, "--out", "run"];
        refused(scratch.logit(&args), 1, &[part]);
    }
    let data = folder_with(&scratch, "", "");
    std::fs::write(scratch.path("stsb/stsb-en-dev.csv"), b"\xFFa,b,1\n").unwrap();
    let args = ["train", "sts", "--data", &data, "--vectors", &vectors, "--out", "run"];
    refused(scratch.logit(&args), 1, &["stsb-en-dev.csv, row 1", "UTF-8"]);
    scratch.write("stsb/stsb-en-dev.csv", "a,b,1\nc,d,1\n");
    refused(scratch.logit(&args), 1, &["the dev part", "one score for all pairs"]);
    std::fs::remove_file(scratch.path("stsb/stsb-en-dev.csv")).unwrap();
    refused(scratch.logit(&args), 1, &["holds no stsb-en-dev.csv", "TSV"]);
    scratch.write("odd.tsv", "score\tsentence1\tsentence2\n1\ta\tb\n");
    let args = ["train", "sts", "--data", "odd.tsv", "--vectors", &vectors, "--out", "run"];
    refused(scratch.logit(&args), 1, &["odd.tsv begins with", "split"]);
    assert!(!scratch.path("run").exists(), "a run was made all the same");
}

#[test]
fn word_vectors_that_cannot_be_used_are_named() {
    let scratch = Scratch::new();
    let data = fixture("images.tsv");
    let refuses = |vectors: &Path, parts: &[&str]| {
        let vectors = vectors.to_str().unwrap();
        refused(
            scratch.logit(&["train", "sts", "--data", &data, "--vectors", vectors, "--out", "run"]),
            1,
            parts,
        );
    };
    refuses(&scratch.path("nowhere"), &["nowhere", "put them there"]);
    let words = std::fs::read(fixture("glove/glove.vocab.txt")).unwrap();
    let fewer = &words[words.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
    refuses(&vectors_with(&scratch, &[("glove.vocab.txt", fewer)]), &["has 651 rows", "has 650 words"]);
    refuses(&vectors_with(&scratch, &[("glove.vocab.txt", b"\xFF\n")]), &["glove.vocab.txt", "UTF-8"]);
    let mut bytes = std::fs::read(fixture("glove/glove.safetensors")).unwrap();
    let last = bytes.len() - 2;
    bytes[last..].copy_from_slice(&[0x00, 0x7C]); // infinity in half precision
    let infinite = vectors_with(&scratch, &[("glove.safetensors", &bytes)]);
    refuses(&infinite, &["glove.safetensors", "number 99 of row 650 is inf"]);
    bytes.truncate(5000);
    refuses(&vectors_with(&scratch, &[("glove.safetensors", &bytes)]), &["no safetensors"]);
    refuses(&vectors_with(&scratch, &[("tokenizer.json", b"{}")]), &["glove.vocab.txt, tokenizer.json"]);
    let tokenizer = vectors_with(&scratch, &[("tokenizer.json", b"{\"model\": {\"type\": \"Oracle\"}}")]);
    std::fs::remove_file(tokenizer.join("glove.vocab.txt")).unwrap();
    refuses(&tokenizer, &["the tokenizer", "tokenizer.json cannot be used"]);
    scratch.write("vectors/tokenizer.json", "{");
    refuses(&tokenizer, &["tokenizer.json", "no JSON"]);
    assert!(!scratch.path("run").exists(), "a run was made all the same");
}

#[test]
fn a_run_whose_vectors_are_gone_says_where_they_were() {
    let scratch = Scratch::new();
    let vectors = vectors_with(&scratch, &[]);
    let data = fixture("images.tsv");
    let args = ["train", "sts", "--data", &data, "--vectors", "vectors", "--epochs", "1", "--out", "run"];
    scratch.logit(&args).success();
    std::fs::rename(&vectors, scratch.path("moved")).unwrap();
    let gone = vectors.to_str().unwrap();
    for args in [&["eval", "run"][..], &["predict", "run", "a dog", "a cat"], &["train", "--resume", "run"]] {
        refused(scratch.logit(args), 1, &[gone, "a run keeps their path"]);
    }
    std::fs::rename(scratch.path("moved"), &vectors).unwrap();
    scratch.logit(&["eval", "run"]).success();
}

#[test]
fn sentences_that_cannot_be_compared_are_told() {
    let scratch = Scratch::new();
    train(&scratch, &["--epochs", "1"]);
    refused(scratch.logit(&["predict", "run", "a dog"]), 2, &["two by two", "1 was given"]);
    refused(scratch.logit(&["predict", "run", "a", "b", "c"]), 2, &["two by two", "3 were given"]);
    refused(scratch.logit(&["predict", "run", "a dog", ""]), 2, &["\"\" is empty"]);
    refused(scratch.logit(&["predict", "run", "a dog", "zyzzyx qqq"]), 1, &["no word of", "zyzzyx, qqq"]);
    let long = "dog ".repeat(5000);
    refused(scratch.logit(&["predict", "run", "a dog", &long]), 2, &["more than 10000 bytes"]);
    let cut = "dog ".repeat(100);
    let told = json(&scratch.logit(&["predict", "run", &cut, "a dog", "--json"]).success());
    assert_eq!(told["cut"], serde_json::json!([40, 0]));
}

#[test]
fn the_study_trains_four_heads_and_shows_the_published_figures() {
    let scratch = Scratch::new();
    let (data, vectors) = (fixture("images.tsv"), fixture("glove"));
    let given = ["study", "sts", "--data", &data, "--vectors", &vectors, "--epochs", "2", "--seed", "3"];
    let small = set(&["train.batch_size=50", "model.word_units=16", "model.hidden=8"]);
    let args = [&given[..], &small].concat();
    let assert = scratch.logit(&[&args[..], &["--out", "first", "--json"]].concat()).success();
    let told = json(&assert);
    assert_eq!((&told["seed"], &told["pairs"]), (&3.into(), &serde_json::json!([200, 40, 40])));
    let rows = told["rows"].as_array().unwrap();
    let of = |origin: &str| rows.iter().filter(|row| row["origin"] == origin).collect::<Vec<_>>();
    let measured: Vec<&str> = of("measured").iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(measured, ["cosine of mean vectors, no training", "values", "expected", "pearson", "ordinal"]);
    assert_eq!((of("published").len(), of("recalled").len()), (6, 2));
    for head in &measured[1..] {
        let row = rows.iter().find(|row| row["name"] == *head).unwrap();
        let judged = json(&scratch.logit(&["eval", &format!("first/{head}"), "--json"]).success());
        for metric in ["pearson", "spearman", "mae"] {
            assert_eq!(row["test"][metric], judged[metric], "{head}: {metric}");
            assert!(row["dev"][metric].is_number(), "{row}");
        }
        assert_eq!(row["mae_before_recalibration"].is_number(), *head == "pearson", "{row}");
        assert!(scratch.text(&format!("first/{head}/run.json")).contains("\"seed\": 3"));
    }
    let best = told["best"].as_str().unwrap();
    let dev = |name: &str| number(&rows.iter().find(|row| row["name"] == name).unwrap()["dev"]["pearson"]);
    assert!(measured[1..].iter().all(|head| dev(head) <= dev(best)), "{told}");
    let text = stdout(&scratch.logit(&args).success());
    for part in ["measured here", "published, not confirmed", "0.7840", "best on dev", "takes the MAE"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(scratch.path("runs/study-sts/pearson/report.html").exists());
    assert!(stderr(&assert).contains("values: Pearson"), "{}", stderr(&assert));
}

#[test]
fn words_are_explained_for_every_head() {
    for head in ["values", "ordinal", "expected"] {
        let scratch = Scratch::new();
        train(&scratch, &["--epochs", "2", "--head", head]);
        let args = ["explain", "run", "A dog runs.", "A cat is asleep.", "--json"];
        let told = json(&scratch.logit(&args).success());
        let explained = &told["explained"][0];
        let predicted =
            json(&scratch.logit(&["predict", "run", "A dog runs.", "A cat is asleep.", "--json"]).success());
        let apart = number(&explained["value"]) - number(&predicted["raw"]);
        assert!(apart.abs() < 1e-3, "{head}: {explained}, and {predicted}");
        let texts = explained["maps"][0]["located"]["texts"].as_array().unwrap();
        let words = |text: usize| -> Vec<&str> {
            texts[text].as_array().unwrap().iter().map(|word| word["name"].as_str().unwrap()).collect()
        };
        assert!(words(0).contains(&"dog") && words(1).contains(&"cat"), "{texts:?}");
        let sum: f64 = texts
            .iter()
            .flat_map(|text| text.as_array().unwrap())
            .map(|word| number(&word["relevance"]))
            .sum();
        // Nothing is lost between the network's inputs and the words.
        let arrived = number(&explained["maps"][0]["arrived"]);
        assert!((sum - arrived).abs() < 1e-3 * arrived.abs().max(0.1), "{sum}, not {arrived}");
        let lines = stdout(&scratch.logit(&[&args[..4], &["-o", "words.html"]].concat()).success());
        assert!(lines.contains("dog(") && scratch.text("words.html").contains("dog"), "{lines}");
    }
}

#[test]
fn other_vectors_of_the_same_sizes_are_told() {
    let scratch = Scratch::new();
    let [vectors_name, words_name] = ["glove.safetensors", "glove.vocab.txt"];
    let folder = vectors_with(&scratch, &[]);
    let data = fixture("images.tsv");
    let given = ["train", "sts", "--data", &data, "--vectors", folder.to_str().unwrap(), "--epochs", "1"];
    let small = set(&["train.batch_size=50", "model.word_units=32", "model.hidden=16"]);
    let train = |run| scratch.logit(&[&given[..], &small, &["--out", run]].concat());
    train("run").success();
    let mut numbers = std::fs::read(folder.join(vectors_name)).unwrap();
    let at = numbers.len() - 4000;
    numbers[at..].rotate_left(4);
    let mut words: Vec<String> =
        std::fs::read_to_string(folder.join(words_name)).unwrap().lines().map(str::to_owned).collect();
    words.swap(1, 2);
    let words = words.join("\n") + "\n";
    let resume = ["train", "--resume", "run"];
    let asked = [["eval", "run"].as_slice(), &["predict", "run", "a dog", "two dogs"], &resume];
    for (name, other) in [(words_name, words.as_bytes()), (vectors_name, &numbers)] {
        let whole = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(whole.len(), other.len());
        std::fs::write(folder.join(name), other).unwrap();
        for args in asked {
            let told = [&format!("{name} is not the file that run was trained with"), "train a new run"];
            refused(scratch.logit(args), 1, &told);
        }
        if name == words_name {
            train("meant").success();
            scratch.logit(&["eval", "meant"]).success();
        }
        std::fs::write(folder.join(name), whole).unwrap();
    }
    for args in asked {
        scratch.logit(args).success();
    }
}
