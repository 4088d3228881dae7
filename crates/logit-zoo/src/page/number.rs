//! Numbers as people read them, and as SVG takes them.

/// A coordinate of an SVG: at most two decimals, which is finer than a screen shows.
///
/// Axes only hand out finite positions; should another one reach a drawing it is written as 0, since a single
/// malformed number makes a browser drop the whole shape.
pub(super) fn coordinate(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded == 0.0 || !rounded.is_finite() {
        return "0".to_owned();
    }
    format!("{rounded}")
}

/// A measured value: whole numbers in full, others with about five figures, very small and large ones as
/// powers of ten, and the non-finite ones in words or signs.
pub(super) fn value(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return signed(value, "∞");
    }
    let size = value.abs();
    if size < 1e6 && size.fract() == 0.0 {
        return fixed(value, 0);
    }
    if !(1e-3..1e6).contains(&size) {
        return scientific(value, 2);
    }
    let decimals = [(10.0, 4), (100.0, 3), (1000.0, 2)];
    fixed(value, decimals.iter().find(|(below, _)| size < *below).map_or(1, |(_, decimals)| *decimals))
}

/// A value with its sign, to three figures of the largest amount that it is compared with: `−0.012` beside `+0.345`.
pub(super) fn signed_beside(value: f64, largest: f64) -> String {
    let size = value.abs().max(largest.abs());
    if !value.is_finite() || !size.is_finite() || value == 0.0 {
        return self::value(value);
    }
    let written = if (1e-4..1e6).contains(&size) {
        fixed(value, usize::try_from(2 - size.log10().floor() as i32).unwrap_or(0))
    } else {
        scientific(value, 2)
    };
    let is_zero = !written.contains(|digit| matches!(digit, '1'..='9'));
    if value > 0.0 && !is_zero { format!("+{written}") } else { written }
}

/// A share between 0 and 1 as a percentage with one decimal; one far outside as any value.
pub(super) fn percent(share: f64) -> String {
    let hundredfold = share * 100.0;
    let number = if hundredfold.abs() < 1e6 { fixed(hundredfold, 1) } else { value(hundredfold) };
    format!("{number}\u{A0}%")
}

/// A value with a fixed number of decimals, thousands parted by commas and a true minus sign.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let grouped = format!("{}{rest}", group(whole));
    let is_zero = digits.chars().all(|digit| matches!(digit, '0' | '.'));
    if is_zero { grouped } else { signed(value, &grouped) }
}

/// A value as mantissa and power of ten, `1.25×10⁻⁷`.
pub(super) fn scientific(value: f64, decimals: usize) -> String {
    let written = format!("{value:.decimals$e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    // Both halves were written by `format!`, so that they always read back.
    of_power(mantissa.parse().unwrap_or(0.0), exponent.parse().unwrap_or(0), decimals)
}

/// `mantissa · 10^exponent` as it is written; a mantissa of 1 without decimals is left out, `10⁻⁷`.
pub(super) fn of_power(mantissa: f64, exponent: i32, decimals: usize) -> String {
    let (mantissa, power) = (fixed(mantissa, decimals), format!("10{}", superscript(exponent)));
    match mantissa.as_str() {
        "1" => power,
        "−1" => format!("−{power}"),
        _ => format!("{mantissa}×{power}"),
    }
}

/// A count in full, thousands parted by commas.
pub(super) fn count(count: impl Into<u128>) -> String {
    group(&count.into().to_string())
}

/// A count in at most four characters: `9999`, `12k`, `3M`, rounded down.
pub(super) fn compact_count(count: u64) -> String {
    const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let mut rest = count;
    for unit in UNITS {
        let limit = if unit.is_empty() { 10_000 } else { 1_000 };
        if rest < limit {
            return format!("{rest}{unit}");
        }
        rest /= 1_000;
    }
    count.to_string()
}

/// `1 point`, `2 points`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", self::count(count as u128))
}

fn signed(value: f64, size: &str) -> String {
    if value < 0.0 { format!("−{size}") } else { size.to_owned() }
}

fn group(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |sign: char| sign.to_digit(10).and_then(|digit| DIGITS.get(digit as usize)).copied();
    exponent.to_string().chars().map(|sign| raised(sign).unwrap_or('⁻')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_never_malformed() {
        let cases = [
            (12.0, "12"),
            (1.0 / 3.0, "0.33"),
            (-0.001, "0"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
            (f64::MAX, "0"),
        ];
        for (value, expected) in cases {
            assert_eq!(coordinate(value), expected);
        }
    }

    #[test]
    fn values_are_readable_at_every_size() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-12.0, "−12"),
            (60_000.0, "60,000"),
            (0.991_23, "0.9912"),
            (2.345_678, "2.3457"),
            (-45.678_9, "−45.679"),
            (456.789, "456.79"),
            (45_678.91, "45,678.9"),
            (1.25e-7, "1.25×10⁻⁷"),
            (-1e300, "−1.00×10³⁰⁰"),
            (5e-324, "4.94×10⁻³²⁴"),
            (f64::NAN, "not a number"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (number, expected) in cases {
            assert_eq!(value(number), expected);
        }
    }

    #[test]
    fn signed_values_have_three_figures_of_the_largest() {
        let cases = [
            (0.1234, 0.345, "+0.123"),
            (-0.0119, 0.345, "−0.012"),
            (0.0001, 0.345, "0.000"),
            (0.0, 0.345, "0"),
            (1.0, 1.0, "+1.00"),
            (0.345, 0.0, "+0.345"),
            (98.31, 98.31, "+98.3"),
            (-1234.6, 2000.0, "−1,235"),
            (2.5e-9, 5e-9, "+2.50×10⁻⁹"),
            (f64::NAN, 1.0, "not a number"),
            (f64::NEG_INFINITY, 1.0, "−∞"),
        ];
        for (value, largest, expected) in cases {
            assert_eq!(signed_beside(value, largest), expected, "{value} beside {largest}");
        }
    }

    #[test]
    fn counts_fit_a_cell() {
        let cases = [(0, "0"), (9_999, "9999"), (10_000, "10k"), (999_999, "999k"), (u64::MAX, "18E")];
        for (number, expected) in cases {
            assert_eq!(compact_count(number), expected);
        }
        assert_eq!(count(1_234_567_u64), "1,234,567");
        assert_eq!(counted(1, "point"), "1 point");
        assert_eq!(counted(1_500, "point"), "1,500 points");
    }

    #[test]
    fn powers_of_ten_are_raised() {
        assert_eq!(scientific(1e-7, 0), "10⁻⁷");
        assert_eq!(scientific(-2.5e12, 1), "−2.5×10¹²");
        assert_eq!(percent(0.012_34), "1.2\u{A0}%");
        assert_eq!(percent(1e307), "∞\u{A0}%");
    }
}
