//! Text of a stranger's file in our messages.

/// Characters of a name or a cell that are shown, and of what a library says of one.
const SHOWN: usize = 40;
const SHOWN_OF_A_REASON: usize = 300;

/// The beginning of a text, for messages.
pub(crate) fn shortened(text: &str) -> String {
    beginning(text, SHOWN)
}

/// The beginning of what a library says, which may repeat all of a stranger's text.
pub(crate) fn reason(text: impl ToString) -> String {
    beginning(&text.to_string(), SHOWN_OF_A_REASON)
}

fn beginning(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_its_letters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"ü".repeat(50)), format!("{}…", "ü".repeat(SHOWN)));
        assert_eq!(reason("ü".repeat(50)), "ü".repeat(50));
    }
}
