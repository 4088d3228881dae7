//! Starting the command, and reading what it says and leaves behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "../../../logit-data/tests/common/shared_data.rs"]
mod shared_data;

pub(crate) use shared_data::shared_data;

/// What no command of these tests comes near; one that hangs ends here.
const LIMIT: Duration = Duration::from_mins(1);

/// The folder that a test works in.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    /// Replaces all of `old`, which must be there, in a text file.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.text(name);
        assert!(text.contains(old), "{name} has no {old:?}:\n{text}");
        self.write(name, text.replace(old, new));
    }

    /// Makes a run's best weights those of an older version, which do not say what they belong to; and no checkpoint of today
    /// speaks of others.
    pub(crate) fn unbind(&self, run: &str) {
        drop(fs::remove_file(self.path(&format!("{run}/last.safetensors"))));
        let path = self.path(&format!("{run}/best.safetensors"));
        let bytes = fs::read(&path).unwrap();
        let (length, rest) = bytes.split_at(8);
        let (header, numbers) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let mut crc = flate2::Crc::new();
        crc.update(numbers);
        let mut header: Value = serde_json::from_slice(header).unwrap();
        let ours = json!({"ids": {}, "place": null, "crc": crc.sum()});
        header["__metadata__"]["logit"] = json!(ours.to_string());
        let header = header.to_string();
        let header = format!("{header:<0$}", header.len().next_multiple_of(8));
        let length = (header.len() as u64).to_le_bytes();
        fs::write(&path, [&length, header.as_bytes(), numbers].concat()).unwrap();
    }

    /// Runs the command to its end.
    pub(crate) fn logit(&self, args: &[&str]) -> Assert {
        Command::new(cargo_bin!("logit")).current_dir(self.folder.path()).args(args).timeout(LIMIT).assert()
    }

    /// Starts the command and goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        std::process::Command::new(cargo_bin!("logit"))
            .current_dir(self.folder.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Trains the linear recipe for one epoch of 15 steps.
    pub(crate) fn trained(&self, run: &str) -> Assert {
        self.logit(&["train", "digits-linear", "--epochs", "1", "--out", run, "--json"]).success()
    }

    /// Trains for three epochs, at each step of which the weights are multiplied by about −1.5, so that the first epoch is the
    /// best; and gives the run's name.
    pub(crate) fn best_before_the_end(&self) -> String {
        let growing = [
            "train.optimizer=sgd",
            "train.schedule=constant",
            "train.learning_rate=1",
            "train.weight_decay=2.5",
        ];
        let args = ["train", "digits-linear", "--epochs", "3", "--out", "wild", "--json"];
        let trained = json(&self.logit(&[&args[..], &set(&growing)].concat()).success());
        assert_eq!(trained["best_epoch"], 1, "{trained}");
        "wild".to_owned()
    }

    /// The names of a folder's files, in their order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(crate) fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

pub(crate) fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// Standard output, which must be one JSON object on one line.
pub(crate) fn json(assert: &Assert) -> Value {
    let text = stdout(assert);
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert!(value.is_object(), "{text}");
    value
}

/// Asserts the exit code and that standard error tells all of `parts`, and nothing of a panic.
#[track_caller]
pub(crate) fn refused(assert: Assert, code: i32, parts: &[&str]) {
    let (told, output) = (stderr(&assert), assert.get_output());
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(output.stdout.is_empty(), "on standard output: {}", stdout(&assert));
    assert!(told.contains("error: ") && !told.contains("panicked"), "{told}");
    for part in parts {
        assert!(told.contains(part), "no {part:?} in: {told}");
    }
}

/// The arguments that replace values of a recipe.
pub(crate) fn set<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|setting| ["--set", setting]).collect()
}

/// Asserts that no file of a run is half written.
#[track_caller]
pub(crate) fn assert_no_part(scratch: &Scratch, run: &str) {
    let names = scratch.names(run);
    assert!(
        !names.iter().any(|name| Path::new(name).extension().is_some_and(|ending| ending == "part")),
        "{names:?}"
    );
}

/// Waits until a file has so many lines; false if the process ended before.
pub(crate) fn wait_for_lines(path: &Path, lines: usize, child: &mut Child) -> bool {
    let began = Instant::now();
    loop {
        if fs::read_to_string(path).unwrap_or_default().matches('\n').count() >= lines {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(began.elapsed() < LIMIT, "{} never came to {lines} lines", path.display());
        std::thread::sleep(Duration::from_micros(200));
    }
}
