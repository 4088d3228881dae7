//! A shim between the command and the C library: it counts what is done with the files of a folder, and at one of these
//! operations fails it, ends the process, or makes it wait. So a fault comes where it is wanted, and not when.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::LazyLock;

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// The process is killed before it.
    KillBefore,
    /// The process is killed after it.
    KillAfter,
    /// Half of it is written, and the process is killed.
    Cut,
    /// The disk is full from then on; of what is written half still fits.
    Full,
    /// It fails, once.
    Error,
}

/// What changes a file or a folder.
const CHANGES: &[&str] = &["make", "write", "rename", "link", "unlink", "mkdir", "rmdir", "sync", "cut"];

/// The modes: how the shim calls them, at which operations they can happen, and what the system calls the failure.
const MODES: [(Mode, &str, &[&str], Option<&str>); 5] = [
    (Mode::KillBefore, "kill-before", CHANGES, None),
    (Mode::KillAfter, "kill-after", CHANGES, None),
    (Mode::Cut, "cut", &["write"], None),
    (Mode::Full, "full", &["make", "write", "rename", "mkdir", "sync"], Some("No space left on device")),
    (
        Mode::Error,
        "error",
        &["open", "read", "make", "write", "rename", "link", "unlink", "mkdir", "rmdir", "sync", "cut"],
        Some("Input/output error"),
    ),
];

impl Mode {
    fn row(self) -> &'static (Self, &'static str, &'static [&'static str], Option<&'static str>) {
        MODES.iter().find(|row| row.0 == self).unwrap()
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// What the system calls it where the process is told; none where it is killed.
    pub(crate) fn told(self) -> Option<&'static str> {
        self.row().3
    }

    /// All that can happen at an operation.
    pub(crate) fn at(operation: &Operation) -> impl Iterator<Item = Self> + '_ {
        MODES.iter().filter(|row| row.2.contains(&operation.name.as_str())).map(|row| row.0)
    }
}

/// What was done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its number, from 1.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl Operation {
    fn parse(line: &str) -> Self {
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().unwrap_or_else(|| panic!("no line of the shim: {line:?}"));
        Self { number: next().parse().unwrap(), name: next().to_owned(), path: next().into() }
    }
}

/// A process that ran under the shim.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) output: Output,
    pub(crate) operations: Vec<Operation>,
    /// Where the fault was, if it came to it.
    pub(crate) fired: Option<Operation>,
}

/// The shim, made from its source where the tests keep what they make.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/shim/shim.c");
    let (made, library) = (folder.join(format!("shim-{}.so", std::process::id())), folder.join("shim.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-Wall", "-Werror", "-o"]);
    let output =
        compiler.arg(&made).arg(source).arg("-ldl").output().expect("a C compiler, as Rust needs one");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Other processes of the tests make the same at the same time.
    fs::rename(made, &library).unwrap();
    library
});

/// A command under the shim.
pub(crate) struct Shimmed {
    command: Command,
    log: PathBuf,
}

impl Shimmed {
    /// Looks at the files of `folder`, which is there; `log` is a file outside of it.
    pub(crate) fn new(mut command: Command, folder: &Path, log: PathBuf) -> Self {
        command.env("LD_PRELOAD", &*LIBRARY).env("LOGIT_SHIM_LOG", &log);
        command.env("LOGIT_SHIM_FOLDER", folder.canonicalize().unwrap());
        Self { command, log }
    }

    fn fault(&mut self, name: &str, at: usize) {
        self.command.env("LOGIT_SHIM_FAULT", name).env("LOGIT_SHIM_AT", at.to_string());
    }

    /// Runs to the end, undisturbed.
    pub(crate) fn run(mut self) -> Ran {
        let output = self.command.output().unwrap();
        self.ran(output)
    }

    /// Runs to the end, with a fault at an operation.
    pub(crate) fn disturbed(mut self, mode: Mode, at: usize) -> Ran {
        self.fault(mode.name(), at);
        self.run()
    }

    /// Runs until an operation, and waits before it; none where the process ended before.
    pub(crate) fn paused(mut self, at: usize) -> Option<Paused> {
        self.fault("pause", at);
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let gate = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let paused = Paused { child, gate, stdout, shimmed: self };
        if line == "paused\n" {
            return Some(paused);
        }
        paused.go_on();
        None
    }

    fn ran(&self, output: Output) -> Ran {
        let told = fs::read_to_string(&self.log).unwrap();
        fs::remove_file(&self.log).unwrap();
        let (fired, operations): (Vec<&str>, Vec<&str>) =
            told.lines().partition(|line| line.starts_with("fired "));
        Ran {
            output,
            operations: operations.into_iter().map(Operation::parse).collect(),
            fired: fired.first().map(|line| Operation::parse(line.trim_start_matches("fired "))),
        }
    }
}

/// A process that waits before an operation.
pub(crate) struct Paused {
    child: Child,
    gate: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    shimmed: Shimmed,
}

impl Paused {
    /// Lets it go on, to its end.
    pub(crate) fn go_on(mut self) -> Ran {
        drop(self.gate.take());
        let mut stdout = Vec::new();
        self.stdout.read_to_end(&mut stdout).unwrap();
        let output = self.child.wait_with_output().unwrap();
        self.shimmed.ran(Output { stdout, ..output })
    }
}
