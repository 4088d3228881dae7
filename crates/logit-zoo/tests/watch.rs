//! What a run's folder tells those who look on, while it is trained and afterwards.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use logit_run::check::Outcome;
use logit_run::live::{Live, State};
use logit_run::telemetry::Telemetry;
use logit_zoo::recipe::Setting;
use logit_zoo::train::{self, Devices, Silent, Training};
use logit_zoo::{Recipe, RunDir, Source};

fn started(folder: &Path, settings: &[&str]) -> Training {
    let settings = Setting::all(settings).unwrap();
    let recipe = Recipe::load("digits-mlp", &settings).unwrap();
    train::start(&recipe, &Source::Embedded, folder).unwrap()
}

/// Trains, and gives the folder free.
fn trained(training: Training, stop: bool) -> RunDir {
    train::run(&training, &Devices::default(), &AtomicBool::new(stop), &mut Silent).unwrap();
    training.dir().clone()
}

const SHORT: [&str; 3] = ["train.epochs=2", "train.min_steps=0", "train.batch_size=64"];

#[test]
fn a_finished_run_tells_every_step_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = trained(started(&folder.path().join("run"), &SHORT), false);
    let live = Live::open(run.clone()).unwrap();
    let summary = live.summary().unwrap();
    assert_eq!((summary.state, summary.step, summary.steps), (State::Finished, 58, Some(58)));
    assert_eq!((summary.names.len(), summary.samples.len()), (10, 8));

    // The first five steps and every twentieth have their layers; every chosen sample comes by once an epoch.
    let telemetry = Telemetry::open(&run.telemetry_path()).unwrap();
    let frames: Vec<_> = (0..telemetry.len()).map(|number| telemetry.frame(number).unwrap()).collect();
    let layered: Vec<u64> = frames.iter().filter(|frame| frame.is_whole()).map(|frame| frame.step).collect();
    assert_eq!(layered, [1, 2, 3, 4, 5, 21, 41]);
    let names: Vec<&str> = frames[0].layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["hidden1", "hidden2", "logits", "probabilities"]);
    assert_eq!(frames.iter().map(|frame| frame.samples.len()).sum::<usize>(), 2 * 8);

    // What is told of an old step is what was known then.
    let past = live.at(41).unwrap().unwrap();
    assert_eq!((past.step, past.epoch, past.layers_step), (41, 2, Some(41)));
    assert!(past.samples.iter().all(|sight| sight.step <= 41));
    for sight in &past.samples {
        let sum: f32 = sight.probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
    let counted: u32 = past.confusion.unwrap().iter().flatten().sum();
    let binned: f64 = past.reliability.unwrap().iter().map(|bin| bin[0]).sum();
    assert!(counted >= 64 && counted == binned as u32, "{counted} and {binned}");
    assert!(live.at(0).unwrap().is_none());

    let verdicts = live.check().unwrap();
    assert_eq!(verdicts.worst(), None, "{:?}", verdicts.verdicts);
    assert!(verdicts.verdicts.iter().any(|verdict| matches!(verdict.outcome, Outcome::Fine { .. })));
}

#[test]
fn a_run_that_went_on_tells_what_one_that_was_not_broken_off_does() {
    let folder = tempfile::tempdir().unwrap();
    let whole = trained(started(&folder.path().join("whole"), &SHORT), false);
    let broken = trained(started(&folder.path().join("broken"), &SHORT), true);
    let live = Live::open(broken.clone()).unwrap();
    assert_eq!(live.summary().unwrap().state, State::Stopped);
    trained(train::resume(broken.clone()).unwrap(), false);
    let told = |run: &RunDir| std::fs::read(run.telemetry_path()).unwrap();
    assert_eq!(told(&whole), told(&broken));
}

#[test]
fn recording_changes_no_number_and_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let trained = |name: &str, more: &[&str]| {
        let run = trained(started(&folder.path().join(name), &[&SHORT, more].concat()), false);
        (std::fs::read(run.metrics_path()).unwrap(), run)
    };
    let (plain, off) = trained("off", &["watch.every=0"]);
    let (told, _) = trained("on", &["watch.every=1", "watch.gradients=true", "watch.tensorboard=true"]);
    assert!(plain == told, "recording changed the metrics");
    let live = Live::open(off).unwrap();
    assert!(live.at(58).unwrap().is_none() && live.series() == live.series());
    let events = std::fs::read_dir(folder.path().join("on/tensorboard")).unwrap().count();
    assert_eq!(events, 1);
}
