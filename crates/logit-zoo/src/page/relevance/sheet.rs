//! Heat maps of inputs as one picture: what it is given, and what can be wrong with that.

use crate::page::escape::shorten;
use crate::page::number::counted;
use crate::page::{Picture, Pixels};

/// Heat maps of one or several inputs: a row per input, with one or several maps each.
///
/// A row shows the input, and for each map the map itself, the map over the grey input, and the colours with their
/// numbers. Small images are enlarged by a whole factor, without blending; large ones are shrunk, each pixel being the mean
/// of those it stands for.
///
/// Maps at the same place of all rows have the same colours: black, red, yellow if none of them is negative anywhere, and
/// blue, white, red, with zero as white, otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// What stands at the top; may be empty.
    pub title: String,
    /// The inputs.
    pub rows: Vec<Row>,
    /// What the strongest colour stands for.
    pub scale: Scale,
}

/// One input and its maps.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The input, of any size; its caption stands above the row.
    pub input: Picture,
    /// The maps, such as one per rule.
    pub maps: Vec<Map>,
}

/// Relevance of the places of an input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map {
    /// What stands above the map, such as the rule.
    pub title: String,
    /// Values in a row. May be fewer or more than the input's pixels: a map is drawn as large as the input.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The values, row by row from the top.
    pub relevance: Vec<f32>,
    /// What stands below, such as the sum; may be empty.
    pub note: String,
}

/// What the strongest colour of a map stands for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Scale {
    /// The largest amount in the map.
    #[default]
    PerMap,
    /// The largest amount in all maps, so that they compare.
    Shared,
    /// This amount, so that sheets compare. Larger amounts are drawn like it, and the numbers at the colours then say `≥`.
    Fixed(f32),
}

/// Why a sheet cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// There is nothing to draw.
    #[error("a sheet of heat maps needs at least one input")]
    Empty,
    /// An input or a map without a pixel, or of another size than its values.
    #[error("{place}: {width} × {height} pixels, but {found}")]
    Size {
        /// Which.
        place: String,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// How many values there are.
        found: String,
    },
    /// Relevance that is not a finite number.
    #[error(
        "{place}: the relevance in column {column}, row {row} is {value}; only finite relevance can be drawn"
    )]
    NotFinite {
        /// Which map.
        place: String,
        /// Column, from 0.
        column: usize,
        /// Row, from 0.
        row: usize,
        /// The value.
        value: f32,
    },
    /// A fixed scale that is not a positive finite number.
    #[error("the scale of a heat map must be a finite number above 0, not {0}")]
    Scale(f32),
    /// More pixels than a sheet may have.
    #[error("{} with their maps need more than the {} million pixels of a sheet; {}", counted(*.rows, "input"), .most / 1_000_000, advice(*.fit))]
    TooLarge {
        /// The rows.
        rows: usize,
        /// How many of the first rows fit.
        fit: usize,
        /// The pixels that a sheet may have.
        most: u64,
    },
    /// The encoder failed.
    #[error("the sheet cannot be written as PNG: {0}")]
    Encoding(#[from] png::EncodingError),
}

fn advice(fit: usize) -> String {
    match fit {
        0 => "draw fewer maps".to_owned(),
        _ => format!("{fit} fit: draw the others on further sheets"),
    }
}

impl Sheet {
    /// Whether there is something to draw, and all of it has the size that it says.
    pub(super) fn check(&self) -> Result<(), SheetError> {
        if self.rows.is_empty() {
            return Err(SheetError::Empty);
        }
        for (row, Row { input, maps }) in self.rows.iter().enumerate() {
            let (count, unit) = match &input.pixels {
                Pixels::Grey(pixels) => (pixels.len(), "pixel"),
                Pixels::Rgb(pixels) => (pixels.len(), "pixel"),
            };
            let place = || self.place(row, None);
            check_size(place, (input.width, input.height), count, unit)?;
            for (column, map) in maps.iter().enumerate() {
                let place = || self.place(row, Some(column));
                check_size(place, (map.width, map.height), map.relevance.len(), "value")?;
            }
        }
        Ok(())
    }

    /// An input or a map, for messages.
    pub(super) fn place(&self, row: usize, map: Option<usize>) -> String {
        let Some(Row { input, maps }) = self.rows.get(row) else { return format!("input {}", row + 1) };
        let input = format!("input {} ({:?})", row + 1, shorten(&input.caption, 60));
        let map = map.and_then(|map| maps.get(map));
        map.map_or(input.clone(), |map| format!("{input}, map {:?}", shorten(&map.title, 60)))
    }
}

fn check_size(
    place: impl Fn() -> String,
    (width, height): (usize, usize),
    count: usize,
    unit: &str,
) -> Result<(), SheetError> {
    if count > 0 && width.checked_mul(height) == Some(count) {
        return Ok(());
    }
    Err(SheetError::Size { place: place(), width, height, found: counted(count, unit) })
}
