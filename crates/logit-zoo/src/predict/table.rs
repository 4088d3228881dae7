//! Predictions for the rows of a table, row by row into another table.

use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use csv::{StringRecord, Writer};
use logit::tape::Taped;
use serde::Serialize;

use crate::data::table::{Encoder, Reader, Schema};
use crate::error::ZooError;
use crate::recipe::TableSetup;
use crate::run::{Calibration, Checkpoint, Replacement, RunDir, RunError, TrainedRun as _};
use crate::task::answer::Answer;
use crate::task::table::{ForAnswer, Rows, network, schema_of, with_answer};

/// Rows computed at a time.
const BATCH: usize = 4096;

/// What was predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TablePrediction {
    /// The table that was read.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// The table that was written; none if the rows are here.
    pub output: Option<PathBuf>,
    /// Rows predicted.
    pub rows: u64,
    /// The columns of what was predicted: logits, probabilities, decisions.
    pub columns: Vec<String>,
    /// The first rows.
    pub first: Vec<Vec<String>>,
}

/// Rows that are given back.
const SHOWN: usize = 10;

pub(super) fn run(
    run: &RunDir,
    setup: &TableSetup,
    input: &Path,
    out: Option<&Path>,
) -> Result<TablePrediction, ZooError> {
    let schema = schema_of(run)?;
    let calibration = run.calibration()?;
    let predict = Predict { run, setup, schema: &schema, calibration, input, out };
    with_answer(&schema.targets, setup.data.weights, &setup.loss, predict)
}

struct Predict<'a> {
    run: &'a RunDir,
    setup: &'a TableSetup,
    schema: &'a Schema,
    calibration: Calibration,
    input: &'a Path,
    out: Option<&'a Path>,
}

impl ForAnswer for Predict<'_> {
    type Output = TablePrediction;

    fn call<A: Answer>(self, answer: A) -> Result<TablePrediction, ZooError> {
        let (device, path) = (Device::flex(), self.run.best_path());
        let net = network(self.schema, self.setup, &answer, &device)?;
        let net = Checkpoint::load(&path)?.apply(net, &path)?;
        let mut reader = Reader::open(self.input)?;
        let encoder = Encoder::new(self.schema, &reader, false)?;
        let kept = kept(reader.header(), &answer.columns());
        let mut sink = match self.out {
            Some(out) => {
                Some(Sink::new(out, kept.iter().map(|at| &reader.header()[*at]), &answer.columns())?)
            }
            None => None,
        };
        let (mut rows, mut first) = (0, Vec::new());
        loop {
            let (records, numbers) = batch(&mut reader, &encoder)?;
            if records.is_empty() {
                break;
            }
            let columns = Rows::new(self.schema, &numbers, 0, &device).columns;
            let logits: Vec<f32> = net.forward(columns).into_tensor().try_into_vec_as()?;
            for (record, logits) in records.iter().zip(logits.chunks(logits.len() / records.len())) {
                rows += 1;
                if let Some((class, value)) =
                    logits.iter().zip(0..).map(|(z, at)| (at, *z)).find(|(_, z)| !z.is_finite())
                {
                    return Err(ZooError::Logit { input: self.input.to_owned(), class, value });
                }
                let told = answer.decide(logits, &self.calibration);
                if let Some(sink) = &mut sink {
                    let before = kept.iter().map(|at| record.get(*at).unwrap_or_default());
                    sink.write(before.chain(told.iter().map(String::as_str)))?;
                }
                if first.len() < SHOWN {
                    first.push(told);
                }
            }
        }
        let output = sink.map(Sink::finish).transpose()?;
        Ok(TablePrediction { input: self.input.to_owned(), output, rows, columns: answer.columns(), first })
    }
}

/// The next rows, as they are and as numbers.
fn batch(reader: &mut Reader, encoder: &Encoder<'_>) -> Result<(Vec<StringRecord>, Vec<f32>), ZooError> {
    let (mut records, mut numbers) = (Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    while records.len() < BATCH && reader.next(&mut record)?.is_some() {
        encoder.features(reader, &record, &mut numbers)?;
        records.push(record.clone());
    }
    Ok((records, numbers))
}

/// The columns of a table that are written beside what is predicted: not those of an earlier prediction.
fn kept(header: &[String], predicted: &[String]) -> Vec<usize> {
    (0..header.len()).filter(|at| !predicted.contains(&header[*at])).collect()
}

/// Whether a file's name promises something else than what is written to it.
fn check_ending(path: &Path) -> Result<(), ZooError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !["parquet", "arff", "tsv", "gz", "json", "xlsx"].contains(&ending.as_str()) {
        return Ok(());
    }
    let what = format!(
        "{}: predictions are written as CSV, which a name that ends in `.{ending}` hides; end it in `.csv`",
        path.display()
    );
    Err(ZooError::Usage { what })
}

/// A CSV file of the rows as they were, and what was predicted.
struct Sink {
    writer: Writer<Replacement>,
    path: PathBuf,
}

impl Sink {
    fn new<'a>(
        path: &Path,
        header: impl Iterator<Item = &'a String>,
        columns: &'a [String],
    ) -> Result<Self, ZooError> {
        check_ending(path)?;
        let mut sink =
            Self { writer: Writer::from_writer(Replacement::create(path)?), path: path.to_owned() };
        sink.write(header.chain(columns))?;
        Ok(sink)
    }

    fn write<T: AsRef<[u8]>>(&mut self, fields: impl Iterator<Item = T>) -> Result<(), ZooError> {
        let written = self.writer.write_record(fields);
        Ok(written.map_err(|error| RunError::io("write", &self.path, io::Error::other(error)))?)
    }

    fn finish(self) -> Result<PathBuf, ZooError> {
        let Self { writer, path } = self;
        let file = writer
            .into_inner()
            .map_err(|error| RunError::io("write", &path, io::Error::other(error.to_string())))?;
        file.finish()?;
        Ok(path)
    }
}
