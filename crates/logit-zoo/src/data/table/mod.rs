//! Tables: CSV, ARFF and Parquet, read row by row, so that a file may be larger than memory.
//!
//! ```text
//! reader ─→ survey ─→ answer, checks, schema      one pass: what the columns hold, and how they are read
//! reader ─→ encode ─→ split ─→ store              another: rows of numbers, dealt out to the parts
//! ```

mod answer;
mod checks;
mod encode;
mod error;
pub(crate) mod reader;
mod schema;
mod split;
mod store;
mod survey;

use std::path::{Path, PathBuf};

use csv::StringRecord;
use logit_spec::Finding;

pub use answer::{AnswerKind, TargetsOf};
pub(crate) use encode::Encoder;
pub use error::TableError;
pub(crate) use reader::Reader;
pub use schema::{Feature, Form, Schema};
pub(crate) use schema::{settle, settle_targets};
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
    /// What the split showed.
    pub(crate) findings: Vec<Finding>,
}

/// Reads a table by its schema, and deals its rows out.
pub(crate) fn parts(
    path: &Path,
    schema: &Schema,
    data: &TableData,
    seed: u64,
    folder: &Path,
) -> Result<Parts, TableError> {
    let mut filling = Filling::new(schema, folder);
    let test_share = if data.test_file.is_some() { 0.0 } else { data.test };
    let mut dealer = Dealer::new(&strata(schema), test_share, data.validation, seed);
    filling.take(path, schema, |stratum| dealer.deal(stratum))?;
    if let Some(test) = &data.test_file {
        filling.test_rows.clear();
        filling.take(test, schema, |_| PartOf::Test)?;
        filling.test_rows.clear();
    }
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
    test_rows: Vec<u64>,
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
        Self { width, parts, test_rows: Vec::new(), classes, unknown: Vec::new() }
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
        while let Some(number) = reader.next(&mut record)? {
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
        let named = [("training", &train), ("validation", &validation), ("test", &test)];
        if let Some((part, _)) = named.into_iter().find(|(_, store)| store.len() == 0) {
            let reason = format!("its {} rows leave none for the {part} part", schema.rows);
            return Err(TableError::Unusable { path: path.to_owned(), reason });
        }
        let test_rows = if self.test_rows.len() > MOST_LISTED { Vec::new() } else { self.test_rows };
        Ok(Parts {
            train,
            validation,
            test,
            test_rows,
            findings: checks::unseen(&unseen).into_iter().collect(),
        })
    }
}

/// Where a run's rows lie while they are used.
pub(crate) fn rows_folder(run: Option<&Path>) -> PathBuf {
    run.map_or_else(std::env::temp_dir, Path::to_owned)
}
