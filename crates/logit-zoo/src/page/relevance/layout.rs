//! Where the parts of a sheet stand.

use super::fit::fitted;
use super::glyphs;
use super::sheet::{Row, Sheet, SheetError};

/// The pixels that a sheet may have.
const MOST: u64 = 64_000_000;

/// Around everything; between a map and its overlay; between an input and its maps, and from map to map; between rows.
pub(super) const MARGIN: usize = 24;
pub(super) const GAP: usize = 8;
const BETWEEN: usize = 32;
const BELOW: usize = 28;

/// The sheet's title is written so much larger.
pub(super) const TITLE: usize = 2;

/// A line of text with what is left free below it.
pub(super) const LINE: usize = glyphs::HEIGHT + 6;

/// What is left free below the caption of a row, beside what any line leaves.
const CAPTION_FOOT: usize = 4;

/// The colours below a map, from the panel's foot to the numbers.
pub(super) const BAR_TOP: usize = 10;
pub(super) const BAR: usize = 12;
pub(super) const BAR_FOOT: usize = 6;

/// Sides of panels, and the width that the panels of a sheet share.
const SIDES: std::ops::RangeInclusive<usize> = 160..=320;
const SHARED: usize = 1280;

/// Room for the two numbers at the colours of a map, of eleven characters each, and for the name of an input.
const LEAST_MAP: usize = 24 * glyphs::WIDTH;
const LEAST_INPUT: usize = 6 * glyphs::WIDTH;

/// Sizes, in pixels.
pub(super) struct Layout {
    pub(super) width: usize,
    /// Height of what stands above the rows.
    pub(super) header: usize,
    /// Left edge and width of each map with its overlay.
    pub(super) columns: Vec<(usize, usize)>,
    pub(super) rows: Vec<Band>,
}

/// One row of a sheet.
pub(super) struct Band {
    pub(super) height: usize,
    /// Top of the panels.
    pub(super) top: usize,
    /// Size of the panels.
    pub(super) panel: (usize, usize),
}

impl Layout {
    /// The sizes of a sheet whose inputs have pixels.
    pub(super) fn of(sheet: &Sheet) -> Result<Self, SheetError> {
        let maps = sheet.rows.iter().map(|row| row.maps.len()).max().unwrap_or(0);
        let side = (SHARED / (1 + 2 * maps)).clamp(*SIDES.start(), *SIDES.end());
        let rows: Vec<Band> = sheet.rows.iter().map(|row| Band::of(row, side)).collect();
        let widest = rows.iter().map(|row| row.panel.0).max().unwrap_or(0);
        let width = (2 * widest + GAP).max(LEAST_MAP);
        let mut left = MARGIN + widest.max(LEAST_INPUT);
        let columns: Vec<(usize, usize)> = (0..maps)
            .map(|_| {
                let start = left + BETWEEN;
                left = start + width;
                (start, width)
            })
            .collect();
        let title = if sheet.title.is_empty() { 0 } else { TITLE * LINE + GAP };
        let layout = Self { width: left + MARGIN, header: MARGIN + title, columns, rows };
        layout.within_limits()
    }

    pub(super) fn height(&self) -> usize {
        self.header + self.rows.iter().map(|row| row.height).sum::<usize>()
    }

    fn within_limits(self) -> Result<Self, SheetError> {
        let mut pixels = (self.width * self.header) as u64;
        for (fit, row) in self.rows.iter().enumerate() {
            pixels += (self.width * row.height) as u64;
            if pixels > MOST {
                return Err(SheetError::TooLarge { rows: self.rows.len(), fit, most: MOST });
            }
        }
        Ok(self)
    }
}

impl Band {
    fn of(Row { input, maps }: &Row, side: usize) -> Self {
        let panel = fitted(input.width, input.height, side);
        let caption = if input.caption.is_empty() { 0 } else { LINE + CAPTION_FOOT };
        // The caption, then a line for the titles of the maps.
        let top = caption + LINE;
        let note = if maps.iter().any(|map| !map.note.is_empty()) { LINE } else { 0 };
        let colours = if maps.is_empty() { 0 } else { BAR_TOP + BAR + BAR_FOOT + LINE };
        Self { height: top + panel.1 + colours + note + BELOW, top, panel }
    }
}
