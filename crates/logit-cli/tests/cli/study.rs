//! `logit study`

use crate::common::{Scratch, json, stderr};

#[test]
fn activations_are_compared_in_six_ways() {
    let assert = Scratch::new().logit(&["study", "activations", "--steps", "20", "--json"]).success();
    let told = json(&assert);
    assert_eq!((&told["steps"], &told["seed"]), (&20.into(), &1.into()));
    assert_eq!((&told["train_images"], &told["test_images"]), (&2000.into(), &1000.into()));
    let ways = told["ways"].as_array().unwrap();
    let names: Vec<&str> = ways.iter().map(|way| way["way"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "logits + cross entropy",
            "log-softmax + NLL",
            "sigmoid + binary cross entropy",
            "softmax into NLL",
            "sigmoid into NLL",
            "softmax into cross entropy"
        ]
    );
    for way in ways {
        for key in ["accuracy", "loss", "gradient_norm_first", "gradient_norm_last"] {
            assert!(way[key].as_f64().is_some_and(f64::is_finite), "{key}: {way}");
        }
        for key in ["activation", "loss_name", "level", "why"] {
            assert!(way[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {way}");
        }
        let bounded = ["softmax", "sigmoid"].contains(&way["activation"].as_str().unwrap());
        assert_eq!(way["saturated"].is_number(), bounded, "{way}");
        assert!(way["steps_to_90"].is_null() || way["steps_to_90"].as_u64() == Some(20), "{way}");
    }
    assert_eq!(stderr(&assert).lines().count(), 6, "a line a way as it is done");
}
