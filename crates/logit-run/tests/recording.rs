//! A recording that another program makes from slices, as those who look on see it.

use std::path::Path;

use logit_kernels::row::{cross_entropy, softmax};
use logit_run::check::Outcome;
use logit_run::live::State;
use logit_run::telemetry::{Telemetry, Truth};
use logit_run::{
    About, Input, Live, Record, Recording, RunDir, Sample, Scores, Subject, Watched, read_records,
};
use logit_spec::{Answer, Level, Loss, Rule};

const CLASSES: usize = 3;
const ROWS: usize = 26;

/// Logistic regression on points in the plane, by gradient descent, as anybody may write it.
struct Training {
    points: Vec<[f64; 2]>,
    classes: Vec<usize>,
    weights: [[f64; 3]; CLASSES],
}

impl Training {
    fn new() -> Self {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24) - 0.5
        };
        let classes: Vec<usize> = (0..ROWS).map(|row| row % CLASSES).collect();
        let centres = [[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0]];
        let points = classes.iter().map(|class| centres[*class].map(|centre| centre + 2.0 * random()));
        Self { points: points.collect(), classes, weights: [[0.0; 3]; CLASSES] }
    }

    /// Logits of all points, row after row.
    fn logits(&self) -> Vec<f32> {
        let of = |[x, y]: &[f64; 2]| self.weights.map(|[a, b, c]| (a * x + b * y + c) as f32);
        self.points.iter().flat_map(of).collect()
    }

    /// The loss of logits, and the norm of the gradient that it updates by.
    fn update(&mut self, logits: &[f32], rate: f64) -> (f64, f64) {
        let mut gradient = [[0.0; 3]; CLASSES];
        let mut loss = 0.0;
        for ((row, class), [x, y]) in logits.chunks(CLASSES).zip(&self.classes).zip(&self.points) {
            loss += cross_entropy(row, *class) / ROWS as f64;
            for (unit, p) in softmax(row, 1.0).into_iter().enumerate() {
                let more = (p - f64::from(u8::from(unit == *class))) / ROWS as f64;
                gradient[unit].iter_mut().zip([x, y, &1.0]).for_each(|(sum, input)| *sum += more * input);
            }
        }
        let norm = gradient.iter().flatten().map(|number| number * number).sum::<f64>().sqrt();
        for (weights, gradient) in self.weights.iter_mut().zip(&gradient) {
            weights.iter_mut().zip(gradient).for_each(|(weight, slope)| *weight -= rate * slope);
        }
        (loss, norm)
    }
}

fn watched() -> Watched {
    let subject = Subject { answer: Answer::Classes, units: CLASSES, loss: Loss::CrossEntropy };
    let fields = vec![["x".to_owned(), "-2.1".to_owned()], ["y".to_owned(), "0.2".to_owned()]];
    let sample = Sample { row: 0, truth: "west".to_owned(), input: Input::Fields { fields } };
    Watched { steps: 200, samples: vec![sample], ..Watched::of(subject, ["west", "east", "north"]) }
}

/// Trains for 200 steps, and records every step; `doubled` feeds the loss probabilities where it takes logits.
fn recorded(path: &Path, doubled: bool, finished: bool) -> Vec<Rule> {
    let mut recording = Recording::create(path, &About::of_program("plane", "1.0"), &watched()).unwrap();
    let mut training = Training::new();
    let mut rules = Vec::new();
    for step in 1..=200 {
        let logits = training.logits();
        let fed: Vec<f32> = if doubled {
            logits.chunks(CLASSES).flat_map(|row| softmax(row, 1.0)).map(|p| p as f32).collect()
        } else {
            logits.clone()
        };
        let (loss, norm) = training.update(&fed, 0.5);
        let found = recording
            .step(step, step.div_ceil(50), loss, 0.5)
            .output(&fed, &Truth::Classes(training.classes.clone()))
            .layer("logits", &logits)
            .gradient("logits", &[0.1, -0.1])
            .head_gradient_norm(norm)
            .sample(0, &logits[..CLASSES])
            .write()
            .unwrap();
        rules.extend(found.iter().filter_map(|found| found.finding.rule()));
        if step % 50 == 0 {
            let validation = Scores::new(ROWS as u64, [("log_loss", loss)]);
            recording.epoch(step / 50, loss, validation, true).unwrap();
        }
    }
    if finished {
        recording.finish_with(4, Scores::new(ROWS as u64, [("accuracy", 0.9)])).unwrap();
    }
    rules
}

fn live(path: &Path) -> Live {
    Live::open(RunDir::open(path).unwrap()).unwrap()
}

#[test]
fn it_can_be_watched_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    assert_eq!(recorded(&path, false, true), []);
    let live = live(&path);
    let summary = live.summary().unwrap();
    assert_eq!((summary.program.as_str(), summary.recipe, summary.seed), ("plane 1.0", None, None));
    assert_eq!((summary.state, summary.step, summary.steps), (State::Finished, 200, Some(200)));
    assert_eq!((summary.answer, summary.names.len(), summary.samples.len()), (Some("classes"), 3, 1));
    let past = live.at(120).unwrap().unwrap();
    assert_eq!((past.step, past.epoch, past.batch), (120, 3, ROWS as u32));
    assert_eq!((past.samples.len(), past.layers.len(), past.gradients.len()), (1, 1, 1));
    assert!((past.samples[0].probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    let counted: u32 = past.confusion.unwrap().iter().flatten().sum();
    assert_eq!(counted, 20 * ROWS as u32);
    assert!(past.shuffled_loss.unwrap() > past.loss);
    let report = live.check().unwrap();
    assert_eq!((report.frames, report.worst()), (200, None), "{:?}", report.verdicts);
    let fine = |rule: Rule| {
        let outcome =
            report.verdicts.iter().find(|verdict| verdict.rule == rule).map(|verdict| &verdict.outcome);
        matches!(outcome, Some(Outcome::Fine { .. }))
    };
    assert!(fine(Rule::ActivationBeforeLogitsLoss) && fine(Rule::ShuffledApart), "{:?}", report.verdicts);
    let records = read_records(&path.join("metrics.jsonl")).unwrap();
    assert!(matches!(records.last(), Some(Record::End { step: 200, best_epoch: 4, .. })), "{records:?}");
    assert!(!path.join("recipe.toml").exists());
}

#[test]
fn a_softmax_before_the_loss_is_found_while_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    assert_eq!(recorded(&path, true, true), [Rule::ActivationBeforeLogitsLoss]);
    let found = RunDir::open(&path).unwrap().findings().unwrap();
    assert_eq!((found.len(), found[0].place.step()), (1, Some(4)), "at the first step all weights are 0");
    assert_eq!(live(&path).check().unwrap().worst(), Some(Level::Error));
}

#[test]
fn what_is_not_recorded_is_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recording = Recording::create(&path, &About::of_program("plane", "1.0"), &watched()).unwrap();
    let mut training = Training::new();
    for step in 1..=40 {
        let logits = training.logits();
        let (loss, _) = training.update(&logits, 0.5);
        let record = recording.step(step, 1, loss, 0.5);
        let found = record.output(&logits, &Truth::Classes(training.classes.clone())).write().unwrap();
        assert_eq!(found, [], "step {step}");
    }
    recording.finish().unwrap();
    let verdicts = live(&path).check().unwrap().verdicts;
    let gradient = verdicts.iter().find(|verdict| verdict.rule == Rule::ZeroGradientAtHead).unwrap();
    assert!(matches!(gradient.outcome, Outcome::Unclear { .. }), "{gradient:?}");
}

#[test]
fn one_without_metrics_shows_the_losses_of_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    recorded(&path, false, false);
    assert_eq!(live(&path).summary().unwrap().state, State::Stopped);
    let with = serde_json::to_value(live(&path).series()).unwrap();
    std::fs::remove_file(path.join("metrics.jsonl")).unwrap();
    let mut without = live(&path);
    assert_eq!(serde_json::to_value(without.series()).unwrap()["steps"], with["steps"]);
    without.refresh().unwrap();
    assert_eq!(serde_json::to_value(without.series()).unwrap()["steps"], with["steps"]);
    assert_eq!(without.news().step, 200);
}

#[test]
fn what_does_not_fit_is_refused_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recording = Recording::create(&path, &About::default(), &watched()).unwrap();
    let logits = [0.0; 6];
    recording.step(5, 1, 1.0, 0.1).output(&logits, &Truth::Classes(vec![0, 9])).write().unwrap();
    for (error, part) in [
        (recording.step(6, 1, 1.0, 0.1).output(&logits[..5], &Truth::Other).write(), "5 numbers"),
        (
            recording.step(6, 1, 1.0, 0.1).output(&logits, &Truth::Classes(vec![0])).write(),
            "1 targets for 2 rows",
        ),
        (
            recording.step(6, 1, 1.0, 0.1).output(&logits, &Truth::Labels(vec![0.0; 2])).write(),
            "6 are needed",
        ),
        (recording.step(6, 1, 1.0, 0.1).sample(0, &logits).write(), "6 logits"),
        (recording.step(5, 1, 1.0, 0.1).write(), "after step 5"),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("step ") && error.contains(part), "{error}");
    }
    // A loss that is no number is in the frame, and a step with nothing but a loss is in the metrics.
    recording.step(6, 1, f64::NAN, 0.1).output(&logits, &Truth::Other).write().unwrap();
    recording.step(7, 1, 0.5, 0.1).write().unwrap();
    recording.finish().unwrap();
    let telemetry = Telemetry::open(&path.join("telemetry.bin")).unwrap();
    assert_eq!(telemetry.steps().collect::<Vec<_>>(), [5, 6]);
    assert!(telemetry.frame(1).unwrap().loss.is_nan());
    assert_eq!(read_records(&path.join("metrics.jsonl")).unwrap().len(), 3);
    let error = Recording::create(&path, &About::default(), &watched()).unwrap_err().to_string();
    assert!(error.contains("holds a run already"), "{error}");
}
