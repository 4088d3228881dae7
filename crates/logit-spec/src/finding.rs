//! What a check has to say, and where it saw it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::level::Level;
use crate::rule::Rule;

/// What is broken: a rule of output layers, or something that breaks none of them and has a name alone.
///
/// It is written as `rule`, the number, where there is one, and `name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", from = "Written")]
pub enum Fault {
    /// A rule of output layers.
    Rule(Rule),
    /// A fault of its own, as one of the data, in lower case with hyphens.
    Named(String),
}

impl Fault {
    /// The rule's name, or the fault's.
    pub fn name(&self) -> &str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::Named(name) => name,
        }
    }
}

impl From<Rule> for Fault {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl PartialEq<Rule> for Fault {
    fn eq(&self, rule: &Rule) -> bool {
        *self == Self::Rule(*rule)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A fault as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<u8>,
    name: String,
}

impl From<Fault> for Written {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Rule(rule) => Self { rule: Some(rule.number()), name: rule.name().to_owned() },
            Fault::Named(name) => Self { rule: None, name },
        }
    }
}

impl From<Written> for Fault {
    /// A rule that is not known here, as one of a later version, keeps its name.
    fn from(Written { rule, name }: Written) -> Self {
        let known = |number| Rule::ALL.iter().find(|rule| rule.number() == number);
        rule.and_then(known).map_or(Self::Named(name), |rule| Self::Rule(*rule))
    }
}

/// One fault that a check has found. Where it was found (a line, a layer, a step) is told by [`At`]: sources, graphs and
/// runs have different places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters here.
    pub level: Level,
    /// What is broken.
    #[serde(flatten)]
    pub fault: Fault,
    /// What was found, with its names and values.
    pub message: String,
    /// Why that is wrong.
    pub reason: String,
    /// What to do instead.
    pub fix: String,
}

impl Finding {
    /// The rule that is broken, if one is.
    pub fn rule(&self) -> Option<Rule> {
        match self.fault {
            Fault::Rule(rule) => Some(rule),
            Fault::Named(_) => None,
        }
    }

    /// The finding at its place.
    pub fn at<P>(self, place: P) -> At<P> {
        At { place, finding: self }
    }
}

/// `level[rule]: message`, and a line each for reason and fix.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, level, message, reason, fix } = self;
        write!(f, "{level}[{fault}]: {message}\n  why: {reason}\n  fix: {fix}")
    }
}

/// A finding at a place, written as one object with the fields of both.
///
/// ```
/// use logit_spec::{At, Finding, Level, Rule};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Line {
///     file: &'static str,
///     line: u32,
/// }
///
/// let finding = Finding {
///     level: Level::Error,
///     fault: Rule::SoftmaxOverOneUnit.into(),
///     message: "`nn.Softmax` over one unit".to_owned(),
///     reason: "It is always 1.".to_owned(),
///     fix: "Use a sigmoid.".to_owned(),
/// };
/// let found: At<Line> = finding.at(Line { file: "net.py", line: 7 });
/// let written = serde_json::to_value(&found)?;
/// assert_eq!((&written["line"], &written["rule"]), (&7.into(), &1.into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At<P> {
    /// Where it was found.
    #[serde(flatten)]
    pub place: P,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

impl<P> At<P> {
    /// The same with its place told otherwise.
    pub fn map<Q>(self, place: impl FnOnce(P) -> Q) -> At<Q> {
        At { place: place(self.place), finding: self.finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored() -> Finding {
        Finding {
            level: Level::Error,
            fault: Rule::AllTargetsIgnored.into(),
            message: "all 32 targets are 255".to_owned(),
            reason: "The mean of nothing is not a number.".to_owned(),
            fix: "Skip the batch.".to_owned(),
        }
    }

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
        assert_eq!(
            ignored().to_string(),
            "error[all-targets-ignored]: all 32 targets are 255\n  \
             why: The mean of nothing is not a number.\n  fix: Skip the batch."
        );
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Line {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    }

    #[test]
    fn a_finding_at_a_place_is_one_object() {
        let found = ignored().at(Line { line: Some(3) });
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(
            text,
            r#"{"line":3,"level":"error","rule":18,"name":"all-targets-ignored","message":"all 32 targets are 255","reason":"The mean of nothing is not a number.","fix":"Skip the batch."}"#
        );
        assert_eq!(serde_json::from_str::<At<Line>>(&text).unwrap(), found);
        let elsewhere = found.map(|_| Line::default());
        assert_eq!(elsewhere, ignored().at(Line::default()));
    }

    #[test]
    fn a_fault_that_is_no_rule_known_here_keeps_its_name() {
        let read = |fault: &str| {
            let text = format!(r#"{{"level":"warning",{fault},"message":"","reason":"","fix":"","more":1}}"#);
            serde_json::from_str::<Finding>(&text).unwrap()
        };
        for fault in [r#""name":"unreadable-cells""#, r#""rule":255,"name":"unreadable-cells""#] {
            let finding = read(fault);
            assert_eq!((finding.fault.name(), finding.rule()), ("unreadable-cells", None));
        }
        assert_eq!(read(r#""rule":18,"name":"""#).rule(), Some(Rule::AllTargetsIgnored));
    }
}
