//! From a sheet to its PNG file.

use super::layout::Layout;
use super::paint::painted;
use super::shades::Shades;
use super::sheet::{Sheet, SheetError};
use crate::page::escape::shorten;
use crate::page::number::counted;

/// A sheet as a PNG file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnSheet {
    png: Vec<u8>,
    width: usize,
    height: usize,
    description: String,
}

impl Sheet {
    /// Draws the sheet.
    ///
    /// # Errors
    /// If there is no input, a size is not that of its values, relevance is not finite, the scale is no positive number, or
    /// the sheet would be larger than 64 million pixels.
    ///
    /// ```
    /// # use logit_zoo::page::{Picture, Pixels, relevance::{Map, Row, Sheet}};
    /// let pixels = Pixels::Grey(vec![0, 255, 255, 0]);
    /// let input = Picture { caption: "two dots".to_owned(), width: 2, height: 2, pixels };
    /// let relevance = vec![0.0, 0.75, 0.25, 0.0];
    /// let map = Map { title: "z⁺".to_owned(), width: 2, height: 2, relevance, ..Map::default() };
    /// let sheet = Sheet { rows: vec![Row { input, maps: vec![map] }], ..Sheet::default() };
    /// assert!(sheet.draw()?.png().starts_with(b"\x89PNG"));
    /// # Ok::<(), logit_zoo::page::relevance::SheetError>(())
    /// ```
    pub fn draw(&self) -> Result<DrawnSheet, SheetError> {
        self.check()?;
        let layout = Layout::of(self)?;
        let shades = Shades::of(self, &layout)?;
        Ok(DrawnSheet {
            png: painted(self, &layout, &shades)?,
            width: layout.width,
            height: layout.height(),
            description: self.description(),
        })
    }

    /// What is seen, for those who do not see it.
    fn description(&self) -> String {
        const NAMED: usize = 12;
        let listed = |names: Vec<&str>| {
            let more = names.len().saturating_sub(NAMED);
            let shown: Vec<String> = names.iter().take(NAMED).map(|name| shorten(name, 60)).collect();
            shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
        };
        let inputs = self.rows.iter().map(|row| row.input.caption.as_str()).filter(|name| !name.is_empty());
        let mut maps: Vec<&str> = Vec::new();
        for map in self.rows.iter().flat_map(|row| &row.maps) {
            if !maps.contains(&map.title.as_str()) {
                maps.push(&map.title);
            }
        }
        let inputs = [counted(self.rows.len(), "input"), listed(inputs.collect())];
        let inputs: Vec<String> = inputs.into_iter().filter(|part| !part.is_empty()).collect();
        let title =
            if self.title.is_empty() { String::new() } else { format!("{} ", shorten(&self.title, 200)) };
        let maps = if maps.is_empty() { String::new() } else { format!("; maps: {}", listed(maps)) };
        format!("{title}Heat maps of {}{maps}.", inputs.join(": "))
    }
}

impl DrawnSheet {
    /// The bytes of the PNG file: eight bits each of red, green and blue.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// What is seen, in words.
    pub fn description(&self) -> &str {
        &self.description
    }
}
