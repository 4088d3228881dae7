//! Faults at the file operations of a run's life: killed before or after one, half of it written, the disk full, an error. Whatever
//! happens, nothing is lost, nothing is silently another, and the run goes on or begins anew.
//!
//! `LOGIT_FAULTS=1000` injects so many; without it there are a few, spread over all operations and modes.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Output;

use logit_zoo::run::Checkpoint;

use crate::life::{Files, Life, RUN, TRIAL, judging, number, resuming, spread, told};
use crate::shim::{Mode, Operation, Ran};

/// Lives, whose recipes keep different things in their folders: each is a test.
const LIVES: usize = 6;

/// A command in a run's life.
struct Scene {
    name: &'static str,
    /// What is there when it begins.
    from: Option<&'static str>,
    command: fn(&Life) -> Vec<String>,
    /// What must hold after it was disturbed.
    holds: fn(&Life, Outcome, &Output) -> Result<(), String>,
}

const SCENES: [Scene; 5] = [
    Scene { name: "train", from: None, command: Life::training, holds: trained },
    Scene { name: "resume", from: Some("stopped"), command: |_| resuming(), holds: trained },
    Scene { name: "resume at the end", from: Some("whole"), command: |_| resuming(), holds: still_there },
    Scene { name: "eval", from: Some("whole"), command: |_| judging(), holds: judged },
    Scene { name: "predict", from: Some("whole"), command: |life| life.predict.clone(), holds: predicted },
];

/// What came of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Killed,
    /// It was told, with exit code 1.
    Told,
    /// The command did without.
    WentOn,
}

/// What came of a command that was disturbed; an error where it is not as it should be.
fn outcome(mode: Mode, output: &Output) -> Result<Outcome, String> {
    let said = told(output);
    if said.contains("panicked") {
        return Err(format!("it panicked: {said}"));
    }
    match (mode.told(), output.status.signal(), output.status.code()) {
        (None, Some(9), _) => Ok(Outcome::Killed),
        (Some(_), _, Some(0)) => Ok(Outcome::WentOn),
        (Some(reason), _, Some(1)) if said.contains("error: ") && said.contains(reason) => Ok(Outcome::Told),
        _ => Err(format!("it ended with {}, and said: {said}", output.status)),
    }
}

/// A training is mended by resuming it or, where there is no run yet, by beginning it anew; and is then the whole one. What could
/// not be recorded of it beside is not made up for.
fn trained(life: &Life, outcome: Outcome, _: &Output) -> Result<(), String> {
    if outcome != Outcome::WentOn {
        let is_run = life.scratch.path(RUN).join("run.json").exists();
        let mended = life.run(&if is_run { resuming() } else { life.training() });
        if !mended.status.success() {
            return Err(format!("it cannot be mended: {}", told(&mended)));
        }
    }
    if outcome == Outcome::Killed { life.is_whole() } else { life.is_whole_but_for_recordings() }
}

/// A finished run is not lost while it is resumed.
fn still_there(life: &Life, outcome: Outcome, output: &Output) -> Result<(), String> {
    life.is_judged_alike()?;
    trained(life, outcome, output)
}

fn judged(life: &Life, outcome: Outcome, output: &Output) -> Result<(), String> {
    answered(life, outcome, output, &life.whole.judged)?;
    life.is_judged_alike()
}

/// What is written is whole, and right when it is asked for again.
fn predicted(life: &Life, outcome: Outcome, output: &Output) -> Result<(), String> {
    answered(life, outcome, output, &life.whole.predicted)?;
    let mut written = written(life);
    // What a killed process leaves beside is named as unfinished, and nothing reads it.
    let unfinished = |path: &Path| path.extension().is_some_and(|ending| ending == "part");
    if outcome == Outcome::Killed {
        written.retain(|path, _| !unfinished(path));
    }
    for (path, bytes) in &written {
        if life.whole.written.get(path) != Some(bytes) {
            return Err(format!("{} is not as it should be", path.display()));
        }
    }
    let again = life.run(&life.predict);
    if again.stdout != life.whole.predicted
        || life.whole.written.iter().any(|(path, whole)| {
            std::fs::read(life.scratch.path(TRIAL).join(path)).ok().as_ref() != Some(whole)
        })
    {
        return Err(format!("predicting again gives something else: {}", told(&again)));
    }
    Ok(())
}

/// What a command wrote that asks a run and leaves it as it is.
fn written(life: &Life) -> Files {
    let mut files = life.files(TRIAL);
    files.retain(|path, _| !path.starts_with("run"));
    files
}

/// A command that only reads the run says what it always says, or nothing, and changes nothing.
fn answered(life: &Life, outcome: Outcome, output: &Output, whole: &[u8]) -> Result<(), String> {
    let expected = if outcome == Outcome::WentOn { whole } else { b"" };
    if output.stdout != expected {
        return Err(format!("it says {}", String::from_utf8_lossy(&output.stdout)));
    }
    if life.files(RUN) != life.whole.run {
        return Err("the run was changed".to_owned());
    }
    Ok(())
}

/// Whether the checkpoints are whole which were there before the fault.
fn checkpoints_stay(life: &Life, scene: &Scene, ran: &Ran, at: usize) -> Result<(), String> {
    for name in ["best.safetensors", "last.safetensors"] {
        let path = life.scratch.path(RUN).join(name);
        let put = |made: &Operation| made.number < at && made.name == "rename" && made.path.ends_with(name);
        let was_there = scene.from.is_some() || ran.operations.iter().any(put);
        if was_there || path.exists() {
            Checkpoint::load(&path).map_err(|error| format!("a checkpoint is lost: {error}"))?;
        }
    }
    Ok(())
}

/// Disturbs a command once.
fn trial(life: &Life, scene: &Scene, mode: Mode, at: usize) -> Result<Outcome, String> {
    life.begin(scene.from);
    let ran = life.shimmed(&(scene.command)(life)).disturbed(mode, at);
    let fired = ran.fired.as_ref().ok_or("it never came to the fault")?;
    let within = |reason: String| format!("{} of {}: {reason}", fired.name, fired.path.display());
    let outcome = outcome(mode, &ran.output).map_err(within)?;
    checkpoints_stay(life, scene, &ran, at).map_err(within)?;
    (scene.holds)(life, outcome, &ran.output).map_err(within)?;
    Ok(outcome)
}

/// Lives a recipe, disturbs each command of its life at places and by modes that are spread over all there are, and tells what
/// came of it.
fn disturbed(recipe: &str, inputs: &[&str], out: Option<&str>) {
    let asked = number("LOGIT_FAULTS", 60);
    let life = Life::of(recipe, inputs, out);
    life.keep_stopped();
    let scenes = SCENES.iter().map(|scene| {
        life.begin(scene.from);
        let operations = life.undisturbed(&(scene.command)(&life)).operations;
        let all = operations.iter().flat_map(|made| Mode::at(made).map(|mode| (mode, made.number)));
        (scene, all.collect::<Vec<_>>())
    });
    let scenes: Vec<_> = scenes.collect();
    let possible: usize = scenes.iter().map(|(_, faults)| faults.len()).sum();
    let (mut counts, mut wrong, mut injected) = (BTreeMap::new(), Vec::new(), 0);
    for (scene, faults) in &scenes {
        let share = (usize::div_ceil(asked, LIVES) * faults.len()).div_ceil(possible);
        for place in spread(faults.len(), share) {
            let (mode, at) = faults[place];
            injected += 1;
            match trial(&life, scene, mode, at) {
                Ok(outcome) => *counts.entry((mode, outcome)).or_insert(0) += 1,
                Err(reason) => wrong.push(format!("{}, {} at {at}: {reason}", scene.name, mode.name())),
            }
        }
    }
    let counts = counts.iter().map(|((mode, outcome), count)| format!("{} {outcome:?} {count}", mode.name()));
    println!("{recipe}: {injected} faults of {possible}: {}", counts.collect::<Vec<_>>().join(", "));
    assert!(wrong.is_empty(), "{} of {injected} faults are not survived:\n{}", wrong.len(), wrong.join("\n"));
}

/// Between the first checkpoint and the first best weights nothing is lost, whatever happens at whichever operation.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the shim knows the C library of Linux alone")]
fn faults_around_the_first_checkpoints() {
    let life = Life::of("digits-linear", &["digit.png"], None);
    life.begin(None);
    let operations = life.undisturbed(&life.training()).operations;
    let put = |name: &str| {
        operations.iter().position(|made| made.name == "rename" && made.path.ends_with(name)).unwrap()
    };
    let (last, best) = (put("last.safetensors"), put("best.safetensors"));
    // From the last steps before the first of them is begun to the first step after the second.
    let begun = operations[..last.min(best)].iter().rposition(|made| made.name == "make").unwrap();
    let around = &operations[begun.saturating_sub(3)..last.max(best) + 3];
    let mut wrong = Vec::new();
    for (made, mode) in around.iter().flat_map(|made| Mode::at(made).map(move |mode| (made, mode))) {
        if let Err(reason) = trial(&life, &SCENES[0], mode, made.number) {
            wrong.push(format!("{} at {}: {reason}", mode.name(), made.number));
        }
    }
    assert!(wrong.is_empty(), "{} faults are not survived:\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! lives {
    ($($(#[$doc:meta])* $test:ident: $recipe:literal, $inputs:expr, $out:expr;)*) => {
        $(
            $(#[$doc])*
            #[test]
            #[cfg_attr(not(target_os = "linux"), ignore = "the shim knows the C library of Linux alone")]
            fn $test() {
                disturbed($recipe, &$inputs, $out);
            }
        )*

        const _: () = assert!(LIVES == [$($recipe),*].len());
    };
}

lives! {
    faults_in_a_life_of_digits: "digits-linear", ["digit.png"], None;
    faults_in_a_life_of_pairs: "digit-pairs", ["digit.png", "digit.png"], None;
    faults_in_a_life_of_images: "images", ["data/down/03.png", "data/plain/07.png"], None;
    faults_in_a_life_of_masks: "nuclei", ["data/images/03.png", "data/images/07.png"], Some("masks");
    faults_in_a_life_of_sentences: "sts", ["a dog", "two dogs"], None;
    faults_in_a_life_of_a_table: "table", ["data/table.csv"], Some("out.csv");
}
