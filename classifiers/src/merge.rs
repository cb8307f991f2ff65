//! Makes one list of findings that don't overlap, from all that was found.
//!
//! Where two overlap the weightier stays: surer, more specific, longer. Of a web address or a place that
//! loses a part to something more telling, the rest stays found.

use crate::{EntityType, Finding};

/// Findings in order, none overlapping another; the pieces of one address joined.
pub(crate) fn merge(text: &str, found: Vec<Finding>) -> Vec<Finding> {
    join(text, settle(text, found))
}

/// Findings in order, none overlapping another. The pieces of an address stay as they were found: whoever
/// knows towns and streets by context tells them apart.
pub(crate) fn settle(text: &str, mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.range.start.cmp(&b.range.start)));
    let mut kept = Kept::default();
    for next in found {
        kept.add(text, next);
    }
    kept.into_order()
}

/// Findings by start, none overlapping another.
#[derive(Default)]
struct Kept {
    by_start: std::collections::BTreeMap<usize, Finding>,
}

impl Kept {
    fn add(&mut self, text: &str, next: Finding) {
        let taken = self.within(&next);
        if taken.is_empty() {
            self.by_start.insert(next.range.start, next);
            return;
        }
        if !splits(next.entity) {
            return;
        }
        let mut from = next.range.start;
        for part in taken.into_iter().chain(std::iter::once(next.range.end..next.range.end)) {
            let piece = from..part.start.max(from);
            let told = text
                .get(piece.clone())
                .is_some_and(|it| it.chars().filter(|c| c.is_alphanumeric()).count() >= 3);
            if told {
                self.by_start.insert(piece.start, Finding { range: piece, ..next.clone() });
            }
            from = part.end.max(from);
        }
    }

    /// What is kept already within the range of `next`.
    fn within(&self, next: &Finding) -> Vec<std::ops::Range<usize>> {
        let before = self
            .by_start
            .range(..next.range.start)
            .next_back()
            .filter(|(_, it)| it.range.end > next.range.start);
        before
            .into_iter()
            .chain(self.by_start.range(next.range.start..next.range.end))
            .map(|(_, it)| it.range.clone())
            .collect()
    }

    fn into_order(self) -> Vec<Finding> {
        self.by_start.into_values().collect()
    }
}

/// How much a finding weighs against one it overlaps.
fn weight(finding: &Finding) -> f32 {
    let length = u16::try_from(finding.range.len().min(100)).unwrap_or(100);
    finding.score * 10.0 + rank(finding.entity) + f32::from(length) * 0.01
}

/// How specific a type is: a connection string says more than the address in it.
fn rank(entity: EntityType) -> f32 {
    use EntityType::{
        Age, CreditCard, DateTime, EmailAddress, IbanCode, Id, Location, Nrp, Organization, Person,
        SecretConnectionString, SecretJwt, SecretPassword, SecretPrivateKey, Title, Url, UsBankNumber,
        Username,
    };
    match entity {
        SecretPrivateKey | SecretConnectionString | SecretJwt => 6.0,
        SecretPassword => 4.0,
        _ if entity.is_secret() => 5.0,
        EmailAddress | CreditCard | IbanCode => 3.0,
        UsBankNumber | Id | Username | Age | DateTime | Location => 1.0,
        Person | Organization | Nrp | Title => 0.5,
        Url => -3.0,
        _ => 2.0,
    }
}

/// Whether what is left of a finding still tells something.
fn splits(entity: EntityType) -> bool {
    matches!(entity, EntityType::Url | EntityType::Location)
}

/// Joins pieces of one address that stand next to each other.
fn join(text: &str, found: Vec<Finding>) -> Vec<Finding> {
    let mut joined: Vec<Finding> = Vec::with_capacity(found.len());
    for next in found {
        match joined.last_mut() {
            Some(last)
                if last.entity == EntityType::Location
                    && next.entity == EntityType::Location
                    && text.get(last.range.end..next.range.start).is_some_and(is_gap) =>
            {
                last.range.end = next.range.end;
                last.score = last.score.max(next.score);
            }
            _ => joined.push(next),
        }
    }
    joined
}

fn is_gap(gap: &str) -> bool {
    gap.len() <= 2 && gap.chars().all(|c| matches!(c, ',' | ' ' | '\n'))
}
