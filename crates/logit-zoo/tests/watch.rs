//! What a run's folder tells those who look on, while it is trained and afterwards.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use logit_run::check::Outcome;
use logit_run::live::{Live, State};
use logit_run::telemetry::{Frame, Map, Shown, Telemetry};
use logit_zoo::recipe::Setting;
use logit_zoo::train::{self, Devices, Silent, Training};
use logit_zoo::{Recipe, RunDir, Source};

fn started(folder: &Path, settings: &[&str]) -> Training {
    started_on("digits-mlp", &Source::Embedded, folder, settings)
}

fn started_on(recipe: &str, source: &Source, folder: &Path, settings: &[&str]) -> Training {
    let settings = Setting::all(settings).unwrap();
    let recipe = Recipe::load(recipe, &settings).unwrap();
    train::start(&recipe, source, folder).unwrap()
}

/// Trains, and gives the folder free.
fn trained(training: Training, stop: bool) -> RunDir {
    train::run(&training, &Devices::default(), &AtomicBool::new(stop), &mut Silent).unwrap();
    training.dir().clone()
}

fn frames(run: &RunDir) -> Vec<Frame> {
    let telemetry = Telemetry::open(&run.telemetry_path()).unwrap();
    (0..telemetry.len()).map(|number| telemetry.frame(number).unwrap()).collect()
}

/// A training of these settings, and the same without a recording: both have the same metrics.
fn with_and_without(recipe: &str, source: &Source, settings: &[&str]) -> (tempfile::TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let trained = |name: &str, more: &[&str]| {
        let run = started_on(recipe, source, &folder.path().join(name), &[settings, more].concat());
        let run = trained(run, false);
        (std::fs::read(run.metrics_path()).unwrap(), run)
    };
    let ((told, run), (plain, _)) = (trained("on", &[]), trained("off", &["watch.every=0"]));
    assert!(told == plain, "recording changed the metrics of {recipe}");
    (folder, run)
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
    let frames = frames(&run);
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

/// A grey PNG.
fn write_png(path: &Path, [width, height]: [usize; 2], pixel: impl Fn(usize, usize) -> u8) {
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

/// A folder of images, each a bright disc away from the middle of a dark ground, with masks: 1 inside, 2 at the rim.
fn discs(count: usize, size: impl Fn(usize) -> [usize; 2]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["images", "masks"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
    }
    for number in 0..count {
        let inside = move |x: usize, y: usize| {
            9.0 - (x as f64 - 12.0 - (number % 5) as f64).hypot(y as f64 - 13.0 - (number % 3) as f64)
        };
        let [image, mask] =
            ["images", "masks"].map(|part| folder.path().join(format!("{part}/{number:02}.png")));
        write_png(
            &image,
            size(number),
            |x, y| if inside(x, y) > 0.0 { 180 } else { 30 } + ((7 * x + 13 * y) % 23) as u8,
        );
        write_png(
            &mask,
            size(number),
            |x, y| if inside(x, y) > 2.0 { 1 } else { 2 * u8::from(inside(x, y) > 0.0) },
        );
    }
    folder
}

/// Of the pixels of a map that are no background, in truth or as the classes' probabilities decide, the share that are
/// none in both.
fn overlap(map: &Map) -> f64 {
    let [truth, probabilities] = map.bytes().unwrap();
    let pixels = truth.len();
    let decided =
        |pixel: usize| (1..3).any(|class| probabilities[class * pixels + pixel] > probabilities[pixel]);
    let count = |is: &dyn Fn(usize) -> bool| (0..pixels).filter(|pixel| is(*pixel)).count() as f64;
    count(&|pixel| truth[pixel] > 0 && decided(pixel))
        / count(&|pixel| truth[pixel] > 0 || decided(pixel)).max(1.0)
}

const SMALL_NET: [&str; 5] =
    ["model.width=4", "model.depth=2", "data.crop=32", "data.mean=0.3", "train.learning_rate=0.01"];

#[test]
fn the_masks_of_chosen_images_grow_from_step_to_step() {
    let data = discs(24, |_| [32, 32]);
    let source = Source::Folder(data.path().to_owned());
    let (_folder, run) =
        with_and_without("nuclei", &source, &[&SMALL_NET[..], &["train.epochs=40"]].concat());
    let seen: Vec<_> = frames(&run).into_iter().flat_map(|frame| frame.samples).collect();
    assert_eq!(seen.len(), 40 * 8);
    // A square as large as its image shows the same each time, however it was turned and mirrored for the pass.
    let mut squares = std::collections::BTreeMap::new();
    let mut maps: Vec<Map> = Vec::new();
    for seen in seen {
        assert!(seen.logits.is_empty() && seen.probabilities.is_empty(), "a map is told by its pixels");
        let Shown { picture, map, .. } = seen.shown.unwrap();
        assert_eq!((picture.width, picture.height, picture.channels), (32, 32, 1));
        let map = map.unwrap();
        let square = (picture, map.truth.clone());
        assert_eq!(squares.entry(seen.row).or_insert_with(|| square.clone()), &square);
        maps.push(map);
    }
    for map in &maps {
        let [truth, probabilities] = map.bytes().unwrap();
        assert_eq!((truth.len(), probabilities.len()), (32 * 32, 3 * 32 * 32));
        let sums = (0..truth.len()).map(|pixel| probabilities.iter().skip(pixel).step_by(truth.len()));
        assert!(sums.map(|each| each.map(|p| u32::from(*p)).sum::<u32>()).all(|sum| sum.abs_diff(255) <= 2));
    }
    let mean = |maps: &[Map]| maps.iter().map(overlap).sum::<f64>() / maps.len() as f64;
    let (first, last) = (mean(&maps[..8]), mean(&maps[maps.len() - 8..]));
    assert!(first < 0.4 && last > 0.6, "discs were found by {first} at first, by {last} at last");

    let live = Live::open(run).unwrap();
    let summary = live.summary().unwrap();
    assert!(summary.samples.iter().all(|sample| sample.truth.contains("boundary")), "{:?}", summary.samples);
    assert!(summary.samples.iter().all(|sample| sample.input.pixels().is_some()));
    let past = live.at(u64::MAX).unwrap().unwrap();
    assert!(past.samples.len() == 8 && past.samples.iter().all(|sight| sight.shown.is_some()));
}

#[test]
fn large_squares_are_thinned_out_and_labels_are_bits() {
    let data = discs(10, |number| [40 + 3 * (number % 4), 36 + 5 * (number % 3)]);
    let settings = ["data.crop=100", "data.answer=labels", "train.epochs=1", "watch.samples=2"];
    let source = Source::Folder(data.path().to_owned());
    let (_folder, run) = with_and_without("nuclei", &source, &[&SMALL_NET[..2], &settings].concat());
    let seen: Vec<_> = frames(&run).into_iter().flat_map(|frame| frame.samples).collect();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        let Shown { picture, map, .. } = seen.shown.unwrap();
        assert_eq!((picture.width, picture.height), (34, 34), "every third pixel");
        let [truth, probabilities] = map.unwrap().bytes().unwrap();
        assert_eq!((truth.len(), probabilities.len()), (34 * 34, 2 * 34 * 34));
        assert!(truth.contains(&1) && truth.contains(&2) && truth.iter().all(|bits| *bits < 4));
    }
}

#[test]
fn of_pairs_the_places_are_followed_and_each_pass_shows_its_own() {
    let settings = ["train.epochs=2", "data.pairs=640", "data.validation_pairs=100", "data.test_pairs=100"];
    let (_folder, run) = with_and_without("digit-pairs", &Source::Embedded, &settings);
    let seen: Vec<_> = frames(&run).into_iter().flat_map(|frame| frame.samples).collect();
    let rows: Vec<u32> = seen.iter().map(|seen| seen.row).collect();
    let places: Vec<u32> = (0..8).map(|at| 80 * at).collect();
    assert_eq!(rows, [&places[..], &places].concat());
    for (first, second) in seen[..8].iter().zip(&seen[8..]) {
        let [first, second] = [first, second].map(|seen| seen.shown.as_ref().unwrap());
        assert_ne!(first.picture, second.picture, "another pair");
    }
    for seen in &seen {
        let Shown { picture, truth, map } = seen.shown.as_ref().unwrap();
        assert_eq!((picture.width, picture.height, seen.logits.len()), (56, 28, 1));
        let held = truth.split(['(', ')']).nth(1).unwrap();
        let sought = held.split(" and ").any(|digit| digit.parse::<u8>().unwrap() < 4);
        assert!(map.is_none() && truth.starts_with(if sought { "100 (" } else { "0 (" }), "{truth}");
    }
}
