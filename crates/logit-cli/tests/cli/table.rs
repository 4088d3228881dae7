//! Tables and folders of images: the kind of answer, what the checks say, and what is predicted.

use std::fmt::Write as _;

use image::{Rgb, RgbImage};

use crate::common::{Scratch, json, refused, shared_data, stderr, stdout};

/// Quick training.
const QUICK: [&str; 4] = ["--epochs", "15", "--set", "train.batch_size=16"];

/// Flowers of three kinds, told apart by two numbers and a colour; every tenth number is blank.
fn flowers(rows: usize) -> String {
    let mut table = "length,width,colour,kind\n".to_owned();
    for row in 0..rows {
        let kind = row % 3;
        let wobble = (row * 7 % 10) as f64 / 10.0;
        let length = if row % 10 == 9 { "NA".to_owned() } else { format!("{}", 5.0 * kind as f64 + wobble) };
        let colour = ["red", "blue", "white"][kind];
        let _ = writeln!(table, "{length},{},{colour},{}", 3.0 - kind as f64 + wobble, ["a", "b", "c"][kind]);
    }
    table
}

fn train(scratch: &Scratch, args: &[&str]) -> serde_json::Value {
    json(&scratch.logit(&[&["train"], args, &QUICK, &["--json"]].concat()).success())
}

fn number(of: &serde_json::Value, key: &str) -> f64 {
    of[key].as_f64().unwrap_or_else(|| panic!("no {key} in {of}"))
}

#[test]
fn classes_are_found_learned_and_predicted() {
    let scratch = Scratch::new();
    scratch.write("flowers.csv", flowers(150));
    let end = train(&scratch, &["flowers.csv", "--target", "kind", "--out", "run"]);
    assert!(number(&end, "accuracy") > 0.95, "{end}");
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    assert_eq!(judged["accuracy"], end["accuracy"]);
    assert_eq!(scratch.text("run/test_rows.txt").lines().count(), 30);
    assert!(scratch.text("run/report.html").contains("the target is text, such as"));

    scratch.write("new.csv", "kind,colour,width,length\n,red,3.1,0.2\n,green,,\n");
    let told = json(&scratch.logit(&["predict", "run", "new.csv", "-o", "out.csv", "--json"]).success());
    assert_eq!(told["rows"], 2);
    let lines: Vec<String> = scratch.text("out.csv").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("kind,colour,width,length,logit:a,logit:b,logit:c,probability:a,"),
        "{}",
        lines[0]
    );
    assert!(lines[1].ends_with(",a"), "{}", lines[1]);
    let shown = scratch.logit(&["predict", "run", "new.csv"]).success();
    assert!(stdout(&shown).contains("decision"), "{}", stdout(&shown));
}

#[test]
fn each_kind_of_answer_has_its_metrics() {
    let scratch = Scratch::new();
    let mut table = "x,z,label1,label2,amount,grade\n".to_owned();
    for row in 0..120 {
        let (x, z) = (f64::from(row % 12), f64::from(row * 5 % 7));
        let _ = writeln!(
            table,
            "{x},{z},{},{},{},{}",
            u8::from(x > 5.0),
            u8::from(z > 2.0),
            x + z / 3.0,
            1.0 + x / 3.0
        );
    }
    scratch.write("all.csv", &table);
    let labels = train(
        &scratch,
        &["all.csv", "--targets", "label1,label2", "--drop", "amount,grade", "--out", "labels"],
    );
    assert!(number(&labels, "micro_f1") > 0.9, "{labels}");
    assert!(scratch.text("labels/calibration.json").contains("thresholds"));
    let values = train(&scratch, &["all.csv", "--target", "amount", "--drop", "grade", "--out", "values"]);
    assert!(number(&values, "r2") > 0.9, "{values}");
    let grades = train(
        &scratch,
        &["all.csv", "--target", "grade", "--drop", "amount", "--grades", "1,5", "--out", "grades"],
    );
    assert!(number(&grades, "pearson") > 0.9 && number(&grades, "mae") < 0.5, "{grades}");
    let linear = train(&scratch, &["all.csv", "--target", "amount", "--model", "linear", "--out", "linear"]);
    assert!(number(&linear, "r2") > 0.0, "{linear}");
}

#[test]
fn the_checks_say_what_they_found_with_rows() {
    let scratch = Scratch::new();
    let mut table = "x,rare,one,two\n".to_owned();
    for row in 0..120 {
        let rare = if row % 40 == 3 { "yes" } else { "no" };
        let _ = writeln!(table, "{row},{},{},{}", if row == 50 { "" } else { rare }, row % 2, (row + 1) % 2);
    }
    scratch.write("t.csv", &table);
    let rare =
        scratch.logit(&["train", "t.csv", "--target", "rare", "--epochs", "1", "--out", "rare"]).success();
    let told = stderr(&rare);
    assert!(told.contains("warning[class-imbalance]: `no` has 116 rows and `yes` 3"), "{told}");
    assert!(told.contains("target `rare` is blank in 1 rows (rows 51)"), "{told}");
    let balanced =
        ["train", "t.csv", "--target", "rare", "--weights", "balanced", "--epochs", "1", "--out", "b"];
    assert!(!stderr(&scratch.logit(&balanced).success()).contains("class-imbalance"));
    let labels =
        scratch.logit(&["train", "t.csv", "--targets", "one,two", "--epochs", "1", "--out", "l"]).success();
    assert!(stderr(&labels).contains("binary-loss-on-exclusive-classes"), "{}", stderr(&labels));
    let classes =
        ["train", "t.csv", "--targets", "one,two", "--answer", "classes", "--epochs", "1", "--out", "c"];
    scratch.logit(&classes).success();
    assert!(scratch.text("rare/report.html").contains("rule 16"));

    scratch.write("train.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n7,a\n8,b\n9,a\n10,b\n");
    scratch.write("test.csv", "x,y\n1,a\n2,c\n");
    let unseen = ["train", "train.csv", "--target", "y", "--test", "test.csv", "--epochs", "1", "--out", "u"];
    let told = stderr(&scratch.logit(&unseen).success());
    assert!(told.contains("unseen-test-label") && told.contains("`c` (1 rows: 2)"), "{told}");
}

#[test]
fn targets_that_do_not_fit_are_refused_by_row_and_value() {
    let scratch = Scratch::new();
    scratch.write("t.csv", "x,real,from1,two,same,blank,g\n1,0.5,1,0,1,,1\n2,1.5,2,1,1,,2\n3,2.5,2,1,1,,9\n");
    let train = |args: &[&str]| scratch.logit(&[&["train", "t.csv", "--out", "run"], args].concat());
    refused(train(&[]), 2, &["name the column to learn with `--target`", "real, from1"]);
    refused(train(&["--target", "reel"]), 2, &["t.csv has no column `reel`", "its columns are x, real"]);
    refused(train(&["--target", "real", "--answer", "classes"]), 1, &["`real` is 0.5 in row 1", "[rule 10]"]);
    refused(
        train(&["--target", "from1", "--answer", "labels"]),
        1,
        &["`from1` is 2 in row 2", "count from 1", "[rule 13]"],
    );
    refused(
        train(&["--target", "same", "--answer", "classes"]),
        1,
        &["`same` is `1` in every row", "[rule 1]"],
    );
    refused(train(&["--target", "blank"]), 1, &["`blank` is blank in every row", "[rule 18]"]);
    refused(train(&["--target", "g", "--grades", "0,5"]), 1, &["`g` is 9 in row 3", "[rule 12]"]);
    refused(train(&["--target", "g", "--grades", "5"]), 2, &["LOW,HIGH"]);
    refused(
        train(&["--targets", "two,same", "--answer", "classes"]),
        1,
        &["2 rows have several", "rows 2, 3", "[rule 7]"],
    );
    refused(scratch.logit(&["train", "digits", "--target", "x"]), 2, &["`digits` is no table"]);
    assert!(!scratch.path("run").exists());
}

#[test]
fn files_that_are_no_tables_are_named() {
    let scratch = Scratch::new();
    let train = |file: &str| scratch.logit(&["train", file, "--target", "y", "--out", "run"]);
    scratch.write("short.csv", "x,y\n1,2\n3\n");
    refused(train("short.csv"), 1, &["short.csv, row 2: it has 1 fields, and the header has 2"]);
    scratch.write("latin.csv", b"x,y\n1,\xe9\n");
    refused(train("latin.csv"), 1, &["latin.csv, row 1: it is not UTF-8"]);
    scratch.write("twice.csv", "y,y\n1,2\n");
    refused(train("twice.csv"), 1, &["two columns are named `y`"]);
    scratch.write("empty.csv", "x,y\n");
    refused(train("empty.csv"), 1, &["empty.csv has no rows"]);
    scratch.write("open.arff", "@relation r\n@attribute y {0,1}\n");
    refused(train("open.arff"), 1, &["it has no line `@data`"]);
    scratch.write("no.parquet", "PAR1 and no more");
    refused(train("no.parquet"), 1, &["no.parquet: "]);
    refused(train("nowhere.csv"), 1, &["nowhere.csv"]);
    let endless = format!("x,y\n\"{}", "a".repeat(20 << 20));
    scratch.write("endless.csv", endless);
    refused(train("endless.csv"), 1, &["is a quote never closed?"]);
}

#[test]
fn a_table_to_predict_must_have_the_columns() {
    let scratch = Scratch::new();
    scratch.write("flowers.csv", flowers(60));
    train(&scratch, &["flowers.csv", "--target", "kind", "--out", "run"]);
    scratch.write("other.csv", "length,colour\n1,red\n");
    refused(scratch.logit(&["predict", "run", "other.csv"]), 1, &["other.csv has no column `width`"]);
    scratch.write("text.csv", "length,width,colour\n1,2,red\nlong,2,red\n");
    let written = scratch.logit(&["predict", "run", "text.csv", "-o", "out.csv"]);
    refused(written, 1, &["text.csv, row 2: `length` holds `long`, which is no finite number"]);
    assert!(!scratch.path("out.csv").exists() && !scratch.path("out.csv.part").exists());
    refused(scratch.logit(&["predict", "run", "a.csv", "b.csv"]), 2, &["one table at a time"]);
}

#[test]
fn other_formats_hold_the_same_rows() {
    let scratch = Scratch::new();
    let table = flowers(90);
    scratch.write("t.csv", &table);
    scratch.write("t.tsv", table.replace(',', "\t"));
    let rows = table.split_once('\n').unwrap().1;
    scratch.write("t.arff", format!("% told\n@RELATION r\n@attribute length numeric\n@attribute 'width' real\n@attribute colour {{red,blue,white}}\n@attribute kind {{a,b,c}}\n@data\n{rows}"));
    let ends: Vec<serde_json::Value> = ["t.csv", "t.tsv", "t.arff"]
        .iter()
        .map(|file| train(&scratch, &[file, "--target", "kind", "--out", &file.replace('.', "-")]))
        .collect();
    assert_eq!(ends[0]["log_loss"], ends[1]["log_loss"]);
    assert_eq!(ends[0]["log_loss"], ends[2]["log_loss"]);
}

#[test]
fn a_run_on_a_table_goes_on_with_the_same_numbers() {
    let scratch = Scratch::new();
    scratch.write("flowers.csv", flowers(90));
    let args =
        ["train", "flowers.csv", "--target", "kind", "--epochs", "4", "--set", "train.checkpoint_every=1"];
    scratch.logit(&[&args[..], &["--out", "whole"]].concat()).success();
    scratch.logit(&[&args[..], &["--out", "broken"]].concat()).success();
    assert_eq!(scratch.text("whole/metrics.jsonl"), scratch.text("broken/metrics.jsonl"));
    scratch.logit(&["train", "--resume", "broken"]).success();
    assert_eq!(scratch.text("whole/metrics.jsonl"), scratch.text("broken/metrics.jsonl"));
}

/// A folder of images, red and blue, each with some noise.
fn photos(scratch: &Scratch, folder: &str, each: u32) {
    for (class, colour) in [("red", Rgb([220, 30, 20])), ("blue", Rgb([10, 40, 200]))] {
        std::fs::create_dir_all(scratch.path(&format!("{folder}/{class}"))).unwrap();
        for number in 0..each {
            let image = RgbImage::from_fn(20 + number % 3, 16, |x, y| {
                Rgb(colour.0.map(|c: u8| c.wrapping_add(((x * 7 + y * 3 + number) % 11) as u8)))
            });
            image.save(scratch.path(&format!("{folder}/{class}/{number}.png"))).unwrap();
        }
    }
}

const SMALL: [&str; 8] =
    ["--set", "data.size=16", "--set", "model.width=4", "--set", "model.stages=2", "--set", "data.shift=1"];

#[test]
fn a_folder_of_images_is_learned() {
    let scratch = Scratch::new();
    photos(&scratch, "photos", 20);
    let end = train(&scratch, &[&["photos", "--out", "run"], &SMALL[..]].concat());
    assert!(number(&end, "accuracy") > 0.9, "{end}");
    let told = json(&scratch.logit(&["predict", "run", "photos/red/0.png", "--json"]).success());
    assert_eq!(told["values"].as_array().unwrap().last().unwrap(), "red");
    assert_eq!(json(&scratch.logit(&["eval", "run", "--json"]).success())["accuracy"], end["accuracy"]);

    let mut list = "file,warm,cold\n".to_owned();
    for number in 0..20 {
        let _ = writeln!(list, "photos/red/{number}.png,1,0\nphotos/blue/{number}.png,0,1");
    }
    scratch.write("list.csv", &list);
    let listed = ["list.csv", "--images", "file", "--targets", "warm,cold", "--out", "listed"];
    let end = train(&scratch, &[&listed[..], &SMALL[..]].concat());
    assert!(number(&end, "micro_f1") > 0.9, "{end}");
}

#[test]
fn folders_and_lists_that_cannot_be_learned_are_named() {
    let scratch = Scratch::new();
    photos(&scratch, "photos", 3);
    let train = |args: &[&str]| scratch.logit(&[&["train"], args, &["--out", "run"], &SMALL[..]].concat());
    std::fs::create_dir_all(scratch.path("one/only")).unwrap();
    refused(train(&["one"]), 1, &["holds no image"]);
    scratch.write("one/only/a.png", "no image");
    refused(train(&["one"]), 1, &["has 1 folders; it must have one for each class"]);
    std::fs::create_dir_all(scratch.path("bad/a")).unwrap();
    std::fs::create_dir_all(scratch.path("bad/b")).unwrap();
    for name in ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/3.png"] {
        scratch.write(&format!("bad/{name}"), "text");
    }
    refused(train(&["bad"]), 1, &["bad/a/1.png"]);
    std::fs::remove_dir_all(scratch.path("run")).ok();
    scratch.write(
        "list.csv",
        "file,y\n../secret.png,a\n../secret.png,b\nphotos/red/1.png,a\nphotos/red/2.png,b\n",
    );
    refused(
        train(&["list.csv", "--images", "file", "--target", "y"]),
        1,
        &["row 1", "leads out of the list's folder"],
    );
    refused(train(&["list.csv", "--images", "path", "--target", "y"]), 1, &["no column `path`"]);
    refused(
        train(&["list.csv", "--images", "file", "--target", "y", "--test", "list.csv"]),
        2,
        &["`--test` is for tables"],
    );
    refused(train(&["photos", "--target", "y"]), 2, &["`--target` is for tables and lists"]);
    refused(train(&["photos", "--data", "photos"]), 2, &["`--data photos` is for recipes"]);
}

#[test]
#[ignore = "needs real data, in $LOGIT_DATA or in shared/data above the workspace"]
fn on_real_data_tables_reach_what_they_should() {
    let tables = shared_data("tabular");
    let scratch = Scratch::new();
    let penguins = tables.join("penguins.csv");
    let args = [
        "train",
        penguins.to_str().unwrap(),
        "--target",
        "species",
        "--out",
        "run",
        "--json",
        "--epochs",
        "20",
    ];
    let end = json(&scratch.logit(&args).success());
    assert!(number(&end, "accuracy") >= 0.97, "{end}");
}

#[test]
fn the_columns_of_a_row_are_explained() {
    let scratch = Scratch::new();
    scratch.write("flowers.csv", flowers(150));
    train(&scratch, &["flowers.csv", "--target", "kind", "--out", "run"]);
    scratch.write("new.csv", "length,width,colour\n0.2,3.1,red\n10.4,1.2,white\n");
    let told = json(&scratch.logit(&["explain", "run", "new.csv", "--target", "c", "--json"]).success());
    let all = told["explained"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    let parts = all[1]["maps"][0]["located"]["parts"].as_array().unwrap();
    let names: Vec<&str> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!((names, &parts[2]["value"]), (vec!["length", "width", "colour"], &"white".into()));
    let sum: f64 = parts.iter().map(|part| number(part, "relevance")).sum();
    let arrived = number(&all[1]["maps"][0], "arrived");
    assert!((sum - arrived).abs() < 1e-3 * arrived.abs().max(0.1), "{sum}, not {arrived}");
    // What a linear rule says of the class that the row has: its length speaks for it.
    assert!(number(&parts[0], "relevance") > 0.0, "{parts:?}");
    let lines = stdout(&scratch.logit(&["explain", "run", "new.csv"]).success());
    assert!(lines.contains("length") && lines.contains("│"), "{lines}");
}
