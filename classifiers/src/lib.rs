//! Text in, findings out: identifiers and listed terms, each with its place in the text.

mod entity;
mod identifiers;
mod lexicon;
mod view;

pub use entity::{EntityType, Finding};
pub use identifiers::Identifiers;
pub use lexicon::{Lexicon, LexiconError, Term, TermGroup};
