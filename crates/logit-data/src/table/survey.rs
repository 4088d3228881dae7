//! What a table's columns hold, counted in one pass and in bounded memory; `schema` decides what they are.

use csv::StringRecord;
use indexmap::IndexMap;

use super::columnar::Look;
use super::config::LARGEST;
use super::error::TableError;
use super::reader::{Reader, is_blank};
use crate::text::shortened;

/// Different values of a column that are kept.
pub(crate) const MOST_VALUES: usize = 10_000;

/// Bytes of a value that is kept as such; longer ones are text, not categories.
const MOST_VALUE_BYTES: usize = 200;

/// Bytes of all values that are kept at most, of all columns together.
const MOST_KEPT_BYTES: usize = 512 << 20;

/// Bytes of a value that is kept, beside its text.
const KEPT_VALUE: usize = 80;

/// Share of a column's filled cells that are numbers from which on the others are taken for slips.
const MOSTLY: f64 = 0.9;

/// Rows that are named in a finding.
pub(crate) const NAMED_ROWS: usize = 5;

/// The columns of a table, and how many rows it has.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    /// What the targets are together.
    pub(crate) targets: Targets,
}

/// What a column holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Fields that say that there is no value, and the first rows with one.
    pub(crate) blanks: u64,
    pub(crate) blank_rows: Vec<u64>,
    /// The numbers.
    pub(crate) numbers: Numbers,
    /// The first field that is no number, and its row; and how many there are.
    pub(crate) text: Option<(u64, String)>,
    pub(crate) texts: u64,
    /// The first number that cannot be learned from, as it is written, and its row; and how many there are.
    pub(crate) wild: Option<(u64, String)>,
    pub(crate) wilds: u64,
    /// How often each value occurs, and its first row; none once they are too many.
    pub(crate) values: Option<IndexMap<String, (u64, u64)>>,
    /// The row of a value that is too long to be one of several.
    long: Option<u64>,
}

/// Numbers, summed up.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    /// The least and the greatest, and their rows.
    pub(crate) least: (f64, u64),
    pub(crate) most: (f64, u64),
    /// The first that is not whole, and its row.
    pub(crate) broken: Option<(f64, u64)>,
}

impl Default for Numbers {
    fn default() -> Self {
        let (least, most) = ((f64::INFINITY, 0), (f64::NEG_INFINITY, 0));
        Self { count: 0, mean: 0.0, squares: 0.0, least, most, broken: None }
    }
}

impl Numbers {
    fn add(&mut self, number: f64, row: u64) {
        self.count += 1;
        let from_mean = number - self.mean;
        self.mean += from_mean / self.count as f64;
        self.squares += from_mean * (number - self.mean);
        if number < self.least.0 {
            self.least = (number, row);
        }
        if number > self.most.0 {
            self.most = (number, row);
        }
        if number.fract() != 0.0 {
            self.broken.get_or_insert((number, row));
        }
    }

    /// The standard deviation; 1 where all numbers are the same.
    pub(crate) fn deviation(&self) -> f64 {
        let deviation = (self.squares / self.count.max(1) as f64).sqrt();
        if deviation > 0.0 { deviation } else { 1.0 }
    }
}

impl Column {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), values: Some(IndexMap::new()), ..Self::default() }
    }

    /// Counts a cell; `kept` is what all columns keep.
    fn add(&mut self, field: &str, row: u64, kept: &mut usize) {
        if is_blank(field) {
            self.blanks += 1;
            if self.blank_rows.len() < NAMED_ROWS {
                self.blank_rows.push(row);
            }
            return;
        }
        match field.parse::<f64>() {
            Ok(number) if is_tame(number) => self.numbers.add(number, row),
            Ok(_) => {
                self.wilds += 1;
                self.wild.get_or_insert_with(|| (row, shortened(field)));
            }
            Err(_) => {
                self.texts += 1;
                self.text.get_or_insert_with(|| (row, shortened(field)));
            }
        }
        let Some(values) = &mut self.values else { return };
        if let Some((count, _)) = values.get_mut(field) {
            *count += 1;
            return;
        }
        let bytes = field.len() + KEPT_VALUE;
        if values.len() < MOST_VALUES && field.len() <= MOST_VALUE_BYTES && *kept + bytes <= MOST_KEPT_BYTES {
            *kept += bytes;
            values.insert(field.to_owned(), (1, row));
        } else {
            *kept -= values.keys().map(|value| value.len() + KEPT_VALUE).sum::<usize>();
            self.values = None;
            self.long = (field.len() > MOST_VALUE_BYTES).then_some(row);
        }
    }

    /// What keeps its values from being a choice of at most so many.
    pub(crate) fn no_choice_of(&self, most: usize) -> String {
        match self.long {
            Some(row) => format!("text of more than {MOST_VALUE_BYTES} bytes in row {row}"),
            None => format!("more than {most} different values"),
        }
    }

    /// Whether every value is a number that can be learned from.
    pub(crate) fn is_numeric(&self) -> bool {
        self.text.is_none() && self.wild.is_none() && self.numbers.count > 0
    }

    /// Whether nearly every value is a number that can be learned from, and some are not.
    pub(crate) fn is_nearly_numeric(&self) -> bool {
        let others = self.texts + self.wilds;
        others > 0 && self.numbers.count as f64 >= MOSTLY * (self.numbers.count + others) as f64
    }

    /// Whether every value is the same number, however it is written.
    pub(crate) fn is_one_number(&self) -> bool {
        self.is_numeric() && self.numbers.least.0 >= self.numbers.most.0
    }

    /// Whether every value is 0 or 1.
    pub(crate) fn is_binary(&self) -> bool {
        let within = |(number, _): (f64, u64)| [0.0, 1.0].contains(&number);
        self.is_numeric()
            && self.numbers.broken.is_none()
            && within(self.numbers.least)
            && within(self.numbers.most)
    }

    /// Whether there is no value at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_none() && self.wild.is_none() && self.numbers.count == 0
    }

    /// Whether there is just one value.
    pub(crate) fn is_constant(&self) -> bool {
        self.blanks == 0 && self.values.as_ref().is_some_and(|values| values.len() == 1)
    }

    /// The different values with their counts and first rows: by size where they are numbers, by letters otherwise.
    pub(crate) fn sorted_values(&self) -> Option<Vec<(String, u64, u64)>> {
        let mut values: Vec<(String, u64, u64)> =
            self.values.as_ref()?.iter().map(|(value, (count, row))| (value.clone(), *count, *row)).collect();
        if self.is_numeric() {
            let number = |text: &str| text.parse().unwrap_or(f64::NAN);
            values.sort_by(|a, b| number(&a.0).total_cmp(&number(&b.0)));
        } else {
            values.sort();
        }
        Some(values)
    }
}

/// How many of a row's targets are 1, where all targets are 0 or 1: rows with none, one and several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    pub(crate) with: [u64; 3],
    /// The first such rows.
    pub(crate) rows: [Vec<u64>; 3],
}

impl Targets {
    fn add(&mut self, positives: usize, row: u64) {
        let which = positives.min(2);
        self.with[which] += 1;
        if self.rows[which].len() < NAMED_ROWS {
            self.rows[which].push(row);
        }
    }
}

/// Reads a table to its end; `targets` are the places of the target columns, and of all columns only those that `wanted`
/// says are looked into.
pub(crate) fn survey(
    reader: &mut Reader,
    targets: &[usize],
    wanted: impl Fn(usize) -> bool,
) -> Result<Survey, TableError> {
    reader.look(|place| if wanted(place) { Look::Into } else { Look::Past });
    let mut columns: Vec<Column> = reader.header().iter().map(|name| Column::new(name)).collect();
    let (mut rows, mut together, mut kept) = (0, Targets::default(), 0);
    let mut record = StringRecord::new();
    while let Some(row) = reader.next(&mut record)? {
        check_length(reader, &record)?;
        rows = row;
        for (place, (column, field)) in columns.iter_mut().zip(record.iter()).enumerate() {
            if wanted(place) {
                column.add(field, row, &mut kept);
            }
        }
        if targets.len() > 1 {
            let positive =
                |target: &&usize| record.get(**target).is_some_and(|field| field.parse() == Ok(1.0));
            together.add(targets.iter().filter(positive).count(), row);
        }
    }
    if rows == 0 {
        return Err(TableError::Empty { path: reader.path().to_owned() });
    }
    Ok(Survey { columns, rows, targets: together })
}

/// A row must have a field per column, however it was written.
pub(crate) fn check_length(reader: &Reader, record: &StringRecord) -> Result<(), TableError> {
    if record.len() == reader.header().len() {
        return Ok(());
    }
    let sparse = record.get(0).is_some_and(|field| field.starts_with('{'));
    let reason = if sparse {
        "it is written sparsely, which is not read".to_owned()
    } else {
        format!("it has {} fields, and there are {} columns", record.len(), reader.header().len())
    };
    Err(reader.at_row(reason))
}

/// Whether a number can be learned from.
pub(crate) fn is_tame(number: f64) -> bool {
    number.abs() <= LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_up_to_a_limit_of_all_columns() {
        let before = MOST_KEPT_BYTES - KEPT_VALUE - 1;
        let (mut kept, mut column) = (before, Column::new("x"));
        column.add("a", 1, &mut kept);
        assert_eq!((kept, column.values.as_ref().map(IndexMap::len)), (MOST_KEPT_BYTES, Some(1)));
        column.add("a", 2, &mut kept);
        assert!(column.values.is_some());
        column.add("b", 3, &mut kept);
        assert_eq!((kept, column.values, column.texts), (before, None, 3));
    }
}
