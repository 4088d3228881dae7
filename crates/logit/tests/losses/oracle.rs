//! Every loss and option against values and gradients that PyTorch and its peers made: `oracle/losses.py`.
//!
//! Errors are norm-wise: the largest difference over the largest expected number.

use std::path::Path;

use burn::tensor::DType;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::harness::{Batch, Kind, Row};
use super::table::table;

/// Largest norm-wise error allowed, f32 and f64.
const TOLERANCES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-10)];

#[derive(Deserialize)]
struct Case {
    name: String,
    /// Those of the loss under their own names, and the numbers of its kind.
    options: Map<String, Value>,
    kind: String,
    shape: Vec<usize>,
    logits: Vec<f64>,
    target_shape: Vec<usize>,
    targets: Vec<f64>,
    loss: Numbers,
    grad: Vec<f64>,
    cotangent: Option<Vec<f64>>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Numbers {
    One(f64),
    Many(Vec<f64>),
}

/// What the options say of the kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Scale {
    low: f64,
    high: f64,
    steps: usize,
    levels: Vec<f64>,
}

impl Case {
    /// The options of the loss alone.
    fn loss_options(&self) -> Value {
        let mut options = self.options.clone();
        // A loss per position or entry is not a reduction but another method.
        let of_loss = |name: &str, value: &Value| {
            !["low", "high", "steps", "levels"].contains(&name) && *value != "none"
        };
        options.retain(|name, value| of_loss(name, value));
        // The peer's name for it; each case is drawn from its name, so that the fixture keeps it.
        if let Some(weight) = options.remove("importance_weights") {
            options.insert("importance_weight".to_owned(), weight);
        }
        options.into()
    }

    fn kind(&self) -> Kind {
        let Scale { low, high, steps, levels } =
            serde_json::from_value(self.options.clone().into()).expect("numbers of a kind");
        let units = self.shape[1];
        match self.kind.as_str() {
            "classes" => Kind::Classes(units),
            "yes_no" => Kind::YesNo,
            "labels" => Kind::Labels(units),
            "values" => Kind::Values(units),
            "gaussian" => Kind::Gaussian(units / 2),
            "quantiles" => Kind::Quantiles(units / levels.len(), levels),
            "grades" => Kind::Grades { low, high, steps },
            "coral" => Kind::Coral { low, high, steps },
            "corn" => Kind::Corn { low, high, steps },
            other => panic!("{}: no kind is called {other}", self.name),
        }
    }

    fn batch(&self, dtype: DType) -> Batch {
        Batch {
            kind: self.kind(),
            shape: self.shape.clone(),
            logits: self.logits.clone(),
            dtype,
            target_shape: self.target_shape.clone(),
            targets: self.targets.clone(),
            target_dtype: dtype,
            cotangent: self.cotangent.clone(),
        }
    }
}

fn error(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(ours.iter().all(|value| value.is_finite()), "{ours:?}");
    let largest = theirs.iter().map(|value| value.abs()).fold(0.0, f64::max);
    if difference == 0.0 { 0.0 } else { difference / largest }
}

/// Runs the fixture of a loss in both types, and returns how many cases it has.
fn check(row: &Row) -> usize {
    let file = row.fixture;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/losses/{file}.json"));
    let text = std::fs::read_to_string(&path).expect("the fixture is there");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("the fixture is JSON of the documented form");
    assert!(cases.len() >= 9, "{file} has {} cases", cases.len());
    for (dtype, tolerance) in TOLERANCES {
        for case in &cases {
            let outcome = (row.run)(&case.loss_options(), &case.batch(dtype));
            let outcome = outcome.unwrap_or_else(|error| panic!("{file}, {}: {error}", case.name));
            let expected = match case.loss.clone() {
                Numbers::One(value) => vec![value],
                Numbers::Many(values) => values,
            };
            let pairs = [("loss", &outcome.values, &expected), ("gradient", &outcome.gradient, &case.grad)];
            for (what, ours, theirs) in pairs {
                let error = error(ours, theirs);
                let within = error <= tolerance;
                assert!(within, "{file}, {}, {dtype:?}: {what} off by {error:e}", case.name);
            }
        }
    }
    cases.len()
}

#[test]
fn every_loss_is_its_peers() {
    let cases: usize = table().iter().map(check).sum();
    assert!(cases >= 481, "{cases} cases");
}
