//! A band of pixels of a sheet, and what is drawn into it.

use super::colour::{Rgb, WHITE};
use super::glyphs::{self, glyph};
use crate::page::escape::shorten;

/// Pixels row by row from the top. What reaches beyond is cut off.
pub(super) struct Canvas {
    width: usize,
    pixels: Vec<u8>,
}

/// How letters are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letters {
    pub(super) colour: Rgb,
    /// Struck twice, a pixel apart.
    pub(super) bold: bool,
    /// Pixels per pixel of the font.
    pub(super) enlarged: usize,
}

impl Canvas {
    /// A white band.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, pixels: [WHITE].repeat(width * height).into_flattened() }
    }

    /// Red, green and blue of all pixels.
    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    fn set(&mut self, x: usize, y: usize, colour: Rgb) {
        let place = 3 * (y * self.width + x);
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(place..place + 3)
        {
            pixel.copy_from_slice(&colour);
        }
    }

    /// Pixels from a corner on, each as `colour` says of its column and row.
    pub(super) fn fill(
        &mut self,
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        colour: impl Fn(usize, usize) -> Rgb,
    ) {
        for y in 0..height {
            for x in 0..width {
                self.set(left + x, top + y, colour(x, y));
            }
        }
    }

    /// A line of a pixel around what stands between a corner and its size.
    pub(super) fn frame(
        &mut self,
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        colour: Rgb,
    ) {
        let outer = (width + 2, height + 2);
        for x in 0..outer.0 {
            self.set(left + x - 1, top - 1, colour);
            self.set(left + x - 1, top + height, colour);
        }
        for y in 0..outer.1 {
            self.set(left - 1, top + y - 1, colour);
            self.set(left + width, top + y - 1, colour);
        }
    }

    /// Text from its upper left corner on, cut to a width.
    pub(super) fn text(&mut self, (left, top): (usize, usize), text: &str, letters: Letters, width: usize) {
        let Letters { colour, bold, enlarged } = letters;
        let advance = glyphs::WIDTH * enlarged;
        for (index, character) in shorten(text, width / advance).chars().enumerate() {
            let rows = glyph(character).map(|row| if bold { row | row >> 1 } else { row });
            for (y, row) in rows.into_iter().enumerate() {
                for x in (0..glyphs::WIDTH).filter(|x| row >> (glyphs::WIDTH - 1 - x) & 1 == 1) {
                    let corner = (left + index * advance + x * enlarged, top + y * enlarged);
                    self.fill(corner, (enlarged, enlarged), |_, _| colour);
                }
            }
        }
    }
}

/// The pixels that a text takes.
pub(super) fn text_width(text: &str) -> usize {
    text.chars().count() * glyphs::WIDTH
}
