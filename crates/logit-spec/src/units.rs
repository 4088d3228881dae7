//! How many units a layer has, as far as it matters.

use serde::Serialize;

/// How many units the last layer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Units {
    /// A single one.
    One,
    /// Two or more.
    Several,
}

impl Units {
    /// From a count; a layer of no units is none that can be judged.
    pub fn of(count: usize) -> Option<Self> {
        match count {
            0 => None,
            1 => Some(Self::One),
            _ => Some(Self::Several),
        }
    }
}
