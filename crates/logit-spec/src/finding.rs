//! What a check has to say.

use std::fmt;

use serde::Serialize;

use crate::rule::Rule;

/// How much a verdict or a finding matters. Later levels are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Looked at, and right.
    Fine,
    /// Not judged, because something it hangs on is not known. Never to be taken for approval.
    Unknown,
    /// Right, and could be better.
    Advice,
    /// Very likely not what is wanted.
    Warning,
    /// Cannot train right, or the numbers are wrong.
    Error,
}

impl Level {
    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Unknown => "unknown",
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One fault that a check has found. Where it was found (a line, a layer, a step) is for the check to
/// add: sources, graphs and runs have different places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// How much it matters here.
    pub level: Level,
    /// What was found, with its names and values.
    pub message: String,
    /// Why that is wrong.
    pub reason: String,
    /// What to do instead.
    pub fix: String,
}

/// `level[rule]: message`, and a line each for reason and fix.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, level, message, reason, fix } = self;
        write!(f, "{level}[{rule}]: {message}\n  why: {reason}\n  fix: {fix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_in_order_of_severity() {
        let levels = [Level::Fine, Level::Unknown, Level::Advice, Level::Warning, Level::Error];
        assert!(levels.is_sorted());
        for level in levels {
            assert_eq!(serde_json::to_value(level).unwrap(), level.name());
        }
    }

    #[test]
    fn a_finding_prints_what_why_and_how() {
        let finding = Finding {
            rule: Rule::AllTargetsIgnored,
            level: Level::Error,
            message: "all 32 targets are 255".to_owned(),
            reason: "The mean of nothing is not a number.".to_owned(),
            fix: "Skip the batch.".to_owned(),
        };
        assert_eq!(
            finding.to_string(),
            "error[all-targets-ignored]: all 32 targets are 255\n  \
             why: The mean of nothing is not a number.\n  fix: Skip the batch."
        );
    }
}
