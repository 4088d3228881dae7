//! Pairs of sentences with a score: the STS benchmark's files, and a TSV file with all parts.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::config::{HIGHEST, LOWEST};
use super::error::SentenceError;
use super::file::{self, Wanted};

/// The largest file of pairs that is read: a hundred times the STS benchmark.
pub const MAX_PAIRS_BYTES: u64 = 64 << 20;

/// The most pairs of a file.
pub const MAX_PAIRS: usize = 1_000_000;

/// The longest sentence that is taken.
pub const MAX_SENTENCE_BYTES: usize = 10_000;

const FILE: Wanted = Wanted { what: "pairs", most: MAX_PAIRS_BYTES, hint: "" };

/// The columns of a CSV file.
const CSV: &str = "sentence1, sentence2, score";

/// The columns of a TSV file.
const TSV: [&str; 4] = ["split", "score", "sentence1", "sentence2"];

/// Two sentences, and how much they say the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The sentences, neither of them blank.
    pub sentences: [String; 2],
    /// From [`LOWEST`] to [`HIGHEST`].
    pub score: f64,
}

/// The pairs of a part, in their order.
pub type Pairs = Vec<Pair>;

/// The parts of a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplitPairs {
    /// What is learned from.
    pub train: Pairs,
    /// What the weights are chosen on.
    pub dev: Pairs,
    /// What the chosen weights are judged on.
    pub test: Pairs,
}

impl SplitPairs {
    /// Reads `stsb-en-train.csv`, `stsb-en-dev.csv` and `stsb-en-test.csv` of a folder: without a header, the columns
    /// sentence1, sentence2 and score. With `test_alone` the others are not looked at.
    ///
    /// # Errors
    /// A file is missing, or a row of it cannot be used.
    pub fn from_folder(folder: &Path, test_alone: bool) -> Result<Self, SentenceError> {
        let part = |file: &'static str, part: &'static str, judged: bool| {
            let path = folder.join(file);
            if !path.exists() {
                return Err(SentenceError::MissingPart { folder: folder.to_owned(), file });
            }
            let pairs = csv_pairs(&path, &file::read(&path, FILE)?)?;
            check(&pairs, &path, part, judged)?;
            Ok(pairs)
        };
        let test = part("stsb-en-test.csv", "test", true)?;
        if test_alone {
            return Ok(Self { test, ..Self::default() });
        }
        let train = part("stsb-en-train.csv", "training", false)?;
        Ok(Self { train, dev: part("stsb-en-dev.csv", "dev", true)?, test })
    }

    /// Reads a TSV file with the columns split (train, dev, test), score, sentence1 and sentence2, named in its first
    /// row. Quotes are letters like others.
    ///
    /// # Errors
    /// A row cannot be used, or a part has no pairs; of the latter the test part's alone, with `test_alone`.
    pub fn from_file(path: &Path, test_alone: bool) -> Result<Self, SentenceError> {
        let pairs = tsv_pairs(path, &file::read(path, FILE)?)?;
        check(&pairs.test, path, "test", true)?;
        if !test_alone {
            check(&pairs.train, path, "training", false)?;
            check(&pairs.dev, path, "dev", true)?;
        }
        Ok(pairs)
    }
}

/// Whether a part can be learned from, or judged on.
fn check(pairs: &Pairs, path: &Path, part: &'static str, judged: bool) -> Result<(), SentenceError> {
    let unusable = |what| Err(SentenceError::Part { part, path: path.to_owned(), what });
    match pairs.first() {
        None => unusable("has no pair of sentences"),
        Some(first) if judged && pairs.iter().all(|pair| pair.score.total_cmp(&first.score).is_eq()) => {
            unusable(
                "has one score for all pairs, so that no correlation exists; give pairs of different scores",
            )
        }
        Some(_) => Ok(()),
    }
}

fn csv_pairs(path: &Path, bytes: &[u8]) -> Result<Pairs, SentenceError> {
    let mut pairs = Pairs::new();
    let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    for (row, record) in (1..).zip(reader.into_byte_records()) {
        let row = Row { path, number: row, record: read(path, record)? };
        let [first, second, score] = row.columns(CSV)?;
        row.bounded()?;
        pairs.push(row.pair(first, second, score)?);
    }
    Ok(pairs)
}

fn tsv_pairs(path: &Path, bytes: &[u8]) -> Result<SplitPairs, SentenceError> {
    let mut pairs = SplitPairs::default();
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(b'\t')
        .quoting(false)
        .from_reader(bytes);
    for (row, record) in (1..).zip(reader.into_byte_records()) {
        let row = Row { path, number: row, record: read(path, record)? };
        if row.number == 1 {
            row.header()?;
            continue;
        }
        let [split, score, first, second] = row.columns("split, score, sentence1, sentence2")?;
        row.bounded()?;
        let pair = row.pair(first, second, score)?;
        match split {
            "train" => pairs.train.push(pair),
            "dev" => pairs.dev.push(pair),
            "test" => pairs.test.push(pair),
            other => {
                return Err(SentenceError::Split {
                    path: path.to_owned(),
                    row: row.number,
                    found: shown(other),
                });
            }
        }
    }
    Ok(pairs)
}

fn read(path: &Path, record: csv::Result<ByteRecord>) -> Result<ByteRecord, SentenceError> {
    let (what, hint) = (FILE.what, FILE.hint);
    record.map_err(|error| SentenceError::Read {
        what,
        path: path.to_owned(),
        source: std::io::Error::other(error),
        hint,
    })
}

/// A row of a file.
struct Row<'a> {
    path: &'a Path,
    /// From 1, a header counted.
    number: u64,
    record: ByteRecord,
}

impl Row<'_> {
    /// The columns, if there are as many as there should be.
    fn columns<const N: usize>(&self, names: &'static str) -> Result<[&str; N], SentenceError> {
        if self.record.len() != N {
            return Err(SentenceError::Columns {
                path: self.path.to_owned(),
                row: self.number,
                found: self.record.len(),
                expected: N,
                columns: names,
            });
        }
        let mut columns = [""; N];
        for (column, bytes) in columns.iter_mut().zip(&self.record) {
            *column = std::str::from_utf8(bytes)
                .map_err(|_| SentenceError::Encoding { path: self.path.to_owned(), row: self.number })?;
        }
        Ok(columns)
    }

    /// Whether there may be so many rows.
    fn bounded(&self) -> Result<(), SentenceError> {
        if self.number <= MAX_PAIRS as u64 + 1 {
            return Ok(());
        }
        Err(SentenceError::TooMany { path: self.path.to_owned(), most: MAX_PAIRS })
    }

    /// Whether the row names the columns of a TSV file.
    fn header(&self) -> Result<(), SentenceError> {
        if self.record.iter().eq(TSV.map(str::as_bytes)) {
            return Ok(());
        }
        let found = shown(&String::from_utf8_lossy(self.record.as_slice()));
        Err(SentenceError::Header { path: self.path.to_owned(), found })
    }

    fn pair(&self, first: &str, second: &str, score: &str) -> Result<Pair, SentenceError> {
        let number = score.trim().parse().ok().filter(|score| (LOWEST..=HIGHEST).contains(score));
        let wrong =
            || SentenceError::Score { path: self.path.to_owned(), row: self.number, found: shown(score) };
        let sentences = [self.sentence("first", first)?, self.sentence("second", second)?];
        Ok(Pair { sentences, score: number.ok_or_else(wrong)? })
    }

    fn sentence(&self, which: &'static str, text: &str) -> Result<String, SentenceError> {
        let wrong =
            |what| SentenceError::Sentence { path: self.path.to_owned(), row: self.number, which, what };
        match text.len() {
            _ if text.trim().is_empty() => Err(wrong("is empty; fill it, or take the row out".to_owned())),
            bytes if bytes > MAX_SENTENCE_BYTES => Err(wrong(format!(
                "has {bytes} bytes, and at most {MAX_SENTENCE_BYTES} are taken; look for a quote that is not closed"
            ))),
            _ => Ok(text.to_owned()),
        }
    }
}

/// The beginning of a text from a file, for an error.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<Pairs, String> {
        csv_pairs(Path::new("x.csv"), text.as_bytes()).map_err(|error| error.to_string())
    }

    fn tsv(text: &str) -> Result<SplitPairs, String> {
        tsv_pairs(Path::new("x.tsv"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_quoted_sentence_may_hold_commas_quotes_and_lines() {
        let pairs = csv("\"a, \"\"b\"\"\",c,2.5\r\n\"d\ne\",f,0\n").unwrap();
        assert_eq!(pairs[0], Pair { sentences: ["a, \"b\"".to_owned(), "c".to_owned()], score: 2.5 });
        assert_eq!(pairs[1].sentences[0], "d\ne");
    }

    #[test]
    fn in_a_tsv_file_quotes_are_letters() {
        let pairs = tsv("split\tscore\tsentence1\tsentence2\ntest\t5\t\"a\tb\"\ndev\t0\tc\td\n").unwrap();
        assert_eq!(pairs.test[0].sentences, ["\"a", "b\""]);
        assert_eq!((pairs.train.len(), pairs.dev.len(), pairs.test.len()), (0, 1, 1));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_row() {
        let rows = [
            ("a,b,1\na,b\n", "x.csv, row 2: 2 columns instead of 3"),
            ("a,b,c,1\n", "row 1: 4 columns instead of 3 (sentence1, sentence2, score); quote"),
            ("a,b,5.1\n", "row 1: the score is \"5.1\"; it must be a number from 0 to 5"),
            ("a,b,NaN\n", "the score is \"NaN\""),
            ("a,b,-0.5\n", "the score is \"-0.5\""),
            ("a,b,high\n", "the score is \"high\""),
            ("a,b,1\n , b,1\n", "row 2: the first sentence is empty"),
            ("a,,1\n", "row 1: the second sentence is empty"),
        ];
        for (text, part) in rows {
            let message = csv(text).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        let header = "split\tscore\tsentence1\tsentence2\n";
        assert!(tsv("train\t1\ta\tb\n").unwrap_err().contains("begins with"));
        assert!(tsv(&format!("{header}all\t1\ta\tb\n")).unwrap_err().contains("row 2: the split is \"all\""));
        assert!(tsv(&format!("{header}dev\t1\ta\n")).unwrap_err().contains("row 2: 3 columns instead of 4"));
    }

    #[test]
    fn a_row_that_is_no_text_is_named() {
        let message = csv_pairs(Path::new("x.csv"), b"a,b,1\n\xFF,b,1\n").unwrap_err().to_string();
        assert!(message.contains("row 2") && message.contains("UTF-8"), "{message}");
    }

    #[test]
    fn a_part_that_cannot_be_judged_on_is_refused() {
        let pair = |score| Pair { sentences: ["a".to_owned(), "b".to_owned()], score };
        let message = |pairs| check(&pairs, Path::new("x"), "dev", true).unwrap_err().to_string();
        assert!(message(vec![]).contains("the dev part of x has no pair"));
        assert!(message(vec![pair(1.0), pair(1.0)]).contains("one score for all pairs"));
        assert!(check(&vec![pair(1.0), pair(2.0)], Path::new("x"), "dev", true).is_ok());
    }
}
