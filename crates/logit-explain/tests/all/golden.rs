//! A detection-pooling network small enough to be explained by hand, in both precisions.

use std::sync::Arc;

use logit_explain::map::Map;
use logit_explain::op::{Activation, Pool, Weighted};
use logit_explain::{Array, Composite, Explainer, Network, Node, Number, Op, Rule, Target};

fn numbers<T: Number>(of: &[f64]) -> Arc<Vec<T>> {
    Arc::new(of.iter().map(|number| T::of(*number)).collect())
}

fn dense<T: Number>(inputs: usize, units: usize, weight: &[f64], bias: &[f64]) -> Op<T> {
    let map = Map::Dense { inputs, units };
    Op::Weighted(Weighted { map, weight: numbers(weight), bias: Some(numbers(bias)) })
}

/// 4 inputs, 4 detection units in pairs, 2 detection units to one value.
fn network<T: Number>(bias: f64) -> Network<T> {
    let first = [0.6, -0.4, 0.2, -0.1, 0.5, 0.3, -0.6, 0.4, -0.2, 0.7, 0.1, -0.3, 0.1, -0.5, 0.4, 0.2];
    let operations = [
        ("first", dense(4, 4, &first, &[bias, -0.1, 0.0, -0.2])),
        ("first", Op::Activation(Activation::Relu)),
        ("first", Op::Pool(Pool::Groups { size: 2 })),
        ("second", dense(2, 2, &[0.9, -0.3, -0.5, 0.8], &[0.0, -0.05])),
        ("second", Op::Activation(Activation::Relu)),
        ("second", Op::Pool(Pool::Groups { size: 2 })),
    ];
    let nodes = operations.into_iter().enumerate().map(|(at, (name, op))| Node {
        name: name.to_owned(),
        op,
        inputs: vec![at],
        outputs: vec![at + 1],
    });
    Network::new(nodes.collect(), vec![("x".to_owned(), 0)], 6).unwrap()
}

fn close<T: Number>(found: &[T], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len());
    let apart = |(found, expected): (&T, &f64)| (found.wide() - expected).abs();
    assert!(found.iter().zip(expected).map(apart).all(|apart| apart < within), "{found:?}, not {expected:?}");
}

fn explained<T: Number>(within: f64) {
    let x = Array::new([1, 4], numbers(&[-0.5, 1.5, 0.3, 1.1]).to_vec());
    for (bounds, expected) in [
        (Some([-0.5, 1.5]), [0.062_160_183_3, 0.299_941_314_1, 0.111_966_353_7, 0.075_932_148_4]),
        (None, [0.157_441_784_0, 0.209_680_580_5, 0.126_286_769_1, 0.056_590_866_4]),
    ] {
        let explainer = Explainer::<T>::new(network(0.0), Composite::deep_taylor(bounds)).unwrap();
        let pass = explainer.network().run(std::slice::from_ref(&x)).unwrap();
        close(&pass.value(3).unwrap().numbers, &[0.71, 0.58], within);
        let found = explainer.explain(&pass, &[Target::Logit { unit: 0 }], &["first"]).unwrap();
        close(&found.inputs[0].1.numbers, &expected, within.max(1e-10));
        // By the second detection layer each group's sum gets what its two units had.
        close(&found.layers[0].1.numbers, &[0.349, 0.201], within);
        assert!(found.account.worst_error() < within * 10.0, "{:?}", found.account);
        assert!(found.account.lowest() >= 0.0);
        assert!(found.findings.is_empty(), "{:?}", found.findings);
    }
}

#[test]
fn relevance_is_what_a_hand_computes() {
    explained::<f64>(1e-9);
    explained::<f32>(1e-6);
}

#[test]
fn what_breaks_the_guarantee_is_told_with_figures() {
    let told = |bias: f64, x: [f64; 4]| {
        let explainer =
            Explainer::<f64>::new(network(bias), Composite::deep_taylor(Some([-0.5, 1.5]))).unwrap();
        let x = Array::new([1, 4], x.to_vec());
        explainer.explain_inputs(&[x], &[Target::Logit { unit: 0 }]).unwrap().findings
    };
    let findings = told(0.3, [-0.5, 1.5, 0.3, 1.1]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].finding.fault.name(), "bias-above-zero");
    assert!(findings[0].finding.message.contains("0.300000 of unit 0"), "{findings:?}");
    let findings = told(0.0, [-0.5, 2.5, 0.3, 1.1]);
    assert_eq!(findings[0].finding.fault.name(), "input-outside-box");
    assert!(findings[0].finding.message.starts_with("1 of 4"), "{findings:?}");
}

#[test]
fn a_finding_is_of_the_sample_that_has_it() {
    let explainer = Explainer::<f64>::new(network(0.0), Composite::deep_taylor(Some([-0.5, 1.5]))).unwrap();
    let x = Array::new([3, 4], [[-0.5, 1.5, 0.3, 1.1], [-0.5, 2.5, 0.3, 1.1], [0.0; 4]].concat());
    let findings = explainer.explain_inputs(&[x], &[Target::Logit { unit: 0 }]).unwrap().findings;
    let found: Vec<_> =
        findings.iter().map(|found| (found.finding.fault.name(), found.place.sample)).collect();
    assert_eq!(found, [("input-outside-box", Some(1))], "{findings:?}");
}

#[test]
fn much_loss_is_a_finding_of_rules_that_conserve_little_too() {
    // Of ε with an ε far above what units compute, hardly anything arrives.
    let told = |epsilon: f64| {
        let explainer = Explainer::<f64>::new(network(0.0), Composite::all(Rule::epsilon(epsilon))).unwrap();
        let x = Array::new([1, 4], vec![-0.5, 1.5, 0.3, 1.1]);
        explainer.explain_inputs(&[x], &[Target::Logit { unit: 0 }]).unwrap().findings
    };
    assert_eq!(told(1e-9), []);
    let findings = told(100.0);
    assert_eq!(findings[0].finding.fault.name(), "relevance-not-conserved", "{findings:?}");
    assert_eq!(findings[0].place.sample, Some(0));
}
