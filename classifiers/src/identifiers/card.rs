//! Payment card numbers: brand prefix and length, Luhn check digit, and the ways they are written.

use std::ops::Range;

use super::context;
use super::stretch::{Group, Stretch};

/// Calls `found` for every card number of a stretch, in order.
pub(super) fn find(stretch: &Stretch<'_>, found: &mut dyn FnMut(Range<usize>)) {
    let mut first = 0;
    while let Some(groups) = stretch.groups.get(first..).filter(|groups| !groups.is_empty()) {
        match longest(stretch, groups) {
            Some((count, range)) => {
                found(range);
                first += count;
            }
            None => first += 1,
        }
    }
}

/// The longest card number that begins with the first of `groups`: how many groups, and where.
fn longest(stretch: &Stretch<'_>, groups: &[Group]) -> Option<(usize, Range<usize>)> {
    let (first, rest) = groups.split_first()?;
    let before = stretch.before(first.start);
    let beyond = first.start.checked_sub(2).and_then(|at| stretch.at(at));
    let joined = matches!(before, Some(b'/' | b')' | b'(')) && beyond.is_some_and(|b| b.is_ascii_digit());
    if joined || matches!(before, Some(b'+' | b'.' | b'-' | b'#')) {
        return None;
    }
    let mut digits = Digits::default();
    let mut best = None;
    let mut last = *first;
    let mut separator: Option<&[u8]> = None;
    digits.extend(stretch.digits(last))?;
    for count in 1..=rest.len() + 1 {
        let next = rest.get(count - 1).copied();
        let gap = next.map(|next| stretch.between(last, next));
        let tied = gap.is_some_and(|gap| !matches!(gap, b" " | b"\n" | b" (" | b" - " | b" / " | b" -"));
        let range = first.start..last.end;
        if !tied && is_card(stretch, &digits, Written { range: range.clone(), groups: count }) {
            best = Some((count, range));
        }
        let (Some(next), Some(gap)) = (next, gap) else { break };
        let same = separator.is_none_or(|separator| separator == gap || separator == b"\n" || gap == b"\n");
        let fits = matches!(gap, b" " | b"-" | b"." | b"\n") && same && next.len() >= 2 && first.len() >= 4;
        if !fits || next.len() > 8 || digits.extend(stretch.digits(next)).is_none() {
            break;
        }
        separator = Some(gap);
        last = next;
    }
    best
}

/// How a candidate is written.
struct Written {
    range: Range<usize>,
    groups: usize,
}

fn is_card(stretch: &Stretch<'_>, digits: &Digits, written: Written) -> bool {
    let digits = digits.as_slice();
    if !brand_fits(digits) || !luhn(digits) {
        return false;
    }
    // Long and short compact numbers are far more often ids than cards; ask for a word that says so.
    let usual = written.groups > 1 || (14..=16).contains(&digits.len());
    usual || context::speaks_of_card(stretch.bytes, written.range.start)
}

/// Up to 19 digits as numbers.
#[derive(Default)]
struct Digits {
    values: [u8; 19],
    len: usize,
}

impl Digits {
    fn extend(&mut self, ascii: &[u8]) -> Option<()> {
        for byte in ascii {
            *self.values.get_mut(self.len)? = byte.checked_sub(b'0')?;
            self.len += 1;
        }
        Some(())
    }

    fn as_slice(&self) -> &[u8] {
        self.values.get(..self.len).unwrap_or_default()
    }
}

/// Prefixes and lengths of the card schemes in use (issuer identification numbers, ISO/IEC 7812).
fn brand_fits(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(6).fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    let long = digits.len();
    match prefix {
        400_000..=499_999 => matches!(long, 13 | 16 | 19),
        510_000..=559_999 | 222_100..=272_099 => long == 16,
        340_000..=349_999 | 370_000..=379_999 => long == 15,
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => {
            (14..=19).contains(&long)
        }
        352_800..=358_999 => (16..=19).contains(&long),
        213_100..=213_199 | 180_000..=180_099 => long == 15,
        220_000..=220_499 => (16..=19).contains(&long),
        601_100..=601_199 | 644_000..=659_999 | 620_000..=629_999 | 810_000..=829_999 => {
            (16..=19).contains(&long)
        }
        500_000..=509_999 | 560_000..=589_999 | 630_000..=639_999 | 670_000..=679_999 => {
            (12..=19).contains(&long)
        }
        600_000..=609_999 | 979_200..=979_299 => long == 16,
        _ => false,
    }
}

/// The Luhn check (ISO/IEC 7812-1, annex B).
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}
