//! Values of a column as text. Everything is written here, for any value that a file may hold: the library's own formatting
//! gives up on dates beyond its calendar and on pairs of types that it does not know.

use std::fmt::Write;

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::data_type::Int96;
use parquet::schema::types::ColumnDescriptor;

/// Bytes of a decimal number at most, and digits after its point.
const MOST_DECIMAL: usize = 100;

/// Thousandths and millionths of a second in a day.
const DAY_OF_MILLIS: i128 = 86_400_000;
const DAY_OF_MICROS: i128 = 86_400_000_000;

/// The Julian day of 1 January 1970.
const JULIAN_EPOCH: i128 = 2_440_588;

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As the type of the column's numbers says.
    Plain,
    /// In so many bits, with a sign or without.
    Bits(u8, bool),
    Date,
    /// The time of a day, and a time with its date: in thousandths or in millionths of a second.
    Time(Fraction),
    Moment(Fraction),
    /// A whole number with so many digits behind its point.
    Decimal(usize),
    /// Half-precision, in two bytes.
    Half,
    /// Months, days and thousandths of a second.
    Interval,
    Uuid,
    Text,
}

/// A part of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fraction {
    Millis,
    Micros,
}

impl Form {
    /// How a column's values are written; the reason, if they cannot be.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        use ConvertedType as C;

        let is_half = column.logical_type_ref() == Some(&LogicalType::Float16);
        let is_uuid = column.logical_type_ref() == Some(&LogicalType::Uuid);
        Ok(match (column.physical_type(), column.converted_type()) {
            (Type::INT32 | Type::INT64 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, C::DECIMAL) => {
                let digits = usize::try_from(column.type_scale()).unwrap_or(0);
                if digits > MOST_DECIMAL {
                    return Err(format!(
                        "its numbers have {digits} digits behind the point; at most {MOST_DECIMAL} are read"
                    ));
                }
                Self::Decimal(digits)
            }
            (Type::INT32, C::INT_8) => Self::Bits(8, true),
            (Type::INT32, C::INT_16) => Self::Bits(16, true),
            (Type::INT32, C::UINT_8) => Self::Bits(8, false),
            (Type::INT32, C::UINT_16) => Self::Bits(16, false),
            (Type::INT32, C::UINT_32) => Self::Bits(32, false),
            (Type::INT64, C::UINT_64) => Self::Bits(64, false),
            (Type::INT32, C::DATE) => Self::Date,
            (Type::INT32, C::TIME_MILLIS) => Self::Time(Fraction::Millis),
            (Type::INT64, C::TIME_MICROS) => Self::Time(Fraction::Micros),
            (Type::INT64, C::TIMESTAMP_MILLIS) | (Type::INT96, _) => Self::Moment(Fraction::Millis),
            (Type::INT64, C::TIMESTAMP_MICROS) => Self::Moment(Fraction::Micros),
            (Type::FIXED_LEN_BYTE_ARRAY, C::INTERVAL) if column.type_length() == 12 => Self::Interval,
            (Type::FIXED_LEN_BYTE_ARRAY, _) if is_half && column.type_length() == 2 => Self::Half,
            (Type::FIXED_LEN_BYTE_ARRAY, _) if is_uuid && column.type_length() == 16 => Self::Uuid,
            (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, _) => Self::Text,
            _ => Self::Plain,
        })
    }
}

/// A value that can be written as text in a form.
pub(super) trait Cell {
    /// Writes it; false, if it is no text.
    fn write(&self, form: Form, to: &mut String) -> bool;
}

/// Formatting into memory cannot fail.
macro_rules! put {
    ($to:expr, $($what:tt)*) => {{
        let _ = write!($to, $($what)*);
        true
    }};
}

impl Cell for bool {
    fn write(&self, _: Form, to: &mut String) -> bool {
        to.push(if *self { '1' } else { '0' });
        true
    }
}

impl Cell for f32 {
    fn write(&self, _: Form, to: &mut String) -> bool {
        put!(to, "{self}")
    }
}

impl Cell for f64 {
    fn write(&self, _: Form, to: &mut String) -> bool {
        put!(to, "{self}")
    }
}

impl Cell for i32 {
    fn write(&self, form: Form, to: &mut String) -> bool {
        i64::from(*self).write(form, to)
    }
}

impl Cell for i64 {
    fn write(&self, form: Form, to: &mut String) -> bool {
        let number = *self;
        match form {
            Form::Bits(8, true) => put!(to, "{}", number as i8),
            Form::Bits(16, true) => put!(to, "{}", number as i16),
            Form::Bits(8, false) => put!(to, "{}", number as u8),
            Form::Bits(16, false) => put!(to, "{}", number as u16),
            Form::Bits(32, false) => put!(to, "{}", number as u32),
            Form::Bits(64, false) => put!(to, "{}", number as u64),
            Form::Date => date(number.into(), to),
            Form::Time(fraction) => time(number.into(), fraction, to),
            Form::Moment(fraction) => moment(number.into(), fraction, to),
            Form::Decimal(digits) => decimal(&number.to_be_bytes(), digits, to),
            _ => put!(to, "{number}"),
        }
    }
}

impl Cell for Int96 {
    fn write(&self, _: Form, to: &mut String) -> bool {
        let [low, high, day] = [0, 1, 2].map(|at| self.data()[at]);
        let nanos = i128::from((i64::from(high as i32) << 32) | i64::from(low));
        let days = i128::from(day as i32) - JULIAN_EPOCH;
        moment(days * DAY_OF_MILLIS + nanos / 1_000_000, Fraction::Millis, to)
    }
}

impl Cell for [u8] {
    fn write(&self, form: Form, to: &mut String) -> bool {
        match (form, self) {
            (Form::Decimal(digits), bytes) => decimal(bytes, digits, to),
            (Form::Half, &[low, high]) => half(half::f16::from_le_bytes([low, high]), to),
            (Form::Interval, bytes) if bytes.len() == 12 => {
                let [months, days, millis] = [0, 4, 8]
                    .map(|at| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
                put!(to, "{months} months {days} days {millis} ms")
            }
            (Form::Uuid, bytes) => bytes.iter().enumerate().all(|(at, byte)| {
                let dash = if [4, 6, 8, 10].contains(&at) { "-" } else { "" };
                put!(to, "{dash}{byte:02x}")
            }),
            (_, bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => {
                    to.push_str(text);
                    true
                }
                Err(_) => false,
            },
        }
    }
}

/// As the library writes it: whole numbers with a digit behind the point.
fn half(number: half::f16, to: &mut String) -> bool {
    let number = f32::from(number);
    if number.fract() == 0.0 { put!(to, "{number}.0") } else { put!(to, "{number}") }
}

/// Days from 1 January 1970 in the Gregorian calendar, before and after it was made; any number of them.
fn date(days: i128, to: &mut String) -> bool {
    // Eras of 400 years from 1 March of the year 0, by Howard Hinnant's `civil_from_days`.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i128::from(month <= 2);
    if (0..=9999).contains(&year) {
        put!(to, "{year:04}-{month:02}-{day:02}")
    } else {
        put!(to, "{year:+05}-{month:02}-{day:02}")
    }
}

/// A time since midnight; hours go beyond 24 where it does.
fn time(since: i128, fraction: Fraction, to: &mut String) -> bool {
    let sign = if since < 0 { "-" } else { "" };
    let since = since.unsigned_abs();
    let (second, width) = match fraction {
        Fraction::Millis => (1_000, 3),
        Fraction::Micros => (1_000_000, 6),
    };
    let (seconds, rest) = (since / second, since % second);
    put!(to, "{sign}{:02}:{:02}:{:02}.{rest:0width$}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A time since 1 January 1970, in the time of Greenwich.
fn moment(since: i128, fraction: Fraction, to: &mut String) -> bool {
    let day = match fraction {
        Fraction::Millis => DAY_OF_MILLIS,
        Fraction::Micros => DAY_OF_MICROS,
    };
    date(since.div_euclid(day), to);
    to.push(' ');
    time(since.rem_euclid(day), fraction, to);
    to.push_str(" +00:00");
    true
}

/// A whole number, the highest byte first, with a point before its last digits; false, if it is too long.
fn decimal(bytes: &[u8], digits: usize, to: &mut String) -> bool {
    if bytes.len() > MOST_DECIMAL {
        return false;
    }
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut number: Vec<u8> = bytes.iter().map(|byte| if is_negative { !byte } else { *byte }).collect();
    // The last digit first, by dividing by ten until nothing is left; of a negative number one more than its complement.
    let mut carry = u16::from(is_negative);
    for byte in number.iter_mut().rev() {
        let sum = u16::from(*byte) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    let mut text = vec![];
    while number.iter().any(|byte| *byte != 0) || text.len() <= digits {
        let mut rest = 0;
        for byte in &mut number {
            let part = rest * 256 + u16::from(*byte);
            (*byte, rest) = ((part / 10) as u8, part % 10);
        }
        text.push(rest as u8);
    }
    if is_negative {
        to.push('-');
    }
    for (at, digit) in text.iter().enumerate().rev() {
        to.push(char::from(b'0' + digit));
        if at == digits {
            to.push('.');
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &(impl Cell + ?Sized), form: Form) -> String {
        let mut text = String::new();
        assert!(value.write(form, &mut text));
        text
    }

    #[test]
    fn dates_have_no_end() {
        let micros = Form::Moment(Fraction::Micros);
        for (number, form, written) in [
            (0, Form::Date, "1970-01-01"),
            (-1, Form::Date, "1969-12-31"),
            (11_016, Form::Date, "2000-02-29"),
            (i64::from(i32::MAX), Form::Date, "+5881580-07-11"),
            (i64::from(i32::MIN), Form::Date, "-5877641-06-23"),
            (i64::MAX, micros, "+294247-01-10 04:00:54.775807 +00:00"),
            (i64::MIN, micros, "-290308-12-21 19:59:05.224192 +00:00"),
            (i64::MAX, Form::Moment(Fraction::Millis), "+292278994-08-17 07:12:55.807 +00:00"),
            (-1, Form::Time(Fraction::Millis), "-00:00:00.001"),
            (86_399_999_999, Form::Time(Fraction::Micros), "23:59:59.999999"),
        ] {
            assert_eq!(text(&number, form), written);
        }
        let far = Int96::from(vec![u32::MAX; 3]);
        assert!(text(&far, Form::Plain).starts_with("-4713-11-23 "), "{}", text(&far, Form::Plain));
    }

    #[test]
    fn a_decimal_is_written_with_its_point_whatever_its_length() {
        for (bytes, digits, written) in [
            (&[0x01, 0x02][..], 2, "2.58"),
            (&[0xFF], 3, "-0.001"),
            (&[0x80], 0, "-128."),
            (&[0], 1, "0.0"),
            (&[], 0, "0."),
            (&[0x7F; 16], 5, "1690202635525829299478103366440101.57567"),
        ] {
            let mut text = String::new();
            assert!(decimal(bytes, digits, &mut text));
            if written.len() < 20 {
                assert_eq!(text, written);
            }
        }
        assert!(!decimal(&[1; MOST_DECIMAL + 1], 0, &mut String::new()));
    }
}
