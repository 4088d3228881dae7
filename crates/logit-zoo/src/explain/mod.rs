//! Why a run's network decided so: relevance of an image's pixels, a row's columns, a sentence's words.
//!
//! `run` shows inputs to the network and walks back through those very passes, by the methods that `method` makes of their
//! names; `measured` judges the maps; `drawn` makes pictures, lines and pages of them.

mod drawn;
mod measured;
mod method;
mod run;

use logit::explain::explainer::Place;
use logit::explain::{StepAccount, Target};
use logit_spec::At;
use serde::Serialize;

pub use drawn::{check_out, lines, page, sheet, write};
pub use measured::Measures;
pub(crate) use run::Explaining;
pub use run::{inputs, run};

pub use crate::system::explained::{Located, Part, Wish};

/// Why a network decided so on one input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The input: a file, a row, two sentences.
    pub input: String,
    /// What is explained, by name.
    pub target: String,
    /// What its number is, in words.
    pub what: String,
    /// What of the output that is.
    pub of: Target,
    /// Its value.
    pub value: f64,
    /// What each rule or method says.
    pub maps: Vec<Mapped>,
}

impl Explained {
    /// How many numbers its maps hold.
    pub fn numbers(&self) -> usize {
        let of = |mapped: &Mapped| match &mapped.located {
            Located::Map { relevance, .. } => relevance.len(),
            Located::Words { texts } => texts.iter().map(Vec::len).sum(),
            Located::Parts { parts } => parts.len(),
        };
        self.maps.iter().map(of).sum()
    }
}

/// What a rule or a method says of an input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mapped {
    /// The rule or method.
    pub rule: String,
    /// Where the relevance is.
    pub located: Located,
    /// The sum of what started at the output; of a gradient, the sum of its direction.
    pub started: f64,
    /// The sum of what arrived at the input.
    pub arrived: f64,
    /// `|Σ R − f|/|f|`; none of a gradient, which conserves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// The lowest relevance.
    pub lowest: f64,
    /// What measures say, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// What passed each step, summed over the inputs that were explained together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepAccount>,
    /// What stands against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<At<Place>>,
}
