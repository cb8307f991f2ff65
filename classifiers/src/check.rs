//! Checks of values whose shape fits: check digits, built-in dates, and what a secret looks like.
//!
//! Check digits of national numbers come from a crate; what it lacks or does loosely stands here, each
//! with its source.

mod numbers;
mod places;
mod secrecy;
mod wallets;

pub(crate) use numbers::*;
pub(crate) use places::*;
pub(crate) use secrecy::*;
pub(crate) use wallets::{base58, bech32};

/// The digits of a text as numbers; other characters are left out.
fn digits(text: &str) -> Vec<u32> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0')).collect()
}

/// A number's digits times weights, summed; digits beyond the weights are left out.
fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Whether day and month can be.
fn is_day(day: u32, month: u32) -> bool {
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

/// A two-digit number at a place.
fn pair(digits: &[u32], at: usize) -> u32 {
    match digits.get(at..at + 2) {
        Some([tens, ones]) => tens * 10 + ones,
        _ => 99,
    }
}

/// The Luhn check (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(text: &str) -> bool {
    let digits = digits(text);
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = digit << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

/// The remainder by 97 of a text in which letters count from ten (ISO 7064, MOD 97-10).
pub(crate) fn mod97(text: &str) -> u32 {
    text.bytes().fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase().saturating_sub(b'A')) + 10) % 97,
    })
}

/// ISO 7064, MOD 11-2: each sign is added and the sum doubled; the last sign, an X for ten, makes it 1.
pub(crate) fn mod11(text: &str) -> bool {
    let Some((number, last)) = text.split_at_checked(text.len().saturating_sub(1)) else { return false };
    let last = match last {
        "X" | "x" => 10,
        digit => digit.parse::<u32>().unwrap_or(11),
    };
    let fits = number.len() > 1 && number.bytes().all(|byte| byte.is_ascii_digit());
    let sum = digits(number).iter().fold(0, |sum, digit| (sum + digit) * 2 % 11);
    fits && (sum + last) % 11 == 1
}

#[cfg(test)]
mod tests;
