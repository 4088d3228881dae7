//! The parts of a table: read row by row, encoded, dealt out, and kept.

use std::path::Path;

use csv::StringRecord;
use logit_spec::Finding;

use super::answer::AnswerKind;
use super::checks;
use super::config::TableData;
use super::encode::Encoder;
use super::error::TableError;
use super::reader::Reader;
use super::schema::Schema;
use super::store::{Filler, Store};
use super::survey::NAMED_ROWS;
use crate::split::{DataPart, Dealer};

/// Rows of the test part whose numbers are written down at most.
const MOST_LISTED: usize = 1_000_000;

/// The parts of a table, as rows of numbers: the features, then the targets.
#[derive(Debug)]
pub struct TableParts {
    /// What a network learns from.
    pub train: Store,
    /// What chooses its weights.
    pub validation: Store,
    /// What it is judged on.
    pub test: Store,
    /// The numbers of the test rows in the table, from 1; none if they are too many, or of a file of their own.
    pub test_rows: Vec<u64>,
    /// Whether the targets of the validation part are the same in all its rows.
    pub validation_is_constant: bool,
    /// What the split showed.
    pub findings: Vec<Finding>,
}

/// Reads the table that a schema was made for, and deals its rows out; those that are too many for memory are kept in
/// files of `folder`, for as long as they are used.
///
/// # Errors
/// A file is not as it was; a row cannot be read; a part has no rows.
pub fn parts(
    path: &Path,
    schema: &Schema,
    data: &TableData,
    seed: u64,
    folder: &Path,
) -> Result<TableParts, TableError> {
    if let Some(file) = &schema.file {
        file.check(path)?;
    }
    let mut filling = Filling::new(schema, folder);
    let test_share = if data.test_file.is_some() { 0.0 } else { data.test };
    let mut dealer = Dealer::new(&strata(schema), test_share, data.validation, seed);
    filling.take(path, schema, |stratum| dealer.deal(stratum))?;
    filling.refuse_empty(&[DataPart::Train, DataPart::Validation], path)?;
    if let Some(test) = &data.test_file {
        if let Some(file) = &schema.test_file {
            file.check(test)?;
        }
        filling.test_rows.clear();
        filling.take(test, schema, |_| DataPart::Test)?;
        filling.test_rows.clear();
    }
    filling.refuse_empty(&[DataPart::Test], data.test_file.as_deref().unwrap_or(path))?;
    filling.finish(path, schema)
}

/// Reads another table, all of whose rows are a test.
///
/// # Errors
/// A row cannot be read, or has a class that the schema does not know; there is none.
pub fn test_of(path: &Path, schema: &Schema, folder: &Path) -> Result<TableParts, TableError> {
    let mut filling = Filling::new(schema, folder);
    filling.take(path, schema, |_| DataPart::Test)?;
    if let Some((class, _, rows)) = filling.unknown.first()
        && let AnswerKind::Classes { names, .. } = &schema.targets.kind
    {
        let (class, row) = (class.clone(), rows.first().copied().unwrap_or_default());
        return Err(TableError::UnknownClass { path: path.to_owned(), row, class, classes: names.clone() });
    }
    filling.refuse_empty(&[DataPart::Test], path)?;
    filling.finish(path, schema)
}

/// Rows of each stratum: a class, or all rows together.
fn strata(schema: &Schema) -> Vec<u64> {
    match &schema.targets.kind {
        AnswerKind::Classes { counts, .. } => counts.clone(),
        _ => vec![schema.rows - schema.without_target],
    }
}

/// Parts that are being filled.
struct Filling {
    width: usize,
    parts: [Filler; 3],
    /// Rows of each part, and all that were read of the last file.
    counts: [u64; 3],
    read: u64,
    test_rows: Vec<u64>,
    /// The targets of the first validation row, and whether those of all others are the same.
    validation: Option<Vec<f32>>,
    validation_is_constant: bool,
    /// Of each class: whether training has it, and its test rows.
    classes: Vec<(bool, u64, Vec<u64>)>,
    /// The first test row of a class that the schema does not know, and its name.
    unknown: Vec<(String, u64, Vec<u64>)>,
}

impl Filling {
    fn new(schema: &Schema, folder: &Path) -> Self {
        let width = schema.stored() + schema.target_width();
        let filler = || Filler::new(width, folder);
        let classes = match &schema.targets.kind {
            AnswerKind::Classes { names, .. } => vec![(false, 0, Vec::new()); names.len()],
            _ => Vec::new(),
        };
        let parts = [filler(), filler(), filler()];
        Self {
            width,
            parts,
            counts: [0; 3],
            read: 0,
            test_rows: Vec::new(),
            validation: None,
            validation_is_constant: true,
            classes,
            unknown: Vec::new(),
        }
    }

    fn take(
        &mut self,
        path: &Path,
        schema: &Schema,
        mut part_of: impl FnMut(usize) -> DataPart,
    ) -> Result<(), TableError> {
        let mut reader = Reader::open(path)?;
        let encoder = Encoder::new(schema, &mut reader, true)?;
        let (mut record, mut row) = (StringRecord::new(), Vec::with_capacity(self.width));
        let io_error = |source| TableError::Read { path: path.to_owned(), source };
        let by_class = !self.classes.is_empty();
        self.read = 0;
        while let Some(number) = reader.next(&mut record)? {
            self.read = number;
            row.clear();
            encoder.features(&reader, &record, &mut row)?;
            if !encoder.targets(&reader, &record, &mut row)? {
                continue;
            }
            let class = by_class.then(|| row[self.width - 1]);
            if class == Some(-1.0) {
                let name = schema.targets.columns.first().and_then(|name| reader.column(name).ok());
                self.note_unknown(name.and_then(|place| record.get(place)).unwrap_or_default(), number);
                continue;
            }
            let part = part_of(class.map_or(0, |class| class as usize));
            self.note(part, class, number);
            if part == DataPart::Validation {
                self.note_validation(&row[schema.stored()..]);
            }
            self.counts[part as usize] += 1;
            self.parts[part as usize].push(&row).map_err(io_error)?;
        }
        Ok(())
    }

    fn note(&mut self, part: DataPart, class: Option<f32>, row: u64) {
        if part == DataPart::Test && self.test_rows.len() <= MOST_LISTED {
            self.test_rows.push(row);
        }
        let Some((in_training, count, rows)) = class.and_then(|class| self.classes.get_mut(class as usize))
        else {
            return;
        };
        *in_training |= part == DataPart::Train;
        if part == DataPart::Test {
            *count += 1;
            if rows.len() < NAMED_ROWS {
                rows.push(row);
            }
        }
    }

    fn note_validation(&mut self, targets: &[f32]) {
        match &self.validation {
            Some(first) => self.validation_is_constant &= first == targets,
            None => self.validation = Some(targets.to_vec()),
        }
    }

    /// Refuses a file that gave one of these parts no row.
    fn refuse_empty(&self, parts: &[DataPart], path: &Path) -> Result<(), TableError> {
        let Some(part) = parts.iter().find(|part| self.counts[**part as usize] == 0) else { return Ok(()) };
        let reason = format!(
            "its {} rows leave none for the {} part; more rows with a target are needed",
            self.read,
            part.name()
        );
        Err(TableError::Unusable { path: path.to_owned(), reason })
    }

    fn note_unknown(&mut self, class: &str, row: u64) {
        match self.unknown.iter().position(|(name, ..)| name == class) {
            Some(known) => {
                let (_, count, rows) = &mut self.unknown[known];
                *count += 1;
                if rows.len() < NAMED_ROWS {
                    rows.push(row);
                }
            }
            None if self.unknown.len() < NAMED_ROWS => self.unknown.push((class.to_owned(), 1, vec![row])),
            None => {}
        }
    }

    fn finish(self, path: &Path, schema: &Schema) -> Result<TableParts, TableError> {
        let mut unseen = self.unknown;
        if let AnswerKind::Classes { names, .. } = &schema.targets.kind {
            let of_class = names.iter().zip(self.classes);
            unseen.extend(
                of_class
                    .filter(|(_, (trained, count, _))| !trained && *count > 0)
                    .map(|(name, (_, count, rows))| (name.clone(), count, rows)),
            );
        }
        let io_error = |source| TableError::Read { path: path.to_owned(), source };
        let [train, validation, test] = self.parts;
        let (train, validation, test) = (
            train.finish().map_err(io_error)?,
            validation.finish().map_err(io_error)?,
            test.finish().map_err(io_error)?,
        );
        let test_rows = if self.test_rows.len() > MOST_LISTED { Vec::new() } else { self.test_rows };
        Ok(TableParts {
            train,
            validation,
            test,
            test_rows,
            validation_is_constant: self.validation_is_constant,
            findings: checks::unseen(&unseen).into_iter().collect(),
        })
    }
}
