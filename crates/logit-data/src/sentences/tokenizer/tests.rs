//! Tokenizers from anyone: each is used, or refused with a reason.

use std::time::Instant;

use serde_json::{Value, json};

use super::*;

/// A tokenizer of a model between spaces.
fn whole(model: &Value) -> Value {
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null, "model": model})
}

/// One of each model.
fn models() -> [(&'static str, Value); 4] {
    [
        ("words", json!({"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"})),
        (
            "merges",
            json!({"type": "BPE", "dropout": null, "unk_token": "a", "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}),
        ),
        (
            "pieces",
            json!({"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": {"a": 0, "b": 1, "##b": 2}}),
        ),
        (
            "chances",
            json!({"type": "Unigram", "unk_id": 0, "vocab": [["a", -1.0], ["b", -2.0], ["ab", -2.5]]}),
        ),
    ]
}

/// What is done to a tokenizer: a place in it, and what is put there.
fn changes() -> Vec<(&'static str, Value)> {
    let replace = |regex: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": regex}, "content": content});
    let split = |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    let sequence = |steps: Value| json!({"type": "Sequence", "normalizers": steps});
    let splitters = |steps: Value| json!({"type": "Sequence", "pretokenizers": steps});
    let added = |content: &str| {
        json!([{"id": 7, "content": content, "single_word": false, "lstrip": true, "rstrip": true, "normalized": true,
            "special": false}])
    };
    let charsmap = |map: &str| json!({"type": "Precompiled", "precompiled_charsmap": map});
    let mut nested = replace("a", "b");
    for _ in 0..100 {
        nested = sequence(json!([nested]));
    }
    vec![
        ("/model/continuing_subword_prefix", json!("####")),
        ("/model/continuing_subword_prefix", json!("é")),
        ("/model/continuing_subword_prefix", json!("x".repeat(100_000))),
        ("/model/end_of_word_suffix", json!("</w>")),
        ("/model/unk_token", json!("nowhere")),
        ("/model/unk_token", Value::Null),
        ("/model/unk_id", json!(99)),
        ("/model/unk_id", json!(-1)),
        ("/model/merges", json!(["a b", "ab b", "é a"])),
        ("/model/merges", json!(["a", "", " "])),
        ("/model/merges", json!([["a"], []])),
        ("/model/merges", json!(3)),
        ("/model/dropout", json!(7.0)),
        ("/model/byte_fallback", json!(true)),
        ("/model/max_input_chars_per_word", json!(0)),
        ("/model/max_input_chars_per_word", json!(u64::MAX)),
        ("/model/vocab", json!({})),
        ("/model/vocab", json!([])),
        ("/model/vocab", json!({"a": u32::MAX, "": 0})),
        ("/model/vocab", json!({"a": u64::MAX})),
        ("/model/vocab", json!([["", 0.0], ["a", 1e308], ["b", -1e308]])),
        ("/model/vocab", json!([["x".repeat(200_000), 0.0]])),
        ("/model/vocab", json!({"x".repeat(200_000): 0})),
        ("/model/type", json!("Unigram")),
        ("/model/type", json!("Nothing")),
        ("/model", Value::Null),
        ("/version", json!("9.9")),
        ("/added_tokens", added("")),
        ("/added_tokens", added("b")),
        ("/added_tokens", added(&"y".repeat(5_000))),
        ("/added_tokens", json!([1])),
        ("/normalizer", charsmap("AA==")),
        ("/normalizer", charsmap("")),
        ("/normalizer", charsmap("/////wAAAAAAAAAA")),
        ("/normalizer", charsmap("BAAAAP////8=")),
        ("/normalizer", charsmap("AAAAAA==")),
        ("/normalizer", charsmap("A!")),
        ("/normalizer", sequence(json!(vec![replace(".", &"a".repeat(10)); 7]))),
        ("/normalizer", sequence(json!(vec![replace("", "aa"); 40]))),
        (
            "/normalizer",
            sequence(json!(vec![json!({"type": "Prepend", "prepend": "long ".repeat(100)}); 64])),
        ),
        ("/normalizer", sequence(json!(vec![json!({"type": "ByteLevel"}); 60]))),
        ("/normalizer", sequence(json!(vec![json!({"type": "NFC"}); 1_000]))),
        ("/normalizer", nested),
        ("/normalizer", replace("(a+)+$", "b")),
        ("/normalizer", replace(r"(?=(a+))\1{1000}{1000}", "b")),
        ("/normalizer", replace(&"(".repeat(1_000), "b")),
        ("/normalizer", replace("(", "b")),
        ("/normalizer", replace("a", &"z".repeat(1_000_000))),
        ("/normalizer", json!({"type": "Replace"})),
        ("/normalizer", json!({"type": "BertNormalizer", "clean_text": 1})),
        ("/normalizer", json!([])),
        (
            "/pre_tokenizer",
            splitters(json!(vec![
                json!({"type": "ByteLevel", "add_prefix_space": true,
            "trim_offsets": true, "use_regex": true});
                40
            ])),
        ),
        (
            "/pre_tokenizer",
            splitters(json!(vec![
                json!({"type": "Metaspace", "replacement": "▁",
            "prepend_scheme": "always", "split": true});
                64
            ])),
        ),
        ("/pre_tokenizer", json!({"type": "FixedLength", "length": 0})),
        ("/pre_tokenizer", json!({"type": "FixedLength", "length": u64::MAX})),
        ("/pre_tokenizer", split("")),
        ("/pre_tokenizer", split(r"(?=b)|(?<=a)")),
        ("/pre_tokenizer", split(r"(?:a*)*b\1")),
        ("/pre_tokenizer", split(r"(x+x+)+y(?=z)")),
        ("/pre_tokenizer", json!({"type": "CharDelimiterSplit", "delimiter": "ab"})),
        ("/pre_tokenizer", json!({"type": "UnicodeScripts"})),
        ("/pre_tokenizer", Value::Null),
        (
            "/post_processor",
            json!({"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}),
        ),
        ("/decoder", json!({"type": "Nothing"})),
        ("/truncation", json!({"max_length": 0, "stride": 9})),
    ]
}

fn read(json: &Value, lowercase: bool) -> Result<Tokenizer, String> {
    Tokenizer::read(serde_json::to_vec(json).unwrap(), lowercase)
}

#[test]
fn any_tokenizer_is_used_or_refused_in_time() {
    let sentences =
        ["", "a b ab", "é 😀 \u{0301} ﷺ\0", &"a".repeat(10_000), &"x b ".repeat(2_500), &"ab".repeat(5_000)];
    let (mut tried, mut refused) = (0, 0);
    for (model_name, model) in models() {
        for (place, value) in changes() {
            let mut json = whole(&model);
            let (above, key) = place.rsplit_once('/').unwrap();
            json.pointer_mut(above).unwrap()[key] = value.clone();
            let begun = Instant::now();
            let outcome = read(&json, true).and_then(|tokenizer| {
                sentences.iter().try_for_each(|sentence| tokenizer.words(sentence).map(drop))
            });
            let shown: String = value.to_string().chars().take(80).collect();
            let case = format!("{model_name}, {place} = {shown}: {:?}", outcome.as_ref().err());
            assert!(begun.elapsed().as_secs() < SECONDS_TO_READ, "{case}");
            assert!(outcome.as_ref().err().is_none_or(|reason| reason.len() < 2_000), "{case}");
            tried += 1;
            refused += u32::from(outcome.is_err());
        }
    }
    assert!(tried >= 240 && refused > 80 && refused < tried, "{refused} of {tried}");
}

#[test]
fn what_does_not_fit_is_named() {
    let with = |model: usize, place: &str, value: Value| {
        let mut json = whole(&models()[model].1);
        *json.pointer_mut(place).unwrap() = value;
        let words = read(&json, false).and_then(|tokenizer| tokenizer.words(&"ab ".repeat(100)));
        words.unwrap_err()
    };
    let prefix = with(1, "/model/continuing_subword_prefix", json!("####"));
    assert!(prefix.contains("merge 0 (from 0) has no room"), "{prefix}");
    let step = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "a".repeat(10)});
    let grows = with(0, "/normalizer", json!({"type": "Sequence", "normalizers": vec![step; 7]}));
    assert!(grows.contains("more than 262144 bytes of a sentence"), "{grows}");
    let map = json!({"type": "Precompiled", "precompiled_charsmap": "AA=="});
    assert!(with(0, "/normalizer", map).contains("`precompiled_charsmap` is cut short"));
    // A table of one entry that leads beyond it is only met when a letter is looked up.
    let late = with(0, "/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAP////8="}));
    assert!(late.contains("the library that reads it gave up"), "{late}");
}

#[test]
fn a_tokenizer_that_gave_up_at_a_sentence_reads_the_next() {
    let mut json = whole(&models()[0].1);
    json["normalizer"] = json!({"type": "Prepend", "prepend": "a ".repeat(400)});
    json["pre_tokenizer"] = json!({"type": "WhitespaceSplit"});
    let tokenizer = read(&json, false).unwrap();
    assert!(tokenizer.words(&"b".repeat(MOST_GROWN)).is_err());
    assert_eq!(tokenizer.words("b").unwrap().len(), 401);
}
