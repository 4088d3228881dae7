//! The rectifier, `max(0, x)`.

use crate::place::Place;

/// Writes `max(0, x)` of every number, and NaN for NaN.
pub fn forward(place: Place<'_>) {
    place.map_all(rectified);
}

/// Keeps the gradient where the output `y` is above zero, or NaN, and writes 0 elsewhere.
///
/// # Panics
/// When the lengths differ.
pub fn backward(y: &[f32], gradient: Place<'_>) {
    gradient.map_all_with(y, passed);
}

/// `max(0, x)`, and NaN for NaN.
#[inline(always)]
pub(crate) fn rectified(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// The gradient by the rectifier's input, from that by its output `y`.
#[inline(always)]
pub(crate) fn passed(gradient: f32, y: f32) -> f32 {
    if y <= 0.0 { 0.0 } else { gradient }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn negative_numbers_are_zero_and_pass_no_gradient() {
        let x = [-1.0, 0.0, 2.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -f32::MAX];
        let mut y = x;
        forward(Place::Over(&mut y));
        assert_eq!([y[0], y[1], y[2], y[4], y[5], y[6]], [0.0, 0.0, 2.0, 0.0, f32::INFINITY, 0.0]);
        assert!(y[3].is_nan());
        let mut by_x = [f32::NAN; 7];
        backward(&y, Place::Apart { from: &[3.0; 7], to: &mut by_x });
        assert_eq!(by_x, [0.0, 0.0, 3.0, 3.0, 0.0, 3.0, 0.0]);
    }
}
