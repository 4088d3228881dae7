//! What a case is.

use std::collections::BTreeMap;

/// Why a case could not be computed; printed and never matched on.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Something that is computed again and again. Its inputs exist when it does.
pub(crate) trait Case {
    /// What is timed.
    fn step(&mut self) -> Result<(), Failure>;

    /// Numbers by which both sides are seen to compute the same.
    fn agreed(&mut self) -> Result<BTreeMap<&'static str, f64>, Failure>;
}
