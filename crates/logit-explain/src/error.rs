//! What can stand in the way of an explanation.

use thiserror::Error;

/// Why there is no explanation.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ExplainError {
    /// A step that no rule covers.
    #[error(
        "step `{step}` computes `{kind}`, and {composite} has no rule for it: name one with \
         `Composite::with_rule(\"{step}\", …)`"
    )]
    NoRule {
        /// The step.
        step: String,
        /// What it computes.
        kind: String,
        /// The composite.
        composite: String,
    },
    /// A step and what it is given do not fit.
    #[error("step `{step}`: {reason}")]
    Step {
        /// The step.
        step: String,
        /// What is wrong.
        reason: String,
    },
    /// A step that is not there.
    #[error("the network has no step `{name}`{}", offered(nearest))]
    UnknownStep {
        /// What was asked for.
        name: String,
        /// Names that are like it, or all of them.
        nearest: Vec<String>,
    },
    /// A method that is not known.
    #[error("there is no rule or method `{name}`{}", offered(nearest))]
    UnknownMethod {
        /// What was asked for.
        name: String,
        /// Names that are like it.
        nearest: Vec<String>,
    },
    /// A method that cannot do what is asked of it.
    #[error("{0}")]
    Method(String),
    /// Numbers that are no numbers.
    #[error("{what} {at} is {number}: there is nothing to explain")]
    NotFinite {
        /// Of what.
        what: String,
        /// Its place.
        at: usize,
        /// NaN or an infinity.
        number: f64,
    },
    /// A target that the output does not have.
    #[error("{0}")]
    Target(String),
    /// Nodes that are no network.
    #[error("{0}")]
    Network(String),
}

/// `; did you mean …` or the names that there are.
fn offered(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("; the nearest are {}", listed.join(", "))
}

/// Names offered in the place of one that is not known.
const OFFERED: usize = 4;

/// The names that are most like one, the best first.
///
/// ```
/// let nearest = logit_explain::error::nearest("conv3", ["conv1", "conv2", "fc1"]);
/// assert_eq!(nearest[..2], ["conv1", "conv2"]);
/// ```
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<&str> = Vec::new();
    for known in names {
        if !all.contains(&known) {
            all.push(known);
        }
    }
    let likeness = |known: &&str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    all.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    all.into_iter().take(OFFERED).map(str::to_owned).collect()
}
