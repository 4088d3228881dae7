//! Measures as loops over samples and pixels compute them, by fixtures.

use crate::common::{array, doubles, fixture, network, targets};
use logit_explain::measure::{
    Flipping, Perturbations, Question, flipped, infidelity, localised, max_sensitivity,
};
use logit_explain::{Array, Composite, Method, Number, Rule};
use serde_json::Value;

fn close(found: f64, expected: f64, within: f64, what: &str) {
    let apart = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(apart < within, "{what}: {found}, not {expected}");
}

/// The map that was judged, as the fixtures of maps have it.
fn map<T: Number>(file: &Value, name: &str) -> Array<T> {
    let of = ["relevances", "maps"].into_iter().find_map(|kind| file[kind].get(name)).unwrap();
    array(&of["input"])
}

fn perturbations<T: Number>(judged: &Value) -> Perturbations<T> {
    let noise: Array<T> = array(&judged["noise"]);
    let shape = noise.shape[1..].to_vec();
    Perturbations::Given(noise.each_row().map(|row| Array::new(shape.clone(), row.to_vec())).collect())
}

fn masks(judged: &Value) -> Vec<Vec<bool>> {
    array::<f64>(&judged["mask"]).each_row().map(|row| row.iter().map(|on| *on > 0.5).collect()).collect()
}

fn measured<T: Number>(within: f64) {
    let all = fixture("measures");
    for net in ["dense", "convolutional"] {
        let (file, judged) = (fixture(net), &all[net]);
        let network = network::<T>(&file);
        let (pass, targets) = (network.run(&[array(&file["inputs"])]).unwrap(), targets(&file));
        let question = Question { network: &network, pass: &pass, targets: &targets, input: 0 };
        let entries = judged["of"].as_object().unwrap();
        assert_eq!(entries.len(), 4);
        for (name, expected) in entries {
            let map = map::<T>(&file, name);
            flips(&question, &map, &expected["pixel_flipping"], within);
            let found = infidelity(&question, &map, &perturbations(judged)).unwrap();
            let [plain, scaled] = ["plain", "scaled"].map(|key| doubles(&expected["infidelity"][key]));
            for (sample, found) in found.iter().enumerate() {
                close(found.plain, plain[sample], within, name);
                close(found.scaled, scaled[sample], within, name);
            }
            for (found, expected) in localised(&map, &masks(judged))
                .unwrap()
                .iter()
                .zip(expected["localisation"].as_array().unwrap())
            {
                assert_eq!(found.mass.is_some(), expected["mass"].is_number());
                if let Some(mass) = found.mass {
                    close(mass, expected["mass"].as_f64().unwrap(), within, name);
                }
                close(found.rank.unwrap(), expected["rank"].as_f64().unwrap(), within, name);
            }
        }
    }
}

fn flips<T: Number>(question: &Question<'_, T>, map: &Array<T>, expected: &Value, within: f64) {
    let flipping = Flipping {
        baseline: expected["baseline"].as_f64().unwrap(),
        pixels_per_step: crate::common::integer(&expected["pixels_per_step"]),
        steps: None,
    };
    let found = flipped(question, map, &flipping).unwrap();
    for (found, expected) in found.iter().zip(expected["samples"].as_array().unwrap()) {
        let curve = doubles(&expected["curve"]);
        assert_eq!(found.curve.len(), curve.len());
        found
            .curve
            .iter()
            .zip(&curve)
            .for_each(|(found, expected)| close(*found, *expected, within, "curve"));
        close(found.mean, expected["area"].as_f64().unwrap(), within, "area");
        close(found.relative.unwrap(), found.mean / curve[0], within, "relative");
    }
}

#[test]
fn measures_are_what_loops_compute() {
    measured::<f64>(1e-9);
}

#[test]
fn measures_hold_in_single_precision() {
    measured::<f32>(1e-3);
}

#[test]
fn max_sensitivity_is_captums() {
    let all = fixture("measures");
    for net in ["dense", "convolutional"] {
        let (file, judged) = (fixture(net), &all[net]);
        let network = network::<f64>(&file);
        let (pass, targets) = (network.run(&[array(&file["inputs"])]).unwrap(), targets(&file));
        let question = Question { network: &network, pass: &pass, targets: &targets, input: 0 };
        let gradient = &judged["of"]["gradient"]["sensitivity"];
        let method = Method::Relevance(Composite::gradient()).prepare(network.clone()).unwrap();
        let found = max_sensitivity(&method, &question, &perturbations(judged)).unwrap();
        for (found, expected) in found.iter().zip(doubles(gradient)) {
            close(found.unwrap(), expected, 1e-9, net);
        }
    }
}

#[test]
fn perturbations_depend_on_their_seed() {
    let file = fixture("dense");
    let network = network::<f64>(&file);
    let (pass, targets) = (network.run(&[array(&file["inputs"])]).unwrap(), targets(&file));
    let question = Question { network: &network, pass: &pass, targets: &targets, input: 0 };
    let map = map::<f64>(&file, "gradient");
    let of = |perturbations| infidelity(&question, &map, &perturbations).unwrap();
    let normal = |seed| Perturbations::Normal { count: 20, deviation: 0.1, seed };
    assert_eq!(of(normal(3)), of(normal(3)));
    assert_ne!(of(normal(3)), of(normal(4)));
    // The gradient tells all of a change that is small enough to stay on one linear piece.
    for small in [
        of(Perturbations::Uniform { count: 20, radius: 1e-6, seed: 1 }),
        of(Perturbations::Normal { count: 20, deviation: 1e-6, seed: 1 }),
    ] {
        assert!(small.iter().all(|found| found.plain < 1e-20), "{small:?}");
    }
}

#[test]
fn a_measure_of_what_does_not_fit_is_an_error() {
    let file = fixture("dense");
    let network = network::<f64>(&file);
    let (pass, targets) = (network.run(&[array(&file["inputs"])]).unwrap(), targets(&file));
    let question = |input| Question { network: &network, pass: &pass, targets: &targets, input };
    let map = map::<f64>(&file, "gradient");
    let other = Array::zeros([4, 5]);
    let flipping = Flipping { baseline: 0.0, pixels_per_step: 1, steps: Some(2) };
    assert_eq!(flipped(&question(0), &map, &flipping).unwrap()[0].curve.len(), 3);
    assert!(flipped(&question(0), &other, &flipping).is_err());
    assert!(flipped(&question(1), &map, &flipping).is_err());
    assert!(flipped(&question(0), &map, &Flipping { pixels_per_step: 0, ..flipping }).is_err());
    let none = Perturbations::Given(Vec::new());
    assert!(infidelity(&question(0), &map, &none).is_err());
    assert!(infidelity(&question(0), &map, &Perturbations::Given(vec![other.clone()])).is_err());
    let method = Method::Relevance(Composite::all(Rule::epsilon(0.1))).prepare(network.clone()).unwrap();
    assert!(max_sensitivity(&method, &question(7), &none).is_err());
    assert!(localised(&map, &[vec![true; 5]]).is_err());
    assert!(localised(&map, &[vec![true; 6], vec![true; 6]]).is_err());
    assert_eq!(
        localised(&Array::new([1, 2], vec![-1.0_f64, 0.0]), &[vec![true, false]]).unwrap()[0].mass,
        None
    );
}
