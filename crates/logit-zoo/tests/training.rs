//! Training from Rust: stopped and resumed, stopped early, and ended by a number that is not finite.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use logit_zoo::recipe::Setting;
use logit_zoo::run::Record;
use logit_zoo::train::{self, Devices, End, Progress, Silent, Training};
use logit_zoo::{Recipe, RunDir, Source, ZooError};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Asks training to stop after a number of steps, and keeps what it was told.
#[derive(Default)]
struct Watcher {
    stop_after: Option<usize>,
    records: Vec<Record>,
}

impl Progress for Watcher {
    fn begin(&mut self, _done: u64, _steps: u64) {}

    fn record(&mut self, record: &Record) {
        self.records.push(record.clone());
    }

    fn wants_stop(&self) -> bool {
        self.stop_after.is_some_and(|steps| self.records.len() >= steps)
    }
}

fn start(folder: &Path, settings: &[&str]) -> Training {
    let settings = Setting::all(settings).unwrap();
    let recipe = Recipe::load("digits-linear", &settings).unwrap();
    train::start(&recipe, &Source::Embedded, folder).unwrap()
}

fn go(run: &Training, progress: &mut dyn Progress) -> Result<End, ZooError> {
    train::run(run, &Devices::default(), &AtomicBool::new(false), progress)
}

/// The run of a folder, as another program finds it.
fn resumed(folder: &Path) -> Training {
    train::resume(RunDir::open(folder).unwrap()).unwrap()
}

fn metrics_without_resumes(run: &Training) -> Vec<String> {
    let text = std::fs::read_to_string(run.dir().metrics_path()).unwrap();
    text.lines().filter(|line| !line.contains("\"resume\"")).map(str::to_owned).collect()
}

const SHORT: [&str; 3] = ["train.epochs=2", "train.min_steps=0", "train.checkpoint_every=4"];

#[test]
fn a_run_stopped_within_an_epoch_goes_on_with_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let whole = start(&folder.path().join("whole"), &SHORT);
    let end = go(&whole, &mut Silent).unwrap();
    assert!(matches!(end, End::Finished { .. }));
    for steps in [1, 6, 17, 20] {
        let run = start(&folder.path().join(format!("stopped-{steps}")), &SHORT);
        let stopped = go(&run, &mut Watcher { stop_after: Some(steps), ..Watcher::default() }).unwrap();
        assert!(matches!(stopped, End::Stopped { .. }), "{stopped:?}");
        assert_eq!(go(&run, &mut Silent).unwrap(), end);
        assert_eq!(metrics_without_resumes(&run), metrics_without_resumes(&whole), "stopped after {steps}");
    }
}

#[test]
fn a_validation_loss_that_rises_ends_training() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        ["train.epochs=200", "train.patience=2", "train.learning_rate=0.1", "train.schedule=constant"];
    let run = start(folder.path(), &settings);
    let mut watcher = Watcher::default();
    let end = go(&run, &mut watcher).unwrap();
    let Some(Record::End { reason, best_epoch, .. }) = watcher.records.last() else { panic!("{end:?}") };
    let epochs = watcher.records.iter().filter(|record| matches!(record, Record::Epoch { .. })).count();
    assert_eq!(reason, "early_stop");
    assert_eq!(epochs as u64, best_epoch + 2);
}

#[test]
fn a_loss_that_is_not_finite_names_the_step_and_keeps_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let run = start(folder.path(), &["train.epochs=1", "train.min_steps=0", "data.deviation=1e-36"]);
    let error = go(&run, &mut Silent).unwrap_err();
    let told = error.to_string();
    assert!(
        told.starts_with("step 1: the ") && told.contains("is inf; no checkpoint was written yet"),
        "{told}"
    );
}

#[test]
fn a_run_of_another_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = start(folder.path(), &SHORT);
    go(&run, &mut Silent).unwrap();
    drop(run);
    let recipe = Recipe::load("digits-mlp", &[]).unwrap().to_toml().unwrap();
    std::fs::write(folder.path().join("recipe.toml"), recipe).unwrap();
    let error = go(&resumed(folder.path()), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("was not written under this recipe.toml") && error.contains("`model"), "{error}");
}

#[test]
fn training_does_not_resume_under_a_recipe_that_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let run = start(folder.path(), &SHORT);
    go(&run, &mut Watcher { stop_after: Some(6), ..Watcher::default() }).unwrap();
    drop(run);
    let path = folder.path().join("recipe.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("learning_rate = 0.001", "learning_rate = 0.01")).unwrap();
    let error = go(&resumed(folder.path()), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("`train.learning_rate` is now 0.01, and was 0.001"), "{error}");
    std::fs::write(&path, text).unwrap();
    assert!(matches!(go(&resumed(folder.path()), &mut Silent).unwrap(), End::Finished { .. }));
}

#[test]
fn data_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("pairs.tsv"), folder.path().join("run"));
    let vectors = folder.path().join("vectors");
    std::fs::create_dir(&vectors).unwrap();
    let words = ["a", "dog", "cat", "runs", "sleeps"];
    std::fs::write(vectors.join("vocab.txt"), words.join("\n")).unwrap();
    let numbers: Vec<u8> = (0..20_u8).flat_map(|number| f32::from(number % 7).to_le_bytes()).collect();
    let tensor = TensorView::new(Dtype::F32, vec![5, 4], &numbers).unwrap();
    safetensors::serialize_to_file([("vectors", tensor)], None, &vectors.join("vectors.safetensors"))
        .unwrap();
    let rows = ["a dog runs\ta dog sleeps", "a cat sleeps\ta cat sleeps", "a dog\ta cat runs"];
    let mut pairs = "split\tscore\tsentence1\tsentence2\n".to_owned();
    for part in ["train", "dev", "test"] {
        for (score, row) in rows.iter().enumerate() {
            writeln!(pairs, "{part}\t{score}\t{row}").unwrap();
        }
    }
    std::fs::write(&data, pairs).unwrap();

    let settings = [
        Setting::whole("train.epochs", 3),
        Setting::whole("train.min_steps", 0),
        Setting::path("data.vectors", &vectors).unwrap(),
    ];
    let recipe = Recipe::load("sts", &settings).unwrap();
    let training = train::start(&recipe, &Source::at(&data), &run).unwrap();
    // What is needed again would not be found.
    let away = |from: &Path| std::fs::rename(from, from.with_extension("away")).unwrap();
    let back = |to: &Path| std::fs::rename(to.with_extension("away"), to).unwrap();
    away(&data);
    away(&vectors);
    let stopped = go(&training, &mut Watcher { stop_after: Some(1), ..Watcher::default() }).unwrap();
    assert!(matches!(stopped, End::Stopped { .. }), "{stopped:?}");
    drop(training);
    back(&data);
    back(&vectors);
    let training = resumed(&run);
    away(&data);
    away(&vectors);
    assert!(matches!(go(&training, &mut Silent).unwrap(), End::Finished { .. }));
}

#[test]
fn nobody_else_trains_in_the_folder_of_a_training() {
    let folder = tempfile::tempdir().unwrap();
    let training = start(folder.path(), &SHORT);
    let error = train::resume(training.dir().clone()).unwrap_err().to_string();
    assert!(error.contains("another process is training in"), "{error}");
    drop(training);
    resumed(folder.path());
}
