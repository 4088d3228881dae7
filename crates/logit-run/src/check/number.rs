//! Numbers that are gathered over frames, and how they are written.

use serde::{Deserialize, Serialize};

/// Mean and spread of what was added so far, by Welford's recurrence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mean {
    pub(super) count: u64,
    pub(super) value: f64,
    squares: f64,
}

impl Mean {
    pub(super) fn add(&mut self, number: f64) {
        self.count += 1;
        let before = number - self.value;
        self.value += before / self.count as f64;
        self.squares += before * (number - self.value);
    }

    /// Standard error of the mean; infinite for less than two numbers.
    pub(super) fn error(&self) -> f64 {
        let count = self.count as f64;
        if self.count < 2 { f64::INFINITY } else { (self.squares / (count - 1.0) / count).sqrt() }
    }
}

/// The least and the greatest of what was added so far: both are 0 before anything was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Extremes {
    pub(super) count: u64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Extremes {
    /// Passes over what is not finite, which JSON cannot hold.
    pub(super) fn add(&mut self, low: f64, high: f64) {
        if !low.is_finite() || !high.is_finite() {
            return;
        }
        let first = self.count == 0;
        self.low = if first { low } else { self.low.min(low) };
        self.high = if first { high } else { self.high.max(high) };
        self.count += 1;
    }
}

/// How long something has held without a break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Streak {
    pub(super) frames: u32,
    since: u64,
    until: u64,
}

impl Streak {
    /// Goes on, or breaks off.
    pub(super) fn see(&mut self, holds: bool, step: u64) {
        let since = if self.frames == 0 { step } else { self.since };
        *self = if holds { Self { frames: self.frames + 1, since, until: step } } else { Self::default() };
    }

    /// Whether it has held on that many frames and over that many steps.
    pub(super) fn lasts(&self, frames: u32, steps: u64) -> bool {
        self.frames >= frames && self.until.saturating_sub(self.since) >= steps
    }

    /// `on 3 frames, steps 0 to 2`.
    pub(super) fn describe(&self) -> String {
        format!("on {} frames, steps {} to {}", self.frames, self.since, self.until)
    }
}

/// A number with four digits that count.
pub(super) fn short(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || !size.is_finite() {
        return number.to_string();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{number:.2e}");
    }
    let digits = (3 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{number:.digits$}");
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// Two numbers as `0.25 to 0.75`, or one where they print alike.
pub(super) fn from_to([low, high]: [f64; 2]) -> String {
    let (low, high) = (short(low), short(high));
    if low == high { low } else { format!("{low} to {high}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_knows_its_error() {
        let mut mean = Mean::default();
        assert!(mean.error().is_infinite());
        for number in [1.0, 2.0, 3.0, 4.0] {
            mean.add(number);
        }
        assert!((mean.value - 2.5).abs() < 1e-12);
        assert!((mean.error() - (5.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn extremes_pass_over_what_is_not_finite() {
        let mut extremes = Extremes::default();
        extremes.add(2.0, 3.0);
        extremes.add(f64::NAN, 9.0);
        extremes.add(2.5, 4.0);
        assert_eq!(extremes, Extremes { count: 2, low: 2.0, high: 4.0 });
    }

    #[test]
    fn a_streak_breaks() {
        let mut streak = Streak::default();
        for step in [3, 4, 9] {
            streak.see(true, step);
        }
        assert!(streak.lasts(3, 6) && !streak.lasts(3, 7) && !streak.lasts(4, 0));
        assert_eq!(streak.describe(), "on 3 frames, steps 3 to 9");
        streak.see(false, 10);
        assert_eq!(streak, Streak::default());
    }

    #[test]
    fn numbers_are_short() {
        let written = [0.0, 1.0, -2.345_67, 123.456, 70_000.0, 1e-9].map(short);
        assert_eq!(written, ["0", "1", "-2.346", "123.5", "70000", "1.00e-9"]);
        assert_eq!(from_to([1.0, 1.000_000_1]), "1");
    }
}
