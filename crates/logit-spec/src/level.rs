//! How much something matters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a verdict or a finding matters. Later levels are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Looked at, and right.
    Fine,
    /// Not judged, because something it depends on is not known. Never to be taken for approval.
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
