//! Which kind of answer a table's targets ask for, and why.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::{AnswerChoice, LARGEST, Scale, TableData};
use super::error::TableError;
use super::survey::{Column, Survey};
use crate::text::shortened;

/// Different texts up to which a target is a class.
const MOST_CLASSES: usize = 1_000;

/// Different whole numbers up to which a target is a class unless said otherwise.
const FEW: usize = 20;

/// The target columns and the kind of answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsOf {
    /// The columns, in order.
    pub columns: Vec<String>,
    /// What they are.
    pub kind: AnswerKind,
}

/// A kind of answer, and what is known of the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// One of some classes.
    Classes {
        /// The classes, in the order of the logits.
        names: Vec<String>,
        /// Rows of each.
        counts: Vec<u64>,
        /// Whether each class has a column of its own, of which a row has one 1.
        one_hot: bool,
    },
    /// Each of some labels, yes or no.
    Labels {
        /// Rows in which each is 1.
        positives: Vec<u64>,
        /// Rows that have all targets.
        rows: u64,
    },
    /// Numbers.
    Values {
        /// Mean of each.
        means: Vec<f64>,
        /// Standard deviation of each.
        deviations: Vec<f64>,
    },
    /// A grade between two ends.
    Grades {
        /// The lowest.
        low: f64,
        /// The highest.
        high: f64,
        /// Steps of the scale, both ends included.
        steps: usize,
    },
}

impl AnswerKind {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Classes { .. } => AnswerChoice::Classes,
            Self::Labels { .. } => AnswerChoice::Labels,
            Self::Values { .. } => AnswerChoice::Values,
            Self::Grades { .. } => AnswerChoice::Grades,
        }
        .name()
    }
}

/// The kind that is asked for, or that the targets show.
pub(super) fn choose(
    path: &Path,
    found: &Survey,
    targets: &[usize],
    data: &TableData,
) -> Result<(TargetsOf, String), TableError> {
    let columns: Vec<&Column> = targets.iter().map(|target| &found.columns[*target]).collect();
    let unusable = |reason: String| TableError::Unusable { path: path.to_owned(), reason };
    if let Some(column) = columns.iter().find(|column| column.is_empty()) {
        return Err(unusable(format!(
            "target `{}` is blank in every row: a mean over no targets is no number [rule 18]",
            column.name
        )));
    }
    if let Some(column) = columns.iter().find(|column| column.text.is_none() && column.wild.is_some()) {
        return Err(unusable(wild(column)));
    }
    let (kind, reason) = match (data.answer, data.grades) {
        (_, Some(scale)) => (grades(&columns, scale), "`--grades` gives the ends of the scale".to_owned()),
        (AnswerChoice::Auto, None) => by_the_targets(&columns),
        (choice, None) => (asked(choice, &columns, found), format!("`--answer {}` says so", choice.name())),
    };
    let kind = kind.and_then(|kind| varied(kind, &columns)).map_err(unusable)?;
    Ok((TargetsOf { columns: data.targets.clone(), kind }, reason))
}

type Found = Result<AnswerKind, String>;

/// Why a target with a number that cannot be learned from is refused.
fn wild(column: &Column) -> String {
    let (row, value) = column.wild.clone().unwrap_or_default();
    let more = match column.wilds {
        0 | 1 => String::new(),
        count => format!(" (the first of {count} such rows)"),
    };
    format!(
        "target `{}` is `{value}` in row {row}{more}: a network learns finite numbers up to {LARGEST:e} either way; mend \
         the cell, or leave it blank for the row to be left out",
        column.name
    )
}

/// Refuses numbers that are all the same, and a single label that never changes.
fn varied(kind: AnswerKind, columns: &[&Column]) -> Found {
    let refused = match &kind {
        AnswerKind::Values { .. } | AnswerKind::Grades { .. } => true,
        AnswerKind::Labels { .. } => columns.len() == 1,
        AnswerKind::Classes { .. } => false,
    };
    match columns.iter().find(|column| refused && column.is_one_number()) {
        None => Ok(kind),
        Some(column) => Err(format!(
            "target `{}` is {} in every row: there is nothing to learn; choose another column",
            column.name, column.numbers.least.0
        )),
    }
}

fn by_the_targets(columns: &[&Column]) -> (Found, String) {
    if columns.iter().all(|column| column.is_binary()) {
        let what = if columns.len() == 1 { "the target is" } else { "all targets are" };
        return (Ok(labels(columns)), format!("{what} 0 or 1"));
    }
    let [column] = columns else {
        return match columns.iter().find(|column| !column.is_numeric()) {
            None => (Ok(values(columns)), format!("all {} targets are numbers", columns.len())),
            Some(column) => (Err(mixed(column)), String::new()),
        };
    };
    let few = column.values.as_ref().map(indexmap::IndexMap::len).filter(|count| *count <= FEW);
    if let Some((_, text)) = &column.text {
        if few.is_none() && column.is_nearly_numeric() {
            return (Err(slipped(column)), String::new());
        }
        return (classes(column), format!("the target is text, such as `{text}`"));
    }
    match (column.numbers.broken, few) {
        (None, Some(count)) if column.numbers.count >= 2 * count as u64 => {
            (classes(column), format!("the target has {count} different whole numbers"))
        }
        (None, _) => (Ok(values(columns)), "the target has many different whole numbers".to_owned()),
        (Some((number, _)), _) => {
            (Ok(values(columns)), format!("the target is a real number, such as {number}"))
        }
    }
}

/// Why numbers with a text among them are neither learned as numbers nor as classes.
fn slipped(column: &Column) -> String {
    let (row, text) = column.text.clone().unwrap_or_default();
    format!(
        "target `{}` is a number in {} rows, but row {row} holds `{text}`, which is no number; mend the cell, leave it \
         blank, or say `--answer classes` if the values are no amounts",
        column.name, column.numbers.count
    )
}

fn mixed(column: &Column) -> String {
    let (row, text) = column.text.clone().unwrap_or_default();
    format!(
        "of several targets, `{}` holds `{text}` in row {row}: several targets are 0/1 labels or numbers; learn it alone",
        column.name
    )
}

fn asked(choice: AnswerChoice, columns: &[&Column], found: &Survey) -> Found {
    match choice {
        AnswerChoice::Classes if columns.len() > 1 => one_hot(columns, found),
        AnswerChoice::Classes => match columns[0].numbers.broken {
            Some((number, row)) if columns[0].is_numeric() => Err(format!(
                "`{}` is {number} in row {row}: cross entropy on a continuous target learns nothing of its order; use \
                 `--answer values`, or `--grades LOW,HIGH` [rule 10]",
                columns[0].name
            )),
            _ => classes(columns[0]),
        },
        AnswerChoice::Labels => match columns.iter().find(|column| !column.is_binary()) {
            None => Ok(labels(columns)),
            Some(column) => Err(no_label(column)),
        },
        AnswerChoice::Values => match columns.iter().find(|column| !column.is_numeric()) {
            None => Ok(values(columns)),
            Some(column) => {
                let (row, text) = column.text.clone().unwrap_or_default();
                Err(format!("`{}` holds `{text}` in row {row}, which is no number", column.name))
            }
        },
        AnswerChoice::Grades => Err("give the ends of the scale: `--grades LOW,HIGH`".to_owned()),
        AnswerChoice::Auto => by_the_targets(columns).0,
    }
}

/// Why a column's values are no labels, with what they probably are.
fn no_label(column: &Column) -> String {
    let name = &column.name;
    if let Some((row, text)) = &column.text {
        return format!("`{name}` holds `{text}` in row {row}; a label is 0 or 1 [rule 13]");
    }
    let numbers = &column.numbers;
    let (number, row) = if numbers.least.0 < 0.0 { numbers.least } else { numbers.most };
    let (number, row) = numbers.broken.unwrap_or((number, row));
    let hint = match (numbers.least.0, numbers.most.0) {
        (1.0, 2.0) => "; these labels count from 1: subtract 1",
        (-1.0, 1.0) => "; -1 stands for no: write 0",
        (_, most) if (most - 1.0 / 255.0).abs() < 1e-6 => "; these were divided by 255",
        _ => "",
    };
    format!("`{name}` is {number} in row {row}; a label is 0 or 1{hint} [rule 13]")
}

fn classes(column: &Column) -> Found {
    let values = column.sorted_values().filter(|values| values.len() <= MOST_CLASSES).ok_or_else(|| {
        format!("`{}` has {}: they are no classes", column.name, column.no_choice_of(MOST_CLASSES))
    })?;
    if let [(only, ..)] = values.as_slice() {
        return Err(format!(
            "`{}` is `{}` in every row: a softmax over one class is always 1 [rule 1]",
            column.name,
            shortened(only)
        ));
    }
    if values.iter().all(|(_, count, _)| *count == 1) {
        return Err(all_different(column, values.len()));
    }
    let counts = values.iter().map(|(_, count, _)| *count).collect();
    Ok(AnswerKind::Classes {
        names: values.into_iter().map(|(name, ..)| name).collect(),
        counts,
        one_hot: false,
    })
}

/// Why values of which each occurs once are no classes.
fn all_different(column: &Column, rows: usize) -> String {
    let instead = if column.is_numeric() {
        "use `--answer values`, or `--grades LOW,HIGH`"
    } else {
        "choose another column; if numbers are meant, mend the texts and say `--answer values`"
    };
    format!(
        "target `{}` has as many different values as rows, {rows}: as classes, none could be both learned and judged; \
         {instead}",
        column.name
    )
}

/// Classes with a column each.
fn one_hot(columns: &[&Column], found: &Survey) -> Found {
    if let Some(column) = columns.iter().find(|column| !column.is_binary()) {
        return Err(no_label(column));
    }
    let [none, _, several] = found.targets.with;
    let wrong_rows = |count: u64, what: &str, rows: &[u64]| {
        let rows: Vec<String> = rows.iter().map(u64::to_string).collect();
        format!(
            "{count} rows have {what} of the classes (rows {}…): softmax and cross entropy need exactly one; use \
             `--answer labels` [rule 7]",
            rows.join(", ")
        )
    };
    match (none, several) {
        (0, 0) => Ok(AnswerKind::Classes {
            names: columns.iter().map(|column| column.name.clone()).collect(),
            counts: columns.iter().map(|column| positives(column)).collect(),
            one_hot: true,
        }),
        (0, several) => Err(wrong_rows(several, "several", &found.targets.rows[2])),
        (none, _) => Err(wrong_rows(none, "none", &found.targets.rows[0])),
    }
}

fn positives(column: &Column) -> u64 {
    (column.numbers.mean * column.numbers.count as f64).round() as u64
}

fn labels(columns: &[&Column]) -> AnswerKind {
    let rows = columns.iter().map(|column| column.numbers.count).min().unwrap_or(0);
    AnswerKind::Labels { positives: columns.iter().map(|column| positives(column)).collect(), rows }
}

fn values(columns: &[&Column]) -> AnswerKind {
    AnswerKind::Values {
        means: columns.iter().map(|column| column.numbers.mean).collect(),
        deviations: columns.iter().map(|column| column.numbers.deviation()).collect(),
    }
}

fn grades(columns: &[&Column], scale: Scale) -> Found {
    const MOST_STEPS: f64 = 100.0;
    let [column] = columns else { return Err("a grade is one column".to_owned()) };
    let (low, high) = (scale.low(), scale.high());
    if let Some((row, text)) = &column.text {
        return Err(format!("`{}` holds `{text}` in row {row}, which is no number", column.name));
    }
    let Column { numbers, name, .. } = column;
    let outside =
        [numbers.least, numbers.most].into_iter().find(|(number, _)| !(low..=high).contains(number));
    if let Some((number, row)) = outside {
        return Err(format!(
            "`{name}` is {number} in row {row}, outside of {low} to {high}: a bounded output never reaches it; widen \
             `--grades` [rule 12]"
        ));
    }
    // A step per whole number, or ten on a scale that has few of them.
    let whole = high - low;
    let steps = if (2.0..=MOST_STEPS).contains(&whole) { whole.ceil() } else { 10.0 };
    Ok(AnswerKind::Grades { low, high, steps: steps as usize + 1 })
}
