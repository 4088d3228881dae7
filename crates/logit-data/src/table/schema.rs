//! How a table's rows become a network's input and targets: written beside the weights, and the same for new rows.
//!
//! Here is decided what a column is, a number, a category or nothing, of what `survey` counted in it.

use std::path::Path;

use logit_spec::Finding;
use serde::{Deserialize, Serialize};

use super::answer::{self, AnswerKind, TargetsOf};
use super::cells::Spoiled;
use super::checks;
use super::config::TableData;
use super::error::{TableError, some_of};
use super::fingerprint::Fingerprint;
use super::reader::Reader;
use super::survey::{Column, NAMED_ROWS, Survey, survey};

/// Values up to which a category is given as one-hot numbers; more are embedded.
const MOST_ONE_HOT: usize = 16;

/// Values of a category at most: what has more tells rows apart, not kinds of rows.
const MOST_CATEGORIES: usize = 1_000;

/// Units of an embedding at most.
const MOST_EMBEDDING: usize = 32;

/// A table's features and targets, and what was found on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Rows of the table.
    pub rows: u64,
    /// The columns that the network reads.
    pub features: Vec<Feature>,
    /// The columns that it does not read, and why.
    pub ignored: Vec<[String; 2]>,
    /// The columns that it answers with.
    pub targets: TargetsOf,
    /// Why that kind of answer.
    pub reason: String,
    /// Rows that have no target, and are left out.
    pub without_target: u64,
    /// The file that was surveyed; none of runs that did not keep it, and of folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Fingerprint>,
    /// The file of test rows, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_file: Option<Fingerprint>,
}

/// A column that the network reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// How it is read.
    pub form: Form,
}

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A number: less the mean, over the deviation. A blank is the mean; where the table has blanks, a further input
    /// says which they were.
    Number {
        /// Mean of the column.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
        /// Whether the table has blanks in it.
        blanks: bool,
    },
    /// One of some values; a value that is none of them, or blank, is none.
    Category {
        /// The values, in order.
        values: Vec<String>,
        /// Units of the embedding; one-hot where there is none.
        embedding: Option<usize>,
    },
}

impl Form {
    /// Whether it is a category of so many values that they may well have been meant as numbers.
    fn is_large(&self) -> bool {
        matches!(self, Self::Category { values, .. } if values.len() > MOST_ONE_HOT)
    }

    /// Numbers of a stored row.
    pub fn stored(&self) -> usize {
        match self {
            Self::Number { blanks, .. } => 1 + usize::from(*blanks),
            Self::Category { .. } => 1,
        }
    }

    /// Numbers of the network's input.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Number { .. } => self.stored(),
            Self::Category { values, embedding } => embedding.unwrap_or(values.len()),
        }
    }
}

/// How a table is read, and what was found of it.
#[derive(Clone, Debug)]
pub struct Settled {
    /// How it is read.
    pub schema: Schema,
    /// What the targets show.
    pub findings: Vec<Finding>,
    /// Columns that are not read as numbers because of a few cells.
    pub spoiled: Vec<Spoiled>,
}

/// Surveys a table and settles how it is read.
///
/// # Errors
/// The table cannot be read, or what is asked of its columns cannot be learned.
pub fn settle(path: &Path, data: &TableData) -> Result<Settled, TableError> {
    let mut reader = Reader::open(path)?;
    // Before the rows: what is changed while they are read is then not taken for what was read.
    let file = Fingerprint::of(path)?;
    let test_file = data.test_file.as_deref().map(Fingerprint::of).transpose()?;
    let columns =
        |names: &[String]| names.iter().map(|name| reader.column(name)).collect::<Result<Vec<_>, _>>();
    let (targets, dropped) = (columns(&data.targets)?, columns(&data.drop)?);
    let (schema, findings, found) = surveyed(&mut reader, data, |place| !dropped.contains(&place))?;
    let ReadColumns { features, ignored, spoiled } = features(path, &found, &targets, &dropped)?;
    let schema = Schema { features, ignored, file: Some(file), test_file, ..schema };
    Ok(Settled { schema, findings, spoiled })
}

/// Surveys a table for its targets alone.
///
/// # Errors
/// As [`settle`].
pub fn settle_targets(path: &Path, data: &TableData) -> Result<(Schema, Vec<Finding>), TableError> {
    let mut reader = Reader::open(path)?;
    let file = Some(Fingerprint::of(path)?);
    let targets: Vec<usize> = data.targets.iter().filter_map(|name| reader.column(name).ok()).collect();
    let (schema, findings, _) = surveyed(&mut reader, data, |place| targets.contains(&place))?;
    Ok((Schema { file, ..schema }, findings))
}

/// What the targets are, what was found of them, and the survey of the columns that are wanted.
fn surveyed(
    reader: &mut Reader,
    data: &TableData,
    wanted: impl Fn(usize) -> bool,
) -> Result<(Schema, Vec<Finding>, Survey), TableError> {
    let path = reader.path().to_owned();
    if data.targets.is_empty() {
        let columns = some_of(reader.header());
        let reason = format!("name the column to learn with `--target`; its columns are {columns}");
        return Err(TableError::Unusable { path, reason });
    }
    let targets = data.targets.iter().map(|name| reader.column(name)).collect::<Result<Vec<_>, _>>()?;
    let found = survey(reader, &targets, wanted)?;
    let (answer, reason) = answer::choose(&path, &found, &targets, data)?;
    let findings = checks::findings(&found, &targets, &answer, data);
    let without_target = blanks(&found, &targets);
    let schema = Schema::of_targets(found.rows, answer, reason, without_target);
    Ok((schema, findings, found))
}

fn blanks(found: &Survey, targets: &[usize]) -> u64 {
    targets.iter().map(|target| found.columns[*target].blanks).max().unwrap_or(0)
}

/// The columns beside the targets.
#[derive(Default)]
struct ReadColumns {
    features: Vec<Feature>,
    ignored: Vec<[String; 2]>,
    spoiled: Vec<Spoiled>,
}

fn features(
    path: &Path,
    found: &Survey,
    targets: &[usize],
    dropped: &[usize],
) -> Result<ReadColumns, TableError> {
    let mut all = ReadColumns::default();
    for (place, column) in found.columns.iter().enumerate() {
        if targets.contains(&place) {
            continue;
        }
        if dropped.contains(&place) {
            all.ignored.push([column.name.clone(), "`--drop`".to_owned()]);
            continue;
        }
        match form(column, found.rows) {
            Ok(form) => {
                all.spoiled.extend(Spoiled::of(column).filter(|_| form.is_large()));
                all.features.push(Feature { name: column.name.clone(), form });
            }
            Err(why) => {
                let spoiled = Spoiled::of(column);
                let why = spoiled.as_ref().map_or(why, Spoiled::fault);
                all.spoiled.extend(spoiled);
                all.ignored.push([column.name.clone(), why]);
            }
        }
    }
    if all.features.is_empty() {
        let why = all.ignored.iter().map(|[column, why]| format!("; `{column}`: {why}")).take(NAMED_ROWS);
        let reason = format!("no column is left to learn from{}", why.collect::<String>());
        return Err(TableError::Unusable { path: path.to_owned(), reason });
    }
    Ok(all)
}

/// How a column is read, or why it is not.
fn form(column: &Column, rows: u64) -> Result<Form, String> {
    if column.is_empty() {
        return Err("it has no values".to_owned());
    }
    if column.is_constant() {
        return Err("it has one value throughout".to_owned());
    }
    if let Some((row, value)) = &column.wild
        && column.text.is_none()
    {
        return Err(format!("row {row} holds `{value}`"));
    }
    if column.is_numeric() {
        let numbers = &column.numbers;
        return Ok(Form::Number {
            mean: numbers.mean,
            deviation: numbers.deviation(),
            blanks: column.blanks > 0,
        });
    }
    let Some(values) = column.sorted_values().filter(|values| values.len() <= MOST_CATEGORIES) else {
        return Err(format!("it holds {}", column.no_choice_of(MOST_CATEGORIES)));
    };
    if values.len() as u64 > rows / 2 && values.len() > MOST_ONE_HOT {
        return Err("nearly every row has a text of its own".to_owned());
    }
    let embedding = (values.len() > MOST_ONE_HOT)
        .then(|| ((values.len() as f64).sqrt().ceil() as usize * 2).min(MOST_EMBEDDING));
    Ok(Form::Category { values: values.into_iter().map(|(value, ..)| value).collect(), embedding })
}

impl Schema {
    /// Of targets alone.
    pub fn of_targets(rows: u64, targets: TargetsOf, reason: String, without_target: u64) -> Self {
        let (features, ignored) = (Vec::new(), Vec::new());
        Self { rows, features, ignored, targets, reason, without_target, file: None, test_file: None }
    }

    /// Numbers of a stored row's features.
    pub fn stored(&self) -> usize {
        self.features.iter().map(|feature| feature.form.stored()).sum()
    }

    /// Numbers of a stored row's targets.
    pub fn target_width(&self) -> usize {
        match self.targets.kind {
            AnswerKind::Classes { .. } | AnswerKind::Grades { .. } => 1,
            AnswerKind::Labels { .. } | AnswerKind::Values { .. } => self.targets.columns.len(),
        }
    }
}
