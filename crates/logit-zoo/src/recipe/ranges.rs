//! Values of recipes that must lie in a range.

/// A value of a recipe, and what it may be.
pub(crate) struct Range {
    /// Its key, with its table.
    pub(crate) key: &'static str,
    pub(crate) value: f64,
    /// What it may be, in words.
    pub(crate) wanted: &'static str,
    pub(crate) fits: fn(f64) -> bool,
}

impl Range {
    pub(crate) fn new(key: &'static str, value: f64, wanted: &'static str, fits: fn(f64) -> bool) -> Self {
        Self { key, value, wanted, fits }
    }

    /// A share of something that is left out.
    pub(crate) fn dropout(key: &'static str, value: f64) -> Self {
        Self::new(key, value, "in [0, 1)", share)
    }

    /// A share held out for validation.
    pub(crate) fn validation(value: f64) -> Self {
        Self::new("data.validation", value, "above 0 and below 1", |value| value > 0.0 && value < 1.0)
    }

    /// A number of units or channels.
    pub(crate) fn at_least_one(key: &'static str, value: usize) -> Self {
        Self::new(key, value as f64, "from 1 to 100000", |value| (1.0..=1e5).contains(&value))
    }
}

/// Whether a number is a share short of the whole.
pub(crate) fn share(value: f64) -> bool {
    (0.0..1.0).contains(&value)
}
