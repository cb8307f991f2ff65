//! Text in, findings out: personal data, secrets and listed terms, each with its place in the text.

mod accurate;
mod cascade;
mod check;
mod detectors;
mod encoded;
mod entity;
mod groups;
mod identifiers;
mod kinds;
mod lexicon;
mod merge;
#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong recipe should fail the test")]
mod sample;
mod scan;
mod spoken;
pub mod tagger;
mod view;
mod windows;

pub use accurate::{AccurateError, AccurateTagger};
pub use detectors::{Deadline, Detectors, Reading, Source, Tier, Unsearched};
pub use entity::{EntityType, Finding};
pub use groups::Group;
pub use kinds::{Check, Kind, Trigger, registry};
pub use lexicon::{CheckDigit, Lexicon, LexiconError, Term, TermGroup};
pub use tagger::{Tagger, TaggerError};
