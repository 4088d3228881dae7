//! Findings of checks, as they are kept in a run's folder.

use logit_spec::{Finding, Level};
use serde::{Deserialize, Serialize};

use crate::report;
use crate::telemetry::Seen;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The training step at which it showed; none of what the data shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// `error`, `warning` or `advice`.
    pub level: String,
    /// The rule's number; none where what was found is of the data alone, and breaks no rule of output layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u8>,
    /// The rule's name, or the fault's.
    pub name: String,
    /// What was found.
    pub message: String,
    /// Why that is wrong.
    pub reason: String,
    /// What to do instead.
    pub fix: String,
}

impl Found {
    /// A warning of the data, which breaks no rule of output layers.
    pub(crate) fn of_data(name: &str, message: String, reason: String, fix: String) -> Self {
        let level = Level::Warning.name().to_owned();
        Self { step: None, level, rule: None, name: name.to_owned(), message, reason, fix }
    }
}

impl From<&Finding> for Found {
    fn from(finding: &Finding) -> Self {
        let rule = finding.rule.facts();
        Self {
            step: None,
            level: finding.level.name().to_owned(),
            rule: Some(rule.number),
            name: rule.name.to_owned(),
            message: finding.message.clone(),
            reason: finding.reason.clone(),
            fix: finding.fix.clone(),
        }
    }
}

impl From<&Seen> for Found {
    fn from(seen: &Seen) -> Self {
        Self { step: Some(seen.step), ..Self::from(&seen.finding) }
    }
}

impl From<&Found> for report::Finding {
    fn from(found: &Found) -> Self {
        let level = match found.level.as_str() {
            name if name == Level::Error.name() => report::Level::Error,
            name if name == Level::Warning.name() => report::Level::Warning,
            _ => report::Level::Note,
        };
        let rule = found.rule.map_or(String::new(), |rule| format!("rule {rule}, "));
        let text = format!("{}: {} ({rule}{}).", found.message, found.reason, found.name);
        Self { level, text, fix: found.fix.clone() }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}[{}]: {}", self.level, self.name, self.message)?;
        writeln!(f, "  why: {}", self.reason)?;
        write!(f, "  fix: {}", self.fix)
    }
}
