//! Two processes at the same time, in one folder or beside each other. One waits before an operation on the folder's files while the
//! other runs; and both begin in the same moment. Each comes to what it would alone, or is refused.
//!
//! `LOGIT_TRIALS=100` tries each so often; without it there are a few trials.

use std::process::Output;

use crate::common::Scratch;
use crate::life::{Files, Life, RUN, TRIAL, alike, judging, number, resuming, spread, told};
use crate::watch::Server;

/// What a command is called with, given what it is about.
type Command = fn(&Life) -> Vec<String>;

/// What must hold once both have ended; an error says what does not.
type Holds = fn(&Life, [&Output; 2]) -> Result<(), String>;

fn trials() -> usize {
    number("LOGIT_TRIALS", 4)
}

/// Lets two commands meet, in a trial that begins with `from`: the first waits before one of its operations, and half of the
/// times both begin at once.
fn meet(life: &Life, name: &str, from: Option<&str>, [first, second]: [Command; 2], holds: Holds) {
    let [first, second] = [first(life), second(life)];
    life.begin(from);
    let operations = life.undisturbed(&first).operations.len();
    let trials = trials();
    let mut wrong = Vec::new();
    for place in spread(operations, trials) {
        life.begin(from);
        let Some(paused) = life.shimmed(&first).paused(place + 1) else {
            wrong.push(format!("operation {} was never come to", place + 1));
            continue;
        };
        let other = life.run(&second);
        let ran = paused.go_on();
        let fired = ran.fired.unwrap();
        if let Err(reason) = holds(life, [&ran.output, &other]) {
            wrong.push(format!("waiting before {} of {}: {reason}", fired.name, fired.path.display()));
        }
    }
    for trial in 0..trials {
        life.begin(from);
        let [first, second] = life.at_once([&first, &second]);
        if let Err(reason) = holds(life, [&first, &second]) {
            wrong.push(format!("trial {trial} at once: {reason}"));
        }
    }
    let waited = trials.min(operations);
    println!(
        "{name}: {waited} of {operations} operations waited at, {trials} times at once, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

/// A small table's life, with a run that was stopped, one of another seed, and what is predicted on another table.
fn life() -> Life {
    let life = Life::of("table", &["data/table.csv"], Some("out.csv"));
    life.keep_stopped();
    let run = |args: &[String]| {
        let output = life.run(args);
        assert!(output.status.success(), "{}", told(&output));
    };
    life.begin(None);
    run(&of_another_seed(&life));
    life.keep("other");
    let rows = life.scratch.text("data/table.csv");
    let fewer: Vec<&str> = rows.lines().take(50).collect();
    life.scratch.write("data/fewer.csv", fewer.join("\n") + "\n");
    life.begin(Some("whole"));
    run(&of_fewer(&life));
    life.keep("fewer");
    life
}

fn of_another_seed(life: &Life) -> Vec<String> {
    [life.training(), ["--seed", "2"].map(str::to_owned).to_vec()].concat()
}

fn of_fewer(life: &Life) -> Vec<String> {
    life.predict.iter().map(|arg| arg.replace("table.csv", "fewer.csv")).collect()
}

/// Whether a command was refused as it should be: told, without a panic.
fn is_refused(output: &Output) -> Result<(), String> {
    let said = told(output);
    if output.status.code() == Some(1) && said.contains("error: ") && !said.contains("panicked") {
        return Ok(());
    }
    Err(format!("{}: {said}", output.status))
}

fn ended_well(output: &Output) -> Result<(), String> {
    if output.status.success() { Ok(()) } else { Err(format!("{}: {}", output.status, told(output))) }
}

/// One of both trains, what it was asked to, and the other is refused.
fn one_trains(life: &Life, outputs: [&Output; 2]) -> Result<(), String> {
    let (winner, loser) = match outputs.map(|output| output.status.success()) {
        [true, false] => (life.whole.run.clone(), outputs[1]),
        [false, true] => (life.files("other/run"), outputs[0]),
        [both, _] => {
            let said = outputs.map(told).join("\n");
            return Err(format!("{} of them trained: {said}", if both { "both" } else { "none" }));
        }
    };
    is_refused(loser)?;
    alike(&life.files(RUN), &winner)
}

/// Both resume, one after the other, or one is refused.
fn one_resumes(life: &Life, outputs: [&Output; 2]) -> Result<(), String> {
    if outputs.iter().all(|output| !output.status.success()) {
        return Err(format!("none of them resumed: {}", outputs.map(told).join("\n")));
    }
    outputs.into_iter().filter(|output| !output.status.success()).try_for_each(is_refused)?;
    life.is_whole()
}

/// The first trains as if nobody looked on; the second says something or is refused.
fn looked_on(life: &Life, [first, second]: [&Output; 2]) -> Result<(), String> {
    ended_well(first)?;
    if second.stdout.is_empty() {
        is_refused(second)?;
    } else {
        let object: serde_json::Value =
            serde_json::from_slice(&second.stdout).map_err(|error| error.to_string())?;
        assert!(object.is_object(), "{object}");
    }
    life.is_whole()
}

/// The run is finished: whoever asks it gets its figures.
fn judged_alike(life: &Life, [first, second]: [&Output; 2]) -> Result<(), String> {
    ended_well(first)?;
    ended_well(second)?;
    if second.stdout != life.whole.judged {
        return Err(format!("`eval` says {}", String::from_utf8_lossy(&second.stdout)));
    }
    life.is_whole()
}

/// Both say what they predicted, and all rows of one of them are in the file.
fn one_is_written(life: &Life, [first, second]: [&Output; 2]) -> Result<(), String> {
    ended_well(first)?;
    ended_well(second)?;
    if first.stdout != life.whole.predicted {
        return Err(format!("the first says {}", String::from_utf8_lossy(&first.stdout)));
    }
    let mut written = life.files(TRIAL);
    written.retain(|path, _| !path.starts_with("run"));
    let mut of_fewer = life.files("fewer");
    of_fewer.retain(|path, _| !path.starts_with("run"));
    if written == life.whole.written || written == of_fewer {
        return Ok(());
    }
    Err(format!("neither is written: {:?}", written.keys().collect::<Vec<_>>()))
}

macro_rules! meetings {
    ($($test:ident: $from:expr, $first:expr, $second:expr, $holds:expr;)*) => {
        $(
            #[test]
            #[cfg_attr(not(target_os = "linux"), ignore = "the shim knows the C library of Linux alone")]
            fn $test() {
                meet(&life(), stringify!($test), $from, [$first, $second], $holds);
            }
        )*
    };
}

meetings! {
    two_starts_in_one_folder: None, Life::training, of_another_seed, one_trains;
    two_resumptions: Some("stopped"), |_| resuming(), |_| resuming(), one_resumes;
    a_start_where_a_run_is_resumed: Some("stopped"), |_| resuming(), of_another_seed, looked_on;
    an_evaluation_while_a_run_is_started: None, Life::training, |_| judging(), looked_on;
    an_evaluation_while_a_run_is_resumed: Some("stopped"), |_| resuming(), |_| judging(), looked_on;
    an_evaluation_while_a_finished_run_is_resumed: Some("whole"), |_| resuming(), |_| judging(), judged_alike;
    a_check_while_a_run_is_started: None, Life::training, |_| checking(), looked_on;
    two_predictions_into_one_file: Some("whole"), |life| life.predict.clone(), of_fewer, one_is_written;
}

fn checking() -> Vec<String> {
    ["check", RUN, "--json"].map(str::to_owned).to_vec()
}

/// The runs below `trial/runs`, each as if it had been alone: one of each seed.
fn each_has_its_own(life: &Life, outputs: [&Output; 2]) -> Result<(), String> {
    outputs.into_iter().try_for_each(ended_well)?;
    let mut runs: Vec<Files> = Vec::new();
    for name in life.scratch.names(&format!("{TRIAL}/runs")) {
        runs.push(life.files(&format!("{TRIAL}/runs/{name}")));
    }
    let wholes = [life.whole.run.clone(), life.files("other/run")];
    match runs.as_slice() {
        [first, second] => alike(first, &wholes[0])
            .and_then(|()| alike(second, &wholes[1]))
            .or_else(|_| alike(first, &wholes[1]).and_then(|()| alike(second, &wholes[0]))),
        runs => Err(format!("there are {} runs", runs.len())),
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the shim knows the C library of Linux alone")]
fn two_starts_without_a_folder() {
    let mut life = life();
    life.within = life.scratch.path(TRIAL);
    let other: Command = |life| [&life.train[..], &["--seed", "2"].map(str::to_owned)].concat();
    meet(&life, "two_starts_without_a_folder", None, [|life| life.train.clone(), other], each_has_its_own);
}

/// Columns of a large table beside its class.
const COLUMNS: u32 = 400;

/// Rows of numbers, every other of them blank; the class follows from the first, or is the other one.
fn many_numbers(rows: u32, swapped: bool) -> String {
    let header = (0..COLUMNS).fold("y".to_owned(), |header, column| format!("{header},c{column}"));
    (0..rows).fold(header + "\n", |mut table, row| {
        let digit = |column: u32| char::from(b'0' + ((row / 3 + column * (row % 7)) % 10) as u8);
        table.push(if (digit(0) < '5') == swapped { 'q' } else { 'p' });
        for column in 0..COLUMNS {
            table.push(',');
            if column == 0 || (row + column) % 2 == 0 {
                table.push(digit(column));
            }
        }
        table.push('\n');
        table
    })
}

/// What each of two evaluations at once says alone, of two tables whose rows are more than memory is taken for.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the shim knows the C library of Linux alone")]
fn two_evaluations_on_large_tables() {
    /// A number and whether it is blank of each column: more than 64 MiB.
    const ROWS: u32 = 22_000;
    /// The place of the table among the arguments.
    const TABLE: usize = 3;
    let scratch = Scratch::new();
    scratch.write("small.csv", many_numbers(600, false));
    scratch.write("right.csv", many_numbers(ROWS, false));
    scratch.write("wrong.csv", many_numbers(ROWS, true));
    let train = ["train", "small.csv", "--target", "y", "--model", "linear", "--epochs", "3", "--out", RUN];
    scratch.logit(&train).success();
    let life = Life::at(scratch);
    life.keep("whole");
    let asked: [Command; 2] = [|_| judging_on("right.csv"), |_| judging_on("wrong.csv")];
    life.begin(Some("whole"));
    let laid_out = life.undisturbed(&judging_on("right.csv")).operations;
    assert!(laid_out.iter().any(|made| made.name == "write"), "the rows fit into memory");
    for ask in asked {
        life.scratch.write(&format!("{}.alone", ask(&life)[TABLE]), life.run(&ask(&life)).stdout);
    }
    assert_ne!(life.scratch.text("right.csv.alone"), life.scratch.text("wrong.csv.alone"));
    meet(&life, "two_evaluations_on_large_tables", Some("whole"), asked, |life, outputs| {
        for (output, table) in outputs.into_iter().zip(["right.csv", "wrong.csv"]) {
            ended_well(output)?;
            let said = String::from_utf8_lossy(&output.stdout);
            if said != life.scratch.text(&format!("{table}.alone")) {
                return Err(format!("of {table} it says {said}"));
            }
        }
        Ok(())
    });
}

fn judging_on(table: &str) -> Vec<String> {
    ["eval", RUN, "--data", table, "--json"].map(str::to_owned).to_vec()
}

/// From the moment that there is a run, it can be watched, to its end; and it is trained as if nobody did.
#[test]
fn watched_from_its_first_moment() {
    let life = Life::of("digits-linear", &["digit.png"], None);
    for _ in 0..trials() {
        life.begin(None);
        let training = life.training();
        let mut training = life.scratch.start(&training.iter().map(String::as_str).collect::<Vec<_>>());
        let server = loop {
            match Server::begun(&life.scratch, &[RUN]) {
                Ok(server) => break server,
                Err(output) => is_refused(&output).unwrap(),
            }
        };
        while training.try_wait().unwrap().is_none() {
            for path in ["/api/runs", "/api/runs/0/series", "/api/runs/0/findings"] {
                server.json(path);
            }
        }
        assert!(training.wait_with_output().unwrap().status.success());
        assert_eq!(server.json("/api/runs")[0]["state"], "finished");
        life.is_whole().unwrap();
    }
    println!("watched from its first moment {} times", trials());
}
