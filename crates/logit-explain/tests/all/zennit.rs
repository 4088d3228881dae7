//! Every rule and composite as zennit computes it, by fixtures made with it.

use crate::common::{apart, array, doubles, fixture, network, targets};
use logit_explain::rule::Denominator;
use logit_explain::{Array, Composite, Explainer, Number, Rule, Target};
use serde_json::Value;

const NETWORKS: [&str; 4] = ["dense", "convolutional", "residual", "more"];

/// A stabiliser that no number notices, in the fixtures of exact rules.
const NOTHING: f64 = 1e-20;

fn denominator(rule: &Value) -> Denominator {
    match rule.get("stabilizer").or_else(|| rule.get("epsilon")).and_then(Value::as_f64).unwrap() {
        epsilon if epsilon < NOTHING => Denominator::Exact,
        epsilon => Denominator::Stabilised(epsilon),
    }
}

fn number(rule: &Value, key: &str) -> f64 {
    rule[key].as_f64().unwrap()
}

fn z_box(rule: &Value) -> Rule {
    if rule["low"].is_number() {
        return Rule::z_box(number(rule, "low"), number(rule, "high"));
    }
    let [low, high] = ["low", "high"].map(|key| doubles(&rule[key]["values"]));
    Rule::z_box_of(low, high)
}

/// A rule of a fixture. Bias counts in zennit, unless it is told not to; in z^B and flat it never does.
fn rule(told: &Value) -> Rule {
    let rule = match told["name"].as_str().unwrap() {
        "epsilon" => Rule::epsilon(number(told, "epsilon")),
        "zplus" => Rule::z_plus().with_bias(),
        "gamma" => Rule::gamma(number(told, "gamma")),
        "alpha_beta" => Rule::alpha_beta(number(told, "alpha"), number(told, "beta")),
        "wsquare" => Rule::w_square().with_bias(),
        "flat" => Rule::flat(),
        "zbox" => z_box(told),
        name => panic!("`{name}` is not known to the test"),
    };
    let rule = if told["zero_params"] == "bias" { rule.without_bias() } else { rule };
    rule.with_denominator(denominator(told))
}

fn composite(name: &str, entry: &Value) -> Composite {
    if name == "deep_taylor_wsquare" {
        // That the fixture's rules are ours is part of what is tested.
        return Composite::deep_taylor(None);
    }
    if let Some(named) = entry["composite"].as_str() {
        let options = &entry["options"];
        return match named {
            "EpsilonPlus" => Composite::epsilon_plus(),
            "EpsilonPlusFlat" => Composite::epsilon_plus_flat(),
            "EpsilonGammaBox" => {
                Composite::epsilon_gamma_box(number(options, "low"), number(options, "high"))
            }
            "EpsilonAlpha2Beta1" => Composite::epsilon_alpha2_beta1(),
            "EpsilonAlpha2Beta1Flat" => Composite::epsilon_alpha2_beta1_flat(),
            "ExcitationBackprop" => Composite::excitation_backprop(),
            "GuidedBackprop" => Composite::guided_backprop(),
            "Deconvnet" => Composite::deconvnet(),
            name => panic!("`{name}` is not known to the test"),
        };
    }
    if entry.get("first").is_some() {
        return Composite::deep_taylor(None).with_first_rule(rule(&entry["first"]));
    }
    let all = Composite::all(rule(&entry["rule"]));
    let all = match entry["rule"].get("stabilizer") {
        Some(_) => all.with_shares(denominator(&entry["rule"])),
        None => all,
    };
    if name == "pass_in_block" {
        return all.with_rule("block_conv1", Rule::pass()).with_rule("block_conv2", Rule::pass());
    }
    all
}

/// The relevance of the inputs, from 1 or from the value of each sample's target.
fn relevance<T: Number>(file: &Value, name: &str, entry: &Value) -> Array<T> {
    let explainer = Explainer::<T>::new(network(file), composite(name, entry)).unwrap();
    let pass = explainer.network().run(&[array(&file["inputs"])]).unwrap();
    let logits = pass.value(explainer.network().output()).unwrap();
    let mut start = Target::directions(&targets(file), logits).unwrap();
    if entry["start"] == "value" {
        start.change_with(logits, |one, logit| one * logit);
    }
    let found = explainer.explain_from(&pass, start, &[]).unwrap();
    found.inputs.into_iter().next().unwrap().1
}

fn parity<T: Number>(within: f64) {
    let mut worst = std::collections::BTreeMap::new();
    for net in NETWORKS {
        let file = fixture(net);
        let entries = file["relevances"].as_object().unwrap();
        assert!(entries.len() >= 25, "{net} has {} entries", entries.len());
        for (name, entry) in entries {
            let apart = apart(&relevance::<T>(&file, name, entry), &entry["input"]);
            let most = worst.entry(name.clone()).or_insert(0.0_f64);
            *most = most.max(apart);
            if apart > within {
                eprintln!("{net}, {name}: {apart:.2e} apart");
            }
        }
    }
    for (name, apart) in &worst {
        println!("{name:<28} {apart:.1e}");
    }
    assert!(worst.values().all(|apart| *apart <= within), "{worst:?}");
}

#[test]
fn relevance_is_zennits_in_double_precision() {
    parity::<f64>(1e-11);
}

#[test]
fn relevance_is_zennits_in_single_precision() {
    parity::<f32>(1e-4);
}

#[test]
fn a_folded_step_keeps_its_name() {
    let network = network::<f64>(&fixture("residual"));
    assert!(network.nodes().iter().all(|node| node.name != "norm1"), "batch norm is folded");
    assert_eq!(network.value_of("norm1"), network.value_of("conv1"));
}

#[test]
fn networks_compute_what_torch_does() {
    for net in NETWORKS {
        let file = fixture(net);
        let logits = network::<f64>(&file).logits(&[array(&file["inputs"])]).unwrap();
        assert!(apart(&logits, &file["output"]) < 1e-11, "{net}: {logits:?}");
    }
}
