//! Names and texts of strangers: what a terminal would act on is shown and never sent.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use image::{GrayImage, Luma, Rgb, RgbImage};
use logit_run::telemetry::Truth;
use logit_run::{About, Found, Recording, RunPlace, Subject, Watched};
use logit_spec::{Answer, Fault, Finding, Level, Loss};

use crate::common::{Scratch, json, set, stdout};

/// A name that sets the title, rings, turns the direction, colours (in one byte as well), and begins lines of its own.
const NAME: &str = "b\u{1b}]0;PWNED\u{7}\u{202e}\u{9b}31m\u{7f}\u{61c}\u{2066}\u{2028}\t\r\nerror: forged";

/// How the name is shown.
const SHOWN: &str =
    "b\\u{1b}]0;PWNED\\u{7}\\u{202e}\\u{9b}31m\\u{7f}\\u{61c}\\u{2066}\\u{2028}\\t\\r\\nerror: forged";

/// The same for what a file may be called.
const FILE: &str = "b\u{1b}]0;PWNED\u{7}\u{202e}\nerror: forged";

const FILE_SHOWN: &str = "b\\u{1b}]0;PWNED\\u{7}\\u{202e}\\nerror: forged";

/// Runs the command, and gives the exit code and both outputs, in which there is nothing but text on lines of ours.
#[track_caller]
fn told<S: AsRef<OsStr>>(scratch: &Scratch, args: &[S]) -> (i32, String) {
    let mut command = Command::new(cargo_bin!("logit"));
    let Output { status, stdout, stderr } =
        command.current_dir(scratch.path("")).args(args).output().unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    let acted_on = |c: char| {
        c.is_control() && c != '\n'
            || ('\u{2028}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || "\u{61c}\u{200e}\u{200f}".contains(c)
    };
    assert!(!text.contains(acted_on), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    (status.code().unwrap(), text)
}

/// Runs the command, which must end with a code and say all of `parts`.
#[track_caller]
fn says<S: AsRef<OsStr>>(scratch: &Scratch, args: &[S], code: i32, parts: &[&str]) {
    let (ended, text) = told(scratch, args);
    assert_eq!(ended, code, "{text}");
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

const QUICK: [&str; 6] = ["--epochs", "1", "--set", "train.min_steps=1", "--out", "run"];

#[test]
fn names_in_a_table() {
    let scratch = Scratch::new();
    let mut table = format!("a,\"{NAME}\",species\n");
    for row in 0..60 {
        let class = if row % 2 == 0 { NAME } else { "\u{1b}[31mred\u{1b}[0m" };
        // A cell that cannot be read is warned of.
        let cell = if row == 17 { NAME.to_owned() } else { format!("{row}.5") };
        table += &format!("{},\"{cell}\",\"{class}\"\n", row % 2);
    }
    scratch.write("odd.csv", &table);
    says(&scratch, &["train", "odd.csv", "--target", "nope"], 2, &[SHOWN]);
    says(&scratch, &["train", "odd.csv", "--target", NAME, "--drop", "\u{1b}[2J"], 2, &["\\u{1b}[2J"]);
    let train = [&["train", "odd.csv", "--target", "species"], &QUICK[..]].concat();
    says(&scratch, &train, 0, &[SHOWN, "warning[unreadable-cells]", &format!("column `{SHOWN}`")]);
    says(&scratch, &["inspect", "run"], 0, &[SHOWN]);
    says(&scratch, &["predict", "run", "odd.csv"], 0, &[SHOWN, "\\u{1b}[31mred"]);
    for args in [["eval", "run"].as_slice(), &["train", "--resume", "run"]] {
        says(&scratch, args, 0, &[]);
    }
    says(&scratch, &["check", "run"], 1, &["rules on", &format!("column `{SHOWN}`")]);
    scratch.write("other.csv", "a,y\n1,2\n");
    says(&scratch, &["predict", "run", "other.csv"], 1, &["other.csv", SHOWN]);
    // What programs read has the names as they are.
    let predicted = json(&scratch.logit(&["predict", "run", "odd.csv", "--json"]).success());
    assert!(predicted.to_string().contains("\\u001b[31mred") && !predicted.to_string().contains("\\\\u{1b}"));
    scratch.logit(&["predict", "run", "odd.csv", "-o", "out.csv"]).success();
    assert!(scratch.text("out.csv").contains("\u{1b}[31mred\u{1b}[0m"));
}

#[test]
fn names_of_folders_and_images() {
    let scratch = Scratch::new();
    for (number, class) in [FILE, "disc\u{200f}"].iter().enumerate() {
        std::fs::create_dir_all(scratch.path("pics").join(class)).unwrap();
        for image in 0..12_u8 {
            let shade = Rgb([20 * number as u8, 100 + image, image]);
            let name = format!("pics/{class}/{image}{FILE}.png");
            RgbImage::from_pixel(16, 16, shade).save(scratch.path(&name)).unwrap();
        }
    }
    says(
        &scratch,
        &[&["train", "pics"], &QUICK[..]].concat(),
        0,
        &["classes, because each class has a folder"],
    );
    let image = format!("pics/{FILE}/0{FILE}.png");
    says(&scratch, &["predict", "run", &image], 0, &[FILE_SHOWN, "disc\\u{200f}"]);
    says(&scratch, &["inspect", "run"], 0, &[FILE_SHOWN]);
    let broken = format!("{FILE}.png");
    scratch.write(&broken, "no image");
    says(&scratch, &["predict", "run", &broken], 1, &[FILE_SHOWN]);
    scratch.write(&format!("pics/{FILE}/13{FILE}.png"), "no image");
    let (_, text) = told(&scratch, &["train", "pics", "--epochs", "1", "--out", "other"]);
    assert!(text.contains(FILE_SHOWN), "{text}");
}

#[test]
fn names_of_runs_and_digits() {
    let scratch = Scratch::new();
    let run = format!("run-{FILE}");
    let train = ["train", "digits-linear", "--epochs", "1", "--out", &run];
    let shown = format!("run-{FILE_SHOWN}");
    says(&scratch, &train, 0, &[&format!("run directory: {shown}"), &format!("report: {shown}/report.html")]);
    says(&scratch, &train, 1, &[&format!("error: {shown} holds a run already")]);
    says(&scratch, &["inspect", &run], 0, &[&format!("{shown}: ")]);
    let picture = format!("{FILE}.png");
    GrayImage::from_fn(28, 28, |x, _| Luma([if x == 14 { 255 } else { 0 }]))
        .save(scratch.path(&picture))
        .unwrap();
    says(&scratch, &["predict", &run, &picture], 0, &[FILE_SHOWN]);
    for args in [["eval", FILE], ["check", FILE], ["watch", FILE], ["inspect", FILE]] {
        says(&scratch, &args, 1, &[FILE_SHOWN]);
    }
    std::fs::remove_file(scratch.path(&run).join("telemetry.bin")).unwrap();
    says(&scratch, &["check", &run], 1, &[&format!("missing: {shown}/telemetry.bin")]);
    let odd = OsStr::from_bytes(b"\xff\x1b[31m\n");
    for args in [["eval".as_ref(), odd], ["check".as_ref(), odd]] {
        says(&scratch, &args, 1, &["\u{fffd}\\u{1b}[31m\\n"]);
    }
}

#[test]
fn recipes_and_their_values() {
    let scratch = Scratch::new();
    let whole = stdout(&scratch.logit(&["recipes", "digits-linear"]).success());
    let file = format!("{FILE}.toml");
    says(&scratch, &["train", &file], 2, &[FILE_SHOWN]);
    let rows = [
        (
            whole.replace("[train]", "[train]\n\t\"odd\\u001b\\nerror: forged\" = 1"),
            "`odd\\u{1b}\\nerror: forged`",
        ),
        (whole.replace("[train]", "[train]\n\u{1b}[31m = \u{202e}"), "\\u{1b}[31m = \\u{202e}"),
        (
            whole.replace("task = \"digits\"", "task = \"di\\u001b\\nerror: forged\""),
            "`di\\u{1b}\\nerror: forged`",
        ),
        (whole.replace("\"adam\"", "\"ad\\u001b\\nerror: forged\""), "`ad\\u{1b}\\nerror: forged`"),
    ];
    for (text, part) in rows {
        assert_ne!(text, whole);
        scratch.write(&file, text);
        says(&scratch, &["train", &file], 2, &[part, FILE_SHOWN]);
    }
    // The lines that TOML quotes stay lines.
    let (_, text) = told(&scratch, &["train", &file]);
    assert!(text.lines().count() >= 5 && text.contains("\n   |"), "{text}");
    for (setting, part) in [
        ("train.epo\u{1b}\nerror: forged=1", "epo\\u{1b}\\nerror: forged"),
        ("train.optimizer=\u{1b}[31m\nerror: forged", "\\u{1b}[31m\\nerror: forged"),
        ("\u{1b}[31m\nerror: forged", "--set \\u{1b}[31m\\nerror: forged"),
    ] {
        says(&scratch, &[&["train", "digits-linear"][..], &set(&[setting])].concat(), 2, &[part]);
    }
    says(&scratch, &["recipes", FILE], 2, &[FILE_SHOWN]);
    says(&scratch, &["train", "digits", "--preset", FILE], 2, &[FILE_SHOWN]);
}

#[test]
fn the_command_line_itself() {
    let scratch = Scratch::new();
    let option = format!("--{FILE}");
    for args in [
        vec![FILE],
        vec!["train", "digits", &option],
        vec!["train", "digits", "--device", FILE],
        vec!["train", "digits", "--seed", FILE],
        vec!["train", "x.csv", "--model", FILE],
        vec!["watch", "run", "--host", FILE],
        vec!["heads", FILE],
    ] {
        says(&scratch, &args, 2, &[FILE_SHOWN, "--help"]);
    }
    let not_utf8 = OsStr::from_bytes(b"\xff\x1b[31m\n");
    for args in [vec!["train".as_ref(), not_utf8], vec![not_utf8], vec!["heads".as_ref(), not_utf8]] {
        assert_eq!(told(&scratch, &args).0, 2);
    }
    let help = stdout(&scratch.logit(&["train", "--help"]).success());
    assert!(help.contains("130") && help.contains("  logit train digits\n"), "{help}");
}

#[test]
fn recordings_of_strangers() {
    let scratch = Scratch::new();
    let subject = Subject { answer: Answer::Classes, units: 2, loss: Loss::CrossEntropy };
    let about = About::of_program(NAME, "1");
    let mut recording =
        Recording::create(&scratch.path("run"), &about, &Watched::of(subject, [NAME, "b"])).unwrap();
    let numbers = [0.3, 0.7, 0.6, 0.4];
    for step in 1..=8 {
        let record = recording.step(step, 1, 0.6, 0.1).output(&numbers, &Truth::Classes(vec![1, 0]));
        record.layer(NAME, &numbers).head_gradient_norm(0.1).write().unwrap();
    }
    let place = RunPlace::Data { row: Some(3), column: Some(NAME.to_owned()) };
    let text = || NAME.to_owned();
    let finding = Finding {
        level: Level::Warning,
        fault: Fault::Named(text()),
        message: text(),
        reason: text(),
        fix: text(),
    };
    let found: Found = finding.at(place);
    recording.run().add_findings([found]).unwrap();
    recording.finish().unwrap();
    says(&scratch, &["check", "run"], 1, &[&format!("warning[{SHOWN}]: {SHOWN}"), &format!("why: {SHOWN}")]);
    for args in [["eval", "run"].as_slice(), &["train", "--resume", "run"], &["inspect", "run"]] {
        says(&scratch, args, 1, &[SHOWN]);
    }
    let told = json(&scratch.logit(&["check", "run", "--json"]).code(1));
    assert_eq!(told["data"][0]["message"], NAME);
}

#[test]
fn sentences() {
    let scratch = Scratch::new();
    let fixture = |name: &str| format!("{}/tests/fixtures/sts/{name}", env!("CARGO_MANIFEST_DIR"));
    let (data, vectors) = (fixture("images.tsv"), fixture("glove"));
    let small = set(&["train.batch_size=50", "model.word_units=32", "model.hidden=16"]);
    let train = [&["train", "sts", "--data", &data, "--vectors", &vectors][..], &QUICK, &small].concat();
    scratch.logit(&train).success();
    let sentence = format!("a dog {NAME}");
    says(&scratch, &["predict", "run", &sentence, "a cat"], 0, &["a dog b\\u{1b}]0;PWNED\\u{7}"]);
    let words: Vec<OsString> = ["predict", "run", &sentence].map(OsString::from).into();
    says(&scratch, &words, 2, &["sentences"]);
}
