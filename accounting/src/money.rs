//! Money as a whole number of pico-dollars; decimal text in, decimal text out, no float between.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Pico-dollars in one dollar.
pub const PICO_PER_USD: i64 = 1_000_000_000_000;

/// Tokens in the unit that public price lists quote.
pub const TOKENS_PER_MTOK: u64 = 1_000_000;

/// An amount in pico-dollars (10⁻¹² USD). Holds up to about ±9.2 million USD; arithmetic is checked.
///
/// `Display` writes US dollars as decimal text (`0.00045`), exact, without trailing zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PicoUsd(pub i64);

impl PicoUsd {
    /// Nothing, as a known figure. An unknown figure is `None`, never this.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` where it doesn't fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` where it doesn't fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let unit = PICO_PER_USD.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (magnitude / unit, magnitude % unit);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:012}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// A price: pico-dollars for a million tokens, so that rates of 10⁻¹⁸ USD a token are still exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(i64);

impl Rate {
    /// Reads US dollars for a million tokens from decimal text (`0.075`, `7.5e-2`).
    ///
    /// Digits beyond the 12th decimal are rounded half to even. `None` for anything that is not a
    /// decimal number, is negative, or doesn't fit.
    pub fn from_usd_per_mtok(text: &str) -> Option<Self> {
        let amount = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()?;
        if amount.is_sign_negative() && !amount.is_zero() {
            return None;
        }
        let pico = amount.checked_mul(Decimal::from(PICO_PER_USD))?;
        i64::try_from(pico.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven)).ok().map(Self)
    }

    /// The price of so many tokens in pico-dollars × 10⁶, unrounded. Cannot overflow: 64 by 63 bits.
    pub(crate) fn line(self, tokens: u64) -> i128 {
        i128::from(tokens) * i128::from(self.0)
    }
}

/// Sums lines (pico-dollars × 10⁶) and rounds once, half to even. `None` where the sum doesn't fit.
pub(crate) fn settle(lines: &[i128]) -> Option<PicoUsd> {
    let sum = lines.iter().try_fold(0_i128, |sum, line| sum.checked_add(*line))?;
    let unit = i128::from(TOKENS_PER_MTOK);
    let (quotient, remainder) = (sum.div_euclid(unit), sum.rem_euclid(unit));
    let up = match (remainder * 2).cmp(&unit) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient & 1,
        std::cmp::Ordering::Greater => 1,
    };
    i64::try_from(quotient + up).ok().map(PicoUsd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_exact_decimal_text() {
        for (pico, text) in [
            (0, "0"),
            (450_000_000, "0.00045"),
            (1, "0.000000000001"),
            (-1_500_000_000_000, "-1.5"),
            (PICO_PER_USD, "1"),
            (i64::MIN, "-9223372.036854775808"),
            (i64::MAX, "9223372.036854775807"),
        ] {
            assert_eq!(PicoUsd(pico).to_string(), text);
        }
    }

    #[test]
    fn rates_are_read_without_floats() {
        for (text, expected) in [
            ("0.15", Some(150_000_000_000)),
            ("7.5E-2", Some(75_000_000_000)),
            ("0.0000000000005", Some(0)),
            ("0.0000000000015", Some(2)),
            ("0", Some(0)),
            ("-1", None),
            ("", None),
            ("1,5", None),
            ("NaN", None),
            ("inf", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Rate::from_usd_per_mtok(text).map(|rate| rate.0), expected, "{text}");
        }
    }

    #[test]
    fn settling_rounds_half_to_even_once() {
        for (lines, expected) in [
            (vec![500_000], 0),
            (vec![1_500_000], 2),
            (vec![500_000, 500_000], 1),
            (vec![499_999], 0),
            (vec![500_001], 1),
            (vec![-500_000], 0),
        ] {
            assert_eq!(settle(&lines), Some(PicoUsd(expected)), "{lines:?}");
        }
        assert_eq!(settle(&[i128::MAX, 1]), None);
        assert_eq!(settle(&[i128::MAX]), None);
    }
}
