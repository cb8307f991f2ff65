//! The registry of kinds: everything that is found by its shape, one row a kind.
//!
//! A row says what starts a search, the pattern, the check, how sure each makes us, and the words that
//! speak for it. Code, tests and the table in the documentation read the same rows.

mod business;
mod cloud;
mod europe;
mod keywords;
mod labelled;
mod messaging;
mod models;
mod national;
mod network;
mod observability;
mod packages;
mod payments;
pub(crate) mod words;
mod world;

use crate::EntityType;

/// One kind of value.
#[derive(Debug)]
pub struct Kind {
    /// What it is, in a few words; unique.
    pub name: &'static str,
    /// The type its findings have.
    pub entity: EntityType,
    /// What starts a search for it.
    pub trigger: Trigger,
    /// The value, as a regular expression over bytes; it begins where the trigger says.
    pub pattern: &'static str,
    /// What is tried on a value that fits the pattern.
    pub check: Check,
    /// How sure the pattern alone makes us, from 0 to 1.
    pub score: f32,
    /// Labels that must stand before the value ([`Trigger::Label`]), or words near it that speak for it.
    pub words: &'static [&'static str],
    /// An example, or a recipe for one: `{d9}` stands for nine digits, `{x8}` hexadecimal digits, `{a8}`
    /// letters and digits, `{u8}` capitals and digits, `{l8}` small letters and digits, `{b8}` characters
    /// of base64 for addresses, `{s8}` characters of base64.
    pub sample: &'static str,
}

/// What starts a search.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// One of these literals, with which the value begins.
    Prefix(&'static [&'static str]),
    /// A literal within the value, which begins so many bytes before it (fewest and most).
    Inside(&'static str, usize, usize),
    /// One of the kind's words, right before the value.
    Label,
    /// A word or number with a digit in it.
    Shape,
}

/// What is tried on a value that fits the pattern.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Nothing.
    None,
    /// A check of letters and digits, in capitals and without separators. It moves the score.
    Sum(fn(&str) -> bool),
    /// A condition of the text as it is. Without it there is no finding.
    Must(fn(&str) -> bool),
}

impl Kind {
    /// A kind that is found wherever its shape stands.
    const fn shape(entity: EntityType, name: &'static str, pattern: &'static str) -> Self {
        Self::new(entity, name, pattern, Trigger::Shape)
    }

    /// A kind that is found behind one of its words only.
    const fn label(entity: EntityType, name: &'static str, pattern: &'static str) -> Self {
        Self::new(entity, name, pattern, Trigger::Label).score(0.8)
    }

    /// A key or token that begins with a literal.
    const fn token(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Self {
        Self::new(EntityType::SecretToken, name, pattern, Trigger::Prefix(prefixes)).score(0.95)
    }

    const fn new(entity: EntityType, name: &'static str, pattern: &'static str, trigger: Trigger) -> Self {
        Self { name, entity, trigger, pattern, check: Check::None, score: 0.5, words: &[], sample: "" }
    }

    const fn of(self, entity: EntityType) -> Self {
        Self { entity, ..self }
    }

    const fn on(self, trigger: Trigger) -> Self {
        Self { trigger, ..self }
    }

    const fn score(self, score: f32) -> Self {
        Self { score, ..self }
    }

    const fn sum(self, check: fn(&str) -> bool) -> Self {
        Self { check: Check::Sum(check), ..self }
    }

    const fn must(self, check: fn(&str) -> bool) -> Self {
        Self { check: Check::Must(check), ..self }
    }

    const fn words(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    const fn sample(self, sample: &'static str) -> Self {
        Self { sample, ..self }
    }
}

/// All kinds, in the order of the documentation.
pub fn registry() -> impl Iterator<Item = &'static Kind> {
    [
        network::KINDS,
        labelled::KINDS,
        business::KINDS,
        national::KINDS,
        europe::KINDS,
        world::KINDS,
        cloud::KINDS,
        models::KINDS,
        packages::KINDS,
        messaging::KINDS,
        payments::KINDS,
        observability::KINDS,
        keywords::KINDS,
    ]
    .into_iter()
    .flatten()
}
