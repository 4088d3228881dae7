//! A run's life, small enough to be lived again and again: trained, judged, asked. What comes of it undisturbed is kept, to be
//! compared with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;

use crate::common::Scratch;
use crate::shim::{Mode, Ran, Shimmed};

#[path = "../../../logit-zoo/tests/common/small.rs"]
mod small;

use small::Small;

/// What is looked at: the folder `trial`, in which the run is `trial/run`.
pub(crate) const TRIAL: &str = "trial";

/// The run.
pub(crate) const RUN: &str = "trial/run";

/// Files of a run that differ between equal runs: where it was resumed, and what was seen of it, stands in them.
const UNLIKE: [&str; 4] = ["last.safetensors", "lock", "report.html", "telemetry.bin"];

/// What is recorded of a training beside it. A training goes on without, and `findings.json` tells.
const RECORDED: [&str; 3] = ["findings.json", "telemetry.bin", "watched.json"];

/// The files below a folder, by their path from there.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A recipe made small, and where it is lived.
pub(crate) struct Life {
    pub(crate) scratch: Scratch,
    /// The folder that commands run in.
    pub(crate) within: PathBuf,
    /// The arguments that train it, but for `--out`.
    pub(crate) train: Vec<String>,
    /// The arguments that ask it, in the end.
    pub(crate) predict: Vec<String>,
    /// What nothing disturbed.
    pub(crate) whole: Whole,
}

/// What comes of a life that nothing disturbs.
#[derive(Default)]
pub(crate) struct Whole {
    /// The files of the run, once it is trained.
    pub(crate) run: Files,
    /// What `eval` says.
    pub(crate) judged: Vec<u8>,
    /// What `predict` says.
    pub(crate) predicted: Vec<u8>,
    /// What `predict` writes.
    pub(crate) written: Files,
}

impl Life {
    /// Lives a recipe once. Its inputs are paths from the folder in which the commands run, where there is a `digit.png`; the
    /// last arguments of `predict` follow them.
    pub(crate) fn of(recipe: &str, inputs: &[&str], out: Option<&str>) -> Self {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("data")).unwrap();
        let ink =
            |x: u32, y: u32| image::Luma([if x.abs_diff(14) < 3 && y.abs_diff(14) < 9 { 255_u8 } else { 0 }]);
        image::GrayImage::from_fn(28, 28, ink).save(scratch.path("digit.png")).unwrap();
        let small = Small::of(recipe, &scratch.path("data"));
        let owned = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<String>>();
        let mut train = owned(&["train", recipe, "--plain", "--data", small.data.to_str().unwrap()]);
        train.extend(small.settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]));
        let mut predict = [owned(&["predict", RUN, "--json"]), owned(inputs)].concat();
        predict.extend(out.into_iter().flat_map(|out| ["--out".to_owned(), format!("{TRIAL}/{out}")]));
        let mut life = Self { train, predict, ..Self::at(scratch) };
        life.live();
        life
    }

    /// What is done in a scratch, without a life of its own.
    pub(crate) fn at(scratch: Scratch) -> Self {
        let within = scratch.path("");
        Self { scratch, within, train: Vec::new(), predict: Vec::new(), whole: Whole::default() }
    }

    fn live(&mut self) {
        self.begin(None);
        self.succeeded(&self.training());
        let run = self.files(RUN);
        let judged = self.succeeded(&judging());
        assert_eq!(judged, self.succeeded(&judging()), "`eval` says something else each time");
        let predicted = self.succeeded(&self.predict);
        assert_eq!(self.files(RUN), run, "`eval` and `predict` changed the run");
        let mut written = self.files(TRIAL);
        written.retain(|path, _| !path.starts_with("run"));
        self.whole = Whole { run, judged, predicted, written };
        fs::create_dir(self.scratch.path("whole")).unwrap();
        fs::rename(self.scratch.path(RUN), self.scratch.path("whole/run")).unwrap();
    }

    /// The arguments that train the run of a trial.
    pub(crate) fn training(&self) -> Vec<String> {
        [&self.train[..], &["--out".to_owned(), RUN.to_owned()]].concat()
    }

    /// Begins a trial, with nothing or with the files of another folder.
    pub(crate) fn begin(&self, from: Option<&str>) {
        let trial = self.scratch.path(TRIAL);
        if trial.exists() {
            fs::remove_dir_all(&trial).unwrap();
        }
        fs::create_dir(&trial).unwrap();
        if let Some(from) = from {
            copy(&self.scratch.path(from), &trial);
        }
    }

    /// Keeps a run that was killed at about two thirds of its training, as `stopped`.
    pub(crate) fn keep_stopped(&self) {
        self.begin(None);
        let operations = self.undisturbed(&self.training()).operations.len();
        self.begin(None);
        let ran = self.shimmed(&self.training()).disturbed(Mode::KillBefore, operations * 2 / 3);
        assert!(ran.fired.is_some() && self.scratch.path(RUN).join("last.safetensors").exists());
        assert!(!self.scratch.text(&format!("{RUN}/metrics.jsonl")).contains(r#""event":"end""#));
        self.keep("stopped");
    }

    /// Keeps the trial as it stands, to begin others with.
    pub(crate) fn keep(&self, name: &str) {
        fs::rename(self.scratch.path(TRIAL), self.scratch.path(name)).unwrap();
    }

    /// A command of a trial under the shim.
    pub(crate) fn shimmed(&self, args: &[String]) -> Shimmed {
        Shimmed::new(self.command(args), &self.scratch.path(TRIAL), self.scratch.path("operations"))
    }

    /// A command that is not disturbed, and what it does with the files of the trial.
    pub(crate) fn undisturbed(&self, args: &[String]) -> Ran {
        let ran = self.shimmed(args).run();
        assert!(ran.output.status.success(), "{args:?}: {}", told(&ran.output));
        assert!(!ran.operations.is_empty(), "{args:?} did nothing in {TRIAL}");
        ran
    }

    /// Its temporary files are looked at, too.
    fn command(&self, args: &[String]) -> Command {
        let mut command = Command::new(cargo_bin!("logit"));
        command.current_dir(&self.within).env("TMPDIR", self.scratch.path(TRIAL));
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Two commands at the same time, without the shim.
    pub(crate) fn at_once(&self, both: [&[String]; 2]) -> [Output; 2] {
        let begun = both
            .map(|args| self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        begun.map(|child| child.wait_with_output().unwrap())
    }

    /// A command, without the shim.
    pub(crate) fn run(&self, args: &[String]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command says, which ends well.
    fn succeeded(&self, args: &[String]) -> Vec<u8> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", told(&output));
        output.stdout
    }

    /// The files below a folder of the scratch.
    pub(crate) fn files(&self, folder: &str) -> Files {
        let mut files = Files::new();
        gather(&self.scratch.path(folder), Path::new(""), &mut files);
        files
    }

    /// Whether the run of the trial is the whole one, and is judged like it.
    pub(crate) fn is_whole(&self) -> Result<(), String> {
        alike(&self.files(RUN), &self.whole.run)?;
        self.is_judged_alike()
    }

    /// Whether the run of the trial is the whole one, but for what was recorded of its training; and is judged like it.
    pub(crate) fn is_whole_but_for_recordings(&self) -> Result<(), String> {
        let [mut run, mut whole] = [self.files(RUN), self.whole.run.clone()];
        if !whole.keys().all(|name| run.contains_key(name)) && !run.contains_key(Path::new("findings.json")) {
            return Err("a recording is missing, and no finding tells".to_owned());
        }
        for files in [&mut run, &mut whole] {
            files.retain(|name, _| !name.to_str().is_some_and(|name| RECORDED.contains(&name)));
        }
        alike(&run, &whole)?;
        self.is_judged_alike()
    }

    /// Whether `eval` says of the run of the trial what it says of the whole one.
    pub(crate) fn is_judged_alike(&self) -> Result<(), String> {
        let judged = self.run(&judging());
        if judged.stdout == self.whole.judged {
            return Ok(());
        }
        Err(format!("`eval` says {}{}", String::from_utf8_lossy(&judged.stdout), told(&judged)))
    }
}

/// The arguments that judge the run of a trial.
pub(crate) fn judging() -> Vec<String> {
    ["eval", RUN, "--json"].map(str::to_owned).to_vec()
}

/// The arguments that resume the run of a trial.
pub(crate) fn resuming() -> Vec<String> {
    ["train", "--resume", RUN, "--plain"].map(str::to_owned).to_vec()
}

/// Whether a run is like one that nothing disturbed: nothing is missing, superfluous or unfinished, and the same stands in all
/// files that equal runs share.
pub(crate) fn alike(run: &Files, whole: &Files) -> Result<(), String> {
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    if names(run) != names(whole) {
        return Err(format!("the run has {:?}, not {:?}", names(run), names(whole)));
    }
    for (name, bytes) in run {
        let is_shared = name.to_str().is_some_and(|name| !UNLIKE.contains(&name));
        if is_shared && without_resumptions(bytes) != without_resumptions(&whole[name]) {
            return Err(format!("{} is not that of the whole run", name.display()));
        }
    }
    Ok(())
}

/// So many of a list's places, spread evenly, each at most once.
pub(crate) fn spread(length: usize, many: usize) -> impl Iterator<Item = usize> {
    let divisor = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // A stride near the golden section visits all places, and no regular part of them first.
    let mut strides = (1..=length).map(|more| length * 618 / 1000 + more);
    let stride = strides.find(|stride| divisor(*stride, length) == 1).unwrap_or(1);
    (0..many.min(length)).map(move |number| (number + 1) * stride % length)
}

/// The number that an environment variable gives, or another without it.
pub(crate) fn number(variable: &str, without: usize) -> usize {
    let given = std::env::var(variable);
    given.map_or(without, |number| {
        number.parse().unwrap_or_else(|_| panic!("{variable} is no number: {number}"))
    })
}

/// What a process said on standard error.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The lines of a file, but for those of `metrics.jsonl` that tell of resumptions.
fn without_resumptions(bytes: &[u8]) -> Vec<&[u8]> {
    let resumption = br#"{"event":"resume""#;
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(resumption)).collect()
}

fn gather(folder: &Path, below: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &name, files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&place).unwrap();
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
