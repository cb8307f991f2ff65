//! Finds e-mail addresses, telephone numbers, payment cards and IBANs by shape and check digits.
//!
//! A cheap look at the text decides what is searched at all: e-mail only where an at sign stands,
//! numbers only where digits do. Everything is linear in the length of the text.

mod canonical;
mod card;
mod context;
mod email;
mod iban;
mod phone;
mod stretch;

use std::ops::Range;

use crate::{EntityType, Finding};
pub(crate) use canonical::canonical;
use stretch::Stretches;

/// Fewest digits any number among the identifiers has.
const FEWEST_DIGITS: usize = 7;

/// A detector for a chosen set of identifier types.
#[derive(Clone, Debug)]
pub(crate) struct Identifiers {
    types: Vec<EntityType>,
}

impl Identifiers {
    /// A detector for `types`.
    pub(crate) fn new(types: &[EntityType]) -> Self {
        Self { types: types.to_vec() }
    }

    /// Adds what stands in `text`, a view, to `found`; findings may overlap others.
    pub(crate) fn search(&self, text: &str, found: &mut Vec<Finding>) {
        let mut digits = 0;
        let mut marks = 0;
        for byte in text.bytes() {
            digits += usize::from(byte.is_ascii_digit());
            marks += usize::from(byte == b'@');
        }
        if digits < FEWEST_DIGITS && marks == 0 {
            return;
        }
        let mut own = Vec::new();
        self.find_in(text, &mut own);
        found.append(&mut own);
    }

    fn wants(&self, entity: EntityType) -> bool {
        self.types.contains(&entity)
    }

    fn find_in(&self, text: &str, found: &mut Vec<Finding>) {
        if self.wants(EntityType::EmailAddress) {
            email::find(text, &mut |range| found.push(finding(EntityType::EmailAddress, range, 0.99)));
        }
        let bytes = text.as_bytes();
        if self.wants(EntityType::IbanCode) {
            iban::find(bytes, &mut |range| found.push(finding(EntityType::IbanCode, range, 0.99)));
        }
        if self.wants(EntityType::CreditCard) || self.wants(EntityType::PhoneNumber) {
            self.find_numbers(bytes, found);
        }
        // An address, an account, a card, a telephone: the surer reading wins where two overlap.
        found.sort_by(|a, b| a.range.start.cmp(&b.range.start).then(b.score.total_cmp(&a.score)));
        drop_overlaps(found);
    }

    fn find_numbers(&self, bytes: &[u8], found: &mut Vec<Finding>) {
        let mut stretches = Stretches::new(bytes);
        while let Some(stretch) = stretches.next_stretch() {
            // Nothing but a telephone number begins with a plus; what follows it is read afresh.
            let opens =
                if self.wants(EntityType::PhoneNumber) { phone::international(&stretch) } else { None };
            let stretch = stretch.after(opens.as_ref().map_or(0, |range| range.end));
            found.extend(opens.map(|range| finding(EntityType::PhoneNumber, range, 0.95)));
            let mut cards: Vec<Range<usize>> = Vec::new();
            if self.wants(EntityType::CreditCard) {
                card::find(&stretch, &mut |range| cards.push(range));
            }
            if self.wants(EntityType::PhoneNumber) {
                phone::find(&stretch, &mut |range, score| {
                    if !cards.iter().any(|card| overlap(card, &range)) {
                        found.push(finding(EntityType::PhoneNumber, range, score));
                    }
                });
            }
            found.extend(cards.into_iter().map(|range| finding(EntityType::CreditCard, range, 0.98)));
        }
    }
}

fn finding(entity: EntityType, range: Range<usize>, score: f32) -> Finding {
    Finding { entity, range, score }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Keeps, of findings sorted by start, the surest of each group that overlaps.
fn drop_overlaps(found: &mut Vec<Finding>) {
    let mut kept: Vec<Finding> = Vec::with_capacity(found.len());
    for next in found.drain(..) {
        match kept.last_mut() {
            Some(last) if overlap(&last.range, &next.range) => {
                if next.score > last.score {
                    *last = next;
                }
            }
            _ => kept.push(next),
        }
    }
    *found = kept;
}

/// A letter, digit or underscore: what a number must not touch to stand on its own.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn byte_before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|before| bytes.get(before)).copied()
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests;
