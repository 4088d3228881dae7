//! Methods as torch and captum compute them, and what they promise of themselves.

use crate::common::{apart, array, fixture, integers, network, targets};
use logit_explain::method::{KNOWN, Settings};
use logit_explain::{Array, Method, Number, Relevances, Target};
use serde_json::Value;

const NETWORKS: [&str; 4] = ["dense", "convolutional", "residual", "more"];

/// What a fixture's map was made by; none of those that are only references for others.
fn method(name: &str, options: &Value) -> Option<Method> {
    let of = |name: &str, settings: Settings| Some(Method::named(name, &settings).unwrap());
    let baseline = options.get("baseline").and_then(Value::as_f64).unwrap_or_default();
    match name {
        "gradient" => of("gradient", Settings::default()),
        "gradient_x_input" => of("gradient-x-input", Settings::default()),
        "integrated_gradients" => {
            let steps = crate::common::integer(&options["steps"]);
            of("integrated-gradients", Settings { steps, baseline, ..Settings::default() })
        }
        "occlusion" | "occlusion_overlapping" => {
            let [window, stride] = ["window", "stride"].map(|key| integers(&options[key]));
            of("occlusion", Settings { window, stride, baseline, ..Settings::default() })
        }
        name if name.starts_with("grad_cam") => {
            let layer = Some(options["at"].as_str().unwrap().to_owned());
            let rectified = options["relu"].as_bool().unwrap();
            of("grad-cam", Settings { layer, rectified, ..Settings::default() })
        }
        _ => None,
    }
}

/// Captum adds up occlusion in single precision.
fn precision(name: &str, of: f64) -> f64 {
    if name.starts_with("occlusion") { of.max(1e-6) } else { of }
}

fn explained<T: Number>(file: &Value, method: Method) -> Relevances<T> {
    let prepared = method.prepare(network::<T>(file)).unwrap();
    prepared.explain_inputs(&[array(&file["inputs"])], &targets(file)).unwrap()
}

fn parity<T: Number>(within: f64) {
    let mut compared = 0;
    for net in NETWORKS {
        let file = fixture(net);
        for (name, entry) in file["maps"].as_object().unwrap() {
            // Batch norm is folded here, so that a convolution's own maps are none of the network's.
            let folded = net == "residual" && name.starts_with("grad_cam");
            let Some(method) = method(name, &entry["options"]).filter(|_| !folded) else { continue };
            let found = explained::<T>(&file, method);
            let (found, expected) = match entry.get("map") {
                Some(map) => (&found.layers[0].1, map),
                None => (&found.inputs[0].1, &entry["input"]),
            };
            let apart = apart(found, expected);
            println!("{net:<14} {name:<28} {apart:.1e}");
            assert!(apart <= precision(name, within), "{net}, {name}: {apart:.2e} apart");
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared} maps were compared");
}

#[test]
fn maps_are_those_of_torch_and_captum() {
    parity::<f64>(1e-11);
    parity::<f32>(1e-4);
}

#[test]
fn smooth_grad_is_the_mean_of_gradients() {
    let file = fixture("dense");
    let entry = &file["maps"]["smooth_grad"];
    let noise: Array<f64> = array(&entry["options"]["noise"]);
    let x: Array<f64> = array(&file["inputs"]);
    let gradient = Method::named("gradient", &Settings::default()).unwrap().prepare(network(&file)).unwrap();
    let mut mean = Array::zeros(x.shape.clone());
    for noise in noise.each_row() {
        let mut moved = x.clone();
        moved.add(&Array::new(x.shape.clone(), noise.to_vec()));
        mean.add(&gradient.explain_inputs(&[moved], &targets(&file)).unwrap().inputs[0].1);
    }
    let count = noise.rows() as f64;
    assert!(apart(&mean.map(|sum| sum / count), &entry["input"]) < 1e-11);
}

fn smooth(
    file: &Value,
    x: &Array<f64>,
    targets: &[Target],
    samples: usize,
    noise: f64,
    seed: u64,
) -> Vec<f64> {
    let settings = Settings { samples, noise, seed, ..Settings::default() };
    let method = Method::named("smoothgrad", &settings).unwrap().prepare(network::<f64>(file)).unwrap();
    method.explain_inputs(std::slice::from_ref(x), targets).unwrap().inputs.swap_remove(0).1.numbers
}

#[test]
fn smooth_grad_depends_on_its_seed_and_not_on_its_batch() {
    let file = fixture("more");
    let x: Array<f64> = array(&file["inputs"]);
    let targets = targets(&file);
    let gradient = &file["maps"]["gradient"]["input"];
    let still = smooth(&file, &x, &targets, 3, 0.0, 1);
    assert!(apart(&Array::new(x.shape.clone(), still), gradient) < 1e-11, "no noise gives the gradient");
    // More samples than go through the network at a time.
    let found = smooth(&file, &x, &targets, 70, 0.2, 1);
    assert_ne!(found, smooth(&file, &x, &targets, 70, 0.2, 2));
    let alone = Array::new([1, 4, 5, 5], x.row(1).to_vec());
    let alone = smooth(&file, &alone, &targets[1..], 70, 0.2, 1);
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(found[100..].iter().zip(&alone).all(close), "a sample's map depends on the others");
}

#[test]
fn integrated_gradients_tell_how_complete_they_are() {
    let file = fixture("more");
    let error = |steps: usize| {
        let method = Method::IntegratedGradients { steps, baseline: 0.25 };
        let found = explained::<f64>(&file, method).account;
        let x: Array<f64> = array(&file["inputs"]);
        let logits = |x: &Array<f64>| network::<f64>(&file).logits(std::slice::from_ref(x)).unwrap();
        let gained = logits(&x).row(1)[1] - logits(&x.map(|_| 0.25)).row(1)[1];
        assert!((found.started[1] - gained).abs() < 1e-12);
        found.worst_error()
    };
    let (coarse, fine) = (error(4), error(256));
    assert!(fine < 0.01 && fine < coarse, "{coarse} with 4 steps, {fine} with 256");
}

#[test]
fn log_odds_are_explained_along_the_way_and_not_by_their_slope_at_its_end() {
    let file = fixture("dense");
    let x: Array<f64> = array(&file["inputs"]);
    let method = Method::IntegratedGradients { steps: 2000, baseline: 0.0 };
    let prepared = method.prepare(network::<f64>(&file)).unwrap();
    let found = prepared.explain_inputs(std::slice::from_ref(&x), &[Target::LogOdds { unit: 1 }]).unwrap();
    let odds = |x: &Array<f64>, sample: usize| {
        let logits = network::<f64>(&file).logits(std::slice::from_ref(x)).unwrap();
        let z = logits.row(sample);
        z[1] - (z[0].exp() + z[2].exp()).ln()
    };
    for sample in 0..x.rows() {
        let gained = odds(&x, sample) - odds(&x.map(|_| 0.0), sample);
        assert!((found.account.started[sample] - gained).abs() < 1e-12);
        assert!((found.account.arrived[sample] - gained).abs() < 1e-3, "{:?}", found.account);
    }
}

#[test]
fn grad_cam_is_enlarged_to_the_input_and_takes_the_last_convolution() {
    let file = fixture("convolutional");
    let method = |layer: Option<&str>| {
        let layer = layer.map(str::to_owned);
        Method::named("grad-cam", &Settings { layer, ..Settings::default() }).unwrap()
    };
    let found = explained::<f64>(&file, method(None));
    assert_eq!(found.layers[0].0, "conv2");
    assert_eq!(found, explained::<f64>(&file, method(Some("conv2"))));
    let (small, large) = (&found.layers[0].1, &found.inputs[0].1);
    assert_eq!(large.shape, [2, 2, 10, 8]);
    // Corners are nearest to the corners of the small map, and channels share evenly.
    assert!((small.numbers[0] - 2.0 * large.numbers[0]).abs() < 1e-12);
    assert_eq!(large.numbers[..80], large.numbers[80..160]);
    let error = method(Some("conv3")).prepare(network::<f64>(&file)).err().unwrap();
    assert!(error.to_string().contains("`conv1`"), "{error}");
    let error = method(None).prepare(network::<f64>(&fixture("dense"))).err().unwrap();
    assert!(error.to_string().contains("none"), "{error}");
}

#[test]
fn methods_are_known_by_name() {
    let bounds = Some([-0.5, 1.5]);
    for known in KNOWN {
        let method = Method::named(known.name, &Settings { bounds, ..Settings::default() }).unwrap();
        // Every method explains the network that has all there is.
        let found = explained::<f32>(&fixture("convolutional"), method);
        assert!(found.inputs[0].1.not_finite().is_none(), "{}", known.name);
    }
    let error = Method::named("epsilon-gamma-box", &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("bounds"), "{error}");
    let bounds = Some([0.5, 1.5]);
    let error = Method::named("deep-taylor", &Settings { bounds, ..Settings::default() }).unwrap_err();
    assert!(error.to_string().contains("[0.5, 1.5]"), "{error}");
    let error = Method::named("deep-tailor", &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("nearest are `deep-taylor`"), "{error}");
}
