//! Where the ticks of an axis stand, and how they are labelled.

use super::number::{fixed, of_power, scientific};

/// A value to mark, with its label.
pub(super) type Tick = (f64, String);

/// About how many ticks an axis gets.
const TICKS: i32 = 5;

/// Rounding errors that a tick may be off by, in steps.
const SLACK: f64 = 1e-9;

/// The distance of two ticks: `multiple · 10^power`, the multiple being 1, 2 or 5.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    multiple: f64,
    power: i32,
}

impl Step {
    /// The step that divides a positive span into about five parts.
    pub(super) fn for_span(span: f64) -> Self {
        let rough = span / f64::from(TICKS);
        let power = rough.log10().floor() as i32;
        match rough / decimal(1.0, power) {
            ..1.5 => Self { multiple: 1.0, power },
            1.5..3.5 => Self { multiple: 2.0, power },
            3.5..7.5 => Self { multiple: 5.0, power },
            _ => Self { multiple: 1.0, power: power + 1 },
        }
    }

    /// This step, or 1 if that is greater.
    pub(super) fn at_least_one(self) -> Self {
        if self.power < 0 { Self { multiple: 1.0, power: 0 } } else { self }
    }

    /// The tick at or below `value`.
    pub(super) fn floor(self, value: f64) -> f64 {
        self.times((value / self.times(1.0) + SLACK).floor())
    }

    /// The tick at or above `value`.
    pub(super) fn ceil(self, value: f64) -> f64 {
        self.times((value / self.times(1.0) - SLACK).ceil())
    }

    /// The ticks between `low` and `high`.
    pub(super) fn ticks(self, low: f64, high: f64) -> Vec<Tick> {
        let first = (low / self.times(1.0) - SLACK).ceil();
        let last = (high / self.times(1.0) + SLACK).floor();
        // A step is made for its span; should it not be, the axis is crowded but no more.
        let count = (last - first + 1.0).clamp(0.0, f64::from(4 * TICKS)) as u32;
        let values = (0..count).map(|index| self.times(first + f64::from(index)));
        values.map(|value| (value, self.label(value, low.abs().max(high.abs())))).collect()
    }

    fn times(self, index: f64) -> f64 {
        decimal(index * self.multiple, self.power)
    }

    /// The label of a tick on an axis whose largest value is `size`, with as many decimals as the step has.
    fn label(self, value: f64, size: f64) -> String {
        let decimals = |exponent: i32| usize::try_from(exponent - self.power).unwrap_or(0);
        if size < 1e6 && self.power >= -4 {
            return fixed(value, decimals(0));
        }
        if value == 0.0 {
            return "0".to_owned();
        }
        let exponent = size.log10().floor() as i32;
        of_power(decimal(value, -exponent), exponent, decimals(exponent))
    }
}

/// Ticks of a logarithmic axis: decades, every second or third if there are many; with their doubles and
/// halves if there are few; as on a linear axis within one decade.
pub(super) fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let (first, last) = (low.log10().floor() as i32, high.log10().floor() as i32);
    let stride = usize::try_from((last - first) / (TICKS + 2)).unwrap_or(0) + 1;
    let on_axis = |multiples: &[f64]| -> Vec<Tick> {
        let decade = |power| multiples.iter().map(move |multiple| decimal(*multiple, power));
        let all = (first..=last).rev().step_by(stride).flat_map(decade);
        all.filter(|tick| (low..=high).contains(tick)).map(|tick| (tick, log_label(tick))).collect()
    };
    let candidates = [on_axis(&[1.0]), on_axis(&[5.0, 2.0, 1.0])];
    let enough = candidates.into_iter().find(|ticks| ticks.len() >= 3);
    enough.unwrap_or_else(|| Step::for_span(high - low).ticks(low, high))
}

fn log_label(tick: f64) -> String {
    if !(1e-3..1e5).contains(&tick) {
        return scientific(tick, 0);
    }
    // Rust writes the shortest decimal that reads back as the same number, which is the tick as it was meant.
    let decimals = tick.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    fixed(tick, decimals)
}

/// `multiple · 10^power`; dividing by a whole power of ten gives the double that is nearest to the decimal.
fn decimal(multiple: f64, power: i32) -> f64 {
    if power < 0 { multiple / 10_f64.powi(-power) } else { multiple * 10_f64.powi(power) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: Vec<Tick>) -> Vec<String> {
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn linear_ticks_are_round_numbers() {
        let cases: [(f64, f64, &[&str]); 8] = [
            (0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.031, 2.29, &["0.5", "1.0", "1.5", "2.0"]),
            (0.0, 15.0, &["0", "2", "4", "6", "8", "10", "12", "14"]),
            (-3.0, 7.0, &["−2", "0", "2", "4", "6"]),
            (0.0, 20_000.0, &["0", "5,000", "10,000", "15,000", "20,000"]),
            (0.0, 3e6, &["0", "0.5×10⁶", "1.0×10⁶", "1.5×10⁶", "2.0×10⁶", "2.5×10⁶", "3.0×10⁶"]),
            (-4e-6, 0.0, &["−4×10⁻⁶", "−3×10⁻⁶", "−2×10⁻⁶", "−10⁻⁶", "0"]),
            (123_450.1, 123_450.3, &["123,450.10", "123,450.15", "123,450.20", "123,450.25", "123,450.30"]),
        ];
        for (low, high, expected) in cases {
            assert_eq!(labels(Step::for_span(high - low).ticks(low, high)), expected, "{low} to {high}");
        }
    }

    #[test]
    fn logarithmic_ticks_follow_the_number_of_decades() {
        let cases: [(f64, f64, &[&str]); 5] = [
            (0.004, 1.9, &["1", "0.1", "0.01"]),
            (0.15, 2.2, &["2", "1", "0.5", "0.2"]),
            (0.31, 0.35, &["0.31", "0.32", "0.33", "0.34", "0.35"]),
            (1e-7, 1e2, &["100", "1", "0.01", "10⁻⁴", "10⁻⁶"]),
            (5e6, 5e9, &["10⁹", "10⁸", "10⁷"]),
        ];
        for (low, high, expected) in cases {
            assert_eq!(labels(log_ticks(low, high)), expected, "{low} to {high}");
        }
    }
}
