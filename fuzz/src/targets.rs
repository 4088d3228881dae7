//! The readers: what they are given, and how.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use logit_data::Picture;
use logit_data::segmentation::{Mask, MaskValues};
use logit_data::sentences::{Lexicon, SplitPairs, WordVectors};
use logit_data::table::{AnswerChoice, TableData, parts, settle};
use logit_data::{Weights, idx};
use logit_run::{Live, RunDir, read_records};
use logit_zoo::Recipe;
use logit_zoo::run::Checkpoint;

use crate::seeds;

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Bytes.
    Bytes,
    /// Letters.
    Text,
    /// JSON, or lines of it.
    Json,
    /// JSON behind its length, and bytes.
    Safetensors,
    /// Bytes with sizes at the end.
    Footed,
    /// Chunks with checksums.
    Png,
}

/// A reader.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// The name of the file that it reads.
    file: &'static str,
    /// What its files are made of.
    pub made: Made,
    seeds: fn() -> Vec<Vec<u8>>,
    read: fn(&Place, &[u8]),
}

/// Where a reader finds its file.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    /// The file, which holds the last input, also when the process ends over it.
    pub file: PathBuf,
}

macro_rules! target {
    ($name:literal, $file:literal, $made:ident, $seeds:expr, $read:expr) => {
        Target { name: $name, file: $file, made: Made::$made, seeds: || $seeds, read: $read }
    };
}

/// All readers.
pub const TARGETS: &[Target] = &[
    target!("csv", "t.csv", Text, seeds::separated(','), table),
    target!("csv-gz", "t.csv.gz", Bytes, seeds::gzipped(seeds::separated(',')), table),
    target!("tsv", "t.tsv", Text, seeds::separated('\t'), table),
    target!("arff", "t.arff", Text, seeds::arff(), table),
    target!("parquet", "t.parquet", Footed, seeds::parquet(), table),
    target!("idx-images", "images", Bytes, seeds::idx(0x0803, &[2, 3, 4]), |place, _| drop(
        idx::read_images(&place.file)
    )),
    target!("idx-labels", "labels", Bytes, seeds::idx(0x0801, &[5]), |place, _| drop(idx::read_labels(
        &place.file
    ))),
    target!("picture", "x.png", Png, seeds::pictures(), |_, bytes| {
        if let Ok(picture) = Picture::decode("x.png", bytes) {
            black_box(picture.fit_digit().ok());
        }
    }),
    target!("mask", "x.png", Png, seeds::masks(), |_, bytes| {
        let values = MaskValues { count: 3, meanings: "0 sky, 1 sea, 2 land".to_owned() };
        black_box(Mask::decode("x.png", bytes, &values).ok());
    }),
    target!("pairs", "p.tsv", Text, seeds::pairs(), |place, _| drop(SplitPairs::from_file(
        &place.file,
        false
    ))),
    target!("words", "vocab.txt", Text, vec![b"a\nb\n".to_vec()], lexicon),
    target!("tokenizer", "tokenizer.json", Json, seeds::tokenizers(), lexicon),
    target!("vectors", "v.safetensors", Safetensors, seeds::vectors(), |place, _| drop(WordVectors::read(
        &place.file
    ))),
    target!("telemetry", "telemetry.bin", Footed, of_a_recording("telemetry.bin"), run),
    target!("metrics", "metrics.jsonl", Json, of_a_recording("metrics.jsonl"), run),
    target!("watched", "watched.json", Json, of_a_recording("watched.json"), run),
    target!("findings", "findings.json", Json, vec![FINDING.to_vec()], run),
    target!("checkpoint", "last.safetensors", Safetensors, checkpoint(), |place, _| drop(Checkpoint::load(
        &place.file
    ))),
    target!("recipe", "recipe.toml", Text, recipes(), |_, bytes| {
        let text = String::from_utf8_lossy(bytes);
        black_box(Recipe::parse("recipe.toml", &text, &[]).ok());
    }),
];

/// A finding as a run keeps it.
const FINDING: &[u8] =
    br#"[{"rule": 16, "level": "warning", "message": "m", "reason": "r", "fix": "f", "step": 2}]"#;

impl Target {
    /// The reader of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Files as they should be.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }

    /// Reads an input.
    pub fn read(&self, place: &Place, bytes: &[u8]) {
        fs::write(&place.file, bytes).expect("a folder with room");
        (self.read)(place, bytes);
    }
}

impl Place {
    /// The place of a reader's file within a folder.
    pub fn of(target: &Target, within: &Path) -> Self {
        let folder = within.join(format!("logit-fuzz-{}", target.name));
        drop(fs::remove_dir_all(&folder));
        if ["telemetry.bin", "metrics.jsonl", "watched.json", "findings.json"].contains(&target.file) {
            seeds::recording(&folder);
        } else {
            fs::create_dir_all(&folder).expect("a folder with room");
            if ["vocab.txt", "tokenizer.json"].contains(&target.file) {
                fs::write(folder.join("v.safetensors"), &seeds::vectors()[0]).expect("a folder with room");
            }
        }
        Self { file: folder.join(target.file), folder }
    }
}

/// As `logit train` reads a table, and its parts after it.
fn table(place: &Place, _: &[u8]) {
    let data = TableData {
        targets: vec!["y".to_owned()],
        answer: AnswerChoice::Auto,
        grades: None,
        drop: Vec::new(),
        test: 0.2,
        test_file: None,
        validation: 0.2,
        weights: Weights::None,
    };
    for target in ["y", "x"] {
        let data = TableData { targets: vec![target.to_owned()], ..data.clone() };
        if let Ok(settled) = settle(&place.file, &data) {
            black_box(parts(&place.file, &settled.schema, &data, 1, &place.folder).ok());
        }
    }
}

fn lexicon(place: &Place, _: &[u8]) {
    if let Ok(lexicon) = Lexicon::read(&place.folder, true) {
        for sentence in ["a b ab", "é 😀 \u{301}ﷺ <s> 1234", &"ab ".repeat(300)] {
            black_box(lexicon.reading(sentence, 50).ok());
        }
    }
}

/// As `logit watch` and `logit check` read a run.
fn run(place: &Place, _: &[u8]) {
    let Ok(run) = RunDir::open(&place.folder) else { return };
    black_box(read_records(&run.metrics_path()).ok());
    black_box((run.findings().ok(), run.watched().ok()));
    let Ok(live) = Live::open(run) else { return };
    black_box((
        live.summary().ok(),
        live.news().ok(),
        live.check().ok(),
        live.findings().ok(),
        live.series(),
    ));
    black_box((live.at(2).ok(), live.layer("hidden").ok()));
}

/// A file of a training that was recorded.
fn of_a_recording(file: &str) -> Vec<Vec<u8>> {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder with room");
        seeds::recording(&folder.path().join("run"));
        folder
    });
    vec![fs::read(FOLDER.path().join("run").join(file)).unwrap_or_default()]
}

fn checkpoint() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder with room");
    let path = folder.path().join("last.safetensors");
    Checkpoint::default().save(&path).expect("a folder with room");
    vec![fs::read(path).expect("what was written")]
}

fn recipes() -> Vec<Vec<u8>> {
    let text = |(name, _): &(&str, _)| Recipe::load(name, &[]).ok()?.to_toml().ok().map(String::into_bytes);
    logit_zoo::RECIPES.iter().filter_map(text).collect()
}
