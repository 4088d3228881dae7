//! Tables: CSV, ARFF and Parquet, read row by row, so that a file may be larger than memory.
//!
//! ```text
//! reader ─→ survey ─→ answer, checks, schema      one pass: what the columns hold, and how they are read
//! reader ─→ encode ─→ split ─→ store              another: rows of numbers, dealt out to the parts
//! ```

mod answer;
mod cells;
mod checks;
mod encode;
mod error;
mod fingerprint;
pub(crate) mod reader;
mod schema;
mod split;
mod store;
mod survey;

use std::path::{Path, PathBuf};

use csv::StringRecord;
use logit_spec::Finding;

pub use answer::{AnswerKind, TargetsOf};
pub(crate) use cells::Spoiled;
pub(crate) use encode::Encoder;
pub use error::TableError;
pub(crate) use error::{other_separator, some_of};
pub use fingerprint::Fingerprint;
pub(crate) use reader::Reader;
pub use schema::{Feature, Form, Schema};
pub(crate) use schema::{Settled, settle, settle_targets};
pub(crate) use split::{Dealer, PartOf};
pub(crate) use store::Store;

use self::store::Filler;
use self::survey::NAMED_ROWS;
use crate::recipe::TableData;

/// Rows of the test part whose numbers are written down at most.
const MOST_LISTED: usize = 1_000_000;

/// The parts of a table, as rows of numbers: the features, then the targets.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) train: Store,
    pub(crate) validation: Store,
    pub(crate) test: Store,
    /// The numbers of the test rows in the table, from 1; none if they are too many, or of a file of their own.
    pub(crate) test_rows: Vec<u64>,
    /// Whether the targets of the validation part are the same in all its rows.
    pub(crate) validation_is_constant: bool,
    /// What the split showed.
    pub(crate) findings: Vec<Finding>,
}

/// Reads the table that a schema was made for, and deals its rows out.
///
/// # Errors
/// A file is not as it was; a row cannot be read; a part has no rows.
pub(crate) fn parts(
    path: &Path,
    schema: &Schema,
    data: &TableData,
    seed: u64,
    folder: &Path,
) -> Result<Parts, TableError> {
    if let Some(file) = &schema.file {
        file.check(path)?;
    }
    let mut filling = Filling::new(schema, folder);
    let test_share = if data.test_file.is_some() { 0.0 } else { data.test };
    let mut dealer = Dealer::new(&strata(schema), test_share, data.validation, seed);
    filling.take(path, schema, |stratum| dealer.deal(stratum))?;
    filling.refuse_empty(&[PartOf::Train, PartOf::Validation], path)?;
    if let Some(test) = &data.test_file {
        if let Some(file) = &schema.test_file {
            file.check(test)?;
        }
        filling.test_rows.clear();
        filling.take(test, schema, |_| PartOf::Test)?;
        filling.test_rows.clear();
    }
    filling.refuse_empty(&[PartOf::Test], data.test_file.as_deref().unwrap_or(path))?;
    filling.finish(path, schema)
}

/// Reads another table, all of whose rows are a test.
///
/// # Errors
/// A row cannot be read, or has a class that the schema does not know; there is none.
pub(crate) fn test_of(path: &Path, schema: &Schema, folder: &Path) -> Result<Parts, TableError> {
    let mut filling = Filling::new(schema, folder);
    filling.take(path, schema, |_| PartOf::Test)?;
    if let Some((class, _, rows)) = filling.unknown.first()
        && let AnswerKind::Classes { names, .. } = &schema.targets.kind
    {
        let (class, row) = (class.clone(), rows.first().copied().unwrap_or_default());
        return Err(TableError::UnknownClass { path: path.to_owned(), row, class, classes: names.clone() });
    }
    filling.refuse_empty(&[PartOf::Test], path)?;
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
        let filler = |name: &str| Filler::new(width, &folder.join(name));
        let classes = match &schema.targets.kind {
            AnswerKind::Classes { names, .. } => vec![(false, 0, Vec::new()); names.len()],
            _ => Vec::new(),
        };
        let parts = [filler("rows.train"), filler("rows.validation"), filler("rows.test")];
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
        mut part_of: impl FnMut(usize) -> PartOf,
    ) -> Result<(), TableError> {
        let mut reader = Reader::open(path)?;
        let encoder = Encoder::new(schema, &reader, true)?;
        let (mut record, mut row) = (StringRecord::new(), Vec::with_capacity(self.width));
        let told = |source| TableError::Read { path: path.to_owned(), source };
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
            if part == PartOf::Validation {
                self.note_validation(&row[schema.stored()..]);
            }
            self.counts[part as usize] += 1;
            self.parts[part as usize].push(&row).map_err(told)?;
        }
        Ok(())
    }

    fn note(&mut self, part: PartOf, class: Option<f32>, row: u64) {
        if part == PartOf::Test && self.test_rows.len() <= MOST_LISTED {
            self.test_rows.push(row);
        }
        let Some((in_training, count, rows)) = class.and_then(|class| self.classes.get_mut(class as usize))
        else {
            return;
        };
        *in_training |= part == PartOf::Train;
        if part == PartOf::Test {
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
    fn refuse_empty(&self, parts: &[PartOf], path: &Path) -> Result<(), TableError> {
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

    fn finish(self, path: &Path, schema: &Schema) -> Result<Parts, TableError> {
        let mut unseen = self.unknown;
        if let AnswerKind::Classes { names, .. } = &schema.targets.kind {
            let of_class = names.iter().zip(self.classes);
            unseen.extend(
                of_class
                    .filter(|(_, (trained, count, _))| !trained && *count > 0)
                    .map(|(name, (_, count, rows))| (name.clone(), count, rows)),
            );
        }
        let told = |source| TableError::Read { path: path.to_owned(), source };
        let [train, validation, test] = self.parts;
        let (train, validation, test) =
            (train.finish().map_err(told)?, validation.finish().map_err(told)?, test.finish().map_err(told)?);
        let test_rows = if self.test_rows.len() > MOST_LISTED { Vec::new() } else { self.test_rows };
        Ok(Parts {
            train,
            validation,
            test,
            test_rows,
            validation_is_constant: self.validation_is_constant,
            findings: checks::unseen(&unseen).into_iter().collect(),
        })
    }
}

/// Where a run's rows lie while they are used.
pub(crate) fn rows_folder(run: Option<&Path>) -> PathBuf {
    run.map_or_else(std::env::temp_dir, Path::to_owned)
}
