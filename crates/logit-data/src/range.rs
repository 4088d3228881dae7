//! What a recipe's values may be: each a number in a range, or what its own check says.

/// A number of a recipe, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Its key, with its table.
    pub key: &'static str,
    /// The number.
    pub value: f64,
    /// What it may be, in words.
    pub wanted: &'static str,
    /// Whether a number may be it.
    pub fits: fn(f64) -> bool,
}

impl Range {
    /// A number, and what it may be.
    pub fn new(key: &'static str, value: f64, wanted: &'static str, fits: fn(f64) -> bool) -> Self {
        Self { key, value, wanted, fits }
    }

    /// A share that falls short of the whole.
    pub fn share(key: &'static str, value: f64) -> Self {
        Self::new(key, value, "in [0, 1)", |value| (0.0..1.0).contains(&value))
    }

    /// A share that is held out, of which something is left on both sides.
    pub fn held_out(key: &'static str, value: f64) -> Self {
        Self::new(key, value, "above 0 and below 1", |value| value > 0.0 && value < 1.0)
    }

    /// A share held out for validation.
    pub fn validation(value: f64) -> Self {
        Self::held_out("data.validation", value)
    }

    /// A number of units or channels.
    pub fn at_least_one(key: &'static str, value: usize) -> Self {
        Self::new(key, value as f64, "from 1 to 100000", |value| (1.0..=1e5).contains(&value))
    }

    /// A finite number.
    pub fn finite(key: &'static str, value: f64) -> Self {
        Self::new(key, value, "finite", f64::is_finite)
    }

    /// A finite number above 0.
    pub fn positive(key: &'static str, value: f64) -> Self {
        Self::new(key, value, "finite and above 0", |value| value.is_finite() && value > 0.0)
    }

    /// A finite number that is 0 or above.
    pub fn not_negative(key: &'static str, value: f64) -> Self {
        Self::new(key, value, "finite and not negative", |value| value.is_finite() && value >= 0.0)
    }

    /// Pixels by which images are moved.
    pub fn shift(value: usize) -> Self {
        Self::new("data.shift", value as f64, "at most 1000", |value| value <= 1000.0)
    }
}

/// A value that makes no sense, alone or with another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {reason}")]
pub struct ConfigError {
    /// Its key, with its table.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}
