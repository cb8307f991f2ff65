//! All detectors behind one door: what is wanted goes in, findings come out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cascade::Cascade;
use crate::identifiers::Identifiers;
use crate::scan::Scanner;
use crate::view::View;
use crate::{AccurateTagger, EntityType, Finding, Tagger, encoded, kinds, merge, spoken};

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

/// Why a text was not searched whole: whoever protects something must treat it as if it held it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsearched {
    /// A tagger could not read it.
    #[error("a text could not be searched")]
    Failed,
    /// The deadline passed.
    #[error("a text could not be searched in time")]
    Late,
}

/// When a search must have ended. Taggers look at it between stretches of some kilobytes; rules are too fast to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Never.
    pub const NEVER: Self = Self(None);

    /// So long from now.
    pub fn within(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// # Errors
    /// [`Unsearched::Late`] once it has passed.
    pub fn check(self) -> Result<(), Unsearched> {
        if self.0.is_some_and(|at| Instant::now() >= at) { Err(Unsearched::Late) } else { Ok(()) }
    }
}

/// Something else that finds values in a text, such as a trained tagger.
pub trait Source: Send + Sync {
    /// The types it can find.
    fn types(&self) -> &[EntityType];

    /// Its findings in `text`, in bytes, on character boundaries; in any order.
    ///
    /// # Errors
    /// When the text could not be searched whole, or not before the deadline.
    fn find(&self, text: &str, deadline: Deadline) -> Result<Vec<Finding>, Unsearched>;
}

/// Which taggers read a text for types of words, such as people and places. Later ones find more and take
/// longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// The fast tagger: about a third of a millisecond a kilobyte.
    #[default]
    Fast,
    /// The fast tagger, and the accurate one where the fast one is unsure.
    Unsure,
    /// The accurate tagger: about a quarter of a second a kilobyte on one core.
    Accurate,
}

/// One of the three ways in which values are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Shapes, check digits, labels.
    Rules,
    /// The fast tagger.
    Fast,
    /// The accurate tagger.
    Accurate,
}

impl Tier {
    /// All of them with their names in commands.
    pub const ALL: [(&str, Self); 3] =
        [("rules", Self::Rules), ("fast", Self::Fast), ("accurate", Self::Accurate)];
}

impl Reading {
    /// All of them with their names in policies and commands.
    pub const ALL: [(&str, Self); 3] =
        [("fast", Self::Fast), ("unsure", Self::Unsure), ("accurate", Self::Accurate)];
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

    /// A detector for `types`: rules, and the fast tagger where types of words are wanted.
    pub fn new(types: &[EntityType]) -> Self {
        Self::reading(types, Reading::Fast)
    }

    /// A detector for `types`: rules, and the taggers of `reading` where types of words are wanted.
    pub fn reading(types: &[EntityType], reading: Reading) -> Self {
        let sources = if Self::reads_words(types) { shipped(reading) } else { Vec::new() };
        Self::with(types, sources)
    }

    /// Whether a tagger is asked where these types are wanted.
    pub fn reads_words(types: &[EntityType]) -> bool {
        types.iter().any(|it| WORDED.contains(it))
    }

    /// A detector for `types` by rules alone, without the tagger.
    pub fn rules(types: &[EntityType]) -> Self {
        Self::with(types, Vec::new())
    }

    /// A detector for `types` by some tiers only. With both taggers the accurate one reads where the fast one is
    /// unsure.
    pub fn tiers(types: &[EntityType], tiers: &[Tier]) -> Self {
        let has = |tier| tiers.contains(&tier);
        let reading = match (has(Tier::Fast), has(Tier::Accurate)) {
            (true, true) => Some(Reading::Unsure),
            (true, false) => Some(Reading::Fast),
            (false, true) => Some(Reading::Accurate),
            (false, false) => None,
        };
        let sources = match reading {
            Some(reading) if Self::reads_words(types) || !has(Tier::Rules) => shipped(reading),
            _ => Vec::new(),
        };
        Self::made(types, if has(Tier::Rules) { types } else { &[] }, sources)
    }

    /// A detector for `types` that asks `sources` as well.
    pub fn with(types: &[EntityType], sources: Vec<Arc<dyn Source>>) -> Self {
        Self::made(types, types, sources)
    }

    /// A detector for `types`, of which `ruled` are looked for by rules.
    fn made(types: &[EntityType], ruled: &[EntityType], sources: Vec<Arc<dyn Source>>) -> Self {
        let mut types = types.to_vec();
        types.sort_unstable();
        types.dedup();
        let sources =
            sources.into_iter().filter(|it| it.types().iter().any(|kind| types.contains(kind))).collect();
        let parts =
            Parts { identifiers: Identifiers::new(ruled), scanner: Scanner::new(ruled), sources, types };
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
    ///
    /// # Errors
    /// When a source could not search the text.
    pub fn search(&self, text: &str) -> Result<Vec<Finding>, Unsearched> {
        self.search_by(text, Deadline::NEVER)
    }

    /// [`Detectors::search`] with a deadline.
    ///
    /// # Errors
    /// When a source could not search the text, or not in time.
    pub fn search_by(&self, text: &str, deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        deadline.check()?;
        if self.parts.types.is_empty() {
            return Ok(Vec::new());
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
            let more = source.find(text, deadline)?.into_iter();
            found.extend(
                more.filter(|it| {
                    self.parts.types.contains(&it.entity) && text.get(it.range.clone()).is_some()
                }),
            );
        }
        let has_sources = !self.parts.sources.is_empty();
        Ok(if has_sources { merge::settle(text, found) } else { merge::merge(text, found) })
    }
}

/// The shipped taggers. One that can't be made ready can't search either, which every search then says.
fn shipped(reading: Reading) -> Vec<Arc<dyn Source>> {
    let made: Option<Arc<dyn Source>> = match reading {
        Reading::Fast => Tagger::shipped().ok().map(|it| Arc::new(it) as Arc<dyn Source>),
        Reading::Unsure => Cascade::shipped().map(|it| Arc::new(it) as Arc<dyn Source>),
        Reading::Accurate => AccurateTagger::shipped().ok().map(|it| Arc::new(it) as Arc<dyn Source>),
    };
    vec![made.unwrap_or_else(|| Arc::new(Broken))]
}

/// Stands for a tagger that can't be made ready.
struct Broken;

impl Source for Broken {
    fn types(&self) -> &[EntityType] {
        EntityType::ALL
    }

    fn find(&self, _text: &str, _deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        Err(Unsearched::Failed)
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
