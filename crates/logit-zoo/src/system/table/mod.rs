//! A column of a table, from its other columns: Q4 on anybody's data.

mod task;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::ParamId;
use burn::tensor::Device;
use csv::{StringRecord, Writer};
use logit::Head;
use logit::explain::Array;
use logit_files::Replacement;
use serde::Serialize;

pub use self::task::{Chosen, chosen};
pub(crate) use self::task::{EncodedRows, check_columns, keep_schema, keep_test_rows, schema_of, with_table};
use crate::data::table::{Encoder, Feature, Form, Reader, Schema, fields};
use crate::error::ZooError;
use crate::models::{Columns, FeedForward, Graded};
use crate::recipe::TableSetup;
use crate::run::{Calibration, Found, RunDir, RunError};
use crate::system::answer::RowAnswer;
use crate::system::explained::{Inputs, Located, Part};
use crate::system::{Answers, Batches, Predictions, Request, System};
use crate::telemetry::{Input, Subject};

/// Rows computed at a time.
const BATCH: usize = 4096;

/// Bytes of rows predicted at a time, beyond which no further row is taken.
const MOST_BATCH_BYTES: usize = 16 << 20;

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

/// A network that answers rows of a table.
pub(crate) struct TableSystem<A> {
    pub(crate) setup: TableSetup,
    pub(crate) schema: Schema,
    /// What settling the schema found in the data.
    pub(crate) found: Vec<Found>,
    pub(crate) answer: A,
}

/// A row of a table.
pub(crate) struct TableRow {
    pub(crate) table: Arc<Path>,
    /// From 1.
    pub(crate) number: u64,
    /// As it was read.
    pub(crate) record: StringRecord,
    /// Its features, as they are stored.
    pub(crate) features: Vec<f32>,
}

impl<A: RowAnswer> System for TableSystem<A> {
    type Net = FeedForward<Head<A::Kind>>;
    type Asked = TableRow;
    type Answer = Vec<String>;

    const WRITES: bool = true;

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        let (layers, dropout) = (self.setup.model.layers(), self.setup.model.dropout);
        let head = |features| self.answer.head(features);
        Ok(FeedForward::new(&self.schema, layers, dropout, head, device)?)
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn subject(&self) -> Subject {
        self.answer.subject()
    }

    fn units(&self) -> Vec<String> {
        self.answer.units()
    }

    fn keep(&self, run: &RunDir) -> Result<(), ZooError> {
        keep_schema(run, &self.schema, &self.found)
    }

    /// The rows as they are read, so that a table may be larger than memory.
    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError> {
        let table = one_table(inputs)?;
        let mut reader = Reader::open(table)?;
        let encoder = Encoder::new(&self.schema, &mut reader, false)?;
        let table: Arc<Path> = table.into();
        let next = move || batch(&table, &mut reader, &encoder).transpose();
        Ok(Box::new(std::iter::from_fn(next)))
    }

    fn blank(&self) -> TableRow {
        let features = vec![0.0; self.schema.stored()];
        TableRow { table: Path::new("").into(), number: 0, record: StringRecord::new(), features }
    }

    fn tensors(&self, batch: &[TableRow], device: &Device) -> Columns {
        let numbers: Vec<f32> = batch.iter().flat_map(|row| &row.features).copied().collect();
        EncodedRows::new(&self.schema, &numbers, 0, device).columns
    }

    fn answer(
        &self,
        _: &TableRow,
        logits: &[f32],
        calibration: &Calibration,
    ) -> Result<Vec<String>, ZooError> {
        Ok(self.answer.decide(logits, calibration))
    }

    fn name(&self, TableRow { table, number, .. }: &TableRow) -> String {
        format!("{}, row {number}", table.display())
    }

    fn show(&self, asked: &TableRow) -> Input {
        Input::Fields { fields: fields(&self.schema, &asked.features) }
    }

    fn inputs(&self) -> Inputs {
        Inputs::rows(1, "epsilon")
    }

    fn graded(&self, logits: &[f32]) -> Option<Graded> {
        self.answer.graded(logits)
    }

    /// The relevance of each column: of its numbers, of its one-hot values together, of its row of an embedding.
    fn located(&self, asked: &TableRow, relevance: &[(String, Array<f32>)]) -> Located {
        let mut arrays = relevance.iter().map(|(_, array)| &array.numbers[..]);
        let mut numbers = arrays.next().unwrap_or_default();
        let mut relevance = |form: &Form| {
            let own = match form {
                Form::Category { embedding: Some(_), .. } => arrays.next().unwrap_or_default(),
                form => numbers.split_off(..form.inputs().min(numbers.len())).unwrap_or_default(),
            };
            own.iter().map(|relevance| f64::from(*relevance)).sum()
        };
        let columns = self.schema.features.iter().zip(fields(&self.schema, &asked.features));
        let part = |(feature, [name, value]): (&Feature, [String; 2])| Part {
            name,
            value,
            relevance: relevance(&feature.form),
        };
        Located::Parts { parts: columns.map(part).collect() }
    }

    fn is_calibrated(&self) -> bool {
        self.answer.is_calibrated()
    }

    fn answers<'a>(
        &'a self,
        &Request { inputs, out, .. }: &Request<'a>,
    ) -> Result<Box<dyn Answers<Self> + 'a>, ZooError> {
        let (input, columns) = (one_table(inputs)?, self.answer.columns());
        let reader = Reader::open(input)?;
        let kept = kept(reader.header(), &columns);
        let header = kept.iter().map(|at| &reader.header()[*at]);
        let sink = out.map(|out| Sink::new(out, header, &columns)).transpose()?;
        let predicted =
            TablePrediction { input: input.to_owned(), output: None, rows: 0, columns, first: Vec::new() };
        Ok(Box::new(PredictedRows { kept, sink, predicted }))
    }
}

fn one_table(inputs: &[OsString]) -> Result<&Path, ZooError> {
    match inputs {
        [input] => Ok(Path::new(input)),
        _ => Err(ZooError::Usage("one table at a time can be predicted".to_owned())),
    }
}

/// The next rows; none at the end of the table.
fn batch(
    table: &Arc<Path>,
    reader: &mut Reader,
    encoder: &Encoder<'_>,
) -> Result<Option<Vec<TableRow>>, ZooError> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let mut record = StringRecord::new();
    while rows.len() < BATCH
        && bytes < MOST_BATCH_BYTES
        && let Some(number) = reader.next(&mut record)?
    {
        bytes += record.as_slice().len();
        let mut features = Vec::new();
        encoder.features(reader, &record, &mut features)?;
        rows.push(TableRow { table: Arc::clone(table), number, record: record.clone(), features });
    }
    Ok((!rows.is_empty()).then_some(rows))
}

/// Predicted rows, of which the first are kept, and all are written where that was asked for.
struct PredictedRows {
    /// The columns of the table that are written too.
    kept: Vec<usize>,
    sink: Option<Sink>,
    predicted: TablePrediction,
}

impl<A: RowAnswer> Answers<TableSystem<A>> for PredictedRows {
    fn take(&mut self, asked: TableRow, answer: Vec<String>) -> Result<(), ZooError> {
        let Self { kept, sink, predicted } = self;
        predicted.rows += 1;
        if let Some(sink) = sink {
            let before = kept.iter().map(|at| asked.record.get(*at).unwrap_or_default());
            sink.write(before.chain(answer.iter().map(String::as_str)))?;
        }
        if predicted.first.len() < SHOWN {
            predicted.first.push(answer);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Predictions, ZooError> {
        let Self { sink, predicted, .. } = *self;
        let output = sink.map(Sink::finish).transpose()?;
        Ok(Predictions::Table(TablePrediction { output, ..predicted }))
    }
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
    Err(ZooError::Usage(what))
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
        let file = Replacement::at(path).map_err(|source| RunError::io("write", path, source))?;
        let mut sink = Self { writer: Writer::from_writer(file), path: path.to_owned() };
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
        file.finish().map_err(|source| RunError::io("write", &path, source))?;
        Ok(path)
    }
}
