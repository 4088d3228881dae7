//! What validation judged is what is kept: at any moment, the best weights give the scores that they were chosen by. On several
//! devices, too, each of which knows the running statistics of its part of a batch.

use std::fs;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use super::{Devices, End, Progress, Silent, Training, run, start};
use crate::recipe::{RECIPES, Recipe, Setting};
use crate::run::{DataSource, Record, RunDir, read_records};
use crate::system::Scores;

#[path = "../../tests/common/small.rs"]
mod small;

/// Recipes whose networks drop nothing out, among them one with batch norms.
const WITHOUT_DROPOUT: [&str; 2] = ["digits-linear", "nuclei"];

/// Asks training to stop after a step.
#[derive(Default)]
struct OneStep {
    done: bool,
}

impl Progress for OneStep {
    fn begin(&mut self, _done: u64, _steps: u64) {}

    fn record(&mut self, _record: &Record) {
        self.done = true;
    }

    fn wants_stop(&self) -> bool {
        self.done
    }
}

fn go(training: &Training, devices: usize, progress: &mut dyn Progress) -> End {
    let devices = Devices::of(vec![Device::flex(); devices]);
    run(training, &devices, &AtomicBool::new(false), progress).unwrap()
}

/// The records of a run, without those of resumptions.
fn records(dir: &RunDir) -> Vec<Record> {
    let all = read_records(&dir.metrics_path()).unwrap().into_iter();
    all.filter(|record| !matches!(record, Record::Resume { .. })).collect()
}

/// The scores by which the best weights were chosen.
fn chosen_by(records: Vec<Record>) -> Option<Scores> {
    records.into_iter().rev().find_map(|record| match record {
        Record::Epoch { best: true, validation, .. } => Some(validation),
        _ => None,
    })
}

#[test]
fn the_best_weights_are_those_that_were_judged() {
    let alone = RECIPES.iter().map(|(name, _)| (*name, 1));
    // Two local devices draw their dropout from one generator in whatever order they come by: these have none.
    let together = WITHOUT_DROPOUT.map(|name| (name, 2));
    for (name, devices) in alone.chain(together) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let small = small::Small::of(name, &data);
        let recipe = Recipe::load(name, &Setting::all(&small.settings).unwrap()).unwrap();
        let begun =
            |name: &str| start(&recipe, &DataSource::at(&small.data), folder.path().join(name)).unwrap();
        let (whole, stopped) = (begun("whole"), begun("stopped"));
        let end = go(&whole, devices, &mut Silent);
        let mut judged = 0;
        let stopped_end = loop {
            let now = go(&stopped, devices, &mut OneStep::default());
            if let End::Finished { .. } = now {
                break now;
            }
            // Nothing is calibrated before the end, so that these are the weights' own scores.
            if let Some(scores) = chosen_by(records(stopped.dir())) {
                assert_eq!(stopped.scores().unwrap()[0], scores, "{name} on {devices} devices");
                judged += 1;
            }
        };
        assert_eq!(stopped_end, end, "{name} on {devices} devices");
        assert_eq!(records(stopped.dir()), records(whole.dir()), "{name} on {devices} devices");
        assert!(judged > 10, "{name} was judged {judged} times");
    }
}
