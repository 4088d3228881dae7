//! Small files of each kind, as they should be.

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use image::{DynamicImage, GrayImage, ImageFormat};
use logit_run::telemetry::Truth;
use logit_run::{About, Recording, Subject, Watched};
use logit_spec::{Answer, Loss};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use safetensors::tensor::{Dtype, TensorView};

/// Rows with a number, a text, a quoted text and a class.
pub fn separated(by: char) -> Vec<Vec<u8>> {
    let row = |cells: [&str; 4]| cells.join(&by.to_string()) + "\n";
    let rows: String =
        (0..20).map(|at| row([&at.to_string(), "ü", "\"a \"\"b\"\"\"", ["yes", "no"][at % 2]])).collect();
    let text = row(["x", "t", "q", "y"]) + &rows;
    vec![text.clone().into_bytes(), text.replace('\n', "\r\n").replace("10", "").into_bytes()]
}

/// A table in Weka's format.
pub fn arff() -> Vec<Vec<u8>> {
    let text = "% a comment\n@relation r\n@attribute x numeric\n@attribute 'a b' {u,v}\n@attribute y {yes,no}\n@data\n";
    vec![[text, &"1.5,u,yes\n?,'v',no\n".repeat(10)].concat().into_bytes()]
}

/// The same, packed by gzip.
pub fn gzipped(files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    files.iter().map(|file| gzip(file)).collect()
}

/// Bytes, packed by gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Level::default());
    packed.write_all(bytes).expect("memory takes all");
    packed.finish().expect("memory takes all")
}

/// A table in Parquet, in each way of packing it.
pub fn parquet() -> Vec<Vec<u8>> {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ];
    let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let ways = codecs.into_iter().flat_map(|codec| versions.map(|version| (codec, version)));
    ways.flat_map(|(codec, version)| [true, false].map(|dictionary| one_parquet(codec, version, dictionary)))
        .collect()
}

fn one_parquet(codec: Compression, version: WriterVersion, dictionary: bool) -> Vec<u8> {
    const ROWS: i32 = 40;
    let schema = "message t { optional binary t (UTF8); required int32 d (DATE); optional int64 m (TIMESTAMP_MICROS); \
                  required double x; }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_writer_version(version)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(15)
        .set_write_batch_size(5);
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).expect("memory");
    let mut group = writer.next_row_group().expect("memory");
    let filled: Vec<i16> = (0..ROWS).map(|row| i16::from(row % 7 > 0)).collect();
    let some = filled.iter().filter(|filled| **filled == 1).count() as i32;
    for at in 0..4 {
        let mut column = group.next_column().expect("memory").expect("a column");
        let texts: Vec<ByteArray> =
            (0..some).map(|row| format!("text {}", row % 5).as_str().into()).collect();
        let written = match at {
            0 => column.typed::<ByteArrayType>().write_batch(&texts, Some(&filled), None),
            1 => column.typed::<Int32Type>().write_batch(&(0..ROWS).collect::<Vec<_>>(), None, None),
            2 => {
                let moments: Vec<i64> = (0..some).map(|row| i64::from(row) * 1_000_000_007).collect();
                column.typed::<Int64Type>().write_batch(&moments, Some(&filled), None)
            }
            _ => column.typed::<DoubleType>().write_batch(
                &(0..ROWS).map(f64::from).collect::<Vec<_>>(),
                None,
                None,
            ),
        };
        written.expect("memory");
        column.close().expect("memory");
    }
    group.close().expect("memory");
    writer.into_inner().expect("memory")
}

/// Images, or labels, in the format of MNIST.
pub fn idx(magic: u32, sizes: &[u32]) -> Vec<Vec<u8>> {
    let bytes = sizes.iter().product::<u32>() as usize;
    let header = [&[magic], sizes].concat();
    let plain = [header.iter().flat_map(|number| number.to_be_bytes()).collect(), vec![3; bytes]].concat();
    vec![gzip(&plain), plain]
}

/// Pictures of grey and of colours, in PNG and JPEG.
pub fn pictures() -> Vec<Vec<u8>> {
    let grey = GrayImage::from_fn(9, 15, |x, y| image::Luma([if x == 4 || y == 7 { 40 } else { 220 }]));
    let grey = DynamicImage::ImageLuma8(grey);
    let kinds = [
        grey.clone(),
        DynamicImage::ImageRgba8(grey.to_rgba8()),
        DynamicImage::ImageLuma16(grey.to_luma16()),
    ];
    let png = kinds.iter().map(|image| encoded(image, ImageFormat::Png));
    png.chain([encoded(&grey, ImageFormat::Jpeg)]).collect()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("memory takes all");
    bytes.into_inner()
}

/// Masks of two bits and of eight.
pub fn masks() -> Vec<Vec<u8>> {
    let mask = |depth, rows: &[u8]| {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 4, 3);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(depth);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(rows))
            .expect("memory takes all");
        file
    };
    vec![mask(png::BitDepth::Two, &[0b0001_1000; 3]), mask(png::BitDepth::Eight, &[1; 12])]
}

/// Pairs of sentences.
pub fn pairs() -> Vec<Vec<u8>> {
    let rows = ["train", "dev", "test"]
        .iter()
        .flat_map(|part| [0, 3].map(|score| format!("{part}\t{score}.5\ta b\tc d\n")));
    vec![["split\tscore\tsentence1\tsentence2\n".to_owned(), rows.collect()].concat().into_bytes()]
}

/// Tokenizers of every model.
pub fn tokenizers() -> Vec<Vec<u8>> {
    let models = [
        r#"{"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}"#,
        r####"{"type": "BPE", "dropout": null, "unk_token": "a", "continuing_subword_prefix": "#", "end_of_word_suffix": "$",
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": {"a": 0, "#b": 1, "ab": 2}, "merges": ["a #b"]}"####,
        r###"{"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {"a": 0, "b": 1, "##b": 2}}"###,
        r#"{"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": [["a", -1.0], ["b", -2.0], ["ab", -2.5]]}"#,
    ];
    let around = [
        (
            r#"{"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
            {"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAABhYgBj"}, {"type": "Prepend", "prepend": "_"}]}"#,
            r#"{"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": true}"#,
        ),
        (
            r#"{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}"#,
            r#"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}|(?<=a)"}, "behavior": "Isolated",
            "invert": false}, {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
            {"type": "FixedLength", "length": 3}]}"#,
        ),
    ];
    let added = r#"[{"id": 9, "content": "<s>", "single_word": false, "lstrip": true, "rstrip": false, "normalized": true, "special": true}]"#;
    let all = models.iter().flat_map(|model| around.map(|(normalizer, splitter)| format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": {added}, "normalizer": {normalizer},
            "pre_tokenizer": {splitter}, "post_processor": null, "decoder": null, "model": {model}}}"#
    )));
    all.map(String::into_bytes).collect()
}

/// Word vectors in two types.
pub fn vectors() -> Vec<Vec<u8>> {
    let file = |dtype, bytes: &[u8]| {
        let view = TensorView::new(dtype, vec![2, 2], bytes).expect("four numbers");
        safetensors::serialize([("e", view)], None::<HashMap<String, String>>).expect("memory takes all")
    };
    let numbers = [1.0_f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
    vec![file(Dtype::F32, &numbers), file(Dtype::F16, &[0, 0x3C, 0, 0x40, 0, 0x38, 0, 0x3C])]
}

/// A training of three steps, in a folder.
pub fn recording(folder: &Path) {
    let subject = Subject { answer: Answer::Classes, units: 3, loss: Loss::CrossEntropy };
    let watched = Watched::of(subject, ["cat", "dog", "bird"]);
    let mut recording =
        Recording::create(folder, &About::of_program("fuzz", "1"), &watched).expect("a new folder");
    for step in 1..=3 {
        let logits = [2.0, 0.0, -1.0, 0.5, 1.5, 0.0];
        let step = recording.step(step, 1, 0.31, 1e-3).output(&logits, &Truth::Classes(vec![0, 1]));
        step.layer("hidden", &[0.0, 0.7, 1.2, 0.0])
            .head_gradient_norm(0.4)
            .write()
            .expect("a folder with room");
    }
    recording.finish().expect("a folder with room");
}
