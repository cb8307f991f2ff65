//! Policy language and the controls it steers.
//!
//! A [`PolicySet`] is read from files; [`PersonalData`] and [`LexicalScreen`] are the [`Control`]s made
//! from it. On the way in the screen comes first, so that it reads what the caller wrote; on the way
//! back it comes last, so that it reads what the caller will read.

mod caller;
mod control;
mod coreference;
pub mod document;
mod keeping;
mod language;
mod lexical;
mod nesting;
mod personal;
mod policy;
mod pseudonym;
pub mod reply;
mod screen;
mod set;
pub mod slot;
mod substitute;
mod tally;
mod token_ids;
mod treatment;
mod trial;
mod unescape;
mod window;

pub use caller::Caller;
pub use control::{
    Action, Control, Denial, Enforcement, Fault, Findings, Hit, Outcome, Pass, Place, Verdict,
};
pub use keeping::{Keeper, NotKept, Pair, Promise};
pub use lexical::LexicalScreen;
pub use personal::PersonalData;
pub use pseudonym::PseudonymKey;
pub use reply::{Channel, Delta, Part};
pub use set::PolicySet;
pub use slot::{EditError, Kind, Role, Slot, Slots};
pub use token_ids::TokenIds;
pub use trial::TestReport;
