//! Exact numbers from decimal text, and the fault that every reader of a value reports.
//!
//! Text comes in, a [`Rational`] goes out; a float is only ever made from the exact number, at the end.

use crate::codes;
use crate::diagnostic::Code;

use super::Rational;

/// Why a text is not a value of the wanted type. The field's name is added by whoever knows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Misread {
    /// Stable code of the finding.
    pub code: Code,
    /// What is wrong with it, such as "`12` has no unit".
    pub what: String,
    /// What would be right.
    pub help: String,
}

impl Misread {
    /// A text of another form than the type's.
    pub fn form(what: impl Into<String>, help: impl Into<String>) -> Self {
        Misread { code: codes::BAD_VALUE, what: what.into(), help: help.into() }
    }

    /// A missing or an unknown unit.
    pub fn unit(what: impl Into<String>, help: impl Into<String>) -> Self {
        Misread { code: codes::BAD_UNIT, what: what.into(), help: help.into() }
    }

    /// A value of the right form beyond a limit, which `help` names.
    pub fn limit(what: impl Into<String>, help: impl Into<String>) -> Self {
        Misread { code: codes::OUT_OF_RANGE, what: what.into(), help: help.into() }
    }
}

impl Misread {
    /// The same with a help of the reader's type, unless the help names a limit.
    #[must_use]
    pub(crate) fn for_type(self, help: impl Into<String>) -> Self {
        if self.code == codes::OUT_OF_RANGE { self } else { Misread { help: help.into(), ..self } }
    }
}

/// Most digits behind the point that a number may have.
const MOST_DECIMALS: usize = 18;
/// Most digits before the point.
const MOST_WHOLE_DIGITS: i64 = 15;

/// Splits the decimal number off the front of `text`: the exact number and what follows it (its unit).
///
/// # Errors
/// If no number stands there, or if it has more digits than are kept.
pub fn split(text: &str) -> Result<(Rational, &str), Misread> {
    let digits_end = number_end(text).ok_or_else(|| {
        Misread::form(format!("`{text}` is not a number"), "write a number, such as `0.5` or `12`")
    })?;
    let (number, rest) = text.split_at(digits_end);
    Ok((exact(number)?, rest))
}

/// Reads a number without a unit.
///
/// # Errors
/// If `text` is anything else.
pub fn bare(text: &str) -> Result<Rational, Misread> {
    match split(text)? {
        (n, "") => Ok(n),
        (_, rest) => Err(Misread::unit(
            format!("`{text}` has a unit where none is taken"),
            format!("leave `{rest}` out"),
        )),
    }
}

/// Reads a number, or a share as `80%`.
///
/// # Errors
/// If `text` is neither.
pub fn share(text: &str) -> Result<Rational, Misread> {
    match split(text)? {
        (n, "") => Ok(n),
        (n, "%") => Ok(n / Rational::from_integer(100)),
        (_, unit) => Err(Misread::unit(
            format!("`{unit}` is no unit of a plain number"),
            "write a number, such as `0.8`, or a share, such as `80%`",
        )),
    }
}

/// Reads a whole number.
///
/// # Errors
/// If `text` is anything else.
pub fn whole(text: &str) -> Result<i64, Misread> {
    let n = bare(text)?;
    if !n.is_integer() {
        return Err(Misread::form(format!("`{text}` is not a whole number"), "leave the fraction out"));
    }
    Ok(clamp(n.to_integer()))
}

/// The float nearest to an exact number.
pub fn to_f64(n: Rational) -> f64 {
    *n.numer() as f64 / *n.denom() as f64
}

/// The shortest decimal text of an exact number; one that has none is rounded to twelve digits.
pub fn decimal(n: Rational) -> String {
    let mut scale: i128 = 1;
    let mut places = 0;
    while places < MOST_DECIMALS && scale % *n.denom() != 0 {
        scale *= 10;
        places += 1;
    }
    if scale % *n.denom() != 0 {
        scale = 1_000_000_000_000;
        places = 12;
    }
    let scaled = n.numer().saturating_mul(scale);
    let rounded = (scaled + n.denom() / 2).div_euclid(*n.denom());
    let sign = if rounded < 0 { "-" } else { "" };
    let (whole, part) = (rounded.abs() / scale, rounded.abs() % scale);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{part:0places$}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// A float as a person would write it.
pub(crate) fn float_text(n: f64) -> String {
    // `{}` is the shortest text that reads back as the same float, and never uses an exponent.
    format!("{}", if n == 0.0 { 0.0 } else { n })
}

fn clamp(n: i128) -> i64 {
    n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Where the number at the front of `text` ends; `None` if there is none.
fn number_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits_from =
        |start: usize| start + bytes.iter().skip(start).take_while(|b| b.is_ascii_digit()).count();
    let start = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = digits_from(start);
    let mut any = end > start;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits_from(end + 1);
        if fraction > end + 1 {
            end = fraction;
            any = true;
        }
    }
    if !any {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits_from(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    Some(end)
}

/// Reads what [`number_end`] found.
fn exact(text: &str) -> Result<Rational, Misread> {
    let too_long = || {
        Misread::limit(
            format!("`{text}` has too many digits"),
            format!(
                "numbers have at most {MOST_WHOLE_DIGITS} digits before and {MOST_DECIMALS} behind the point"
            ),
        )
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let exponent = text.get(at + 1..).unwrap_or("");
            (text.get(..at).unwrap_or(""), exponent.parse::<i64>().map_err(|_| too_long())?)
        }
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches(['+', '-']);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{}{fraction}", whole.trim_start_matches('0'));
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(Rational::from_integer(0));
    }
    let scale = exponent.checked_sub(fraction.len() as i64).ok_or_else(too_long)?;
    let whole_digits = (significant.len() as i64).checked_add(scale).ok_or_else(too_long)?;
    if whole_digits > MOST_WHOLE_DIGITS || scale < -(MOST_DECIMALS as i64) {
        return Err(too_long());
    }
    let value: i128 = significant.parse().map_err(|_| too_long())?;
    let value = if negative { -value } else { value };
    let power = 10_i128.checked_pow(scale.unsigned_abs() as u32).ok_or_else(too_long)?;
    Ok(if scale < 0 { Rational::new(value, power) } else { Rational::from_integer(value * power) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rational(n: i128, d: i128) -> Rational {
        Rational::new(n, d)
    }

    #[test]
    fn decimals_are_exact() {
        for (text, n, d) in [
            ("0.1", 1, 10),
            ("-12.50", -25, 2),
            (".5", 1, 2),
            ("010", 10, 1),
            ("1.10", 11, 10),
            ("1e3", 1000, 1),
            ("25e-1", 5, 2),
            ("0.000000000000000001", 1, 1_000_000_000_000_000_000),
            ("0", 0, 1),
        ] {
            assert_eq!(bare(text), Ok(rational(n, d)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_said_so() {
        for text in ["", "nan", "inf", "-inf", "-", ".", "e5", "x", "\u{663}"] {
            assert_eq!(bare(text).unwrap_err().code, codes::BAD_VALUE, "{text}");
        }
        for text in [
            "1e308",
            "-1e308",
            "1e-300",
            "1e99999999999999999999",
            "9999999999999999",
            "0.0000000000000000001",
        ] {
            assert_eq!(bare(text).unwrap_err().code, codes::OUT_OF_RANGE, "{text}");
        }
        assert_eq!(bare("5.").unwrap_err().code, codes::BAD_UNIT);
    }

    #[test]
    fn shares_and_whole_numbers() {
        assert_eq!(share("80%"), Ok(rational(4, 5)));
        assert_eq!(share("0.8"), Ok(rational(4, 5)));
        assert_eq!(share("8px").unwrap_err().code, codes::BAD_UNIT);
        assert_eq!(whole("12"), Ok(12));
        assert_eq!(whole("12.5").unwrap_err().code, codes::BAD_VALUE);
    }

    #[test]
    fn prints_what_it_read() {
        for text in ["0.1", "-12.5", "1000", "0", "-0.000000000000000001", "123456789.987654321"] {
            assert_eq!(decimal(bare(text).unwrap()), text);
        }
        assert_eq!(decimal(rational(1, 3)), "0.333333333333");
    }
}
