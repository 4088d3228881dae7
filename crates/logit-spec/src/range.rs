//! A closed range of real numbers.

use std::fmt;

/// The numbers from `low` to `high`, both included; an end may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// All real numbers.
    pub const REAL: Self = Self::between(f64::NEG_INFINITY, f64::INFINITY);
    /// From 0 to 1: where probabilities lie.
    pub const UNIT: Self = Self::between(0.0, 1.0);

    /// The range from `low` to `high`, or `None` where an end is not a number or `low` is above `high`.
    pub fn new(low: f64, high: f64) -> Option<Self> {
        (low <= high).then_some(Self { low, high })
    }

    /// For the tables of this crate, whose ends are in order.
    pub(crate) const fn between(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// The lower end.
    pub fn low(self) -> f64 {
        self.low
    }

    /// The upper end.
    pub fn high(self) -> f64 {
        self.high
    }

    /// Whether every number of `other` lies in this range.
    pub fn contains(self, other: Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }
}

/// `[0, 1]`, and round brackets at an infinite end: `[0, ∞)`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low.is_finite() {
            write!(f, "[{}, ", self.low)?;
        } else {
            write!(f, "(−∞, ")?;
        }
        if self.high.is_finite() { write!(f, "{}]", self.high) } else { write!(f, "∞)") }
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn ends_must_be_numbers_in_order() {
        assert!(Range::new(0.0, 5.0).is_some());
        assert!(Range::new(2.0, 2.0).is_some());
        assert!(Range::new(5.0, 0.0).is_none());
        assert!(Range::new(f64::NAN, 1.0).is_none());
    }

    #[test]
    fn a_range_contains_itself_and_what_is_inside() {
        let grades = Range::new(0.0, 5.0).unwrap();
        assert!(Range::REAL.contains(grades) && grades.contains(Range::UNIT) && grades.contains(grades));
        assert!(!Range::UNIT.contains(grades));
        assert!(!Range::new(1.0, 6.0).unwrap().contains(grades));
    }

    #[test]
    fn prints_as_an_interval() {
        assert_eq!(Range::new(0.0, 5.0).unwrap().to_string(), "[0, 5]");
        assert_eq!(Range::new(-0.5, f64::INFINITY).unwrap().to_string(), "[-0.5, ∞)");
        assert_eq!(Range::REAL.to_string(), "(−∞, ∞)");
    }
}
