//! Pairs of digits: `digit-pairs`, from training to prediction.

use image::{GrayImage, Luma, imageops};
use logit_zoo::data::digits;
use serde_json::Value;

use crate::common::{Scratch, json, refused, set, shared_data, stderr, stdout};

/// Few pairs, so that a test takes no longer than it must.
const SMALL: [&str; 3] = ["data.pairs=3200", "data.validation_pairs=300", "data.test_pairs=1000"];

fn train(scratch: &Scratch, run: &str, more: &[&str]) -> Value {
    let args = [&["train", "digit-pairs", "--epochs", "1", "--out", run, "--json"], &set(&SMALL)[..], more];
    json(&scratch.logit(&args.concat()).success())
}

/// A test digit: 7 2 1 0 4 1 4 9 5 9 are the first.
fn digit(row: usize) -> GrayImage {
    let test = digits::embedded().unwrap().test;
    GrayImage::from_raw(28, 28, test.image(row).unwrap().to_vec()).unwrap()
}

#[test]
fn a_run_learns_and_is_judged() {
    let scratch = Scratch::new();
    let told = train(&scratch, "run", &[]);
    let mse = told["mse"].as_f64().unwrap();
    // What the best constant reaches on as many positives as uniform pairs of MNIST have.
    assert!(mse < 2000.0, "no better than a constant: {told}");
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    let keys: Vec<&str> = judged.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["accuracy", "auroc", "mse", "samples"]);
    for key in ["accuracy", "auroc", "mse"] {
        assert_eq!(judged[key], told[key], "{key}");
    }
    assert_eq!(judged["samples"], 1000);
    assert!(judged["auroc"].as_f64().unwrap() > 0.7, "{judged}");
    let told = stdout(&scratch.logit(&["eval", "run"]).success());
    let names: Vec<&str> = told.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(names, ["mean squared error", "accuracy", "AUROC", "test samples"]);
    let report = scratch.text("run/report.html");
    for part in ["Where the digit of 0 to 3 is", "Biases", "150 and more", "uniform sampling", "668000"] {
        assert!(report.contains(part), "no {part} in the report");
    }
}

#[test]
fn the_test_pairs_do_not_hang_on_the_seed_of_the_run() {
    let scratch = Scratch::new();
    let truths = |run: &str, more: &[&str]| {
        train(&scratch, run, more);
        // The rows of the confusion matrix, which are counts of the pairs alone, summed over its columns.
        let report = scratch.text(&format!("{run}/report.html"));
        let (_, table) = report.split_once("Where the digit of 0 to 3 is").unwrap();
        let cells: Vec<String> = table
            .split("<th scope=\"row\"")
            .skip(1)
            .take(4)
            .map(|row| row.split("<td").nth(1).unwrap().split(['>', '<']).nth(1).unwrap().to_owned())
            .collect();
        cells
    };
    let first = truths("first", &["--seed", "1"]);
    assert_eq!(first.iter().map(|count| count.parse::<u32>().unwrap()).sum::<u32>(), 1000);
    assert_eq!(first, truths("second", &["--seed", "2"]));
    assert_ne!(first, truths("other", &["--set", "data.test_seed=2"]));
}

#[test]
fn balanced_pairs_are_half_and_half() {
    let scratch = Scratch::new();
    train(&scratch, "run", &["--set", "data.sampling=balanced"]);
    let report = scratch.text("run/report.html");
    assert!(report.contains("balanced sampling"));
    // 2500 at best; uniform pairs have about 2260.
    let constant = report
        .split("a constant's is at least ")
        .nth(1)
        .or_else(|| report.split("a constant&#39;s is at least ").nth(1));
    let constant: f64 = constant.unwrap().split(')').next().unwrap().parse().unwrap();
    assert!(constant > 2480.0, "{constant}");
}

#[test]
fn pairs_moves_and_biases_follow_from_the_seed() {
    let scratch = Scratch::new();
    for (run, seed) in [("first", "7"), ("second", "7"), ("other", "8")] {
        train(&scratch, run, &["--seed", seed]);
    }
    let metrics = |run: &str| scratch.text(&format!("{run}/metrics.jsonl"));
    assert_eq!(metrics("first"), metrics("second"));
    assert_ne!(metrics("first"), metrics("other"));
}

#[test]
fn two_pictures_are_a_pair() {
    let scratch = Scratch::new();
    train(&scratch, "run", &[]);
    digit(0).save(scratch.path("seven.png")).unwrap();
    let mut two = digit(1);
    imageops::invert(&mut two);
    two.save(scratch.path("two.png")).unwrap();
    let told = json(&scratch.logit(&["predict", "run", "seven.png", "two.png", "--json"]).success());
    assert_eq!((&told["left"]["input"], &told["right"]["input"]), (&"seven.png".into(), &"two.png".into()));
    assert_eq!((&told["left"]["inverted"], &told["right"]["inverted"]), (&false.into(), &true.into()));
    let value = told["value"].as_f64().unwrap();
    assert_eq!(told["decision"], value >= 50.0);

    let plain = stdout(&scratch.logit(&["predict", "run", "seven.png", "two.png"]).success());
    assert!(plain.starts_with(&format!("seven.png, two.png: {value:.2}, ")), "{plain}");
    assert!(plain.ends_with("  (two.png: taken as dark ink on a bright ground)\n"), "{plain}");

    // The halves are not exchanged, and a pair's answer does not hang on its neighbours.
    let files = ["two.png", "seven.png", "seven.png", "two.png"];
    let told = json(&scratch.logit(&[&["predict", "run", "--json"], &files[..]].concat()).success());
    let values: Vec<f64> =
        told["predictions"].as_array().unwrap().iter().map(|each| each["value"].as_f64().unwrap()).collect();
    assert_eq!(values.len(), 2);
    assert!((values[1] - value).abs() < 1e-2 && (values[0] - value).abs() > 1e-2, "{value}, {values:?}");
}

#[test]
fn an_odd_number_of_pictures_and_what_is_no_picture_are_named() {
    let scratch = Scratch::new();
    train(&scratch, "run", &[]);
    digit(0).save(scratch.path("one.png")).unwrap();
    let parts = ["two pictures for each", "not 1 in all"];
    refused(scratch.logit(&["predict", "run", "one.png", "--json"]), 2, &parts);
    let three = ["predict", "run", "one.png", "one.png", "one.png"];
    refused(scratch.logit(&three), 2, &["two pictures for each", "not 3 in all"]);
    scratch.write("text.png", "not a picture");
    refused(scratch.logit(&["predict", "run", "one.png", "text.png"]), 1, &["text.png is neither a PNG"]);
    GrayImage::from_pixel(40, 40, Luma([255])).save(scratch.path("blank.png")).unwrap();
    refused(scratch.logit(&["predict", "run", "blank.png", "one.png"]), 1, &["blank.png is blank"]);
    // A code beyond all numbers, as only a damaged run has it.
    scratch.unbind("run");
    std::fs::remove_file(scratch.path("run/calibration.json")).unwrap();
    scratch.edit("run/recipe.toml", "high = 1.5", "high = 1e300");
    let parts = ["one.png, one.png: the value is ", "cannot be used"];
    refused(scratch.logit(&["predict", "run", "one.png", "one.png"]), 1, &parts);
}

#[test]
fn a_wrong_value_of_the_recipe_is_named() {
    let scratch = Scratch::new();
    let rows: [(&str, i32, &[&str]); 9] = [
        ("model.pool=3", 2, &["`model.pool` is 3", "a divisor of `model.units`"]),
        ("model.deviation=-1.0", 2, &["`model.deviation` is -1"]),
        ("data.sampling=even", 2, &["even", "uniform"]),
        ("data.low=0.5", 2, &["`data.low` is 0.5", "at most 0"]),
        ("data.shift=100", 2, &["`data.shift` is 100"]),
        ("data.test_pairs=0", 2, &["`data.test_pairs` is 0"]),
        ("loss.weight=[1.0, 2.0]", 2, &["`loss`: ", "`weight`"]),
        ("loss.delta=1.0", 2, &["delta"]),
        ("data.validation=1e-9", 1, &["the validation part of the embedded digits has no digit of 0 to 3"]),
    ];
    for (setting, code, parts) in rows {
        let args = ["train", "digit-pairs", "--epochs", "1", "--out", "run", "--set", setting];
        refused(scratch.logit(&args), code, parts);
        assert!(!scratch.path("run").exists(), "{setting} left a run behind");
    }
    // Few enough pairs to be all of one kind.
    let args = [&["train", "digit-pairs", "--epochs", "1", "--out", "run"], &set(&SMALL)[..]].concat();
    let args = [&args[..], &["--set", "data.validation_pairs=1"]].concat();
    refused(scratch.logit(&args), 1, &["1 pairs to judge on", "raise `data.test_pairs`"]);
}

/// The four files of a data set in the form of MNIST, all images black.
fn folder_of(scratch: &Scratch, side: u32, labels: &[u8]) {
    std::fs::create_dir_all(scratch.path("data")).unwrap();
    let count = labels.len() as u32;
    let images: Vec<u8> = [0x0803, count, side, side].iter().flat_map(|word| word.to_be_bytes()).collect();
    let images = [images, vec![0; labels.len() * (side * side) as usize]].concat();
    let header: Vec<u8> = [0x0801, count].iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    let labels = [&header[..], labels].concat();
    for part in ["train", "t10k"] {
        scratch.write(&format!("data/{part}-images-idx3-ubyte"), &images);
        scratch.write(&format!("data/{part}-labels-idx1-ubyte"), &labels);
    }
}

#[test]
fn digits_of_which_no_pairs_can_be_made_are_named() {
    let scratch = Scratch::new();
    let train = || scratch.logit(&["train", "digit-pairs", "--data", "data", "--out", "run"]);
    folder_of(&scratch, 20, &[0, 1, 7, 8].repeat(10));
    refused(train(), 1, &["the training part of", "data", "20×20", "28×28"]);
    folder_of(&scratch, 28, &[5, 7].repeat(10));
    refused(train(), 1, &["has no digit of 0 to 3"]);
    folder_of(&scratch, 28, &[0, 1].repeat(10));
    refused(train(), 1, &["has no digit of 4 to 9"]);
    // A tenth of two digits is none.
    folder_of(&scratch, 28, &[0, 7]);
    refused(train(), 1, &["the validation part of", "has no digit of"]);
    assert!(!scratch.path("run").exists());
}

#[test]
fn a_preset_is_a_recipe_of_its_own() {
    let scratch = Scratch::new();
    let small = set(&["data.pairs=100", "data.validation_pairs=50", "data.test_pairs=50"]);
    let args =
        [&["train", "digit-pairs", "--preset", "paper", "--epochs", "1", "--json"], &small[..]].concat();
    let told = json(&scratch.logit(&args).success());
    assert_eq!((&told["run"], &told["step"]), (&"runs/digit-pairs-paper".into(), &5.into()));
    let recipe = scratch.text("runs/digit-pairs-paper/recipe.toml");
    for line in ["optimizer = \"sgd\"", "batch_size = 20", "name = \"digit-pairs-paper\""] {
        assert!(recipe.contains(line), "no {line} in:\n{recipe}");
    }
    let paper = json(&scratch.logit(&["recipes", "digit-pairs-paper", "--json"]).success());
    let number = |table: &str, key: &str| paper[table][key].as_u64().unwrap();
    let steps = number("train", "epochs") * number("data", "pairs") / number("train", "batch_size");
    assert_eq!(steps, 300_000);
}

#[test]
fn a_preset_that_is_none_is_answered_with_those_that_are() {
    let scratch = Scratch::new();
    scratch.write("mine.toml", "");
    let rows: [(&[&str], &[&str]); 4] = [
        (&["digit-pairs", "--preset", "fast"], &["`digit-pairs` has no preset `fast`", "presets are paper"]),
        (&["digits-linear", "--preset", "paper"], &["`digits-linear` has no presets"]),
        (&["mine.toml", "--preset", "paper"], &["`mine.toml` has no presets"]),
        (&["digit-pear", "--preset", "paper"], &["no recipe is named `digit-pear`"]),
    ];
    for (args, parts) in rows {
        refused(scratch.logit(&[&["train"], args].concat()), 2, parts);
    }
    let assert = scratch.logit(&["train", "--resume", "run", "--preset", "paper"]).code(2);
    assert!(stderr(&assert).contains("--preset"), "{}", stderr(&assert));
}

#[test]
#[ignore = "needs real data, in $LOGIT_DATA or in shared/data above the workspace"]
fn on_real_data_all_of_mnist_makes_pairs() {
    let folder = shared_data("mnist");
    let scratch = Scratch::new();
    let told = train(&scratch, "run", &["--data", folder.to_str().unwrap()]);
    assert!(told["mse"].as_f64().unwrap() < 2000.0, "{told}");
    assert!(scratch.text("run/report.html").contains("54000 training, 6000 validation, 10000 test"));
}

#[test]
fn a_pair_is_explained_and_nothing_is_lost() {
    let scratch = Scratch::new();
    train(&scratch, "run", &[]);
    std::fs::create_dir(scratch.path("pairs")).unwrap();
    for (row, name) in [(0, "a"), (1, "b"), (2, "c"), (3, "d")] {
        digit(row).save(scratch.path(&format!("pairs/{name}.png"))).unwrap();
    }
    let told = scratch.logit(&["explain", "run", "pairs", "--measure", "-o", "heat.png", "--json"]).success();
    let told = json(&told);
    let all = told["explained"].as_array().unwrap();
    assert_eq!(all.len(), 2, "{told}");
    for explained in all {
        let (map, value) = (&explained["maps"][0], explained["value"].as_f64().unwrap());
        assert_eq!(
            (&map["rule"], &explained["target"]),
            (&"deep-taylor".into(), &"a digit of 0 to 3".into())
        );
        let relevance: Vec<f64> =
            map["located"]["relevance"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap()).collect();
        assert_eq!(relevance.len(), 28 * 56);
        assert!(relevance.iter().all(|r| *r >= 0.0));
        let apart = (relevance.iter().sum::<f64>() - value).abs();
        assert!(apart <= 1e-4 * value, "{apart} of {value}");
        assert!(map["measures"]["on_ink"].as_f64().unwrap() > 0.0, "{map}");
        assert!(map.get("findings").is_none(), "{map}");
    }
    let sheet = image::open(scratch.path("heat.png")).unwrap();
    assert!(sheet.width() > 300 && sheet.height() > 150, "{}×{}", sheet.width(), sheet.height());
}

#[test]
fn rules_are_compared_on_a_runs_test_pairs() {
    let scratch = Scratch::new();
    train(&scratch, "run", &[]);
    let args =
        ["study", "explain", "run", "--samples", "20", "--rule", "deep-taylor,gradient-x-input", "--json"];
    let told = json(&scratch.logit(&args).success());
    let rows = told["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &told["samples"], &rows[0]["explained"]), (2, &20.into(), &20.into()));
    assert!(
        rows[0]["worst_error"].as_f64().unwrap() < 1e-4 && rows[0]["lowest"].as_f64().unwrap() >= 0.0,
        "{told}"
    );
    let masks: Vec<&String> = rows[0]["mass"].as_object().unwrap().keys().collect();
    assert!(
        ["untouched", "ink", "half"].iter().all(|mask| masks.contains(&&(*mask).to_owned())),
        "{masks:?}"
    );
    let table = stdout(&scratch.logit(&args[..7]).success());
    assert!(table.contains("on half") && table.contains("gradient-x-input"), "{table}");
}
