//! A record that is gone, empty or cut is reported as missing: what cannot be looked at is not fine.

use std::fs::{self, File};
use std::path::Path;

use logit_run::telemetry::Truth;
use logit_run::{About, Recording, Subject, Watched};
use logit_spec::{Answer, Loss};

use crate::common::{Scratch, json, set, stderr, stdout};

/// Bytes before the first frame.
const HEADER: u64 = 12;

fn cut(scratch: &Scratch, file: &str, bytes: u64) {
    File::options().write(true).open(scratch.path(file)).unwrap().set_len(bytes).unwrap();
}

fn remove(scratch: &Scratch, files: &[&str]) {
    for file in files {
        fs::remove_file(scratch.path(file)).unwrap();
    }
}

/// Where the frame of a number begins.
fn frame_at(scratch: &Scratch, number: usize) -> u64 {
    let bytes = fs::read(scratch.path("run/telemetry.bin")).unwrap();
    let mut at = HEADER as usize;
    for _ in 0..number {
        at += 16 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    }
    at as u64
}

/// Asserts that `check` ends with 1, and says that this is missing.
#[track_caller]
fn told_missing(scratch: &Scratch, part: &str) {
    let text = stdout(&scratch.logit(&["check", "run"]).code(1));
    assert!(text.lines().any(|line| line.starts_with("missing: ") && line.contains(part)), "{text}");
    assert!(!text.contains("no step was recorded"), "{text}");
    let object = json(&scratch.logit(&["check", "run", "--json"]).code(1));
    let missing = object["missing"].as_array().unwrap();
    assert!(missing.iter().any(|what| what.as_str().unwrap().contains(part)), "{object}");
}

#[test]
fn a_record_of_another_run_is_told() {
    let scratch = Scratch::new();
    scratch.trained("run");
    scratch.logit(&["train", "digits-linear", "--epochs", "1", "--seed", "9", "--out", "other"]).success();
    scratch.logit(&["check", "run"]).success();
    let whole = ["telemetry.bin", "watched.json"].map(|name| {
        let path = scratch.path(&format!("run/{name}"));
        (fs::read(&path).unwrap(), path)
    });
    fs::copy(scratch.path("other/telemetry.bin"), scratch.path("run/telemetry.bin")).unwrap();
    told_missing(&scratch, "run/telemetry.bin tells of a loss of");
    fs::write(&whole[0].1, &whole[0].0).unwrap();
    scratch.edit("run/watched.json", "\"steps\": 15", "\"steps\": 16");
    told_missing(&scratch, "run/watched.json is not the file that belongs to the checkpoint");
    fs::write(&whole[1].1, &whole[1].0).unwrap();
    scratch.logit(&["check", "run"]).success();
}

#[test]
fn a_part_of_the_record_that_is_not_there_is_told() {
    type Damage = fn(&Scratch);
    let rows: [(Damage, &str); 12] = [
        (
            |scratch| remove(scratch, &["run/telemetry.bin"]),
            "run/telemetry.bin does not exist, but 5 of the 15 steps were to be recorded",
        ),
        (
            |scratch| cut(scratch, "run/telemetry.bin", 0),
            "run/telemetry.bin holds nothing, but 5 of the 15 steps",
        ),
        (
            |scratch| cut(scratch, "run/telemetry.bin", 9),
            "run/telemetry.bin holds nothing, but 5 of the 15 steps",
        ),
        (
            |scratch| cut(scratch, "run/telemetry.bin", HEADER),
            "run/telemetry.bin holds no step, but 5 of the 15",
        ),
        (
            |scratch| cut(scratch, "run/telemetry.bin", frame_at(scratch, 2)),
            "lacks 3 of the 5 steps that were to be recorded, the first of them step 3",
        ),
        (|scratch| remove(scratch, &["run/watched.json"]), "run/watched.json does not exist"),
        (|scratch| remove(scratch, &["run/metrics.jsonl"]), "run/metrics.jsonl does not exist"),
        (
            |scratch| cut(scratch, "run/metrics.jsonl", 0),
            "run/metrics.jsonl ends at step 0, but the checkpoint is of step 15",
        ),
        (
            |scratch| scratch.edit("run/metrics.jsonl", "\"step\":7,", "\"step\":x,"),
            "metrics.jsonl is damaged: line 7",
        ),
        (
            |scratch| {
                cut(scratch, "run/metrics.jsonl", 0);
                remove(scratch, &["run/telemetry.bin", "run/last.safetensors"]);
            },
            "run/telemetry.bin does not exist, but 1 of the 1 steps",
        ),
        (|scratch| cut(scratch, "run/last.safetensors", 500), "run/last.safetensors is damaged"),
        (|scratch| remove(scratch, &["run/recipe.toml"]), "run/recipe.toml"),
    ];
    for (damage, part) in rows {
        let scratch = Scratch::new();
        scratch.trained("run");
        let whole = stdout(&scratch.logit(&["check", "run"]).success());
        assert!(whole.contains("10 rules on 5 recorded steps") && !whole.contains("missing"), "{whole}");
        assert!(json(&scratch.logit(&["check", "run", "--json"]).success()).get("missing").is_none());
        damage(&scratch);
        told_missing(&scratch, part);
    }
}

#[test]
fn where_nothing_was_to_be_recorded_nothing_is_missing() {
    let scratch = Scratch::new();
    let none = "no step was recorded, so that nothing can be said of the training: ";
    let train = ["train", "digits-linear", "--epochs", "1", "--out", "run"];
    scratch.logit(&[&train[..], &set(&["watch.every=0"])].concat()).success();
    for files in [&[][..], &["run/telemetry.bin"], &["run/watched.json"]] {
        remove(&scratch, files);
        let text = stdout(&scratch.logit(&["check", "run"]).success());
        assert!(text.contains(&format!("{none}`watch.every` is 0\n")), "{text}");
    }
    fs::remove_dir_all(scratch.path("run")).unwrap();
    scratch.trained("run");
    remove(
        &scratch,
        &["run/last.safetensors", "run/best.safetensors", "run/telemetry.bin", "run/watched.json"],
    );
    cut(&scratch, "run/metrics.jsonl", 0);
    let text = stdout(&scratch.logit(&["check", "run"]).success());
    assert_eq!(text, format!("{none}it has not begun\n"));
}

#[test]
fn findings_that_are_gone_are_told() {
    let scratch = Scratch::new();
    let rows = (0..60).map(|row| {
        let cell = if row == 17 { "odd".to_owned() } else { format!("{row}.5") };
        let answer = if row % 2 == 0 { "yes" } else { "no" };
        format!("{},{cell},{answer}\n", row % 2)
    });
    scratch.write("odd.csv", format!("a,b,y\n{}", rows.collect::<String>()));
    let train = ["train", "odd.csv", "--target", "y", "--epochs", "1", "--out", "run"];
    scratch.logit(&train).success();
    let found = scratch.text("run/findings.json");
    let text = stdout(&scratch.logit(&["check", "run"]).code(1));
    assert!(text.contains("warning[unreadable-cells]") && !text.contains("missing: "), "{text}");
    let count = found.matches("\"level\"").count();
    let part = format!("run/findings.json holds 0 of the {count} findings that there were");
    for empty in [true, false] {
        if empty {
            scratch.write("run/findings.json", "[]");
        } else {
            remove(&scratch, &["run/findings.json"]);
        }
        told_missing(&scratch, &part);
    }
}

/// A recording of another program: every second step, by rows that sum to 1 where the loss takes logits.
fn recorded(path: &Path, steps: u16) {
    let subject = Subject { answer: Answer::Classes, units: 2, loss: Loss::CrossEntropy };
    let about = About::of_program("other", "0.3");
    let mut recording = Recording::create(path, &about, &Watched::of(subject, ["no", "yes"])).unwrap();
    for step in 1..=steps {
        let share = f32::from(step) / 20.0;
        let record = recording.step(step.into(), 1, 0.6, 0.1);
        let fed = [share, 1.0 - share, 0.75, 0.25];
        let record = if step % 2 == 0 { record.output(&fed, &Truth::Classes(vec![1, 0])) } else { record };
        record.head_gradient_norm(0.2).write().unwrap();
    }
}

#[test]
fn the_record_of_another_program_that_is_gone_is_told() {
    type Damage = fn(&Scratch);
    let rows: [(Damage, &str); 5] = [
        (|scratch| remove(scratch, &["run/telemetry.bin"]), "run/telemetry.bin does not exist"),
        (|scratch| cut(scratch, "run/telemetry.bin", 3), "run/telemetry.bin holds nothing"),
        (
            |scratch| cut(scratch, "run/telemetry.bin", HEADER),
            "does not hold step 6, at which a check found something",
        ),
        (
            |scratch| {
                cut(scratch, "run/telemetry.bin", HEADER);
                remove(scratch, &["run/findings.json"]);
            },
            "run/telemetry.bin holds no step, but run/metrics.jsonl holds steps up to 8",
        ),
        (|scratch| remove(scratch, &["run/watched.json"]), "run/watched.json does not exist"),
    ];
    for (damage, part) in rows {
        let scratch = Scratch::new();
        recorded(&scratch.path("run"), 8);
        let whole = stdout(&scratch.logit(&["check", "run"]).code(1));
        assert!(
            whole.contains("10 rules on 4 recorded steps up to step 8") && !whole.contains("missing"),
            "{whole}"
        );
        damage(&scratch);
        told_missing(&scratch, part);
        // What was found before is not forgotten.
        if scratch.path("run/findings.json").exists() {
            let text = stdout(&scratch.logit(&["check", "run"]).code(1));
            assert!(
                text.contains("error[activation-before-logits-loss]") && text.contains("at step 6"),
                "{text}"
            );
        }
    }
    let scratch = Scratch::new();
    recorded(&scratch.path("run"), 0);
    let text = stdout(&scratch.logit(&["check", "run"]).success());
    assert!(text.contains("it has not begun"), "{text}");
}

#[test]
fn who_watches_is_told_as_well() {
    let scratch = Scratch::new();
    scratch.trained("run");
    remove(&scratch, &["run/telemetry.bin"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let text = stderr(&scratch.logit(&["watch", "run", "--port", &port]).code(1));
    assert!(text.starts_with("missing: run/telemetry.bin does not exist"), "{text}");
}
