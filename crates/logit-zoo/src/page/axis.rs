//! From values to positions: the range that an axis covers.

use super::ticks::{Step, Tick, log_ticks};

/// How an axis maps values to positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal differences are equal distances.
    #[default]
    Linear,
    /// Equal ratios are equal distances; values that are not positive have no place.
    Log,
}

/// A range of values laid over a range of positions, with its ticks. The range is finite and never empty.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    /// What is marked.
    pub(super) ticks: Vec<Tick>,
}

/// Larger sizes are not drawn, so that no difference of two values overflows.
const LARGEST: f64 = 1e250;

/// Ranges narrower than this share of their values are widened: their tick labels would not differ.
const NARROWEST: f64 = 1e-7;

impl Scale {
    /// Whether `value` has a place on an axis of this scale.
    pub(super) fn holds(self, value: f64) -> bool {
        value.abs() <= LARGEST && (self == Self::Linear || value >= LARGEST.recip())
    }
}

impl Axis {
    /// An axis from the lowest to the highest of `values`, all of which `scale` must hold; 0 to 1 if there
    /// are none. Linear axes end at the data, logarithmic ones a little beyond. Whole numbers, such as
    /// epochs, get whole ticks.
    pub(super) fn around(values: impl Iterator<Item = f64> + Clone, scale: Scale) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.clone().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Self::between(0.0, 1.0, Step::for_span(1.0));
        }
        if scale == Scale::Log {
            return Self::logarithmic(low, high);
        }
        let (low, high) = widened(low, high);
        let whole = values.into_iter().all(|value| value.fract() == 0.0);
        let step = Step::for_span(high - low);
        Self::between(low, high, if whole { step.at_least_one() } else { step })
    }

    /// As [`Axis::around`], but a linear axis is extended to the next tick on both sides.
    pub(super) fn rounded(values: impl Iterator<Item = f64> + Clone, scale: Scale) -> Self {
        let exact = Self::around(values, scale);
        if scale == Scale::Log {
            return exact;
        }
        let step = Step::for_span(exact.high - exact.low);
        Self::between(step.floor(exact.low), step.ceil(exact.high), step)
    }

    /// The axis of a probability or a share: 0 to 1.
    pub(super) fn unit() -> Self {
        Self::between(0.0, 1.0, Step::for_span(1.0))
    }

    /// Lays the axis over the positions from `start` to `end`, which may run backwards.
    pub(super) fn across(self, start: f64, end: f64) -> Self {
        Self { start, end, ..self }
    }

    /// Without the ticks between the first and the last, for axes that are short.
    pub(super) fn sparse(mut self) -> Self {
        let last = self.ticks.len().saturating_sub(1);
        let ends = |index: usize| index == 0 || index == last;
        let ticks = self.ticks.into_iter().enumerate();
        self.ticks = ticks.filter(|(index, _)| ends(*index)).map(|(_, tick)| tick).collect();
        self
    }

    /// The position of `value`; values beyond the axis stand at its end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.log10() - self.low.log10()) / (self.high.log10() - self.low.log10()),
        };
        self.start + share.clamp(0.0, 1.0) * (self.end - self.start)
    }

    /// First and last position.
    pub(super) fn positions(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    /// Characters of the longest tick label.
    pub(super) fn label_length(&self) -> usize {
        self.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0)
    }

    fn between(low: f64, high: f64, step: Step) -> Self {
        Self { scale: Scale::Linear, low, high, start: 0.0, end: 1.0, ticks: step.ticks(low, high) }
    }

    fn logarithmic(low: f64, high: f64) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let room = if high - low > NARROWEST { (high - low) * 0.04 } else { 0.2 };
        let (low, high) = (10_f64.powf(low - room), 10_f64.powf(high + room));
        Self {
            scale: Scale::Log,
            ticks: log_ticks(low, high),
            ..Self::between(low, high, Step::for_span(high - low))
        }
    }
}

fn widened(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if high - low > (size * NARROWEST).max(LARGEST.recip()) {
        return (low, high);
    }
    // Around zero there is no size to take a share of; what is constantly zero is often an accuracy or a
    // loss.
    if size <= LARGEST.recip() { (0.0, 1.0) } else { (low - size * 0.1, high + size * 0.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends(axis: &Axis) -> (f64, f64) {
        (axis.low, axis.high)
    }

    #[test]
    fn linear_axes_end_at_the_data_or_at_a_tick() {
        let around = |values: &[f64]| ends(&Axis::around(values.iter().copied(), Scale::Linear));
        let rounded = |values: &[f64]| ends(&Axis::rounded(values.iter().copied(), Scale::Linear));
        assert_eq!(around(&[3.0, 0.25, 2.0]), (0.25, 3.0));
        assert_eq!(rounded(&[3.0, 0.25, 2.0]), (0.0, 3.0));
        assert_eq!(rounded(&[0.97, 0.991]), (0.97, 0.995));
        assert_eq!((around(&[]), rounded(&[]), rounded(&[0.0, 0.0])), ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0)));
        assert_eq!(around(&[5.0]), (4.5, 5.5));
    }

    #[test]
    fn epochs_have_no_halves() {
        let axis = Axis::around([1.0, 2.0, 3.0].into_iter(), Scale::Linear);
        assert_eq!(axis.ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn short_axes_keep_their_first_and_last_tick() {
        let ticks = Axis::unit().sparse().ticks;
        assert_eq!(ticks, [(0.0, "0.0".to_owned()), (1.0, "1.0".to_owned())]);
    }

    #[test]
    fn positions_run_from_start_to_end() {
        let axis = Axis::unit().across(100.0, 0.0);
        for (value, expected) in [(0.0, 100.0), (0.25, 75.0), (1.0, 0.0), (7.0, 0.0)] {
            assert!((axis.at(value) - expected).abs() < 1e-9, "{value}");
        }
        let decades = Axis::around([1.0, 100.0].into_iter(), Scale::Log).across(0.0, 1.0);
        assert!((decades.at(10.0) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn every_value_has_a_finite_position(
            values in prop::collection::vec(prop::num::f64::ANY, 0..5),
            log: bool,
        ) {
            let scale = if log { Scale::Log } else { Scale::Linear };
            let drawable: Vec<f64> = values.into_iter().filter(|value| scale.holds(*value)).collect();
            for axis in [
                Axis::around(drawable.iter().copied(), scale).across(0.0, 100.0),
                Axis::rounded(drawable.iter().copied(), scale).across(0.0, 100.0),
            ] {
                prop_assert!(axis.ticks.len() <= 20);
                for value in drawable.iter().chain(axis.ticks.iter().map(|(value, _)| value)) {
                    prop_assert!((0.0..=100.0).contains(&axis.at(*value)), "{value} in {axis:?}");
                }
            }
        }
    }
}
