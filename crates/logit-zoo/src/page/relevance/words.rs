//! Words on the colour of their relevance.

use super::colour::{Colours, Rgb, ink_on, largest_amount, share};
use super::terminal::{TerminalColours, line_of};
use crate::page::element::Element;
use crate::page::escape::{printed, shorten};
use crate::page::number::signed_beside;

/// Words, each on the colour of its relevance: blue against the answer, red for it, white for neither.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Words {
    /// Heading; may be empty.
    pub title: String,
    /// The texts, such as the two sentences of a pair.
    pub rows: Vec<WordRow>,
    /// What the strongest colours stand for; by default the largest amount of all rows.
    pub largest: Option<f32>,
    /// What stands below; may be empty.
    pub note: String,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WordRow {
    /// What the text is.
    pub title: String,
    /// Words in their order, each with its relevance. One that is not finite has no colour.
    pub words: Vec<(String, f32)>,
}

/// Characters of a word that are shown.
const WORD: usize = 60;

/// The words that are told as text, for those who do not see colours.
const NAMED: usize = 5;

/// The shares of the largest that the key to the colours shows.
const KEY: [f32; 5] = [-1.0, -0.5, 0.0, 0.5, 1.0];

impl Words {
    /// The words as lines for a terminal, at most `width` characters long unless a single word is longer: on their colours,
    /// with a key, or followed by their relevance, `word(+0.123)`, if there are no colours.
    pub fn lines(&self, colours: TerminalColours, width: usize) -> Vec<String> {
        let is_plain = colours == TerminalColours::None;
        let largest = self.largest();
        let mut lines: Vec<String> = line_of(&self.title).into_iter().collect();
        for row in &self.rows {
            lines.extend(line_of(&row.title));
            let words = row.words.iter().map(|(text, relevance)| {
                let text = printed(&shorten(text, WORD));
                if is_plain {
                    let word = format!("{text}({})", number(*relevance, largest));
                    return (word.chars().count(), word);
                }
                // A space on both sides, so that short words have a colour to see.
                (text.chars().count() + 2, colours.on(colour(*relevance, largest), &format!(" {text} ")))
            });
            lines.extend(wrapped(words, width));
        }
        if !is_plain {
            let key = KEY.map(|share| share * largest);
            let key =
                key.map(|value| colours.on(colour(value, largest), &format!(" {} ", number(value, largest))));
            lines.push(format!("relevance {}", key.join("")));
        }
        lines.extend(line_of(&self.note));
        lines
    }

    /// The words as a part of a page; `id` must be unique there.
    pub(super) fn element(&self, id: &str) -> Element {
        let largest = self.largest();
        let row = |row: &WordRow| {
            let mut text = Element::new("p").with("class", "words");
            for (word, relevance) in &row.words {
                text = text.child(on_colour(&shorten(word, WORD), *relevance, largest)).text(" ");
            }
            let title = Element::new("h4").text(&row.title);
            Element::new("div").children((!row.title.is_empty()).then_some(title)).child(text)
        };
        let mut key = Element::new("p").with("class", "words note").text("Relevance ");
        for value in KEY.map(|share| share * largest) {
            key = key.child(on_colour(&number(value, largest), value, largest)).text(" ");
        }
        let title = if self.title.is_empty() { "Words" } else { &self.title };
        let notes = [self.strongest(largest), self.note.clone()];
        let notes = notes.iter().filter(|note| !note.is_empty());
        Element::new("div")
            .with("class", "wide")
            .child(Element::new("h3").with("id", id).text(title))
            .children(self.rows.iter().map(row))
            .child(key)
            .children(notes.map(|note| Element::new("p").with("class", "note").text(note)))
    }

    fn largest(&self) -> f32 {
        let all = self.rows.iter().flat_map(|row| &row.words).map(|(_, relevance)| *relevance);
        self.largest
            .filter(|largest| largest.is_finite() && *largest > 0.0)
            .unwrap_or_else(|| largest_amount(all))
    }

    /// The most relevant words as a sentence.
    fn strongest(&self, largest: f32) -> String {
        let mut words: Vec<&(String, f32)> = self.rows.iter().flat_map(|row| &row.words).collect();
        words.retain(|(_, relevance)| relevance.is_finite() && *relevance != 0.0);
        words.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
        let named = words
            .iter()
            .take(NAMED)
            .map(|(word, relevance)| format!("{} {}", shorten(word, WORD), number(*relevance, largest)));
        let named: Vec<String> = named.collect();
        if named.is_empty() { String::new() } else { format!("Most relevant: {}.", named.join(", ")) }
    }
}

fn on_colour(text: &str, relevance: f32, largest: f32) -> Element {
    let background = colour(relevance, largest);
    let [ink, background] =
        [ink_on(background), background].map(|[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"));
    Element::new("span")
        .with("style", format!("background:{background};color:{ink}"))
        .with("title", number(relevance, largest))
        .text(text)
}

fn colour(relevance: f32, largest: f32) -> Rgb {
    Colours::Signed.at(share(relevance, largest))
}

fn number(relevance: f32, largest: f32) -> String {
    signed_beside(f64::from(relevance), f64::from(largest))
}

/// Words in lines of a width, indented; each comes with the characters that are seen of it.
fn wrapped(words: impl Iterator<Item = (usize, String)>, width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines: Vec<String> = Vec::new();
    let mut used = usize::MAX;
    for (length, word) in words {
        if let Some(line) = lines.last_mut().filter(|_| used.saturating_add(1 + length) <= width) {
            line.push(' ');
            line.push_str(&word);
            used += 1 + length;
        } else {
            lines.push(format!("{INDENT}{word}"));
            used = INDENT.len() + length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[(&str, f32)]) -> Words {
        let words = words.iter().map(|(text, relevance)| ((*text).to_owned(), *relevance)).collect();
        Words { rows: vec![WordRow { title: "First".to_owned(), words }], ..Words::default() }
    }

    #[test]
    fn without_colours_the_relevance_stands_behind_each_word() {
        let lines = words(&[("a", 0.34), ("good", -0.121), ("one", 0.0)]).lines(TerminalColours::None, 80);
        assert_eq!(lines, ["First", "  a(+0.340) good(−0.121) one(0)"]);
    }

    #[test]
    fn lines_are_as_wide_as_they_may_be() {
        let lines = words(&[("word", 0.5); 9]).lines(TerminalColours::None, 28);
        assert_eq!(
            lines[1..],
            ["  word(+0.500) word(+0.500)"; 5].map(str::to_owned)[..4]
                .iter()
                .cloned()
                .chain(["  word(+0.500)".to_owned()])
                .collect::<Vec<_>>()
        );
        let long = words(&[("x".repeat(90).as_str(), 1.0)]).lines(TerminalColours::None, 20);
        assert_eq!(long[1], format!("  {}…(+1.00)", "x".repeat(59)));
    }

    #[test]
    fn with_colours_the_strongest_is_red_or_blue_and_nothing_is_white() {
        let lines =
            words(&[("a", 2.0), ("b", -2.0), ("c", 0.0), ("d", f32::NAN)]).lines(TerminalColours::All, 80);
        for part in ["48;2;178;0;20m\u{1b}[38;2;255;255;255m a ", "48;2;20;0;178m\u{1b}[38;2;255;255;255m b "]
        {
            assert!(lines[1].contains(part), "{lines:?}");
        }
        assert_eq!(lines[1].matches("48;2;255;255;255m\u{1b}[38;2;0;0;0m").count(), 2, "{lines:?}");
        assert!(lines[2].contains(" −2.00 ") && lines[2].contains(" +1.00 "), "{lines:?}");
    }

    #[test]
    fn a_page_has_each_word_on_its_colour_with_its_number() {
        let html = words(&[("a", 2.0), ("b", -1.0), ("c", f32::INFINITY)]).element("w").to_string();
        for part in [
            "<span style=\"background:#b20014;color:#ffffff\" title=\"+2.00\">a</span>",
            "<span style=\"background:#5a6eff;color:#ffffff\" title=\"−1.00\">b</span>",
            "<span style=\"background:#ffffff;color:#000000\" title=\"∞\">c</span>",
            "Most relevant: a +2.00, b −1.00.",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn a_given_scale_is_kept_and_no_relevance_is_no_colour() {
        let given = Words { largest: Some(4.0), ..words(&[("a", 2.0)]) };
        assert!(
            given.element("w").to_string().contains("background:#ff6e5a;color:#000000\" title=\"+2.00\">a")
        );
        let none = words(&[("a", 0.0)]).element("w").to_string();
        assert_eq!(none.matches("background:#ffffff").count(), 6, "{none}");
    }
}
