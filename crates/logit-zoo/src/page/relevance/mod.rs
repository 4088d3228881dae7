//! What an input's parts added to an answer: heat maps over images, coloured words, bars of a table's columns.
//!
//! ```text
//! Sheet ─→ DrawnSheet (PNG) ─┐
//! Words ─────────────────────┼─→ Explanation, a part of a Report
//! Bars ──────────────────────┘
//! ```
//!
//! [`Words`] and [`Bars`] are drawn for a terminal too. All is plain data that was computed elsewhere: an amount per pixel,
//! word or column, positive where it speaks for the answer and negative where it speaks against it.

mod bars;
mod canvas;
mod colour;
mod draw;
mod fit;
mod glyphs;
mod layout;
mod paint;
mod shades;
mod sheet;
mod terminal;
#[cfg(test)]
pub(super) mod tests;
mod words;

use super::element::Element;
use super::figure::scrollable;
use super::picture::embedded;

pub use bars::{Bar, Bars, Order};
pub use draw::DrawnSheet;
pub use sheet::{Map, Row, Scale, Sheet, SheetError};
pub use terminal::TerminalColours;
pub use words::{WordRow, Words};

/// An explanation, as a page shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Explanation {
    /// Heat maps.
    Sheet(DrawnSheet),
    /// Coloured words.
    Words(Words),
    /// Bars of columns.
    Bars(Bars),
}

impl Explanation {
    /// The explanation as a part of a page; `id` must be unique there.
    pub(super) fn element(&self, id: &str) -> Element {
        match self {
            Self::Sheet(sheet) => on_page(sheet),
            Self::Words(words) => words.element(id),
            Self::Bars(bars) => bars.element(id),
        }
    }
}

fn on_page(sheet: &DrawnSheet) -> Element {
    // The sheet's own title is in the picture.
    const TITLE: &str = "Heat maps";
    let image = Element::new("img")
        .with("src", embedded("png", sheet.png()))
        .with("alt", sheet.description())
        .with("width", sheet.width())
        .with("height", sheet.height());
    Element::new("figure")
        .with("class", "wide")
        .child(Element::new("h3").text(TITLE))
        .child(scrollable(TITLE, image))
}
