//! Text from outside, made harmless: class names and file names may hold anything.

/// `text` with the five characters that mean something in HTML escaped, fit for both content and quoted
/// attributes.
///
/// Characters that no HTML document may hold (control characters, noncharacters) and those that turn the
/// writing direction of what follows (a class name could otherwise disguise the text beside it) become
/// U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            _ if is_unfit(character) => escaped.push(char::REPLACEMENT_CHARACTER),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `text` on one line of a terminal: what a terminal acts on, or what turns the writing direction, is written out, as
/// `\u{1b}`.
pub(crate) fn printed(text: &str) -> String {
    let is_acted_on = |character: char| {
        is_unfit(character)
            || matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}')
    };
    let mut printed = String::with_capacity(text.len());
    for character in text.chars() {
        if is_acted_on(character) {
            printed.extend(character.escape_default());
        } else {
            printed.push(character);
        }
    }
    printed
}

/// `text` cut to `length` characters, the last of which is then an ellipsis.
pub(super) fn shorten(text: &str, length: usize) -> String {
    if text.chars().nth(length).is_none() {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

fn is_unfit(character: char) -> bool {
    let code = u32::from(character);
    let noncharacter = (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE;
    let turns_direction = matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    character.is_control() || noncharacter || turns_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_unfit_characters_are_made_harmless() {
        let cases = [
            ("plain, ünïcode 数字", "plain, ünïcode 数字"),
            ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("bell\u{7}nul\0return\r", "bell\u{FFFD}nul\u{FFFD}return\u{FFFD}"),
            ("turned\u{202E}name\u{2069}", "turned\u{FFFD}name\u{FFFD}"),
            ("\u{FFFF}\u{1FFFE}\u{FDD0}", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected, "{text:?}");
        }
    }

    #[test]
    fn terminals_are_sent_nothing_that_they_act_on() {
        let cases = [
            ("née 漢字 – “quoted” <b>", "née 漢字 – “quoted” <b>"),
            ("b\u{1b}]0;x\u{7}", "b\\u{1b}]0;x\\u{7}"),
            ("a\r\n\tb\u{9b}", "a\\r\\n\\tb\\u{9b}"),
            ("a\u{202E}b\u{200f}c\u{2028}", "a\\u{202e}b\\u{200f}c\\u{2028}"),
        ];
        for (text, expected) in cases {
            assert_eq!(printed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn shortening_counts_characters_not_bytes() {
        assert_eq!(shorten("größe", 5), "größe");
        assert_eq!(shorten("größer", 5), "größ…");
        assert_eq!(shorten("", 5), "");
    }
}
