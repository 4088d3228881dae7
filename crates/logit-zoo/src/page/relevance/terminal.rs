//! Lines of a terminal, and its colours.

use super::colour::{Rgb, ink_on};
use crate::page::escape::{printed, shorten};

/// Which colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TerminalColours {
    /// None, or none are wanted: numbers stand in their place.
    #[default]
    None,
    /// The 256 colours that nearly every terminal has.
    Palette,
    /// All of 24 bits.
    All,
}

/// Ends all colours.
const RESET: &str = "\u{1b}[0m";

impl TerminalColours {
    /// Text on a background, in black or white, whichever can be read there. The text must be fit for a terminal.
    pub(super) fn on(self, background: Rgb, text: &str) -> String {
        match (self.code(48, background), self.code(38, ink_on(background))) {
            (Some(background), Some(ink)) => format!("{background}{ink}{text}{RESET}"),
            _ => text.to_owned(),
        }
    }

    /// Text in a colour. The text must be fit for a terminal.
    pub(super) fn in_colour(self, colour: Rgb, text: &str) -> String {
        self.code(38, colour).map_or_else(|| text.to_owned(), |code| format!("{code}{text}{RESET}"))
    }

    /// The sequence that sets the ink (38) or the background (48).
    fn code(self, what: u8, colour: Rgb) -> Option<String> {
        let [red, green, blue] = colour;
        match self {
            Self::None => None,
            Self::Palette => Some(format!("\u{1b}[{what};5;{}m", nearest(colour))),
            Self::All => Some(format!("\u{1b}[{what};2;{red};{green};{blue}m")),
        }
    }
}

/// A title or a note as a line, if it says anything.
pub(super) fn line_of(text: &str) -> Option<String> {
    const LONGEST: usize = 500;
    (!text.is_empty()).then(|| printed(&shorten(text, LONGEST)))
}

/// The nearest of the 216 colours that the palette has as a cube.
fn nearest(colour: Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level =
        |channel: u8| (0..6).min_by_key(|level| LEVELS[usize::from(*level)].abs_diff(channel)).unwrap_or(0);
    let [red, green, blue] = colour.map(level);
    16 + 36 * red + 6 * green + blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_that_the_terminal_has() {
        let cases = [
            (TerminalColours::None, "a"),
            (TerminalColours::Palette, "\u{1b}[48;5;196m\u{1b}[38;5;231ma\u{1b}[0m"),
            (TerminalColours::All, "\u{1b}[48;2;250;10;0m\u{1b}[38;2;255;255;255ma\u{1b}[0m"),
        ];
        for (colours, expected) in cases {
            assert_eq!(colours.on([250, 10, 0], "a"), expected);
        }
        assert_eq!(TerminalColours::Palette.in_colour([0, 0, 255], "b"), "\u{1b}[38;5;21mb\u{1b}[0m");
        assert_eq!((nearest([0; 3]), nearest([255; 3]), nearest([100, 140, 170])), (16, 231, 67));
    }
}
