//! What can be wrong with a table.

use std::path::PathBuf;

use crate::text::shortened;

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
    /// The names of the columns cannot be read, or cannot be told apart.
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
    #[error(
        "{} has no column `{}`; its columns are {}{}",
        path.display(), shortened(column), some_of(columns), other_separator(columns)
    )]
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
    /// Another file than a run was trained on.
    #[error(
        "{} is not as it was when the run was trained: {reason}; put it back, or train a new run on it; to judge the run on \
         what it holds now, copy it elsewhere and give the copy by `logit eval RUN --data COPY`",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What shows it.
        reason: String,
    },
    /// A class that a run does not know.
    #[error(
        "{}, row {row}: `{}` is a class that the run does not know; its classes are {}: mend it, or leave such rows out",
        path.display(), shortened(class), some_of(classes)
    )]
    UnknownClass {
        /// The file.
        path: PathBuf,
        /// The first row with it.
        row: u64,
        /// The class.
        class: String,
        /// The classes of the run.
        classes: Vec<String>,
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

/// What to do about a header that is one column, because its names are separated by something else.
pub fn other_separator(columns: &[String]) -> String {
    let [only] = columns else { return String::new() };
    let separated_by = |name: &str| {
        format!(
            "; the file seems to be separated by {name}: write it with commas as .csv, or with tabs as .tsv"
        )
    };
    let separators = [(';', "`;`"), ('\t', "tabs"), ('|', "`|`"), (',', "commas")];
    separators
        .into_iter()
        .find(|(separator, _)| only.contains(*separator))
        .map_or(String::new(), |(_, name)| separated_by(name))
}

/// Names, and how many there are beyond those that fit into a line.
pub fn some_of(columns: &[String]) -> String {
    let named: Vec<String> = columns.iter().take(NAMED).map(|name| shortened(name)).collect();
    match columns.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_separator_is_suggested_where_the_header_is_one_column() {
        let suggestion = |header: &[&str]| {
            other_separator(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert!(suggestion(&["species;island"]).contains("separated by `;`"));
        assert!(suggestion(&["species\tisland"]).contains("separated by tabs"));
        assert_eq!(suggestion(&["species"]), "");
        assert_eq!(suggestion(&["species;island", "mass"]), "");
    }
}
