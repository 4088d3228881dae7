//! What the checks of a run found, as the page shows it.

use logit_spec::{Fault, Finding, Level};

use super::element::Element;

/// The findings as a list, in the order given.
pub(super) fn findings(findings: &[Finding]) -> Option<Element> {
    let item = |finding: &Finding| {
        let (class, name) = names(finding.level);
        let fix = (!finding.fix.is_empty())
            .then(|| Element::new("p").with("class", "fix").children(prose(&finding.fix)));
        Element::new("li")
            .with("class", class)
            .child(
                Element::new("p")
                    .child(Element::new("strong").text(name))
                    .text(": ")
                    .children(prose(&text(finding))),
            )
            .children(fix)
    };
    let list = || Element::new("ul").with("class", "findings").children(findings.iter().map(item));
    (!findings.is_empty()).then(list)
}

/// What was found, why it is wrong, and which fault it is.
fn text(Finding { fault, message, reason, .. }: &Finding) -> String {
    match fault {
        Fault::Rule(rule) => format!("{message}: {reason} (rule {}, {fault}).", rule.number()),
        Fault::Named(_) => format!("{message}: {reason} ({fault})."),
    }
}

/// The style class and the word that a reader sees.
fn names(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Error => ("error", "Error"),
        Level::Warning => ("warning", "Warning"),
        Level::Advice | Level::Unknown | Level::Fine => ("notice", "Note"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_between_backticks_are_set_as_code() {
        let found = |fix: &str| Finding {
            level: Level::Error,
            fault: logit_spec::Rule::NormalisedTwice.into(),
            message: "softmax twice".to_owned(),
            reason: "one is enough".to_owned(),
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
        let text = "<span>softmax twice: one is enough (rule 34, normalised-twice).</span>";
        assert!(
            html.contains(&format!("<li class=\"error\"><p><strong>Error</strong>: {text}</p>")),
            "{html}"
        );
    }
}
