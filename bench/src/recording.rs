//! What recording costs a training: the steps of one run timed one by one, with and without it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use logit_zoo::Recipe;
use logit_zoo::recipe::Setting;
use logit_zoo::run::{DataSource, Record, RunDir};
use logit_zoo::telemetry::Telemetry;
use logit_zoo::train::{self, Devices, Progress};
use serde_json::{Value, json};

use crate::case::Failure;

/// Pairs of trainings, one of which records.
const PAIRS: usize = 10;

/// What was recorded of a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Recorded {
    Nothing,
    /// The chosen samples of its batch.
    Samples,
    /// The layers' statistics too.
    Layers,
}

/// What recording adds to the steps of the recipe `digits`, 64 a batch: the median difference, in seconds, between a
/// step of a training that records and the same step of one that does not, less that of the steps of which nothing is
/// recorded: they tell how the two trainings differ without it, by where their memory lies and what else the machine did.
pub(crate) fn measure() -> Result<Value, Failure> {
    let (mut plain, mut more) = (Vec::new(), BTreeMap::<Recorded, Vec<f64>>::new());
    for pair in 0..PAIRS {
        // Whoever comes first finds another machine: each is first as often.
        let first = timed(pair % 2 == 0)?;
        let second = timed(pair % 2 == 1)?;
        let (recording, off) = if pair % 2 == 0 { (first, second) } else { (second, first) };
        for (step, seconds) in &recording.seconds {
            let Some(without) = off.seconds.get(step) else { continue };
            plain.push(*without);
            let recorded = recording.recorded.get(step).copied().unwrap_or(Recorded::Nothing);
            more.entry(recorded).or_default().push(seconds - without);
        }
    }
    let steps = plain.len() as f64;
    let plain = median(&mut plain);
    let mut added = |recorded: Recorded| {
        let more = more.entry(recorded).or_default();
        (more.len() as f64 / steps, median(more))
    };
    let (_, apart) = added(Recorded::Nothing);
    let kinds = [Recorded::Samples, Recorded::Layers].map(|recorded| {
        let (share, more) = added(recorded);
        (share, more - apart)
    });
    let [samples, layers] =
        kinds.map(|(share, seconds)| json!({ "share_of_steps": share, "seconds_more": seconds }));
    let overhead = kinds.iter().map(|(share, seconds)| share * seconds).sum::<f64>() / plain;
    Ok(json!({
        "step": plain, "apart_without": apart, "samples": samples, "layers": layers, "overhead": overhead,
    }))
}

/// A training's steps.
struct Timed {
    seconds: BTreeMap<u64, f64>,
    recorded: BTreeMap<u64, Recorded>,
}

fn timed(recording: bool) -> Result<Timed, Failure> {
    let mut settings =
        vec!["train.batch_size=64", "train.patience=0", "train.epochs=12", "train.checkpoint_every=1000000"];
    if !recording {
        settings.push("watch.every=0");
    }
    let settings = Setting::all(settings)?;
    let folder = std::env::temp_dir().join(format!("logit-bench-{}", std::process::id()));
    let recipe = Recipe::load("digits", &settings)?;
    let training = train::start(&recipe, &DataSource::Embedded, &folder)?;
    let mut clock = Clock { last: None, seconds: BTreeMap::new() };
    let trained = train::run(&training, &Devices::default(), &AtomicBool::new(false), &mut clock);
    let recorded = recorded(training.dir());
    std::fs::remove_dir_all(&folder)?;
    trained?;
    Ok(Timed { seconds: clock.seconds, recorded: recorded? })
}

/// The steps of which a run recorded something.
fn recorded(run: &RunDir) -> Result<BTreeMap<u64, Recorded>, Failure> {
    let telemetry = Telemetry::open(&run.telemetry_path())?;
    let mut steps = BTreeMap::new();
    for (number, step) in telemetry.steps().enumerate() {
        let layers = telemetry.frame(number)?.is_whole();
        steps.insert(step, if layers { Recorded::Layers } else { Recorded::Samples });
    }
    Ok(steps)
}

/// Times the steps, but the first of each epoch: what ends an epoch comes before it.
struct Clock {
    last: Option<Instant>,
    seconds: BTreeMap<u64, f64>,
}

impl Progress for Clock {
    fn begin(&mut self, _: u64, _: u64) {}

    fn record(&mut self, record: &Record) {
        let now = Instant::now();
        if let Record::Step { step, .. } = record {
            if let Some(last) = self.last {
                self.seconds.insert(*step, now.duration_since(last).as_secs_f64());
            }
            self.last = Some(now);
        } else {
            self.last = None;
        }
    }
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}
