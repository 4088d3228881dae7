//! Tables in which something is not as it was meant: odd cells, targets that never change, files that were changed, and
//! options that contradict each other.

use std::fmt::Write as _;

use crate::common::{Scratch, json, refused, stderr, stdout};

/// A table of 60 rows: two numbers, a class, an amount.
fn rows() -> String {
    let mut table = "x,z,kind,amount\n".to_owned();
    for row in 0..60 {
        let _ = writeln!(table, "{row}.5,{},{},{}", row * 7 % 10, ["a", "b", "c"][row % 3], 2 * row + 1);
    }
    table
}

/// The table with one cell replaced.
fn with_cell(column: usize, row: usize, cell: &str) -> String {
    let mut lines: Vec<String> = rows().lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[row].split(',').collect();
    cells[column] = cell;
    lines[row] = cells.join(",");
    lines.join("\n") + "\n"
}

/// Few steps, with the learning left out of consideration.
const QUICK: [&str; 4] = ["--epochs", "1", "--set", "train.batch_size=16"];

fn train(scratch: &Scratch, args: &[&str]) -> assert_cmd::assert::Assert {
    scratch.logit(&[&["train"], args, &QUICK].concat())
}

#[test]
fn a_cell_that_spoils_a_column_is_warned_of_by_row_and_value() {
    let faults = [
        ("inf", "row 17 holds `inf`, which is not finite"),
        ("oops", "row 17 holds `oops`, which is no number"),
        ("3e38", "row 17 holds `3e38`, which is not finite, or beyond 1e18"),
        ("-NAN", "row 17 holds `-NAN`, which is not finite"),
    ];
    let scratch = Scratch::new();
    for (cell, told) in faults {
        let run = format!("run{cell}");
        scratch.write("t.csv", with_cell(0, 17, cell));
        let trained = train(&scratch, &["t.csv", "--target", "kind", "--out", &run]).success();
        let seen = stderr(&trained);
        let message = format!("warning[unreadable-cells]: column `x`: {told}");
        assert!(seen.contains(&message), "{seen}");
        assert!(seen.contains("(1 of its 60 filled cells are such)") && seen.contains("--drop x"), "{seen}");
        let checked = stdout(&scratch.logit(&["check", &run]).code(1));
        assert!(checked.contains(&message), "{checked}");
        assert!(scratch.text(&format!("{run}/report.html")).contains("unreadable-cells"));
        assert!(scratch.text(&format!("{run}/table.json")).contains("row 17 holds"));
    }
    scratch.write("t.csv", with_cell(0, 17, ""));
    let trained = train(&scratch, &["t.csv", "--target", "kind", "--out", "blank"]).success();
    assert!(!stderr(&trained).contains("unreadable-cells"), "{}", stderr(&trained));
}

#[test]
fn a_target_that_cannot_be_learned_is_refused_by_row_and_value() {
    let scratch = Scratch::new();
    for cell in ["1e300", "3e38", "inf"] {
        scratch.write("t.csv", with_cell(3, 9, cell));
        let told = format!("target `amount` is `{cell}` in row 9");
        let answers: [&[&str]; 3] = [&[], &["--answer", "values"], &["--grades", "0,200"]];
        for answer in answers {
            let args = [&["t.csv", "--target", "amount", "--out", "run"], answer].concat();
            refused(train(&scratch, &args), 1, &[&told, "1e18", "leave it blank"]);
        }
    }
    scratch.write("t.csv", with_cell(3, 9, "oops"));
    refused(
        train(&scratch, &["t.csv", "--target", "amount", "--out", "run"]),
        1,
        &["target `amount` is a number in 59 rows, but row 9 holds `oops`", "--answer classes"],
    );
    assert!(!scratch.path("run").exists());
}

#[test]
fn new_rows_with_numbers_too_large_are_named() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    train(&scratch, &["t.csv", "--target", "kind", "--out", "run"]).success();
    scratch.write("new.csv", with_cell(0, 2, "1e300"));
    for args in [["predict", "run", "new.csv"].as_slice(), &["eval", "run", "--data", "new.csv"]] {
        refused(scratch.logit(args), 1, &["new.csv, row 2: `x` holds `1e300`, which is beyond 1e18"]);
    }
}

#[test]
fn a_target_that_never_changes_is_refused_and_a_label_warned_of() {
    let scratch = Scratch::new();
    let mut table = "x,same,zero,one,varied\n".to_owned();
    for row in 0..40 {
        let _ = writeln!(table, "{row},3,0,1,{}", row % 2);
    }
    scratch.write("t.csv", table);
    let told = "target `same` is 3 in every row: there is nothing to learn";
    for answer in [["--answer", "values"], ["--grades", "0,5"]] {
        let args = [&["t.csv", "--target", "same", "--out", "run"], &answer[..]].concat();
        refused(train(&scratch, &args), 1, &[told]);
    }
    refused(
        train(&scratch, &["t.csv", "--target", "same", "--out", "run"]),
        1,
        &["`same` is `3` in every row"],
    );
    refused(
        train(&scratch, &["t.csv", "--target", "zero", "--out", "run"]),
        1,
        &["target `zero` is 0 in every row"],
    );
    let labels = train(&scratch, &["t.csv", "--targets", "zero, varied,one", "--out", "labels"]).success();
    let seen = stderr(&labels);
    assert!(seen.contains("warning[class-imbalance]: label `zero` is 0 in every row"), "{seen}");
    assert!(seen.contains("label `one` is 1 in every row") && !seen.contains("label `varied`"), "{seen}");
}

#[test]
fn metrics_that_cannot_be_told_are_left_out_and_the_run_goes_on() {
    let scratch = Scratch::new();
    let mut table = "x,amount\n".to_owned();
    for row in 0..60 {
        let _ = writeln!(table, "{row},{}.25", row * 3);
    }
    scratch.write("t.csv", table);
    scratch.write("test.csv", "x,amount\n1,7.5\n2,7.5\n");
    let args = ["t.csv", "--target", "amount", "--test", "test.csv", "--out", "run", "--json"];
    let end = json(&train(&scratch, &args).success());
    assert!(end.get("r2").is_none() && end["mse"].is_f64(), "{end}");
    let judged = json(&scratch.logit(&["eval", "run", "--json"]).success());
    assert_eq!(judged["mse"], end["mse"]);
    assert!(judged.get("r2").is_none() && !scratch.text("run/metrics.jsonl").contains("null"));
    // All validation rows have one value: the error decides.
    let mut table = "x,amount\n".to_owned();
    for row in 0..20 {
        let _ = writeln!(table, "{row},{}", if row == 0 { 0.5 } else { 2.5 });
    }
    scratch.write("nearly.csv", table);
    for seed in ["1", "2", "3"] {
        let run = format!("nearly{seed}");
        let args = ["nearly.csv", "--target", "amount", "--seed", seed, "--out", &run];
        train(&scratch, &args).success();
        scratch.logit(&["train", "--resume", &run]).success();
    }
}

#[test]
fn a_table_that_was_changed_since_is_not_judged_on() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    train(&scratch, &["t.csv", "--target", "kind", "--out", "run"]).success();
    scratch.logit(&["eval", "run"]).success();
    scratch.write("t.csv", rows() + "1,1,a,1\n");
    let told = ["t.csv is not as it was when the run was trained", "bytes then", "--data"];
    refused(scratch.logit(&["eval", "run"]), 1, &told);
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &told);
    scratch.write("copy.csv", scratch.text("t.csv"));
    let judged = json(&scratch.logit(&["eval", "run", "--data", "copy.csv", "--json"]).success());
    assert_eq!(judged["samples"], 61);
    // A run that kept no fingerprint is judged as before.
    let kept = scratch.text("run/table.json");
    let mut schema: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert!(schema.as_object_mut().unwrap().remove("file").is_some());
    scratch.write("run/table.json", schema.to_string());
    scratch.write("t.csv", rows());
    let told = ["run/table.json is not the file that run/best.safetensors was trained with"];
    refused(scratch.logit(&["eval", "run"]), 1, &told);
    scratch.unbind("run");
    std::fs::remove_file(scratch.path("run/calibration.json")).unwrap();
    scratch.logit(&["eval", "run"]).success();
}

#[test]
fn other_data_wins_over_the_runs_test_file_and_is_judged_whole() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    scratch.write("test.csv", "x,z,kind\n1.5,7,b\n2.5,4,c\n");
    let args = ["t.csv", "--target", "kind", "--drop", "amount", "--test", "test.csv", "--out", "run"];
    train(&scratch, &args).success();
    let samples = |args: &[&str]| {
        json(&scratch.logit(&[&["eval", "run", "--json"], args].concat()).success())["samples"].clone()
    };
    assert_eq!(samples(&[]), 2);
    scratch.write("new.csv", "x,z,kind\n1.5,7,b\n2.5,4,c\n3.5,1,a\n4.5,8,\n");
    assert_eq!(samples(&["--data", "new.csv"]), 3);
    scratch.write("unknown.csv", "x,z,kind\n1.5,7,b\n2.5,4,d\n3.5,1,d\n");
    refused(
        scratch.logit(&["eval", "run", "--data", "unknown.csv"]),
        1,
        &["unknown.csv, row 2: `d` is a class that the run does not know", "a, b, c"],
    );
    scratch.write("blank.csv", "x,z,kind\n1.5,7,\n2.5,4,\n");
    refused(
        scratch.logit(&["eval", "run", "--data", "blank.csv"]),
        1,
        &["blank.csv: its 2 rows leave none for the test part"],
    );
    scratch.write("test.csv", "x,z,kind\n1.5,7,b\n");
    refused(scratch.logit(&["eval", "run"]), 1, &["test.csv is not as it was when the run was trained"]);
}

#[test]
fn relative_paths_of_a_recipe_hold_wherever_its_run_is_used() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    scratch.write("test.csv", "x,z,kind\n1.5,7,b\n2.5,4,c\n");
    let recipe = stdout(&scratch.logit(&["recipes", "table"]).success());
    scratch.write("own.toml", recipe);
    scratch.edit("own.toml", "targets = []", "targets = ['kind']\ntest_file = 'test.csv'");
    scratch.edit("own.toml", "drop = []", "drop = ['amount']");
    train(&scratch, &["own.toml", "--data", "t.csv", "--out", "by-recipe"]).success();
    let columns = ["--target", "kind", "--drop", "amount"];
    let set = ["--set", "data.test_file=test.csv", "--out", "by-set"];
    train(&scratch, &[&["t.csv"], &columns[..], &set].concat()).success();
    train(&scratch, &[&["t.csv"], &columns[..], &["--test", "test.csv", "--out", "by-option"]].concat())
        .success();
    let elsewhere = Scratch::new();
    for run in ["by-recipe", "by-set", "by-option"] {
        let path = scratch.path(run);
        let path = path.to_str().unwrap();
        let resumed = json(&elsewhere.logit(&["train", "--resume", path, "--json"]).success());
        assert_eq!(resumed["finished"], true, "{run}");
        assert_eq!(json(&elsewhere.logit(&["eval", path, "--json"]).success())["samples"], 2, "{run}");
    }
}

#[test]
fn the_kind_of_answer_is_told_with_its_reason() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    let trained = train(&scratch, &["t.csv", "--target", "kind", "--out", "run", "--json"]).success();
    assert!(
        stderr(&trained).contains("kind: classes, because the target is text, such as `a`"),
        "{}",
        stderr(&trained)
    );
    let told = json(&trained)["answer"].clone();
    assert_eq!(told["kind"], "classes");
    assert_eq!(told["targets"][0], "kind");
    let trained = train(&scratch, &["t.csv", "--target", "amount", "--answer", "values", "--out", "values"]);
    let told = stderr(&trained.success());
    assert!(told.contains("amount: values, because `--answer values` says so"), "{told}");
}

#[test]
fn options_that_contradict_each_other_are_usage_errors() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    let asked: [(&[&str], &str); 12] = [
        (&["--target", "kind", "--data", "t.csv"], "`--data t.csv` is for recipes"),
        (&["--target", "kind", "--drop", "z,kind"], "`kind` is the target and cannot be left out"),
        (&["--target", "kind", "--drop", "nothing"], "no column `nothing`"),
        (&["--targets", "x, x"], "names `x` twice"),
        (&["--target", "amount", "--grades", "10,0"], "LOW,HIGH: two finite numbers, the lower one first"),
        (
            &["--target", "amount", "--grades", "0,200", "--answer", "values"],
            "`--answer values` and `--grades` contradict",
        ),
        (&["--target", "amount", "--grades", "0,inf"], "[0.0, inf] is no scale of grades"),
        (&["--target", "amount", "--grades=-inf,5"], "[-inf, 5.0] is no scale of grades"),
        (&["--target", "amount", "--grades", "nan,5"], "[NaN, 5.0] is no scale of grades"),
        (&["--target", "amount", "--grades", "0,5,10"], "[0.0, 5.0, 10.0] is no scale of grades"),
        (&["--target", "amount", "--answer", "grades"], "`--grades LOW,HIGH`"),
        (&[], "name the column to learn with `--target`"),
    ];
    for (args, part) in asked {
        let args = [&["t.csv", "--out", "run"], args].concat();
        refused(train(&scratch, &args), 2, &[part]);
    }
    scratch.write("semicolons.csv", rows().replace(',', ";"));
    refused(
        train(&scratch, &["semicolons.csv", "--target", "kind", "--out", "run"]),
        2,
        &["no column `kind`", "separated by `;`"],
    );
    let names = (0..60).fold(String::new(), |rows, row| rows + &format!("{row},name{row}\n"));
    scratch.write("names.csv", format!("x,name\n{names}"));
    refused(
        train(&scratch, &["names.csv", "--target", "name", "--out", "run"]),
        1,
        &["target `name` has as many different values as rows, 60", "--answer"],
    );
    assert!(!scratch.path("run").exists());
}

#[test]
fn images_of_other_formats_are_told_of() {
    let scratch = Scratch::new();
    for class in ["red", "blue"] {
        std::fs::create_dir_all(scratch.path(&format!("photos/{class}"))).unwrap();
        for number in 0..12 {
            let image = image::RgbImage::from_fn(9, 9, |x, _| image::Rgb([(x * 9 + number) as u8, 0, 0]));
            image.save(scratch.path(&format!("photos/{class}/{number}.png"))).unwrap();
        }
    }
    scratch.write("photos/red/a.gif", "GIF89a");
    scratch.write("photos/red/b.BMP", "BM");
    scratch.write("photos/red/notes.txt", "no image");
    let small = ["--set", "data.size=8", "--set", "model.width=2", "--set", "model.stages=1"];
    let trained = train(&scratch, &[&["photos", "--out", "run"], &small[..]].concat()).success();
    let told = stderr(&trained);
    assert!(
        told.contains("warning[unread-images]: ") && told.contains("holds 2 images of a format"),
        "{told}"
    );
    assert!(
        told.contains("such as a.gif") && told.contains("folder: classes, because each class has a folder"),
        "{told}"
    );
}

#[test]
fn what_was_predicted_before_is_not_written_twice() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    train(&scratch, &["t.csv", "--target", "kind", "--out", "run"]).success();
    scratch.logit(&["predict", "run", "t.csv", "-o", "once.csv"]).success();
    scratch.logit(&["predict", "run", "once.csv", "-o", "twice.csv"]).success();
    assert_eq!(scratch.text("once.csv"), scratch.text("twice.csv"));
    for name in ["out.parquet", "out.csv.gz", "out.tsv"] {
        let told = scratch.logit(&["predict", "run", "t.csv", "-o", name]);
        refused(told, 2, &[name, "predictions are written as CSV"]);
        assert!(!scratch.path(name).exists());
    }
}

#[test]
fn uncalibrated_figures_are_said_to_be() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    train(&scratch, &["t.csv", "--target", "kind", "--out", "run"]).success();
    let asked = [["eval", "run", "--json"].as_slice(), &["predict", "run", "t.csv", "--json"]];
    for args in asked {
        let told = scratch.logit(args).success();
        assert!(
            json(&told)["notes"].is_null() && !stderr(&told).contains("uncalibrated"),
            "{}",
            stderr(&told)
        );
    }
    for name in ["calibration.json", "last.safetensors", "metrics.jsonl"] {
        std::fs::remove_file(scratch.path(&format!("run/{name}"))).unwrap();
    }
    for args in asked {
        let told = scratch.logit(args).success();
        assert_eq!(json(&told)["notes"][0]["name"], "uncalibrated");
        assert!(stderr(&told).contains("warning[uncalibrated]: run: these figures are uncalibrated"));
    }
    // Nothing is fitted for values.
    train(&scratch, &["t.csv", "--target", "amount", "--answer", "values", "--out", "values"]).success();
    for name in ["calibration.json", "last.safetensors", "metrics.jsonl"] {
        std::fs::remove_file(scratch.path(&format!("values/{name}"))).unwrap();
    }
    let told = scratch.logit(&["eval", "values", "--json"]).success();
    assert!(json(&told)["notes"].is_null() && !stderr(&told).contains("uncalibrated"), "{}", stderr(&told));
}

#[test]
fn predictions_replace_neither_inputs_nor_files_of_a_run() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    scratch.write("new.csv", rows());
    let train = |run: &str| train(&scratch, &["t.csv", "--target", "kind", "--out", run]).success();
    train("run");
    train("other");
    std::fs::remove_file(scratch.path("other/calibration.json")).unwrap();
    symlink("new.csv", scratch.path("soft.csv")).unwrap();
    symlink("run/best.safetensors", scratch.path("best.csv")).unwrap();
    symlink("run", scratch.path("folder")).unwrap();
    std::fs::hard_link(scratch.path("run/run.json"), scratch.path("hard.csv")).unwrap();
    let before = ["run/best.safetensors", "run/run.json", "new.csv", "t.csv", "other/run.json"];
    let before = before.map(|name| (name, std::fs::read(scratch.path(name)).unwrap()));
    for (out, of) in [
        ("new.csv", "the input new.csv"),
        ("./run/../new.csv", "the input new.csv"),
        ("soft.csv", "the input new.csv"),
        ("run/best.safetensors", "best.safetensors, a file of a run"),
        ("folder/best.safetensors", "best.safetensors, a file of a run"),
        ("best.csv", "best.safetensors, a file of a run"),
        ("hard.csv", "run.json, a file of a run"),
        ("other/run.json", "run.json, a file of a run"),
        ("other/calibration.json", "calibration.json, a file of a run"),
        ("t.csv", "which the run was trained on"),
    ] {
        let told = [&format!("`--out {out}` would replace"), of];
        refused(scratch.logit(&["predict", "run", "new.csv", "-o", out]), 2, &told);
    }
    assert!(!scratch.path("other/calibration.json").exists());
    for (name, bytes) in before {
        assert!(std::fs::read(scratch.path(name)).unwrap() == bytes, "{name} was changed");
    }
    scratch.logit(&["predict", "run", "new.csv", "-o", "run/out.csv"]).success();
}

#[test]
fn a_text_too_long_for_a_category_is_called_that() {
    let scratch = Scratch::new();
    let long = "x".repeat(300);
    let table: Vec<String> = rows().lines().map(|line| format!("{line},{long}")).collect();
    scratch.write("t.csv", table.join("\n").replacen(&long, "note", 1));
    train(&scratch, &["t.csv", "--target", "kind", "--out", "run"]).success();
    let kept = scratch.text("run/table.json");
    assert!(kept.contains("it holds text of more than 200 bytes in row 1"), "{kept}");
}

#[test]
fn test_rows_that_were_edited_are_told_and_written_again() {
    let scratch = Scratch::new();
    scratch.write("t.csv", rows());
    train(&scratch, &["t.csv", "--target", "kind", "--out", "run"]).success();
    let whole = scratch.text("run/test_rows.txt");
    scratch.write("run/test_rows.txt", format!("1\n{whole}"));
    let told =
        ["run/test_rows.txt is not the file that belongs to run/best.safetensors", "train --resume run`"];
    refused(scratch.logit(&["eval", "run"]), 1, &told);
    scratch.logit(&["train", "--resume", "run"]).success();
    assert_eq!(scratch.text("run/test_rows.txt"), whole);
    scratch.logit(&["eval", "run"]).success();
    // Nothing is written into a run that is not resumed.
    scratch.edit("run/recipe.toml", "test = 0.2", "test = 0.4");
    let told = ["`data.test` is now 0.4, and was 0.2"];
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &told);
    assert_eq!(scratch.text("run/test_rows.txt"), whole);
}
