//! A table's rows as they are learned and judged.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use csv::StringRecord;
use logit::tape::{Tape, Taped};
use logit_spec::{Fault, Finding, Level};
use serde::Serialize;

use super::{TableRow, TableSystem};
use crate::data::table::{
    Form, InputRows, Reader, Schema, Settled, Spoiled, Store, TableError, TableParts, other_separator, parts,
    settle, some_of, test_of,
};
use crate::data::{blockwise_order, epoch_order};
use crate::error::ZooError;
use crate::models::Columns;
use crate::page::{Fact, Table};
use crate::recipe::{AnswerChoice, TableData, TableSetup};
use crate::run::{Calibration, DataSource, Found, RunDir, RunPlace};
use crate::system::answer::{Outputs, RowAnswer, with_answer};
use crate::system::{
    Goal, JudgedPart, Judgement, Need, NetOf, Origin, Pass, Reading, Rows, SystemError, Task, WithSystem,
};

/// The run's file that says how rows are read.
const SCHEMA: &str = "table.json";

/// Rows judged at a time.
const BATCH: usize = 4096;

/// The numbers of the test rows, one per line.
const TEST_ROWS: &str = "test_rows.txt";

/// Calls `then` with the system of a run's table, or of one that a run is to be made of.
pub(crate) fn with_table<W: WithSystem>(
    setup: TableSetup,
    origin: Origin<'_>,
    then: W,
) -> Result<W::Output, ZooError> {
    let (schema, found) = match origin {
        Origin::Run(run) => (schema_of(run)?, Vec::new()),
        Origin::Data(source) => settled(&setup, source)?,
    };
    with_answer!(schema.targets, setup.data.weights, setup.loss, |answer| {
        then.call::<TableTask<_>>(TableSystem { setup, schema, found, answer })
    })
}

/// What is settled about a table before it is trained on.
fn settled(setup: &TableSetup, source: &DataSource) -> Result<(Schema, Vec<Found>), ZooError> {
    let path = file_of(source)?;
    check_columns(path, &setup.data)?;
    let Settled { schema, findings, spoiled } = settle(path, &setup.data)?;
    let findings = findings.into_iter().map(|finding| finding.at(RunPlace::DATA));
    Ok((schema, spoiled.iter().map(spoiled_column).chain(findings).collect()))
}

/// Refuses what is asked of a table's columns and contradicts itself, or names none.
pub(crate) fn check_columns(path: &Path, data: &TableData) -> Result<(), ZooError> {
    let usage = |what: String| Err(ZooError::Usage(what));
    let twice = |(at, target): &(usize, &String)| data.targets[..*at].contains(target);
    if let Some((_, target)) = data.targets.iter().enumerate().find(twice) {
        return usage(format!("`--targets` names `{target}` twice; name each column once"));
    }
    if let Some(target) = data.targets.iter().find(|target| data.drop.contains(target)) {
        return usage(format!(
            "`{target}` is the target and cannot be left out with `--drop`; the network never reads it"
        ));
    }
    if data.answer == AnswerChoice::Grades && data.grades.is_none() {
        return usage("`--answer grades` needs the ends of the scale: `--grades LOW,HIGH`".to_owned());
    }
    if data.grades.is_some() && ![AnswerChoice::Auto, AnswerChoice::Grades].contains(&data.answer) {
        return usage(format!(
            "`--answer {}` and `--grades` contradict each other: `--grades` alone asks for grades; leave one of them out",
            data.answer.name()
        ));
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
    if !run.path().join(SCHEMA).exists() {
        return Ok(None);
    }
    let Schema { targets, reason, .. } = schema_of(run)?;
    Ok(Some(Chosen { kind: targets.kind.name(), targets: targets.columns, reason }))
}

/// Keeps the schema in the run's folder, and what settling it found.
pub(crate) fn keep_schema(run: &RunDir, schema: &Schema, found: &[Found]) -> Result<(), ZooError> {
    run.write_json(SCHEMA, schema)?;
    run.add_findings(found.iter().cloned())?;
    Ok(())
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
    Ok(run.replace(TEST_ROWS, lines.join("\n").as_bytes())?)
}

fn file_of(source: &DataSource) -> Result<&Path, ZooError> {
    match source {
        DataSource::File(path) => Ok(path),
        DataSource::Folder(path) => Err(SystemError::NoFile { path: path.clone() }.into()),
        DataSource::Embedded => Err(SystemError::NoTable.into()),
    }
}

struct TableTask<A> {
    system: TableSystem<A>,
    path: PathBuf,
    parts: TableParts,
}

/// Rows as a network takes them, and their targets.
pub(crate) struct EncodedRows {
    pub(crate) columns: Columns,
    pub(crate) targets: Vec<f32>,
}

impl EncodedRows {
    /// Rows of stored numbers: those of the features, and so many targets.
    pub(crate) fn new(schema: &Schema, numbers: &[f32], targets: usize, device: &Device) -> Self {
        let InputRows { count, width, dense, categories, targets } = InputRows::of(schema, numbers, targets);
        let numbers = Tensor::from_data(TensorData::new(dense, [count, width]), device);
        let categories = categories.iter().map(|rows| Tensor::<1, Int>::from_ints(rows.as_slice(), device));
        Self { columns: Columns { numbers, categories: categories.collect() }, targets }
    }
}

impl<A: RowAnswer> TableTask<A> {
    fn rows(&self, store: &Store, rows: &[u32]) -> Result<Vec<f32>, ZooError> {
        let unreadable = |source| TableError::Read { path: self.path.clone(), source };
        Ok(store.read(rows).map_err(unreadable)?)
    }

    fn encoded(&self, store: &Store, rows: &[u32], device: &Device) -> Result<EncodedRows, ZooError> {
        let TableSystem { schema, answer, .. } = &self.system;
        Ok(EncodedRows::new(schema, &self.rows(store, rows)?, answer.width(), device))
    }

    fn outputs(&self, net: &NetOf<Self>, part: JudgedPart, device: &Device) -> Result<Outputs, ZooError> {
        let store = match part {
            JudgedPart::Validation => &self.parts.validation,
            JudgedPart::Test => &self.parts.test,
        };
        let mut outputs = Outputs::default();
        let rows: Vec<u32> = (0..store.len()).collect();
        for rows in rows.chunks(BATCH) {
            let EncodedRows { columns, targets } = self.encoded(store, rows, device)?;
            outputs.logits.extend(net.forward(columns).rows()?);
            outputs.targets.extend(targets);
        }
        Ok(outputs)
    }
}

impl<A: RowAnswer> Task for TableTask<A> {
    type System = TableSystem<A>;
    type Batch = (EncodedRows, Device);

    fn read(system: TableSystem<A>, from: &Reading<'_>) -> Result<Self, ZooError> {
        let TableSystem { schema, setup, .. } = &system;
        let path = file_of(from.source)?.to_owned();
        // Where a run is only judged, its folder need not be one that may be written.
        let temporary = std::env::temp_dir();
        let folder = if from.need == Need::All { from.run } else { &temporary };
        // Another table was never learned from, and is a test as a whole.
        let parts = if from.own {
            parts(&path, schema, &setup.data, from.seed, folder)?
        } else {
            test_of(&path, schema, folder)?
        };
        Ok(Self { system, path, parts })
    }

    fn system(&self) -> &TableSystem<A> {
        &self.system
    }

    fn samples(&self) -> u32 {
        self.parts.train.len()
    }

    fn order(&self, seed: u64, epoch: u64) -> Vec<u32> {
        let order = if self.parts.train.in_file() { blockwise_order } else { epoch_order };
        order(self.samples(), seed, epoch)
    }

    fn batch(&self, rows: &[u32], _: u64, device: &Device) -> Result<Self::Batch, ZooError> {
        Ok((self.encoded(&self.parts.train, rows, device)?, device.clone()))
    }

    fn pass(
        &self,
        net: &NetOf<Self>,
        (rows, device): Self::Batch,
        tape: &mut Tape,
    ) -> Result<Pass, ZooError> {
        let logits = net.forward_on(rows.columns, tape);
        self.system.answer.taped_pass(logits, &rows.targets, &device, tape)
    }

    fn sample(&self, row: u32) -> Result<Option<(TableRow, String)>, ZooError> {
        let mut features = self.rows(&self.parts.train, &[row])?;
        let target = features.split_off(self.system.schema.stored());
        let (table, number, record) = (self.path.as_path().into(), u64::from(row) + 1, StringRecord::new());
        let truth = self.system.answer.describe(&target);
        Ok(Some((TableRow { table, number, record, features }, truth)))
    }

    fn goal(&self) -> Goal {
        match self.system.answer.goal() {
            // Of targets that are all the same, R² is no number; the error that it is made of is one.
            goal if goal.metric == "r2" && self.parts.validation_is_constant => Goal::least("mse"),
            goal => goal,
        }
    }

    fn calibrated(&self, net: &NetOf<Self>, device: &Device) -> Result<Calibration, ZooError> {
        self.system.answer.calibrated(&self.outputs(net, JudgedPart::Validation, device)?)
    }

    fn judge(
        &self,
        net: &NetOf<Self>,
        part: JudgedPart,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let mut judgement = self.system.answer.judge(&self.outputs(net, part, device)?, calibration)?;
        judgement.tables.push(columns(&self.system.schema));
        Ok(judgement)
    }

    fn keep(&self, run: &RunDir) -> Result<(), ZooError> {
        keep_test_rows(run, &self.parts.test_rows)
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
            Fact::new("target", self.system.schema.targets.columns.join(", ")),
            Fact::new("why this kind of answer", self.system.schema.reason.clone()),
        ]
    }
}

/// How each column is read.
fn columns(schema: &Schema) -> Table {
    let read_as = |form: &Form| match form {
        Form::Number { mean, deviation, blanks } => {
            let blanks = if *blanks { ", blanks marked" } else { "" };
            format!("number, mean {mean:.4}, deviation {deviation:.4}{blanks}")
        }
        Form::Category { values, embedding: None } => format!("one of {} values, one-hot", values.len()),
        Form::Category { values, embedding: Some(units) } => {
            format!("one of {} values, embedded in {units} units", values.len())
        }
    };
    let read = schema.features.iter().map(|feature| vec![feature.name.clone(), read_as(&feature.form)]);
    let ignored = schema.ignored.iter().map(|[name, why]| vec![name.clone(), format!("not read: {why}")]);
    Table {
        title: "Columns".to_owned(),
        columns: ["column", "read as"].map(str::to_owned).to_vec(),
        rows: read.chain(ignored).collect(),
        note: String::new(),
    }
}
