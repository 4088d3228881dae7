//! Stopped, killed, and resumed: the metrics come out as if nothing had happened.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output};

use assert_cmd::assert::OutputAssertExt;
use serde_json::Value;

use crate::common::{Scratch, assert_no_part, json, refused, set, stderr, stdout, wait_for_lines};

/// 450 steps and their epochs' ends, with a checkpoint at every 20th step.
const ARGS: [&str; 11] = [
    "train",
    "digits-linear",
    "--epochs",
    "2",
    "--seed",
    "5",
    "--set",
    "train.batch_size=8",
    "--set",
    "train.checkpoint_every=20",
    "--out",
];

/// Lines that an uninterrupted run of these arguments writes: steps, epochs, end.
const LINES: usize = 450 + 2 + 1;

/// How often a run is started anew when the machine was so busy that it ended before it could be stopped.
const TRIES: usize = 10;

fn args<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&ARGS[..], &[run], more].concat()
}

fn metrics(scratch: &Scratch, run: &str) -> String {
    scratch.text(&format!("{run}/metrics.jsonl"))
}

/// The metrics of a run that nothing happened to.
fn undisturbed(scratch: &Scratch) -> String {
    scratch.logit(&args("undisturbed", &[])).success();
    let text = metrics(scratch, "undisturbed");
    assert_eq!(text.lines().count(), LINES);
    text
}

#[test]
fn a_run_whose_last_checkpoint_is_gone_is_not_begun_anew() {
    let scratch = Scratch::new();
    let text = undisturbed(&scratch);
    std::fs::remove_file(scratch.path("undisturbed/last.safetensors")).unwrap();
    let resumed = scratch.logit(&["train", "--resume", "undisturbed"]);
    refused(resumed, 1, &["last.safetensors is gone", "put it back"]);
    assert_eq!(metrics(&scratch, "undisturbed"), text);
    scratch.logit(&["eval", "undisturbed"]).success();
}

/// The `resume` lines of the metrics, and the rest.
fn parted(text: &str) -> (Vec<&str>, String) {
    let (resumes, rest): (Vec<&str>, Vec<&str>) =
        text.split_inclusive('\n').partition(|line| line.contains("\"event\":\"resume\""));
    (resumes, rest.concat())
}

/// Starts a run, or resumes one, and stops it once its metrics have so many lines.
///
/// Returns none if it came to its end before that.
fn stopped(
    scratch: &Scratch,
    run: &str,
    args: &[&str],
    lines: usize,
    stop: fn(&mut Child),
) -> Option<Output> {
    let mut child = scratch.start(args);
    if wait_for_lines(&scratch.path(&format!("{run}/metrics.jsonl")), lines, &mut child) {
        stop(&mut child);
    }
    let output = child.wait_with_output().unwrap();
    let ended = metrics(scratch, run).contains("\"event\":\"end\"");
    (!ended).then_some(output)
}

/// A new run that was stopped after so many lines: its folder, and how the process ended.
fn stopped_run(scratch: &Scratch, lines: usize, more: &[&str], stop: fn(&mut Child)) -> (String, Output) {
    for attempt in 0..TRIES {
        let run = format!("stopped-{lines}-{attempt}");
        if let Some(output) = stopped(scratch, &run, &args(&run, more), lines, stop) {
            return (run, output);
        }
    }
    panic!("{TRIES} runs ended before they had been stopped at {lines} lines");
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
}

fn interrupt(child: &mut Child) {
    Command::new("kill").args(["-INT", &child.id().to_string()]).assert().success();
}

fn terminate(child: &mut Child) {
    Command::new("kill").args(["-TERM", &child.id().to_string()]).assert().success();
}

#[test]
fn killed_at_any_moment_a_run_is_gone_on_with_to_the_same_numbers() {
    let scratch = Scratch::new();
    let undisturbed = undisturbed(&scratch);
    let result = json(&scratch.logit(&["eval", "undisturbed", "--json"]).success());
    // Just after the first checkpoint, within the first epoch, around its end, and within the second.
    for lines in [21, 110, 219, 226, 333] {
        let (run, output) = stopped_run(&scratch, lines, &[], kill);
        assert_eq!(output.status.signal(), Some(9), "{output:?}");
        scratch.logit(&["train", "--resume", &run]).success();
        let text = metrics(&scratch, &run);
        let (resumes, rest) = parted(&text);
        assert_eq!(resumes.len(), 1, "killed at {lines} lines");
        assert!(rest == undisturbed, "killed at {lines} lines, the metrics differ");
        assert_no_part(&scratch, &run);
        assert_eq!(json(&scratch.logit(&["eval", &run, "--json"]).success()), result);
    }
}

#[test]
fn killed_again_and_again_a_run_still_comes_to_the_same_numbers() {
    let scratch = Scratch::new();
    let undisturbed = undisturbed(&scratch);
    let (run, _) = stopped_run(&scratch, 50, &[], kill);
    let mut kills = 1;
    for lines in [130, 210, 290, 370] {
        let resume = ["train", "--resume", &run];
        kills += usize::from(stopped(&scratch, &run, &resume, lines, kill).is_some());
    }
    scratch.logit(&["train", "--resume", &run]).success();
    assert!(kills > 1, "the machine is too busy to kill a run twice");
    assert!(parted(&metrics(&scratch, &run)).1 == undisturbed, "the metrics differ after {kills} kills");
    assert_no_part(&scratch, &run);
}

#[test]
fn killed_before_its_first_checkpoint_a_run_begins_again() {
    let scratch = Scratch::new();
    let undisturbed = undisturbed(&scratch);
    let (run, output) = stopped_run(&scratch, 2, &["--set", "train.checkpoint_every=100000"], kill);
    assert_eq!(output.status.signal(), Some(9), "{output:?}");
    assert!(!scratch.path(&format!("{run}/last.safetensors")).exists());
    let told = stderr(&scratch.logit(&["train", "--resume", &run]).success());
    assert!(told.contains("training for 450 steps"), "{told}");
    // Not a line of what came before is left, nor one that says that training went on.
    assert!(metrics(&scratch, &run) == undisturbed);
}

#[test]
fn a_line_torn_by_a_kill_is_written_anew() {
    let scratch = Scratch::new();
    let undisturbed = undisturbed(&scratch);
    let (run, _) = stopped_run(&scratch, 60, &[], kill);
    let file = format!("{run}/metrics.jsonl");
    scratch.write(&file, scratch.text(&file) + "{\"event\":\"st");
    scratch.logit(&["train", "--resume", &run]).success();
    assert!(parted(&metrics(&scratch, &run)).1 == undisturbed);
}

#[test]
fn a_checkpoint_torn_by_a_kill_is_replaced() {
    let scratch = Scratch::new();
    let undisturbed = undisturbed(&scratch);
    let (run, _) = stopped_run(&scratch, 60, &[], kill);
    for file in [".last.safetensors.1-0.part", ".best.safetensors.1-7.part", ".report.html.22-0.part"] {
        scratch.write(&format!("{run}/{file}"), "half a file");
    }
    scratch.logit(&["train", "--resume", &run]).success();
    assert!(parted(&metrics(&scratch, &run)).1 == undisturbed);
    assert_no_part(&scratch, &run);
}

#[test]
fn interrupted_a_run_is_saved_and_says_how_to_go_on() {
    let scratch = Scratch::new();
    let undisturbed = undisturbed(&scratch);
    let (run, output) = stopped_run(&scratch, 107, &[], interrupt);
    let assert = output.assert().code(130);
    let resume = format!("logit train --resume {run}");
    assert!(stdout(&assert).contains(&resume), "{}", stdout(&assert));
    assert!(stderr(&assert).contains("stopping after this step"), "{}", stderr(&assert));
    // Not a step is lost: the checkpoint is of the last line.
    let kept = metrics(&scratch, &run);
    scratch.logit(&["check", &run]).success();
    scratch.logit(&["train", "--resume", &run]).success();
    scratch.logit(&["check", &run]).success();
    let text = metrics(&scratch, &run);
    assert!(text.starts_with(&kept));
    let (resumes, rest) = parted(&text);
    assert_eq!(resumes, [format!("{{\"event\":\"resume\",\"step\":{}}}\n", kept.lines().count())]);
    assert!(rest == undisturbed);
}

#[test]
fn interrupted_under_json_a_run_tells_one_object() {
    let scratch = Scratch::new();
    let (run, output) = stopped_run(&scratch, 33, &["--json"], interrupt);
    let told = json(&output.assert().code(130));
    assert_eq!((&told["finished"], &told["run"]), (&false.into(), &run.as_str().into()));
    assert_eq!(told["step"], metrics(&scratch, &run).lines().count());
    assert_eq!(told["resume"], format!("logit train --resume {run}"));
    let told = json(&scratch.logit(&["train", "--resume", &run, "--json"]).success());
    assert_eq!((&told["finished"], &told["step"]), (&true.into(), &450.into()));
}

#[test]
fn a_stopped_run_is_no_success_even_if_nobody_reads_what_it_says() {
    let scratch = Scratch::new();
    let nobody_reads = |child: &mut Child| {
        drop(child.stdout.take());
        terminate(child);
    };
    let (run, output) = stopped_run(&scratch, 41, &[], nobody_reads);
    let told = stderr(&output.assert().code(130));
    assert!(told.contains("stopping after this step"), "{told}");
    scratch.logit(&["train", "--resume", &run]).success();
}

#[test]
fn a_finished_run_tells_its_result_again_and_stays_as_it_is() {
    let scratch = Scratch::new();
    let first = json(&scratch.trained("run"));
    let read = |file: &str| std::fs::read(scratch.path(&format!("run/{file}"))).unwrap();
    let files =
        ["metrics.jsonl", "last.safetensors", "best.safetensors", "recipe.toml", "run.json", "report.html"];
    let before = files.map(read);
    assert_eq!(json(&scratch.logit(&["train", "--resume", "run", "--json"]).success()), first);
    for (file, before) in files.iter().zip(before) {
        assert!(read(file) == before, "{file} was changed");
    }
}

#[test]
fn a_run_stopped_early_by_patience_stays_stopped() {
    let scratch = Scratch::new();
    // A rate so small that the first epoch's weights are as good as any: the validation loss falls, but by rounding.
    let settings = ["train.optimizer=sgd", "train.learning_rate=1e-30", "train.patience=2"];
    let args = [&["train", "digits-linear", "--epochs", "9", "--out", "run"][..], &set(&settings)].concat();
    scratch.logit(&args).success();
    let text = metrics(&scratch, "run");
    let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&end["reason"], &end["best_epoch"], &end["step"]),
        (&"early_stop".into(), &1.into(), &45.into())
    );
    scratch.logit(&["train", "--resume", "run"]).success();
    assert_eq!(metrics(&scratch, "run"), text);
}

#[test]
fn a_run_is_gone_on_with_from_another_folder() {
    let scratch = Scratch::new();
    let (run, _) = stopped_run(&scratch, 40, &[], kill);
    let path = scratch.path(&run);
    let told =
        json(&Scratch::new().logit(&["train", "--resume", path.to_str().unwrap(), "--json"]).success());
    assert_eq!(told["finished"], true);
}

#[test]
fn a_run_under_training_is_not_trained_by_another() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let lock = logit_zoo::RunDir::open(&scratch.path("run")).unwrap().lock().unwrap();
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &["another process is training in run"]);
    drop(lock);
    scratch.logit(&["train", "--resume", "run"]).success();
}

#[test]
fn a_new_run_does_not_replace_an_old_one() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let before = metrics(&scratch, "run");
    let again = ["train", "digits-linear", "--epochs", "1", "--seed", "9", "--out", "run"];
    refused(scratch.logit(&again), 1, &["run holds a run already", "logit train --resume run", "--out"]);
    assert_eq!(metrics(&scratch, "run"), before);
}
