//! Files from anyone: nothing waits for what is no file, and no message repeats all of what a file holds.

use std::fmt::Write as _;
use std::path::Path;

use logit_data::sentences::{Lexicon, SplitPairs, WordVectors};
use logit_data::table::{AnswerChoice, Fingerprint, Reader, TableData, settle};
use logit_data::{Picture, Weights, idx, segmentation};

fn data(target: &str) -> TableData {
    TableData {
        targets: vec![target.to_owned()],
        answer: AnswerChoice::Auto,
        grades: None,
        drop: Vec::new(),
        test: 0.2,
        test_file: None,
        validation: 0.2,
        weights: Weights::None,
    }
}

/// The readers' word on a file of each name.
fn words_on(folder: &Path) -> Vec<(&'static str, Result<(), String>)> {
    fn word<T, E: std::fmt::Display>(
        name: &'static str,
        read: Result<T, E>,
    ) -> (&'static str, Result<(), String>) {
        (name, read.map(drop).map_err(|error| error.to_string()))
    }
    let at = |name: &str| folder.join(name);
    let values = segmentation::MaskValues { count: 2, meanings: "0 no, 1 yes".to_owned() };
    vec![
        word("t.csv", Reader::open(&at("t.csv"))),
        word("t.parquet", Reader::open(&at("t.parquet"))),
        word("t.csv", Fingerprint::of(&at("t.csv"))),
        word("images", idx::read_images(&at("images"))),
        word("labels", idx::read_labels(&at("labels"))),
        word("x.png", Picture::read(&at("x.png"))),
        word("x.png", segmentation::Mask::read(&at("x.png"), &values)),
        word("p.tsv", SplitPairs::from_file(&at("p.tsv"), false)),
        word("v.safetensors", WordVectors::read(&at("v.safetensors"))),
        word("tokenizer.json", Lexicon::read(folder, true)),
    ]
}

#[test]
#[cfg(unix)]
fn no_reader_waits_for_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["t.csv", "t.parquet", "images", "labels", "x.png", "p.tsv", "v.safetensors", "tokenizer.json"]
    {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(name)).status();
        assert!(made.unwrap().success());
    }
    for (name, word) in words_on(folder.path()) {
        let word = word.unwrap_err();
        assert!(word.contains(name) && word.contains("not a regular file"), "{word}");
    }
}

#[test]
fn no_message_repeats_all_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let long = "n".repeat(1 << 20);
    let many: Vec<String> = (0..15_000).map(|name| format!("a name of some length, the {name}th")).collect();
    let rows = |header: &str, row: &str| {
        let mut text = format!("{header}\n");
        (0..30).for_each(|_| {
            let _ = writeln!(text, "{row}");
        });
        text
    };
    let tables = [
        rows(&format!("x,{long}"), "1,2"),
        rows(&format!("{long},{long}"), "1,2"),
        rows(&many.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(","), "1"),
        rows(&"x,".repeat(30_000), "1"),
        rows("x,y", &format!("1,{long}")),
        rows("x,y", &format!("{long},1")),
    ];
    for table in tables {
        std::fs::write(&path, table).unwrap();
        for target in ["y", "nowhere", &long] {
            let message = settle(&path, &data(target)).unwrap_err().to_string();
            assert!(message.len() < 3_000, "{} bytes: {}", message.len(), &message[..300]);
        }
    }
    let pairs = folder.path().join("p.tsv");
    std::fs::write(&pairs, format!("split\tscore\tsentence1\tsentence2\n{long}\t1\ta\tb\n")).unwrap();
    assert!(SplitPairs::from_file(&pairs, false).unwrap_err().to_string().len() < 1_000);
}
