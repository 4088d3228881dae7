//! Explanations as pictures and words: heat maps over inputs, coloured words, bars of a table's row.

mod canvas;
mod colour;
mod fit;
mod glyphs;
mod layout;
mod paint;
mod shades;
mod sheet;

pub use sheet::{DrawnSheet, Map, Row, Scale, Sheet, SheetError};
