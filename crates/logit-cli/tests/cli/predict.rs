//! `logit predict`

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};
use logit_zoo::data::digits;
use serde_json::Value;

use crate::common::{Scratch, json, refused, stdout};

/// A run that is right about most digits.
fn trained() -> Scratch {
    let scratch = Scratch::new();
    scratch.logit(&["train", "digits-linear", "--epochs", "6", "--out", "run"]).success();
    scratch
}

/// A test digit, and its class.
fn digit(row: usize) -> (GrayImage, u8) {
    let test = digits::embedded().unwrap().test;
    let pixels = test.pixels()[row * 784..(row + 1) * 784].to_vec();
    (GrayImage::from_raw(28, 28, pixels).unwrap(), test.labels()[row])
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn a_digit_gets_logits_probabilities_and_a_decision() {
    let scratch = trained();
    let (picture, class) = digit(0);
    picture.save(scratch.path("digit.png")).unwrap();
    let told = json(&scratch.logit(&["predict", "run", "digit.png", "--json"]).success());
    let (logits, probabilities) = (numbers(&told["logits"]), numbers(&told["probabilities"]));
    assert_eq!((logits.len(), probabilities.len()), (10, 10));
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{told}");
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    for (logit, probability) in logits.iter().zip(&probabilities) {
        assert!((logit.exp() / sum - probability).abs() < 1e-6, "{told}");
    }
    assert_eq!((&told["decision"], &told["input"]), (&class.into(), &"digit.png".into()));
    assert_eq!((&told["inverted"], told.get("resized_from")), (&false.into(), None));
}

#[test]
fn several_digits_are_answered_in_their_order() {
    let scratch = trained();
    let names = ["a.png", "b.png", "c.png"];
    let classes: Vec<u8> = names
        .iter()
        .enumerate()
        .map(|(row, name)| {
            let (picture, class) = digit(row);
            picture.save(scratch.path(name)).unwrap();
            class
        })
        .collect();
    let told = json(&scratch.logit(&["predict", "run", "a.png", "b.png", "c.png", "--json"]).success());
    let predictions = told["predictions"].as_array().unwrap();
    let inputs: Vec<&str> = predictions.iter().map(|each| each["input"].as_str().unwrap()).collect();
    assert_eq!(inputs, names);
    let right = predictions.iter().zip(&classes).filter(|(each, class)| each["decision"] == **class).count();
    assert!(right >= 2, "{told}");
    let alone = json(&scratch.logit(&["predict", "run", "b.png", "--json"]).success());
    for (together, alone) in numbers(&predictions[1]["logits"]).iter().zip(numbers(&alone["logits"])) {
        assert!((together - alone).abs() < 1e-4, "a digit's answer depends on its neighbours");
    }
}

#[test]
fn plain_output_is_a_table_a_digit() {
    let scratch = trained();
    let (picture, class) = digit(0);
    picture.save(scratch.path("digit.png")).unwrap();
    let told = stdout(&scratch.logit(&["predict", "run", "digit.png"]).success());
    assert!(told.starts_with(&format!("digit.png: {class}\n")), "{told}");
    assert_eq!(told.lines().count(), 12, "{told}");
}

#[test]
fn dark_ink_on_a_large_bright_sheet_is_inverted_and_fitted() {
    let scratch = trained();
    let (mut picture, class) = digit(0);
    imageops::invert(&mut picture);
    let enlarged = imageops::resize(&picture, 112, 112, FilterType::Nearest);
    let mut sheet = GrayImage::from_pixel(300, 200, Luma([255]));
    imageops::replace(&mut sheet, &enlarged, 150, 40);
    sheet.save(scratch.path("sheet.png")).unwrap();
    let told = json(&scratch.logit(&["predict", "run", "sheet.png", "--json"]).success());
    assert_eq!((&told["decision"], &told["inverted"]), (&class.into(), &true.into()));
    assert_eq!(numbers(&told["resized_from"]), [300.0, 200.0]);
}

#[test]
fn what_is_no_picture_of_a_digit_is_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    scratch.write("text.png", "not a picture");
    refused(
        scratch.logit(&["predict", "run", "text.png", "--json"]),
        1,
        &["text.png is neither a PNG nor a JPEG"],
    );
    refused(scratch.logit(&["predict", "run", "nowhere.png"]), 1, &["nowhere.png"]);
    refused(scratch.logit(&["predict", "run", "run"]), 1, &["run is not a regular file"]);
    GrayImage::from_pixel(40, 40, Luma([255])).save(scratch.path("blank.png")).unwrap();
    refused(scratch.logit(&["predict", "run", "blank.png"]), 1, &["blank.png is blank"]);
    digit(0).0.save(scratch.path("whole.png")).unwrap();
    let whole = std::fs::read(scratch.path("whole.png")).unwrap();
    scratch.write("torn.png", &whole[..whole.len() / 2]);
    refused(scratch.logit(&["predict", "run", "torn.png"]), 1, &["cannot decode torn.png"]);
}

#[test]
fn one_bad_picture_among_good_ones_is_an_error_without_output() {
    let scratch = Scratch::new();
    scratch.trained("run");
    digit(0).0.save(scratch.path("good.png")).unwrap();
    scratch.write("bad.png", "not a picture");
    refused(scratch.logit(&["predict", "run", "good.png", "bad.png", "--json"]), 1, &["bad.png"]);
}

#[test]
fn a_digit_is_explained_by_several_rules() {
    let scratch = trained();
    let (picture, class) = digit(0);
    picture.save(scratch.path("digit.png")).unwrap();
    let rules = "deep-taylor,gradient-x-input,integrated-gradients,occlusion";
    let args = ["explain", "run", "digit.png", "--rule", rules, "--log-odds", "-o", "why.html", "--json"];
    let told = json(&scratch.logit(&args).success());
    let explained = &told["explained"][0];
    assert_eq!(explained["target"], class.to_string());
    let names: Vec<&str> =
        explained["maps"].as_array().unwrap().iter().map(|map| map["rule"].as_str().unwrap()).collect();
    assert_eq!(names.join(","), rules);
    // A linear network's biases are above 0 here and there, and that is told with figures.
    let found = &explained["maps"][0]["findings"];
    assert!(found.to_string().contains("bias-above-zero") || found.is_null(), "{found}");
    let page = scratch.text("why.html");
    assert!(
        page.contains("data:image/png;base64,") && page.contains("Conservation"),
        "no picture on the page"
    );
    let lines = stdout(&scratch.logit(&["explain", "run", "digit.png", "--layer", "head"]).success());
    assert!(lines.starts_with(&format!("digit.png: {class} = ")) && lines.contains("(logit)"), "{lines}");
    // At the output all of it is still there: the sum is that of the step that is shown.
    let told = json(&scratch.logit(&["explain", "run", "digit.png", "--layer", "head", "--json"]).success());
    let map = &told["explained"][0]["maps"][0];
    assert_eq!(
        (map["arrived"].as_f64(), map["error"].as_f64()),
        (map["started"].as_f64(), Some(0.0)),
        "{map}"
    );
}

#[test]
fn what_cannot_be_explained_is_named_with_what_there_is() {
    let scratch = trained();
    digit(0).0.save(scratch.path("digit.png")).unwrap();
    std::fs::create_dir(scratch.path("empty")).unwrap();
    scratch.write("nothing.png", "");
    for (code, more, parts) in [
        (2, ["--target", "seven"], &["no output `seven`", "0 to 9"][..]),
        (2, ["--layer", "haed"], &["no step `haed`", "`head`"]),
        (2, ["--rule", "deep-tailor"], &["`deep-tailor`", "`deep-taylor`"]),
        (2, ["--pixel", "3,4"], &["answer every pixel"]),
        (2, ["--pixel", "3"], &["row and column"]),
        (2, ["-o", "heat.gif"], &["heat.gif", ".png", ".html"]),
        (1, ["-o", "no/where/heat.png"], &["no/where/heat.png"]),
        (2, ["-o", "./digit.png"], &["would replace the input digit.png"]),
        (2, ["-o", "run/report.html"], &["run/report.html", "a file of a run"]),
    ] {
        refused(scratch.logit(&["explain", "run", "digit.png", more[0], more[1]]), code, parts);
    }
    refused(scratch.logit(&["explain", "run", "empty"]), 2, &["empty", "no picture"]);
    refused(scratch.logit(&["explain", "run", "nothing.png"]), 1, &["nothing.png"]);
    refused(scratch.logit(&["explain", "run", "missing.png"]), 1, &["missing.png"]);
    assert!(!scratch.path("heat.gif").exists());
}
