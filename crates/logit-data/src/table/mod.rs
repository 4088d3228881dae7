//! Tables: CSV, ARFF and Parquet, read row by row, so that a file may be larger than memory.
//!
//! ```text
//! reader ─→ survey ─→ answer, checks, schema      one pass: what the columns hold, and how they are read
//! reader ─→ encode ─→ store, parts                another: rows of numbers, dealt out to the parts
//! ```
//!
//! `reader` takes rows of text from any of the formats, of Parquet by `columnar`.
//! `survey` counts what a column holds, `schema` decides what it is, and `answer` decides what the targets ask for.
//! `encode` turns a row into numbers by the schema, and numbers back into a row.
//!
//! Floors, from the ground up: `config`, `error`, `fingerprint`, `columnar`, `reader`, `survey`, `cells`, `answer`, `checks`, `schema`,
//! `encode`, `store`, `parts`.

mod answer;
mod cells;
mod checks;
mod columnar;
mod config;
mod encode;
mod error;
mod fingerprint;
mod parts;
mod reader;
mod schema;
mod store;
mod survey;

pub use answer::{AnswerKind, TargetsOf};
pub use cells::Spoiled;
pub use config::{AnswerChoice, LARGEST, Scale, ScaleError, TableData};
pub use encode::{Encoder, InputRows, fields};
pub use error::{TableError, other_separator, some_of};
pub use fingerprint::Fingerprint;
pub use parts::{TableParts, parts, test_of};
pub use reader::Reader;
pub use schema::{Feature, Form, Schema, Settled, settle, settle_targets};
pub use store::Store;
