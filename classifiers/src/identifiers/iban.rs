//! International bank account numbers: country, length and structure, check digits by mod 97.

use std::ops::Range;

use super::{byte_before, is_word};

/// Country and structure of the part after the check digits, from the SWIFT IBAN Registry:
/// `n` digits, `a` letters, `c` letters or digits.
#[rustfmt::skip]
const COUNTRIES: [(&[u8; 2], &str); 90] = [
    (b"AD", "8n12c"), (b"AE", "19n"), (b"AL", "8n16c"), (b"AT", "16n"), (b"AZ", "4a20c"), (b"BA", "16n"),
    (b"BE", "12n"), (b"BG", "4a6n8c"), (b"BH", "4a14c"), (b"BI", "23n"), (b"BR", "23n1a1c"), (b"BY", "4c4n16c"),
    (b"CH", "5n12c"), (b"CR", "18n"), (b"CY", "8n16c"), (b"CZ", "20n"), (b"DE", "18n"), (b"DJ", "23n"),
    (b"DK", "14n"), (b"DO", "4c20n"), (b"EE", "16n"), (b"EG", "25n"), (b"ES", "20n"), (b"FI", "14n"),
    (b"FK", "2a12n"), (b"FO", "14n"), (b"FR", "10n11c2n"), (b"GB", "4a14n"), (b"GE", "2a16n"), (b"GI", "4a15c"),
    (b"GL", "14n"), (b"GR", "7n16c"), (b"GT", "24c"), (b"HN", "4a20n"), (b"HR", "17n"), (b"HU", "24n"),
    (b"IE", "4a14n"), (b"IL", "19n"), (b"IQ", "4a15n"), (b"IS", "22n"), (b"IT", "1a10n12c"), (b"JO", "4a4n18c"),
    (b"KW", "4a22c"), (b"KZ", "3n13c"), (b"LB", "4n20c"), (b"LC", "4a24c"), (b"LI", "5n12c"), (b"LT", "16n"),
    (b"LU", "3n13c"), (b"LV", "4a13c"), (b"LY", "21n"), (b"MC", "10n11c2n"), (b"MD", "20c"), (b"ME", "18n"),
    (b"MK", "3n10c2n"), (b"MN", "16n"), (b"MR", "23n"), (b"MT", "4a5n18c"), (b"MU", "4a19n3a"), (b"NI", "4a20n"),
    (b"NL", "4a10n"), (b"NO", "11n"), (b"OM", "3n16c"), (b"PK", "4a16c"), (b"PL", "24n"), (b"PS", "4a21c"),
    (b"PT", "21n"), (b"QA", "4a21c"), (b"RO", "4a16c"), (b"RS", "18n"), (b"RU", "14n15c"), (b"SA", "2n18c"),
    (b"SC", "4a20n3a"), (b"SD", "14n"), (b"SE", "20n"), (b"SI", "15n"), (b"SK", "20n"), (b"SM", "1a10n12c"),
    (b"SO", "19n"), (b"ST", "21n"), (b"SV", "4a20n"), (b"TL", "19n"), (b"TN", "20n"), (b"TR", "6n16c"),
    (b"UA", "6n19c"), (b"VA", "18n"), (b"VG", "4a16n"), (b"XK", "16n"), (b"YE", "4a4n18c"), (b"MA", "24n"),
];

/// Longest gap between two groups: a line break with some indentation.
const LONGEST_GAP: usize = 4;

/// Calls `found` for every IBAN in `bytes`, in order.
pub(super) fn find(bytes: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(rest) = bytes.get(from..) {
        let Some(offset) = rest.iter().position(u8::is_ascii_digit) else { return };
        let digit = from + offset;
        let end = digit.checked_sub(2).and_then(|start| account(bytes, start).map(|end| (start, end)));
        match end {
            Some((start, end)) => {
                found(start..end);
                from = end;
            }
            // Digits that follow a digit can't begin the check digits; skip the whole run.
            None => from = digit + rest.iter().skip(offset).take_while(|b| b.is_ascii_digit()).count(),
        }
    }
}

/// The end of the IBAN that begins at `start`, if there is one.
fn account(bytes: &[u8], start: usize) -> Option<usize> {
    if byte_before(bytes, start).is_some_and(is_word) {
        return None;
    }
    let country = [bytes.get(start)?.to_ascii_uppercase(), bytes.get(start + 1)?.to_ascii_uppercase()];
    let (_, structure) = COUNTRIES.iter().find(|(code, _)| **code == country)?;
    let mut reader = Reader { bytes, at: start, gaps: 0, mod97: Mod97::default() };
    let head = [reader.take(b'a')?, reader.take(b'a')?, reader.take(b'n')?, reader.take(b'n')?];
    for (count, class) in pieces(structure) {
        for _ in 0..count {
            let byte = reader.take(class)?;
            reader.mod97.push(byte);
        }
    }
    head.into_iter().for_each(|byte| reader.mod97.push(byte));
    let ends = reader.mod97.rest == 1 && !bytes.get(reader.at).copied().is_some_and(is_word);
    ends.then_some(reader.at)
}

/// The pieces of a structure such as `4a14n`.
fn pieces(structure: &str) -> impl Iterator<Item = (usize, u8)> {
    structure.split_inclusive(|c: char| c.is_ascii_alphabetic()).filter_map(|piece| {
        let (class, count) = piece.as_bytes().split_last()?;
        let count = count.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
        Some((count, *class))
    })
}

/// Reads the characters of an account and skips the separators between them.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    gaps: usize,
    mod97: Mod97,
}

impl Reader<'_> {
    fn take(&mut self, class: u8) -> Option<u8> {
        let rest = self.bytes.get(self.at..)?;
        let gap = rest.iter().take_while(|b| matches!(b, b' ' | b'-' | b'.' | b'\n' | b'\r' | b'\t')).count();
        let wrapped = rest.get(..gap).is_some_and(|gap| gap.contains(&b'\n'));
        if gap > 1 && !(wrapped && gap <= LONGEST_GAP) {
            return None;
        }
        self.gaps += usize::from(gap > 0);
        // Groups are of four, or nearly so; more gaps than that are words.
        if self.gaps > 12 {
            return None;
        }
        let byte = rest.get(gap)?.to_ascii_uppercase();
        let fits = match class {
            b'n' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_alphanumeric(),
        };
        self.at += gap + 1;
        fits.then_some(byte)
    }
}

/// The remainder of a number by 97, fed one character at a time (ISO 7064, MOD 97-10).
#[derive(Default)]
struct Mod97 {
    rest: u32,
}

impl Mod97 {
    fn push(&mut self, byte: u8) {
        self.rest = match byte {
            b'0'..=b'9' => (self.rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (self.rest * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
        };
    }
}
