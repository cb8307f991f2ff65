//! Payment cards from the ranges that card networks test with, and accounts at banks that there are not.

use super::draw::Draw;
use super::{Ask, Made, Style};

/// A card number of the same length and layout with a valid check digit (Luhn, ISO/IEC 7812-1 annex B).
pub(super) fn card(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let length = ask.spelling.bytes().filter(u8::is_ascii_digit).count();
    if !(13..=19).contains(&length) {
        return None;
    }
    // The first six digits of the networks' own test numbers.
    let prefix = match (ask.canonical.bytes().next(), length) {
        (Some(b'3'), 15) => [3, 7, 8, 2, 8, 2],
        (Some(b'5'), _) => [5; 6],
        _ => [4, 2, 4, 2, 4, 2],
    };
    let mut digits: Vec<u8> = prefix.to_vec();
    while digits.len() + 1 < length {
        digits.push(draw.digit());
    }
    digits.push(luhn(&digits));
    let text = digits.iter().map(|digit| char::from(b'0' + digit)).collect::<String>();
    Some(Made { text: laid_out(&text, ask.spelling), style: Style::Spaced })
}

/// The check digit that the digits before it ask for.
fn luhn(digits: &[u8]) -> u8 {
    let sum = digits.iter().rev().enumerate().fold(0u32, |sum, (place, digit)| {
        let digit = u32::from(*digit);
        let doubled = if place % 2 == 0 { digit * 2 } else { digit };
        sum + doubled / 10 + doubled % 10
    });
    u8::try_from((10 - sum % 10) % 10).unwrap_or(0)
}

/// An IBAN of the same country, length and layout with valid check digits (ISO 13616, mod 97). Its bank has the
/// number 0000 or the letters XXXX, by which no bank goes.
pub(super) fn iban(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let country = ask.canonical.get(..2)?;
    let account = ask.canonical.get(4..).filter(|it| (11..=30).contains(&it.len()))?;
    let mut zeros = 4;
    let account: String = account
        .chars()
        .map(|sign| {
            if sign.is_ascii_alphabetic() {
                return 'X';
            }
            if zeros > 0 {
                zeros -= 1;
                return '0';
            }
            char::from(b'0' + draw.digit())
        })
        .collect();
    let check = 98 - remainder(&format!("{account}{country}00"))?;
    let text = format!("{country}{check:02}{account}");
    Some(Made { text: laid_out(&text, ask.spelling), style: Style::Spaced })
}

/// The number that letters and digits spell (A is 10), modulo 97.
fn remainder(text: &str) -> Option<u32> {
    text.chars().try_fold(0u32, |rest, sign| {
        let value = sign.to_digit(36)?;
        Some(if value > 9 { (rest * 100 + value) % 97 } else { (rest * 10 + value) % 97 })
    })
}

/// The signs in the layout of a spelling that has as many.
fn laid_out(signs: &str, spelling: &str) -> String {
    if spelling.chars().filter(char::is_ascii_alphanumeric).count() != signs.len() {
        return signs.to_owned();
    }
    let mut signs = signs.chars();
    let places = spelling.chars().map(|c| if c.is_ascii_alphanumeric() { signs.next() } else { Some(c) });
    places.flatten().collect()
}
