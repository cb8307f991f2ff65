//! All detectors behind one door: what is wanted goes in, findings come out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::identifiers::Identifiers;
use crate::scan::Scanner;
use crate::view::View;
use crate::{EntityType, Finding, Tagger, encoded, kinds, merge, spoken};

/// Types that are found by their own code rather than by a row of the registry.
const CODED: [EntityType; 4] =
    [EntityType::EmailAddress, EntityType::PhoneNumber, EntityType::CreditCard, EntityType::IbanCode];

/// Types of words rather than shapes. Whoever wants one of them gets the tagger, for all its types.
const WORDED: [EntityType; 7] = [
    EntityType::Person,
    EntityType::Location,
    EntityType::Organization,
    EntityType::DateTime,
    EntityType::Age,
    EntityType::Nrp,
    EntityType::Title,
];

/// Something else that finds values in a text, such as a trained tagger.
pub trait Source: Send + Sync {
    /// The types it can find.
    fn types(&self) -> &[EntityType];
    /// Its findings in `text`, in bytes, on character boundaries; in any order.
    fn find(&self, text: &str) -> Vec<Finding>;
}

/// A detector for a chosen set of types. Cheap to clone.
#[derive(Clone)]
pub struct Detectors {
    parts: Arc<Parts>,
}

struct Parts {
    types: Vec<EntityType>,
    identifiers: Identifiers,
    scanner: Scanner,
    sources: Vec<Arc<dyn Source>>,
}

impl Detectors {
    /// Longest text that is searched in one piece, in bytes. A caller refuses longer ones: cutting a
    /// text would leave a part of it unread.
    pub const LONGEST: usize = 16 << 20;

    /// A detector for `types`: rules, and the shipped tagger where types of words are wanted.
    pub fn new(types: &[EntityType]) -> Self {
        let tagger = types.iter().any(|it| WORDED.contains(it)).then(Tagger::shipped).and_then(Result::ok);
        Self::with(types, tagger.into_iter().map(|it| Arc::new(it) as Arc<dyn Source>).collect())
    }

    /// A detector for `types` by rules alone, without the tagger.
    pub fn rules(types: &[EntityType]) -> Self {
        Self::with(types, Vec::new())
    }

    /// A detector for `types` that asks `sources` as well.
    pub fn with(types: &[EntityType], sources: Vec<Arc<dyn Source>>) -> Self {
        let mut types = types.to_vec();
        types.sort_unstable();
        types.dedup();
        let sources =
            sources.into_iter().filter(|it| it.types().iter().any(|kind| types.contains(kind))).collect();
        let parts =
            Parts { identifiers: Identifiers::new(&types), scanner: Scanner::new(&types), sources, types };
        Self { parts: Arc::new(parts) }
    }

    /// The types that [`Detectors::new`] finds.
    pub fn detectable() -> Vec<EntityType> {
        EntityType::ALL.iter().copied().filter(|entity| Self::detects(*entity)).collect()
    }

    /// Whether [`Detectors::new`] finds a type.
    pub fn detects(entity: EntityType) -> bool {
        let tagged = || Tagger::shipped().is_ok_and(|tagger| tagger.types().contains(&entity));
        Self::has_rules(entity) || (WORDED.contains(&entity) && tagged())
    }

    /// Whether a type is found by rules.
    pub fn has_rules(entity: EntityType) -> bool {
        CODED.contains(&entity) || kinds::registry().any(|kind| kind.entity == entity)
    }

    /// All findings in `text`, in order, none overlapping another.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        if self.parts.types.is_empty() {
            return Vec::new();
        }
        let view = View::plain(text);
        let mut found = self.parts.everywhere(view.text());
        for finding in &mut found {
            finding.range = view.original(finding.range.clone());
            if finding.entity == EntityType::Url {
                finding.range.end = address_end(text, finding.range.end);
            }
        }
        for source in &self.parts.sources {
            let more = source.find(text).into_iter();
            found.extend(
                more.filter(|it| {
                    self.parts.types.contains(&it.entity) && text.get(it.range.clone()).is_some()
                }),
            );
        }
        if self.parts.sources.is_empty() { merge::merge(text, found) } else { merge::settle(text, found) }
    }
}

/// The types only: what is found isn't kept.
impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detectors").field("types", &self.parts.types.len()).finish_non_exhaustive()
    }
}

impl Parts {
    /// Findings in a view, in the open, spoken and encoded.
    fn everywhere(&self, text: &str) -> Vec<Finding> {
        let scan = self.scanner.scan(text);
        let mut found = scan.found;
        self.identifiers.search(text, &mut found);
        for said in spoken::numbers(text, &scan.digits) {
            let hidden = self.open(&said.text).into_iter().filter(|it| it.range.end > said.digits);
            found.extend(hidden.map(|it| covering(it, said.range.clone())));
        }
        self.spoken_addresses(text, &scan.signs, &mut found);
        encoded::each(text, &mut |range, meaning| {
            let hidden = self.open(&meaning).into_iter();
            found.extend(hidden.map(|it| covering(it, range.clone())));
        });
        found
    }

    /// Findings in the open.
    fn open(&self, text: &str) -> Vec<Finding> {
        let mut found = self.scanner.scan(text).found;
        self.identifiers.search(text, &mut found);
        found
    }

    fn spoken_addresses(&self, text: &str, signs: &[usize], found: &mut Vec<Finding>) {
        let entity = EntityType::EmailAddress;
        if !signs.is_empty() && self.types.contains(&entity) {
            let said = spoken::addresses(text, signs).into_iter();
            found.extend(said.map(|range| Finding { entity, range, score: 0.8 }));
        }
    }
}

/// A finding of a hidden value, which covers all that hides it.
fn covering(finding: Finding, range: Range<usize>) -> Finding {
    Finding { range, score: finding.score * 0.95, ..finding }
}

/// The end of a web address whose tail is percent-encoded.
fn address_end(text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    if !rest.starts_with('%') {
        return end;
    }
    let stops = |c: char| {
        c.is_whitespace()
            || matches!(c, '<' | '>' | '"' | '\'' | '`' | '{' | '}' | '|' | '\\' | '^' | '[' | ']')
    };
    end + rest.find(stops).unwrap_or(rest.len())
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests;
