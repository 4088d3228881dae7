//! Pairs of digits, trained from Rust: what the network keeps, and that an interrupted run resumes with the same numbers.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use logit_zoo::recipe::Setting;
use logit_zoo::run::{Checkpoint, Record, TrainedRun as _};
use logit_zoo::train::{self, Devices, Progress, Silent, Training};
use logit_zoo::{Recipe, RunDir, Source, TaskConfig};

fn start(folder: &Path, recipe: &str, settings: &[&str]) -> Training {
    let small = ["train.epochs=2", "data.pairs=640", "data.validation_pairs=100", "data.test_pairs=100"];
    let settings = Setting::all(small.iter().chain(settings)).unwrap();
    let recipe = Recipe::load(recipe, &settings).unwrap();
    train::start(&recipe, &Source::Embedded, folder).unwrap()
}

/// The biases of a checkpoint, layer by layer.
fn biases(run: &RunDir) -> [Vec<f32>; 2] {
    let TaskConfig::Pairs(setup) = run.recipe().unwrap().task else { panic!("another task") };
    let path = run.last_path();
    let net = setup.model.init(28 * 56, &Device::flex());
    let net = Checkpoint::load(&path).unwrap().apply(net, &path).unwrap();
    net.stages().map(|stage| stage.detection.bias.as_ref().unwrap().val().try_into_vec_as().unwrap())
}

#[test]
fn no_bias_is_ever_above_0_and_they_learn_all_the_same() {
    for (recipe, rate) in [("digit-pairs", "1e-2"), ("digit-pairs-paper", "1e-5")] {
        let folder = tempfile::tempdir().unwrap();
        // First weights so large that biases are pushed either way within few steps.
        let settings = [&format!("train.learning_rate={rate}"), "model.deviation=0.05"];
        let run = start(folder.path(), recipe, &settings);
        train::run(&run, &Devices::default(), &AtomicBool::new(false), &mut Silent).unwrap();
        for biases in biases(run.dir()) {
            assert_eq!(biases.len(), 400);
            assert!(biases.iter().all(|bias| *bias <= 0.0), "{recipe}: {biases:?}");
            assert!(biases.iter().any(|bias| *bias < 0.0), "{recipe}: the biases never moved");
            // Of hundreds of biases that may go either way some are pushed up, and stay at 0.
            assert!(biases.contains(&0.0), "{recipe}: nothing was held");
        }
    }
}

/// Asks training to stop after a number of records.
struct Watcher {
    left: usize,
}

impl Progress for Watcher {
    fn begin(&mut self, _done: u64, _steps: u64) {}

    fn record(&mut self, _record: &Record) {
        self.left = self.left.saturating_sub(1);
    }

    fn wants_stop(&self) -> bool {
        self.left == 0
    }
}

#[test]
fn a_run_broken_off_within_an_epoch_goes_on_with_the_same_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = |run: &RunDir| {
        let text = std::fs::read_to_string(run.metrics_path()).unwrap();
        text.lines().filter(|line| !line.contains("\"resume\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let go = |run: &Training, progress: &mut dyn Progress| {
        train::run(run, &Devices::default(), &AtomicBool::new(false), progress).unwrap();
    };
    let whole = start(&folder.path().join("whole"), "digit-pairs", &[]);
    go(&whole, &mut Silent);
    for left in [3, 14] {
        let run = start(&folder.path().join(format!("broken-off-{left}")), "digit-pairs", &[]);
        go(&run, &mut Watcher { left });
        assert!(metrics(run.dir()).len() < metrics(whole.dir()).len());
        go(&run, &mut Silent);
        assert_eq!(metrics(run.dir()), metrics(whole.dir()), "broken off after {left} records");
        assert_eq!(biases(run.dir()), biases(whole.dir()));
    }
}
