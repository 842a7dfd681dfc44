//! Decimal numbers as exact integers.

use crate::error::CliError;

/// The number in units of its last decimal place: `0.1` with 6 places is 100,000. `what` names it in the
/// error.
///
/// # Errors
/// Fails when it is no decimal number, has more places, or does not fit.
pub(crate) fn parse(what: &str, text: &str, places: u32) -> Result<u64, CliError> {
    let wrong = || {
        CliError::usage(format!(
            "{what} `{text}` is not a number with at most {places} decimal places"
        ))
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let places = places as usize;
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > places {
        return Err(wrong());
    }
    format!("{whole}{fraction:0<places$}").parse().map_err(|_| wrong())
}

/// Millionths as a decimal number, exactly: 4,000,000 is `4`, 100,000 is `0.1`.
#[must_use]
pub(crate) fn micros(value: u64) -> String {
    scaled(value, 6)
}

/// A number in units of its `places`-th decimal place, exactly and without an exponent: 1,000,000,000,000
/// with 18 places is `0.000001`.
#[must_use]
pub(crate) fn scaled(value: u64, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_printed_without_an_exponent() {
        for (value, places, text) in [
            (4_000_000, 6, "4"),
            (100_000, 6, "0.1"),
            (0, 18, "0"),
            (1_000_000_000_000, 18, "0.000001"),
            (1, 18, "0.000000000000000001"),
            (10, 0, "10"),
        ] {
            assert_eq!(scaled(value, places), text);
        }
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(parse("epsilon", "4", 6).unwrap(), 4_000_000);
        assert_eq!(parse("epsilon", "0.1", 6).unwrap(), 100_000);
        assert_eq!(parse("delta", "0.000001", 18).unwrap(), 1_000_000_000_000);
        for bad in ["", "-1", "1e3", "1.2.3", "0.1234567", "four", "."] {
            assert!(parse("epsilon", bad, 6).is_err(), "{bad}");
        }
    }
}
