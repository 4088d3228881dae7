//! What can be wrong with a table.

use std::path::PathBuf;

/// The most columns that are named in an error.
const NAMED: usize = 12;

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No format that is read.
    #[error("{}: a table ends in .csv, .csv.gz, .tsv, .arff or .parquet", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The names of the columns cannot be read, or not be told apart.
    #[error("{}: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A row that cannot be read.
    #[error("{}, row {row}: {reason}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, from 1, the header not counted.
        row: u64,
        /// What is wrong.
        reason: String,
    },
    /// A column that is not there.
    #[error("{} has no column `{column}`; its columns are {}", path.display(), some_of(columns))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        column: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// A table without rows.
    #[error("{} has no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Nothing to learn from.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
}

fn some_of(columns: &[String]) -> String {
    let named: Vec<&str> = columns.iter().take(NAMED).map(String::as_str).collect();
    match columns.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
