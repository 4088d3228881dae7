//! What goes to standard output: lines for people, or one JSON object. What goes to standard error: all else.
//!
//! Names and texts of strangers' files may hold what a terminal acts on: another title, other colours, lines written over.
//! All that people read is written here, and such characters are shown and not sent. JSON, and what programs read, stays
//! as it is.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{Arguments, Display, Write as _};
use std::io::{self, Write};
use std::panic::PanicHookInfo;

use logit_spec::{Fault, Finding};
use serde_json::Value;

/// The longest line that is written, in characters: a name may have millions.
const LONGEST_LINE: usize = 10_000;

/// The longest cell of a table, in characters.
const LONGEST_CELL: usize = 1_000;

/// Writes lines.
pub(crate) fn lines<L: Display>(lines: impl IntoIterator<Item = L>) -> io::Result<()> {
    let lines: Vec<String> = lines.into_iter().map(|line| cut(shown(line), LONGEST_LINE) + "\n").collect();
    write(&lines.concat())
}

/// Writes lines in which names are shown already, and which may hold colours.
pub(crate) fn drawn(lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    write(&lines.into_iter().map(|line| line + "\n").collect::<String>())
}

/// Writes one JSON object on one line.
pub(crate) fn json(object: &Value) -> io::Result<()> {
    write(&format!("{object}\n"))
}

/// Writes a script for a shell, as it is.
pub(crate) fn script(text: &str) -> io::Result<()> {
    write(text)
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to standard error. That nobody reads it there is no reason to stop.
pub(crate) fn note(line: Arguments<'_>) {
    drop(writeln!(io::stderr(), "{}", cut(shown(line), LONGEST_LINE)));
}

/// A text on one line, in which what a terminal would act on is written out, as `\u{1b}`.
pub(crate) fn shown(text: impl Display) -> String {
    let text = text.to_string();
    if !text.contains(is_acted_on) {
        return text;
    }
    let mut out = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if is_acted_on(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Whether a terminal acts on a character instead of showing it: controls, ends of lines, what turns the direction of text.
fn is_acted_on(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        let more = text[end..].chars().count();
        text.truncate(end);
        let _ = write!(text, "… and {more} more characters");
    }
    text
}

/// A finding: what, why, and what to do, a line each.
pub(crate) fn finding(finding: &Finding) -> Vec<String> {
    let Finding { level, fault, message, reason, fix } = finding;
    let told = Finding {
        level: *level,
        fault: Fault::Named(shown(fault)),
        message: shown(message),
        reason: shown(reason),
        fix: shown(fix),
    };
    told.to_string().lines().map(str::to_owned).collect()
}

/// Writes a finding to standard error.
pub(crate) fn note_finding(found: &Finding) {
    for line in finding(found) {
        note(format_args!("{line}"));
    }
}

/// Says on standard error where and why the program fails by a fault of its own.
pub(crate) fn note_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    note(format_args!("panicked{place}: {}", panic.payload_as_str().unwrap_or("without a word")));
    // None but where `RUST_BACKTRACE` asks for one.
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        trace.to_string().lines().for_each(|line| note(format_args!("{line}")));
    }
}

/// Lays rows out in columns, two spaces apart, the first row being the head: a line per row.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let cell = |cell: &String| cut(shown(cell), LONGEST_CELL);
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..).map_while(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use logit_spec::Level;

    /// All that a terminal acts on.
    fn acted_on() -> impl Iterator<Item = char> {
        let ranges = ['\0'..='\u{1f}', '\u{7f}'..='\u{9f}', '\u{200e}'..='\u{200f}', '\u{2028}'..='\u{202e}'];
        ranges.into_iter().flatten().chain('\u{2066}'..='\u{2069}').chain(['\u{61c}'])
    }

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(shown("b\u{1b}]0;PWNED\u{7}"), "b\\u{1b}]0;PWNED\\u{7}");
        assert_eq!(shown("a\r\n\tb\u{202e}c\u{9b}"), "a\\r\\n\\tb\\u{202e}c\\u{9b}");
        for c in acted_on() {
            let written = shown(format!("a{c}b"));
            assert!(written.starts_with("a\\") && !written.contains(c), "{written:?}");
        }
        let plain = "née ß 漢字 🙂 C:\\new \u{200d} a\u{a0}b – “quoted”";
        assert_eq!(shown(plain), plain);
    }

    #[test]
    fn cells_are_laid_out_as_they_are_shown() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = columns(&[row(["class", "n"]), row(["a\nb\u{1b}", "1"]), row(["c", "2"])]);
        assert_eq!(lines, ["class       n", "a\\nb\\u{1b}  1", "c           2"]);
        let long = columns(&[vec!["x".repeat(3_000_000)]]);
        assert!(long[0].chars().count() < 1_100 && long[0].ends_with("and 2999000 more characters"));
    }

    #[test]
    fn a_finding_has_three_lines_whatever_it_quotes() {
        let quoted = "a\nerror: all is lost\u{1b}[2K".to_owned();
        let found = Finding {
            level: Level::Warning,
            fault: Fault::Named(quoted.clone()),
            message: quoted.clone(),
            reason: quoted.clone(),
            fix: quoted,
        };
        let lines = finding(&found);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[1].starts_with("  why: a\\nerror") && !lines.concat().contains(is_acted_on),
            "{lines:?}"
        );
    }
}
