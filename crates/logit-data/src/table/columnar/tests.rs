//! Files as a stranger writes them: every type at the ends of its range, and sizes that are claimed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::guard::caught;
use crate::table::{AnswerChoice, Reader, Settled, TableData, TableError, parts, settle};
use crate::weights::Weights;

/// The values of a column.
#[derive(Clone)]
enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

fn texts(texts: &[&str]) -> Values {
    Values::Bytes(texts.iter().map(|text| ByteArray::from(*text)).collect())
}

/// A column: its type and its name, as a schema has them, and its values, to which a blank is added.
type Column<'a> = (&'a str, Values);

fn write(path: &Path, columns: &[Column<'_>], properties: WriterPropertiesBuilder) {
    let fields: Vec<String> = columns.iter().map(|(field, _)| format!("optional {field};")).collect();
    let schema = Arc::new(parse_message_type(&format!("message table {{ {} }}", fields.join(" "))).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (_, values) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        macro_rules! put {
            ($type:ty, $values:expr) => {{
                let filled = [vec![1; $values.len()], vec![0]].concat();
                column.typed::<$type>().write_batch($values, Some(&filled), None).unwrap();
            }};
        }
        match values {
            Values::Bool(values) => put!(BoolType, values),
            Values::Int32(values) => put!(Int32Type, values),
            Values::Int64(values) => put!(Int64Type, values),
            Values::Int96(values) => put!(Int96Type, values),
            Values::Float(values) => put!(FloatType, values),
            Values::Double(values) => put!(DoubleType, values),
            Values::Bytes(values) => put!(ByteArrayType, values),
            Values::Fixed(values) => put!(FixedLenByteArrayType, values),
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

fn written(columns: &[Column<'_>], properties: WriterPropertiesBuilder) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write(&path, columns, properties);
    (folder, path)
}

fn rows(path: &Path) -> Result<Vec<Vec<String>>, String> {
    let read = || -> Result<_, TableError> {
        let (mut reader, mut record, mut rows) = (Reader::open(path)?, StringRecord::new(), Vec::new());
        while reader.next(&mut record)?.is_some() {
            rows.push(record.iter().map(str::to_owned).collect());
        }
        Ok(rows)
    };
    read().map_err(|error| error.to_string())
}

/// Every type that can be written, with the ends of its range and some values between.
fn types() -> Vec<Column<'static>> {
    let ints = Values::Int32(vec![i32::MIN, -719_163, -1, 0, 1, 19_000, 86_399_999, i32::MAX]);
    let longs = Values::Int64(vec![i64::MIN, -1, 0, 1, 1_700_000_000_123_456, 86_399_999_999, i64::MAX]);
    let decimal = Values::Fixed(
        [[0x80_u8; 8], [0; 8], [0xFF; 8], [0x7F; 8]].map(|bytes| bytes.to_vec().into()).to_vec(),
    );
    let fixed = |length: usize| {
        Values::Fixed([0_u8, 0x41, 0x7F, 0xFF].map(|byte| vec![byte; length].into()).to_vec())
    };
    let annotated = |field: &'static str, values: &Values| (field, values.clone());
    let mut all: Vec<Column<'static>> = [
        "int32 c",
        "int32 c (DATE)",
        "int32 c (TIME_MILLIS)",
        "int32 c (INTEGER(8,true))",
        "int32 c (INTEGER(16,false))",
        "int32 c (UINT_32)",
        "int32 c (DECIMAL(9,2))",
        "int32 c (TIME(MILLIS,true))",
    ]
    .map(|field| annotated(field, &ints))
    .to_vec();
    all.extend(
        [
            "int64 c",
            "int64 c (TIMESTAMP_MILLIS)",
            "int64 c (TIMESTAMP_MICROS)",
            "int64 c (TIME_MICROS)",
            "int64 c (UINT_64)",
            "int64 c (DECIMAL(18,18))",
            "int64 c (TIMESTAMP(NANOS,true))",
            "int64 c (TIMESTAMP(MICROS,false))",
            "int64 c (TIME(NANOS,false))",
        ]
        .map(|field| annotated(field, &longs)),
    );
    let moments: [[u32; 3]; 5] =
        [[0; 3], [u32::MAX; 3], [0, 0, i32::MAX as u32], [0, 0, i32::MIN as u32], [1, 2, 2_440_588]];
    all.extend([
        ("boolean c", Values::Bool(vec![true, false])),
        ("int96 c", Values::Int96(moments.map(|[a, b, c]| Int96::from(vec![a, b, c])).to_vec())),
        (
            "float c",
            Values::Float(vec![f32::MIN, f32::MAX, f32::NAN, f32::INFINITY, -0.0, f32::MIN_POSITIVE, 1.5]),
        ),
        ("double c", Values::Double(vec![f64::MIN, f64::MAX, f64::NAN, f64::NEG_INFINITY, 5e-324, 0.1])),
        ("binary c (UTF8)", texts(&["", " a ", "ü", "\u{0}", "☃\u{202E}"])),
        ("binary c (JSON)", texts(&["{}"])),
        ("binary c (ENUM)", texts(&["x"])),
        ("binary c (BSON)", texts(&["\u{5}"])),
        ("binary c", texts(&["plain"])),
        (
            "binary c (DECIMAL(38,5))",
            Values::Bytes(vec![vec![].into(), vec![0x80].into(), vec![0x7F; 16].into()]),
        ),
        ("fixed_len_byte_array(8) c (DECIMAL(18,3))", decimal),
        ("fixed_len_byte_array(2) c (FLOAT16)", fixed(2)),
        ("fixed_len_byte_array(12) c (INTERVAL)", fixed(12)),
        ("fixed_len_byte_array(16) c (UUID)", fixed(16)),
    ]);
    all
}

/// A field as the library writes it, where it can.
fn by_the_library(field: &Field) -> Option<String> {
    match field {
        Field::Null => Some(String::new()),
        Field::Str(text) => Some(text.trim().to_owned()),
        Field::Bool(yes) => Some(u8::from(*yes).to_string()),
        Field::Float(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        // Times before midnight are none; and bytes are text here, if they can be.
        Field::TimeMillis(time) if *time < 0 => None,
        Field::TimeMicros(time) if *time < 0 => None,
        Field::Bytes(_) => None,
        other => caught(|| other.to_string()).ok(),
    }
}

#[test]
fn every_value_of_every_type_is_a_cell() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for (field, values) in types() {
            let properties = WriterProperties::builder().set_writer_version(version);
            let (_folder, path) = written(&[(field, values)], properties);
            let cells = rows(&path).unwrap_or_else(|reason| panic!("{field}: {reason}"));
            assert_eq!(cells.last().unwrap(), &[""], "{field}");
            let library = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
            let mut library = library.get_row_iter(None).unwrap();
            let mut compared = 0;
            for cell in &cells {
                let Ok(Some(row)) = caught(|| library.next()) else { break };
                let row = row.unwrap();
                let (_, expected) = row.get_column_iter().next().unwrap();
                if let Some(expected) = by_the_library(expected) {
                    assert_eq!(cell[0], expected, "{field}");
                    compared += 1;
                }
            }
            assert!(compared > 0 || field.contains("INTERVAL"), "{field}");
        }
    }
}

/// A table of two classes, each type at the ends of its range in a column of its own, and a text in no encoding.
fn with_all_types() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let rows = 60;
    let mut columns: Vec<Column<'_>> = vec![
        ("double x", Values::Double((0..rows).map(f64::from).collect())),
        (
            "binary y (UTF8)",
            Values::Bytes((0..rows).map(|row| ["a", "b"][row as usize % 2].into()).collect()),
        ),
        ("binary raw", Values::Bytes(vec![vec![0xFF].into(); rows as usize])),
    ];
    let mut names = Vec::new();
    for (at, (field, values)) in types().into_iter().enumerate() {
        macro_rules! cycled {
            ($($kind:ident),*) => {
                match values {
                    $(Values::$kind(some) => Values::$kind(some.into_iter().cycle().take(rows as usize).collect()),)*
                }
            };
        }
        names.push(field.replacen(" c", &format!(" c{at}"), 1));
        columns.push(("", cycled!(Bool, Int32, Int64, Int96, Float, Double, Bytes, Fixed)));
    }
    for (column, name) in columns.iter_mut().skip(3).zip(&names) {
        column.0 = name;
    }
    write(&path, &columns, WriterProperties::builder());
    (folder, path)
}

fn data(drop: &[&str]) -> TableData {
    TableData {
        targets: vec!["y".to_owned()],
        answer: AnswerChoice::Auto,
        grades: None,
        drop: drop.iter().map(|name| (*name).to_owned()).collect(),
        test: 0.2,
        test_file: None,
        validation: 0.2,
        weights: Weights::None,
    }
}

#[test]
fn a_table_of_all_types_is_learned_from_and_what_is_dropped_is_not_looked_into() {
    let (folder, path) = with_all_types();
    let refused = settle(&path, &data(&[])).unwrap_err().to_string();
    assert!(refused.contains("row 1: column `raw` has bytes that are no text"), "{refused}");
    let data = data(&["raw"]);
    let Settled { schema, .. } = settle(&path, &data).unwrap();
    let parts = parts(&path, &schema, &data, 1, folder.path()).unwrap();
    assert_eq!(parts.train.len() + parts.validation.len() + parts.test.len(), 60);
}

#[test]
fn every_way_of_packing_is_read() {
    let long: Vec<String> = (0..3_000).map(|row| format!("text {}", row % 50)).collect();
    let texts = texts(&long.iter().map(String::as_str).collect::<Vec<_>>());
    let numbers = Values::Int64((0..3_000).collect());
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ];
    for codec in codecs {
        for (version, dictionary) in [
            (WriterVersion::PARQUET_1_0, true),
            (WriterVersion::PARQUET_1_0, false),
            (WriterVersion::PARQUET_2_0, true),
            // Texts by the differences to the ones before them.
            (WriterVersion::PARQUET_2_0, false),
        ] {
            let properties = WriterProperties::builder()
                .set_compression(codec)
                .set_writer_version(version)
                .set_dictionary_enabled(dictionary)
                .set_data_page_row_count_limit(700);
            let columns = [("binary t (UTF8)", texts.clone()), ("int64 n", numbers.clone())];
            let (_folder, path) = written(&columns, properties);
            let cells = rows(&path).unwrap();
            assert_eq!(cells.len(), 3_001);
            let is_right =
                |(row, cell): (usize, &Vec<String>)| cell[0] == long[row] && cell[1] == row.to_string();
            assert!(cells.iter().take(3_000).enumerate().all(is_right), "{codec:?}");
        }
    }
}

/// One page per column, however large.
fn one_page(codec: Compression) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(codec)
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(1 << 30)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
}

#[test]
fn what_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
    let blank = |bytes: usize| ByteArray::from(vec![b' '; bytes]);
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let pages = [
        ("binary t (UTF8)", Values::Bytes(vec![blank(33 << 20); 2])),
        ("int32 n", Values::Int32(vec![1, 2])),
    ];
    let (_folder, path) = written(&pages, one_page(zstd));
    let message = rows(&path).unwrap_err();
    assert!(message.contains("row 1: column `t` has a page of 69206"), "{message}");
    assert!(message.contains("at most 67108864 are unpacked") && message.contains("--drop t"), "{message}");
    let mut dropped = data(&["t"]);
    dropped.targets = vec!["n".to_owned()];
    let reason = settle(&path, &dropped).unwrap_err().to_string();
    assert!(reason.contains("no column is left") || reason.contains("target"), "{reason}");

    let cell = [("binary t (UTF8)", Values::Bytes(vec![blank(17 << 20)]))];
    let (_folder, path) = written(&cell, one_page(zstd));
    let message = rows(&path).unwrap_err();
    assert!(message.contains("column `t` has a cell of 17825792 bytes"), "{message}");
}

/// The bytes of a file with the number after `before` replaced by another of the same length.
fn patched(path: &Path, find: impl Fn(&[u8]) -> Option<usize>, with: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = find(&bytes).expect("a number to replace");
    bytes[at..at + with.len()].copy_from_slice(with);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_page_that_is_larger_than_it_claims_is_refused() {
    let texts = Values::Bytes(vec![ByteArray::from(vec![b'x'; 100_000]); 10]);
    let (_folder, path) =
        written(&[("binary t (UTF8)", texts)], one_page(Compression::GZIP(GzipLevel::default())));
    // The page begins behind the mark of the format: its kind, and how much it unpacks to in three groups of bits.
    patched(&path, |bytes| (bytes[4..7] == [0x15, 0, 0x15]).then_some(7), &[0xD0, 0x80, 0x00]);
    let message = rows(&path).unwrap_err();
    assert!(message.contains("unpacks to more than the 40 bytes that it claims"), "{message}");
}

#[test]
fn a_dictionary_that_claims_more_than_it_holds_is_refused() {
    let words: Vec<String> = (0..70).map(|word| format!("w{word}")).collect();
    let words = texts(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let (_folder, path) = written(&[("binary t (UTF8)", words)], WriterProperties::builder());
    // 70 as it is written there, and 8,000 in as many bytes.
    patched(
        &path,
        |bytes| bytes[..40].windows(3).position(|three| three == [0x15, 0x8C, 0x01]).map(|at| at + 1),
        &[0x80, 0x7D],
    );
    let message = rows(&path).unwrap_err();
    assert!(message.contains("column `t` has a dictionary that claims 8000 values"), "{message}");
}

#[test]
fn a_file_that_is_none_or_cut_short_is_named() {
    let (folder, path) = written(&[("int32 n", Values::Int32(vec![1]))], WriterProperties::builder());
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let message = rows(&path).unwrap_err();
        assert!(message.contains("t.parquet"), "{message}");
    }
    std::fs::write(&path, [&whole[..whole.len() - 8], &[0xFF, 0xFF, 0xFF, 0x7F], b"PAR1"].concat()).unwrap();
    assert!(rows(&path).unwrap_err().contains("its footer claims 2147483647 bytes"));
    drop(folder);
}

#[test]
fn a_column_of_columns_is_left_out_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let schema = "message t { required group g { required int32 a; required int32 b; } required int32 n; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    while let Some(mut column) = group.next_column().unwrap() {
        column.typed::<Int32Type>().write_batch(&[1, 2], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    let message = rows(&path).unwrap_err();
    assert!(
        message.contains("column `g` has lists, maps or columns of its own") && message.contains("--drop g")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_damaged_file_is_read_or_refused(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        version in any::<bool>(),
        gzip in any::<bool>(),
    ) {
        let version = if version { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 };
        let codec = if gzip { Compression::GZIP(GzipLevel::default()) } else { Compression::SNAPPY };
        let properties = WriterProperties::builder().set_writer_version(version).set_compression(codec);
        let columns = [
            ("binary t (UTF8)", texts(&["a", "b", "a", "c"])),
            ("int32 d (DATE)", Values::Int32(vec![1, 2, 3, 4])),
            ("double x", Values::Double(vec![0.5, 1.5, 2.5, 3.5])),
        ];
        let (_folder, path) = written(&columns, properties);
        let mut bytes = std::fs::read(&path).unwrap();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        std::fs::write(&path, bytes).unwrap();
        if let Err(message) = rows(&path) {
            prop_assert!(message.contains("t.parquet") && message.len() < 2_000, "{}", message);
        }
    }
}
