//! Reading back what `logit-spec` writes by its name.

use logit_spec::{Answer, Finding, Level, Loss, Rule};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

const LEVELS: [Level; 5] = [Level::Fine, Level::Unknown, Level::Advice, Level::Warning, Level::Error];

fn named<'de, D: Deserializer<'de>, T>(
    from: D,
    what: &str,
    find: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let name = String::deserialize(from)?;
    find(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is no {what}")))
}

fn level<'de, D: Deserializer<'de>>(from: D) -> Result<Level, D::Error> {
    named(from, "level", |name| LEVELS.into_iter().find(|level| level.name() == name))
}

pub(super) fn rule<'de, D: Deserializer<'de>>(from: D) -> Result<Rule, D::Error> {
    named(from, "rule", Rule::parse)
}

pub(super) fn answer<'de, D: Deserializer<'de>>(from: D) -> Result<Answer, D::Error> {
    named(from, "answer", Answer::parse)
}

pub(super) fn loss<'de, D: Deserializer<'de>>(from: D) -> Result<Loss, D::Error> {
    named(from, "loss", Loss::parse)
}

/// A finding as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(deserialize_with = "rule")]
    rule: Rule,
    #[serde(deserialize_with = "level")]
    level: Level,
    message: String,
    reason: String,
    fix: String,
}

pub(super) fn finding<'de, D: Deserializer<'de>>(from: D) -> Result<Finding, D::Error> {
    let Written { rule, level, message, reason, fix } = Written::deserialize(from)?;
    Ok(Finding { rule, level, message, reason, fix })
}
