//! A column of a table, from its other columns: Q4 on anybody's data.

use std::path::Path;

use burn::module::ParamId;
use burn::tensor::{Device, Int, Tensor, TensorData};
use logit::Head;
use logit::tape::{Tape, Taped};
use logit_spec::{Fault, Finding, Level};
use serde::Serialize;

use super::answer::{Answer, ClassesAnswer, GradesAnswer, LabelsAnswer, Outputs, ValuesAnswer};
use super::{Goal, Judgement, Need, Part, Pass, Task, WithTask};
use crate::data::table::{
    AnswerKind, Form, InputRows, Reader, Schema, Settled, Spoiled, Store, TableError, TableParts, TargetsOf,
    fields, other_separator, parts, settle, some_of, test_of,
};
use crate::data::{blockwise_order, epoch_order};
use crate::error::ZooError;
use crate::models::{Columns, FeedForward};
use crate::recipe::{AnswerChoice, TableData, TableLoss, TableSetup, TaskConfig, Weights};
use crate::report::{Fact, Table};
use crate::run::{Calibration, DataSource, Found, RunDir, RunPlace, TrainedRun as _, replace};
use crate::telemetry::{Input, Sample, Subject};

/// The run's file that says how rows are read.
const SCHEMA: &str = "table.json";

/// Rows judged at a time.
const BATCH: usize = 4096;

/// The numbers of the test rows, one a line.
const TEST_ROWS: &str = "test_rows.txt";

/// What is settled about a table before it is trained on.
pub(crate) fn prepared(setup: &TableSetup, source: &DataSource) -> Result<(Schema, Vec<Found>), ZooError> {
    let path = file_of(source)?;
    check_columns(path, &setup.data)?;
    let Settled { schema, findings, spoiled } = settle(path, &setup.data)?;
    let findings = findings.into_iter().map(|finding| finding.at(RunPlace::DATA));
    Ok((schema, spoiled.iter().map(spoiled_column).chain(findings).collect()))
}

/// Refuses what is asked of a table's columns and contradicts itself, or names none.
pub(crate) fn check_columns(path: &Path, data: &TableData) -> Result<(), ZooError> {
    let usage = |what: String| Err(ZooError::Usage { what });
    let twice = |(at, target): &(usize, &String)| data.targets[..*at].contains(target);
    if let Some((_, target)) = data.targets.iter().enumerate().find(twice) {
        return usage(format!("`--targets` names `{target}` twice; name each column once"));
    }
    if let Some(target) = data.targets.iter().find(|target| data.drop.contains(target)) {
        return usage(format!(
            "`{target}` is the target and cannot be left out by `--drop`; the network never reads it"
        ));
    }
    if data.answer == AnswerChoice::Grades && data.grades.is_none() {
        return usage("`--answer grades` needs the ends of the scale: `--grades LOW,HIGH`".to_owned());
    }
    let reader = Reader::open(path)?;
    let columns = reader.header();
    if data.targets.is_empty() {
        return usage(format!(
            "{}: name the column to learn with `--target`; its columns are {}{}",
            path.display(),
            some_of(columns),
            other_separator(columns)
        ));
    }
    match data.targets.iter().chain(&data.drop).find_map(|name| reader.column(name).err()) {
        Some(error) => usage(error.to_string()),
        None => Ok(()),
    }
}

/// What is said of a column that a few cells spoil.
fn spoiled_column(spoiled: &Spoiled) -> Found {
    let finding = Finding {
        level: Level::Warning,
        fault: Fault::Named("unreadable-cells".to_owned()),
        message: spoiled.message(),
        reason: "a column is read as numbers only where all its filled cells are: the network does not see this one as \
                 such"
            .to_owned(),
        fix: spoiled.fix(),
    };
    finding.at(RunPlace::Data { row: None, column: Some(spoiled.column.clone()) })
}

/// The kind of answer that a run learns, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// The columns that are learned.
    pub targets: Vec<String>,
    /// The kind of answer, as `--answer` names it.
    pub kind: &'static str,
    /// Why that kind.
    pub reason: String,
}

/// `species: classes, because the target is text, such as …`.
impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}, because {}", some_of(&self.targets), self.kind, self.reason)
    }
}

/// The kind of answer that a run on a table or on labelled images learns; none of other runs, whose recipes say it.
///
/// # Errors
/// The run's files cannot be read.
pub fn chosen(run: &RunDir) -> Result<Option<Chosen>, ZooError> {
    if !matches!(run.recipe()?.task, TaskConfig::Table(_) | TaskConfig::Images(_)) {
        return Ok(None);
    }
    let Schema { targets, reason, .. } = schema_of(run)?;
    Ok(Some(Chosen { kind: targets.kind.name(), targets: targets.columns, reason }))
}

/// Keeps the schema in the run's folder.
pub(crate) fn keep(run: &RunDir, schema: &Schema) -> Result<(), ZooError> {
    Ok(run.write_json(SCHEMA, schema)?)
}

/// How a run reads rows.
pub(crate) fn schema_of(run: &RunDir) -> Result<Schema, ZooError> {
    Ok(run.read_json(SCHEMA)?)
}

/// Writes down which rows the run is tested on, for others to be judged on the same.
pub(crate) fn keep_test_rows(run: &RunDir, rows: &[u64]) -> Result<(), ZooError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = rows.iter().map(u64::to_string).collect();
    // The last line ends like the others.
    lines.push(String::new());
    Ok(replace(&run.path().join(TEST_ROWS), lines.join("\n").as_bytes())?)
}

fn file_of(source: &DataSource) -> Result<&Path, ZooError> {
    match source {
        DataSource::File(path) => Ok(path),
        DataSource::Folder(path) => {
            Err(ZooError::Unfit { what: format!("{} is no file; a table is one", path.display()) })
        }
        DataSource::Embedded => Err(ZooError::Unfit {
            what: "a table is needed: `logit train FILE.csv --target COLUMN`".to_owned(),
        }),
    }
}

/// Reads a run's table and calls `then` with its task.
pub(super) fn with_table<W: WithTask>(
    setup: &TableSetup,
    seed: u64,
    source: &DataSource,
    run: &RunDir,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    let (path, schema) = (file_of(source)?, schema_of(run)?);
    // Where a run is only judged, its folder need not be one that may be written.
    let folder = if need == Need::All { run.path().to_owned() } else { std::env::temp_dir() };
    // Another table was never learned from, and is a test as a whole.
    let own = need == Need::All || run.about()?.data == Some(source.absolute()?);
    let parts = if own {
        parts(path, &schema, &setup.data, seed, &folder)?
    } else {
        test_of(path, &schema, &folder)?
    };
    if need == Need::All {
        keep_test_rows(run, &parts.test_rows)?;
    }
    let then = WithAnswer { setup, path, schema: &schema, parts, then };
    with_answer(&schema.targets, setup.data.weights, &setup.loss, then)
}

/// Something to do with an answer, whatever its type.
pub(crate) trait ForAnswer {
    type Output;

    fn call<A: Answer>(self, answer: A) -> Result<Self::Output, ZooError>;
}

/// Calls `then` with the answer that targets ask for.
pub(crate) fn with_answer<F: ForAnswer>(
    targets: &TargetsOf,
    weights: Weights,
    loss: &TableLoss,
    then: F,
) -> Result<F::Output, ZooError> {
    let (columns, smoothing) = (targets.columns.clone(), loss.label_smoothing);
    match targets.kind.clone() {
        AnswerKind::Classes { names, counts, .. } => {
            then.call(ClassesAnswer::new(names, counts, weights, smoothing))
        }
        AnswerKind::Labels { positives, rows } => {
            then.call(LabelsAnswer::new(columns, positives, rows, weights, smoothing))
        }
        AnswerKind::Values { means, deviations } => {
            then.call(ValuesAnswer { names: columns, means, deviations })
        }
        AnswerKind::Grades { low, high, steps } => {
            then.call(GradesAnswer { name: columns.join(", "), low, high, steps })
        }
    }
}

struct WithAnswer<'a, W> {
    setup: &'a TableSetup,
    path: &'a Path,
    schema: &'a Schema,
    parts: TableParts,
    then: W,
}

impl<W: WithTask> ForAnswer for WithAnswer<'_, W> {
    type Output = W::Output;

    fn call<A: Answer>(self, answer: A) -> Result<W::Output, ZooError> {
        let Self { setup, path, schema, parts, then } = self;
        then.call(TableTask { setup, path, schema, parts, answer })
    }
}

struct TableTask<'a, A> {
    setup: &'a TableSetup,
    path: &'a Path,
    schema: &'a Schema,
    parts: TableParts,
    answer: A,
}

/// Rows as a network takes them, and their targets.
pub(crate) struct Rows {
    pub(crate) columns: Columns,
    pub(crate) targets: Vec<f32>,
}

impl Rows {
    /// Rows of stored numbers: those of the features, and so many targets.
    pub(crate) fn new(schema: &Schema, numbers: &[f32], targets: usize, device: &Device) -> Self {
        let InputRows { count, width, dense, categories, targets } = InputRows::of(schema, numbers, targets);
        let numbers = Tensor::from_data(TensorData::new(dense, [count, width]), device);
        let categories = categories.iter().map(|rows| Tensor::<1, Int>::from_ints(rows.as_slice(), device));
        Self { columns: Columns { numbers, categories: categories.collect() }, targets }
    }
}

impl<A: Answer> TableTask<'_, A> {
    fn read(&self, store: &Store, rows: &[u32]) -> Result<Vec<f32>, ZooError> {
        let told = |source| TableError::Read { path: self.path.to_owned(), source };
        Ok(store.read(rows).map_err(told)?)
    }

    fn outputs(
        &self,
        net: &FeedForward<Head<A::Kind>>,
        part: Part,
        device: &Device,
    ) -> Result<Outputs, ZooError> {
        let store = match part {
            Part::Validation => &self.parts.validation,
            Part::Test => &self.parts.test,
        };
        let mut outputs = Outputs::default();
        let rows: Vec<u32> = (0..store.len()).collect();
        for rows in rows.chunks(BATCH) {
            let rows = Rows::new(self.schema, &self.read(store, rows)?, self.answer.width(), device);
            outputs.logits.extend(net.forward(rows.columns).into_tensor().try_into_vec_as::<f32>()?);
            outputs.targets.extend(rows.targets);
        }
        Ok(outputs)
    }
}

impl<A: Answer> Task for TableTask<'_, A> {
    type Net = FeedForward<Head<A::Kind>>;
    type Batch = (Rows, Device);

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        network(self.schema, self.setup, &self.answer, device)
    }

    fn samples(&self) -> u32 {
        self.parts.train.len()
    }

    fn order(&self, seed: u64, epoch: u64) -> Vec<u32> {
        let order = if self.parts.train.in_file() { blockwise_order } else { epoch_order };
        order(self.samples(), seed, epoch)
    }

    fn batch(&self, rows: &[u32], _: u64, device: &Device) -> Result<Self::Batch, ZooError> {
        let numbers = self.read(&self.parts.train, rows)?;
        Ok((Rows::new(self.schema, &numbers, self.answer.width(), device), device.clone()))
    }

    fn pass(&self, net: &Self::Net, (rows, device): Self::Batch, tape: &mut Tape) -> Result<Pass, ZooError> {
        let logits = net.forward_on(rows.columns, tape);
        self.answer.taped_pass(logits, &rows.targets, &device, tape)
    }

    fn subject(&self) -> Subject {
        self.answer.subject()
    }

    fn units(&self) -> Vec<String> {
        self.answer.units()
    }

    fn sample(&self, row: u32) -> Result<Option<Sample>, ZooError> {
        let numbers = self.read(&self.parts.train, &[row])?;
        let (features, target) = numbers.split_at(self.schema.stored());
        let input = Input::Fields { fields: fields(self.schema, features) };
        Ok(Some(Sample { row, truth: self.answer.told(target), input }))
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn goal(&self) -> Goal {
        match self.answer.goal() {
            // Of targets that are all the same, R² is no number; the error that it is made of is one.
            goal if goal.metric == "r2" && self.parts.validation_is_constant => Goal::least("mse"),
            goal => goal,
        }
    }

    fn calibrated(&self, net: &Self::Net, device: &Device) -> Result<Calibration, ZooError> {
        self.answer.calibrated(&self.outputs(net, Part::Validation, device)?)
    }

    fn judge(
        &self,
        net: &Self::Net,
        part: Part,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let mut judgement = self.answer.judge(&self.outputs(net, part, device)?, calibration)?;
        judgement.tables.push(self.columns());
        Ok(judgement)
    }

    fn findings(&self) -> Vec<Finding> {
        self.parts.findings.clone()
    }

    fn facts(&self) -> Vec<Fact> {
        let TableParts { train, validation, test, .. } = &self.parts;
        vec![
            Fact::new(
                "rows",
                format!("{} training, {} validation, {} test", train.len(), validation.len(), test.len()),
            ),
            Fact::new("target", self.schema.targets.columns.join(", ")),
            Fact::new("why this kind of answer", self.schema.reason.clone()),
        ]
    }
}

impl<A: Answer> TableTask<'_, A> {
    /// How each column is read.
    fn columns(&self) -> Table {
        let told = |form: &Form| match form {
            Form::Number { mean, deviation, blanks } => {
                let blanks = if *blanks { ", blanks marked" } else { "" };
                format!("number, mean {mean:.4}, deviation {deviation:.4}{blanks}")
            }
            Form::Category { values, embedding: None } => format!("one of {} values, one-hot", values.len()),
            Form::Category { values, embedding: Some(units) } => {
                format!("one of {} values, embedded in {units} units", values.len())
            }
        };
        let read = self.schema.features.iter().map(|feature| vec![feature.name.clone(), told(&feature.form)]);
        let ignored =
            self.schema.ignored.iter().map(|[name, why]| vec![name.clone(), format!("not read: {why}")]);
        Table {
            title: "Columns".to_owned(),
            columns: ["column", "read as"].map(str::to_owned).to_vec(),
            rows: read.chain(ignored).collect(),
            note: String::new(),
        }
    }
}

/// The network of a table, with its first weights.
pub(crate) fn network<A: Answer>(
    schema: &Schema,
    setup: &TableSetup,
    answer: &A,
    device: &Device,
) -> Result<FeedForward<Head<A::Kind>>, ZooError> {
    let (layers, dropout) = (setup.model.layers(), setup.model.dropout);
    Ok(FeedForward::new(schema, layers, dropout, |features| answer.head(features), device)?)
}
