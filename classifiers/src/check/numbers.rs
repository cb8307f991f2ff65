//! National numbers. Each function takes letters and digits only, in capitals.

use idsmith::personal_id as national;

use super::{digits, is_day, luhn, mod97, pair, weighted};

/// Area, group and serial as the Social Security Administration gives them out, and no known example.
pub(crate) fn ssn(text: &str) -> bool {
    national::us::validate(text)
        && !matches!(text, "078051120" | "219099999" | "123456789")
        && varied_digits(text)
}

/// Groups of an individual taxpayer number (IRS Publication 1915).
pub(crate) fn itin(text: &str) -> bool {
    let group = pair(&digits(text), 3);
    text.starts_with('9') && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Luhn with the prefix 80840 (CMS, NPI standard).
pub(crate) fn npi(text: &str) -> bool {
    luhn(&format!("80840{text}"))
}

/// Registration of a prescriber: two sums (21 CFR 1301 practice).
pub(crate) fn dea(text: &str) -> bool {
    let digits = digits(text);
    let odd = weighted(&digits, &[1, 0, 1, 0, 1, 0]);
    let even = weighted(&digits, &[0, 1, 0, 1, 0, 1]);
    let check = digits.get(digits.len().saturating_sub(1)).copied();
    check == Some((odd + 2 * even) % 10)
}

/// Weights 3, 7, 1 (American Bankers Association), and prefixes that are given out.
pub(crate) fn aba(text: &str) -> bool {
    let digits = digits(text);
    let prefix = pair(&digits, 0);
    weighted(&digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
        && matches!(prefix, 1..=12 | 21..=32 | 61..=72 | 80)
}

/// Modulus 11 (NHS Data Dictionary).
pub(crate) fn nhs(text: &str) -> bool {
    let digits = digits(text);
    let check = (11 - weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    digits.get(9) == Some(&check) && varied_digits(text)
}

/// Prefixes that are given out.
pub(crate) fn nino(text: &str) -> bool {
    national::gb::validate(text)
}

/// ISO 7064 MOD 11,10, and one digit two or three times among the first ten.
pub(crate) fn de_tax(text: &str) -> bool {
    let digits = digits(text);
    let counts = (0..10).map(|wanted| digits.iter().take(10).filter(|digit| **digit == wanted).count());
    let counts: Vec<usize> = counts.collect();
    let repeated: Vec<usize> = counts.iter().copied().filter(|count| *count > 1).collect();
    national::de::validate(text) && matches!(repeated.as_slice(), [2 | 3])
}

/// Area, date of birth, initial, serial, and a check digit over products' digit sums (VKVV, section 4).
pub(crate) fn de_social(text: &str) -> bool {
    let spelled: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_digit() { c.to_string() } else { format!("{:02}", u32::from(c).saturating_sub(64)) }
        })
        .collect();
    let digits = digits(&spelled);
    let sum: u32 = digits
        .iter()
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| (digit * weight) / 10 + (digit * weight) % 10)
        .sum();
    is_day(pair(&digits, 2), pair(&digits, 4)) && digits.get(12) == Some(&(sum % 10))
}

/// A letter as two digits, then weights 1 and 2 with digit sums (section 290 SGB V).
pub(crate) fn de_health(text: &str) -> bool {
    let letter = text.chars().next().map_or(0, |c| u32::from(c).saturating_sub(64));
    let digits = digits(&format!("{letter:02}{}", text.get(1..).unwrap_or_default()));
    let sum: u32 = digits
        .iter()
        .take(10)
        .enumerate()
        .map(|(place, digit)| {
            let product = digit * (1 + u32::from(place % 2 == 1));
            product / 10 + product % 10
        })
        .sum();
    digits.get(10) == Some(&(sum % 10))
}

/// Weights 7, 3, 1 over letters and digits (ICAO Doc 9303).
pub(crate) fn de_card(text: &str) -> bool {
    let values: Vec<u32> = text.chars().filter_map(|c| c.to_digit(36)).collect();
    let sum = weighted(&values, &[7, 3, 1, 7, 3, 1, 7, 3, 1]);
    let both =
        text.bytes().any(|byte| byte.is_ascii_alphabetic()) && text.bytes().any(|byte| byte.is_ascii_digit());
    both && values.len() == 10 && values.get(9) == Some(&(sum % 10))
}

/// Key 97 minus the rest; Corsican departments count as 19 and 18 (INSEE).
pub(crate) fn nir(text: &str) -> bool {
    let plain = text.replace("2A", "19").replace("2B", "18");
    national::fr::validate(&plain)
}

/// A letter by the rest by 23.
pub(crate) fn nif(text: &str) -> bool {
    national::es::validate(text)
}

/// As the tax number, with the first letter as a digit.
pub(crate) fn nie(text: &str) -> bool {
    let lead = match text.as_bytes().first() {
        Some(b'X') => '0',
        Some(b'Y') => '1',
        Some(b'Z') => '2',
        _ => return false,
    };
    text.get(1..).is_some_and(|rest| national::es::validate(&format!("{lead}{rest}")))
}

/// The control letter of the fiscal code.
pub(crate) fn fiscal_code(text: &str) -> bool {
    text.len() == 16 && national::it::validate(text)
}

/// The eleven check, and not all zeros.
pub(crate) fn bsn(text: &str) -> bool {
    national::nl::validate(text) && varied_digits(text)
}

/// Rest by 97 and a date of birth that can be (the crate alone takes a wrong key for some).
pub(crate) fn be_nn(text: &str) -> bool {
    let digits = digits(text);
    let key = pair(&digits, 9);
    let (month, day) = (pair(&digits, 2), pair(&digits, 4));
    (1..=97).contains(&key) && month <= 12 && day <= 31 && national::be::validate(text)
}

/// Check digit and a date of birth with its century in the month.
pub(crate) fn pesel(text: &str) -> bool {
    let digits = digits(text);
    is_day(pair(&digits, 4), pair(&digits, 2) % 20) && national::pl::validate(text)
}

/// Luhn over the last ten digits and a date of birth; sixty more for coordination numbers.
pub(crate) fn personnummer(text: &str) -> bool {
    let short = text.get(text.len().saturating_sub(10)..).unwrap_or_default();
    let digits = digits(short);
    is_day(pair(&digits, 4) % 60, pair(&digits, 2)) && national::se::validate(short)
}

/// Check character by 31 and a date of birth. The century sign is lost without separators: a letter stays.
pub(crate) fn finnish(text: &str) -> bool {
    let whole = match text.len() {
        10 => format!("{}-{}", text.get(..6).unwrap_or_default(), text.get(6..).unwrap_or_default()),
        _ => text.to_owned(),
    };
    let digits = digits(whole.get(..6).unwrap_or_default());
    whole.len() == 11 && is_day(pair(&digits, 0), pair(&digits, 2)) && national::fi::validate(&whole)
}

/// EAN-13 with the prefix of Switzerland.
pub(crate) fn ahv(text: &str) -> bool {
    national::ch::validate(text)
}

/// Verhoeff.
pub(crate) fn aadhaar(text: &str) -> bool {
    national::in_::validate(text) && varied_digits(text)
}

/// Weights by 11.
pub(crate) fn tfn(text: &str) -> bool {
    national::au::validate(text) && varied_digits(text)
}

/// First digit less one, weights by 89 (Australian Business Register).
pub(crate) fn abn(text: &str) -> bool {
    let mut digits = digits(text);
    match digits.first_mut() {
        Some(first) if *first > 0 => *first -= 1,
        _ => return false,
    }
    digits.len() == 11 && weighted(&digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]).is_multiple_of(89)
}

/// Weights 8 to 1, complement to ten (ASIC).
pub(crate) fn acn(text: &str) -> bool {
    let digits = digits(text);
    let check = (10 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10;
    digits.get(8) == Some(&check) && varied_digits(text)
}

/// Weights 1, 3, 7, 9 over eight digits (Services Australia).
pub(crate) fn medicare(text: &str) -> bool {
    let digits = digits(text);
    digits.get(8) == Some(&(weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10)) && varied_digits(text)
}

/// The check letter by series.
pub(crate) fn nric(text: &str) -> bool {
    national::sg::validate(text)
}

/// Weights 2 to 9 and 2 to 5, complement by 11; the crate takes a few wrong ones, so the sum stands here.
/// Numbers given out since October 2020 have no check digit, so this can only speak for a number.
pub(crate) fn rrn(text: &str) -> bool {
    let digits = digits(text);
    let sum = weighted(&digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    is_day(pair(&digits, 4), pair(&digits, 2)) && digits.get(12) == Some(&((11 - sum % 11) % 10))
}

/// Luhn, and no zero in front.
pub(crate) fn sin(text: &str) -> bool {
    national::ca::validate(text) && varied_digits(text)
}

/// Luhn and a date of birth.
pub(crate) fn za(text: &str) -> bool {
    let digits = digits(text);
    is_day(pair(&digits, 4), pair(&digits, 2)) && national::za::validate(text)
}

/// Two check digits.
pub(crate) fn turkish(text: &str) -> bool {
    national::tr::validate(text)
}

/// Weights 13 to 2 by 11.
pub(crate) fn thai(text: &str) -> bool {
    national::th::validate(text)
}

/// Two check digits by 11.
pub(crate) fn cpf(text: &str) -> bool {
    national::br::validate(text)
}

/// Two check digits by 11 (Receita Federal).
pub(crate) fn cnpj(text: &str) -> bool {
    let digits = digits(text);
    let check = |weights: &[u32]| match weighted(&digits, weights) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    digits.len() == 14
        && varied_digits(text)
        && digits.get(12) == Some(&check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
        && digits.get(13) == Some(&check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
}

/// Rest 1 by 97 (ISO 17442), with letters, and zeros where the standard has them or not.
pub(crate) fn lei(text: &str) -> bool {
    text.len() == 20 && mod97(text) == 1 && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The check digit of North American vehicles (49 CFR 565.15), with letters and digits.
pub(crate) fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'I' => u32::from(byte - b'A') + 1,
        b'J'..=b'R' => u32::from(byte - b'J') + 1,
        _ => u32::from(byte.saturating_sub(b'S')) + 2,
    };
    let values: Vec<u32> = text.bytes().map(value).collect();
    let rest = weighted(&values, &WEIGHTS) % 11;
    let check = if rest == 10 { b'X' } else { b'0' + u8::try_from(rest).unwrap_or(0) };
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    text.as_bytes().get(8) == Some(&check) && (2..=14).contains(&letters)
}

/// Not one digit over and over.
fn varied_digits(text: &str) -> bool {
    let first = text.bytes().next();
    text.bytes().any(|byte| Some(byte) != first)
}
