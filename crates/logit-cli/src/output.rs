//! What goes to standard output: text for people, or one JSON object. What goes to standard error: all else.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write};

use serde_json::Value;

/// Writes text.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes one JSON object on one line.
pub(crate) fn json(object: &Value) -> io::Result<()> {
    text(&format!("{object}\n"))
}

/// Writes a line to standard error. That nobody reads it there is no reason to stop.
pub(crate) fn note(line: Arguments<'_>) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// Lays rows out in columns, two spaces apart, the first row being the head.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
