//! Cells that keep a column from being read as the numbers that it otherwise holds.

use super::config::LARGEST;
use super::survey::Column;

/// A column that a few of its cells spoil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoiled {
    /// Its name.
    pub column: String,
    /// The first such cell, and its row.
    row: u64,
    value: String,
    /// Such cells.
    cells: u64,
    /// Filled cells.
    filled: u64,
    /// What is wrong with the first.
    fault: String,
}

impl Spoiled {
    /// Of a column of numbers, the cells that are none, or none that can be learned from.
    pub(super) fn of(column: &Column) -> Option<Self> {
        let all_numbers = column.text.is_none() && column.wild.is_some();
        if !all_numbers && !column.is_nearly_numeric() {
            return None;
        }
        let fault = |cell: &Option<(u64, String)>, fault: String| cell.clone().map(|cell| (cell, fault));
        let cells = [
            fault(&column.text, "which is no number".to_owned()),
            fault(&column.wild, format!("which is not finite, or beyond {LARGEST:e}")),
        ];
        let ((row, value), fault) = cells.into_iter().flatten().min_by_key(|((row, _), _)| *row)?;
        let cells = column.texts + column.wilds;
        let filled = column.numbers.count + cells;
        Some(Self { column: column.name.clone(), row, value, cells, filled, fault })
    }

    /// What is wrong, in a few words.
    pub(super) fn fault(&self) -> String {
        format!("row {} holds `{}`, {}", self.row, self.value, self.fault)
    }

    /// How much of the column it is.
    pub fn message(&self) -> String {
        let Self { column, cells, filled, .. } = self;
        format!("column `{column}`: {} ({cells} of its {filled} filled cells are such)", self.fault())
    }

    /// What to do.
    pub fn fix(&self) -> String {
        format!("mend the cell, or leave it blank; if the column is not to be read, `--drop {}`", self.column)
    }
}
