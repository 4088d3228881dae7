//! A training that was stopped and resumed is the one that was not, to the last bit: for every recipe, at any step.
//!
//! `LOGIT_STOPS=20` stops each recipe at 20 steps; without it there are a few.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use logit_zoo::recipe::Setting;
use logit_zoo::run::Record;
use logit_zoo::system::Judgement;
use logit_zoo::train::{self, Devices, End, Progress, Training};
use logit_zoo::{RECIPES, Recipe, RunDir, Source, evaluate};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use safetensors::SafeTensors;
use tempfile::TempDir;

#[path = "common/small.rs"]
mod small;

use small::Small;

/// What a run keeps that is the same however often it was stopped. The last checkpoint is not: it knows how long the file of
/// metrics is, in which each resumption is a line.
const KEPT: [&str; 9] = [
    "best.safetensors",
    "calibration.json",
    "findings.json",
    "metrics.jsonl",
    "recipe.toml",
    "run.json",
    "table.json",
    "test_rows.txt",
    "watched.json",
];

/// Files that equal runs need not share: the order in which Burn writes the state of an optimiser, and who holds the lock.
const UNLIKE: [&str; 2] = ["last.safetensors", "lock"];

/// A recipe made small, its data, and a folder for its runs.
struct Case {
    folder: TempDir,
    recipe: Recipe,
    source: Source,
}

/// A run that came to its end.
struct Finished {
    folder: PathBuf,
    end: End,
    judged: Judgement,
}

/// Asks training to stop once a step is done.
struct Until {
    step: u64,
    done: u64,
}

impl Progress for Until {
    fn begin(&mut self, done: u64, _steps: u64) {
        self.done = done;
    }

    fn record(&mut self, record: &Record) {
        if let Record::Step { step, .. } = record {
            self.done = *step;
        }
    }

    fn wants_stop(&self) -> bool {
        self.done >= self.step
    }
}

fn go(training: &Training, until: u64) -> End {
    let mut until = Until { step: until, done: 0 };
    train::run(training, &Devices::default(), &AtomicBool::new(false), &mut until).unwrap()
}

impl Case {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let small = Small::of(name, &data);
        let recipe = Recipe::load(name, &Setting::all(&small.settings).unwrap()).unwrap();
        Self { folder, recipe, source: Source::at(&small.data) }
    }

    /// A run that is stopped after each of these steps, and resumed as by another process.
    fn trained(&self, name: &str, stops: &[u64]) -> Finished {
        let folder = self.folder.path().join(name);
        let mut training = train::start(&self.recipe, &self.source, &folder).unwrap();
        for stop in stops {
            assert_eq!(go(&training, *stop), End::Stopped { step: *stop });
            drop(training);
            training = train::resume(RunDir::open(&folder).unwrap()).unwrap();
        }
        let end = go(&training, u64::MAX);
        let judged = evaluate::run(training.dir(), None).unwrap();
        Finished { folder, end, judged }
    }
}

impl Finished {
    fn steps(&self) -> u64 {
        match &self.end {
            End::Finished { step, .. } => *step,
            End::Stopped { step } => panic!("it ended at step {step}"),
        }
    }

    /// The files by name, without the lines that say that training was resumed.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap());
        let read =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
        let mut files: BTreeMap<String, Vec<u8>> = read.collect();
        let metrics = files.get_mut("metrics.jsonl").unwrap();
        let text = String::from_utf8(std::mem::take(metrics)).unwrap();
        let lines = text.split_inclusive('\n').filter(|line| !line.contains(r#""event":"resume""#));
        *metrics = lines.collect::<String>().into_bytes();
        files
    }

    /// Asserts that the other run came to the same, in its figures and in what both keep in these files.
    #[track_caller]
    fn assert_same(&self, other: &Self, compared: impl Fn(&str) -> bool, how: &str) {
        let (ours, theirs) = (self.files(), other.files());
        let lines = |files: &BTreeMap<String, Vec<u8>>| {
            String::from_utf8(files["metrics.jsonl"].clone())
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for (ours, theirs) in lines(&ours).iter().zip(lines(&theirs)) {
            assert_eq!(*ours, theirs, "{how}: the metrics differ");
        }
        let differing = differing_tensors(&ours["best.safetensors"], &theirs["best.safetensors"]);
        assert!(differing.is_empty(), "{how}: the best weights differ in {differing:?}");
        assert_eq!(self.end, other.end, "{how}: the end differs");
        assert_eq!(self.judged.scores, other.judged.scores, "{how}: the test scores differ");
        for name in ours.keys().chain(theirs.keys()).filter(|name| compared(name)) {
            assert!(ours.get(name) == theirs.get(name), "{how}: {name} differs");
        }
    }
}

/// The names of the tensors that two files do not share to the bit.
fn differing_tensors(ours: &[u8], theirs: &[u8]) -> Vec<String> {
    let [ours, theirs] = [ours, theirs].map(|bytes| {
        let tensors = SafeTensors::deserialize(bytes).unwrap();
        tensors.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect::<BTreeMap<_, _>>()
    });
    let names = ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
    names.filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name)
}

/// How many steps each recipe is stopped at.
fn how_many() -> usize {
    std::env::var("LOGIT_STOPS").map_or(3, |number| number.parse().expect("LOGIT_STOPS is a number"))
}

/// Held while trainings are compared: the random numbers of a device are those of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Stops one run of a recipe after every step, and others after a step each, drawn from a seed.
fn resumed_equals_whole(name: &str) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let case = Case::of(name);
    let whole = case.trained("whole", &[]);
    let mut steps: Vec<u64> = (1..whole.steps()).collect();
    assert!(steps.len() >= 20, "{name} has only {} steps to stop at", steps.len());
    let every = case.trained("stopped-after-every-step", &steps);
    every.assert_same(&whole, is_kept, "stopped after every step");
    steps.shuffle(&mut StdRng::seed_from_u64(1));
    steps.truncate(how_many());
    for step in &steps {
        let stopped = case.trained(&format!("stopped-{step}"), &[*step]);
        stopped.assert_same(&whole, is_kept, &format!("stopped after step {step}"));
    }
    let (every, drawn) = (whole.steps() - 1, steps.len());
    println!("{name}: {every} stops in one run, {drawn} stops in runs of their own: all the same");
}

macro_rules! recipes {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                resumed_equals_whole($name);
            }
        )*

        const TESTED: &[&str] = &[$($name),*];
    };
}

recipes! {
    digits_are_the_same: "digits",
    digits_linear_are_the_same: "digits-linear",
    digits_mlp_are_the_same: "digits-mlp",
    digit_pairs_are_the_same: "digit-pairs",
    digit_pairs_paper_are_the_same: "digit-pairs-paper",
    images_are_the_same: "images",
    nuclei_are_the_same: "nuclei",
    sts_are_the_same: "sts",
    a_table_is_the_same: "table",
}

#[test]
fn every_recipe_is_tested() {
    assert_eq!(TESTED, RECIPES.map(|(name, _)| name));
}

#[test]
fn equal_runs_have_equal_files() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for name in TESTED {
        let case = Case::of(name);
        let [first, second] = ["first", "second"].map(|run| case.trained(run, &[]));
        first.assert_same(&second, |file| !UNLIKE.contains(&file), &format!("two equal runs of {name}"));
        let kept: Vec<&str> = KEPT.into_iter().filter(|file| first.folder.join(file).exists()).collect();
        println!("{name}: equal in {} files, {kept:?} among them", first.files().len() - 1);
    }
}
