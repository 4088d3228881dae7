//! What the checks of a run found.

use super::element::Element;

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was found, and where.
    pub text: String,
    /// What to do about it; may be empty.
    pub fix: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The result is wrong.
    Error,
    /// The result may be wrong, or worse than it could be.
    Warning,
    /// Worth knowing.
    Note,
}

/// The findings as a list, in the order given.
pub(super) fn findings(findings: &[Finding]) -> Option<Element> {
    let item = |finding: &Finding| {
        let (class, name) = finding.level.names();
        let fix = (!finding.fix.is_empty())
            .then(|| Element::new("p").with("class", "fix").children(prose(&finding.fix)));
        Element::new("li")
            .with("class", class)
            .child(
                Element::new("p")
                    .child(Element::new("strong").text(name))
                    .text(": ")
                    .children(prose(&finding.text)),
            )
            .children(fix)
    };
    let list = || Element::new("ul").with("class", "findings").children(findings.iter().map(item));
    (!findings.is_empty()).then(list)
}

/// Text with what stands between backticks set as code; a backtick without its partner stays as it is.
fn prose(text: &str) -> Vec<Element> {
    let parts = text.split('`');
    let balanced = parts.clone().count() % 2 == 1;
    let parts: Vec<&str> = if balanced { parts.collect() } else { vec![text] };
    let element =
        |(index, part): (usize, &str)| Element::new(if index % 2 == 1 { "code" } else { "span" }).text(part);
    parts.into_iter().enumerate().map(element).collect()
}

impl Level {
    /// The style class and the word that a reader sees.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Error => ("error", "Error"),
            Self::Warning => ("warning", "Warning"),
            Self::Note => ("notice", "Note"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_between_backticks_are_set_as_code() {
        let found = |fix: &str| Finding {
            level: Level::Error,
            text: "softmax twice".to_owned(),
            fix: fix.to_owned(),
        };
        let html = findings(&[found("Run `logit lint <file>` again."), found("A lone ` stays.")])
            .expect("a list")
            .to_string();
        assert!(
            html.contains("<span>Run </span><code>logit lint &lt;file&gt;</code><span> again.</span>"),
            "{html}"
        );
        assert!(html.contains("<span>A lone ` stays.</span>"), "{html}");
        assert!(
            html.contains("<li class=\"error\"><p><strong>Error</strong>: <span>softmax twice</span></p>"),
            "{html}"
        );
    }
}
