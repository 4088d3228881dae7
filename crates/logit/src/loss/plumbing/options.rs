//! Checks of the losses' options.

use crate::error::LossError;

/// A list of one entry per unit, if given.
pub(crate) fn one_per_unit(
    option: &'static str,
    list: Option<&[f64]>,
    units: usize,
    of: &'static str,
) -> Result<(), LossError> {
    let Some(list) = list else { return Ok(()) };
    if list.len() != units {
        return Err(LossError::OptionLength { option, expected: units, found: list.len(), of });
    }
    match list.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        Some(&value) => Err(LossError::OptionRange { option, value, range: "finite and not negative" }),
        None => Ok(()),
    }
}

/// A number for which `fits` holds.
pub(crate) fn in_range(
    option: &'static str,
    value: f64,
    range: &'static str,
    fits: bool,
) -> Result<(), LossError> {
    if fits { Ok(()) } else { Err(LossError::OptionRange { option, value, range }) }
}

/// A share in [0, 1].
pub(crate) fn share(option: &'static str, value: f64) -> Result<(), LossError> {
    in_range(option, value, "between 0 and 1", (0.0..=1.0).contains(&value))
}

/// A finite number above 0.
pub(crate) fn positive(option: &'static str, value: f64) -> Result<(), LossError> {
    in_range(option, value, "finite and above 0", value.is_finite() && value > 0.0)
}

/// A finite number of 0 or more.
pub(crate) fn not_negative(option: &'static str, value: f64) -> Result<(), LossError> {
    in_range(option, value, "finite and not negative", value.is_finite() && value >= 0.0)
}
